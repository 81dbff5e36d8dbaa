//! What every event has in common: its catalogue entry, its retention class, and how the log reads it
//! back without knowing its aggregate.

use chrono::{DateTime, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::account::AccountEvent;
use crate::ceremony::CeremonyEvent;
use crate::claim::ClaimEvent;
use crate::device::DeviceEvent;
use crate::operation::OperationEvent;
use crate::session::SessionEvent;

/// How long an event's body can be read. After that its epoch's secret is destroyed and the event
/// loads as shredded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetentionClass {
    /// What the account is: as long as the account exists.
    Identity,
    /// What happened: the calendar month and 24 months more.
    Security,
    /// Addresses and user agents: the calendar month and 3 months more.
    Network,
}

impl RetentionClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Security, Self::Network];

    /// The name in headers and key rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Security => "security",
            Self::Network => "network",
        }
    }

    /// The class that [`RetentionClass::as_str`] names.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Months kept after the month of the event, `None` for ever.
    pub const fn months(self) -> Option<u32> {
        match self {
            Self::Identity => None,
            Self::Security => Some(24),
            Self::Network => Some(3),
        }
    }

    /// The epoch (time bucket) of an event of this class: the first day of its month, or the first
    /// day of 1970 for a class that never expires.
    pub fn epoch(self, at: DateTime<Utc>) -> NaiveDate {
        use chrono::Datelike;
        let day = match self.months() {
            None => NaiveDate::from_ymd_opt(1970, 1, 1),
            Some(_) => at.date_naive().with_day(1),
        };
        day.unwrap_or_default()
    }

    /// The first day on which an epoch of this class may be destroyed.
    pub fn expires(self, epoch: NaiveDate) -> Option<NaiveDate> {
        epoch.checked_add_months(Months::new(self.months()? + 1))
    }
}

/// How sensitive a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// Tells nothing about a person on its own.
    Plain,
    /// Personal data (GDPR Art. 4(1)).
    Personal,
    /// Proves who somebody is; never disclosed, not even to them.
    Secret,
}

/// A field of an event, for the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The JSON name.
    pub name: &'static str,
    /// The Rust type, as written.
    pub kind: &'static str,
    /// How sensitive it is.
    pub sensitivity: Sensitivity,
    /// What it means.
    pub doc: &'static str,
}

/// Why the event may be kept at all (GDPR Art. 5(1)(b)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessingPurpose {
    /// Providing the account the person asked for.
    Account,
    /// Keeping accounts secure and incidents explainable.
    Security,
    /// Showing that the law was followed.
    Accountability,
}

/// The legal basis of the processing (GDPR Art. 6(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegalBasis {
    /// Art. 6(1)(b).
    Contract,
    /// Art. 6(1)(c).
    LegalObligation,
    /// Art. 6(1)(f).
    LegitimateInterest,
}

/// The catalogue entry of an event type. Names and fields are a public interface for ever.
#[derive(Clone, Copy, Debug)]
pub struct EventSpec {
    /// The aggregate whose streams carry it.
    pub aggregate: &'static str,
    /// The unique name.
    pub name: &'static str,
    /// The current schema version.
    pub version: u32,
    /// What it records.
    pub doc: &'static str,
    /// How long its body can be read.
    pub class: RetentionClass,
    /// Why it is kept.
    pub purpose: ProcessingPurpose,
    /// On what legal basis.
    pub basis: LegalBasis,
    /// Its fields.
    pub fields: &'static [FieldSpec],
}

/// An event that the log can write and read.
pub trait LoggedEvent: cqrs_es::DomainEvent {
    /// The catalogue of this aggregate's events.
    const SPECS: &'static [EventSpec];

    /// This event's catalogue entry; `None` for a shredded one.
    fn spec(&self) -> Option<&'static EventSpec>;

    /// What is left of an event whose key is gone.
    fn shredded(event_type: &str, event_version: &str) -> Self;
}

/// Any event of the domain, as the readers of the whole log see it.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyEvent {
    /// Of an account stream.
    Account(AccountEvent),
    /// Of a claim stream.
    Claim(ClaimEvent),
    /// Of a ceremony stream.
    Ceremony(CeremonyEvent),
    /// Of a device stream.
    Device(DeviceEvent),
    /// Of a session stream.
    Session(SessionEvent),
    /// Of an operation stream.
    Operation(OperationEvent),
}

/// Why a stored body is not an event of this version of Vitne.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No aggregate of that name.
    #[error("unknown aggregate type {0}")]
    UnknownAggregate(String),
    /// The body is not one of the aggregate's events.
    #[error("{aggregate} event {event_type} v{version} cannot be read: {source}")]
    Body {
        /// The aggregate type.
        aggregate: String,
        /// The event type as stored.
        event_type: String,
        /// The version as stored.
        version: String,
        /// The decoder's reason (names fields, never values).
        source: serde_json::Error,
    },
}

impl AnyEvent {
    /// Reads a body of the given aggregate, of whatever version it was written in.
    pub fn decode(
        aggregate: &str,
        event_type: &str,
        version: &str,
        body: serde_json::Value,
    ) -> Result<Self, DecodeError> {
        let body = crate::upcast::upcast(event_type, version, body);
        let result = match aggregate {
            "account" => serde_json::from_value(body).map(Self::Account),
            "claim" => serde_json::from_value(body).map(Self::Claim),
            "ceremony" => serde_json::from_value(body).map(Self::Ceremony),
            "device" => serde_json::from_value(body).map(Self::Device),
            "session" => serde_json::from_value(body).map(Self::Session),
            "operation" => serde_json::from_value(body).map(Self::Operation),
            other => return Err(DecodeError::UnknownAggregate(other.to_owned())),
        };
        result.map_err(|source| DecodeError::Body {
            aggregate: aggregate.to_owned(),
            event_type: event_type.to_owned(),
            version: version.to_owned(),
            source,
        })
    }

    /// Every event type, in catalogue order.
    pub fn catalogue() -> impl Iterator<Item = &'static EventSpec> {
        AccountEvent::SPECS
            .iter()
            .chain(ClaimEvent::SPECS)
            .chain(CeremonyEvent::SPECS)
            .chain(DeviceEvent::SPECS)
            .chain(SessionEvent::SPECS)
            .chain(OperationEvent::SPECS)
    }
}
