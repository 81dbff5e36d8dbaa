//! The parts of an entry.

use async_graphql::{ID, Json, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};
use vitne_projections::activity::{self, ActivityEntry};
use vitne_projections::text;

use super::super::enums::{EntryType, Method, Purpose, ReviewState};
use super::super::ids::Kind;
use super::super::scalars::Position;
use super::Scope;
use super::devices::code;

/// The sentence of an entry: its key and arguments, for those who render it themselves.
#[derive(SimpleObject)]
pub(super) struct EntryMessage {
    /// The key of the sentence.
    key: String,
    /// The key of the title.
    title_key: String,
    /// The arguments.
    args: Json<Map<String, Value>>,
}

/// Why an entry ended as it did.
#[derive(SimpleObject)]
pub(super) struct EntryReason {
    /// A stable code.
    code: String,
    /// Whether trying again can help.
    retryable: bool,
}

/// One step of a story.
#[derive(SimpleObject)]
pub(super) struct EntryStep {
    /// What happened, such as `PASSWORD_OK`.
    code: String,
    /// In words.
    text: String,
    /// When.
    at: DateTime<Utc>,
    /// By which method.
    method: Option<Method>,
    /// By which authenticator, as it was called at the time.
    label: Option<String>,
    /// The number of the recovery code.
    number: Option<u8>,
    /// Why it was refused.
    reason: Option<String>,
    /// The event that says so.
    event_id: ID,
    /// Where that event stands.
    position: Position,
}

/// What was asked for and what was proved.
#[derive(SimpleObject)]
pub(super) struct EntryAssurance {
    /// What for.
    purpose: Purpose,
    /// The authentication context class asked for.
    requested_acr: Option<String>,
    /// The one achieved.
    achieved_acr: Option<String>,
    /// How (RFC 8176).
    amr: Vec<String>,
    /// `PROOFS`, or `DEVICE_TRUST` where that took the place of the second step.
    satisfied_by: Option<&'static str>,
    /// When the last proof was given.
    auth_time: Option<DateTime<Utc>>,
    /// Why so much was asked for, as codes.
    causes: Vec<String>,
}

/// The authenticator of an entry, as it was called at the time.
#[derive(SimpleObject)]
pub(super) struct EntryCredential {
    /// Its global id; null for a password or recovery codes.
    id: Option<ID>,
    /// What it proves with.
    kind: Method,
    /// Its owner's name for it.
    label: Option<String>,
}

/// Where an entry came from, coarsened.
#[derive(SimpleObject)]
pub(super) struct EntryNetwork {
    /// The network: /24 of an IPv4, /48 of an IPv6 address.
    ip: Option<String>,
    /// How coarse that is.
    ip_precision: String,
    /// ISO 3166-1 alpha-2.
    country: Option<String>,
}

/// What is unusual about an entry.
#[derive(SimpleObject)]
pub(super) struct EntryRisk {
    /// `LOW`, `MEDIUM` or `HIGH`.
    level: &'static str,
    /// What is unusual.
    signals: Vec<&'static str>,
}

/// One thing an entry did to something else.
#[derive(SimpleObject)]
pub(super) struct EntryEffect {
    /// What.
    #[graphql(name = "type")]
    kind: EntryType,
    /// When.
    at: DateTime<Utc>,
    /// The global id of the device, session or authenticator.
    target: Option<ID>,
    /// The name involved.
    label: Option<String>,
    /// Why, as a code.
    cause: Option<String>,
    /// How many, or which number.
    count: Option<u32>,
    /// The event that says so.
    event_id: ID,
    /// Where that event stands.
    position: Position,
}

/// What its owner has said about an entry.
#[derive(SimpleObject)]
pub(super) struct EntryReview {
    /// The state.
    state: ReviewState,
    /// Whether "this wasn't me" can be said of it.
    can_report: bool,
    /// When it was said.
    reported_at: Option<DateTime<Utc>>,
}

