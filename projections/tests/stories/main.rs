//! Given events, then rows.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod history;
mod queries;

use history::{History, Rows, SECRET, fold};
use proptest::prelude::*;
use serde_json::{Value, json};
use vitne_domain::account::{
    AccountEvent, AuthenticatorCause, AuthenticatorKind, Language, PasswordCause, ReportedEntry,
};
use vitne_domain::ceremony::{CeremonyEvent, FailureReason};
use vitne_domain::device::{DeviceEvent, TrustDropCause};
use vitne_domain::id::{CredentialId, DeviceId, SessionId};
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::{SessionEndCause, SessionEvent};
use vitne_domain::{Actor, AnyEvent};
use vitne_eventlog::Body;
use vitne_projections::activity::{ActivityRow, EntryType, Redaction, ReviewState, Severity};
use vitne_projections::authenticators::{AuthenticatorRow, AuthenticatorStatus};
use vitne_projections::devices::{DeviceRow, DeviceStatus, TrustState, if_lost};
use vitne_projections::security::{Advice, SecurityRow};
use vitne_projections::text;

const TOTP: (Method, Option<u8>) = (Method::Totp, None);

fn entries(rows: &Rows) -> Vec<ActivityRow> {
    let mut entries: Vec<ActivityRow> = of(rows, "activity");
    entries.sort_by_key(|row| row.sequence);
    entries
}

fn of<T: serde::de::DeserializeOwned>(rows: &Rows, projection: &str) -> Vec<T> {
    rows.iter()
        .filter(|((name, ..), _)| *name == projection)
        .map(|(_, row)| serde_json::from_value(row.clone()).expect("a row of its own version"))
        .collect()
}

/// The log as its owner reads it.
fn told(history: &History, rows: &Rows) -> Value {
    entries(rows)
        .iter()
        .map(|row| {
            let entry = row.entry(history.subject());
            let steps: Vec<String> = row.steps.iter().map(|step| text::step(Language::En, step)).collect();
            let effects: Vec<String> = row
                .effects
                .iter()
                .map(|effect| format!("{} ({})", effect.kind.as_str(), effect.cause.as_deref().unwrap_or("-")))
                .collect();
            json!({
                "said": text::message(Language::En, &entry.message),
                "is": [entry.kind, entry.outcome, entry.severity, entry.review.state],
                "steps": steps,
                "effects": effects,
                "events": entry.integrity.events.len(),
            })
        })
        .collect()
}

fn laptop(history: &History) -> DeviceId {
    DeviceId(history.id(40))
}

fn phone(history: &History) -> DeviceId {
    DeviceId(history.id(41))
}

fn credential(history: &History) -> CredentialId {
    CredentialId(history.id(3))
}

/// Registers, enrols, signs in on two devices, reports the phone lost, gets back in with a recovery
/// code, and replaces the authenticator.
fn lost_phone() -> History {
    let mut history = History::of(1);
    let (laptop, phone) = (laptop(&history), phone(&history));
    history.register();
    let on_phone = history.sign_in(1, phone, true, TOTP);
    history.enrol(credential(&history), Some(phone));
    history.sign_in(2, laptop, true, TOTP);
    let trusting = vitne_domain::id::CeremonyId(history.id(20_002));
    let request = history::Request { ceremony: Some(trusting), device: Some(laptop), ..history.request(Actor::User) };
    let until = "2026-11-01T00:00:00Z".parse().expect("a moment");
    history.push(&request, laptop.0, AnyEvent::Device(DeviceEvent::DeviceTrusted { until }));

    report_lost(&mut history, on_phone);
    let back = history.sign_in(3, laptop, false, (Method::RecoveryCode, Some(4)));
    let request = history::Request { session: Some(back), device: Some(laptop), ..history.request(Actor::System) };
    let cause = TrustDropCause::RecoveryCodeUsed;
    history.push(&request, laptop.0, AnyEvent::Device(DeviceEvent::DeviceTrustDropped { cause }));
    replace(&mut history);
    history
}

fn report_lost(history: &mut History, on_phone: SessionId) {
    let (laptop, phone) = (laptop(history), phone(history));
    let request = history::Request { device: Some(laptop), ..history.request(Actor::User) };
    history.push(&request, phone.0, AnyEvent::Device(DeviceEvent::DeviceReportedLost {}));
    let cause = SessionEndCause::DeviceLost;
    history.push(&request, on_phone.0, AnyEvent::Session(SessionEvent::SessionEnded { cause }));
    let cause = TrustDropCause::DeviceLost;
    history.push(&request, phone.0, AnyEvent::Device(DeviceEvent::DeviceTrustDropped { cause }));
    let (credential, cause) = (credential(history), AuthenticatorCause::DeviceLost);
    history.account(&request, AccountEvent::AuthenticatorSuspended { credential, cause });
}

