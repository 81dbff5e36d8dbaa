//! Keys that the services derive things with. They never leave this module.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use vitne_domain::id::{AccountId, CeremonyId};
use zeroize::Zeroizing;

/// The deployment's identifier key, and what is derived from it.
#[derive(Clone)]
pub struct ServiceKeys {
    identifier: Zeroizing<[u8; 32]>,
    link: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKeys([protected])")
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length, so the constructor cannot fail for 32 bytes.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl ServiceKeys {
    /// Derives all keys from the deployment's identifier key.
    pub fn new(identifier_key: [u8; 32]) -> Self {
        let link = mac(&identifier_key, &[b"vitne e-mail link key v1"]);
        Self { identifier: Zeroizing::new(identifier_key), link: Zeroizing::new(link) }
    }

    /// The key that claims are indexed with.
    pub fn identifier(&self) -> &[u8; 32] {
        &self.identifier
    }

    /// The secret of a ceremony's e-mail link. Derived, so that the follower that sends the
    /// mail can make it from the log alone, while the log keeps only its hash.
    pub fn link_secret(&self, ceremony: CeremonyId) -> [u8; 32] {
        mac(&self.link, &[ceremony.0.as_bytes()])
    }

    /// The stand-in for an account that does not exist: attempts against an unknown identifier are
    /// counted and delayed on a stream of their own, by the very code that serves known accounts.
    pub fn shadow_account(&self, claim_id: &str) -> AccountId {
        let digest = mac(&self.identifier, &[b"vitne shadow account v1", claim_id.as_bytes()]);
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        AccountId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// A keyed hash of a request, by which a repeated one is recognised.
    pub fn request_hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut all: Vec<&[u8]> = vec![b"vitne request v1"];
        all.extend(parts);
        mac(&self.identifier, &all)
    }

    /// A keyed hash for limits, so that the limits table holds neither addresses nor identifiers.
    pub fn limit_key(&self, scope: &str, value: &[u8]) -> Uuid {
        let digest = mac(&self.identifier, &[b"vitne limit v1", scope.as_bytes(), value]);
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}