/// Why and how long an entry is kept.
#[derive(SimpleObject)]
pub(super) struct EntryPrivacy {
    /// Such as `ART_6_1_F_SECURITY`.
    legal_basis: String,
    /// The shortest-lived class among its events.
    retention_class: String,
    /// From when it can no longer be read; null for as long as the account exists.
    expires_on: Option<NaiveDate>,
    /// `NONE`, or `SHREDDED` where only type and time are left.
    redaction: String,
}

pub(super) fn message(entry: &ActivityEntry) -> EntryMessage {
    let message = &entry.message;
    EntryMessage { key: message.key.clone(), title_key: message.title_key.clone(), args: Json(message.args.clone()) }
}

pub(super) fn reason(entry: &ActivityEntry) -> Option<EntryReason> {
    entry.reason.as_ref().map(|reason| EntryReason { code: reason.code.clone(), retryable: reason.retryable })
}

pub(super) fn steps(entry: &ActivityEntry, language: vitne_domain::account::Language) -> Vec<EntryStep> {
    let steps = entry.attempt.iter().flat_map(|attempt| &attempt.details);
    steps
        .map(|step| EntryStep {
            code: step.code.clone(),
            text: text::step(language, step),
            at: step.at,
            method: step.method.map(Into::into),
            label: step.label.clone(),
            number: step.number,
            reason: step.reason.clone(),
            event_id: ID::from(step.event_id),
            position: Position(step.position),
        })
        .collect()
}

pub(super) fn assurance(entry: &ActivityEntry) -> Option<EntryAssurance> {
    entry.assurance.as_ref().map(|assurance| EntryAssurance {
        purpose: assurance.purpose.into(),
        requested_acr: assurance.requested_acr.clone(),
        achieved_acr: assurance.achieved_acr.clone(),
        amr: assurance.amr.clone(),
        satisfied_by: assurance.satisfied_by,
        auth_time: assurance.auth_time,
        causes: assurance.policy.causes.iter().map(|cause| cause.message_key().to_owned()).collect(),
    })
}

pub(super) fn credential(scope: &Scope, entry: &ActivityEntry) -> Option<EntryCredential> {
    entry.credential.as_ref().map(|credential| EntryCredential {
        id: credential.id.map(|id| scope.id(Kind::Authenticator, id.0)),
        kind: credential.kind.into(),
        label: credential.label.clone(),
    })
}

pub(super) fn network(entry: &ActivityEntry) -> Option<EntryNetwork> {
    entry.network.as_ref().map(|place| EntryNetwork {
        ip: place.ip.clone(),
        ip_precision: place.ip_precision.clone(),
        country: place.country.clone(),
    })
}

pub(super) fn risk(entry: &ActivityEntry) -> EntryRisk {
    EntryRisk { level: entry.risk.level, signals: entry.risk.signals.clone() }
}

pub(super) fn effects(scope: &Scope, entry: &ActivityEntry) -> Vec<EntryEffect> {
    let target = |effect: &activity::Effect| {
        let credential = effect.credential.map(|id| scope.id(Kind::Authenticator, id.0));
        let session = effect.session.map(|id| scope.id(Kind::Session, id.0));
        credential.or(session).or(effect.device.map(|id| scope.id(Kind::Device, id.0)))
    };
    let effects = entry.effects.iter();
    effects
        .map(|effect| EntryEffect {
            kind: effect.kind.into(),
            at: effect.at,
            target: target(effect),
            label: effect.label.clone(),
            cause: effect.cause.clone(),
            count: effect.count,
            event_id: ID::from(effect.event_id),
            position: Position(effect.position),
        })
        .collect()
}

pub(super) fn review(entry: &ActivityEntry) -> EntryReview {
    let review = &entry.review;
    EntryReview { state: review.state.into(), can_report: review.can_report, reported_at: review.reported_at }
}

pub(super) fn privacy(entry: &ActivityEntry) -> EntryPrivacy {
    EntryPrivacy {
        legal_basis: entry.privacy.legal_basis.clone(),
        retention_class: entry.privacy.retention_class.as_str().to_owned(),
        expires_on: entry.privacy.expires_at,
        redaction: code(&entry.privacy.redaction),
    }
}
