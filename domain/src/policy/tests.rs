//! What each purpose demands, of whom, and what satisfies it.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn proof(method: Method, seconds: i64) -> GivenProof {
    GivenProof { method, credential: None, at: at(seconds) }
}

fn two_step() -> AccountFacts {
    AccountFacts { two_step: true, second_factors: vec![Method::Totp, Method::RecoveryCode], ..AccountFacts::default() }
}

fn trust(until: i64) -> TrustFacts {
    TrustFacts { until: at(until) }
}

/// Whether proofs given just now satisfy the purpose.
fn opens(purpose: Purpose, account: &AccountFacts, methods: &[Method]) -> bool {
    let given: Vec<_> = methods.iter().map(|method| proof(*method, 0)).collect();
    requirement(purpose, account, None, at(0)).outcome(&given, at(0)).satisfied
}

#[test]
fn what_opens_what() {
    use Method::{EmailLink, Manager, Password, RecoveryCode, Sms, Totp};
    let plain = AccountFacts::default();
    let enrolled = AccountFacts { two_step: false, ..two_step() };
    let codes_only = AccountFacts { second_factors: vec![RecoveryCode], ..AccountFacts::default() };
    let cases: &[(Purpose, &AccountFacts, &[Method], bool)] = &[
        (Purpose::SignIn, &plain, &[Password], true),
        (Purpose::SignIn, &plain, &[Totp], false),
        (Purpose::SignIn, &plain, &[EmailLink], false),
        (Purpose::SignIn, &enrolled, &[Password], true),
        (Purpose::SignIn, &two_step(), &[Password], false),
        (Purpose::SignIn, &two_step(), &[Password, Totp], true),
        (Purpose::SignIn, &two_step(), &[Password, RecoveryCode], true),
        (Purpose::SignIn, &two_step(), &[Totp, RecoveryCode], false),
        (Purpose::SignIn, &two_step(), &[Password, EmailLink], false),
        (Purpose::SignIn, &two_step(), &[Password, Password], false),
        (Purpose::SignInStrong, &plain, &[Password], false),
        (Purpose::SignInStrong, &two_step(), &[Password, Totp], true),
        (Purpose::Payment, &two_step(), &[Totp], true),
        (Purpose::Payment, &two_step(), &[RecoveryCode], false),
        (Purpose::Payment, &two_step(), &[Password, RecoveryCode, EmailLink, Sms], false),
        (Purpose::Settings, &plain, &[Password], true),
        (Purpose::Settings, &codes_only, &[Password], true),
        (Purpose::Settings, &enrolled, &[Password], false),
        (Purpose::Settings, &enrolled, &[Password, Totp], true),
        (Purpose::Settings, &two_step(), &[Totp], false),
        (Purpose::Export, &plain, &[Password], true),
        (Purpose::Export, &enrolled, &[Password], false),
        (Purpose::Export, &two_step(), &[Password, Totp], true),
        (Purpose::PasswordReset, &plain, &[EmailLink], true),
        (Purpose::PasswordReset, &plain, &[Password], false),
        (Purpose::PasswordReset, &enrolled, &[EmailLink], false),
        (Purpose::PasswordReset, &codes_only, &[EmailLink], false),
        (Purpose::PasswordReset, &two_step(), &[EmailLink], false),
        (Purpose::PasswordReset, &two_step(), &[EmailLink, EmailLink, EmailLink], false),
        (Purpose::PasswordReset, &two_step(), &[EmailLink, Totp], true),
        (Purpose::PasswordReset, &two_step(), &[EmailLink, RecoveryCode], true),
        (Purpose::PasswordReset, &two_step(), &[Totp, RecoveryCode], true),
        (Purpose::PasswordReset, &two_step(), &[Totp], false),
        (Purpose::PasswordReset, &two_step(), &[Password, Totp], false),
        (Purpose::PasswordReset, &two_step(), &[EmailLink, Sms, Manager], false),
        (Purpose::ReplaceFactor, &two_step(), &[Password], false),
        (Purpose::ReplaceFactor, &two_step(), &[Password, EmailLink], false),
        (Purpose::ReplaceFactor, &two_step(), &[Password, RecoveryCode], true),
        (Purpose::ReplaceFactor, &two_step(), &[RecoveryCode], false),
        (Purpose::VerifyEmail, &plain, &[EmailLink], true),
        (Purpose::VerifyEmail, &plain, &[Password], false),
    ];
    for (purpose, account, methods, expected) in cases {
        assert_eq!(opens(*purpose, account, methods), *expected, "{purpose:?} by {methods:?}, {account:?}");
    }
}

