//! See `events`.

mod events;

pub use events::{ClaimEvent, ClaimKind, ReleaseCause};
