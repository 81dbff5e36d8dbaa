//! Hashing of the tree (RFC 6962 §2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// A SHA-256 hash of a leaf, of an inner node or of the whole tree. Prints as base64, the form in
/// which checkpoints and proofs carry it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// The hash in a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The hash behind its base64 form; `None` if it is not 32 bytes in standard base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&STANDARD.decode(text).ok()?)
    }

    /// The hash of a tree without leaves: SHA-256 of nothing.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf: SHA-256(0x00 ‖ data).
    pub fn leaf(data: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(data);
        Self(hash.finalize().into())
    }

    /// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
    pub fn node(left: Self, right: Self) -> Self {
        let mut hash = Sha256::new();
        hash.update([1]);
        hash.update(left.0);
        hash.update(right.0);
        Self(hash.finalize().into())
    }
}

impl std::fmt::Display for TreeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl std::fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The hash of a tree over `hashes`, which are the roots of perfect subtrees of one size, except that
/// the count need not be a power of two (RFC 6962 §2.1, on hashes instead of leaves).
pub(crate) fn root_of(hashes: &[TreeHash]) -> TreeHash {
    fold_right(&perfect_parts(hashes)).unwrap_or_else(TreeHash::empty)
}

/// The roots of the largest perfect subtrees over `hashes`, from left to right.
pub(crate) fn perfect_parts(mut hashes: &[TreeHash]) -> Vec<TreeHash> {
    let mut parts = Vec::new();
    while let Some(bits) = hashes.len().checked_ilog2() {
        let (part, rest) = hashes.split_at(1 << bits);
        parts.push(perfect_root(part));
        hashes = rest;
    }
    parts
}

/// The root over a power of two of hashes.
fn perfect_root(hashes: &[TreeHash]) -> TreeHash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| TreeHash::node(*left, *right)).collect();
    }
    row.first().copied().unwrap_or_else(TreeHash::empty)
}

/// Joins subtrees of falling size, given from left to right, into one root.
pub(crate) fn fold_right(parts: &[TreeHash]) -> Option<TreeHash> {
    let (last, rest) = parts.split_last()?;
    Some(rest.iter().rev().fold(*last, |right, left| TreeHash::node(*left, right)))
}

/// The concatenation of hashes, as tiles and runs store them.
pub(crate) fn to_bytes(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes in a concatenation; `None` if its length is no multiple of 32.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<TreeHash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.iter().copied().map(TreeHash).collect())
}
