//! What an account decides: registration, profile, password, two-step verification, recovery codes,
//! failures, erasure. Enrolment has a file of its own.

use cqrs_es::Aggregate;
use cqrs_es::test::TestFramework;
use vitne_domain::Protected;
use vitne_domain::account::{
    Account, AccountCommand, AccountError, AccountEvent, AuthenticatorStatus, DISABLE_AT, FREE_FAILURES,
    LONGEST_DELAY_SECONDS, Language, PasswordCause, RejectReason, ReportedEntry,
};
use vitne_domain::claim::EmailError;
use vitne_domain::id::CeremonyId;
use vitne_domain::policy::Method;
use vitne_domain::text::TextError;

use crate::support::{after, at, carry_out, credential, hashes, register, totp_code, with_two_step};

fn refused(method: Method, reason: RejectReason) -> AccountError {
    AccountError::ProofRefused { method, credential: None, reason }
}

fn reject(method: Method, seconds: i64) -> AccountCommand {
    AccountCommand::RejectProof { method, credential: None, reason: RejectReason::Wrong, at: at(seconds) }
}

fn shredded(name: &str) -> AccountEvent {
    AccountEvent::Shredded { event_type: name.to_owned(), event_version: "1".to_owned() }
}

#[test]
fn registering_keeps_profile_and_password() {
    TestFramework::<Account>::with(()).given_no_previous_events().when(register()).then_expect_events(vec![
        AccountEvent::AccountRegistered {
            email: "Anna@example.se".to_owned(),
            display_name: "Anna".to_owned(),
            language: Language::Sv,
        },
        AccountEvent::PasswordSet { hash: Protected::new("hash"), cause: PasswordCause::Registration },
    ]);
}

#[test]
fn nothing_but_registering_is_possible_before_it_and_registering_only_once() {
    let nobody = Account::default();
    for command in [AccountCommand::DisableTwoStep, AccountCommand::Erase, AccountCommand::Summarise] {
        assert_eq!(nobody.decide(command), Err(AccountError::NotRegistered));
    }
    assert_eq!(after([register()]).decide(register()), Err(AccountError::AlreadyRegistered));
}

#[test]
fn names_and_addresses_are_checked_here_too() {
    let with = |email: &str, name: &str| {
        Account::default().decide(AccountCommand::Register {
            email: email.to_owned(),
            display_name: name.to_owned(),
            language: Language::En,
            password_hash: Protected::new("hash"),
            at: at(0),
        })
    };
    assert_eq!(with("anna", "Anna"), Err(AccountError::Email(EmailError::NotOneAt)));
    assert_eq!(with("anna@example.se", "An\u{202e}na"), Err(AccountError::Text(TextError::Bidirectional)));
}

#[test]
fn only_the_current_address_is_verified() {
    let mut anna = after([register()]);
    let verify = |email: &str| AccountCommand::VerifyEmail { email: email.to_owned() };
    assert_eq!(anna.decide(verify("bo@example.se")), Err(AccountError::EmailNotCurrent));
    assert_eq!(carry_out(&mut anna, verify("anna@example.se")).map(|events| events.len()), Ok(1));
    assert!(anna.email_verified());
    assert_eq!(anna.decide(verify("anna@example.se")), Ok(vec![]), "a second visit to the link changes nothing");
}

#[test]
fn a_changed_address_is_proved_and_names_the_old_one() {
    let mut anna = after([register()]);
    let change = AccountCommand::ChangeEmail { email: " anna@new.example ".to_owned() };
    let expected =
        AccountEvent::EmailChanged { email: "anna@new.example".to_owned(), previous: "Anna@example.se".to_owned() };
    assert_eq!(carry_out(&mut anna, change), Ok(vec![expected]));
    assert!(anna.email_verified());
    assert_eq!(anna.email(), "anna@new.example");
}

#[test]
fn a_profile_changes_in_parts() {
    let mut anna = after([register()]);
    let change = |name: Option<&str>, phone: Option<&str>| AccountCommand::ChangeProfile {
        display_name: name.map(str::to_owned),
        phone: phone.map(str::to_owned),
        language: None,
    };
    carry_out(&mut anna, change(None, Some("+46 (70) 123-45 67"))).expect("a number as people write it");
    assert_eq!((anna.phone(), anna.display_name(), anna.language()), (Some("+46701234567"), "Anna", Language::Sv));
    carry_out(&mut anna, change(Some("Anna Ö"), Some(""))).expect("an empty number removes it");
    assert_eq!((anna.phone(), anna.display_name()), (None, "Anna Ö"));
    for wrong in ["0701234567", "+0701234567", "+46", "+4670123456789012", "+46abc4567890"] {
        assert_eq!(anna.decide(change(None, Some(wrong))), Err(AccountError::Phone), "{wrong}");
    }
    assert_eq!(anna.decide(change(None, None)), Ok(vec![]));
}

