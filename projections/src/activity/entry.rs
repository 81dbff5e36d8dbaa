//! The published shape of an entry, `activity-entry/1`, computed from the stored facts.
//!
//! What a row cannot know is left to the reader of the entry: the device's name today, a session's
//! state, the leaf's hash and proof.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use vitne_domain::event::{LegalBasis, ProcessingPurpose};
use vitne_domain::id::{AccountId, CorrelationId, EventId, SessionId};
use vitne_domain::policy::{Cause, Method, Purpose};
use vitne_domain::{Actor, AnyEvent, RetentionClass};

use super::kinds::{Category, EntryType, Outcome, ReviewState, Severity};
use super::parts::{CredentialRef, DeviceRef, Effect, EventRef, Place, Redaction, Step};
use super::row::ActivityRow;
use crate::reading::code;

/// One entry, as it is published: in GraphQL, in bundles, in reports.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityEntry {
    /// Its ceremony, else its request.
    pub id: Uuid,
    /// `activity-entry/1`.
    pub schema: &'static str,
    /// Position of its first event; never changes.
    pub sequence: u64,
    /// Whose it is, and how far the stream of its first event was.
    pub stream: StreamView,
    /// When it began.
    pub occurred_at: DateTime<Utc>,
    /// When the database took its first event.
    pub recorded_at: DateTime<Utc>,
    /// When its last event happened.
    pub concluded_at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EntryType,
    /// The schema version of the event that named it.
    pub event_schema_version: String,
    /// Where it is filed.
    pub category: Category,
    /// How much attention it asks for.
    pub severity: Severity,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so.
    pub reason: Option<ReasonView>,
    /// What to tell people.
    pub message: MessageView,
    /// Who did it.
    pub actor: ActorView,
    /// The story.
    pub attempt: Option<AttemptView>,
    /// What was asked for and what was proved.
    pub assurance: Option<AssuranceView>,
    /// The authenticator it is about, or that was used last.
    pub credential: Option<CredentialRef>,
    /// The device it happened on.
    pub device: Option<DeviceRef>,
    /// The session it happened in, opened or raised.
    pub session: Option<SessionView>,
    /// The application it was for.
    pub application: Option<String>,
    /// Where it came from.
    pub network: Option<Place>,
    /// What is unusual about it.
    pub risk: RiskView,
    /// What it did, each with the event that says so.
    pub effects: Vec<Effect>,
    /// What its owner has said about it.
    pub review: ReviewView,
    /// What it belongs together with.
    pub links: LinksView,
    /// Who may see it.
    pub visibility: Vec<&'static str>,
    /// Why and how long it is kept.
    pub privacy: PrivacyView,
    /// Where it stands in the log.
    pub integrity: IntegrityView,
}

/// Whose entry, and how far the stream of its first event was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamView {
    /// Whose.
    pub subject: AccountId,
    /// The place of the first event in its stream.
    pub version: u64,
}

/// Why an entry ended as it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonView {
    /// A reason code; its text has the key `reason-<code>`.
    pub code: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

/// What to tell people: a key and its arguments, rendered by `text::render`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// The key.
    pub key: String,
    /// The key of the short title.
    pub title_key: String,
    /// The arguments: exactly those of [`EntryType::arguments`].
    pub args: Map<String, Value>,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActorView {
    /// What kind of actor.
    pub kind: Actor,
    /// The account, where its owner did it.
    #[serde(rename = "ref")]
    pub account: Option<AccountId>,
}

/// The story of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// The ceremony or request.
    pub id: Uuid,
    /// How many steps it has.
    pub step: usize,
    /// Their codes, in order.
    pub steps: Vec<String>,
    /// The same with time, method, authenticator and event.
    pub details: Vec<Step>,
}

/// What was asked for and what was proved.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssuranceView {
    /// The authentication context class asked for.
    pub requested_acr: Option<String>,
    /// The one achieved.
    pub achieved_acr: Option<String>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// What for.
    pub purpose: Purpose,
    /// `PROOFS`, or `DEVICE_TRUST` where that took the place of the second step.
    pub satisfied_by: Option<&'static str>,
    /// When the last proof was given.
    pub auth_time: Option<DateTime<Utc>>,
    /// Why so much was asked for.
    pub policy: PolicyView,
}

