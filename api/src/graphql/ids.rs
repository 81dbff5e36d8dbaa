//! Global ids: opaque, authenticated, and good for one person only.

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use vitne_domain::id::AccountId;

use crate::service::Refusal;

const TAG: usize = 12;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The account's owner.
    Viewer,
    /// An entry of the activity log.
    Entry,
    /// A device.
    Device,
    /// A session.
    Session,
    /// An authenticator.
    Authenticator,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Viewer, Self::Entry, Self::Device, Self::Session, Self::Authenticator];

    const fn byte(self) -> u8 {
        match self {
            Self::Viewer => 1,
            Self::Entry => 2,
            Self::Device => 3,
            Self::Session => 4,
            Self::Authenticator => 5,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Entry => "entry",
            Self::Device => "device",
            Self::Session => "session",
            Self::Authenticator => "authenticator",
        }
    }
}

/// What ids are authenticated with.
#[derive(Clone, Copy)]
pub(crate) struct IdKey([u8; 32]);

impl IdKey {
    /// Derived, so that an id can never be taken for a cursor.
    pub(crate) fn derive(key: &[u8; 32]) -> Self {
        Self(mac(key, &[b"vitne global id key v1"]))
    }

    /// The id of something of this person's.
    pub(crate) fn seal(&self, kind: Kind, owner: AccountId, id: Uuid) -> ID {
        let mut bytes = vec![kind.byte()];
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend(self.tag(kind, owner, id).iter().take(TAG));
        ID(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What an id names, if it is this person's.
    pub(crate) fn open_any(&self, owner: AccountId, id: &ID) -> Option<(Kind, Uuid)> {
        if id.len() > 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(id.as_str()).ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (uuid, tag) = rest.split_first_chunk::<16>()?;
        let kind = Kind::ALL.into_iter().find(|known| known.byte() == *kind)?;
        let uuid = Uuid::from_bytes(*uuid);
        let expected = self.tag(kind, owner, uuid);
        let same = expected.get(..TAG).is_some_and(|expected| bool::from(subtle::ConstantTimeEq::ct_eq(expected, tag)));
        same.then_some((kind, uuid))
    }

    /// The same for an id that must name one kind of thing. A foreign id is refused like one that names
    /// nothing.
    pub(crate) fn open(&self, kind: Kind, owner: AccountId, id: &ID) -> Result<Uuid, Refusal> {
        match self.open_any(owner, id) {
            Some((found, uuid)) if found == kind => Ok(uuid),
            _ => Err(Refusal::NotFound(kind.name())),
        }
    }

    fn tag(&self, kind: Kind, owner: AccountId, id: Uuid) -> [u8; 32] {
        mac(&self.0, &[&[kind.byte()], owner.0.as_bytes(), id.as_bytes()])
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length, so the constructor cannot fail for 32 bytes.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_opens_for_its_owner_and_its_kind_only() {
        let key = IdKey::derive(&[7; 32]);
        let (anna, bo) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let id = key.seal(Kind::Device, anna, Uuid::from_u128(9));
        assert_eq!(key.open(Kind::Device, anna, &id), Ok(Uuid::from_u128(9)));
        assert_eq!(key.open(Kind::Device, bo, &id), Err(Refusal::NotFound("device")));
        assert_eq!(key.open(Kind::Session, anna, &id), Err(Refusal::NotFound("session")));
        assert_eq!(IdKey::derive(&[8; 32]).open_any(anna, &id), None);
        for wrong in ["", "AA", "åäö", &id[..id.len() - 1], &"A".repeat(10_000)] {
            assert_eq!(key.open_any(anna, &ID(wrong.to_owned())), None, "{wrong:.20}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(id.as_str()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(key.open_any(anna, &ID(URL_SAFE_NO_PAD.encode(changed))), None, "byte {at}");
        }
    }
}
