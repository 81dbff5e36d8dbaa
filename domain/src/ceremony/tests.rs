//! Given, when, then.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::{Aggregate as _, DomainEvent as _};
use uuid::Uuid;

use super::*;
use crate::account::RejectReason;
use crate::id::{AccountId, CeremonyId, SessionId};
use crate::policy::{AccountFacts, Method, Purpose, TrustFacts, requirement};
use crate::token::SecretHash;

const SESSION: SessionId = SessionId(Uuid::from_u128(5));
pub(super) const ID: CeremonyId = CeremonyId(Uuid::from_u128(6));

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

pub(super) fn two_step() -> AccountFacts {
    AccountFacts { two_step: true, second_factors: vec![Method::Totp, Method::RecoveryCode], ..AccountFacts::default() }
}

/// A beginning at 0 as the engine would make it.
pub(super) fn beginning(purpose: Purpose, facts: Option<&AccountFacts>, trust: Option<TrustFacts>) -> StartCeremony {
    let unknown = AccountFacts::default();
    StartCeremony {
        purpose,
        account: facts.map(|_| AccountId(Uuid::from_u128(1))),
        guard: AccountId(Uuid::from_u128(1)),
        requirement: requirement(purpose, facts.unwrap_or(&unknown), trust.as_ref(), at(0)),
        secret: SecretHash::of(b"secret"),
        session: purpose.is_step_up().then_some(SESSION),
        contact: (purpose == Purpose::VerifyEmail).then(|| "a@example.se".to_owned()),
        expires_at: at(0) + purpose.longest_ceremony(),
        at: at(0),
    }
}

pub(super) fn carry_out(
    ceremony: &mut Ceremony,
    command: CeremonyCommand,
) -> Result<Vec<CeremonyEvent>, CeremonyError> {
    let events = ceremony.decide(&command)?;
    for event in &events {
        ceremony.apply(event.clone());
    }
    Ok(events)
}

pub(super) fn begun(purpose: Purpose, facts: Option<&AccountFacts>) -> Ceremony {
    let mut ceremony = Ceremony::default();
    carry_out(&mut ceremony, CeremonyCommand::Start(Box::new(beginning(purpose, facts, None)))).unwrap();
    ceremony
}

pub(super) fn proof(method: Method, seconds: i64) -> AcceptProof {
    AcceptProof {
        method,
        credential: None,
        label: None,
        number: None,
        device_trusted: false,
        opens: Some(SESSION),
        at: at(seconds),
    }
}

pub(super) fn accept(method: Method, seconds: i64) -> CeremonyCommand {
    CeremonyCommand::AcceptProof(proof(method, seconds))
}

pub(super) fn reject(method: Method, seconds: i64) -> CeremonyCommand {
    CeremonyCommand::RejectProof { method, credential: None, reason: RejectReason::Wrong, at: at(seconds) }
}

pub(super) fn send_link(secret: &[u8], seconds: i64) -> CeremonyCommand {
    CeremonyCommand::RequestProof(RequestProof {
        method: Method::EmailLink,
        challenge: Some(SecretHash::of(secret)),
        sent_to: Some("a•••@e•••.se".to_owned()),
        expires_at: at(seconds) + TimeDelta::hours(1),
        at: at(seconds),
    })
}

pub(super) fn follow_link(secret: &[u8], seconds: i64) -> CeremonyCommand {
    CeremonyCommand::AnswerChallenge(AnswerChallenge {
        method: Method::EmailLink,
        answer: SecretHash::of(secret),
        device_trusted: false,
        opens: None,
        at: at(seconds),
    })
}

pub(super) fn types(events: &[CeremonyEvent]) -> Vec<String> {
    events.iter().map(CeremonyEvent::event_type).collect()
}

fn names(ceremony: &Ceremony, seconds: i64) -> Vec<String> {
    ceremony.view(at(seconds)).unwrap().steps.into_iter().map(Step::name).collect()
}

