//! What a verification found.

use std::fmt;

use serde::Serialize;

/// Findings kept; more are only counted, so that a ruined log cannot fill the memory.
pub const MAX_FINDINGS: usize = 1000;

/// The row that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// An event.
    Event {
        /// Its position.
        position: u64,
        /// Its stream, `type/id`; empty if the event is not there.
        stream: String,
        /// Its sequence in the stream; 0 if the event is not there.
        sequence: u64,
    },
    /// A run of leaf hashes.
    LeafRun {
        /// The position of its first leaf.
        first_position: u64,
        /// The position whose leaf is wrong or missing.
        position: u64,
    },
    /// A tile of hashes.
    Tile {
        /// Its level.
        level: u8,
        /// Its index.
        index: u64,
    },
    /// A checkpoint.
    Checkpoint {
        /// Its size.
        size: u64,
    },
    /// The row that holds the last position.
    Head,
    /// A first answer.
    Idempotency {
        /// Its scope.
        scope: String,
        /// Its key.
        key: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { position, stream, .. } if stream.is_empty() => write!(f, "event at position {position}"),
            Self::Event { position, stream, sequence } => {
                write!(f, "event at position {position} (stream {stream}, sequence {sequence})")
            }
            Self::LeafRun { first_position, position } => {
                write!(f, "leaf run {first_position}, leaf of position {position}")
            }
            Self::Tile { level, index } => write!(f, "tile of level {level}, index {index}"),
            Self::Checkpoint { size } => write!(f, "checkpoint of size {size}"),
            Self::Head => f.write_str("head row"),
            Self::Idempotency { scope, key } => write!(f, "idempotency row {scope:?} {key:?}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The outcome of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The last position, by the head row.
    pub head: u64,
    /// How many events were read.
    pub events: u64,
    /// How many of them the newest checkpoint covers.
    pub covered: u64,
    /// How many checkpoints were verified.
    pub checkpoints: u64,
    /// How many full tiles were recomputed.
    pub tiles: u64,
    /// How many bodies opened and kept their commitment.
    pub opened: u64,
    /// How many bodies have no key any more.
    pub shredded: u64,
    /// What is wrong, in the order of the log where it has one.
    pub findings: Vec<Finding>,
    /// How many findings were counted and not kept.
    pub left_out: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.left_out == 0
    }

    pub(super) fn find(&mut self, place: Place, what: impl Into<String>) {
        let finding = Finding { place, what: what.into() };
        // One row can fail several checks in the same words.
        if self.findings.contains(&finding) {
            return;
        }
        match self.findings.len() < MAX_FINDINGS {
            true => self.findings.push(finding),
            false => self.left_out += 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} events up to position {}, {} under the newest checkpoint",
            self.events, self.head, self.covered
        )?;
        writeln!(f, "{} checkpoints and {} full tiles verified", self.checkpoints, self.tiles)?;
        writeln!(f, "{} bodies opened and kept their commitment, {} have no key any more", self.opened, self.shredded)?;
        for finding in &self.findings {
            writeln!(f, "WRONG  {finding}")?;
        }
        if self.left_out > 0 {
            writeln!(f, "WRONG  {} further findings are not listed", self.left_out)?;
        }
        f.write_str(if self.is_clean() { "Everything agrees." } else { "The database does not agree with its proofs." })
    }
}
