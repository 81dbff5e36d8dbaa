//! Measurements for Prometheus.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::fault::Fault;

/// Seconds; from a session check to a password hash in a long queue.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process; made at the first call. Measurements are the process's, not a server's.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.build_recorder();
    let handle = recorder.handle();
    // Whoever was first keeps the process's recorder; the handle of the other would show nothing.
    if metrics::set_global_recorder(recorder).is_ok() {
        let _ = HANDLE.set(handle.clone());
    }
    Ok(HANDLE.get().cloned().unwrap_or(handle))
}

fn render(handle: &PrometheusHandle) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}

/// `GET /metrics` on a listener of its own.
pub async fn own(State(handle): State<PrometheusHandle>) -> Response {
    render(&handle)
}

/// `GET /metrics` on the server's listener: for this machine only, and not through a proxy on it.
pub async fn local(
    State(handle): State<PrometheusHandle>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Response {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name));
    let peer: Option<IpAddr> = peer.map(|info| info.0.0.ip().to_canonical());
    match peer {
        Some(peer) if peer.is_loopback() && !forwarded => render(&handle),
        _ => Fault::NotFound.into_response(),
    }
}
