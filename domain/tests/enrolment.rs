//! Enrolling, replacing, suspending and removing authenticators.

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use vitne_domain::Protected;
use vitne_domain::account::{
    Account, AccountCommand, AccountError, AccountEvent, AuthenticatorCause, AuthenticatorStatus, EnrolmentProof,
    MAX_AUTHENTICATORS, RejectReason, TotpOutcome, totp,
};
use vitne_domain::id::CredentialId;
use vitne_domain::policy::Method;

use crate::support::{after, at, carry_out, code, confirm, credential, register, start, totp_code, with_two_step};

fn confirm_with(id: CredentialId, proof: EnrolmentProof, seconds: i64) -> AccountCommand {
    AccountCommand::ConfirmEnrolment {
        credential: id,
        code: code(id, at(seconds)),
        proof: Some(proof),
        at: at(seconds),
    }
}

fn code_of(id: CredentialId, seconds: i64) -> EnrolmentProof {
    EnrolmentProof::Code { credential: id, code: code(id, at(seconds)) }
}

fn status(account: &Account, id: CredentialId) -> Option<AuthenticatorStatus> {
    account.authenticator(id).map(|authenticator| authenticator.status)
}

fn removed(id: CredentialId, cause: AuthenticatorCause) -> AccountEvent {
    AccountEvent::AuthenticatorRemoved { credential: id, cause }
}

#[test]
fn the_first_authenticator_needs_a_password_sign_in() {
    let anna = after([register()]);
    let AccountCommand::StartEnrolment { mut enrolment, at } = start(credential(1), None, at(0)) else {
        unreachable!("start starts an enrolment");
    };
    enrolment.first_factor = Method::Bankid;
    let command = AccountCommand::StartEnrolment { enrolment, at };
    assert_eq!(anna.decide(command), Err(AccountError::PasswordSignInRequired));
}

#[test]
fn a_pending_authenticator_proves_nothing() {
    let anna = after([register(), start(credential(1), None, at(0))]);
    assert_eq!(anna.check_totp(code(credential(1), at(5)).expose(), at(5)), TotpOutcome::NotAvailable);
    assert_eq!(anna.second_factors(), []);
}

#[test]
fn confirming_takes_the_apps_own_code_in_time() {
    let phone = credential(1);
    let anna = after([register(), start(phone, None, at(0))]);
    let wrong =
        AccountCommand::ConfirmEnrolment { credential: phone, code: Protected::new("000000"), proof: None, at: at(30) };
    assert_eq!(anna.decide(wrong), Err(AccountError::EnrolmentCodeWrong));
    assert_eq!(anna.decide(confirm(phone, at(600))), Err(AccountError::EnrolmentExpired));
    assert_eq!(anna.decide(confirm(credential(2), at(30))), Err(AccountError::UnknownAuthenticator));
    let confirmed = anna.decide(confirm(phone, at(30))).expect("the app's code");
    let step = totp::step_at(at(30));
    assert!(matches!(confirmed.as_slice(), [AccountEvent::AuthenticatorEnrolled { step: used, .. }] if *used == step));
    let enrolled = after([register(), start(phone, None, at(0)), confirm(phone, at(30))]);
    assert_eq!(enrolled.decide(confirm(phone, at(60))), Err(AccountError::AlreadyConfirmed));
    assert_eq!(enrolled.authenticator(phone).and_then(|a| a.enrolled_at()), Some(at(30)));
}

#[test]
fn a_new_enrolment_takes_the_place_of_an_unconfirmed_one() {
    let anna = after([register(), start(credential(1), None, at(0)), start(credential(2), None, at(10))]);
    assert_eq!(status(&anna, credential(1)), None);
    assert_eq!(status(&anna, credential(2)), Some(AuthenticatorStatus::Pending));
}

