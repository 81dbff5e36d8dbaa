//! The key-encryption key, behind a trait so that it can live in a key service.

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

use super::Secret;

/// Why a secret could not be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum KeyEncryptionError {
    /// The wrapped bytes were made under another key, or changed.
    #[error("the wrapped secret does not open with key-encryption key {0}; is it the key this log was written with?")]
    Refused(String),
    /// The key service is away.
    #[error("the key service is unavailable: {0}")]
    Unavailable(String),
}

/// Wraps the log's secrets, so that the database alone reads nothing.
#[async_trait]
pub trait KeyEncryption: Send + Sync {
    /// Names the key. Two keys never share a name.
    fn id(&self) -> &str;

    /// Wraps a secret. `binding` names the row it belongs to: it is authenticated, so that rows cannot
    /// be exchanged. `nonce` is fresh randomness, for implementations that need some.
    async fn wrap(&self, secret: &Secret, binding: &[u8], nonce: [u8; 24]) -> Result<Vec<u8>, KeyEncryptionError>;

    /// Unwraps what [`KeyEncryption::wrap`] made, with the same binding.
    async fn unwrap(&self, wrapped: &[u8], binding: &[u8]) -> Result<Secret, KeyEncryptionError>;
}

/// A key held in memory. Where its 32 bytes come from (a file, the environment) is the caller's business.
pub struct LocalKeyEncryption {
    id: String,
    key: Secret,
}

impl LocalKeyEncryption {
    /// A key-encryption key of 32 bytes. Its name is derived from it.
    pub fn new(key: [u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"vitne key id v1").chain_update(key).finalize();
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { id: format!("local:{id}"), key: Secret::new(key) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key.expose()))
    }
}

#[async_trait]
impl KeyEncryption for LocalKeyEncryption {
    fn id(&self) -> &str {
        &self.id
    }

    async fn wrap(&self, secret: &Secret, binding: &[u8], nonce: [u8; 24]) -> Result<Vec<u8>, KeyEncryptionError> {
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: secret.expose(), aad: binding })
            .map_err(|_| KeyEncryptionError::Refused(self.id.clone()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    async fn unwrap(&self, wrapped: &[u8], binding: &[u8]) -> Result<Secret, KeyEncryptionError> {
        let refused = || KeyEncryptionError::Refused(self.id.clone());
        let (nonce, sealed) = wrapped.split_first_chunk::<24>().ok_or_else(refused)?;
        let mut plain = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: binding })
            .map_err(|_| refused())?;
        let bytes = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| refused());
        zeroize::Zeroize::zeroize(&mut plain);
        bytes.map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wrapped_secret_opens_only_with_its_key_and_in_its_row() {
        let (ours, other) = (LocalKeyEncryption::new([1; 32]), LocalKeyEncryption::new([2; 32]));
        let wrapped = ours.wrap(&Secret::new([7; 32]), b"row a", [9; 24]).await.unwrap();
        assert_eq!(ours.unwrap(&wrapped, b"row a").await.unwrap().expose(), &[7; 32]);
        assert!(ours.unwrap(&wrapped, b"row b").await.is_err());
        assert!(other.unwrap(&wrapped, b"row a").await.is_err());
        assert!(ours.unwrap(&wrapped[..10], b"row a").await.is_err());
        assert_ne!(ours.id(), other.id());
    }
}
