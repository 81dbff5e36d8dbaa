//! Several at once: of those that cannot all happen, exactly one does.

use futures::future::join_all;
use vitne_domain::Protected;
use vitne_domain::id::SessionId;
use vitne_domain::policy::Purpose;
use vitne_domain::session::Session;

use super::super::*;
use super::house::{House, password};

async fn half_way(house: &House, email: &str, count: u128) -> Vec<Begun> {
    let mut begun = Vec::new();
    for cookie in 1..=count {
        let one = house.begin(Purpose::SignIn, email, cookie).await;
        house.give(&one.token, password()).await.unwrap();
        begun.push(one);
    }
    begun
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_and_one_recovery_code_open_one_session_each() {
    let house = House::open().await;
    let mut anna = house.careful_person("anna@example.se").await;
    for proof in [house.code(&anna), Proof::RecoveryCode(anna.codes.pop().unwrap())] {
        let begun = half_way(&house, &anna.email, 12).await;
        let outcomes = join_all(begun.iter().map(|one| house.give(&one.token, proof.clone()))).await;
        let opened = |outcome: &&Result<ProofOutcome, ServiceError>| {
            matches!(outcome, Ok(ProofOutcome::Accepted { session: Some(_), .. }))
        };
        assert_eq!(outcomes.iter().filter(opened).count(), 1, "{outcomes:?}");
        house.wait(60 * 60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_cannot_both_prove_one_address() {
    let house = House::open().await;
    let mut links = Vec::new();
    for (cookie, email) in [(1, "anna@example.se"), (2, "bo@example.se")] {
        let viewer = house.sign_in(&house.person(email).await, cookie).await;
        house.services.change_email(&house.caller(cookie), &viewer, "Both@Example.se".to_owned()).await.unwrap();
        links.push(house.link(house.newest(viewer.account()).await));
    }
    let caller = house.caller(0);
    let outcomes = join_all(links.iter().map(|link| house.services.follow_link(&caller, link))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_survives_a_change_of_password_that_ends_the_others() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    let viewer = house.sign_in(&anna, 1).await;
    let mut begun = Vec::new();
    for cookie in 2..8 {
        begun.push(house.begin(Purpose::SignIn, &anna.email, cookie).await);
    }
    let signing_in = join_all(begun.iter().map(|one| house.give(&one.token, password())));
    let new = Protected::new("eleven slow barges under bridges");
    let caller = house.caller(1);
    let changing = house.services.change_password(&caller, &viewer, new, true);
    let (_, changed) = tokio::join!(signing_in, changing);
    changed.unwrap();
    let at = house.services.now();
    for id in house.services.log().streams_of(anna.account, "session", None).await.unwrap() {
        let id: SessionId = id.parse().unwrap();
        let alive = house.services.log().load::<Session>(id).await.unwrap().aggregate.refusal(at).is_none();
        assert_eq!(alive, id == viewer.session());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ceremonies_that_a_stranger_begins_do_not_make_a_cascade_load_them() {
    let house = House::open().await;
    let anna = house.person("anna@example.se").await;
    for _ in 0..30 {
        house.begin(Purpose::SignIn, &anna.email, 66).await;
        house.begin(Purpose::PasswordReset, &anna.email, 66).await;
    }
    let proved = house.begin(Purpose::ReplaceFactor, &anna.email, 66).await;
    house.give(&proved.token, password()).await.unwrap();
    let account = house.services.log().load(anna.account).await.unwrap().aggregate;
    let facts = house.services.cascade_facts(anna.account, &account, house.services.now()).await.unwrap();
    let reached: Vec<_> = facts.ceremonies.iter().map(|known| known.ceremony).collect();
    assert_eq!(reached, [proved.id]);
}
