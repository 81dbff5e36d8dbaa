//! One line and one measurement for every request. See `docs/reference/logging.md`.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use super::address::truncated;
use super::request::RequestContext;

/// Middleware: writes `http.request` and measures the request. The route's pattern is written, never the
/// path or the query: those may hold what must not be logged.
pub async fn record(context: RequestContext, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let method = known_method(request.method());
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "none".to_owned(),
    };
    let client_id = request.headers().get("x-request-id").and_then(|value| value.to_str().ok()).and_then(plain_id);
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    let labels = [("method", method.to_owned()), ("route", route.clone()), ("status", status.to_string())];
    metrics::histogram!("vitne_http_request_seconds", &labels).record(elapsed.as_secs_f64());
    tracing::info!(
        event = "http.request",
        correlation = %context.correlation(),
        method,
        route,
        status,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        client = context.client_address().map(truncated),
        client_request_id = client_id,
    );
    response
}

/// Methods come from the network: only known ones become labels.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// A client's own request id, if it is short and plain enough to be logged beside ours.
fn plain_id(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (plain && (1..=64).contains(&text.len())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_request_ids_are_logged() {
        assert_eq!(plain_id("0193f3c8-5d0e").as_deref(), Some("0193f3c8-5d0e"));
        for wrong in ["", "a b", "a\"b", "<x>", &"a".repeat(65)] {
            assert_eq!(plain_id(wrong), None, "{wrong}");
        }
    }
}
