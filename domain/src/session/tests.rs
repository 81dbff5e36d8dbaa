//! Given, when, then.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate as _, DomainEvent as _};
use uuid::Uuid;

use super::*;
use crate::id::{AccountId, CeremonyId, DeviceId};
use crate::policy::{AccountFacts, Method, Purpose, requirement};
use crate::token::SecretHash;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn achieved(purpose: Purpose, methods: &[Method], seconds: i64, until: Option<i64>) -> Achievement {
    Achievement {
        ceremony: CeremonyId(Uuid::from_u128(7)),
        purpose,
        acr: purpose.acr().map(str::to_owned),
        amr: methods.iter().flat_map(|method| method.amr()).map(|name| (*name).to_owned()).collect(),
        methods: methods.to_vec(),
        auth_time: at(seconds),
        proved_at: at(seconds),
        until: until.map(at),
    }
}

fn start(achievement: Achievement) -> SessionCommand {
    SessionCommand::Start {
        account: AccountId(Uuid::from_u128(1)),
        device: Some(DeviceId(Uuid::from_u128(2))),
        at: achievement.auth_time,
        achievement,
        token: SecretHash::of(b"secret"),
        limits: SessionLimits::default(),
    }
}

fn carry_out(session: &mut Session, command: &SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
    let events = session.decide(command)?;
    for event in &events {
        session.apply(event.clone());
    }
    Ok(events)
}

/// A session that began at 0 by these methods.
fn signed_in(methods: &[Method]) -> Session {
    let mut session = Session::default();
    carry_out(&mut session, &start(achieved(Purpose::SignIn, methods, 0, None))).unwrap();
    session
}

fn check(session: &Session, seconds: i64) -> Result<SessionView, SessionRefusal> {
    session.check(&SecretHash::of(b"secret"), at(seconds))
}

fn used(session: &mut Session, seconds: i64) -> usize {
    carry_out(session, &SessionCommand::Use { at: at(seconds) }).unwrap().len()
}

fn two_step() -> AccountFacts {
    AccountFacts { two_step: true, second_factors: vec![Method::Totp], ..AccountFacts::default() }
}

#[test]
fn only_the_token_opens_it_and_only_its_holder_learns_more() {
    let mut session = signed_in(&[Method::Password]);
    let view = check(&session, 1).unwrap();
    assert_eq!((view.acr.as_str(), view.amr.as_slice()), ("urn:vitne:acr:signin", &["pwd".to_owned()][..]));
    let wrong = SecretHash::of(b"other");
    assert_eq!(session.check(&wrong, at(1)), Err(SessionRefusal::WrongToken));
    carry_out(&mut session, &SessionCommand::End { cause: SessionEndCause::SignedOut }).unwrap();
    assert_eq!(session.check(&wrong, at(1)), Err(SessionRefusal::WrongToken));
    assert_eq!(check(&session, 1), Err(SessionRefusal::Ended));
    assert_eq!(check(&Session::default(), 1), Err(SessionRefusal::Unknown));
}

#[test]
fn it_ends_without_use() {
    let session = signed_in(&[Method::Password]);
    assert!(check(&session, HOUR - 1).is_ok());
    assert_eq!(check(&session, HOUR), Err(SessionRefusal::Idle));
    assert_eq!(
        session.decide(&SessionCommand::Use { at: at(HOUR) }),
        Err(SessionError::Refused(SessionRefusal::Idle)),
        "use does not wake it"
    );
}

#[test]
fn it_ends_in_any_case() {
    let mut session = signed_in(&[Method::Password]);
    for half_hours in 1..48 {
        assert_eq!(used(&mut session, half_hours * 30 * MINUTE), 1);
    }
    assert!(check(&session, 24 * HOUR - 1).is_ok());
    assert_eq!(check(&session, 24 * HOUR), Err(SessionRefusal::Expired));
}

