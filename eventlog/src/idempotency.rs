//! The same request twice gets the first answer twice.

use crate::Position;

/// A caller's key, within a scope (a ceremony, a session, an address), bound to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is, so that keys of different callers cannot meet.
    pub scope: String,
    /// The caller's key, at most 200 bytes.
    pub key: String,
    /// SHA-256 of the request, so that a key cannot be used for another one.
    pub request: [u8; 32],
}

/// What was answered the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstAnswer {
    /// The last position the first request wrote.
    pub position: Position,
    /// The answer, as given to [`crate::Unit::answer`]; opened.
    pub answer: Vec<u8>,
}
