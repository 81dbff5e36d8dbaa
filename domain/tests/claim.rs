//! Claims: the first event wins, a proved one stays.

use cqrs_es::Aggregate;
use cqrs_es::test::TestFramework;
use vitne_domain::claim::{
    Claim, ClaimCommand, ClaimError, ClaimEvent, ClaimKind, EmailError, ReleaseCause, claim_id, normalise_email,
};
use vitne_domain::id::AccountId;

use crate::support::account_id;

fn given(events: Vec<ClaimEvent>) -> cqrs_es::test::AggregateTestExecutor<Claim> {
    TestFramework::<Claim>::with(()).given(events)
}

fn taken(owner: AccountId) -> ClaimEvent {
    ClaimEvent::ClaimTaken { kind: ClaimKind::Email, owner }
}

fn take(owner: AccountId) -> ClaimCommand {
    ClaimCommand::Take { kind: ClaimKind::Email, owner }
}

#[test]
fn a_free_identifier_is_taken() {
    given(vec![]).when(take(account_id(1))).then_expect_events(vec![taken(account_id(1))]);
}

#[test]
fn taking_what_one_holds_changes_nothing() {
    given(vec![taken(account_id(1))]).when(take(account_id(1))).then_expect_events(vec![]);
}

#[test]
fn an_unproved_claim_is_superseded() {
    let (first, second) = (account_id(1), account_id(2));
    given(vec![taken(first)]).when(take(second)).then_expect_events(vec![
        ClaimEvent::ClaimReleased { owner: first, cause: ReleaseCause::Superseded },
        taken(second),
    ]);
}

#[test]
fn a_superseded_owner_can_no_longer_prove() {
    let (first, second) = (account_id(1), account_id(2));
    let superseded = ClaimEvent::ClaimReleased { owner: first, cause: ReleaseCause::Superseded };
    given(vec![taken(first), superseded, taken(second)])
        .when(ClaimCommand::Prove { owner: first })
        .then_expect_error(ClaimError::NotHolder);
}

#[test]
fn a_proved_claim_stays() {
    let owner = account_id(1);
    let proved = vec![taken(owner), ClaimEvent::ClaimProved { owner }];
    given(proved.clone()).when(take(account_id(2))).then_expect_error(ClaimError::Taken);
    given(proved.clone()).when(ClaimCommand::Prove { owner }).then_expect_events(vec![]);
    given(proved)
        .when(ClaimCommand::Release { owner: account_id(2), cause: ReleaseCause::Changed })
        .then_expect_error(ClaimError::NotHolder);
}

#[test]
fn a_released_identifier_is_free() {
    let owner = account_id(1);
    let released = ClaimEvent::ClaimReleased { owner, cause: ReleaseCause::Changed };
    given(vec![taken(owner), ClaimEvent::ClaimProved { owner }])
        .when(ClaimCommand::Release { owner, cause: ReleaseCause::Changed })
        .then_expect_events(vec![released.clone()]);
    given(vec![taken(owner), released]).when(take(account_id(2))).then_expect_events(vec![taken(account_id(2))]);
}

#[test]
fn an_erased_owners_claim_is_free() {
    let shredded = |name: &str| ClaimEvent::Shredded { event_type: name.to_owned(), event_version: "1".to_owned() };
    given(vec![shredded("ClaimTaken"), shredded("ClaimProved"), shredded("ClaimReleased")])
        .when(take(account_id(2)))
        .then_expect_events(vec![taken(account_id(2))]);
    let mut claim = Claim::default();
    claim.apply(ClaimEvent::ClaimProved { owner: account_id(1) });
    assert_eq!(claim.holder(), None, "a proof without a claim gives none");
}

#[test]
fn addresses_that_are_the_same_have_one_form() {
    for typed in ["Anna@Example.SE", "  anna@example.se ", "ANNA@EXAMPLE.se"] {
        assert_eq!(normalise_email(typed).as_deref(), Ok("anna@example.se"), "{typed:?}");
    }
    let composed = normalise_email("\u{e5}sa@example.se");
    assert_eq!(composed, normalise_email("a\u{30a}sa@example.se"));
    assert_eq!(composed, normalise_email("\u{c5}SA@example.se"));
    assert_eq!(normalise_email("a+b.c@sub.example.se").as_deref(), Ok("a+b.c@sub.example.se"));
    assert_eq!(normalise_email("post@blåbær.no").as_deref(), Ok("post@blåbær.no"));
}

#[test]
fn what_is_no_address_is_refused_with_the_reason() {
    let cases = [
        ("", EmailError::NotOneAt),
        ("anna", EmailError::NotOneAt),
        ("@example.se", EmailError::NotOneAt),
        ("anna@", EmailError::NotOneAt),
        ("a@b@c.se", EmailError::NotOneAt),
        ("an na@example.se", EmailError::Character),
        ("anna@example.se\0", EmailError::Character),
        ("anna\r\nBcc: x@example.se", EmailError::Character),
        ("an\u{202e}na@example.se", EmailError::Character),
        ("an\u{200b}na@example.se", EmailError::Character),
        ("anna@exa\u{2066}mple.se", EmailError::Character),
        ("anna@.se", EmailError::Domain),
        ("anna@example..se", EmailError::Domain),
        ("anna@-example.se", EmailError::Domain),
        ("anna@exam_ple.se", EmailError::Domain),
        ("anna@<script>", EmailError::Domain),
    ];
    for (typed, error) in cases {
        assert_eq!(normalise_email(typed), Err(error), "{typed:?}");
    }
    let long = |local: usize, domain: usize| format!("{}@{}.se", "a".repeat(local), "b".repeat(domain));
    assert!(normalise_email(&long(64, 63)).is_ok());
    assert_eq!(normalise_email(&long(65, 10)), Err(EmailError::TooLong));
    assert_eq!(normalise_email(&long(10, 64)), Err(EmailError::Domain));
    assert_eq!(normalise_email(&long(10_000, 10_000)), Err(EmailError::TooLong));
}

#[test]
fn a_claims_stream_depends_on_key_kind_and_identifier_alone() {
    let key = [7_u8; 32];
    let id = claim_id(&key, ClaimKind::Email, "anna@example.se");
    // Computed apart: hmac.new(bytes([7]*32), b"vitne claim v1\0email\0anna@example.se", "sha256").hexdigest()
    assert_eq!(id, "972b57fad4857be5cef98a8b73a89fb7238dc9467d115c5f576886ceb6a6bd68");
    assert_ne!(id, claim_id(&[8; 32], ClaimKind::Email, "anna@example.se"));
    assert_ne!(id, claim_id(&key, ClaimKind::Credential, "anna@example.se"));
    assert_ne!(id, claim_id(&key, ClaimKind::Email, "bo@example.se"));
}
