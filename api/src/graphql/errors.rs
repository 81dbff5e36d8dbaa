//! Errors: faults of Vitne's own, and questions that cannot be answered. Each has a stable code; none tells
//! what went wrong inside, which stands in the server's log under the correlation id.

use std::time::Duration;

use async_graphql::{Error, ErrorExtensions};
use vitne_projections::queries::QueryError;

use crate::http::RequestContext;
use crate::service::{Refusal, ServiceError};

/// Something that is needed is away.
pub(crate) const UNAVAILABLE: &str = "UNAVAILABLE";
/// A fault of Vitne's own.
pub(crate) const INTERNAL: &str = "INTERNAL";
/// Too much at once.
pub(crate) const BUSY: &str = "BUSY";
/// Too many requests of this caller.
pub(crate) const THROTTLED: &str = "THROTTLED";
/// A read model is behind the position asked for.
pub(crate) const BEHIND: &str = "BEHIND";

/// An error with a code.
pub(crate) fn coded(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

fn later(code: &'static str, message: &str, retry_after: Duration) -> Error {
    let seconds = seconds(retry_after);
    coded(code, message).extend_with(|_, extensions| extensions.set("retryAfter", seconds))
}

/// Whole seconds, rounded up: trying again after them is never too early.
pub(crate) fn seconds(duration: Duration) -> u32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(whole.max(1)).unwrap_or(u32::MAX)
}

/// What a service did not do, where there is no payload to say so.
pub(crate) fn from_service(request: &RequestContext, error: ServiceError) -> Error {
    match error {
        ServiceError::Refused(Refusal::Throttled { retry_after }) => {
            later(THROTTLED, "too many requests; try again later", retry_after)
        }
        ServiceError::Refused(refusal) => coded("REFUSED", refusal.to_string()),
        ServiceError::Busy { retry_after } => later(BUSY, "too much at once; try again later", retry_after),
        ServiceError::Unavailable(reason) => unavailable(request, &reason),
        ServiceError::Internal(reason) => internal(request, &reason),
        ServiceError::AlreadyAnswered(_) => internal(request, "an answer was not opened"),
    }
}

/// Why a read model could not be asked.
pub(crate) fn from_query(request: &RequestContext, error: &QueryError) -> Error {
    match error {
        QueryError::Cursor(_) => coded("BAD_CURSOR", "this cursor is not of this list; ask for the first page again"),
        QueryError::PageSize(_) => coded("BAD_PAGE", "ask for 1 to 100 entries"),
        QueryError::Database(error) => unavailable(request, &error.to_string()),
    }
}

/// Something that is needed is away.
pub(crate) fn unavailable(request: &RequestContext, reason: &str) -> Error {
    tracing::error!(event = "graphql.unavailable", correlation = %request.correlation(), reason);
    later(UNAVAILABLE, "not available at present; try again later", Duration::from_secs(1))
}

/// A fault of Vitne's own.
pub(crate) fn internal(request: &RequestContext, reason: &str) -> Error {
    tracing::error!(event = "graphql.fault", correlation = %request.correlation(), reason);
    coded(INTERNAL, "something went wrong; the correlation id names it in the server's log")
}
