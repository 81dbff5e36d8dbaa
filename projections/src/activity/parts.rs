//! What an entry is made of: what was asked and achieved, who with, where from, and its steps, effects and events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::id::{CredentialId, DeviceId, EventId, SessionId};
use vitne_domain::policy::{Cause, Method, Purpose};

use super::kinds::EntryType;

/// What is left of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Redaction {
    /// All of it.
    None,
    /// Type, time and the clear headers of its events.
    Shredded,
}

/// What a ceremony was asked to prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// What for.
    pub purpose: Purpose,
    /// Why so much.
    pub causes: Vec<Cause>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// What a ceremony proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Achieved {
    /// The authentication context class.
    pub acr: Option<String>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When the last proof was given.
    pub auth_time: DateTime<Utc>,
    /// Device trust took the place of the second step.
    pub by_device_trust: bool,
}

/// An authenticator, as it was called at the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    /// Which one; `None` for a password or recovery codes.
    pub id: Option<CredentialId>,
    /// What it proves with.
    pub kind: Method,
    /// Its owner's name for it.
    pub label: Option<String>,
}

/// A device, as it called itself at the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRef {
    /// Which one; `None` for one that is not known on this account.
    pub id: Option<DeviceId>,
    /// The browser or program it claimed to be.
    pub browser: Option<String>,
    /// The operating system it claimed to run.
    pub os: Option<String>,
    /// Whether its trust was used or given.
    pub trusted: bool,
    /// Whether the account had not seen it before.
    pub first_seen: bool,
}

/// Where a request came from, coarsened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The network: /24 of an IPv4, /48 of an IPv6 address.
    pub ip: Option<String>,
    /// `TRUNCATED_24`, `TRUNCATED_48` or `NONE`.
    pub ip_precision: String,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// One step of a story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What happened, such as `PASSWORD_OK` or `TOTP_REFUSED`.
    pub code: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By which method.
    pub method: Option<Method>,
    /// By which authenticator.
    pub credential: Option<CredentialId>,
    /// Its owner's name for it at the time.
    pub label: Option<String>,
    /// The number of the recovery code.
    pub number: Option<u8>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Which event says so.
    pub event_id: EventId,
    /// Where that event stands.
    pub position: u64,
}

/// One thing an entry did to something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// What, such as `SESSION_ENDED` or `DEVICE_TRUST_DROPPED`.
    pub kind: EntryType,
    /// When.
    pub at: DateTime<Utc>,
    /// To which device.
    pub device: Option<DeviceId>,
    /// To which session.
    pub session: Option<SessionId>,
    /// To which authenticator.
    pub credential: Option<CredentialId>,
    /// The name involved.
    pub label: Option<String>,
    /// Why, as a reason code.
    pub cause: Option<String>,
    /// How many, or which number.
    pub count: Option<u32>,
    /// Which event says so.
    pub event_id: EventId,
    /// Where that event stands.
    pub position: u64,
}

/// One event of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRef {
    /// Its identifier.
    pub id: EventId,
    /// Its place in the log. Leaf `position - 1` of the tree.
    pub position: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The aggregate of its stream.
    pub aggregate: String,
    /// Its place in its stream.
    pub version: u64,
}
