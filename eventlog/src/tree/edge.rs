//! The right edge of the tree: what has to be known of it to let it grow.

use super::hash::{TreeHash, fold_right, perfect_parts, root_of};
use super::tile::TILE_WIDTH;

/// A full tile that a new leaf has completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullTile {
    /// Its level.
    pub level: u8,
    /// Its index.
    pub index: u64,
    /// Its 256 hashes.
    pub hashes: Vec<TreeHash>,
    /// The root over them: a hash of the tile above.
    pub root: TreeHash,
}

/// The compact range over all leaves so far, kept as the unfinished tile of each level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightEdge {
    size: u64,
    unfinished: Vec<Vec<TreeHash>>,
}

impl RightEdge {
    /// The edge of a tree of `size` leaves, from the hashes of the unfinished tile of each level
    /// (level 0 first, empty ones included). `None` unless their counts are those of that size.
    pub fn restore(size: u64, unfinished: Vec<Vec<TreeHash>>) -> Option<Self> {
        let mut counts = size;
        for tile in &unfinished {
            if u64::try_from(tile.len()).ok()? != counts % u64::from(TILE_WIDTH) {
                return None;
            }
            counts /= u64::from(TILE_WIDTH);
        }
        (counts == 0).then_some(Self { size, unfinished })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf and adds the tiles that it completes to `full`.
    pub fn push(&mut self, leaf: TreeHash, full: &mut Vec<FullTile>) {
        self.size += 1;
        let mut carried = Some(leaf);
        let mut count = self.size;
        for level in 0_u8.. {
            let Some(hash) = carried.take() else { return };
            if self.unfinished.len() <= usize::from(level) {
                self.unfinished.push(Vec::new());
            }
            let Some(tile) = self.unfinished.get_mut(usize::from(level)) else { return };
            tile.push(hash);
            if tile.len() == usize::from(TILE_WIDTH) {
                count /= u64::from(TILE_WIDTH);
                let hashes = std::mem::take(tile);
                let root = root_of(&hashes);
                full.push(FullTile { level, index: count - 1, hashes, root });
                carried = Some(root);
            }
        }
    }

    /// The root of the tree (RFC 6962 §2.1).
    pub fn root(&self) -> TreeHash {
        let parts: Vec<TreeHash> = self.unfinished.iter().rev().flat_map(|tile| perfect_parts(tile)).collect();
        fold_right(&parts).unwrap_or_else(TreeHash::empty)
    }
}
