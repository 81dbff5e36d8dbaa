//! What people are to be told, computed from the log. Pure: sending is somebody else's work, and what
//! was sent is kept apart ([`Delivery`]), so that rebuilding this projection sends nothing.

mod delivery;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::account::{AccountEvent, AuthenticatorCause, PasswordCause};
use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::device::DeviceEvent;
use vitne_domain::id::{AccountId, CeremonyId, DeviceId};
use vitne_domain::policy::Method;
use vitne_eventlog::{Body, Recorded};

use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

pub use delivery::{Delivery, DueMessage, Settlement};

/// Which text a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Template {
    /// A link that proves an address or is evidence for a reset; the ceremony says which.
    EmailLink,
    /// Somebody tried to register with an address that has an account.
    RegistrationAttempted,
    /// The password was changed.
    PasswordChanged,
    /// The password was reset.
    PasswordReset,
    /// The address was changed.
    EmailChanged,
    /// An authenticator was added.
    AuthenticatorAdded,
    /// An authenticator was removed.
    AuthenticatorRemoved,
    /// An authenticator was suspended.
    AuthenticatorSuspended,
    /// An authenticator was disabled after too many failures.
    AuthenticatorDisabled,
    /// Two-step verification was switched on.
    TwoStepEnabled,
    /// Two-step verification was switched off.
    TwoStepDisabled,
    /// New recovery codes were made.
    RecoveryCodesIssued,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// A device was reported lost.
    DeviceReportedLost,
    /// A sign-in from a device never seen before.
    NewDevice,
    /// Many failed attempts.
    ManyFailures,
    /// Activity was reported as not the person's.
    NotMeReported,
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The position of the event that asks for it.
    pub sequence: u64,
    /// When it happened.
    pub occurred_at: chrono::DateTime<chrono::Utc>,
    /// Which text.
    pub template: Template,
    /// Whose account.
    pub subject: AccountId,
    /// The ceremony it belongs to.
    pub ceremony: Option<CeremonyId>,
    /// The device it happened on.
    pub device: Option<DeviceId>,
    /// The sequence of the event in its stream: which of a ceremony's links this is.
    pub stream_sequence: u64,
    /// An address that is told beside the account's own: the one that was just replaced.
    pub also_to: Option<String>,
}

/// The projection of due messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outbox;

static TABLE: Table = Table {
    name: "outbox",
    columns: &[Column { name: "sequence", kind: ColumnType::BigInt }],
    indexes: &["(sequence)"],
};

fn template(event: &AnyEvent) -> Option<Template> {
    match event {
        AnyEvent::Account(event) => account_template(event),
        AnyEvent::Ceremony(CeremonyEvent::CeremonyProofRequested { method: Method::EmailLink, .. }) => {
            Some(Template::EmailLink)
        }
        AnyEvent::Device(DeviceEvent::DeviceReportedLost {}) => Some(Template::DeviceReportedLost),
        AnyEvent::Device(DeviceEvent::DeviceFirstSeen { .. }) => Some(Template::NewDevice),
        _ => None,
    }
}

fn account_template(event: &AccountEvent) -> Option<Template> {
    match event {
        AccountEvent::PasswordSet { cause: PasswordCause::Change, .. } => Some(Template::PasswordChanged),
        AccountEvent::PasswordSet { cause: PasswordCause::Reset, .. } => Some(Template::PasswordReset),
        AccountEvent::EmailChanged { .. } => Some(Template::EmailChanged),
        AccountEvent::RegistrationAttempted {} => Some(Template::RegistrationAttempted),
        AccountEvent::AuthenticatorEnrolled { .. } => Some(Template::AuthenticatorAdded),
        // A replaced authenticator is told of by the one that replaced it.
        AccountEvent::AuthenticatorRemoved { cause: AuthenticatorCause::Replaced, .. } => None,
        AccountEvent::AuthenticatorRemoved { .. } => Some(Template::AuthenticatorRemoved),
        AccountEvent::AuthenticatorSuspended { .. } => Some(Template::AuthenticatorSuspended),
        AccountEvent::AuthenticatorDisabled { .. } => Some(Template::AuthenticatorDisabled),
        AccountEvent::TwoStepEnabled {} => Some(Template::TwoStepEnabled),
        AccountEvent::TwoStepDisabled {} => Some(Template::TwoStepDisabled),
        AccountEvent::RecoveryCodesIssued { .. } => Some(Template::RecoveryCodesIssued),
        AccountEvent::RecoveryCodeUsed { .. } => Some(Template::RecoveryCodeUsed),
        AccountEvent::FailureNoticeDue { .. } => Some(Template::ManyFailures),
        AccountEvent::NotMeReported { .. } => Some(Template::NotMeReported),
        _ => None,
    }
}

impl Projection for Outbox {
    fn name(&self) -> &'static str {
        "outbox"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        let (Some(subject), Body::Event(body)) = (event.header.subject, &event.body) else { return Vec::new() };
        match template(body) {
            Some(_) => vec![RowKey { subject, id: event.header.event_id.0 }],
            None => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let Body::Event(body) = &event.body else { return Ok(row) };
        let Some(template) = template(body) else { return Ok(row) };
        let message = Message {
            sequence: event.header.position.0,
            occurred_at: event.header.occurred_at,
            template,
            subject: key.subject,
            ceremony: event.header.ceremony,
            device: event.header.device,
            stream_sequence: event.header.sequence,
            also_to: match body {
                AnyEvent::Account(AccountEvent::EmailChanged { previous, .. }) => Some(previous.clone()),
                _ => None,
            },
        };
        serde_json::to_value(message).map(Some).map_err(|error| FoldError(error.to_string()))
    }
}

/// The message's identifier, which makes sending it twice recognisable: the event that asks for it.
pub fn message_id(event: &Recorded) -> Uuid {
    event.header.event_id.0
}