/// Why so much was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyView {
    /// The causes.
    pub causes: Vec<Cause>,
}

/// A session in an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Which one.
    pub id: SessionId,
    /// What the entry did to it: `STARTED`, `ELEVATED`, `ENDED`, or `USED`.
    pub state: &'static str,
}

/// What is unusual about an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskView {
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub level: &'static str,
    /// `NEW_DEVICE`, `SUCCESS_AFTER_FAILURES`.
    pub signals: Vec<&'static str>,
}

/// What its owner has said about an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewView {
    /// The state.
    pub state: ReviewState,
    /// Whether "this wasn't me" can be said of it.
    pub can_report: bool,
    /// When it was said.
    pub reported_at: Option<DateTime<Utc>>,
}

/// What an entry belongs together with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinksView {
    /// The request that began it.
    pub correlation_id: CorrelationId,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
}

/// Why and how long an entry is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivacyView {
    /// Such as `ART_6_1_F_SECURITY`.
    pub legal_basis: String,
    /// The shortest-lived class among its events.
    pub retention_class: RetentionClass,
    /// From when it can no longer be read; `None` for as long as the account exists.
    pub expires_at: Option<NaiveDate>,
    /// What is left of it.
    pub redaction: Redaction,
}

/// Where an entry stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrityView {
    /// The leaf of its first event.
    pub leaf_index: u64,
    /// All its events; the leaf of each is its position less one.
    pub events: Vec<EventRef>,
}

impl ActivityRow {
    /// The published shape. `subject` is the person whose row it is.
    pub fn entry(&self, subject: AccountId) -> ActivityEntry {
        let requested = self.requested.as_ref();
        ActivityEntry {
            id: self.id,
            schema: "activity-entry/1",
            sequence: self.sequence,
            stream: StreamView { subject, version: self.events.first().map_or(0, |event| event.version) },
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            concluded_at: self.concluded_at,
            kind: self.kind,
            event_schema_version: self.named_by_version.clone(),
            category: self.category,
            severity: self.severity,
            outcome: self.outcome,
            reason: self.reason.as_ref().map(|code| ReasonView {
                retryable: matches!(code.as_str(), "WRONG" | "REUSED" | "EXPIRED"),
                code: code.clone(),
            }),
            message: MessageView {
                key: self.kind.message_key(),
                title_key: self.kind.title_key(),
                args: self.kind.arguments().iter().map(|name| ((*name).to_owned(), self.argument(name))).collect(),
            },
            actor: ActorView { kind: self.actor, account: (self.actor == Actor::User).then_some(subject) },
            attempt: (!self.steps.is_empty()).then(|| AttemptView {
                id: self.id,
                step: self.steps.len(),
                steps: self.steps.iter().map(|step| step.code.clone()).collect(),
                details: self.steps.clone(),
            }),
            assurance: requested.map(|requested| AssuranceView {
                requested_acr: requested.purpose.acr().map(ToOwned::to_owned),
                achieved_acr: self.achieved.as_ref().and_then(|achieved| achieved.acr.clone()),
                amr: self.achieved.as_ref().map(|achieved| achieved.amr.clone()).unwrap_or_default(),
                purpose: requested.purpose,
                satisfied_by: self.achieved.as_ref().map(|achieved| match achieved.by_device_trust {
                    true => "DEVICE_TRUST",
                    false => "PROOFS",
                }),
                auth_time: self.achieved.as_ref().map(|achieved| achieved.auth_time),
                policy: PolicyView { causes: requested.causes.clone() },
            }),
            credential: self.credential.clone(),
            device: self.device.clone(),
            session: self.session.map(|id| SessionView { id, state: self.session_state(id) }),
            application: self.application.clone(),
            network: self.network.clone(),
            risk: self.risk(),
            effects: self.effects.clone(),
            review: ReviewView {
                state: self.review_state,
                can_report: self.can_report(),
                reported_at: self.reported_at,
            },
            links: LinksView { correlation_id: self.correlation, causation_id: self.causation },
            visibility: vec!["SUBJECT", "SUPPORT_CASE", "COMPLIANCE"],
            privacy: PrivacyView {
                legal_basis: self.legal_basis(),
                retention_class: self.class,
                expires_at: self.class.expires(self.epoch),
                redaction: self.redaction,
            },
            integrity: IntegrityView { leaf_index: self.sequence.saturating_sub(1), events: self.events.clone() },
        }
    }

