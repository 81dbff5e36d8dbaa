//! Rows of `log.events`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{Row, types::Json};
use uuid::Uuid;
use vitne_domain::id::{AccountId, CeremonyId, CorrelationId, DeviceId, EventId, SessionId};
use vitne_domain::{Actor, RetentionClass};

use crate::{Header, Position};

macro_rules! header_columns {
    () => {
        "position, aggregate_type, aggregate_id, sequence, event_type, event_version, event_id, subject, actor, \
         correlation_id, causation_id, ceremony_id, session_id, device_id, occurred_at, recorded_at, class, epoch, \
         commitment"
    };
}

/// What [`header`] reads, in its order.
pub(crate) const HEADER_COLUMNS: &str = header_columns!();

/// What [`Stored::from_row`] reads, in its order.
pub(crate) const COLUMNS: &str = concat!(header_columns!(), ", payload");

/// An event as it stands in its row: nothing opened.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) header: Header,
    pub(crate) payload: Value,
}

impl Stored {
    pub(crate) fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let payload: Json<Value> = row.try_get(19)?;
        Ok(Self { header: header(row)?, payload: payload.0 })
    }

    /// From the row that postgres-es reads out of `log.streams`. Its position and the moment of
    /// recording are not told there.
    pub(crate) fn from_stream(event: cqrs_es::persist::SerializedEvent) -> Result<Self, String> {
        let meta = Metadata::deserialize(event.metadata).map_err(|error| error.to_string())?;
        let occurred_at = DateTime::from_timestamp_millis(meta.at).ok_or("the event's time is out of range")?;
        Ok(Self {
            header: Header {
                position: Position::default(),
                aggregate_type: event.aggregate_type,
                aggregate_id: event.aggregate_id,
                sequence: event.sequence as u64,
                event_type: event.event_type,
                event_version: event.event_version,
                event_id: meta.event,
                subject: meta.subject,
                actor: Actor::parse(&meta.actor).ok_or_else(|| format!("unknown actor {}", meta.actor))?,
                correlation: meta.correlation,
                causation: meta.causation,
                ceremony: meta.ceremony,
                session: meta.session,
                device: meta.device,
                occurred_at,
                recorded_at: occurred_at,
                class: RetentionClass::parse(&meta.class).ok_or_else(|| format!("unknown class {}", meta.class))?,
                epoch: meta.epoch,
                commitment: unhex(&meta.commitment).ok_or("the commitment is not 32 bytes")?,
            },
            payload: event.payload,
        })
    }
}

/// The metadata of `log.streams`.
#[derive(Deserialize)]
struct Metadata {
    event: EventId,
    subject: Option<AccountId>,
    actor: String,
    correlation: CorrelationId,
    causation: Option<EventId>,
    ceremony: Option<CeremonyId>,
    session: Option<SessionId>,
    device: Option<DeviceId>,
    at: i64,
    class: String,
    epoch: NaiveDate,
    commitment: String,
}

/// The header in a row whose first columns are [`HEADER_COLUMNS`].
pub(crate) fn header(row: &PgRow) -> Result<Header, sqlx::Error> {
    let decode = |reason: String| sqlx::Error::Decode(reason.into());
    let unsigned = |index: usize| {
        u64::try_from(row.try_get::<i64, _>(index)?).map_err(|_| decode("a negative number in the header".to_owned()))
    };
    let (actor, class): (&str, &str) = (row.try_get(8)?, row.try_get(16)?);
    let id = |index: usize| row.try_get::<Option<Uuid>, _>(index);
    Ok(Header {
        position: Position(unsigned(0)?),
        aggregate_type: row.try_get(1)?,
        aggregate_id: row.try_get(2)?,
        sequence: unsigned(3)?,
        event_type: row.try_get(4)?,
        event_version: row.try_get(5)?,
        event_id: EventId(row.try_get(6)?),
        subject: id(7)?.map(AccountId),
        actor: Actor::parse(actor).ok_or_else(|| decode(format!("unknown actor {actor}")))?,
        correlation: CorrelationId(row.try_get(9)?),
        causation: id(10)?.map(EventId),
        ceremony: id(11)?.map(CeremonyId),
        session: id(12)?.map(SessionId),
        device: id(13)?.map(DeviceId),
        occurred_at: row.try_get::<DateTime<Utc>, _>(14)?,
        recorded_at: row.try_get::<DateTime<Utc>, _>(15)?,
        class: RetentionClass::parse(class).ok_or_else(|| decode(format!("unknown class {class}")))?,
        epoch: row.try_get(17)?,
        commitment: row
            .try_get::<&[u8], _>(18)?
            .try_into()
            .map_err(|_| decode("the commitment is not 32 bytes".to_owned()))?,
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
