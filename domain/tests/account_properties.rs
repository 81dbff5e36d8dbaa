//! What holds for every history of an account.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use cqrs_es::Aggregate;
use proptest::prelude::*;
use vitne_domain::Protected;
use vitne_domain::account::{
    Account, AccountCommand, AccountEvent, AuthenticatorCause, EnrolmentProof, PasswordCause, RejectReason,
    ReportedEntry,
};
use vitne_domain::id::{CeremonyId, CredentialId};
use vitne_domain::policy::Method;

use crate::support::{code, credential, hashes, register, secret, start};

/// A moment within the first hours; small steps, so that codes meet used time steps and delays.
fn moment() -> impl Strategy<Value = i64> {
    prop_oneof![0_i64..600, 0_i64..20_000]
}

fn any_credential() -> impl Strategy<Value = CredentialId> {
    (1_u128..5).prop_map(credential)
}

/// A command whose values are often right: codes come from the authenticators themselves.
fn command() -> impl Strategy<Value = AccountCommand> {
    let at = crate::support::at;
    let method =
        prop_oneof![Just(Method::Password), Just(Method::Totp), Just(Method::RecoveryCode), Just(Method::EmailLink)];
    let cause = prop_oneof![Just(AuthenticatorCause::DeviceLost), Just(AuthenticatorCause::NotMe)];
    prop_oneof![
        2 => Just(register()),
        4 => (any_credential(), proptest::option::weighted(0.4, any_credential()), moment())
            .prop_map(move |(id, replaces, begins)| start(id, replaces, at(begins))),
        8 => (any_credential(), any_credential(), 0..3_u8, moment()).prop_map(move |(id, other, proof, moment)| {
            let moment = at(moment);
            let proof = match proof {
                0 => None,
                1 => Some(EnrolmentProof::ReplaceCeremony),
                _ => Some(EnrolmentProof::Code { credential: other, code: code(other, moment) }),
            };
            AccountCommand::ConfirmEnrolment { credential: id, code: code(id, moment), proof, at: moment }
        }),
        6 => (any_credential(), moment()).prop_map(move |(id, m)| AccountCommand::AcceptTotp {
            code: code(id, at(m)),
            at: at(m),
        }),
        2 => any_credential().prop_map(|credential| AccountCommand::RemoveAuthenticator { credential }),
        2 => (any_credential(), cause)
            .prop_map(|(credential, cause)| AccountCommand::SuspendAuthenticator { credential, cause }),
        1 => (any_credential(), "\\PC{0,8}")
            .prop_map(|(credential, label)| AccountCommand::RenameAuthenticator { credential, label }),
        4 => method.clone().prop_map(|first_factor| AccountCommand::EnableTwoStep { first_factor, codes: hashes() }),
        1 => Just(AccountCommand::DisableTwoStep),
        1 => Just(AccountCommand::IssueRecoveryCodes { codes: hashes() }),
        6 => (0..4_u32, 0..4_u8, moment())
            .prop_map(move |(set, number, m)| AccountCommand::UseRecoveryCode { set, number, at: at(m) }),
        2 => (0..3_u32, moment())
            .prop_map(move |(generation, m)| AccountCommand::AcceptPassword { generation, at: at(m) }),
        4 => (method, proptest::option::of(any_credential()), moment()).prop_map(move |(method, credential, m)| {
            AccountCommand::RejectProof { method, credential, reason: RejectReason::Wrong, at: at(m) }
        }),
        1 => (0..3_u32).prop_map(|generation| AccountCommand::UpgradePasswordHash {
            generation,
            hash: Protected::new("dearer"),
        }),
        1 => Just(AccountCommand::SetPassword { hash: Protected::new("new"), cause: PasswordCause::Change }),
        1 => "\\PC{0,12}".prop_map(|email| AccountCommand::ChangeEmail { email }),
        1 => Just(AccountCommand::VerifyEmail { email: "anna@example.se".to_owned() }),
        1 => (0..4_u128).prop_map(|id| AccountCommand::ReportNotMe {
            entry: ReportedEntry::Ceremony(CeremonyId(uuid::Uuid::from_u128(id))),
        }),
        1 => Just(AccountCommand::Summarise),
    ]
}

