//! Inclusion and consistency proofs: made from the hashes of tiles, checked without them.
//! RFC 6962 §2.1.1 and §2.1.2 say what they contain, RFC 9162 §2.1.3.2 and §2.1.4.2 how to check them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;

use super::hash::{TreeHash, fold_right};
use super::tile::{Node, Tile};

/// Why a proof was not made or does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaf, or the older tree is larger than the newer.
    #[error("a tree of {size} leaves has no proof for {asked}")]
    OutOfRange {
        /// The leaf, counted from 0, or the older size.
        asked: u64,
        /// The size of the tree.
        size: u64,
    },
    /// It does not lead to the root that was signed.
    #[error("the proof does not lead to the root of the checkpoint")]
    Refuted,
}

/// Reads the hashes of perfect subtrees, wherever they are kept.
pub trait HashReader: Sync {
    /// Why it cannot.
    type Error: From<ProofError> + Send;

    /// The hash of each node, in the order asked for.
    fn read(&self, nodes: &[Node]) -> impl Future<Output = Result<Vec<TreeHash>, Self::Error>> + Send;
}

/// Reads tiles, wherever they are kept.
pub trait TileReader: Sync {
    /// Why it cannot.
    type Error: From<ProofError> + Send;

    /// The hashes of a tile: exactly as many as its width says.
    fn read_tile(&self, tile: Tile) -> impl Future<Output = Result<Vec<TreeHash>, Self::Error>> + Send;
}

/// Reads the hashes of a tree of `size` leaves out of its tiles, each tile once a call.
#[derive(Clone, Copy, Debug)]
pub struct Tiled<'a, R> {
    /// Where the tiles are.
    pub tiles: &'a R,
    /// The size of the tree, in leaves.
    pub size: u64,
}

impl<R: TileReader> HashReader for Tiled<'_, R> {
    type Error = R::Error;

    async fn read(&self, nodes: &[Node]) -> Result<Vec<TreeHash>, R::Error> {
        let mut read: BTreeMap<Tile, Vec<TreeHash>> = BTreeMap::new();
        let mut hashes = Vec::with_capacity(nodes.len());
        for node in nodes {
            let missing = ProofError::OutOfRange { asked: node.index, size: self.size };
            let (tile, range) = node.place(self.size).ok_or(missing)?;
            if let Entry::Vacant(place) = read.entry(tile) {
                place.insert(self.tiles.read_tile(tile).await?);
            }
            let hash = read.get(&tile).and_then(|tile| Node::hash_in(range, tile)).ok_or(missing)?;
            hashes.push(hash);
        }
        Ok(hashes)
    }
}

/// The largest perfect subtrees over the leaves `from` to `to`, exclusive, from left to right. All
/// ranges that the recursion of RFC 6962 makes begin at a multiple of their size.
fn perfect_nodes(mut from: u64, to: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    while let Some(level) = to.saturating_sub(from).checked_ilog2() {
        nodes.push(Node { level, index: from >> level });
        from += 1 << level;
    }
    nodes
}

/// The largest power of two smaller than `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).checked_ilog2().unwrap_or(0)
}

/// The ranges of leaves whose roots prove leaf `index` in a tree of `size`, from the leaf upwards.
fn inclusion_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to, mut ranges) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The ranges of leaves whose roots prove that a tree of `older` is the beginning of one of `newer`.
fn consistency_ranges(older: u64, newer: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to, mut ranges) = (0, newer, Vec::new());
    while older != to {
        let middle = from + split(to - from);
        if older <= middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    // The verifier has the root of the older tree already when that is the subtree we ended at.
    if from > 0 {
        ranges.push((from, to));
    }
    ranges.reverse();
    ranges
}

/// The roots of ranges, read in one go.
async fn roots<R: HashReader>(reader: &R, ranges: &[(u64, u64)]) -> Result<Vec<TreeHash>, R::Error> {
    let nodes: Vec<Vec<Node>> = ranges.iter().map(|&(from, to)| perfect_nodes(from, to)).collect();
    let hashes = reader.read(&nodes.concat()).await?;
    let mut rest = hashes.as_slice();
    let mut roots = Vec::with_capacity(nodes.len());
    for part in &nodes {
        let missing = ProofError::OutOfRange { asked: 0, size: 0 };
        let (mine, others) = rest.split_at_checked(part.len()).ok_or(missing)?;
        roots.push(fold_right(mine).ok_or(missing)?);
        rest = others;
    }
    Ok(roots)
}