fn replace(history: &mut History) {
    let laptop = laptop(history);
    let request = history::Request { actor: Actor::User, ..history.start(4, Purpose::ReplaceFactor, Some(laptop)) };
    history.accept(&request, Method::RecoveryCode, None, Some(5));
    history.complete(&request, Purpose::ReplaceFactor, None);
    let new = CredentialId(history.id(4));
    let (kind, label) = (AuthenticatorKind::Totp, "New phone".to_owned());
    let enrolled = AccountEvent::AuthenticatorEnrolled { credential: new, kind, label, carried_by: None, step: 9 };
    history.account(&request, enrolled);
    let (credential, cause) = (credential(history), AuthenticatorCause::Replaced);
    history.account(&request, AccountEvent::AuthenticatorRemoved { credential, cause });
    history.ceremony(&request, CeremonyEvent::CeremonySpent {});
}

#[test]
fn the_story_of_a_lost_phone() {
    let history = lost_phone();
    let rows = fold(&history.events);
    insta::assert_json_snapshot!("lost_phone_told", told(&history, &rows));
    let others: Vec<Value> =
        rows.iter().filter(|((name, ..), _)| *name != "activity").map(|(_, row)| row.clone()).collect();
    insta::assert_json_snapshot!("lost_phone_rows", others);

    let devices: Vec<DeviceRow> = of(&rows, "devices");
    let lost = devices.iter().find(|row| row.id == phone(&history)).expect("the phone");
    assert_eq!((lost.status, lost.trust.state), (DeviceStatus::Lost, TrustState::Dropped));
    let authenticators: Vec<AuthenticatorRow> = of(&rows, "authenticators");
    let old = authenticators.iter().find(|row| row.id == credential(&history)).expect("the old one");
    assert_eq!((old.status, old.cause), (AuthenticatorStatus::Removed, Some(AuthenticatorCause::Replaced)));
    let security: SecurityRow = of(&rows, "security").remove(0);
    assert_eq!(security.recovery_codes_left(), 8);
    assert!(security.assess().next.contains(&Advice::AddSecondAuthenticator));
}

#[test]
fn an_entry_has_the_published_shape() {
    let history = lost_phone();
    let rows = fold(&history.events);
    let lost = entries(&rows).into_iter().find(|row| row.kind == EntryType::DeviceReportedLost).expect("it");
    insta::assert_json_snapshot!("device_reported_lost", lost.entry(history.subject()));
    let signed_in = entries(&rows).into_iter().find(|row| row.kind == EntryType::SignInSucceeded).expect("it");
    insta::assert_json_snapshot!("sign_in_succeeded", signed_in.entry(history.subject()));
}

#[test]
fn a_failed_sign_in_is_one_row_with_steps() {
    let mut history = History::of(1);
    history.register();
    let request = history.start(1, Purpose::SignIn, None);
    history.reject(&request, Method::Password);
    history.reject(&request, Method::Password);
    let pending = entries(&fold(&history.events)).remove(1);
    assert_eq!(pending.kind, EntryType::SignInFailed);
    history.ceremony(&request, CeremonyEvent::CeremonyFailed { reason: FailureReason::TooManyAttempts });
    let rows = fold(&history.events);
    let entries = entries(&rows);
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].kind, EntryType::SignInFailed);
    assert_eq!(entries[1].reason.as_deref(), Some("TOO_MANY_ATTEMPTS"));
    let steps: Vec<&str> = entries[1].steps.iter().map(|step| step.code.as_str()).collect();
    assert_eq!(steps, ["IDENTIFIED", "PASSWORD_REFUSED", "PASSWORD_REFUSED", "FAILED"]);
    // Somebody who only typed an address does not appear among the owner's devices.
    assert!(of::<DeviceRow>(&rows, "devices").is_empty());
}