#[test]
fn a_sign_in_completes_with_its_last_proof() {
    let mut ceremony = begun(Purpose::SignIn, Some(&two_step()));
    let first = carry_out(&mut ceremony, accept(Method::Password, 1)).unwrap();
    assert_eq!(types(&first), ["CeremonyProofAccepted"]);
    assert_eq!(ceremony.view(at(1)).unwrap().next, [Method::Totp, Method::RecoveryCode]);
    carry_out(&mut ceremony, reject(Method::Totp, 2)).unwrap();
    let last = carry_out(&mut ceremony, accept(Method::Totp, 3)).unwrap();
    assert_eq!(types(&last), ["CeremonyProofAccepted", "CeremonyCompleted"]);
    let expected = CeremonyEvent::CeremonyCompleted {
        acr: Some("urn:vitne:acr:signin".to_owned()),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        auth_time: at(3),
        by_device_trust: false,
        session: Some(SESSION),
    };
    assert_eq!(last[1], expected);
    assert_eq!(names(&ceremony, 3), ["IDENTIFIED", "PASSWORD_OK", "TOTP_REJECTED", "TOTP_OK"]);
    let achieved = ceremony.achievement(ID).unwrap();
    assert_eq!((achieved.auth_time, achieved.proved_at, achieved.until), (at(3), at(1), None));
    assert_eq!(achieved.methods, [Method::Password, Method::Totp]);
    assert_eq!(carry_out(&mut ceremony, accept(Method::Totp, 4)), Err(CeremonyError::Ended));
}

#[test]
fn a_method_reference_is_named_once() {
    let mut ceremony = begun(Purpose::PasswordReset, Some(&two_step()));
    carry_out(&mut ceremony, accept(Method::Totp, 1)).unwrap();
    carry_out(&mut ceremony, accept(Method::RecoveryCode, 2)).unwrap();
    assert_eq!(ceremony.completion().unwrap().amr, ["otp", "x-recovery"]);
    assert_eq!(ceremony.completion().unwrap().acr, None);
    assert_eq!(ceremony.completion().unwrap().session, None, "a reset opens no session");
}

#[test]
fn the_second_step_waits_for_the_first() {
    let mut ceremony = begun(Purpose::SignIn, Some(&two_step()));
    let first = vec![Method::Password];
    for early in [Method::Totp, Method::RecoveryCode] {
        let refused = Err(CeremonyError::NotYet { first: first.clone() });
        assert_eq!(ceremony.decide(&accept(early, 1)), refused);
        assert_eq!(ceremony.decide(&reject(early, 1)), refused, "nor does it cost an attempt");
        assert_eq!(ceremony.may_prove(early, at(1)), Err(CeremonyError::NotYet { first: first.clone() }));
    }
    assert_eq!(ceremony.decide(&accept(Method::Sms, 1)), Err(CeremonyError::NotAccepted { accepted: first }));
    carry_out(&mut ceremony, accept(Method::Password, 1)).unwrap();
    assert_eq!(ceremony.decide(&accept(Method::Password, 2)), Err(CeremonyError::AlreadyGiven));
    assert_eq!(ceremony.may_prove(Method::Totp, at(2)), Ok(()));
}

#[test]
fn evidence_waits_for_the_first_group_too() {
    let mut ceremony = begun(Purpose::ReplaceFactor, Some(&two_step()));
    let early = ceremony.decide(&accept(Method::RecoveryCode, 1));
    assert_eq!(early, Err(CeremonyError::NotYet { first: vec![Method::Password] }));
    carry_out(&mut ceremony, accept(Method::Password, 1)).unwrap();
    let last = carry_out(&mut ceremony, accept(Method::RecoveryCode, 2)).unwrap();
    assert_eq!(types(&last), ["CeremonyProofAccepted", "CeremonyCompleted"]);
}

