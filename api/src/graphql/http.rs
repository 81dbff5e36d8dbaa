//! The endpoint: GraphQL over HTTP, and the upgrade to a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Response as Executed, Value};
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

use super::VitneSchema;
use super::admission::{self, NOT_ACCEPTABLE, NOT_JSON, NOT_POST, Refused};
use super::authority::Asked;
use super::errors;
use super::live::{self, Places};
use super::loaders::loaders;
use super::state::GraphqlState;
use crate::http::RequestContext;

/// The longest that a request is executed.
const EXECUTION_TIME: Duration = Duration::from_secs(10);
/// The largest body, in bytes; the server's own limit may be smaller.
const MAX_BODY: usize = 65_536;

const GRAPHQL_JSON: &str = "application/graphql-response+json";
const PLAIN_JSON: &str = "application/json";

/// What answers at `/graphql`. Cheap to clone.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) schema: VitneSchema,
    pub(super) state: GraphqlState,
    pub(super) places: Arc<Places>,
}

impl Endpoint {
    pub(super) fn new(schema: VitneSchema, state: GraphqlState) -> Self {
        Self { schema, state, places: Arc::default() }
    }
}

/// `POST /graphql`, and `GET /graphql` with an upgrade.
pub(super) async fn serve(State(endpoint): State<Endpoint>, context: RequestContext, request: Request) -> Response {
    if request.method() == Method::GET && request.headers().contains_key(header::UPGRADE) {
        let (mut parts, _) = request.into_parts();
        return match axum::extract::WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => live::upgrade(endpoint, context, upgrade),
            Err(rejection) => rejection.into_response(),
        };
    }
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let media = match negotiated(&method, &headers) {
        Ok(media) => media,
        Err(refused) => return refusal(&context, PLAIN_JSON, refused),
    };
    let body = match axum::body::to_bytes(request.into_body(), MAX_BODY).await {
        Ok(body) => body,
        Err(_) => return crate::http::Fault::BodyTooLarge { limit: MAX_BODY }.into_response(),
    };
    execute(&endpoint, context, media, body).await
}

/// Checks method and media types; tells the media type of the answer.
fn negotiated(method: &Method, headers: &HeaderMap) -> Result<&'static str, Refused> {
    if method != Method::POST {
        return Err(NOT_POST);
    }
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(PLAIN_JSON));
    let is_utf8 = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if !is_json || !is_utf8 {
        return Err(NOT_JSON);
    }
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accepted.peek().is_none() {
        return Ok(PLAIN_JSON);
    }
    let mut plain = false;
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let refused =
            parts.any(|part| matches!(part.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        match kind.as_str() {
            _ if refused => {}
            GRAPHQL_JSON => return Ok(GRAPHQL_JSON),
            PLAIN_JSON | "application/*" | "*/*" => plain = true,
            _ => {}
        }
    }
    if plain { Ok(PLAIN_JSON) } else { Err(NOT_ACCEPTABLE) }
}

async fn execute(endpoint: &Endpoint, context: RequestContext, media: &'static str, body: Bytes) -> Response {
    let request = match admission::admit(&body) {
        Ok(request) => request,
        Err(refused) => return refusal(&context, media, refused),
    };
    let request = request.data(Asked::new(context.clone())).data(loaders(endpoint.state.pool().clone()));
    match tokio::time::timeout(EXECUTION_TIME, endpoint.schema.execute(request)).await {
        Ok(executed) => answer(&context, media, executed),
        Err(_elapsed) => {
            metrics::counter!("vitne_graphql_timeouts_total").increment(1);
            refusal(
                &context,
                media,
                Refused {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    code: "TIMEOUT",
                    message: "the request took too long; repeat it with the same idempotency key",
                },
            )
        }
    }
}

