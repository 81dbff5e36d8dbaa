//! Checkpoints (C2SP tlog-checkpoint v1): "the first N events have this root", signed.

use super::hash::TreeHash;
use super::note::{LogSigner, NoteError, NoteVerifier, open_note};

/// The head of a tree: what a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the name that no other log has.
    pub origin: String,
    /// How many leaves: the position of the last event it covers.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
}

/// Why a text is no checkpoint of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it was refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no checkpoint.
    #[error("malformed checkpoint; it must have an origin line, a size line and a root line")]
    Malformed,
    /// It is a checkpoint of another log.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    Origin {
        /// The origin in the checkpoint.
        found: String,
        /// The name of the key.
        expected: String,
    },
}

impl Checkpoint {
    /// The text to sign: three lines.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The checkpoint as a note signed by its log.
    pub fn sign(&self, signer: &LogSigner) -> String {
        signer.sign(&self.text())
    }

    /// Reads the text of a checkpoint. Extension lines are allowed and not kept.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Malformed);
        let (origin, number, root) = (line()?.to_owned(), line()?, line()?);
        let size: u64 = number.parse().map_err(|_| CheckpointError::Malformed)?;
        let root = TreeHash::from_base64(root).ok_or(CheckpointError::Malformed)?;
        // No sign and no leading zero: a size is written in one way only.
        if size.to_string() != number || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin, size, root })
    }

    /// Reads a signed checkpoint of the log whose key is `verifier`.
    ///
    /// # Errors
    /// Says what is wrong with the note, its signature, its text or its origin.
    pub fn open(note: &str, verifier: &NoteVerifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(open_note(note, verifier)?)?;
        if checkpoint.origin == verifier.name() {
            return Ok(checkpoint);
        }
        Err(CheckpointError::Origin { found: checkpoint.origin, expected: verifier.name().to_owned() })
    }
}