#[test]
fn the_second_step_is_skipped_on_the_trusted_device_only() {
    // (trusted at the start, trusted when the password is given) and whether that completes it.
    for (at_start, now, completes) in [(true, true, true), (true, false, false), (false, true, false)] {
        let trust = at_start.then(|| TrustFacts { until: at(600) });
        let mut ceremony = Ceremony::default();
        let start = beginning(Purpose::SignIn, Some(&two_step()), trust);
        carry_out(&mut ceremony, CeremonyCommand::Start(Box::new(start))).unwrap();
        assert_eq!(ceremony.view(at(1)).unwrap().next, [Method::Password]);
        let given = AcceptProof { device_trusted: now, ..proof(Method::Password, 1) };
        carry_out(&mut ceremony, CeremonyCommand::AcceptProof(given)).unwrap();
        assert_eq!(ceremony.completion().is_some(), completes, "{at_start} {now}");
        if completes {
            assert!(ceremony.completion().unwrap().by_device_trust);
            assert_eq!(ceremony.completion().unwrap().amr, ["pwd"]);
        } else {
            assert_eq!(ceremony.view(at(1)).unwrap().next, [Method::Totp, Method::RecoveryCode]);
        }
    }
}

#[test]
fn trust_that_ends_meanwhile_skips_nothing() {
    let mut ceremony = Ceremony::default();
    let start = beginning(Purpose::SignIn, Some(&two_step()), Some(TrustFacts { until: at(60) }));
    carry_out(&mut ceremony, CeremonyCommand::Start(Box::new(start))).unwrap();
    let given = AcceptProof { device_trusted: true, ..proof(Method::Password, 60) };
    carry_out(&mut ceremony, CeremonyCommand::AcceptProof(given)).unwrap();
    assert_eq!(ceremony.phase(), Phase::Pending);
}

#[test]
fn ten_refusals_end_it() {
    let mut ceremony = begun(Purpose::SignIn, Some(&two_step()));
    for refusal in 1..MAX_REJECTED {
        assert_eq!(carry_out(&mut ceremony, reject(Method::Password, 1)).unwrap().len(), 1);
        assert_eq!(ceremony.view(at(1)).unwrap().attempts_left, MAX_REJECTED - refusal);
    }
    let last = carry_out(&mut ceremony, reject(Method::Password, 1)).unwrap();
    assert_eq!(types(&last), ["CeremonyProofRejected", "CeremonyFailed"]);
    assert_eq!(ceremony.phase(), Phase::Failed(FailureReason::TooManyAttempts));
    assert_eq!(ceremony.decide(&accept(Method::Password, 2)), Err(CeremonyError::Ended));
    assert_eq!(ceremony.view(at(2)).unwrap().next, []);
}

#[test]
fn an_unknown_account_looks_like_any_other_and_never_completes() {
    for purpose in [Purpose::SignIn, Purpose::PasswordReset] {
        for facts in [AccountFacts::default(), two_step()] {
            let mut known = begun(purpose, Some(&facts));
            let mut unknown = begun(purpose, None);
            let mut compare = |command: CeremonyCommand, seconds: i64| {
                let left = carry_out(&mut known, command.clone()).map(|events| types(&events));
                let right = carry_out(&mut unknown, command).map(|events| types(&events));
                assert_eq!(left, right, "{purpose:?}");
                assert_eq!(known.view(at(seconds)), unknown.view(at(seconds)), "{purpose:?}");
            };
            let method = if purpose == Purpose::SignIn { Method::Password } else { Method::EmailLink };
            compare(send_link(b"link", 1), 1);
            compare(send_link(b"link", 2), 2);
            for second in 0..i64::from(MAX_REJECTED) + 2 {
                compare(reject(method, 40 + second), 40 + second);
            }
            compare(reject(method, 90_000), 90_000);
            compare(CeremonyCommand::Expire { at: at(90_000) }, 90_000);
        }
    }
    let mut unknown = begun(Purpose::PasswordReset, None);
    carry_out(&mut unknown, send_link(b"link", 1)).unwrap();
    assert_eq!(unknown.decide(&follow_link(b"link", 2)), Err(CeremonyError::UnknownAccount));
    for method in [Method::Totp, Method::RecoveryCode] {
        assert_eq!(unknown.decide(&accept(method, 2)), Err(CeremonyError::UnknownAccount));
    }
}

