//! The walk along the log: event by event, with its recorded leaf, its tiles and its checkpoints.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::cursor::{Checkpoints, RecordedLeaf, Runs};
use super::report::{Place, Report};
use super::votes::{Completed, Votes};
use super::{BodyCheck, BodyVerdict};
use crate::read::{COLUMNS, header};
use crate::tree::hash::{TreeHash, from_bytes, root_of, to_bytes};
use crate::tree::leaf::leaf_hash;
use crate::tree::store::{newest_checkpoint, signed, unsigned};
use crate::tree::{NoteVerifier, TreeError};
use crate::{Header, Position};

/// A longer gap than this is told as one, and the tree behind it cannot be checked.
const MAX_GAP: u64 = 10_000;
/// Events read at once.
const PAGE: i64 = 1000;

/// The state of the walk.
pub(super) struct Walk<'a> {
    on: &'a mut PgConnection,
    verifier: &'a NoteVerifier,
    bodies: Option<&'a dyn BodyCheck>,
    report: &'a mut Report,
    runs: Runs,
    checkpoints: Checkpoints,
    votes: Votes,
    /// The last position passed.
    at: u64,
}

impl<'a> Walk<'a> {
    /// Prepares the walk over what the newest checkpoint covers and what follows it.
    pub(super) async fn begin(
        on: &'a mut PgConnection,
        verifier: &'a NoteVerifier,
        bodies: Option<&'a dyn BodyCheck>,
        report: &'a mut Report,
    ) -> Result<Self, TreeError> {
        report.covered = newest_checkpoint(on).await?.map_or(0, |newest| newest.size);
        let (runs, checkpoints, votes) = Default::default();
        let mut walk = Self { on, verifier, bodies, report, runs, checkpoints, votes, at: 0 };
        walk.judge().await?;
        Ok(walk)
    }

    /// Walks to the end of the log.
    pub(super) async fn run(mut self, progress: &mut (dyn FnMut(Position, Position) + Send)) -> Result<(), TreeError> {
        let query =
            format!("SELECT {COLUMNS}, metadata FROM log.events WHERE position > $1 ORDER BY position LIMIT $2");
        let mut after = 0_i64;
        loop {
            let rows = sqlx::query(&query).bind(after).bind(PAGE).fetch_all(&mut *self.on).await?;
            let Some(last) = rows.last() else { break };
            after = last.try_get("position")?;
            self.page(&rows).await?;
            progress(Position(self.at), Position(self.report.head));
        }
        self.missing_before(self.report.head.max(self.report.covered) + 1).await?;
        self.votes.end(self.report);
        Ok(())
    }

    async fn page(&mut self, rows: &[PgRow]) -> Result<(), TreeError> {
        let mut sealed = Vec::new();
        for row in rows {
            let position = unsigned(row.try_get("position")?)?;
            let place = place(row, position)?;
            self.missing_before(position).await?;
            self.report.events += 1;
            if position > self.report.head {
                self.report.find(place.clone(), format!("it stands after the head of the log, {}", self.report.head));
            }
            if row.try_get::<Value, _>("metadata")? != Value::Object(serde_json::Map::new()) {
                self.report.find(place.clone(), "its metadata column is not empty, as the log writes it");
            }
            let header = match header(row) {
                Ok(header) => Some(header),
                Err(fault) => {
                    self.report.find(place.clone(), format!("its header cannot be read: {fault}"));
                    None
                }
            };
            self.pass(position, place, header.as_ref().map(leaf_hash)).await?;
            if let Some(header) = header {
                sealed.push((header, row.try_get("payload")?));
            }
        }
        self.open(&sealed).await
    }

    /// Names each position before this one that should have an event and has none.
    async fn missing_before(&mut self, position: u64) -> Result<(), TreeError> {
        if position > self.at + MAX_GAP {
            let place = Place::Event { position: self.at + 1, stream: String::new(), sequence: 0 };
            self.report.find(place, format!("it and all events up to position {} are missing", position - 1));
            self.at = position - 1;
        }
        while self.at + 1 < position {
            let missing = self.at + 1;
            let place = Place::Event { position: missing, stream: String::new(), sequence: 0 };
            self.report.find(place.clone(), "the event is missing");
            self.pass(missing, place, None).await?;
        }
        Ok(())
    }