#[test]
fn success_after_failures_is_noticed() {
    let mut history = History::of(1);
    history.register();
    let request = history.start(1, Purpose::SignIn, Some(laptop(&history)));
    (0..3).for_each(|_| history.reject(&request, Method::Password));
    history.accept(&request, Method::Password, None, None);
    history.complete(&request, Purpose::SignIn, None);
    let entry = entries(&fold(&history.events)).remove(1);
    assert_eq!((entry.kind, entry.severity), (EntryType::SignInSucceeded, Severity::Notice));
    assert_eq!(entry.entry(history.subject()).risk.signals, ["SUCCESS_AFTER_FAILURES"]);
}

#[test]
fn a_step_up_a_reset_and_an_expiry_are_told_as_what_they_are() {
    let mut history = History::of(1);
    let laptop = laptop(&history);
    history.register();
    let session = history.sign_in(1, laptop, true, TOTP);
    let step_up = history.start(2, Purpose::Settings, Some(laptop));
    history.accept(&step_up, Method::Password, None, None);
    history.complete(&step_up, Purpose::Settings, Some(session));
    let reset = history.start(3, Purpose::PasswordReset, None);
    history.accept(&reset, Method::EmailLink, None, None);
    history.accept(&reset, Method::RecoveryCode, None, Some(1));
    history.complete(&reset, Purpose::PasswordReset, None);
    let hash = vitne_domain::Protected::new(SECRET);
    history.account(&reset, AccountEvent::PasswordSet { hash, cause: PasswordCause::Reset });
    let cause = SessionEndCause::PasswordChanged;
    history.push(&reset, session.0, AnyEvent::Session(SessionEvent::SessionEnded { cause }));
    history.ceremony(&reset, CeremonyEvent::CeremonySpent {});
    let late = history.start(4, Purpose::SignIn, None);
    history.ceremony(&late, CeremonyEvent::CeremonyExpired {});
    let rows = fold(&history.events);
    insta::assert_json_snapshot!("step_up_reset_expiry", told(&history, &rows));
}

#[test]
fn this_was_not_me_marks_the_entry_and_is_an_entry() {
    let mut history = History::of(1);
    let laptop = laptop(&history);
    history.register();
    let session = history.sign_in(1, laptop, true, TOTP);
    let reported = vitne_domain::id::CeremonyId(history.id(20_001));
    let request = history.request(Actor::User);
    let entry = ReportedEntry::Ceremony(reported);
    history.account(&request, AccountEvent::NotMeReported { entry });
    history.push(&request, reported.0, AnyEvent::Ceremony(CeremonyEvent::CeremonyReported {}));
    let cause = SessionEndCause::NotMe;
    history.push(&request, session.0, AnyEvent::Session(SessionEvent::SessionEnded { cause }));
    // A request is reported by its correlation; a report of nothing makes no row.
    let registration = ReportedEntry::Request(history.events[0].header.correlation);
    let request = history.request(Actor::User);
    history.account(&request, AccountEvent::NotMeReported { entry: registration });
    let nothing = ReportedEntry::Ceremony(vitne_domain::id::CeremonyId(history.id(99)));
    let request = history.request(Actor::User);
    history.account(&request, AccountEvent::NotMeReported { entry: nothing });

    let rows = entries(&fold(&history.events));
    let states: Vec<_> = rows.iter().map(|row| (row.kind, row.review_state)).collect();
    assert_eq!(
        states,
        [
            (EntryType::AccountRegistered, ReviewState::Reported),
            (EntryType::SignInSucceeded, ReviewState::Reported),
            (EntryType::NotMeReported, ReviewState::Unreviewed),
            (EntryType::NotMeReported, ReviewState::Unreviewed),
            (EntryType::NotMeReported, ReviewState::Unreviewed),
        ]
    );
    assert!(!rows[1].entry(history.subject()).review.can_report);
    assert_eq!(rows[2].effects.len(), 2, "the report lists what it ended");
}

#[test]
fn what_is_shredded_keeps_type_and_time_and_folds() {
    let mut history = lost_phone();
    for event in &mut history.events {
        event.body = Body::Shredded;
        event.network = None;
    }
    let rows = fold(&history.events);
    for row in entries(&rows) {
        assert_eq!(row.redaction, Redaction::Shredded);
        let entry = row.entry(history.subject());
        assert!(entry.device.is_none() && entry.network.is_none() && entry.effects.is_empty());
        assert!(entry.attempt.is_none() && !entry.review.can_report && !entry.integrity.events.is_empty());
    }
    assert!(of::<SecurityRow>(&rows, "security").is_empty());
    assert!(of::<AuthenticatorRow>(&rows, "authenticators").is_empty());
    let words = serde_json::to_string(&rows.values().collect::<Vec<_>>()).expect("JSON");
    for gone in ["kari@", "Kari", "phone", "203.0.113", "Chrome"] {
        assert!(!words.contains(gone), "{gone} is still there");
    }
}

