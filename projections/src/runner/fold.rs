//! The pure core: events and the rows they touch in, row changes out.
//!
//! Whatever way a run of events is cut into batches, the rows come out the same: nothing is decided
//! at the edge of a batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;
use vitne_domain::id::AccountId;
use vitne_eventlog::{Body, Header, Position, Recorded};

use super::row::{self, StoredRow};
use crate::{FoldError, Projection, RowKey};

/// What is held back when an event cannot be folded: everything later of the same person, or, where
/// the event is about nobody, of the same stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A person.
    Subject(AccountId),
    /// A stream about nobody.
    Stream {
        /// Its aggregate type.
        aggregate_type: String,
        /// Its id.
        aggregate_id: String,
    },
}

impl Holder {
    /// Who an event is held with.
    pub fn of(header: &Header) -> Self {
        match header.subject {
            Some(subject) => Self::Subject(subject),
            None => Self::Stream {
                aggregate_type: header.aggregate_type.clone(),
                aggregate_id: header.aggregate_id.clone(),
            },
        }
    }

    /// The person, if it is one.
    pub const fn subject(&self) -> Option<AccountId> {
        match self {
            Self::Subject(subject) => Some(*subject),
            Self::Stream { .. } => None,
        }
    }
}

/// The name under which it is kept: `subject/<id>` or `stream/<type>/<id>`.
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subject(subject) => write!(f, "subject/{subject}"),
            Self::Stream { aggregate_type, aggregate_id } => write!(f, "stream/{aggregate_type}/{aggregate_id}"),
        }
    }
}

impl std::str::FromStr for Holder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("{text} names neither a subject nor a stream");
        if let Some(subject) = text.strip_prefix("subject/") {
            return subject.parse().map(Self::Subject).map_err(|_| unknown());
        }
        let stream = text.strip_prefix("stream/").ok_or_else(unknown)?;
        let (aggregate_type, aggregate_id) = stream.split_once('/').ok_or_else(unknown)?;
        Ok(Self::Stream { aggregate_type: aggregate_type.to_owned(), aggregate_id: aggregate_id.to_owned() })
    }
}

/// What is known before a batch is folded.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The rows the events touch, as far as they exist.
    pub rows: HashMap<RowKey, Value>,
    /// Who is parked.
    pub parked: HashSet<Holder>,
    /// Who is erased: nothing is ever folded for them again.
    pub erased: HashSet<AccountId>,
    /// The events that an operator let this projection pass.
    pub skips: BTreeSet<Position>,
}

/// An event that cannot be folded, and whose followers now wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parking {
    /// Who waits.
    pub holder: Holder,
    /// The position of the event.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Why it cannot be folded. Names fields, never values.
    pub error: String,
}

/// What a batch changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Rows that are new or other than before, by key.
    pub upserts: Vec<StoredRow>,
    /// Rows that are no more, by key. Rows of erased people are not among them.
    pub deletes: Vec<RowKey>,
    /// Who was erased, and by the event at which position: every row of theirs goes.
    pub erased: BTreeMap<AccountId, Position>,
    /// Who is parked from now on.
    pub parked: BTreeMap<Holder, Parking>,
    /// Events that wait behind a parked one.
    pub held: usize,
}

impl BatchOutcome {
    /// Whether nothing but the checkpoint moves.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.deletes.is_empty() && self.erased.is_empty() && self.parked.is_empty()
    }
}

/// Whether an event erases its subject. Told by the header, because the body goes with the key.
pub fn erases(header: &Header) -> Option<AccountId> {
    if header.aggregate_type == "account" && header.event_type == "SubjectErased" { header.subject } else { None }
}

/// The rows that a batch needs loaded.
pub fn touched_keys<'a>(
    projection: &dyn Projection,
    events: impl IntoIterator<Item = &'a Recorded>,
) -> BTreeSet<RowKey> {
    events
        .into_iter()
        .filter(|event| !matches!(event.body, Body::Unreadable(_)))
        .flat_map(|event| projection.keys(event))
        .collect()
}

