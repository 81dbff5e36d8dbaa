//! A small projection and a log in memory, for the tests of the engine and of the replay.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use this"
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;
use vitne_domain::device::{DeviceEvent, DeviceKind, Platform};
use vitne_domain::id::{AccountId, CorrelationId, EventId};
use vitne_domain::operation::OperationEvent;
use vitne_domain::{Actor, AnyEvent, RetentionClass};
use vitne_eventlog::{Body, Header, LoadError, Position, ReadError, Recorded, Shard};

use super::Source;
use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// One row for each device of a person, and one for the person that counts all of them.
#[derive(Default)]
pub struct Tally {
    /// Whether the fold can take the label `poison`.
    pub mended: AtomicBool,
    /// Added to 1.
    pub version: u32,
}

static TALLY: Table = Table {
    name: "tally",
    columns: &[
        Column { name: "events", kind: ColumnType::BigInt },
        Column { name: "last_at", kind: ColumnType::Timestamp },
        Column { name: "types", kind: ColumnType::TextArray },
        Column { name: "label", kind: ColumnType::Text },
    ],
    indexes: &["(subject, last_at desc)", "(label)"],
};

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u32 {
        self.version + 1
    }

    fn table(&self) -> &'static Table {
        &TALLY
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        match (event.header.subject, event.header.aggregate_type.as_str()) {
            (Some(subject), "device") => {
                let device = event.header.aggregate_id.parse().expect("a device's stream id");
                vec![RowKey { subject, id: device }, RowKey { subject, id: subject.0 }]
            }
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let mut doc = row.unwrap_or_else(|| json!({"events": 0, "types": [], "label": null}));
        let own = key.id != key.subject.0;
        match &event.body {
            Body::Event(AnyEvent::Device(DeviceEvent::DeviceForgotten {})) if own => return Ok(None),
            Body::Event(AnyEvent::Device(DeviceEvent::DeviceRenamed { label })) => {
                if label == "poison" && !self.mended.load(Ordering::SeqCst) {
                    return Err(FoldError("the label cannot be folded".to_owned()));
                }
                doc["label"] = json!(label);
            }
            _ => {}
        }
        doc["events"] = json!(doc["events"].as_i64().unwrap_or(0) + 1);
        doc["last_at"] = json!(event.header.occurred_at);
        let types = doc["types"].as_array_mut().expect("an array");
        types.push(json!(event.header.event_type));
        if types.len() > 3 {
            types.remove(0);
        }
        Ok(Some(doc))
    }
}

/// A log in memory, which can be made to fail.
#[derive(Default)]
pub struct MemoryLog {
    events: Mutex<Vec<Recorded>>,
    head: watch::Sender<Position>,
    /// After so many events, a reading person by person ends with an error. 0: never.
    pub fail_after: AtomicU64,
    /// After so many events, a reading person by person ends as if it were complete. 0: never.
    pub stop_after: AtomicU64,
}

impl MemoryLog {
    /// Appends, and gives the last position.
    pub fn append(&self, events: impl IntoIterator<Item = Recorded>) -> Position {
        let mut kept = self.events.lock().unwrap();
        for mut event in events {
            event.header.position = Position(kept.len() as u64 + 1);
            event.header.recorded_at = moment(event.header.position.0);
            event.header.occurred_at = moment(event.header.position.0);
            kept.push(event);
        }
        let last = Position(kept.len() as u64);
        drop(kept);
        self.head.send_replace(last);
        last
    }

    /// Changes an event that was appended, as when a newer program can read it.
    pub fn replace_body(&self, position: Position, body: Body) {
        self.events.lock().unwrap()[position.0 as usize - 1].body = body;
    }

    /// All events.
    pub fn all(&self) -> Vec<Recorded> {
        self.events.lock().unwrap().clone()
    }

    fn pages_of(&self, mut events: Vec<Recorded>) -> BoxStream<'_, Result<Vec<Recorded>, ReadError>> {
        let fail = self.fail_after.load(Ordering::SeqCst) as usize;
        let stop = self.stop_after.load(Ordering::SeqCst) as usize;
        let mut failure = None;
        if fail > 0 && events.len() > fail {
            events.truncate(fail);
            failure = Some(Err(ReadError::Unavailable("the connection was lost".to_owned())));
        }
        if stop > 0 {
            events.truncate(stop);
        }
        let pages: Vec<_> = events.chunks(7).map(|page| Ok(page.to_vec())).collect();
        stream::iter(pages.into_iter().chain(failure)).boxed()
    }
}

fn moment(position: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(position as i64)
}

#[async_trait]
impl Source for MemoryLog {
    async fn read(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        Ok(self.events.lock().unwrap().iter().skip(after.0 as usize).take(limit as usize).cloned().collect())
    }

    async fn read_subject(
        &self,
        subject: AccountId,
        after: Position,
        up_to: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        let wanted = |event: &Recorded| {
            event.header.subject == Some(subject) && event.header.position > after && event.header.position <= up_to
        };
        Ok(self.all().into_iter().filter(wanted).collect())
    }

