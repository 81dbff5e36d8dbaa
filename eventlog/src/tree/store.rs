//! The tree's tables and the headers under them.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::edge::{FullTile, RightEdge};
use super::hash::{TreeHash, from_bytes, to_bytes};
use super::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};
use super::{ProofError, TreeError};
use crate::Header;
use crate::read::{HEADER_COLUMNS, header};

/// A position or size as the database counts.
pub(super) fn signed(number: u64) -> Result<i64, TreeError> {
    i64::try_from(number).map_err(|_| ProofError::OutOfRange { asked: number, size: i64::MAX.unsigned_abs() }.into())
}

/// A position or size as the tree counts.
pub(super) fn unsigned(number: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(number).map_err(|_| sqlx::Error::Decode(format!("{number} is negative").into()))
}

/// The headers after a position, in order.
pub(super) async fn headers(on: &mut PgConnection, after: u64, limit: u32) -> Result<Vec<Header>, TreeError> {
    let query = format!("SELECT {HEADER_COLUMNS} FROM log.events WHERE position > $1 ORDER BY position LIMIT $2");
    let rows = sqlx::query(&query).bind(signed(after)?).bind(i64::from(limit)).fetch_all(on).await?;
    rows.iter().map(|row| header(row).map_err(|fault| TreeError::Damaged(fault.to_string()))).collect()
}

/// A stored checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// How many events it covers.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
    /// The signed note, as served.
    pub note: String,
}

pub(super) fn checkpoint(row: &PgRow) -> Result<StoredCheckpoint, sqlx::Error> {
    let root = TreeHash::from_slice(row.try_get("root")?);
    Ok(StoredCheckpoint {
        size: unsigned(row.try_get("size")?)?,
        root: root.ok_or_else(|| sqlx::Error::Decode("the root is not 32 bytes".into()))?,
        note: row.try_get("note")?,
    })
}

/// The newest checkpoint.
pub(super) async fn newest_checkpoint(on: &mut PgConnection) -> Result<Option<StoredCheckpoint>, TreeError> {
    let query = "SELECT size, root, note FROM tree.checkpoints ORDER BY size DESC LIMIT 1";
    let row = sqlx::query(query).fetch_optional(on).await?;
    Ok(row.as_ref().map(checkpoint).transpose()?)
}

/// The leaf hashes of the positions `first` to `last`, from the runs.
async fn leaf_hashes(on: &mut PgConnection, first: u64, last: u64) -> Result<Vec<TreeHash>, TreeError> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT first_position, hashes FROM tree.leaf_runs
          WHERE first_position <= $2 AND first_position >= coalesce(
                (SELECT max(first_position) FROM tree.leaf_runs WHERE first_position <= $1), 0)
          ORDER BY first_position",
    )
    .bind(signed(first)?)
    .bind(signed(last)?)
    .fetch_all(on)
    .await?;
    let damaged = || TreeError::Damaged(format!("the leaf runs do not cover positions {first} to {last}"));
    let mut next = first;
    let mut hashes = Vec::new();
    for (start, bytes) in rows {
        let run = from_bytes(&bytes).ok_or_else(damaged)?;
        let skip = next.checked_sub(unsigned(start)?).ok_or_else(damaged)?;
        let wanted = usize::try_from(last + 1 - next).map_err(|_| damaged())?;
        let before = hashes.len();
        hashes.extend(run.into_iter().skip(usize::try_from(skip).map_err(|_| damaged())?).take(wanted));
        next += u64::try_from(hashes.len() - before).map_err(|_| damaged())?;
    }
    if next == last + 1 { Ok(hashes) } else { Err(damaged()) }
}

/// The hashes of a tile: out of its row if it is full, else out of what lies under it.
pub(super) async fn tile_hashes(on: &mut PgConnection, tile: Tile) -> Result<Vec<TreeHash>, TreeError> {
    let damaged = || TreeError::Damaged(format!("{tile} is missing or has the wrong size"));
    let width = usize::from(tile.width);
    let query = "SELECT hashes FROM tree.tiles WHERE level = $1 AND index = $2";
    let index = signed(tile.index)?;
    let row: Option<Vec<u8>> =
        sqlx::query_scalar(query).bind(i16::from(tile.level)).bind(index).fetch_optional(&mut *on).await?;
    if let Some(bytes) = row {
        let mut hashes = from_bytes(&bytes).ok_or_else(damaged)?;
        hashes.truncate(width);
        return Ok(hashes);
    }
    let first = tile.index * u64::from(TILE_WIDTH);
    let hashes = if tile.level == 0 {
        leaf_hashes(on, first + 1, first + u64::from(tile.width)).await?
    } else {
        let roots: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT root FROM tree.tiles WHERE level = $1 AND index >= $2 AND index < $3 ORDER BY index",
        )
        .bind(i16::from(tile.level) - 1)
        .bind(signed(first)?)
        .bind(signed(first + u64::from(tile.width))?)
        .fetch_all(on)
        .await?;
        from_bytes(&roots.concat()).ok_or_else(damaged)?
    };
    if hashes.len() == width { Ok(hashes) } else { Err(damaged()) }
}

/// The right edge of the stored tree of `size` leaves.
pub(super) async fn edge(on: &mut PgConnection, size: u64) -> Result<RightEdge, TreeError> {
    let mut unfinished = Vec::new();
    let mut count = size;
    while count > 0 {
        let level = u8::try_from(unfinished.len()).unwrap_or(u8::MAX);
        let width = u16::try_from(count % u64::from(TILE_WIDTH)).unwrap_or(0);
        let tile = Tile { level, index: count >> TILE_HEIGHT, width };
        unfinished.push(if width == 0 { Vec::new() } else { tile_hashes(on, tile).await? });
        count >>= TILE_HEIGHT;
    }
    RightEdge::restore(size, unfinished).ok_or_else(|| TreeError::Damaged("the tiles do not add up".to_owned()))
}

/// Writes what one run of the follower has made.
pub(super) async fn insert_run(
    on: &mut PgConnection,
    after: u64,
    leaves: &[TreeHash],
    full: &[FullTile],
) -> Result<(), TreeError> {
    sqlx::query("INSERT INTO tree.leaf_runs (first_position, hashes) VALUES ($1, $2)")
        .bind(signed(after + 1)?)
        .bind(to_bytes(leaves))
        .execute(&mut *on)
        .await?;
    if full.is_empty() {
        return Ok(());
    }
    let indices: Vec<i64> = full.iter().map(|tile| signed(tile.index)).collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO tree.tiles (level, index, hashes, root)
         SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])",
    )
    .bind(full.iter().map(|tile| i16::from(tile.level)).collect::<Vec<_>>())
    .bind(indices)
    .bind(full.iter().map(|tile| to_bytes(&tile.hashes)).collect::<Vec<_>>())
    .bind(full.iter().map(|tile| tile.root.0.to_vec()).collect::<Vec<_>>())
    .execute(on)
    .await?;
    Ok(())
}