/// The root of the first `size` leaves.
///
/// # Errors
/// Those of the reader.
pub async fn root<R: HashReader>(reader: &R, size: u64) -> Result<TreeHash, R::Error> {
    let hashes = reader.read(&perfect_nodes(0, size)).await?;
    Ok(fold_right(&hashes).unwrap_or_else(TreeHash::empty))
}

/// Proves that the leaf `index` (from 0) is in the tree of `size` leaves (RFC 6962 §2.1.1).
///
/// # Errors
/// [`ProofError::OutOfRange`] if it is not, and those of the reader.
pub async fn inclusion_proof<R: HashReader>(reader: &R, index: u64, size: u64) -> Result<Vec<TreeHash>, R::Error> {
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, size }.into());
    }
    roots(reader, &inclusion_ranges(index, size)).await
}

/// Proves that the tree of `older` leaves is the beginning of the tree of `newer` (RFC 6962 §2.1.2).
/// Nothing has to be proved when either is empty or both are equal: the proof is empty.
///
/// # Errors
/// [`ProofError::OutOfRange`] if `older` is larger, and those of the reader.
pub async fn consistency_proof<R: HashReader>(reader: &R, older: u64, newer: u64) -> Result<Vec<TreeHash>, R::Error> {
    if older > newer {
        return Err(ProofError::OutOfRange { asked: older, size: newer }.into());
    }
    if older == 0 {
        return Ok(Vec::new());
    }
    roots(reader, &consistency_ranges(older, newer)).await
}

/// Checks that `leaf` is the leaf `index` of the tree of `size` leaves with that root
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError::OutOfRange`] for a leaf beyond the tree, [`ProofError::Refuted`] otherwise.
pub fn verify_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: TreeHash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for &other in proof {
        if last == 0 {
            return Err(ProofError::Refuted);
        }
        if place & 1 == 1 || place == last {
            hash = TreeHash::node(other, hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = TreeHash::node(hash, other);
        }
        place >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == root { Ok(()) } else { Err(ProofError::Refuted) }
}

/// Checks that the tree of `older` leaves is the beginning of the tree of `newer`
/// (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`ProofError::OutOfRange`] if `older` is larger, [`ProofError::Refuted`] otherwise.
pub fn verify_consistency(
    (older, older_root): (u64, TreeHash),
    (newer, newer_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if older > newer {
        return Err(ProofError::OutOfRange { asked: older, size: newer });
    }
    let holds = match (older, proof) {
        (0, []) => older_root == TreeHash::empty() && (newer > 0 || newer_root == older_root),
        (0, _) => false,
        _ if older == newer => proof.is_empty() && older_root == newer_root,
        _ => walk_consistency((older, older_root), (newer, newer_root), proof).unwrap_or(false),
    };
    if holds { Ok(()) } else { Err(ProofError::Refuted) }
}

/// The walk of RFC 9162 §2.1.4.2 for 0 < older < newer. `None` if the proof is too short.
fn walk_consistency(
    (older, older_root): (u64, TreeHash),
    (newer, newer_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> Option<bool> {
    let (mut place, mut last) = (older - 1, newer - 1);
    let (start, rest) = match older.is_power_of_two() {
        true => (older_root, proof),
        false => proof.split_first().map(|(first, rest)| (*first, rest))?,
    };
    if rest.is_empty() && older.is_power_of_two() {
        return None;
    }
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (start, start);
    for &other in rest {
        if last == 0 {
            return Some(false);
        }
        if place & 1 == 1 || place == last {
            old = TreeHash::node(other, old);
            new = TreeHash::node(other, new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new = TreeHash::node(new, other);
        }
        place >>= 1;
        last >>= 1;
    }
    Some(last == 0 && old == older_root && new == newer_root)
}