    fn scan(&self, up_to: Position, shard: Shard) -> BoxStream<'_, Result<Vec<Recorded>, ReadError>> {
        let mine = |event: &Recorded| {
            let number = event.header.subject.map_or(0, |subject| subject.0.as_u128());
            event.header.position <= up_to && number % u128::from(shard.of) == u128::from(shard.index)
        };
        let mut events: Vec<Recorded> = self.all().into_iter().filter(mine).collect();
        events.sort_by_key(|event| (event.header.subject.is_none(), event.header.subject, event.header.position));
        self.pages_of(events)
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Ok(Position(self.events.lock().unwrap().len() as u64))
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn skips(&self, projection: &str, version: u32) -> Result<BTreeSet<Position>, LoadError> {
        let skipped = |event: Recorded| match event.body {
            Body::Event(AnyEvent::Operation(OperationEvent::ProjectionEventSkipped {
                projection: name,
                version: of,
                position,
                ..
            })) if name == projection && of == version => Some(Position(position)),
            _ => None,
        };
        Ok(self.all().into_iter().filter_map(skipped).collect())
    }
}

/// The n-th person.
pub fn person(number: u32) -> AccountId {
    // Spread, so that shares are of like size and the order is not that of making.
    AccountId(Uuid::from_u64_pair(u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15), u64::from(number)))
}

/// The n-th device of a person.
pub fn device(person: AccountId, number: u32) -> Uuid {
    Uuid::from_u128(person.0.as_u128().wrapping_add(1 + u128::from(number)))
}

/// An event as the log would give it; [`MemoryLog::append`] sets position and times.
pub fn recorded(subject: Option<AccountId>, stream: (&str, String), event_type: &str, body: Body) -> Recorded {
    Recorded {
        header: Header {
            position: Position(0),
            aggregate_type: stream.0.to_owned(),
            aggregate_id: stream.1,
            sequence: 1,
            event_type: event_type.to_owned(),
            event_version: "1".to_owned(),
            event_id: EventId(Uuid::nil()),
            subject,
            actor: Actor::User,
            correlation: CorrelationId(Uuid::nil()),
            causation: None,
            ceremony: None,
            session: None,
            device: None,
            occurred_at: DateTime::UNIX_EPOCH,
            recorded_at: DateTime::UNIX_EPOCH,
            class: RetentionClass::Security,
            epoch: NaiveDate::default(),
            commitment: [0; 32],
        },
        body,
        network: None,
    }
}

/// A device is seen.
pub fn seen(account: AccountId, number: u32) -> Recorded {
    let platform = Platform { kind: DeviceKind::Phone, os: None, os_version: None, browser: None };
    of_device(account, number, "DeviceFirstSeen", DeviceEvent::DeviceFirstSeen { account, platform })
}

/// A device gets a name; `poison` cannot be folded.
pub fn renamed(account: AccountId, number: u32, label: &str) -> Recorded {
    of_device(account, number, "DeviceRenamed", DeviceEvent::DeviceRenamed { label: label.to_owned() })
}

/// A device is forgotten, and its row goes.
pub fn forgotten(account: AccountId, number: u32) -> Recorded {
    of_device(account, number, "DeviceForgotten", DeviceEvent::DeviceForgotten {})
}

fn of_device(account: AccountId, number: u32, event_type: &str, event: DeviceEvent) -> Recorded {
    let stream = ("device", device(account, number).to_string());
    recorded(Some(account), stream, event_type, Body::Event(AnyEvent::Device(event)))
}

/// A person is erased; the body is gone with the key.
pub fn erased(account: AccountId) -> Recorded {
    recorded(Some(account), ("account", account.to_string()), "SubjectErased", Body::Shredded)
}

/// An event of a type that this program does not know.
pub fn unknown(subject: Option<AccountId>) -> Recorded {
    let stream = subject.map_or(("operation", "future".to_owned()), |subject| ("account", subject.to_string()));
    recorded(subject, stream, "FromTheFuture", Body::Unreadable("unknown event type FromTheFuture".to_owned()))
}

/// An operator lets the tally pass an event.
pub fn skipped(position: Position) -> Recorded {
    let event = OperationEvent::ProjectionEventSkipped {
        projection: "tally".to_owned(),
        version: 1,
        position: position.0,
        reason: "a test".to_owned(),
    };
    let stream = ("operation", super::skip_stream("tally"));
    recorded(None, stream, "ProjectionEventSkipped", Body::Event(AnyEvent::Operation(event)))
}

/// A log in memory with a mixed history of some people.
pub fn history(people: u32, events: u32) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::default());
    log.append((0..events).map(|number| mixed(people, number)));
    log
}

/// The n-th event of a mixed history.
pub fn mixed(people: u32, number: u32) -> Recorded {
    let account = person(number % people);
    let round = number / people;
    match round % 7 {
        0 | 3 => seen(account, round % 3),
        6 => forgotten(account, round % 3),
        _ => renamed(account, round % 3, &format!("name {number}\t\"å\\")),
    }
}