/// The accepted decisions of a command sequence, one batch a command, behind a registration.
fn batches(commands: Vec<AccountCommand>) -> Vec<Vec<AccountEvent>> {
    let mut account = Account::default();
    let mut batches = Vec::new();
    for command in std::iter::once(register()).chain(commands) {
        let Ok(events) = account.decide(command) else { continue };
        for event in &events {
            account.apply(event.clone());
        }
        batches.push(events);
    }
    batches
}

/// Mostly single commands; sometimes an enrolment carried through, which chance alone seldom does.
fn stretch() -> impl Strategy<Value = Vec<AccountCommand>> {
    let enrolment =
        (any_credential(), proptest::option::of(any_credential()), 0_i64..20_000).prop_map(|(id, old, m)| {
            let (begins, ends) = (crate::support::at(m), crate::support::at(m + 30));
            let proof = Some(EnrolmentProof::ReplaceCeremony);
            let confirm = AccountCommand::ConfirmEnrolment { credential: id, code: code(id, ends), proof, at: ends };
            vec![start(id, old, begins), confirm]
        });
    prop_oneof![10 => command().prop_map(|command| vec![command]), 2 => enrolment]
}

fn commands() -> impl Strategy<Value = Vec<AccountCommand>> {
    proptest::collection::vec(stretch(), 0..100).prop_map(|stretches| stretches.into_iter().flatten().collect())
}

fn history() -> impl Strategy<Value = Vec<Vec<AccountEvent>>> {
    commands().prop_map(batches)
}

fn fold<'a>(events: impl IntoIterator<Item = &'a AccountEvent>) -> Account {
    let mut account = Account::default();
    for event in events {
        account.apply(event.clone());
    }
    account
}

