//! Many at once: what may happen once happens once.

use chrono::Duration;
use futures::future::join_all;
use uuid::Uuid;
use vitne::service::{Begun, LinkOutcome, Proof, ProofInput, ProofOutcome, Registration, ServiceError};
use vitne_domain::Protected;
use vitne_domain::account::Language;
use vitne_domain::device::Device;
use vitne_domain::id::DeviceId;
use vitne_domain::policy::Purpose;
use vitne_eventlog::Position;
use vitne_tests::people::{Person, caller, link, opened};
use vitne_tests::{TestServer, rounds};

/// How many use the same thing at the same time.
const CROWD: usize = 100;

fn input(begun: &Begun, proof: Proof, remember_device: bool) -> ProofInput {
    ProofInput { token: begun.token.expose().to_owned(), proof, remember_device }
}

/// `CROWD` sign-ins of one person that wait for their second step.
async fn crowd(server: &TestServer, person: &Person) -> Vec<Begun> {
    let mut begun = Vec::new();
    for _ in 0..CROWD {
        begun.push(person.half_signed_in(server).await);
    }
    begun
}

/// Gives the same proof in every sign-in at once; tells how many sessions it opened. Whoever gets none
/// gets a typed answer.
async fn at_once(server: &TestServer, person: &Person, begun: &[Begun], proof: &Proof) -> usize {
    let attempts = begun.iter().map(|begun| {
        let (services, caller) = (server.services.clone(), person.caller());
        let input = input(begun, proof.clone(), false);
        tokio::spawn(async move { services.submit(&caller, input).await })
    });
    let mut sessions = 0;
    for answer in join_all(attempts).await {
        match answer.unwrap().map(|done| done.value) {
            Ok(ProofOutcome::Accepted { session: Some(session), .. }) => {
                server.known.text(session.token.expose());
                sessions += 1;
            }
            Ok(ProofOutcome::Rejected { .. }) | Err(ServiceError::Refused(_) | ServiceError::Busy { .. }) => {}
            other => panic!("neither a session nor a typed refusal: {other:?}"),
        }
    }
    sessions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_step_serves_once_however_many_use_it_at_once() {
    let server = TestServer::start().await;
    for round in 0..rounds("VITNE_RACE_ROUNDS", 3) {
        let (person, _) = Person::enrolled(&server, &format!("step-{round}")).await;
        let begun = crowd(&server, &person).await;
        server.clock.advance(Duration::seconds(60));
        let proof = person.shown_code(&server);
        assert_eq!(at_once(&server, &person, &begun, &proof).await, 1, "round {round}");
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_serves_once_however_many_use_it_at_once() {
    let server = TestServer::start().await;
    for round in 0..rounds("VITNE_RACE_ROUNDS", 3) {
        let (person, _) = Person::enrolled(&server, &format!("code-{round}")).await;
        let begun = crowd(&server, &person).await;
        let proof = Proof::RecoveryCode(Protected::new(&*person.codes[round % person.codes.len()]));
        assert_eq!(at_once(&server, &person, &begun, &proof).await, 1, "round {round}");
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_one_accepts_a_time_step() {
    let server = TestServer::start().await;
    let other = server.node().await;
    for round in 0..rounds("VITNE_RACE_ROUNDS", 1) {
        let (person, _) = Person::enrolled(&server, &format!("two-{round}")).await;
        let begun = crowd(&server, &person).await;
        server.clock.advance(Duration::seconds(60));
        let proof = person.shown_code(&server);
        let (here, there) = begun.split_at(CROWD / 2);
        let (here, there) =
            futures::join!(at_once(&server, &person, here, &proof), at_once(&other, &person, there, &proof));
        assert_eq!(here + there, 1, "round {round}");
    }
    other.stop().await;
    server.finish().await;
}

/// The password of the n-th person who wants the contested address.
fn wanted(server: &TestServer, number: u128) -> Protected {
    let password = format!("person number {number} wants the address");
    server.known.text(&password);
    Protected::new(password)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_register_one_address_one_gets_it() {
    let server = TestServer::start().await;
    let email = "contested@rare-domain.example";
    let registrations = (0..20_u128).map(|number| {
        let (services, caller) = (server.services.clone(), caller(Uuid::from_u128(number)));
        let (password, display_name) = (wanted(&server, number), format!("Rarename {number}"));
        let input = Registration { email: email.to_owned(), password, display_name, language: Language::En };
        tokio::spawn(async move { services.register(&caller, input).await })
    });
    let mut followed = Vec::new();
    for done in join_all(registrations).await {
        let before = Position(done.unwrap().unwrap().position.0 - 1);
        let last = server.log().read(before, 1).await.unwrap().remove(0);
        let link = link(&server.services, last.header.ceremony.expect("everybody is sent a link"));
        server.known.link(&link);
        let services = server.services.clone();
        followed.push(async move { services.follow_link(&caller(Uuid::from_u128(1)), &link).await });
    }
    let mut proved = 0;
    for followed in join_all(followed.into_iter().map(tokio::spawn)).await {
        match followed.unwrap() {
            Ok(done) => {
                assert_eq!(done.value, LinkOutcome::EmailVerified);
                proved += 1;
            }
            Err(ServiceError::Refused(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(proved, 1);
    let mut owners = 0;
    for number in 0..20 {
        let caller = caller(Uuid::from_u128(77));
        server.clock.advance(Duration::hours(1));
        let begun = server.services.begin(&caller, Purpose::SignIn, email).await.unwrap().value;
        server.known.text(begun.token.expose());
        let input = input(&begun, Proof::Password(wanted(&server, number)), false);
        let outcome = server.services.submit(&caller, input).await.unwrap().value;
        if let ProofOutcome::Accepted { session: Some(session), .. } = outcome {
            server.known.text(session.token.expose());
            owners += 1;
        }
    }
    assert_eq!(owners, 1);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_of_the_old_password_outlives_its_change() {
    let server = TestServer::start().await;
    for round in 0..rounds("VITNE_RACE_ROUNDS", 3) {
        let person = Person::register(&server, &format!("change-{round}")).await;
        let session = person.sign_in_with_password(&server).await;
        let viewer = person.viewer(&server, &session).await;
        let begun = join_all((0..20).map(|_| person.begin(&server, Purpose::SignIn))).await;
        let sign_ins = begun.iter().map(|begun| {
            let (services, caller) = (server.services.clone(), person.caller());
            let input = input(begun, person.typed_password(), false);
            tokio::spawn(async move { services.submit(&caller, input).await })
        });
        let sign_ins: Vec<_> = sign_ins.collect();
        let new = format!("another way home in round {round}");
        server.known.text(&new);
        let new = Protected::new(new);
        server.services.change_password(&person.caller(), &viewer, new, true).await.unwrap();
        for answer in join_all(sign_ins).await {
            match answer.unwrap().map(|done| done.value) {
                Ok(outcome @ ProofOutcome::Accepted { session: Some(_), .. }) => {
                    let session = opened(&server, outcome);
                    let found = server.services.authenticate(session.token.expose(), &person.caller()).await;
                    assert!(found.unwrap().is_none(), "a session of the old password is alive in round {round}");
                }
                Ok(ProofOutcome::Rejected { .. }) | Err(ServiceError::Refused(_) | ServiceError::Busy { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        let still = server.services.authenticate(session.token.expose(), &person.caller()).await.unwrap();
        assert!(still.is_some(), "the session that changed the password goes on");
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_device_ends_up_neither_trusted_nor_signed_in() {
    let server = TestServer::start().await;
    for round in 0..rounds("VITNE_RACE_ROUNDS", 3) {
        let (person, session) = Person::enrolled(&server, &format!("lost-{round}")).await;
        let viewer = person.viewer(&server, &session).await;
        let lost = Person { browser: Uuid::from_u128(0xF00 + round as u128), ..person.clone() };
        lost.sign_in(&server, true).await;
        let device = DeviceId::derive(lost.browser, person.account);
        // Without trust, the sign-in that races asks for the second step, which would grant it again.
        server.services.revoke_trust(&person.caller(), &viewer, device).await.unwrap();
        let begun = lost.half_signed_in(&server).await;
        server.clock.advance(Duration::seconds(60));
        let input = input(&begun, lost.shown_code(&server), true);
        let (services, their) = (server.services.clone(), lost.caller());
        let sign_in = tokio::spawn(async move { services.submit(&their, input).await });
        let report = server.services.report_device_lost(&person.caller(), &viewer, device).await.unwrap();
        let sign_in = sign_in.await.unwrap();
        let known = server.log().load::<Device>(device).await.unwrap().aggregate;
        assert!(!known.is_trusted(server.now()), "round {round}");
        match sign_in {
            Ok(done) => {
                let position = done.position;
                let session = opened(&server, done.value);
                let alive = server.services.authenticate(session.token.expose(), &lost.caller()).await.unwrap();
                // Whoever signs in after the report has given every proof again, and is not trusted.
                assert!(alive.is_none() || position > report.position, "round {round}");
                assert!(alive.is_none() || session.device_trusted_until.is_none(), "round {round}");
            }
            Err(ServiceError::Refused(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    server.finish().await;
}