#[test]
fn the_table_has_one_entry_a_purpose_and_its_shape_is_sound() {
    for (purpose, entry) in Purpose::ALL.into_iter().zip(&DEFAULTS) {
        assert_eq!(entry.purpose, purpose);
        assert_eq!(default_of(purpose).purpose, purpose);
        assert!(!entry.groups.is_empty() || entry.stars > 0, "{purpose:?} demands nothing");
        assert_eq!(entry.stars > 0, entry.kinds > 0);
        assert_eq!(entry.stars > 0, !entry.evidence.is_empty());
        for group in entry.groups {
            assert!(group.accepts.iter().any(|method| IMPLEMENTED.contains(method)), "{purpose:?} {group:?}");
            assert!(!group.skipped_by_trust || purpose == Purpose::SignIn);
        }
    }
    let reset = default_of(Purpose::PasswordReset);
    assert!(!reset.evidence.contains(&Method::Password), "a reset cannot rest on what it unlocks");
}

#[test]
fn only_methods_that_exist_are_offered() {
    for purpose in Purpose::ALL {
        let requirement = requirement(purpose, &two_step(), None, at(0));
        let offered = requirement.groups.iter().flat_map(|group| &group.accepts).chain(&requirement.evidence);
        for method in offered {
            assert!(IMPLEMENTED.contains(method), "{purpose:?} offers {method:?}");
        }
    }
}

#[test]
fn an_unknown_account_is_asked_for_what_a_plain_one_is() {
    let plain = AccountFacts { password_set: true, email_verified: true, two_step: false, second_factors: Vec::new() };
    let unregistered = AccountFacts::from(&crate::account::AccountState::default());
    for purpose in Purpose::ALL {
        let unknown = requirement(purpose, &AccountFacts::default(), None, at(0));
        assert_eq!(unknown, requirement(purpose, &plain, None, at(0)));
        assert_eq!(unknown, requirement(purpose, &unregistered, None, at(0)));
    }
    let first = |account: &AccountFacts| requirement(Purpose::SignIn, account, None, at(0)).outcome(&[], at(0)).next;
    assert_eq!(first(&AccountFacts::default()), first(&two_step()), "the first question gives two-step away");
}

#[test]
fn the_second_step_is_offered_after_the_first_and_by_what_is_enrolled() {
    let totp_only = AccountFacts { second_factors: vec![Method::Totp], ..two_step() };
    let none_left = AccountFacts { second_factors: Vec::new(), ..two_step() };
    for (account, second) in [
        (&two_step(), vec![Method::Totp, Method::RecoveryCode]),
        (&totp_only, vec![Method::Totp]),
        (&none_left, vec![Method::Totp, Method::RecoveryCode]),
    ] {
        let requirement = requirement(Purpose::SignIn, account, None, at(0));
        assert_eq!(requirement.causes, [Cause::PurposeDefault, Cause::TwoStepEnabled]);
        assert_eq!(requirement.outcome(&[], at(0)).next, [Method::Password]);
        let after = requirement.outcome(&[proof(Method::Password, 0)], at(0));
        assert_eq!(after.next, second);
        assert_eq!(after.missing, [Missing::Group { name: GroupName::Second, accepts: second.clone(), stale: false }]);
        assert_eq!(after.missing[0].message_key(), "policy.missing.second");
    }
}

