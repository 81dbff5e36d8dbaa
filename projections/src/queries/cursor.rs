//! Cursors: opaque, authenticated, and good for one person and one filter only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use vitne_domain::id::AccountId;

use super::ActivityFilter;

const LABEL: &[u8] = b"vitne activity cursor v1";
const TAG: usize = 16;

/// Why a cursor was refused. Callers see one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not a cursor at all.
    #[error("it is not a cursor")]
    Malformed,
    /// Changed, or made with another key, for another person, or for another filter.
    #[error("it belongs to another list")]
    Foreign,
}

/// The key that cursors are authenticated with, given by the caller.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey([protected])")
    }
}

impl CursorKey {
    /// Takes a key of 32 random or derived bytes.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn mac(&self, subject: AccountId, filter: &ActivityFilter, sequence: u64) -> Option<Hmac<Sha256>> {
        let filter = Sha256::digest(serde_json::to_vec(filter).ok()?);
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(LABEL);
        mac.update(subject.0.as_bytes());
        mac.update(&filter);
        mac.update(&sequence.to_be_bytes());
        Some(mac)
    }

    /// The cursor of the entry with this sequence in the list of this person and filter.
    pub(super) fn seal(&self, subject: AccountId, filter: &ActivityFilter, sequence: u64) -> String {
        let tag = self.mac(subject, filter, sequence).map(|mac| mac.finalize().into_bytes());
        let mut bytes = sequence.to_be_bytes().to_vec();
        bytes.extend(tag.iter().flatten().take(TAG));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The sequence in a cursor made for this person and filter.
    pub(super) fn open(&self, subject: AccountId, filter: &ActivityFilter, cursor: &str) -> Result<u64, CursorError> {
        if cursor.len() > 64 {
            return Err(CursorError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError::Malformed)?;
        let (sequence, tag) = bytes.split_first_chunk::<8>().ok_or(CursorError::Malformed)?;
        if tag.len() != TAG {
            return Err(CursorError::Malformed);
        }
        let sequence = u64::from_be_bytes(*sequence);
        let mac = self.mac(subject, filter, sequence).ok_or(CursorError::Malformed)?;
        mac.verify_truncated_left(tag).map_err(|_| CursorError::Foreign)?;
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::activity::Category;

    fn person(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    #[test]
    fn a_cursor_opens_only_where_it_was_made() {
        let key = CursorKey::new([7; 32]);
        let all = ActivityFilter::default();
        let some = ActivityFilter { categories: vec![Category::SignIn], ..ActivityFilter::default() };
        let cursor = key.seal(person(1), &all, 4711);
        assert_eq!(key.open(person(1), &all, &cursor), Ok(4711));
        assert_eq!(key.open(person(2), &all, &cursor), Err(CursorError::Foreign));
        assert_eq!(key.open(person(1), &some, &cursor), Err(CursorError::Foreign));
        assert_eq!(CursorKey::new([8; 32]).open(person(1), &all, &cursor), Err(CursorError::Foreign));
    }

    #[test]
    fn a_changed_cursor_is_refused() {
        let key = CursorKey::new([7; 32]);
        let all = ActivityFilter::default();
        let cursor = key.seal(person(1), &all, 4711);
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("ours");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(key.open(person(1), &all, &changed), Err(CursorError::Foreign), "byte {at}");
        }
        for not_one in ["", "a", "AAAA", "åäö", &cursor[..cursor.len() - 3], &"A".repeat(10_000)] {
            assert_eq!(key.open(person(1), &all, not_one), Err(CursorError::Malformed), "{not_one:.20}");
        }
    }
}