/// Gives every error a code and the correlation id. What the executor itself says of a document has no code
/// yet; it is about the document alone.
pub(super) fn dress(context: &RequestContext, mut executed: Executed) -> Executed {
    for error in &mut executed.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            let code = match error.message.as_str() {
                "Query is nested too deep." | "The recursion depth of the query cannot be greater than `32`" => {
                    "TOO_DEEP"
                }
                "Query is too complex." => "TOO_COMPLEX",
                _ => "BAD_REQUEST",
            };
            extensions.set("code", code);
        }
        extensions.set("correlationId", context.correlation().to_string());
    }
    executed
}

fn answer(context: &RequestContext, media: &'static str, executed: Executed) -> Response {
    let executed = dress(context, executed);
    let (status, retry_after) = outcome(&executed, media);
    let body = serde_json::to_value(&executed).unwrap_or(Json::Null);
    respond(status, media, retry_after, &body)
}

/// The HTTP status of an executed request (GraphQL over HTTP §7): an answer without data is a client error
/// in the media type made for GraphQL and a success in plain JSON; a fault of the server's is a fault in both.
fn outcome(executed: &Executed, media: &str) -> (StatusCode, Option<u64>) {
    let code = |wanted: &str| {
        executed.errors.iter().find(|error| {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            matches!(code, Some(Value::String(code)) if code == wanted)
        })
    };
    let retry_after = |error: &async_graphql::ServerError| match error
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.get("retryAfter"))
    {
        Some(Value::Number(seconds)) => seconds.as_u64(),
        _ => None,
    };
    for busy in [errors::UNAVAILABLE, errors::BUSY] {
        if let Some(error) = code(busy) {
            return (StatusCode::SERVICE_UNAVAILABLE, retry_after(error));
        }
    }
    if code(errors::INTERNAL).is_some() {
        return (StatusCode::INTERNAL_SERVER_ERROR, None);
    }
    if let Some(error) = code(errors::THROTTLED) {
        return (StatusCode::TOO_MANY_REQUESTS, retry_after(error));
    }
    let without_data = executed.data == Value::Null && !executed.errors.is_empty();
    match media {
        GRAPHQL_JSON if without_data => (StatusCode::BAD_REQUEST, None),
        _ => (StatusCode::OK, None),
    }
}

fn refusal(context: &RequestContext, media: &'static str, refused: Refused) -> Response {
    let extensions = json!({ "code": refused.code, "correlationId": context.correlation().to_string() });
    let body = json!({ "errors": [{ "message": refused.message, "extensions": extensions }] });
    let retry_after = (refused.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
    let mut response = respond(refused.status, media, retry_after, &body);
    if refused.status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn respond(status: StatusCode, media: &'static str, retry_after: Option<u64>, body: &Json) -> Response {
    let content_type = match media {
        GRAPHQL_JSON => "application/graphql-response+json; charset=utf-8",
        _ => "application/json; charset=utf-8",
    };
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_negotiated() {
        let json = Some("application/json");
        let cases = [
            (Method::POST, json, None, Ok(PLAIN_JSON)),
            (Method::POST, Some("application/json; charset=UTF-8"), Some("*/*"), Ok(PLAIN_JSON)),
            (Method::POST, json, Some("application/graphql-response+json, application/json;q=0.9"), Ok(GRAPHQL_JSON)),
            (Method::POST, json, Some("application/graphql-response+json;q=0, application/json"), Ok(PLAIN_JSON)),
            (Method::POST, json, Some("text/html"), Err(406)),
            (Method::POST, Some("application/json; charset=latin1"), None, Err(415)),
            (Method::POST, Some("text/plain"), None, Err(415)),
            (Method::POST, Some("multipart/form-data; boundary=x"), None, Err(415)),
            (Method::POST, None, None, Err(415)),
            (Method::GET, json, None, Err(405)),
            (Method::PUT, json, None, Err(405)),
        ];
        for (method, content_type, accept, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::CONTENT_TYPE, content_type), (header::ACCEPT, accept)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            let found = negotiated(&method, &headers).map_err(|refused| refused.status.as_u16());
            assert_eq!(found, expected, "{method} {content_type:?} {accept:?}");
        }
    }
}