#[test]
fn a_password_verified_before_it_was_changed_opens_nothing_and_does_not_come_back() {
    let mut anna = after([register()]);
    let before = anna.password_generation();
    let set = AccountCommand::SetPassword { hash: Protected::new("new"), cause: PasswordCause::Reset };
    carry_out(&mut anna, set).expect("a new password");
    let accept = AccountCommand::AcceptPassword { generation: before, at: at(1) };
    let upgrade = AccountCommand::UpgradePasswordHash { generation: before, hash: Protected::new("old, dearer") };
    assert_eq!(anna.decide(accept), Err(AccountError::PasswordChanged));
    assert_eq!(anna.decide(upgrade), Err(AccountError::PasswordChanged));
    assert_eq!(anna.password_hash(), Some(&Protected::new("new")));
}

#[test]
fn an_upgraded_hash_is_the_same_password() {
    let mut anna = after([register()]);
    let generation = anna.password_generation();
    let upgrade = AccountCommand::UpgradePasswordHash { generation, hash: Protected::new("dearer") };
    carry_out(&mut anna, upgrade).expect("an upgrade");
    assert_eq!(anna.password_generation(), generation);
    assert!(anna.decide(AccountCommand::AcceptPassword { generation, at: at(1) }).is_ok());
}

#[test]
fn two_step_needs_a_password_sign_in_an_authenticator_and_codes() {
    let enable = |first_factor, codes| AccountCommand::EnableTwoStep { first_factor, codes };
    let bare = after([register()]);
    assert_eq!(bare.decide(enable(Method::Password, hashes())), Err(AccountError::NoAuthenticator));
    let anna = with_two_step();
    assert_eq!(anna.decide(enable(Method::Password, hashes())), Err(AccountError::TwoStepOn));
    let mut off = anna;
    carry_out(&mut off, AccountCommand::DisableTwoStep).expect("switching off");
    assert_eq!(off.decide(enable(Method::Bankid, hashes())), Err(AccountError::PasswordSignInRequired));
    assert_eq!(off.decide(enable(Method::Password, vec![])), Err(AccountError::BadCodes));
    let twice = [hashes(), hashes()].concat();
    assert_eq!(off.decide(enable(Method::Password, twice)), Err(AccountError::BadCodes));
    assert_eq!(
        carry_out(&mut off, enable(Method::Password, hashes())),
        Ok(vec![AccountEvent::TwoStepEnabled {}, AccountEvent::RecoveryCodesIssued { set: 2, codes: hashes() }])
    );
    assert_eq!(off.second_factors(), [Method::Totp, Method::RecoveryCode]);
}

#[test]
fn switching_two_step_off_voids_the_codes() {
    let mut anna = with_two_step();
    carry_out(&mut anna, AccountCommand::DisableTwoStep).expect("switching off");
    assert_eq!(anna.second_factors(), [Method::Totp]);
    assert_eq!(anna.decide(AccountCommand::DisableTwoStep), Err(AccountError::TwoStepOff));
    assert_eq!(anna.decide(AccountCommand::IssueRecoveryCodes { codes: hashes() }), Err(AccountError::TwoStepOff));
    let code = AccountCommand::UseRecoveryCode { set: 1, number: 1, at: at(100) };
    assert_eq!(anna.decide(code), Err(refused(Method::RecoveryCode, RejectReason::NotAvailable)));
}

#[test]
fn a_recovery_code_works_once_in_its_own_set() {
    let mut anna = with_two_step();
    let code = |set, number| AccountCommand::UseRecoveryCode { set, number, at: at(100) };
    let used = AccountEvent::RecoveryCodeUsed { set: 1, number: 7 };
    assert_eq!(carry_out(&mut anna, code(1, 7)), Ok(vec![used]));
    assert_eq!(anna.remaining_recovery_codes().count(), 9);
    assert_eq!(anna.decide(code(1, 7)), Err(refused(Method::RecoveryCode, RejectReason::Reused)));
    assert_eq!(anna.decide(code(1, 11)), Err(refused(Method::RecoveryCode, RejectReason::NotAvailable)));
    carry_out(&mut anna, AccountCommand::IssueRecoveryCodes { codes: hashes() }).expect("a new set");
    assert_eq!(anna.remaining_recovery_codes().count(), 10);
    assert_eq!(
        anna.decide(code(1, 3)),
        Err(refused(Method::RecoveryCode, RejectReason::NotAvailable)),
        "found in the earlier set, it is not the newer set's code of that number"
    );
    assert!(anna.decide(code(2, 7)).is_ok());
}

