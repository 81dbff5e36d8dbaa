//! Whether the process lives, and whether it should be sent requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

const CHECK_TIME: Duration = Duration::from_secs(2);

/// Why a part is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct NotReady {
    /// A stable code, such as `DATABASE_UNREACHABLE`.
    pub code: &'static str,
    /// What is wrong, without anything secret.
    pub message: String,
}

/// A part of the server whose state decides whether it is ready.
#[async_trait]
pub trait Probe: Send + Sync {
    /// The part's name.
    fn name(&self) -> &'static str;
    /// Looks.
    async fn check(&self) -> Result<(), NotReady>;
}

/// All parts.
pub type Probes = Arc<Vec<Box<dyn Probe>>>;

#[derive(Serialize)]
struct Finding {
    part: &'static str,
    #[serde(flatten)]
    reason: NotReady,
}

/// `GET /health/live`: the process answers.
pub async fn live() -> Response {
    Json(json!({"status": "LIVE"})).into_response()
}

/// `GET /health/ready`: 200 when every part is ready, 503 with the reasons otherwise.
pub async fn ready(State(probes): State<Probes>) -> Response {
    let checks = probes.iter().map(|probe| async move {
        let late = NotReady { code: "TOO_SLOW", message: format!("no answer within {CHECK_TIME:?}") };
        let result = tokio::time::timeout(CHECK_TIME, probe.check()).await.unwrap_or(Err(late));
        result.err().map(|reason| Finding { part: probe.name(), reason })
    });
    let findings: Vec<Finding> = futures::future::join_all(checks).await.into_iter().flatten().collect();
    if findings.is_empty() {
        Json(json!({"status": "READY"})).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "NOT_READY", "reasons": findings}))).into_response()
    }
}
