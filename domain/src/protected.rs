//! Values that must be stored but never shown.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// A secret inside an event body: a password hash, a shared TOTP secret. It serialises (the body is
/// sealed before it is written) and never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Protected(String);

impl Protected {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Protected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[protected]")
    }
}

impl Drop for Protected {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
