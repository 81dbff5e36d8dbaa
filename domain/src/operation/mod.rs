//! See `events`.

mod events;

pub use events::OperationEvent;
