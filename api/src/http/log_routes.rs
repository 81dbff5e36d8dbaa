//! The log's public face: its signed checkpoint and the hash tiles (C2SP tlog-tiles). What events say,
//! and their headers, are not public.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use vitne_eventlog::tree::{Tile, Tree, TreeError};

use super::fault::Fault;

/// A full tile never changes; a partial one is replaced by a fuller one under another name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// `/log/checkpoint` and `/log/tile/…`.
pub fn routes(tree: Tree) -> Router {
    Router::new().route("/log/checkpoint", get(checkpoint)).route("/log/tile/{*path}", get(tile)).with_state(tree)
}

async fn checkpoint(State(tree): State<Tree>) -> Response {
    match tree.checkpoint().await {
        Ok(Some(checkpoint)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
                (header::CACHE_CONTROL, NEVER),
            ];
            (headers, checkpoint.note).into_response()
        }
        Ok(None) => Fault::NotFound.into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn tile(State(tree): State<Tree>, Path(path): Path<String>) -> Response {
    let Ok(tile) = format!("tile/{path}").parse::<Tile>() else { return Fault::NotFound.into_response() };
    match tree.tile(tile).await {
        Ok(Some(hashes)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
                (header::CACHE_CONTROL, FOR_EVER),
            ];
            (headers, hashes).into_response()
        }
        Ok(None) => Fault::NotFound.into_response(),
        Err(error) => unavailable(&error),
    }
}

fn unavailable(error: &TreeError) -> Response {
    tracing::error!(event = "log.unavailable", error = %error);
    Fault::Unavailable { retry_after: Duration::from_secs(1) }.into_response()
}