#[test]
fn trust_skips_the_second_step_of_a_sign_in_while_it_lasts() {
    let until = 1000;
    let required = requirement(Purpose::SignIn, &two_step(), Some(&trust(until)), at(0));
    assert!(required.trusted_device);
    assert!(required.causes.contains(&Cause::DeviceTrusted { until: at(until) }));
    let password = [proof(Method::Password, 0)];
    let outcome = required.outcome(&password, at(0));
    assert!(outcome.satisfied && outcome.by_device_trust);
    assert!(!required.outcome(&[], at(0)).satisfied, "trust is no password");
    assert!(!required.outcome(&password, at(until)).satisfied, "trust ends");
    assert!(!required.without_trust().outcome(&password, at(0)).satisfied, "trust was dropped");

    let both = required.outcome(&[proof(Method::Password, 0), proof(Method::Totp, 0)], at(0));
    assert!(both.satisfied && !both.by_device_trust, "the step was given, trust skipped nothing");

    let lapsed = requirement(Purpose::SignIn, &two_step(), Some(&trust(0)), at(0));
    assert!(!lapsed.trusted_device);
    let plain = requirement(Purpose::SignIn, &AccountFacts::default(), Some(&trust(until)), at(0));
    assert!(!plain.trusted_device, "there is nothing to skip");
}

#[test]
fn proofs_lapse() {
    for (purpose, seconds) in [(Purpose::Payment, 300), (Purpose::Settings, 600), (Purpose::Export, 600)] {
        let required = requirement(purpose, &two_step(), None, at(0));
        let given = [proof(Method::Password, 0), proof(Method::Totp, 0)];
        assert!(required.outcome(&given, at(seconds - 1)).satisfied, "{purpose:?}");
        let late = required.outcome(&given, at(seconds));
        assert!(!late.satisfied, "{purpose:?}");
        assert_eq!(late.missing[0].message_key(), "policy.missing.fresh");
        assert!(!late.next.is_empty());
    }
    let strong = requirement(Purpose::SignInStrong, &two_step(), None, at(0));
    let given = [proof(Method::Password, 0), proof(Method::Totp, 0)];
    assert!(strong.outcome(&given, at(86_400)).satisfied, "two factors in this session, whenever");
}

#[test]
fn evidence_names_what_is_still_wanted() {
    let reset = requirement(Purpose::PasswordReset, &two_step(), None, at(0));
    let nothing = reset.outcome(&[], at(0));
    assert_eq!(nothing.missing, [Missing::Stars { more: 3 }, Missing::Kinds { more: 2 }]);
    assert_eq!(nothing.next, [Method::EmailLink, Method::Totp, Method::RecoveryCode]);
    let mail = reset.outcome(&[proof(Method::EmailLink, 0)], at(0));
    assert_eq!(mail.missing, [Missing::Stars { more: 2 }, Missing::Kinds { more: 1 }]);
    assert_eq!(mail.next, [Method::Totp, Method::RecoveryCode]);
}

#[test]
fn a_proof_is_put_where_it_is_needed_most() {
    // The first group takes either, the second only the password: a greedy choice would fail.
    let group = |name, accepts: &[Method]| ProofGroup { name, accepts: accepts.to_vec(), skipped_by_trust: false };
    let required = Requirement {
        groups: vec![
            group(GroupName::First, &[Method::Password, Method::Totp]),
            group(GroupName::Second, &[Method::Password]),
        ],
        ..requirement(Purpose::SignIn, &AccountFacts::default(), None, at(0))
    };
    assert!(required.outcome(&[proof(Method::Password, 0), proof(Method::Totp, 0)], at(0)).satisfied);
    assert!(!required.outcome(&[proof(Method::Password, 0)], at(0)).satisfied);
}