#[test]
fn what_a_second_step_is_for_is_not_told_before_the_first() {
    let trust = Some(TrustFacts { until: at(600) });
    let mut trusted = Ceremony::default();
    let start = beginning(Purpose::SignIn, Some(&two_step()), trust);
    carry_out(&mut trusted, CeremonyCommand::Start(Box::new(start))).unwrap();
    let unknown = begun(Purpose::SignIn, None);
    assert_eq!(trusted.view(at(1)), unknown.view(at(1)));
    // A reset of an account with a second step asks for more than one without, and does not say so
    // to somebody who has proved nothing.
    let guarded = begun(Purpose::PasswordReset, Some(&two_step()));
    assert_eq!(guarded.view(at(1)), begun(Purpose::PasswordReset, None).view(at(1)));
}

#[test]
fn a_link_works_once_while_it_lasts() {
    let facts = AccountFacts::default();
    let mut ceremony = begun(Purpose::VerifyEmail, Some(&facts));
    assert_eq!(ceremony.decide(&follow_link(b"one", 1)), Err(CeremonyError::NoChallenge));
    assert_eq!(ceremony.decide(&accept(Method::EmailLink, 1)), Err(CeremonyError::NoChallenge), "only the link does");
    carry_out(&mut ceremony, send_link(b"one", 1)).unwrap();
    carry_out(&mut ceremony, follow_link(b"other", 2)).unwrap();
    assert_eq!(ceremony.last_step(), Some(Step::Rejected(Method::EmailLink, RejectReason::Wrong)));
    carry_out(&mut ceremony, follow_link(b"one", 1 + 3600)).unwrap();
    assert_eq!(ceremony.last_step(), Some(Step::Rejected(Method::EmailLink, RejectReason::Expired)));
    carry_out(&mut ceremony, send_link(b"two", 4000)).unwrap();
    let done = carry_out(&mut ceremony, follow_link(b"two", 4001)).unwrap();
    assert_eq!(types(&done), ["CeremonyProofAccepted", "CeremonyCompleted"]);
    assert_eq!(ceremony.decide(&follow_link(b"two", 4002)), Err(CeremonyError::Ended));
    assert_eq!(ceremony.contact(), Some("a@example.se"));
}

#[test]
fn an_earlier_mail_that_arrives_later_still_works() {
    let mut ceremony = begun(Purpose::VerifyEmail, Some(&AccountFacts::default()));
    carry_out(&mut ceremony, send_link(b"one", 1)).unwrap();
    carry_out(&mut ceremony, send_link(b"two", 100)).unwrap();
    carry_out(&mut ceremony, follow_link(b"one", 101)).unwrap();
    assert_eq!(ceremony.phase(), Phase::Completed);
}

#[test]
fn mail_is_sent_again_after_a_while_and_not_for_ever() {
    let mut ceremony = begun(Purpose::PasswordReset, None);
    carry_out(&mut ceremony, send_link(b"x", 0)).unwrap();
    assert_eq!(ceremony.decide(&send_link(b"x", 29)), Err(CeremonyError::TooSoon { retry_at: at(30) }));
    assert_eq!(ceremony.view(at(1)).unwrap().resend_at, Some(at(30)));
    for time in 1..5 {
        carry_out(&mut ceremony, send_link(b"x", time * 30)).unwrap();
    }
    assert_eq!(ceremony.decide(&send_link(b"x", 1000)), Err(CeremonyError::TooManyRequests));
    assert_eq!(ceremony.view(at(1000)).unwrap().resend_at, None);
    let sign_in = begun(Purpose::SignIn, None);
    let password =
        RequestProof { method: Method::Password, challenge: None, sent_to: None, expires_at: at(9), at: at(1) };
    assert_eq!(sign_in.decide(&CeremonyCommand::RequestProof(password)), Err(CeremonyError::NothingToSend));
}