/// Folds events, in order, onto the rows they touch.
pub fn fold_batch<'a>(
    projection: &dyn Projection,
    before: &Before,
    events: impl IntoIterator<Item = &'a Recorded>,
) -> BatchOutcome {
    let mut batch = Batch { projection, before, rows: HashMap::new(), outcome: BatchOutcome::default() };
    for event in events {
        batch.take(event);
    }
    batch.finish()
}

struct Batch<'a> {
    projection: &'a dyn Projection,
    before: &'a Before,
    /// Rows touched so far; `None` for a row that is no more.
    rows: HashMap<RowKey, Option<Value>>,
    outcome: BatchOutcome,
}

impl Batch<'_> {
    fn take(&mut self, event: &Recorded) {
        let header = &event.header;
        if let Some(subject) = erases(header) {
            self.erase(subject, header.position);
            return;
        }
        if header.subject.is_some_and(|subject| self.is_erased(subject)) || self.before.skips.contains(&header.position)
        {
            return;
        }
        let holder = Holder::of(header);
        if self.is_parked(&holder) {
            self.outcome.held += 1;
            return;
        }
        match self.fold(event) {
            // All rows of one event change together or not at all.
            Ok(changes) => self.rows.extend(changes),
            Err(FoldError(error)) => {
                let parking = Parking {
                    holder: holder.clone(),
                    position: header.position,
                    event_type: header.event_type.clone(),
                    error,
                };
                self.outcome.parked.insert(holder, parking);
            }
        }
    }

    /// Every row goes, also of a parked person: an erasure waits for nothing.
    fn erase(&mut self, subject: AccountId, position: Position) {
        self.rows.retain(|key, _| key.subject != subject);
        self.outcome.parked.remove(&Holder::Subject(subject));
        if !self.before.erased.contains(&subject) {
            self.outcome.erased.entry(subject).or_insert(position);
        }
    }

    fn is_erased(&self, subject: AccountId) -> bool {
        self.outcome.erased.contains_key(&subject) || self.before.erased.contains(&subject)
    }

    fn is_parked(&self, holder: &Holder) -> bool {
        self.outcome.parked.contains_key(holder) || self.before.parked.contains(holder)
    }

    fn fold(&self, event: &Recorded) -> Result<Vec<(RowKey, Option<Value>)>, FoldError> {
        if let Body::Unreadable(reason) = &event.body {
            return Err(FoldError(reason.clone()));
        }
        let keys: BTreeSet<RowKey> = self.projection.keys(event).into_iter().collect();
        let mut changes = Vec::with_capacity(keys.len());
        for key in keys {
            // A row is rebuilt from its subject's events alone, so no other event may touch it.
            if event.header.subject != Some(key.subject) {
                return Err(FoldError("the event touches a row of somebody else".to_owned()));
            }
            let row = self.row(&key).cloned();
            let row = self.projection.fold(&key, row, event)?;
            if let Some(doc) = &row {
                row::check(self.projection.table(), doc)?;
            }
            changes.push((key, row));
        }
        Ok(changes)
    }

    fn row(&self, key: &RowKey) -> Option<&Value> {
        match self.rows.get(key) {
            Some(row) => row.as_ref(),
            None => self.before.rows.get(key),
        }
    }

    fn finish(self) -> BatchOutcome {
        let Self { projection, before, rows, mut outcome } = self;
        let rows: BTreeMap<_, _> = rows.into_iter().collect();
        for (key, row) in rows {
            let old = before.rows.get(&key);
            match row {
                // Checked when it was folded, so the error cannot come; were it to come, the row
                // would be left as it was and the next comparison would name it.
                Some(doc) if old != Some(&doc) => {
                    outcome.upserts.extend(StoredRow::new(projection.table(), key, &doc));
                }
                None if old.is_some() => outcome.deletes.push(key),
                _ => {}
            }
        }
        outcome
    }
}
