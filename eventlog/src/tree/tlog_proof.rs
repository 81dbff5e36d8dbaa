//! The proof of one event as one text that needs nothing beside it but the log's public key
//! (C2SP tlog-proof, `c2sp.org/tlog-proof@v1`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::TreeHash;
use super::note::NoteVerifier;
use super::proof::{ProofError, verify_inclusion};

/// The first line of every proof.
pub const PROOF_FORMAT: &str = "c2sp.org/tlog-proof@v1";

/// A proof that one leaf is in a checkpoint's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The leaf data. The standard calls this line `extra` and does not vouch for it; here it is what
    /// the proof is about, so checking the proof checks it.
    pub leaf_data: Option<Vec<u8>>,
    /// The leaf, counted from 0: one less than the event's position.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling upwards.
    pub hashes: Vec<TreeHash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// It is no proof.
    #[error("malformed proof: {0}")]
    Malformed(&'static str),
    /// Its checkpoint was refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl std::fmt::Display for TlogProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{PROOF_FORMAT}")?;
        if let Some(data) = &self.leaf_data {
            writeln!(f, "extra {}", STANDARD.encode(data))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl std::str::FromStr for TlogProof {
    type Err = TlogProofError;

    fn from_str(text: &str) -> Result<Self, TlogProofError> {
        let bad = TlogProofError::Malformed;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad("no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_FORMAT) {
            return Err(bad("its first line must be c2sp.org/tlog-proof@v1"));
        }
        let leaf_data = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(data) => Some(STANDARD.decode(data).map_err(|_| bad("the extra line is not base64"))?),
            None => None,
        };
        if leaf_data.is_some() {
            lines.next();
        }
        let number = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(bad("no index line"))?;
        let index: u64 = number.parse().map_err(|_| bad("the index is not a number"))?;
        if index.to_string() != number {
            return Err(bad("the index is not written plainly"));
        }
        let hashes = lines.map(TreeHash::from_base64).collect::<Option<Vec<_>>>();
        let hashes = hashes.ok_or(bad("a hash line is not 32 bytes in base64"))?;
        Ok(Self { leaf_data, index, hashes, checkpoint: checkpoint.to_owned() })
    }
}

impl TlogProof {
    /// Checks the checkpoint's signature, and that the leaf data carried by the proof (or `leaf_data`,
    /// which must then be the same) is in its tree. Gives out the checkpoint and the leaf data proved.
    ///
    /// # Errors
    /// Says what was refused.
    pub fn verify(
        &self,
        verifier: &NoteVerifier,
        leaf_data: Option<&[u8]>,
    ) -> Result<(Checkpoint, Vec<u8>), TlogProofError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, verifier)?;
        let data = match (leaf_data, self.leaf_data.as_deref()) {
            (Some(given), Some(carried)) if given != carried => return Err(ProofError::Refuted.into()),
            (Some(data), _) | (None, Some(data)) => data,
            (None, None) => return Err(TlogProofError::Malformed("it carries no leaf data and none was given")),
        };
        verify_inclusion(TreeHash::leaf(data), self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok((checkpoint, data.to_vec()))
    }
}
