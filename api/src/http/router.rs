//! Every route, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;

use super::fault::Fault;
use super::guard::{self, Bounds};
use super::health::{self, Probes};
use super::request::{self, RequestSettings};
use super::{metrics, request_log};

/// What the frame around the routes needs.
pub struct Frame {
    /// How requests are read.
    pub requests: Arc<RequestSettings>,
    /// Bounds of a request.
    pub bounds: Bounds,
    /// Whether browsers come over TLS.
    pub https: bool,
    /// What must be ready.
    pub probes: Probes,
    /// Measurements, when they are served on the same listener.
    pub metrics: Option<PrometheusHandle>,
}

/// Puts the frame around the given routes. A request passes, in this order: its context, its log line,
/// the headers of its answer, the panic catcher, the origin check, its bounds, its route.
pub fn framed(routes: Router, frame: Frame) -> Router {
    let health = Router::new().route("/health/live", get(health::live)).route("/health/ready", get(health::ready));
    let mut routes = routes.merge(health.with_state(frame.probes));
    if let Some(handle) = frame.metrics {
        routes = routes.merge(Router::new().route("/metrics", get(metrics::local)).with_state(handle));
    }
    routes
        .fallback(|| async { Fault::NotFound })
        .method_not_allowed_fallback(|| async { Fault::MethodNotAllowed })
        .layer(from_fn_with_state(frame.bounds, guard::bound))
        .layer(from_fn(guard::refuse_foreign_pages))
        .layer(CatchPanicLayer::custom(guard::on_panic))
        .layer(from_fn_with_state(frame.https, guard::protect))
        .layer(from_fn(request_log::record))
        .layer(from_fn_with_state(frame.requests, request::attach))
}

/// The routes of the listener that serves measurements alone.
pub fn metrics_only(handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(metrics::own)).with_state(handle).fallback(|| async { Fault::NotFound })
}

#[cfg(test)]
mod tests;
