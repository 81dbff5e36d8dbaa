//! Tiles: the tree cut into pieces of 256 hashes (C2SP tlog-tiles).
//!
//! A tile of level `L` and index `N` holds the hashes of the perfect subtrees of `256^L` leaves with
//! numbers `256 N` to `256 N + 255`. Everything between those rows is hashed on demand.

use std::fmt;
use std::str::FromStr;

use super::hash::{TreeHash, root_of};

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;
/// log2 of [`TILE_WIDTH`]: how many levels of the tree a tile spans.
pub const TILE_HEIGHT: u32 = 8;

/// A perfect subtree: the leaves `index << level` to `(index + 1) << level`, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// log2 of the number of leaves.
    pub level: u32,
    /// Its number among the subtrees of that size, from 0 at the left.
    pub index: u64,
}

/// The name of a tile. Written and read as its path, `tile/<L>/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// 0 for leaf hashes.
    pub level: u8,
    /// Its number in its level, from 0.
    pub index: u64,
    /// How many hashes it holds: 1 to 256.
    pub width: u16,
}

/// Why a path names no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tile path; it must be tile/<L>/<N> or tile/<L>/<N>.p/<W> as in C2SP tlog-tiles")]
pub struct TilePathError;

impl Tile {
    /// The tile that holds the `number`-th hash of `level` in a tree of `size` leaves, as wide as
    /// that tree makes it; `None` if the tree has no such hash.
    pub fn holding(level: u8, number: u64, size: u64) -> Option<Self> {
        let count = size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0);
        if number >= count {
            return None;
        }
        let index = number >> TILE_HEIGHT;
        let width = (count - (index << TILE_HEIGHT)).min(u64::from(TILE_WIDTH));
        Some(Self { level, index, width: u16::try_from(width).ok()? })
    }

    /// Whether a tree of `size` leaves has this tile, full or partial.
    pub fn exists_in(self, size: u64) -> bool {
        let Some(first) = self.index.checked_mul(u64::from(TILE_WIDTH)) else { return false };
        let Some(end) = first.checked_add(u64::from(self.width)) else { return false };
        self.width >= 1
            && self.width <= TILE_WIDTH
            && size.checked_shr(u32::from(self.level) * TILE_HEIGHT).is_some_and(|count| end <= count)
    }
}

impl Node {
    /// The tile whose hashes make up this node in a tree of `size` leaves, and which of its hashes.
    pub(crate) fn place(self, size: u64) -> Option<(Tile, std::ops::Range<usize>)> {
        let (level, inside) = (self.level / TILE_HEIGHT, self.level % TILE_HEIGHT);
        let first = self.index.checked_shl(inside)?;
        let tile = Tile::holding(u8::try_from(level).ok()?, first, size)?;
        let start = usize::try_from(first - (tile.index << TILE_HEIGHT)).ok()?;
        let range = start..start + (1_usize << inside);
        (range.end <= usize::from(tile.width)).then_some((tile, range))
    }

    /// The hash of this node, out of the tile that [`Node::place`] named.
    pub(crate) fn hash_in(range: std::ops::Range<usize>, tile: &[TreeHash]) -> Option<TreeHash> {
        tile.get(range).map(root_of)
    }
}

/// Writes a tile number in groups of three digits, all but the last marked with `x`.
fn write_number(f: &mut fmt::Formatter<'_>, number: u64) -> fmt::Result {
    let mut groups = vec![number % 1000];
    let mut rest = number / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for (place, group) in groups.iter().enumerate().rev() {
        match place {
            0 => write!(f, "{group:03}")?,
            _ => write!(f, "x{group:03}/")?,
        }
    }
    Ok(())
}

/// Reads what [`write_number`] writes, and nothing else.
fn read_number(text: &str) -> Result<u64, TilePathError> {
    let mut number = 0_u64;
    let groups = text.split('/').count();
    for (place, group) in text.split('/').enumerate() {
        let last = place + 1 == groups;
        let digits = if last { group } else { group.strip_prefix('x').ok_or(TilePathError)? };
        let padding = place == 0 && !last && digits == "000";
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) || padding {
            return Err(TilePathError);
        }
        let value: u64 = digits.parse().map_err(|_| TilePathError)?;
        number = number.checked_mul(1000).and_then(|n| n.checked_add(value)).ok_or(TilePathError)?;
    }
    Ok(number)
}

/// Reads `<N>` or `<N>.p/<W>`: an index and a width.
fn read_place(text: &str) -> Result<(u64, u16), TilePathError> {
    let Some((number, width)) = text.split_once(".p/") else {
        return Ok((read_number(text)?, TILE_WIDTH));
    };
    let value: u16 = width.parse().map_err(|_| TilePathError)?;
    // A partial tile has 1 to 255 hashes, and its width is written in one way only.
    if value == 0 || value >= TILE_WIDTH || value.to_string() != width {
        return Err(TilePathError);
    }
    Ok((read_number(number)?, value))
}

fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    write_number(f, index)?;
    if width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_place(f, self.index, self.width)
    }
}

impl FromStr for Tile {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let (level, place) = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError)?;
        let value: u8 = level.parse().map_err(|_| TilePathError)?;
        if value > 63 || value.to_string() != level {
            return Err(TilePathError);
        }
        let (index, width) = read_place(place)?;
        Ok(Self { level: value, index, width })
    }
}

/// The name of a bundle of leaf data, `tile/entries/<N>[.p/<W>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entries {
    /// Its number: it holds the leaves from `256 N` on.
    pub index: u64,
    /// How many leaves it holds: 1 to 256.
    pub width: u16,
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_place(f, self.index, self.width)
    }
}

impl FromStr for Entries {
    type Err = TilePathError;

    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let (index, width) = read_place(path.strip_prefix("tile/entries/").ok_or(TilePathError)?)?;
        Ok(Self { index, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_written_as_the_standard_shows() {
        let path = |level, index, width| Tile { level, index, width }.to_string();
        assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(1, 999, 17), "tile/1/999.p/17");
        assert_eq!(path(7, 1000, 255), "tile/7/x001/000.p/255");
        assert_eq!(Entries { index: 1000, width: 3 }.to_string(), "tile/entries/x001/000.p/3");
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p/+1",
            "tile/0/00a",
            "tile/0/x001/x234/067/",
            "tile/0/+01",
            "/tile/0/000",
            "tile/entries/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(path.parse::<Tile>().is_err(), "{path} was taken");
        }
    }

    proptest! {
        #[test]
        fn paths_come_back(level in 0_u8..64, index: u64, width in 1_u16..=256) {
            let tile = Tile { level, index, width };
            prop_assert_eq!(tile.to_string().parse::<Tile>(), Ok(tile));
            let entries = Entries { index, width };
            prop_assert_eq!(entries.to_string().parse::<Entries>(), Ok(entries));
        }
    }
}