#[test]
fn use_is_written_at_most_once_a_twelfth_of_the_idle_limit() {
    let mut session = signed_in(&[Method::Password]);
    let written: usize = (0..HOUR).map(|second| used(&mut session, second)).sum();
    assert_eq!(written, 11, "every five minutes after the first");
    assert!(!check(&session, 59 * MINUTE).unwrap().use_due);
    assert!(check(&session, 60 * MINUTE).unwrap().use_due);
    assert_eq!(used(&mut session, 0), 0, "a clock that steps back writes nothing");
    assert_eq!(check(&session, 56 * MINUTE).unwrap().idle_at, at(55 * MINUTE + HOUR));
}

#[test]
fn it_ends_once() {
    let mut session = signed_in(&[Method::Password]);
    for (cause, events) in [(SessionEndCause::DeviceLost, 1), (SessionEndCause::SignedOut, 0)] {
        assert_eq!(carry_out(&mut session, &SessionCommand::End { cause }).unwrap().len(), events);
    }
    assert_eq!(session.ended(), Some(SessionEndCause::DeviceLost));
    let end = SessionCommand::End { cause: SessionEndCause::SignedOut };
    assert_eq!(Session::default().decide(&end), Err(SessionError::Refused(SessionRefusal::Unknown)));
}

#[test]
fn bad_beginnings_are_refused() {
    let session = signed_in(&[Method::Password]);
    let good = start(achieved(Purpose::SignIn, &[Method::Password], 0, None));
    assert_eq!(session.decide(&good), Err(SessionError::AlreadyStarted));
    for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::SignIn) {
        let wrong = start(achieved(purpose, &[Method::EmailLink, Method::Totp], 0, None));
        assert_eq!(Session::default().decide(&wrong), Err(SessionError::WrongPurpose), "{purpose:?}");
    }
    for (absolute, idle) in [(0, 1), (1, 0), (-1, 1), (1, -1), (1, i64::from(u32::MAX) + 1)] {
        let SessionCommand::Start { account, device, achievement, token, at, .. } = good.clone() else { panic!() };
        let limits = SessionLimits { absolute: TimeDelta::seconds(absolute), idle: TimeDelta::seconds(idle) };
        let bad = SessionCommand::Start { account, device, achievement, token, limits, at };
        assert_eq!(Session::default().decide(&bad), Err(SessionError::BadLimits), "{absolute} {idle}");
    }
}

#[test]
fn a_fresh_sign_in_is_settings_elevation_and_lapses() {
    let plain = requirement(Purpose::Settings, &AccountFacts::default(), None, at(0));
    let strict = requirement(Purpose::Settings, &two_step(), None, at(0));
    let by_password = signed_in(&[Method::Password]);
    assert!(by_password.elevated_for(&plain, at(10 * MINUTE - 1)));
    assert!(!by_password.elevated_for(&plain, at(10 * MINUTE)));
    assert!(!by_password.elevated_for(&strict, at(1)), "a second factor is enrolled and was not given");
    let by_both = signed_in(&[Method::Password, Method::Totp]);
    assert!(by_both.elevated_for(&strict, at(10 * MINUTE - 1)));
    assert!(!by_both.elevated_for(&strict, at(10 * MINUTE)));
    let mut ended = by_both;
    carry_out(&mut ended, &SessionCommand::End { cause: SessionEndCause::NotMe }).unwrap();
    assert!(!ended.elevated_for(&strict, at(1)), "an ended session may do nothing");
}

#[test]
fn a_sign_in_by_device_trust_is_no_second_factor() {
    let trusted = signed_in(&[Method::Password]);
    for purpose in [Purpose::SignInStrong, Purpose::Payment, Purpose::Settings, Purpose::Export] {
        assert!(!trusted.elevated_for(&requirement(purpose, &two_step(), None, at(0)), at(1)), "{purpose:?}");
    }
    let skipping =
        requirement(Purpose::SignIn, &two_step(), Some(&crate::policy::TrustFacts { until: at(HOUR) }), at(0));
    assert!(!trusted.elevated_for(&skipping, at(1)));
}