    /// The effect that named the entry, if one did.
    fn naming_effect(&self) -> Option<&Effect> {
        self.effects.iter().rev().find(|effect| effect.kind == self.kind)
    }

    fn effects_of(&self, kind: EntryType) -> usize {
        self.effects.iter().filter(|effect| effect.kind == kind).count()
    }

    /// The value of one argument of the message. Codes are passed as codes; `text` puts words to them.
    fn argument(&self, name: &str) -> Value {
        let effect = self.naming_effect();
        match name {
            "device" => match &self.device {
                Some(device) => json!({ "browser": device.browser, "os": device.os }),
                None => json!({}),
            },
            "methods" => json!(self.accepted_methods()),
            "reason" => json!(self.reason.as_deref().unwrap_or("UNKNOWN")),
            "cause" => json!(effect.and_then(|effect| effect.cause.as_deref()).unwrap_or("UNKNOWN")),
            "purpose" => json!(self.requested.as_ref().map_or_else(|| "UNKNOWN".to_owned(), |r| code(&r.purpose))),
            "label" => {
                let credential = self.credential.as_ref().and_then(|credential| credential.label.as_deref());
                json!(effect.and_then(|effect| effect.label.as_deref()).or(credential).unwrap_or_default())
            }
            "count" => json!(effect.and_then(|effect| effect.count).unwrap_or_default()),
            "ended" => json!(self.effects_of(EntryType::SessionEnded)),
            "suspended" => json!(self.effects_of(EntryType::AuthenticatorSuspended)),
            _ => Value::Null,
        }
    }

    /// Methods that proved something; all that were tried, where none did.
    fn accepted_methods(&self) -> Vec<Method> {
        let mut accepted = Vec::new();
        for step in self.steps.iter().filter(|step| step.code.ends_with("_OK")) {
            if let Some(method) = step.method.filter(|method| !accepted.contains(method)) {
                accepted.push(method);
            }
        }
        if accepted.is_empty() { self.methods.clone() } else { accepted }
    }

    fn session_state(&self, session: SessionId) -> &'static str {
        let of = |kind| self.effects.iter().any(|effect| effect.kind == kind && effect.session == Some(session));
        match () {
            () if of(EntryType::SessionEnded) => "ENDED",
            () if of(EntryType::SessionStarted) => "STARTED",
            () if of(EntryType::SessionElevated) => "ELEVATED",
            () => "USED",
        }
    }

    fn risk(&self) -> RiskView {
        let mut signals = Vec::new();
        if self.device.as_ref().is_some_and(|device| device.first_seen) {
            signals.push("NEW_DEVICE");
        }
        if self.success_after_failures() {
            signals.push("SUCCESS_AFTER_FAILURES");
        }
        let level = match signals.len() {
            0 => "LOW",
            1 => "MEDIUM",
            _ => "HIGH",
        };
        RiskView { level, signals }
    }

    /// What somebody else could have done can be reported, once, while it can be read.
    fn can_report(&self) -> bool {
        self.redaction == Redaction::None
            && self.review_state == ReviewState::Unreviewed
            && matches!(self.actor, Actor::User | Actor::Anonymous)
            && !matches!(self.kind, EntryType::NotMeReported | EntryType::AccountErased)
    }

    fn legal_basis(&self) -> String {
        let spec = AnyEvent::catalogue().find(|spec| spec.name == self.named_by);
        let article = match spec.map(|spec| spec.basis) {
            Some(LegalBasis::Contract) => "ART_6_1_B",
            Some(LegalBasis::LegalObligation) => "ART_6_1_C",
            Some(LegalBasis::LegitimateInterest) | None => "ART_6_1_F",
        };
        let purpose = match spec.map(|spec| spec.purpose) {
            Some(ProcessingPurpose::Account) => "ACCOUNT",
            Some(ProcessingPurpose::Accountability) => "ACCOUNTABILITY",
            Some(ProcessingPurpose::Security) | None => "SECURITY",
        };
        format!("{article}_{purpose}")
    }
}
