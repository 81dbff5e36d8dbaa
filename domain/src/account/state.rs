//! The folded state of an account.

use serde::{Deserialize, Serialize};

/// The folded state of an account. It is itself part of an event (`AccountSummarised`), so its fields
/// are a public interface too: add with `#[serde(default)]`, never rename.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountState {}