#[test]
fn a_step_up_raises_it_and_lapses() {
    let mut session = signed_in(&[Method::Password]);
    let payment = requirement(Purpose::Payment, &two_step(), None, at(0));
    let strong = requirement(Purpose::SignInStrong, &two_step(), None, at(0));
    assert!(!session.elevated_for(&payment, at(20 * MINUTE)));
    let begun = 20 * MINUTE;
    let raise = achieved(Purpose::Payment, &[Method::Totp], begun, Some(begun + 5 * MINUTE));
    carry_out(&mut session, &SessionCommand::Elevate { achievement: raise, at: at(begun) }).unwrap();
    assert!(session.elevated_for(&payment, at(begun + 5 * MINUTE - 1)));
    assert_eq!(session.elevated_until(Purpose::Payment, at(begun)), Some(at(begun + 5 * MINUTE)));
    assert!(session.elevated_for(&strong, at(begun + 1)), "the password of the sign-in and the code of the step-up");
    assert!(!session.elevated_for(&payment, at(begun + 5 * MINUTE)));
    assert_eq!(session.elevated_until(Purpose::Payment, at(begun + 5 * MINUTE)), None);
    let view = check(&session, begun + 1).unwrap();
    assert_eq!(view.amr, ["pwd", "otp"]);
    assert_eq!(view.auth_time, at(begun));
    assert_eq!(check(&session, begun + 5 * MINUTE).unwrap().amr, ["pwd"]);
}

#[test]
fn a_step_up_that_never_lapses_ends_with_the_session() {
    let mut session = signed_in(&[Method::Password]);
    let raise = achieved(Purpose::SignInStrong, &[Method::Password, Method::Totp], 60, None);
    let events = carry_out(&mut session, &SessionCommand::Elevate { achievement: raise, at: at(60) }).unwrap();
    assert!(matches!(&events[..], [SessionEvent::SessionElevated { until, .. }] if *until == at(24 * HOUR)));
    let strong = requirement(Purpose::SignInStrong, &two_step(), None, at(0));
    assert!(session.elevated_for(&strong, at(50 * MINUTE)));
    let wrong = achieved(Purpose::PasswordReset, &[Method::EmailLink, Method::Totp], 60, None);
    let refused = session.decide(&SessionCommand::Elevate { achievement: wrong, at: at(60) });
    assert_eq!(refused, Err(SessionError::WrongPurpose));
}

#[test]
fn a_factor_enrolled_later_makes_an_earlier_step_up_too_weak() {
    let mut session = signed_in(&[Method::Password]);
    let raise = achieved(Purpose::Settings, &[Method::Password], 20 * MINUTE, Some(30 * MINUTE));
    carry_out(&mut session, &SessionCommand::Elevate { achievement: raise, at: at(20 * MINUTE) }).unwrap();
    let now = at(21 * MINUTE);
    assert!(session.elevated_for(&requirement(Purpose::Settings, &AccountFacts::default(), None, now), now));
    assert!(!session.elevated_for(&requirement(Purpose::Settings, &two_step(), None, now), now));
}

#[test]
fn a_session_with_a_shredded_event_is_over() {
    let began = Session::default().decide(&start(achieved(Purpose::SignIn, &[Method::Password], 0, None))).unwrap();
    let shredded = |event: &SessionEvent| SessionEvent::Shredded {
        event_type: event.event_type(),
        event_version: event.event_version(),
    };
    let mut whole = Session::default();
    whole.apply(shredded(&began[0]));
    let mut part = signed_in(&[Method::Password]);
    part.apply(shredded(&SessionEvent::SessionUsed { at: at(1) }));
    for mut session in [whole, part] {
        assert_eq!(check(&session, 1), Err(SessionRefusal::Ended));
        let again = start(achieved(Purpose::SignIn, &[Method::Password], 1, None));
        assert_eq!(session.decide(&again), Err(SessionError::AlreadyStarted));
        let end = SessionCommand::End { cause: SessionEndCause::Erased };
        assert_eq!(carry_out(&mut session, &end), Ok(vec![]));
    }
}

#[test]
fn the_state_survives_its_serialised_form_and_does_not_print() {
    let session = signed_in(&[Method::Password]);
    let json = serde_json::to_string(&session).unwrap();
    assert_eq!(serde_json::from_str::<Session>(&json).unwrap(), session);
    let hash = SecretHash::of(b"secret").protected();
    assert!(!format!("{session:?}").contains(hash.expose()));
}