fn any_method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::Password,
        Method::Totp,
        Method::Webauthn,
        Method::Push,
        Method::Sms,
        Method::Bankid,
        Method::RecoveryCode,
        Method::SupportCode,
        Method::EmailLink,
        Method::Manager,
    ])
}

prop_compose! {
    fn any_proof()(method in any_method(), seconds in -1200_i64..0) -> GivenProof { proof(method, seconds) }
}

prop_compose! {
    fn any_facts()(
        password_set: bool,
        email_verified: bool,
        two_step: bool,
        second_factors in prop::collection::vec(any_method(), 0..4),
    ) -> AccountFacts {
        AccountFacts { password_set, email_verified, two_step, second_factors }
    }
}

prop_compose! {
    fn any_group()(
        second: bool,
        accepts in prop::collection::vec(any_method(), 1..4),
        skipped_by_trust: bool,
    ) -> ProofGroup {
        let name = if second { GroupName::Second } else { GroupName::First };
        ProofGroup { name, accepts, skipped_by_trust }
    }
}

prop_compose! {
    /// Any requirement that configuration could ever come to, not only today's.
    fn any_requirement()(
        groups in prop::collection::vec(any_group(), 0..4),
        (stars, kinds) in (0_u8..6, 0_u8..4),
        evidence in prop::collection::vec(any_method(), 0..6),
        fresh_seconds in prop::option::of(1_u32..1500),
        trusted in prop::option::of(-10_i64..1000),
    ) -> Requirement {
        let mut causes = vec![Cause::PurposeDefault];
        causes.extend(trusted.map(|until| Cause::DeviceTrusted { until: at(until) }));
        Requirement {
            purpose: Purpose::SignIn, groups, stars, kinds, evidence, fresh_seconds,
            trusted_device: trusted.is_some(), causes,
        }
    }
}

proptest! {
    #[test]
    fn never_weaker_than_the_default(facts in any_facts(), purpose in prop::sample::select(Purpose::ALL.to_vec()),
        until in prop::option::of(-100_i64..1000)) {
        let trusted = until.map(trust);
        let made = requirement(purpose, &facts, trusted.as_ref(), at(0));
        let default = default_of(purpose);
        prop_assert_eq!(made.purpose, purpose);
        let alone = !facts.two_step && facts.second_factors.is_empty();
        let (stars, kinds) = default.single_factor.filter(|_| alone).unwrap_or((default.stars, default.kinds));
        prop_assert!(made.stars >= stars && made.kinds >= kinds);
        prop_assert_eq!(made.fresh_seconds, default.fresh_seconds);
        prop_assert!(made.evidence.iter().all(|method| default.evidence.contains(method)));
        for group in default.groups.iter().filter(|group| group.needed == Needed::Always) {
            prop_assert!(made.groups.iter().any(|own| own.name == group.name));
        }
        for own in &made.groups {
            let group = default.groups.iter().find(|group| group.name == own.name).unwrap();
            prop_assert!(!own.accepts.is_empty());
            prop_assert!(own.accepts.iter().all(|method| group.accepts.contains(method)));
            prop_assert!(!own.skipped_by_trust || group.skipped_by_trust);
        }
        if facts.two_step && matches!(purpose, Purpose::SignIn | Purpose::Settings) {
            prop_assert!(made.groups.iter().any(|own| own.name == GroupName::Second));
        }
        prop_assert!(made.causes.contains(&Cause::PurposeDefault));
    }

    #[test]
    fn trust_serves_sign_in_only(facts in any_facts(), purpose in prop::sample::select(Purpose::ALL.to_vec()),
        given in prop::collection::vec(any_proof(), 0..6)) {
        let with = requirement(purpose, &facts, Some(&trust(1000)), at(0));
        let without = requirement(purpose, &facts, None, at(0));
        if purpose != Purpose::SignIn {
            prop_assert_eq!(&with, &without);
        }
        prop_assert_eq!(with.without_trust().outcome(&given, at(0)), without.outcome(&given, at(0)));
    }

    #[test]
    fn more_proofs_never_hurt(required in any_requirement(), given in prop::collection::vec(any_proof(), 0..7),
        more in any_proof(), place in 0_usize..8) {
        let before = required.outcome(&given, at(0));
        let mut all = given.clone();
        all.insert(place.min(given.len()), more);
        prop_assert!(!before.satisfied || required.outcome(&all, at(0)).satisfied);
    }

    #[test]
    fn a_refusal_says_what_is_missing(required in any_requirement(), given in prop::collection::vec(any_proof(), 0..7)) {
        let outcome = required.outcome(&given, at(0));
        prop_assert_eq!(outcome.satisfied, outcome.missing.is_empty());
        prop_assert!(!outcome.satisfied || outcome.next.is_empty());
        prop_assert!(!outcome.by_device_trust || required.trusted_device);
    }

    /// Against a plain statement of the rule: some way of giving every demanded group a fresh method
    /// of its own leaves enough evidence.
    #[test]
    fn each_group_has_a_proof_of_its_own(required in any_requirement(), given in prop::collection::vec(any_proof(), 0..7)) {
        let mut fresh: Vec<Method> = given.iter().filter(|proof| match required.fresh_seconds {
            None => true,
            Some(seconds) => proof.at > at(0) - TimeDelta::seconds(i64::from(seconds)),
        }).map(|proof| proof.method).collect();
        fresh.sort_unstable();
        fresh.dedup();
        let trusted = required.trusted_device
            && required.causes.iter().any(|cause| matches!(cause, Cause::DeviceTrusted { until } if *until > at(0)));
        let demanded: Vec<&ProofGroup> =
            required.groups.iter().filter(|group| !(trusted && group.skipped_by_trust)).collect();
        prop_assert_eq!(required.outcome(&given, at(0)).satisfied, possible(&required, &demanded, &fresh));
    }
}

