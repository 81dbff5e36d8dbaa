//! See `events`.

mod events;

pub use events::{DeviceEvent, DeviceKind, Platform, TrustDropCause};