#[test]
fn a_second_authenticator_needs_a_fresh_code_from_the_first() {
    let (first, second) = (credential(1), credential(2));
    let mut anna = with_two_step();
    carry_out(&mut anna, start(second, None, at(120))).expect("a second enrolment");
    assert_eq!(anna.decide(confirm(second, at(150))), Err(AccountError::ExistingProofRequired));
    let ceremony = confirm_with(second, EnrolmentProof::ReplaceCeremony, 150);
    assert_eq!(anna.decide(ceremony), Err(AccountError::ExistingProofRequired), "it replaces nothing");
    let refused = |reason| AccountError::ProofRefused { method: Method::Totp, credential: Some(first), reason };
    let wrong = EnrolmentProof::Code { credential: first, code: code(second, at(150)) };
    assert_eq!(anna.decide(confirm_with(second, wrong, 150)), Err(refused(RejectReason::Wrong)));
    let used = confirm_with(second, code_of(first, 60), 80);
    assert_eq!(anna.decide(used), Err(refused(RejectReason::Reused)));
    let itself = AccountError::ProofRefused {
        method: Method::Totp,
        credential: Some(second),
        reason: RejectReason::NotAvailable,
    };
    assert_eq!(anna.decide(confirm_with(second, code_of(second, 150), 150)), Err(itself), "not by itself");

    let events = carry_out(&mut anna, confirm_with(second, code_of(first, 150), 150)).expect("both codes");
    assert!(matches!(
        events.as_slice(),
        [AccountEvent::AccountProofAccepted { .. }, AccountEvent::AuthenticatorEnrolled { .. }]
    ));
    assert!(anna.decide(totp_code(first, at(150))).is_err(), "the proof's step is used up");
    assert!(anna.decide(totp_code(first, at(180))).is_ok(), "both work from now on");
    assert!(anna.decide(totp_code(second, at(180))).is_ok());
}

#[test]
fn codes_for_enrolment_are_throttled_like_others() {
    let (first, second) = (credential(1), credential(2));
    let mut anna = with_two_step();
    carry_out(&mut anna, start(second, None, at(120))).expect("a second enrolment");
    for _ in 0..5 {
        let reject = AccountCommand::RejectProof {
            method: Method::Totp,
            credential: Some(first),
            reason: RejectReason::Wrong,
            at: at(150),
        };
        carry_out(&mut anna, reject).expect("counted");
    }
    let outcome = anna.decide(confirm_with(second, code_of(first, 150), 150));
    assert_eq!(outcome, Err(AccountError::Throttled { until: at(151) }));
}

#[test]
fn the_replaced_authenticator_works_until_the_new_one_is_complete() {
    let (old, new) = (credential(1), credential(2));
    let mut anna = with_two_step();
    carry_out(&mut anna, start(new, Some(old), at(120))).expect("a replacement begins");
    assert!(anna.decide(totp_code(old, at(120))).is_ok(), "the old one still works");
    let wrong = AccountCommand::ConfirmEnrolment {
        credential: new,
        code: Protected::new("000000"),
        proof: Some(EnrolmentProof::ReplaceCeremony),
        at: at(150),
    };
    assert_eq!(anna.decide(wrong), Err(AccountError::EnrolmentCodeWrong), "and a failed confirmation removes nothing");
    let events = carry_out(&mut anna, confirm_with(new, EnrolmentProof::ReplaceCeremony, 150)).expect("complete");
    assert!(
        matches!(events.first(), Some(AccountEvent::AuthenticatorEnrolled { credential, .. }) if *credential == new)
    );
    assert_eq!(events.get(1), Some(&removed(old, AuthenticatorCause::Replaced)), "in the same decision");
    assert_eq!((status(&anna, old), status(&anna, new)), (None, Some(AuthenticatorStatus::Active)));
    assert!(anna.two_step());
}

#[test]
fn a_lost_phones_authenticator_is_suspended_then_replaced() {
    let (old, new) = (credential(1), credential(2));
    let mut anna = with_two_step();
    let suspend = AccountCommand::SuspendAuthenticator { credential: old, cause: AuthenticatorCause::DeviceLost };
    carry_out(&mut anna, suspend.clone()).expect("suspended");
    assert_eq!(anna.decide(suspend), Ok(vec![]), "once");
    assert_eq!(anna.check_totp(code(old, at(120)).expose(), at(120)), TotpOutcome::NotAvailable);
    assert_eq!(anna.second_factors(), [Method::RecoveryCode]);
    carry_out(&mut anna, start(new, Some(old), at(120))).expect("a replacement begins");
    assert_eq!(status(&anna, old), Some(AuthenticatorStatus::Suspended));
    carry_out(&mut anna, confirm_with(new, EnrolmentProof::ReplaceCeremony, 150)).expect("complete");
    assert_eq!((status(&anna, old), status(&anna, new)), (None, Some(AuthenticatorStatus::Active)));
}

#[test]
fn an_unconfirmed_enrolment_on_a_lost_device_is_removed() {
    let phone = credential(1);
    let mut anna = after([register(), start(phone, None, at(0))]);
    let suspend = AccountCommand::SuspendAuthenticator { credential: phone, cause: AuthenticatorCause::DeviceLost };
    assert_eq!(carry_out(&mut anna, suspend), Ok(vec![removed(phone, AuthenticatorCause::DeviceLost)]));
    assert_eq!(anna.decide(confirm(phone, at(30))), Err(AccountError::UnknownAuthenticator));
}