#[test]
fn each_time_step_is_accepted_once_and_none_before_it() {
    let mut anna = with_two_step();
    let phone = credential(1);
    let reused =
        AccountError::ProofRefused { method: Method::Totp, credential: Some(phone), reason: RejectReason::Reused };
    assert_eq!(anna.decide(totp_code(phone, at(60))), Err(reused.clone()), "the code that confirmed it is used");
    carry_out(&mut anna, totp_code(phone, at(120))).expect("a fresh code");
    assert_eq!(anna.decide(totp_code(phone, at(149))), Err(reused.clone()), "the same step");
    let earlier = AccountCommand::AcceptTotp { code: crate::support::code(phone, at(90)), at: at(119) };
    assert_eq!(anna.decide(earlier), Err(reused), "a step before the last one");
    assert!(anna.decide(totp_code(phone, at(150))).is_ok(), "the next step");
}

#[test]
fn one_step_of_drift_is_accepted_and_no_more() {
    let anna = with_two_step();
    let phone = credential(1);
    let shown_at =
        |shown, read| AccountCommand::AcceptTotp { code: crate::support::code(phone, at(shown)), at: at(read) };
    assert!(anna.decide(shown_at(300, 330)).is_ok(), "one step late");
    assert!(anna.decide(shown_at(330, 300)).is_ok(), "one step early");
    let wrong = refused(Method::Totp, RejectReason::Wrong);
    assert_eq!(anna.decide(shown_at(300, 360)), Err(wrong.clone()));
    assert_eq!(anna.decide(shown_at(360, 300)), Err(wrong));
}

#[test]
fn delays_grow_and_end() {
    let mut anna = after([register()]);
    for _ in 0..FREE_FAILURES - 1 {
        carry_out(&mut anna, reject(Method::Password, 0)).expect("counted");
        assert_eq!(anna.throttled_until(at(0)), None);
    }
    let mut now = 0;
    let longest = i64::from(LONGEST_DELAY_SECONDS);
    for delay in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, longest, longest] {
        carry_out(&mut anna, reject(Method::Password, now)).expect("counted");
        assert_eq!(anna.throttled_until(at(now)), Some(at(now + delay)));
        let until = AccountError::Throttled { until: at(now + delay) };
        let generation = anna.password_generation();
        let right = AccountCommand::AcceptPassword { generation, at: at(now + delay - 1) };
        assert_eq!(anna.decide(right), Err(until.clone()), "even the right password waits, or it would be told");
        assert_eq!(anna.decide(reject(Method::Password, now)), Err(until), "and nothing more is written");
        now += delay;
        assert_eq!(anna.throttled_until(at(now)), None);
    }
    let generation = anna.password_generation();
    carry_out(&mut anna, AccountCommand::AcceptPassword { generation, at: at(now) }).expect("accepted");
    assert_eq!(anna.failures(Method::Password), 0, "forgotten");
}

#[test]
fn attempts_against_nobody_are_delayed_like_those_against_somebody() {
    let (mut stand_in, mut anna) = (Account::default(), after([register()]));
    for account in [&mut stand_in, &mut anna] {
        for _ in 0..FREE_FAILURES {
            carry_out(account, reject(Method::Password, 0)).expect("counted");
        }
    }
    assert_eq!(stand_in.throttled_until(at(0)), Some(at(1)));
    assert_eq!(stand_in.throttled_until(at(0)), anna.throttled_until(at(0)));
    assert_eq!(stand_in.decide(reject(Method::Password, 0)), anna.decide(reject(Method::Password, 0)));
    assert!(!stand_in.is_registered());
}

#[test]
fn an_owner_can_be_told_of_an_attempt_to_register() {
    let attempted = vec![AccountEvent::RegistrationAttempted {}];
    assert_eq!(after([register()]).decide(AccountCommand::NoteRegistrationAttempt), Ok(attempted));
}

#[test]
fn a_right_password_does_not_forgive_wrong_codes() {
    let mut anna = with_two_step();
    for _ in 0..FREE_FAILURES {
        carry_out(&mut anna, reject(Method::Totp, 1000)).expect("counted");
    }
    let generation = anna.password_generation();
    carry_out(&mut anna, AccountCommand::AcceptPassword { generation, at: at(1001) }).expect("after the delay");
    assert_eq!(anna.failures(Method::Totp), FREE_FAILURES);
}

/// Rejects until `count` failures in a row, waiting every delay out.
fn fail(anna: &mut Account, method: Method, count: u32) -> Vec<AccountEvent> {
    let mut now = at(10_000);
    let mut events = Vec::new();
    for _ in 0..count {
        now = anna.throttled_until(now).unwrap_or(now);
        let reject = AccountCommand::RejectProof { method, credential: None, reason: RejectReason::Wrong, at: now };
        events.extend(carry_out(anna, reject).expect("counted"));
    }
    events
}

