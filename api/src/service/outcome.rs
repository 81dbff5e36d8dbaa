//! What a service answers when it did what was asked.

use serde::{Deserialize, Serialize};
use vitne_eventlog::Position;

/// Something was done, and the log has it up to `position`: a query that waits for it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done<T> {
    /// What came of it.
    pub value: T,
    /// The last position that was written.
    pub position: Position,
}
