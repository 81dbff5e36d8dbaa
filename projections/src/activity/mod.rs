//! The activity log: one entry for each ceremony or request, with its steps and effects.
//!
//! An entry is named by its ceremony where its events carry one, else by the request that caused them.
//! A ceremony that was started for nobody has no subject, and so is in nobody's log.

mod ceremony;
mod effects;
mod entry;
mod kinds;
mod parts;
mod row;

use serde_json::Value;
use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, ReportedEntry};
use vitne_eventlog::{Header, Recorded};

pub use entry::{
    ActivityEntry, ActorView, AssuranceView, AttemptView, IntegrityView, LinksView, MessageView, PolicyView,
    PrivacyView, ReasonView, ReviewView, RiskView, SessionView, StreamView,
};
pub use kinds::{Category, EntryType, Outcome, ReviewState, Severity};
pub use parts::{Achieved, CredentialRef, DeviceRef, Effect, EventRef, Place, Redaction, Requested, Step};
pub use row::ActivityRow;

use crate::reading::{load, peek, readable, store, stream_id};
use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity;

/// One index serves every list: a person's entries number in the thousands, so what the other columns
/// exclude is dropped while walking it. More indexes would cost every rebuild and speed up no page.
static TABLE: Table = Table {
    name: "activity",
    columns: &[
        Column { name: "sequence", kind: ColumnType::BigInt },
        Column { name: "occurred_at", kind: ColumnType::Timestamp },
        Column { name: "type", kind: ColumnType::Text },
        Column { name: "category", kind: ColumnType::Text },
        Column { name: "outcome", kind: ColumnType::Text },
        Column { name: "severity", kind: ColumnType::Text },
        Column { name: "devices", kind: ColumnType::TextArray },
        Column { name: "sessions", kind: ColumnType::TextArray },
        Column { name: "methods", kind: ColumnType::TextArray },
        Column { name: "actor", kind: ColumnType::Text },
        Column { name: "review_state", kind: ColumnType::Text },
        Column { name: "correlation", kind: ColumnType::Uuid },
        Column { name: "application", kind: ColumnType::Text },
    ],
    indexes: &["(subject, sequence DESC)"],
};

/// The entry that an event belongs to.
fn entry_of(header: &Header) -> Uuid {
    match header.aggregate_type.as_str() {
        "ceremony" => stream_id(header),
        _ => header.ceremony.map_or(header.correlation.0, |ceremony| ceremony.0),
    }
}

/// The entry that an event points at, besides its own.
fn reported_by(event: &Recorded) -> Option<Uuid> {
    match peek(event) {
        Some(AnyEvent::Account(AccountEvent::NotMeReported { entry })) => Some(match entry {
            ReportedEntry::Ceremony(id) => id.0,
            ReportedEntry::Request(id) => id.0,
        }),
        _ => None,
    }
}

impl Projection for Activity {
    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        let header = &event.header;
        let Some(subject) = header.subject else { return Vec::new() };
        if matches!(header.event_type.as_str(), "SessionUsed" | "AccountSummarised") {
            return Vec::new();
        }
        let own = entry_of(header);
        let reported = reported_by(event).filter(|id| *id != own);
        std::iter::once(own).chain(reported).map(|id| RowKey { subject, id }).collect()
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let header = &event.header;
        let body = readable(event)?;
        if key.id.is_nil() {
            return Err(FoldError(format!("event {}: its stream is not named by an identifier", header.position)));
        }
        let known: Option<ActivityRow> = load(row)?;
        if key.id != entry_of(header) {
            // Another entry's report: there is something to mark only if the entry is there.
            return match known {
                Some(mut row) => {
                    row.report(header.occurred_at);
                    store(&row)
                }
                None => Ok(None),
            };
        }
        let mut row = known.unwrap_or_else(|| ActivityRow::begun(key.id, header));
        row.take_header(header);
        match body {
            Some(body) if row.redaction == Redaction::None => {
                row.take_network(event.network.as_ref());
                match body {
                    AnyEvent::Ceremony(body) => ceremony::apply(&mut row, body, header),
                    body => effects::apply(&mut row, body, header),
                }
            }
            _ => {
                row.redact();
                effects::name_in_clear(&mut row, header);
            }
        }
        row.refresh();
        store(&row)
    }
}