#[test]
fn the_person_is_told_at_fifty_and_ninety_and_the_password_disabled_at_a_hundred() {
    let mut anna = after([register()]);
    let events = fail(&mut anna, Method::Password, DISABLE_AT);
    let notices: Vec<_> = events.iter().filter(|e| matches!(e, AccountEvent::FailureNoticeDue { .. })).collect();
    assert_eq!(
        notices,
        [&AccountEvent::FailureNoticeDue { failures: 50 }, &AccountEvent::FailureNoticeDue { failures: 90 }]
    );
    assert_eq!(events.last(), Some(&AccountEvent::AuthenticatorDisabled { credential: None, failures: 100 }));
    let much_later = AccountCommand::AcceptPassword { generation: anna.password_generation(), at: at(10_000_000) };
    assert_eq!(anna.decide(much_later), Err(refused(Method::Password, RejectReason::NotAvailable)));
    let more = fail(&mut anna, Method::Password, 1);
    assert!(matches!(more.as_slice(), [AccountEvent::AccountProofRejected { .. }]), "disabled once");
    let set = AccountCommand::SetPassword { hash: Protected::new("new"), cause: PasswordCause::Reset };
    carry_out(&mut anna, set).expect("a reset");
    assert!(!anna.password_disabled() && anna.failures(Method::Password) == 0);
}

#[test]
fn an_authenticator_is_disabled_at_a_hundred_and_the_codes_remain() {
    let mut anna = with_two_step();
    let events = fail(&mut anna, Method::Totp, DISABLE_AT);
    let disabled = AccountEvent::AuthenticatorDisabled { credential: Some(credential(1)), failures: 100 };
    assert_eq!(events.last(), Some(&disabled));
    assert_eq!(anna.authenticator(credential(1)).map(|a| a.status), Some(AuthenticatorStatus::Disabled));
    assert_eq!(
        anna.decide(totp_code(credential(1), at(10_000_000))),
        Err(refused(Method::Totp, RejectReason::NotAvailable))
    );
    assert_eq!(anna.second_factors(), [Method::RecoveryCode]);
}

#[test]
fn throttled_windows_and_reports_are_recorded_once() {
    let mut anna = after([register()]);
    let window = |from, until, count| AccountCommand::RecordThrottled { from: at(from), until: at(until), count };
    assert_eq!(carry_out(&mut anna, window(0, 10, 3)).map(|events| events.len()), Ok(1));
    assert_eq!(anna.decide(window(10, 10, 3)), Err(AccountError::BadWindow));
    assert_eq!(anna.decide(window(0, 10, 0)), Err(AccountError::BadWindow));
    let report = AccountCommand::ReportNotMe { entry: ReportedEntry::Ceremony(CeremonyId(uuid::Uuid::from_u128(1))) };
    carry_out(&mut anna, report.clone()).expect("a report");
    assert_eq!(anna.decide(report), Err(AccountError::AlreadyReported));
}

#[test]
fn an_erased_account_answers_as_erased_and_keeps_nothing() {
    let mut anna = with_two_step();
    carry_out(&mut anna, AccountCommand::Erase).expect("erasure");
    let empty = Account::default();
    assert!(anna.erased() && !anna.is_registered());
    assert_eq!((anna.email(), anna.display_name(), anna.password_hash()), (empty.email(), "", None));
    assert_eq!((anna.authenticators().len(), anna.recovery_codes().len()), (0, 0));
    for command in [register(), AccountCommand::Erase, AccountCommand::DisableTwoStep] {
        assert_eq!(anna.decide(command), Err(AccountError::Erased));
    }
}

#[test]
fn a_shredded_registration_means_erased_and_later_events_bring_nothing_back() {
    let mut anna = Account::default();
    anna.apply(shredded("AccountRegistered"));
    anna.apply(AccountEvent::EmailChanged { email: "a@b.se".to_owned(), previous: String::new() });
    assert!(anna.erased());
    assert_eq!(anna.email(), "");
    assert_eq!(anna.decide(register()), Err(AccountError::Erased));
}

#[test]
fn an_aged_out_security_event_leaves_the_account_as_it_is() {
    let mut anna = with_two_step();
    let before = anna.clone();
    for name in ["AccountProofAccepted", "AccountProofRejected", "FailureNoticeDue", "NotMeReported", "FromTheFuture"] {
        anna.apply(shredded(name));
    }
    assert_eq!(anna, before);
}

#[test]
fn secrets_do_not_print() {
    let anna = after([register(), crate::support::start(credential(1), None, at(0))]);
    let printed = format!("{anna:?} {:?} {:?}", register(), totp_code(credential(1), at(60)));
    assert!(!printed.contains("\"hash\"") && !printed.contains(crate::support::secret(credential(1)).expose()));
    assert!(!printed.contains(crate::support::code(credential(1), at(60)).expose()));
}
