//! The tree over the log: anybody can check that an event is in it, and that it has only grown.
//!
//! Leaf `n - 1` is the event at position `n` ([`leaf_data`]). Hashing is that of RFC 6962, kept as tiles
//! ([`Tile`]); its head is a signed [`Checkpoint`], and a [`TlogProof`] proves one event to somebody who
//! has nothing but the log's public key. `docs/verify.md` says how.

mod checkpoint;
mod edge;
mod error;
mod follower;
mod hash;
mod leaf;
mod note;
mod proof;
mod read;
mod store;
mod tile;
mod tlog_proof;
pub mod verify;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verifier_tests;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use edge::{FullTile, RightEdge};
pub use error::TreeError;
pub use follower::{Clock, Follower, FollowerOptions, Step};
pub use hash::TreeHash;
pub use leaf::{LEAF_FORMAT, header_json, leaf_data, leaf_hash};
pub use note::{LogSigner, NoteError, NoteVerifier, open_note};
pub use proof::{
    HashReader, ProofError, TileReader, Tiled, consistency_proof, inclusion_proof, root, verify_consistency,
    verify_inclusion,
};
pub use read::Tree;
pub use store::StoredCheckpoint;
pub use tile::{Entries, Node, TILE_HEIGHT, TILE_WIDTH, Tile, TilePathError};
pub use tlog_proof::{PROOF_FORMAT, TlogProof, TlogProofError};
