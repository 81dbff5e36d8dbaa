//! Reading the stored tree: what is served to the public, and the proofs of single events.

use sqlx::PgPool;

use super::hash::{TreeHash, to_bytes};
use super::leaf::{header_json, leaf_data};
use super::proof::{self, TileReader, Tiled};
use super::store::{self, StoredCheckpoint};
use super::tile::{Entries, TILE_WIDTH, Tile};
use super::tlog_proof::TlogProof;
use super::{ProofError, TreeError};
use crate::{Header, Position};

/// The stored tree. Cheap to clone.
///
/// Checkpoints, tiles of hashes and consistency proofs tell nothing about anybody and may be public.
/// Headers, entries and proof texts are pseudonymous personal data: only for readers who may see the
/// events they are about (`docs/decisions/tree-entries-are-not-public.md`).
#[derive(Clone, Debug)]
pub struct Tree {
    pool: PgPool,
}

impl TileReader for Tree {
    type Error = TreeError;

    async fn read_tile(&self, tile: Tile) -> Result<Vec<TreeHash>, TreeError> {
        store::tile_hashes(&mut *self.pool.acquire().await?, tile).await
    }
}

impl Tree {
    /// The tree in the given database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The newest checkpoint; `None` before the follower's first run.
    ///
    /// # Errors
    /// [`TreeError::Database`].
    pub async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, TreeError> {
        store::newest_checkpoint(&mut *self.pool.acquire().await?).await
    }

    async fn size(&self) -> Result<u64, TreeError> {
        Ok(self.checkpoint().await?.map_or(0, |checkpoint| checkpoint.size))
    }

    /// The bytes of a tile, 32 for each hash; `None` if the newest checkpoint's tree has no such tile.
    ///
    /// # Errors
    /// [`TreeError::Database`], or [`TreeError::Damaged`] if the tile should be there and is not.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, TreeError> {
        if !tile.exists_in(self.size().await?) {
            return Ok(None);
        }
        Ok(Some(to_bytes(&self.read_tile(tile).await?)))
    }

    /// A bundle of leaf data: each leaf preceded by its length in two bytes, big-endian (C2SP
    /// tlog-tiles). `None` if the newest checkpoint's tree has no such bundle. Not for the public.
    ///
    /// # Errors
    /// [`TreeError::Database`], or [`TreeError::Damaged`] if an event is missing or unreadable.
    pub async fn entries(&self, entries: Entries) -> Result<Option<Vec<u8>>, TreeError> {
        let leaves = Tile { level: 0, index: entries.index, width: entries.width };
        if !leaves.exists_in(self.size().await?) {
            return Ok(None);
        }
        let after = entries.index * u64::from(TILE_WIDTH);
        let headers = store::headers(&mut *self.pool.acquire().await?, after, u32::from(entries.width)).await?;
        let mut bundle = Vec::new();
        let mut expected = after;
        for header in &headers {
            expected += 1;
            let data = leaf_data(header);
            let length = u16::try_from(data.len()).ok().filter(|_| header.position.0 == expected);
            let length = length.ok_or_else(|| TreeError::Damaged(format!("no entry for position {expected}")))?;
            bundle.extend_from_slice(&length.to_be_bytes());
            bundle.extend_from_slice(&data);
        }
        if expected != after + u64::from(entries.width) {
            return Err(TreeError::Damaged(format!("the event at position {} is missing", expected + 1)));
        }
        Ok(Some(bundle))
    }

    /// Proves that the event at `position` is among the first `size` events.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if it is not or the tree is smaller; otherwise as [`Tree::tile`].
    pub async fn inclusion_proof(&self, position: Position, size: u64) -> Result<Vec<TreeHash>, TreeError> {
        let index = position.0.checked_sub(1).ok_or(ProofError::OutOfRange { asked: 0, size })?;
        self.within(size).await?;
        proof::inclusion_proof(&Tiled { tiles: self, size }, index, size).await
    }

    /// Proves that the first `from` events are the beginning of the first `to` events.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if `from` is larger or the tree is smaller than `to`; otherwise as
    /// [`Tree::tile`].
    pub async fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.within(to).await?;
        proof::consistency_proof(&Tiled { tiles: self, size: to }, from, to).await
    }

    /// The root over the first `size` events.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if no checkpoint covers as many yet; otherwise as [`Tree::tile`].
    pub async fn root(&self, size: u64) -> Result<TreeHash, TreeError> {
        self.within(size).await?;
        proof::root(&Tiled { tiles: self, size }, size).await
    }

    async fn within(&self, asked: u64) -> Result<(), TreeError> {
        let size = self.size().await?;
        if asked > size { Err(ProofError::OutOfRange { asked, size }.into()) } else { Ok(()) }
    }

    /// The header at a position, if there is one.
    ///
    /// # Errors
    /// [`TreeError::Database`], or [`TreeError::Damaged`] if the row cannot be read.
    pub async fn header(&self, position: Position) -> Result<Option<Header>, TreeError> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        let headers = store::headers(&mut *self.pool.acquire().await?, before, 1).await?;
        Ok(headers.into_iter().find(|header| header.position == position))
    }

    /// The header at a position as the JSON from which its leaf can be rebuilt (`docs/verify.md`).
    ///
    /// # Errors
    /// As [`Tree::header`].
    pub async fn leaf_json(&self, position: Position) -> Result<Option<serde_json::Value>, TreeError> {
        Ok(self.header(position).await?.as_ref().map(header_json))
    }

    /// The proof of the event at a position against the newest checkpoint; `None` while none covers it.
    ///
    /// # Errors
    /// As [`Tree::inclusion_proof`].
    pub async fn proof(&self, position: Position) -> Result<Option<TlogProof>, TreeError> {
        let Some(newest) = self.checkpoint().await? else { return Ok(None) };
        let Some(index) = position.0.checked_sub(1).filter(|index| *index < newest.size) else { return Ok(None) };
        let missing = || TreeError::Damaged(format!("the event at position {position} is missing"));
        let header = self.header(position).await?.ok_or_else(missing)?;
        let tiles = Tiled { tiles: self, size: newest.size };
        let hashes = proof::inclusion_proof(&tiles, index, newest.size).await?;
        Ok(Some(TlogProof { leaf_data: Some(leaf_data(&header)), index, hashes, checkpoint: newest.note }))
    }

    /// [`Tree::proof`] as the one text that stands alone.
    ///
    /// # Errors
    /// As [`Tree::inclusion_proof`].
    pub async fn proof_text(&self, position: Position) -> Result<Option<String>, TreeError> {
        Ok(self.proof(position).await?.map(|proof| proof.to_string()))
    }
}