#[test]
fn the_last_authenticator_stays_while_two_step_is_on() {
    let (first, second) = (credential(1), credential(2));
    let remove = |credential| AccountCommand::RemoveAuthenticator { credential };
    let mut anna = with_two_step();
    assert_eq!(anna.decide(remove(first)), Err(AccountError::LastAuthenticator));
    carry_out(&mut anna, start(second, None, at(120))).expect("a second enrolment");
    assert_eq!(anna.decide(remove(first)), Err(AccountError::LastAuthenticator), "a pending one is no other");
    assert!(anna.decide(remove(second)).is_ok(), "an unconfirmed one may always go");
    carry_out(&mut anna, confirm_with(second, code_of(first, 150), 150)).expect("confirmed");
    let expected = vec![removed(first, AuthenticatorCause::RemovedByUser)];
    assert_eq!(carry_out(&mut anna, remove(first)), Ok(expected));
    assert_eq!(anna.decide(remove(second)), Err(AccountError::LastAuthenticator));
    carry_out(&mut anna, AccountCommand::DisableTwoStep).expect("switching off");
    assert!(anna.decide(remove(second)).is_ok());
    assert_eq!(anna.decide(remove(first)), Err(AccountError::UnknownAuthenticator));
}

#[test]
fn names_of_authenticators_are_checked() {
    let anna = with_two_step();
    let rename = |credential, label: &str| AccountCommand::RenameAuthenticator { credential, label: label.to_owned() };
    let renamed = AccountEvent::AuthenticatorRenamed { credential: credential(1), label: "Min mobil 📱".to_owned() };
    assert_eq!(anna.decide(rename(credential(1), " Min mobil 📱 ")), Ok(vec![renamed]));
    assert!(matches!(anna.decide(rename(credential(1), "a\u{202e}b")), Err(AccountError::Text(_))));
    assert_eq!(anna.decide(rename(credential(9), "x")), Err(AccountError::UnknownAuthenticator));
}

#[test]
fn an_enrolment_is_checked_when_it_begins() {
    let anna = with_two_step();
    let begin = |change: fn(&mut vitne_domain::account::Enrolment)| {
        let AccountCommand::StartEnrolment { mut enrolment, at } = start(credential(2), None, at(120)) else {
            unreachable!("start starts an enrolment");
        };
        change(&mut enrolment);
        anna.decide(AccountCommand::StartEnrolment { enrolment, at })
    };
    assert_eq!(begin(|e| e.credential = credential(1)), Err(AccountError::DuplicateAuthenticator));
    assert_eq!(begin(|e| e.replaces = Some(credential(9))), Err(AccountError::UnknownAuthenticator));
    assert_eq!(begin(|e| e.secret = Protected::new("GEZDGNBV")), Err(AccountError::BadSecret), "too short");
    assert_eq!(begin(|e| e.secret = Protected::new("not base32!")), Err(AccountError::BadSecret));
    assert_eq!(begin(|e| e.expires_at -= TimeDelta::minutes(10)), Err(AccountError::BadExpiry));
    assert!(matches!(begin(|e| e.label.clear()), Err(AccountError::Text(_))));
}

#[test]
fn authenticators_have_a_limit_which_replacing_does_not_meet() {
    let first = credential(1);
    let mut anna = with_two_step();
    for number in 2..=MAX_AUTHENTICATORS {
        let moment = 60 * i64::try_from(number).expect("small");
        let id = credential(number as u128);
        carry_out(&mut anna, start(id, None, at(moment))).expect("a further enrolment");
        carry_out(&mut anna, confirm_with(id, code_of(first, moment), moment)).expect("confirmed");
    }
    let further = anna.decide(start(credential(99), None, at(3000)));
    assert_eq!(further, Err(AccountError::TooManyAuthenticators(MAX_AUTHENTICATORS)));
    assert!(anna.decide(start(credential(99), Some(first), at(3000))).is_ok());
}

#[test]
fn a_code_is_found_among_several_authenticators() {
    let (first, second) = (credential(1), credential(2));
    let mut anna = with_two_step();
    carry_out(&mut anna, start(second, None, at(120))).expect("a second enrolment");
    carry_out(&mut anna, confirm_with(second, code_of(first, 150), 150)).expect("confirmed");
    let step = totp::step_at(at(300));
    for credential in [first, second] {
        let outcome = anna.check_totp(code(credential, at(300)).expose(), at(300));
        assert_eq!(outcome, TotpOutcome::Accepted { credential, step });
    }
    assert_eq!(anna.check_totp("12345", at(300)), TotpOutcome::Wrong);
    anna.apply(removed(first, AuthenticatorCause::RemovedByUser));
    assert_eq!(anna.check_totp(code(first, at(300)).expose(), at(300)), TotpOutcome::Wrong);
}
