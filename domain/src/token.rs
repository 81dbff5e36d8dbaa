//! Bearer secrets: what a client holds, and the only form in which the log keeps it.
//!
//! A token carries the identifier of its stream, so that checking it is one lookup, and a 256-bit
//! secret, of which only the SHA-256 is stored. The secret is random over its whole length, so a plain
//! hash is enough (NIST SP 800-63B-4 §3.1.2.2 asks for a password hash below 112 bits only).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroize;

use crate::id::{CeremonyId, SessionId};
use crate::protected::Protected;

/// SHA-256 of a token's secret. Compared in constant time, never printed.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(into = "Protected", try_from = "Protected")]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The form that events keep: base64url without padding.
    pub fn protected(&self) -> Protected {
        Protected::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Reads the form that events keep; `None` if it is not one.
    pub fn from_protected(text: &Protected) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

impl From<SecretHash> for Protected {
    fn from(hash: SecretHash) -> Self {
        hash.protected()
    }
}

impl TryFrom<Protected> for SecretHash {
    type Error = TokenError;
    fn try_from(text: Protected) -> Result<Self, TokenError> {
        Self::from_protected(&text).ok_or(TokenError)
    }
}

/// The text is not a token of this kind. It says no more, because tokens are typed by attackers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a valid token; take it unchanged from where it was given out")]
pub struct TokenError;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident($id:ident, $prefix:literal);)*) => {$(
        $(#[$doc])*
        pub struct $name {
            id: $id,
            secret: [u8; 32],
        }

        impl $name {
            /// What its text begins with, so that secret scanners can find it.
            pub const PREFIX: &'static str = $prefix;

            /// A new token for the stream `id`.
            pub fn new(id: $id, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
                let mut secret = [0_u8; 32];
                rng.fill_bytes(&mut secret);
                Self { id, secret }
            }

            /// The stream that can check it.
            pub const fn id(&self) -> $id {
                self.id
            }

            /// What that stream compares with.
            pub fn secret_hash(&self) -> SecretHash {
                SecretHash::of(&self.secret)
            }

            /// The text that its holder keeps: the one place where the secret leaves this type.
            pub fn expose(&self) -> String {
                let id = URL_SAFE_NO_PAD.encode(self.id.0.as_bytes());
                let secret = URL_SAFE_NO_PAD.encode(self.secret);
                format!("{}{id}.{secret}", Self::PREFIX)
            }
        }

        impl FromStr for $name {
            type Err = TokenError;

            fn from_str(text: &str) -> Result<Self, TokenError> {
                let (id, secret) = parse(text, Self::PREFIX).ok_or(TokenError)?;
                Ok(Self { id: $id(id), secret })
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.id).finish_non_exhaustive()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.secret.zeroize();
            }
        }
    )*};
}

tokens! {
    /// Opens a session: `vts_<id>.<secret>`.
    SessionToken(SessionId, "vts_");
    /// Shows that its holder started a ceremony: `vtc_<id>.<secret>`.
    CeremonyToken(CeremonyId, "vtc_");
    /// Comes back from a link sent by e-mail: `vtl_<id>.<secret>`.
    LinkToken(CeremonyId, "vtl_");
}

/// Splits and decodes. Exactly one text stands for a token: no padding, no stray bits, fixed lengths.
fn parse(text: &str, prefix: &str) -> Option<(Uuid, [u8; 32])> {
    let (id, secret) = text.strip_prefix(prefix)?.split_once('.')?;
    if id.len() != 22 || secret.len() != 43 {
        return None;
    }
    let id: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
    let secret: [u8; 32] = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
    Some((Uuid::from_bytes(id), secret))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn token(seed: u64) -> SessionToken {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let id = SessionId::new(chrono::DateTime::UNIX_EPOCH, &mut rng);
        SessionToken::new(id, &mut rng)
    }

    #[test]
    fn a_token_survives_its_text() {
        let token = token(1);
        let read: SessionToken = token.expose().parse().unwrap();
        assert_eq!(read.id(), token.id());
        assert_eq!(read.secret_hash(), token.secret_hash());
        assert_eq!(SecretHash::from_protected(&token.secret_hash().protected()), Some(token.secret_hash()));
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let text = token(1).expose();
        assert!(text.parse::<CeremonyToken>().is_err());
        assert!(text.parse::<LinkToken>().is_err());
        assert!(text.replace("vts_", "vtc_").parse::<CeremonyToken>().is_ok());
    }

    #[test]
    fn a_token_does_not_print() {
        let token = token(2);
        let text = token.expose();
        let secret = text.split_once('.').unwrap().1;
        assert!(!format!("{token:?}").contains(secret));
        let hash = token.secret_hash();
        assert_eq!(format!("{hash:?}"), "[hash]");
    }

    #[test]
    fn only_the_exact_text_is_read() {
        let text = token(3).expose();
        for wrong in [
            String::new(),
            "vts_".to_owned(),
            "vts_.".to_owned(),
            format!("{text}="),
            format!(" {text}"),
            text.replace('.', "_"),
            text.get(..text.len() - 1).unwrap().to_owned(),
            // The last of 43 characters carries two unused bits: any of them set is another text.
            format!("{}_", text.get(..text.len() - 1).unwrap()),
        ] {
            assert!(wrong.parse::<SessionToken>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,100}") {
            if let Ok(token) = text.parse::<SessionToken>() {
                prop_assert_eq!(token.expose(), text);
            }
        }
    }
}