#[test]
fn an_erased_subject_has_no_profile_and_no_overview() {
    let mut history = lost_phone();
    let request = history.request(Actor::System);
    history.account(&request, AccountEvent::SubjectErased {});
    for event in &mut history.events {
        event.body = Body::Shredded;
    }
    let rows = fold(&history.events);
    assert!(rows.keys().all(|(name, ..)| *name != "profile" && *name != "security" && *name != "authenticators"));
    assert_eq!(entries(&rows).last().map(|row| row.kind), Some(EntryType::AccountErased));
}

#[test]
fn a_ceremony_for_nobody_is_in_nobodys_log() {
    let mut history = History::of(1);
    history.start(1, Purpose::SignIn, None);
    for event in &mut history.events {
        event.header.subject = None;
    }
    assert!(fold(&history.events).is_empty());
}

#[test]
fn an_unknown_event_is_refused_and_never_passed_over() {
    use vitne_projections::Projection;
    let mut history = lost_phone();
    for event in &mut history.events {
        event.body = Body::Unreadable("from a later version".to_owned());
        let key = vitne_projections::activity::Activity.keys(event);
        assert!(vitne_projections::activity::Activity.fold(&key[0], None, event).is_err());
        if event.header.aggregate_type == "account" {
            let key = vitne_projections::authenticators::Authenticators.keys(event);
            assert!(vitne_projections::authenticators::Authenticators.fold(&key[0], None, event).is_err());
        }
    }
}

#[test]
fn no_row_holds_a_secret() {
    let history = lost_phone();
    for ((projection, ..), row) in &fold(&history.events) {
        let text = row.to_string();
        for secret in [SECRET, "token_hash", "secret", "\"hash\"", "challenge"] {
            assert!(!text.contains(secret), "{projection} holds {secret}: {text}");
        }
    }
}

#[test]
fn what_a_loss_would_mean() {
    let mut history = History::of(1);
    let phone = phone(&history);
    history.register();
    let answer = |history: &History| {
        let rows = fold(&history.events);
        let security: SecurityRow = of(&rows, "security").remove(0);
        if_lost(phone, &of::<AuthenticatorRow>(&rows, "authenticators"), Some(&security))
    };
    assert!(answer(&history).can_sign_in_without_phone, "the password is enough");
    history.enrol(credential(&history), Some(phone));
    let codes = answer(&history);
    assert_eq!(codes.remaining_factors, ["RECOVERY_CODE"]);
    assert_eq!(codes.warning.as_deref(), Some("if-lost-only-codes"));
    let request = history.request(Actor::User);
    for number in 1..=8 {
        history.account(&request, AccountEvent::RecoveryCodeUsed { set: 1, number });
    }
    assert_eq!(answer(&history).warning.as_deref(), Some("if-lost-few-codes"));
    for number in 9..=10 {
        history.account(&request, AccountEvent::RecoveryCodeUsed { set: 1, number });
    }
    let out = answer(&history);
    assert!(!out.can_sign_in_without_phone);
    assert_eq!(out.warning.as_deref(), Some("if-lost-locked-out"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However two people's events fall among each other, each one's rows are the same, and every
    /// prefix of a history folds.
    #[test]
    fn people_do_not_touch_each_other(order in proptest::collection::vec(any::<bool>(), 0..120), cut in 0_usize..60) {
        let one = lost_phone();
        let mut two = History::of(2);
        two.register();
        let device = DeviceId(two.id(40));
        two.sign_in(1, device, true, TOTP);
        let request = two.start(2, Purpose::SignIn, None);
        two.reject(&request, Method::Password);

        let one_events = &one.events[..cut.min(one.events.len())];
        let alone: Rows = fold(one_events).into_iter().chain(fold(&two.events)).collect();
        let (mut left, mut right) = (one_events.iter(), two.events.iter());
        let mut mixed = Vec::new();
        for first in order {
            mixed.extend(if first { left.next() } else { right.next() }.cloned());
        }
        mixed.extend(left.cloned());
        mixed.extend(right.cloned());
        prop_assert_eq!(fold(&mixed), alone);
    }
}
