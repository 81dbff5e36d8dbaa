//! What somebody who has proved nothing can bring about or find out.

use vitne_domain::Protected;
use vitne_domain::ceremony::CeremonyView;
use vitne_domain::id::CeremonyId;
use vitne_domain::policy::Purpose;

use super::super::*;
use super::house::{House, PASSWORD, password, refused};

const NEW: &str = "eleven slow barges under bridges";

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_link_that_its_receiver_clicks_on_helps_no_stranger() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    let strangers = house.begin(Purpose::PasswordReset, &anna.email, 66).await;
    let link = house.link(strangers.id);
    // Anna clicks: without the token of the ceremony it counts for nothing.
    let clicked = refused(house.services.follow_link(&house.caller(1), &link).await);
    assert!(matches!(clicked, Refusal::WrongState { code: "OPEN_WHERE_BEGUN", .. }), "{clicked:?}");
    let token = strangers.token.expose();
    let reset = house.services.reset_password(&house.caller(66), token, Protected::new(NEW)).await;
    assert!(matches!(refused(reset), Refusal::WrongState { code: "NOT_COMPLETE", .. }));
    // Nor does another ceremony's token make it count.
    let own = house.begin(Purpose::PasswordReset, &anna.email, 1).await;
    let mixed = house.services.follow_link_within(&house.caller(1), own.token.expose(), &link).await;
    assert_eq!(refused(mixed), Refusal::BadHandle);
    // Whoever has both, has begun it and reads the mail.
    let link = house.link(own.id);
    let followed = house.services.follow_link_within(&house.caller(1), own.token.expose(), &link).await.unwrap();
    assert_eq!(followed.value, LinkOutcome::EvidenceAccepted);
    house.services.reset_password(&house.caller(1), own.token.expose(), Protected::new(NEW)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guessed_idempotency_key_opens_nobodys_ceremony() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    let mut caller = house.caller(0);
    caller.idempotency = Some("1".to_owned());
    let first = house.services.begin(&caller, Purpose::SignIn, &anna.email).await.unwrap().value;
    let second = house.services.begin(&caller, Purpose::SignIn, &anna.email).await.unwrap().value;
    assert_ne!(first.token, second.token, "two callers without a cookie cannot be told apart");
    caller.device_cookie = Some(Uuid::from_u128(1));
    let first = house.services.begin(&caller, Purpose::SignIn, &anna.email).await.unwrap().value;
    let again = house.services.begin(&caller, Purpose::SignIn, &anna.email).await.unwrap().value;
    assert_eq!(first.token, again.token);
    caller.device_cookie = Some(Uuid::from_u128(2));
    let other = house.services.begin(&caller, Purpose::SignIn, &anna.email).await.unwrap().value;
    assert_ne!(first.token, other.token);
}

/// What a stranger sees of a ceremony, without what differs between any two.
fn seen(mut view: CeremonyView) -> CeremonyView {
    view.expires_at = DateTime::UNIX_EPOCH;
    view.resend_at = None;
    view
}

