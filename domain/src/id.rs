//! Identifiers. Every one is a UUIDv7 made by the caller; a newtype each, so that a session cannot be
//! passed where a device is meant.

use chrono::{DateTime, Utc};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Makes a UUIDv7 (RFC 9562 §5.7) from the given moment and generator.
pub fn uuid_v7(at: DateTime<Utc>, rng: &mut (impl Rng + ?Sized)) -> Uuid {
    let mut random = [0_u8; 10];
    rng.fill_bytes(&mut random);
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, ordered by `at`.
            pub fn new(at: DateTime<Utc>, rng: &mut (impl Rng + ?Sized)) -> Self {
                Self(uuid_v7(at, rng))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A person's account. Also the pseudonymous `subject` under which the log keeps their events.
    AccountId;
    /// An authenticator bound to an account (NIST SP 800-63B-4 §4).
    CredentialId;
    /// One attempt at proving something: a ceremony.
    CeremonyId;
    /// A browser or app as seen by one account.
    DeviceId;
    /// A signed-in session.
    SessionId;
    /// One event, unique in the log.
    EventId;
    /// All that one request caused.
    CorrelationId;
}

impl DeviceId {
    /// The device of `account` behind the device cookie `cookie`. Derived, so that two accounts that
    /// share a browser cannot be linked to each other by comparing device identifiers.
    pub fn derive(cookie: Uuid, account: AccountId) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(b"vitne device v1");
        hash.update(cookie.as_bytes());
        hash.update(account.0.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}