/// Loses a key: what is left of an event.
fn shred(event: &AccountEvent) -> AccountEvent {
    use cqrs_es::DomainEvent;
    AccountEvent::Shredded { event_type: event.event_type(), event_version: event.event_version() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_summary_stands_for_all_before_it(history in history(), cut in any::<prop::sample::Index>()) {
        let events: Vec<AccountEvent> = history.into_iter().flatten().collect();
        let (before, behind) = events.split_at(cut.index(events.len()));
        let at_cut = fold(before);
        prop_assume!(at_cut.is_registered());
        let summary = at_cut.decide(AccountCommand::Summarise).expect("a registered account can be summarised");
        // Through JSON, as it is stored.
        let stored = serde_json::to_value(&summary).expect("events serialise");
        let loaded: Vec<AccountEvent> = serde_json::from_value(stored).expect("and load");
        prop_assert_eq!(fold(loaded.iter().chain(behind)), fold(&events));
    }

    #[test]
    fn a_recovery_code_is_used_at_most_once(history in history()) {
        let mut used = BTreeSet::new();
        for event in history.iter().flatten() {
            if let AccountEvent::RecoveryCodeUsed { set, number } = event {
                prop_assert!(used.insert((*set, *number)), "code {number} of set {set} twice");
            }
        }
    }

    #[test]
    fn a_time_step_is_used_at_most_once_and_in_order(history in history()) {
        let mut last = std::collections::BTreeMap::new();
        for event in history.iter().flatten() {
            let (credential, step) = match event {
                AccountEvent::AuthenticatorEnrolled { credential, step, .. } => (*credential, *step),
                AccountEvent::AccountProofAccepted { credential: Some(credential), step: Some(step), .. } => (*credential, *step),
                AccountEvent::AuthenticatorRemoved { credential, .. } => {
                    // These tests reuse few identifiers; Vitne never reuses one.
                    last.remove(credential);
                    continue;
                }
                _ => continue,
            };
            let earlier = last.insert(credential, step);
            prop_assert!(earlier.is_none_or(|earlier| earlier < step), "{credential:?}: {earlier:?} then {step}");
        }
    }

    #[test]
    fn two_step_always_has_an_enrolled_authenticator(history in history()) {
        let mut account = Account::default();
        for batch in &history {
            for event in batch {
                account.apply(event.clone());
            }
            let enrolled = account.authenticators().iter().any(|authenticator| authenticator.is_enrolled());
            prop_assert!(!account.two_step() || enrolled, "after {batch:?}");
        }
    }

    #[test]
    fn a_replaced_authenticator_goes_only_with_the_one_that_replaces_it(history in history()) {
        let mut account = Account::default();
        for batch in &history {
            for event in batch {
                let AccountEvent::AuthenticatorRemoved { credential, cause: AuthenticatorCause::Replaced } = event else {
                    continue;
                };
                let successor = batch.iter().any(|other| match other {
                    AccountEvent::AuthenticatorEnrolled { credential: new, .. } => {
                        account.authenticator(*new).is_some_and(|new| new.replaces == Some(*credential))
                    }
                    _ => false,
                });
                prop_assert!(successor, "{batch:?}");
            }
            for event in batch {
                account.apply(event.clone());
            }
        }
    }

    #[test]
    fn a_second_authenticator_never_comes_without_a_proof(history in history()) {
        let mut account = Account::default();
        for batch in &history {
            let another = account.authenticators().iter().any(|authenticator| authenticator.is_enrolled());
            if batch.iter().any(|event| matches!(event, AccountEvent::AuthenticatorEnrolled { .. })) && another {
                let proved = batch.iter().any(|event| matches!(
                    event,
                    AccountEvent::AccountProofAccepted { method: Method::Totp, credential: Some(_), .. }
                        | AccountEvent::AuthenticatorRemoved { cause: AuthenticatorCause::Replaced, .. }
                ));
                prop_assert!(proved, "{batch:?}");
            }
            for event in batch {
                account.apply(event.clone());
            }
        }
    }

    #[test]
    fn proofs_are_only_accepted_outside_of_delays(commands in commands()) {
        let mut account = Account::default();
        for command in std::iter::once(register()).chain(commands) {
            let moment = match &command {
                AccountCommand::AcceptTotp { at, .. }
                | AccountCommand::AcceptPassword { at, .. }
                | AccountCommand::UseRecoveryCode { at, .. } => Some(*at),
                _ => None,
            };
            let throttled = moment.and_then(|moment| account.throttled_until(moment));
            let Ok(events) = account.decide(command) else { continue };
            prop_assert_eq!(throttled, None);
            for event in events {
                account.apply(event);
            }
        }
    }

    #[test]
    fn any_event_folds_on_any_state(history in history(), lost in any::<u64>(), skipped in any::<u64>()) {
        // Neither lost keys nor missing events may stop a reader.
        let mut account = Account::default();
        for (index, event) in history.iter().flatten().enumerate() {
            if skipped >> (index % 64) & 1 == 1 {
                continue;
            }
            let event = if lost >> (index % 61) & 1 == 1 { shred(event) } else { event.clone() };
            account.apply(event);
            let moment = crate::support::at(0) + TimeDelta::seconds(i64::try_from(index).unwrap_or(0));
            let _ = (account.second_factors(), account.throttled_until(moment), account.check_totp("000000", moment));
            prop_assert!(!account.erased() || (account.email().is_empty() && account.authenticators().is_empty()));
        }
    }
}

#[test]
fn the_histories_reach_what_they_are_to_test() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let tree = history().new_tree(&mut runner).expect("a history");
        for event in tree.current().iter().flatten() {
            let name = cqrs_es::DomainEvent::event_type(event);
            let cause = matches!(event, AccountEvent::AuthenticatorRemoved { cause: AuthenticatorCause::Replaced, .. });
            seen.insert(if cause { "Replaced".to_owned() } else { name });
        }
    }
    for name in ["TwoStepEnabled", "RecoveryCodeUsed", "AccountProofAccepted", "AccountProofRejected", "Replaced"] {
        assert!(seen.contains(name), "no history has {name}: {seen:?}");
    }
    assert_eq!(secret(credential(1)), secret(credential(1)), "secrets are fixed, or no code would match");
}
