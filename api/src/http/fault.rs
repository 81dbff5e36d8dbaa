//! Answers to requests that no handler could answer.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request was not handled. Each has a stable code; the body is
/// `{"error": {"code", "message"}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path exists for another method.
    #[error("this path does not take this method")]
    MethodNotAllowed,
    /// The body is larger than the configured limit.
    #[error("the request body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    BodyTimeout,
    /// The connection broke while the body was read.
    #[error("the request body could not be read")]
    BodyUnreadable,
    /// The answer took too long. Whether the request had an effect is not known to the caller: it may be
    /// repeated with the same idempotency key.
    #[error("the request took too long; repeat it with the same idempotency key")]
    Timeout,
    /// A page of another site tried to act.
    #[error("pages of this origin may not act here")]
    ForeignOrigin,
    /// Too much at once, or something that is needed is away.
    #[error("not available at present")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A fault of Vitne's own.
    #[error("something went wrong; the request id names it in the server's log")]
    Internal,
}

impl Fault {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::BodyTimeout => "BODY_TIMEOUT",
            Self::BodyUnreadable => "BODY_UNREADABLE",
            Self::Timeout => "TIMEOUT",
            Self::ForeignOrigin => "FOREIGN_ORIGIN",
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status (RFC 9110 §15).
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::Timeout | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": {"code": self.code(), "message": self.to_string()}}));
        let mut response = (self.status(), body).into_response();
        let retry_after = match self {
            Self::Unavailable { retry_after } => Some(retry_after.as_secs().max(1)),
            Self::Timeout => Some(1),
            _ => None,
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