#[test]
fn a_challenge_ends_with_its_ceremony_at_the_latest() {
    let mut ceremony = begun(Purpose::VerifyEmail, None);
    let end = 24 * 3600;
    let events = carry_out(&mut ceremony, send_link(b"x", end - 60)).unwrap();
    assert!(
        matches!(&events[..], [CeremonyEvent::CeremonyProofRequested { expires_at, .. }] if *expires_at == at(end))
    );
}

#[test]
fn time_runs_out() {
    let end = 15 * 60;
    let mut ceremony = begun(Purpose::SignIn, Some(&AccountFacts::default()));
    assert_eq!(ceremony.decide(&CeremonyCommand::Expire { at: at(end - 1) }), Err(CeremonyError::NotExpired));
    for command in [
        accept(Method::Password, end),
        reject(Method::Password, end),
        send_link(b"x", end),
        follow_link(b"x", end),
        CeremonyCommand::Spend { at: at(end) },
        CeremonyCommand::Abandon { at: at(end) },
    ] {
        assert_eq!(ceremony.decide(&command), Err(CeremonyError::Expired), "{command:?}");
    }
    assert_eq!(ceremony.view(at(end)).unwrap().phase, Phase::Expired, "whether or not it is written down");
    let expire = CeremonyCommand::Expire { at: at(end) };
    assert_eq!(types(&carry_out(&mut ceremony, expire.clone()).unwrap()), ["CeremonyExpired"]);
    assert_eq!(carry_out(&mut ceremony, expire), Ok(vec![]));
    assert_eq!(
        ceremony.decide(&accept(Method::Password, 1)),
        Err(CeremonyError::Expired),
        "nor by turning the clock back"
    );
}

#[test]
fn freshness_lapses_within_a_ceremony() {
    let mut ceremony = begun(Purpose::Settings, Some(&two_step()));
    carry_out(&mut ceremony, accept(Method::Password, 0)).unwrap();
    assert_eq!(ceremony.view(at(600)).unwrap().next, [Method::Password], "the password is too old by now");
    assert!(matches!(ceremony.decide(&accept(Method::Totp, 600)), Err(CeremonyError::NotYet { .. })));
    carry_out(&mut ceremony, accept(Method::Password, 601)).unwrap();
    carry_out(&mut ceremony, accept(Method::Totp, 700)).unwrap();
    let achieved = ceremony.achievement(ID).unwrap();
    assert_eq!(achieved.proved_at, at(601));
    assert_eq!(achieved.until, Some(at(601 + 600)));
    assert_eq!(ceremony.completion().unwrap().session, Some(SESSION), "the session that it raises");
}

#[test]
fn what_it_allows_is_done_once_and_soon() {
    let complete = || {
        let mut ceremony = begun(Purpose::PasswordReset, Some(&two_step()));
        carry_out(&mut ceremony, accept(Method::Totp, 1)).unwrap();
        assert_eq!(ceremony.decide(&CeremonyCommand::Spend { at: at(1) }), Err(CeremonyError::NotComplete));
        carry_out(&mut ceremony, accept(Method::RecoveryCode, 2)).unwrap();
        ceremony
    };
    let spend = |seconds| CeremonyCommand::Spend { at: at(seconds) };
    let mut ceremony = complete();
    assert_eq!(types(&carry_out(&mut ceremony, spend(3)).unwrap()), ["CeremonySpent"]);
    assert_eq!(carry_out(&mut ceremony, spend(3)), Err(CeremonyError::AlreadySpent));
    assert_eq!(ceremony.achievement(ID), None);
    let late = 2 + SPEND_WITHIN.num_seconds();
    assert!(complete().decide(&spend(late - 1)).is_ok());
    assert_eq!(complete().decide(&spend(late)), Err(CeremonyError::Expired));

    let mut sign_in = begun(Purpose::SignIn, Some(&AccountFacts::default()));
    carry_out(&mut sign_in, accept(Method::Password, 1)).unwrap();
    assert_eq!(sign_in.decide(&spend(2)), Err(CeremonyError::Ended), "a sign-in opens a session and nothing else");
}

