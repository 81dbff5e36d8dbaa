//! The activity log: one entry for each ceremony or request, with its steps and effects.

mod kinds;
mod row;

pub use kinds::{Category, EntryType, Outcome, ReviewState, Severity};
pub use row::{Achieved, ActivityRow, CredentialRef, DeviceRef, Effect, EventRef, Place, Redaction, Requested, Step};
