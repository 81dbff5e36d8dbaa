//! What every request must pass and every answer carries.

use std::any::Any;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;

use super::fault::Fault;
use super::origin::OriginCheck;
use super::request::RequestContext;

/// How much of a body that is too large is read for the sake of an answer, in bytes.
const MOST_DRAINED: usize = 1 << 20;

/// The bounds of a request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest body, in bytes.
    pub body: usize,
    /// How long body and answer may take together.
    pub time: Duration,
}

/// Middleware: reads the body within its bounds, and gives the answer its time. Bodies are small here, so
/// reading them first keeps a slow sender from holding anything but its connection.
pub async fn bound(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let deadline = tokio::time::Instant::now() + bounds.time;
    let (parts, body) = request.into_parts();
    if declared_length(&parts.headers).is_some_and(|length| length > bounds.body as u64) {
        let _ = tokio::time::timeout_at(deadline, drain(body)).await;
        return Fault::BodyTooLarge { limit: bounds.body }.into_response();
    }
    let body = match tokio::time::timeout_at(deadline, to_bytes(body, bounds.body)).await {
        Err(_elapsed) => return Fault::BodyTimeout.into_response(),
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_length_limit(&error) => {
            return Fault::BodyTooLarge { limit: bounds.body }.into_response();
        }
        Ok(Err(_)) => return Fault::BodyUnreadable.into_response(),
    };
    let answer = next.run(Request::from_parts(parts, Body::from(body)));
    match tokio::time::timeout_at(deadline, answer).await {
        Ok(response) => response,
        Err(_elapsed) => {
            metrics::counter!("vitne_http_timeouts_total").increment(1);
            Fault::Timeout.into_response()
        }
    }
}

/// Reads a body that is too large and throws it away, up to a bound: a connection closed on a sender who
/// still writes is reset, and the answer that says why is lost with it.
async fn drain(body: Body) {
    let (mut frames, mut left) = (body.into_data_stream(), MOST_DRAINED);
    while let (Some(Ok(frame)), true) = (frames.next().await, left > 0) {
        left = left.saturating_sub(frame.len());
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        // The limiter's error type belongs to a crate that is not ours to name; its text is stable.
        if error.to_string() == "length limit exceeded" {
            return true;
        }
        source = error.source();
    }
    false
}

/// Middleware: another site's page may not act, whatever it carries. Reads are left to cookies' rules.
pub async fn refuse_foreign_pages(context: RequestContext, request: Request, next: Next) -> Response {
    let acts = !request.method().is_safe() || request.headers().contains_key(header::UPGRADE);
    if acts && context.origin() == OriginCheck::Foreign {
        return Fault::ForeignOrigin.into_response();
    }
    next.run(request).await
}

/// Turns a panic into an answer. The panic itself is logged by the hook in [`crate::logging`].
pub fn on_panic(_panic: Box<dyn Any + Send + 'static>) -> Response {
    metrics::counter!("vitne_http_panics_total").increment(1);
    Fault::Internal.into_response()
}

const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Middleware: the headers of every answer. A handler that has set one of them keeps its own.
pub async fn protect(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut usual = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    usual(header::CONTENT_SECURITY_POLICY, CSP);
    usual(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    usual(header::X_FRAME_OPTIONS, "DENY");
    usual(header::REFERRER_POLICY, "no-referrer");
    usual(header::CACHE_CONTROL, "no-store");
    usual(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    usual(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    usual(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if https {
        usual(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    response
}