    /// Passes one position. Without a leaf of its own (missing or unreadable, which has been told) the
    /// recorded one stands in, so that the rest of the tree can still be checked.
    async fn pass(&mut self, position: u64, place: Place, leaf: Option<TreeHash>) -> Result<(), TreeError> {
        self.at = position;
        if position > self.report.covered {
            return Ok(());
        }
        let recorded = self.runs.leaf(self.on, position, self.report).await?;
        let run = Place::LeafRun { first_position: recorded.map_or(position, |leaf| leaf.run), position };
        if recorded.is_none() {
            self.report.find(run.clone(), "no leaf is recorded for this position");
        }
        let recorded = recorded.map(|RecordedLeaf { hash, .. }| hash);
        let Some(standing) = leaf.or(recorded) else {
            // Neither is there: whatever is taken, the next signed root will not be reached.
            return self.grow((place, TreeHash::empty()), (run, TreeHash::empty())).await;
        };
        self.grow((place, leaf.unwrap_or(standing)), (run, recorded.unwrap_or(standing))).await
    }

    async fn grow(&mut self, event: (Place, TreeHash), recorded: (Place, TreeHash)) -> Result<(), TreeError> {
        let completed = self.votes.push(event, recorded);
        self.tiles(completed).await?;
        self.judge().await
    }

    /// Compares full tiles with their rows.
    async fn tiles(&mut self, completed: Completed) -> Result<(), TreeError> {
        let by_events: BTreeMap<(u8, u64), Vec<TreeHash>> =
            completed.by_events.into_iter().map(|tile| ((tile.level, tile.index), tile.hashes)).collect();
        for tile in completed.by_recorded {
            self.report.tiles += 1;
            let place = Place::Tile { level: tile.level, index: tile.index };
            let query = "SELECT hashes, root FROM tree.tiles WHERE level = $1 AND index = $2";
            let row: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as(query)
                .bind(i16::from(tile.level))
                .bind(signed(tile.index)?)
                .fetch_optional(&mut *self.on)
                .await?;
            let Some((hashes, root)) = row else {
                self.report.find(place, "it is missing");
                continue;
            };
            // A tile that agrees with the events while the runs do not is judged with the runs.
            let agrees = by_events.get(&(tile.level, tile.index)).is_some_and(|own| to_bytes(own) == hashes);
            if hashes != to_bytes(&tile.hashes) && !agrees {
                let at = from_bytes(&hashes).and_then(|own| own.iter().zip(&tile.hashes).position(|(a, b)| a != b));
                self.report.find(place.clone(), format!("its hash number {} is not that of the log", at.unwrap_or(0)));
            } else if from_bytes(&hashes).is_none_or(|hashes| root_of(&hashes).0.as_slice() != root) {
                self.report.find(place, "its root is not that of its hashes");
            }
        }
        Ok(())
    }

    /// Judges by the checkpoint of this size, if there is one.
    async fn judge(&mut self) -> Result<(), TreeError> {
        let root = self.checkpoints.at(self.on, self.at, self.verifier, self.report).await?;
        if let Some(root) = root {
            self.votes.judge(self.at, root, self.report);
        }
        Ok(())
    }

    async fn open(&mut self, sealed: &[(Header, Value)]) -> Result<(), TreeError> {
        let Some(bodies) = self.bodies else { return Ok(()) };
        let verdicts = bodies.check(sealed).await?;
        for ((header, _), verdict) in sealed.iter().zip(verdicts) {
            match verdict {
                BodyVerdict::Opened => self.report.opened += 1,
                BodyVerdict::Shredded => self.report.shredded += 1,
                BodyVerdict::Broken(reason) => {
                    let place = Place::Event {
                        position: header.position.0,
                        stream: format!("{}/{}", header.aggregate_type, header.aggregate_id),
                        sequence: header.sequence,
                    };
                    self.report.find(place, reason);
                }
            }
        }
        Ok(())
    }
}

fn place(row: &PgRow, position: u64) -> Result<Place, sqlx::Error> {
    let (kind, id): (&str, &str) = (row.try_get("aggregate_type")?, row.try_get("aggregate_id")?);
    let sequence = u64::try_from(row.try_get::<i64, _>("sequence")?).unwrap_or(0);
    Ok(Place::Event { position, stream: format!("{kind}/{id}"), sequence })
}
