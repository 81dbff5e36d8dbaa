//! See `events`.

mod events;

pub use events::{SessionEndCause, SessionEvent};