#[test]
fn this_was_not_me() {
    let mut pending = begun(Purpose::SignIn, Some(&two_step()));
    carry_out(&mut pending, accept(Method::Password, 1)).unwrap();
    let events = carry_out(&mut pending, CeremonyCommand::Report).unwrap();
    assert_eq!(types(&events), ["CeremonyReported", "CeremonyFailed"]);
    assert_eq!(carry_out(&mut pending, CeremonyCommand::Report), Ok(vec![]));
    assert_eq!(pending.decide(&accept(Method::Totp, 2)), Err(CeremonyError::Ended));

    let mut reset = begun(Purpose::PasswordReset, Some(&two_step()));
    carry_out(&mut reset, accept(Method::Totp, 1)).unwrap();
    carry_out(&mut reset, accept(Method::RecoveryCode, 2)).unwrap();
    assert_eq!(types(&carry_out(&mut reset, CeremonyCommand::Report).unwrap()), ["CeremonyReported"]);
    assert_eq!(reset.decide(&CeremonyCommand::Spend { at: at(3) }), Err(CeremonyError::Reported));
    assert_eq!(reset.achievement(ID), None);
    assert_eq!(Ceremony::default().decide(&CeremonyCommand::Report), Err(CeremonyError::NotFound));
}

#[test]
fn giving_up_and_failing_are_idempotent() {
    let abandon = CeremonyCommand::Abandon { at: at(1) };
    let fail = CeremonyCommand::Fail { reason: FailureReason::NoLongerPossible };
    let mut ceremony = begun(Purpose::SignIn, None);
    assert_eq!(types(&carry_out(&mut ceremony, abandon.clone()).unwrap()), ["CeremonyAbandoned"]);
    assert_eq!(carry_out(&mut ceremony, abandon.clone()), Ok(vec![]));
    assert_eq!(carry_out(&mut ceremony, fail.clone()), Ok(vec![]));
    let mut failed = begun(Purpose::SignIn, None);
    assert_eq!(types(&carry_out(&mut failed, fail).unwrap()), ["CeremonyFailed"]);
    let mut done = begun(Purpose::SignIn, Some(&AccountFacts::default()));
    carry_out(&mut done, accept(Method::Password, 1)).unwrap();
    assert_eq!(done.decide(&abandon), Err(CeremonyError::Ended));
}

#[test]
fn bad_beginnings_are_refused() {
    let good = beginning(Purpose::SignIn, None, None);
    let step_up = beginning(Purpose::Settings, Some(&two_step()), None);
    let verify = beginning(Purpose::VerifyEmail, None, None);
    for bad in [
        StartCeremony { purpose: Purpose::SignInStrong, session: Some(SESSION), ..good.clone() },
        StartCeremony { expires_at: at(15 * 60 + 1), ..good.clone() },
        StartCeremony { expires_at: at(0), ..good.clone() },
        StartCeremony { session: Some(SESSION), ..good.clone() },
        StartCeremony { contact: Some("a@example.se".to_owned()), ..good.clone() },
        StartCeremony { session: None, ..step_up },
        StartCeremony { contact: None, ..verify.clone() },
        StartCeremony { expires_at: at(24 * 3600 + 1), ..verify },
    ] {
        let refused = Ceremony::default().decide(&CeremonyCommand::Start(Box::new(bad)));
        assert!(matches!(refused, Err(CeremonyError::BadStart(_))), "{refused:?}");
    }
    let twice = begun(Purpose::SignIn, None).decide(&CeremonyCommand::Start(Box::new(good)));
    assert_eq!(twice, Err(CeremonyError::AlreadyStarted));
    assert_eq!(Ceremony::default().decide(&accept(Method::Password, 1)), Err(CeremonyError::NotFound));
    assert_eq!(Ceremony::default().view(at(1)), None);
}

