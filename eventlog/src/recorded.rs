//! Events as they stand in the log.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::id::{AccountId, CeremonyId, CorrelationId, DeviceId, EventId, SessionId};
use vitne_domain::{Actor, AnyEvent, NetworkContext, RetentionClass};

/// A place in the log. The first event has position 1; positions are dense and in commit order, so
/// "position n" also means "the first n events". Leaf `n - 1` of the tree is the event at position n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The clear part of an event: nothing here is personal on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where it stands.
    pub position: Position,
    /// Its stream's aggregate type.
    pub aggregate_type: String,
    /// Its stream's id.
    pub aggregate_id: String,
    /// Its place in its stream, from 1.
    pub sequence: u64,
    /// Its type.
    pub event_type: String,
    /// The schema version it was written with.
    pub event_version: String,
    /// Its identifier.
    pub event_id: EventId,
    /// Whose it is.
    pub subject: Option<AccountId>,
    /// Who did it.
    pub actor: Actor,
    /// The request that caused it.
    pub correlation: CorrelationId,
    /// The event that caused it.
    pub causation: Option<EventId>,
    /// The ceremony it belongs to.
    pub ceremony: Option<CeremonyId>,
    /// The session it happened in.
    pub session: Option<SessionId>,
    /// The device it happened on.
    pub device: Option<DeviceId>,
    /// When it happened, by the writer's clock (milliseconds).
    pub occurred_at: DateTime<Utc>,
    /// When the database took it (microseconds).
    pub recorded_at: DateTime<Utc>,
    /// How long its body can be read.
    pub class: RetentionClass,
    /// The epoch of its class.
    pub epoch: NaiveDate,
    /// The commitment to body and context.
    pub commitment: [u8; 32],
}

/// What could be read of an event's body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The event, upcast to today's version.
    Event(AnyEvent),
    /// Its key has been destroyed.
    Shredded,
    /// It could be opened, but this version of Vitne does not know it. Readers must not pass over it.
    Unreadable(String),
}

/// An event as a reader of the log sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The clear part.
    pub header: Header,
    /// The sealed part, opened.
    pub body: Body,
    /// Where the request came from; `None` once that key is gone.
    pub network: Option<NetworkContext>,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header with something in every field.
    pub(crate) fn header() -> Header {
        let id = uuid::Uuid::from_u128(7);
        let at = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        Header {
            position: Position(3),
            aggregate_type: "account".to_owned(),
            aggregate_id: id.to_string(),
            sequence: 2,
            event_type: "EmailVerified".to_owned(),
            event_version: "1".to_owned(),
            event_id: EventId(id),
            subject: Some(AccountId(id)),
            actor: Actor::User,
            correlation: CorrelationId(id),
            causation: Some(EventId(id)),
            ceremony: Some(CeremonyId(id)),
            session: Some(SessionId(id)),
            device: Some(DeviceId(id)),
            occurred_at: at,
            recorded_at: at,
            class: RetentionClass::Security,
            epoch: RetentionClass::Security.epoch(at),
            commitment: [0; 32],
        }
    }
}