#[tokio::test(flavor = "multi_thread")]
async fn known_unknown_unverified_and_two_step_addresses_look_alike() {
    let house = House::open().await;
    house.person("plain@example.se").await;
    house.careful_person("careful@example.se").await;
    house.registered("unverified@example.se").await;
    for purpose in [Purpose::SignIn, Purpose::PasswordReset, Purpose::ReplaceFactor] {
        let mut stories = Vec::new();
        for name in ["plain", "careful", "unverified", "unknown"] {
            let before = house.events().await;
            let begun = house.begin(purpose, &format!("{name}@example.se"), 66).await;
            let mut told = vec![format!("{:?}", seen(begun.ceremony))];
            for proof in [
                Proof::Password(Protected::new("wrong")),
                Proof::Totp(Protected::new("000000")),
                Proof::RecoveryCode(Protected::new("0000-0000-0000-0000")),
            ] {
                told.push(match house.give(&begun.token, proof).await {
                    Ok(ProofOutcome::Rejected { code, ceremony }) => format!("{code} {:?}", seen(*ceremony)),
                    other => format!("{other:?}"),
                });
            }
            let token = begun.token.expose();
            let reset = house.services.reset_password(&house.caller(66), token, Protected::new(NEW)).await;
            told.push(format!("{:?}", refused(reset)));
            let authority = Authority::Replacement(token.to_owned());
            let input = EnrolmentInput { label: "App".to_owned(), carried_by: None, replaces: None };
            let started = house.services.start_enrolment(&house.caller(66), &authority, input).await;
            told.push(format!("{:?}", refused(started)));
            let link = house.link(CeremonyId(Uuid::from_u128(1)));
            let followed = house.services.follow_link_within(&house.caller(66), token, &link).await;
            told.push(format!("{:?}", refused(followed)));
            house.wait(31);
            told.push(match house.services.resend_link(&house.caller(66), token).await {
                Ok(sent) => format!("{:?}", seen(sent.value)),
                Err(error) => format!("{error:?}"),
            });
            told.push(format!("{} events", house.events().await - before));
            stories.push((name, told));
        }
        let (_, first) = stories.first().unwrap();
        for (name, told) in &stories {
            assert_eq!(told, first, "{purpose:?} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_on_unknown_addresses_are_delayed_like_those_on_known_ones() {
    let house = House::open().await;
    house.person("known@example.se").await;
    let mut stories = Vec::new();
    for name in ["known", "unknown"] {
        let mut told = Vec::new();
        for _ in 0..8 {
            let begun = house.begin(Purpose::SignIn, &format!("{name}@example.se"), 66).await;
            told.push(match house.give(&begun.token, Proof::Password(Protected::new("wrong"))).await {
                Ok(ProofOutcome::Rejected { code, .. }) => code,
                other => format!("{:?}", refused(other)),
            });
        }
        assert!(told.last().unwrap().starts_with("Throttled"), "{told:?}");
        stories.push(told);
    }
    assert_eq!(stories.first(), stories.last());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_attempt_on_an_unproved_address_sends_one_link() {
    let house = House::open().await;
    let person = house.registered("victim@example.se").await;
    let links = |count: usize| {
        let (house, account) = (&house, person.account);
        async move {
            let ids = house.services.log().streams_of(account, "ceremony", None).await.unwrap();
            assert_eq!(ids.len(), count);
        }
    };
    links(1).await;
    let begun = house.begin(Purpose::SignIn, &person.email, 66).await;
    assert_eq!(house.give(&begun.token, password()).await.unwrap(), ProofOutcome::EmailNotVerified);
    links(3).await;
    for _ in 0..5 {
        assert_eq!(refused(house.give(&begun.token, password()).await), Refusal::Over { code: "ENDED" });
    }
    links(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_owner_cannot_prove_the_address_any_more() {
    let house = House::open().await;
    let first = house.registered("shared@example.se").await;
    let old = house.link(house.newest(first.account).await);
    let second = house.registered("shared@example.se").await;
    assert_ne!(first.account, second.account);
    let late = refused(house.services.follow_link(&house.caller(0), &old).await);
    assert!(matches!(late, Refusal::WrongState { code: "IDENTIFIER_NOT_HELD", .. }), "{late:?}");
    let link = house.link(house.newest(second.account).await);
    assert_eq!(house.services.follow_link(&house.caller(0), &link).await.unwrap().value, LinkOutcome::EmailVerified);
    house.sign_in(&second, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_another_kind_and_texts_that_are_none_open_nothing() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    let begun = house.begin(Purpose::SignIn, &anna.email, 1).await;
    let token = begun.token.expose().to_owned();
    let link = house.link(begun.id);
    let long = "vtc_".to_owned() + &"A".repeat(1_000_000);
    for wrong in [link.as_str(), "", "vtc_", "\0", "vts_\u{202e}.x", long.as_str(), &token.replace("vtc_", "vts_")] {
        assert_eq!(refused(house.services.ceremony(wrong).await), Refusal::BadHandle);
        let handed = house.services.reset_password(&house.caller(1), wrong, Protected::new(PASSWORD)).await;
        assert_eq!(refused(handed), Refusal::BadHandle);
        assert!(house.services.authenticate(wrong, &house.caller(1)).await.unwrap().is_none());
    }
    for wrong in [token.as_str(), "", long.as_str()] {
        assert_eq!(refused(house.services.follow_link(&house.caller(1), wrong).await), Refusal::BadHandle);
    }
}
