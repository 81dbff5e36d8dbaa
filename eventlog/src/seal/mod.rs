//! Sealing: bodies and network contexts are readable only while their keys live.
//!
//! The key of a part is derived from two secrets: the subject's and the epoch's. Destroying either
//! ends the readability of every ciphertext that needs it, without touching the log.

mod canonical;
mod cipher;
mod encryption;
mod secret;
#[cfg(test)]
mod tests;
mod vault;

pub use canonical::{NotCanonical, canonical_json};
pub use cipher::{Opening, commitment};
pub use encryption::{KeyEncryption, KeyEncryptionError, LocalKeyEncryption};
pub use secret::Secret;
pub use vault::KeyError;

pub(crate) use cipher::{Opened, SealError, open_answer, open_parts, seal_answer, seal_parts};
pub(crate) use vault::{Found, Keys, Need, Vault};