#[test]
fn only_its_holder_holds_it() {
    let ceremony = begun(Purpose::SignIn, None);
    assert!(ceremony.is_held_by(&SecretHash::of(b"secret")));
    assert!(!ceremony.is_held_by(&SecretHash::of(b"other")));
    assert!(!Ceremony::default().is_held_by(&SecretHash::of(b"secret")));
    let hash = SecretHash::of(b"secret").protected();
    assert!(!format!("{ceremony:?}").contains(hash.expose()));
    let json = serde_json::to_string(&ceremony).unwrap();
    assert_eq!(serde_json::from_str::<Ceremony>(&json).unwrap(), ceremony);
}

#[test]
fn a_completed_ceremony_that_fails_cannot_be_spent() {
    let mut ceremony = begun(Purpose::ReplaceFactor, Some(&two_step()));
    carry_out(&mut ceremony, accept(Method::Password, 1)).unwrap();
    carry_out(&mut ceremony, accept(Method::RecoveryCode, 2)).unwrap();
    assert_eq!(ceremony.phase(), Phase::Completed);
    let failed = carry_out(&mut ceremony, CeremonyCommand::Fail { reason: FailureReason::NoLongerPossible }).unwrap();
    assert_eq!(types(&failed), ["CeremonyFailed"]);
    assert_eq!(ceremony.decide(&CeremonyCommand::Spend { at: at(3) }), Err(CeremonyError::Ended));
    let mut signed_in = begun(Purpose::SignIn, Some(&AccountFacts::default()));
    carry_out(&mut signed_in, accept(Method::Password, 1)).unwrap();
    let none = carry_out(&mut signed_in, CeremonyCommand::Fail { reason: FailureReason::NoLongerPossible }).unwrap();
    assert!(none.is_empty(), "a session that was opened is ended as a session");
}

#[test]
fn why_a_code_was_refused_is_told_only_after_a_proof_was_accepted() {
    let refused = |method, seconds| CeremonyCommand::RejectProof {
        method,
        credential: None,
        reason: RejectReason::NotAvailable,
        at: at(seconds),
    };
    let mut ceremony = begun(Purpose::PasswordReset, Some(&two_step()));
    carry_out(&mut ceremony, send_link(b"one", 0)).unwrap();
    carry_out(&mut ceremony, refused(Method::Totp, 1)).unwrap();
    let told = |ceremony: &Ceremony| ceremony.view(at(3)).unwrap().steps;
    assert!(told(&ceremony).contains(&Step::Rejected(Method::Totp, RejectReason::Wrong)));
    assert_eq!(ceremony.shown_reason(RejectReason::Reused), RejectReason::Wrong);
    carry_out(&mut ceremony, follow_link(b"one", 2)).unwrap();
    assert!(told(&ceremony).contains(&Step::Rejected(Method::Totp, RejectReason::NotAvailable)));
}

#[test]
fn a_code_before_the_password_is_refused_alike_with_and_without_two_step_verification() {
    for method in [Method::Totp, Method::RecoveryCode, Method::Sms, Method::EmailLink] {
        let answers = [None, Some(AccountFacts::default()), Some(two_step())]
            .map(|facts| begun(Purpose::SignIn, facts.as_ref()).may_prove(method, at(1)));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{method:?}: {answers:?}");
    }
}
