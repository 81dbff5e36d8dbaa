//! What every projection needs to read an event and to keep a document.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::account::AccountEvent;
use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::claim::ClaimEvent;
use vitne_domain::device::DeviceEvent;
use vitne_domain::operation::OperationEvent;
use vitne_domain::session::SessionEvent;
use vitne_eventlog::{Body, Header, Recorded};

use crate::FoldError;

/// The event, or `None` when its key is gone. An event that this version does not know is an error: it
/// must never be passed over.
pub(crate) fn readable(event: &Recorded) -> Result<Option<&AnyEvent>, FoldError> {
    match &event.body {
        Body::Event(any) if is_shredded(any) => Ok(None),
        Body::Event(any) => Ok(Some(any)),
        Body::Shredded => Ok(None),
        Body::Unreadable(why) => Err(FoldError(format!(
            "event {} ({} v{}) is unknown to this version: {why}",
            event.header.position, event.header.event_type, event.header.event_version
        ))),
    }
}

/// The event where it can be read, for choosing keys.
pub(crate) fn peek(event: &Recorded) -> Option<&AnyEvent> {
    readable(event).ok().flatten()
}

/// Whether it could be opened and is unknown.
pub(crate) fn is_unknown(event: &Recorded) -> bool {
    matches!(event.body, Body::Unreadable(_))
}

fn is_shredded(event: &AnyEvent) -> bool {
    matches!(
        event,
        AnyEvent::Account(AccountEvent::Shredded { .. })
            | AnyEvent::Claim(ClaimEvent::Shredded { .. })
            | AnyEvent::Ceremony(CeremonyEvent::Shredded { .. })
            | AnyEvent::Device(DeviceEvent::Shredded { .. })
            | AnyEvent::Session(SessionEvent::Shredded { .. })
            | AnyEvent::Operation(OperationEvent::Shredded { .. })
    )
}

/// The identifier in a stream's name. The nil identifier stands for a name that is none; see [`named`].
pub(crate) fn stream_id(header: &Header) -> Uuid {
    Uuid::parse_str(&header.aggregate_id).unwrap_or_default()
}

/// Refuses the key of a stream whose name is not an identifier.
pub(crate) fn named(id: Uuid, header: &Header) -> Result<Uuid, FoldError> {
    if id.is_nil() {
        return Err(FoldError(format!(
            "event {}: stream {}/{} is not named by an identifier",
            header.position, header.aggregate_type, header.aggregate_id
        )));
    }
    Ok(id)
}

/// The document as the projection's type.
pub(crate) fn load<T: DeserializeOwned>(row: Option<Value>) -> Result<Option<T>, FoldError> {
    row.map(serde_json::from_value)
        .transpose()
        .map_err(|error| FoldError(format!("the stored row is not of this projection's version: {error}")))
}

/// The projection's type as the document.
pub(crate) fn store<T: Serialize>(row: &T) -> Result<Option<Value>, FoldError> {
    serde_json::to_value(row).map(Some).map_err(|error| FoldError(format!("the row cannot be written: {error}")))
}

/// Text that a `jsonb` document can hold: PostgreSQL refuses U+0000 in text.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').collect()
}

/// The public name of a value of an enumeration, as it stands in documents.
pub(crate) fn code<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
