//! The stored leaf hashes and checkpoints, read in order beside the events.

use std::collections::VecDeque;

use sqlx::{PgConnection, Row};

use super::report::{Place, Report};
use crate::tree::hash::{TreeHash, from_bytes};
use crate::tree::store::{StoredCheckpoint, signed, unsigned};
use crate::tree::{Checkpoint, NoteVerifier, TreeError};

/// A stored leaf hash and the run it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordedLeaf {
    pub(super) run: u64,
    pub(super) hash: TreeHash,
}

/// Reads the runs one after another.
#[derive(Debug, Default)]
pub(super) struct Runs {
    run: u64,
    next: u64,
    hashes: VecDeque<TreeHash>,
    ended: bool,
}

impl Runs {
    /// The leaf recorded for a position, asked for in rising order.
    pub(super) async fn leaf(
        &mut self,
        on: &mut PgConnection,
        position: u64,
        report: &mut Report,
    ) -> Result<Option<RecordedLeaf>, TreeError> {
        loop {
            while self.next < position && self.hashes.pop_front().is_some() {
                self.next += 1;
            }
            if let Some(hash) = self.hashes.front() {
                return Ok((self.next == position).then_some(RecordedLeaf { run: self.run, hash: *hash }));
            }
            if self.ended {
                return Ok(None);
            }
            self.fetch(on, position, report).await?;
        }
    }

    async fn fetch(&mut self, on: &mut PgConnection, position: u64, report: &mut Report) -> Result<(), TreeError> {
        let query = "SELECT first_position, hashes FROM tree.leaf_runs WHERE first_position > $1 \
                     ORDER BY first_position LIMIT 1";
        let Some(row) = sqlx::query(query).bind(signed(self.run)?).fetch_optional(on).await? else {
            self.ended = true;
            return Ok(());
        };
        self.run = unsigned(row.try_get("first_position")?)?;
        let place = Place::LeafRun { first_position: self.run, position: self.run };
        if self.run < position {
            report.find(place.clone(), "it overlaps the run before it");
        }
        match from_bytes(row.try_get("hashes")?) {
            Some(hashes) => self.hashes = hashes.into(),
            None => report.find(place, "its length is no multiple of 32"),
        }
        self.next = self.run;
        Ok(())
    }
}

/// Reads the checkpoints one after another.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    last: Option<i64>,
    page: VecDeque<StoredCheckpoint>,
    ended: bool,
}

impl Checkpoints {
    /// The checkpoint of exactly this size, asked for in rising order, if there is one. It has been
    /// verified on its own: signature, origin, and that the row says what the note says.
    pub(super) async fn at(
        &mut self,
        on: &mut PgConnection,
        size: u64,
        verifier: &NoteVerifier,
        report: &mut Report,
    ) -> Result<Option<TreeHash>, TreeError> {
        if self.page.is_empty() && !self.ended {
            self.fetch(on).await?;
        }
        if self.page.front().is_none_or(|next| next.size > size) {
            return Ok(None);
        }
        let Some(stored) = self.page.pop_front() else { return Ok(None) };
        let place = Place::Checkpoint { size: stored.size };
        report.checkpoints += 1;
        match Checkpoint::open(&stored.note, verifier) {
            Err(error) => report.find(place, format!("its note is refused: {error}")),
            Ok(signed) if signed.size != stored.size => {
                report.find(place, format!("its note is about {} events", signed.size));
            }
            Ok(signed) => {
                if signed.root != stored.root {
                    report.find(place, "its root column is not the root in its note");
                }
                return Ok(Some(signed.root));
            }
        }
        // A note that is refused proves nothing: the tree is judged without it.
        Ok(None)
    }

    async fn fetch(&mut self, on: &mut PgConnection) -> Result<(), TreeError> {
        let rows = sqlx::query("SELECT size, root, note FROM tree.checkpoints WHERE size > $1 ORDER BY size LIMIT 256")
            .bind(self.last.unwrap_or(-1))
            .fetch_all(on)
            .await?;
        self.ended = rows.is_empty();
        for row in &rows {
            let stored = crate::tree::store::checkpoint(row)?;
            self.last = Some(signed(stored.size)?);
            self.page.push_back(stored);
        }
        Ok(())
    }
}