fn possible(required: &Requirement, demanded: &[&ProofGroup], left: &[Method]) -> bool {
    let Some((group, rest)) = demanded.split_first() else {
        let evidence: Vec<Method> = left.iter().copied().filter(|method| required.evidence.contains(method)).collect();
        let mut kinds: Vec<Kind> = evidence.iter().map(|method| method.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let stars: u32 = evidence.iter().map(|method| u32::from(method.stars())).sum();
        return stars >= u32::from(required.stars) && kinds.len() >= usize::from(required.kinds);
    };
    left.iter().filter(|method| group.accepts.contains(method)).any(|used| {
        let left: Vec<Method> = left.iter().copied().filter(|method| method != used).collect();
        possible(required, rest, &left)
    })
}

#[test]
fn a_requirement_made_before_a_second_factor_does_not_cover_one_made_after() {
    let at = chrono::DateTime::UNIX_EPOCH;
    let plain = AccountFacts::default();
    let strong = AccountFacts { two_step: true, second_factors: vec![Method::Totp], ..AccountFacts::default() };
    for purpose in [Purpose::SignIn, Purpose::PasswordReset, Purpose::Settings] {
        let (before, after) = (requirement(purpose, &plain, None, at), requirement(purpose, &strong, None, at));
        assert!(!before.covers(&after), "{purpose:?}");
        assert!(after.covers(&before) && after.covers(&after), "{purpose:?}");
    }
}

#[test]
fn a_clock_set_back_keeps_no_proof_fresh() {
    let requirement = requirement(Purpose::Settings, &AccountFacts::default(), None, at(0));
    let given = [proof(Method::Password, 3600)];
    assert!(requirement.outcome(&given, at(3600)).satisfied);
    assert!(requirement.outcome(&given, at(3570)).satisfied, "clocks differ a little");
    assert!(!requirement.outcome(&given, at(0)).satisfied);
}
