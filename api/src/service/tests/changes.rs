//! What an intruder has half-way in hand when the owner changes something.

use vitne_domain::Protected;
use vitne_domain::account::{Account, totp};
use vitne_domain::policy::{Method, Purpose};

use super::super::*;
use super::house::{House, PASSWORD, password, refused};

const NEW: &str = "eleven slow barges under bridges";

fn replacing(person: &super::house::Person) -> EnrolmentInput {
    let replaces = person.app.as_ref().map(|(credential, _)| *credential);
    EnrolmentInput { label: "Mine now".to_owned(), carried_by: None, replaces }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_alone_does_not_replace_an_authenticator() {
    let house = House::open().await;
    let anna = house.careful_person("anna@example.se").await;
    let viewer = house.sign_in(&anna, 1).await;
    house.wait(11 * 60);
    let authority = Authority::Viewer(viewer);
    let answer = house.services.start_enrolment(&house.caller(1), &authority, replacing(&anna)).await;
    let refusal = refused(answer);
    assert!(matches!(refusal, Refusal::InsufficientAssurance { purpose: Purpose::Settings, .. }), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_is_replaced_with_fresh_proof_and_the_old_one_goes_only_then() {
    let house = House::open().await;
    let anna = house.careful_person("anna@example.se").await;
    let authority = Authority::Viewer(house.sign_in(&anna, 1).await);
    let old = anna.app.as_ref().unwrap().0;
    let started = house.services.start_enrolment(&house.caller(1), &authority, replacing(&anna)).await.unwrap().value;
    let account = house.services.log().load::<Account>(anna.account).await.unwrap().aggregate;
    assert!(account.authenticator(old).unwrap().is_active());
    let code = Protected::new(totp::code_at(&started.secret, house.services.now()).unwrap());
    let caller = house.caller(1);
    let confirm = |code| house.services.confirm_enrolment(&caller, &authority, started.credential, code, None);
    assert_eq!(confirm(code.clone()).await.unwrap().value.replaced, Some(old));
    let again = refused(confirm(code).await);
    assert!(matches!(again, Refusal::WrongState { code: "ALREADY_CONFIRMED", .. }), "{again:?}");
    let account = house.services.log().load::<Account>(anna.account).await.unwrap().aggregate;
    assert!(account.authenticator(old).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_replacement_does_not_outlive_a_change_of_password() {
    let house = House::open().await;
    let mut anna = house.careful_person("anna@example.se").await;
    let intruders = house.replacement(&mut anna).await;
    let viewer = house.sign_in(&anna, 1).await;
    house.services.change_password(&house.caller(1), &viewer, Protected::new(NEW), true).await.unwrap();
    let authority = Authority::Replacement(intruders.token.expose().to_owned());
    let answer = house.services.start_enrolment(&house.caller(66), &authority, replacing(&anna)).await;
    assert_eq!(refused(answer), Refusal::Over { code: "ENDED" });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_is_spent_once_and_only_when_the_new_app_has_shown_a_code() {
    let house = House::open().await;
    let mut anna = house.careful_person("anna@example.se").await;
    let begun = house.replacement(&mut anna).await;
    let authority = Authority::Replacement(begun.token.expose().to_owned());
    let caller = house.caller(1);
    let start = || house.services.start_enrolment(&caller, &authority, replacing(&anna));
    let started = start().await.unwrap().value;
    let confirm = |code| house.services.confirm_enrolment(&caller, &authority, started.credential, code, None);
    assert_eq!(refused(confirm(Protected::new("000000")).await), Refusal::Rejected { code: "WRONG" });
    let code = Protected::new(totp::code_at(&started.secret, house.services.now()).unwrap());
    confirm(code).await.unwrap();
    assert_eq!(refused(start().await), Refusal::Over { code: "SPENT" });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_address_under_way_does_not_outlive_a_change_of_password() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    let intruder = house.sign_in(&anna, 66).await;
    let new = "intruder@example.com".to_owned();
    house.services.change_email(&house.caller(66), &intruder, new).await.unwrap();
    let link = house.link(house.newest(anna.account).await);
    let viewer = house.sign_in(&anna, 1).await;
    house.services.change_password(&house.caller(1), &viewer, Protected::new(NEW), true).await.unwrap();
    assert_eq!(refused(house.services.follow_link(&house.caller(66), &link).await), Refusal::Over { code: "ENDED" });
    let account = house.services.log().load::<Account>(anna.account).await.unwrap().aggregate;
    assert_eq!(account.email(), "anna@example.se");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_sent_to_an_address_that_was_given_up_proves_nothing() {
    let house = House::open().await;
    let anna = house.person("old@example.se").await;
    let intruders = house.begin(Purpose::PasswordReset, &anna.email, 66).await;
    house.wait(5);
    let viewer = house.sign_in(&anna, 1).await;
    house.services.change_email(&house.caller(1), &viewer, "new@example.se".to_owned()).await.unwrap();
    let link = house.link(house.newest(anna.account).await);
    assert_eq!(house.services.follow_link(&house.caller(1), &link).await.unwrap().value, LinkOutcome::EmailChanged);
    let link = house.link(intruders.id);
    let token = intruders.token.expose();
    let answer = house.services.follow_link_within(&house.caller(66), token, &link).await;
    assert_eq!(refused(answer), Refusal::BadHandle);
    let answer = house.services.reset_password(&house.caller(66), token, Protected::new(NEW)).await;
    assert!(matches!(refused(answer), Refusal::WrongState { code: "NOT_COMPLETE", .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_step_verification_holds_for_attempts_begun_before_it() {
    let house = House::open().await;
    let mut anna = house.person("anna@example.se").await;
    let sign_in = house.begin(Purpose::SignIn, &anna.email, 66).await;
    let reset = house.begin(Purpose::PasswordReset, &anna.email, 66).await;
    let (token, link) = (reset.token.expose(), house.link(reset.id));
    house.services.follow_link_within(&house.caller(66), token, &link).await.unwrap();
    let viewer = house.sign_in(&anna, 1).await;
    house.enrol(&mut anna, &viewer).await;
    let answer = refused(house.give(&sign_in.token, password()).await);
    assert_eq!(answer, Refusal::Over { code: "NO_LONGER_ENOUGH" });
    let answer = house.services.reset_password(&house.caller(66), token, Protected::new(NEW)).await;
    assert_eq!(refused(answer), Refusal::Over { code: "NO_LONGER_ENOUGH" });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_the_app_in_use_cannot_be_guessed_while_another_is_enrolled() {
    let house = House::open().await;
    let anna = house.careful_person("anna@example.se").await;
    let authority = Authority::Viewer(house.sign_in(&anna, 1).await);
    let input = EnrolmentInput { label: "Second".to_owned(), carried_by: None, replaces: None };
    let started = house.services.start_enrolment(&house.caller(1), &authority, input).await.unwrap().value;
    let app = anna.app.as_ref().unwrap().0;
    for _ in 0..6 {
        let code = Protected::new(totp::code_at(&started.secret, house.services.now()).unwrap());
        let existing = Some((app, Protected::new("000000")));
        let caller = house.caller(1);
        refused(house.services.confirm_enrolment(&caller, &authority, started.credential, code, existing).await);
    }
    let account = house.services.log().load::<Account>(anna.account).await.unwrap().aggregate;
    assert!(account.failures(Method::Totp) >= 5, "{}", account.failures(Method::Totp));
    assert!(account.throttled_until(house.services.now()).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_browser_does_not_take_a_settled_authenticator_away() {
    let house = House::open().await;
    let anna = house.careful_person("anna@example.se").await;
    let events = house.services.log().read_subject(anna.account, vitne_eventlog::Position(0), 500).await.unwrap();
    let enrolled = events.iter().find(|event| event.header.event_type == "AuthenticatorEnrolled").unwrap();
    let entry = enrolled.header.event_id.0;
    house.wait(30 * 24 * 60 * 60);
    let viewer = house.sign_in(&anna, 1).await;
    house.wait(11 * 60);
    let answer = refused(house.services.report_not_me(&house.caller(1), &viewer, entry).await);
    assert!(matches!(answer, Refusal::InsufficientAssurance { purpose: Purpose::Settings, .. }), "{answer:?}");
    let account = house.services.log().load::<Account>(anna.account).await.unwrap().aggregate;
    assert_eq!(account.second_factors(), [Method::Totp, Method::RecoveryCode]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_strangers_and_ended_sessions_do_nothing() {
    let house = House::open().await;
    let (anna, bo) = (house.person("anna@example.se").await, house.person("bo@example.se").await);
    let (annas, bos) = (house.sign_in(&anna, 1).await, house.sign_in(&bo, 2).await);
    let answer = house.services.end_session(&house.caller(2), &bos, annas.session()).await;
    assert_eq!(refused(answer), Refusal::NotFound("session"));
    let device = annas.device().unwrap();
    let answer = house.services.report_device_lost(&house.caller(2), &bos, device).await;
    assert_eq!(refused(answer), Refusal::NotFound("device"));
    house.services.end_session(&house.caller(1), &annas, annas.session()).await.unwrap();
    let answer = house.services.change_password(&house.caller(1), &annas, Protected::new(PASSWORD), true).await;
    assert_eq!(refused(answer), Refusal::NotSignedIn);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_that_comes_a_second_time_is_named_as_used() {
    let house = House::open().await;
    let anna = house.careful_person("anna@example.se").await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let begun = house.begin(Purpose::SignIn, &anna.email, 1).await;
        house.give(&begun.token, password()).await.unwrap();
        let code = Proof::RecoveryCode(anna.codes.first().unwrap().clone());
        outcomes.push(house.give(&begun.token, code).await.unwrap());
    }
    assert!(matches!(outcomes.first(), Some(ProofOutcome::Accepted { session: Some(_), .. })), "{outcomes:?}");
    assert!(matches!(outcomes.last(), Some(ProofOutcome::Rejected { code, .. }) if code == "REUSED"), "{outcomes:?}");
}
