//! See `events`.

mod events;

pub use events::{CeremonyEvent, FailureReason};
