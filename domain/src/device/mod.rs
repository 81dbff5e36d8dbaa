//! A device: a browser or app as one account knows it, by a signed cookie and by nothing else.

mod aggregate;
mod command;
mod events;

pub use aggregate::{Device, MAX_TRUST_DAYS};
pub use command::{DeviceCommand, DeviceError};
pub use events::{DeviceEvent, DeviceKind, Platform, TrustDropCause};

#[cfg(test)]
mod tests;
