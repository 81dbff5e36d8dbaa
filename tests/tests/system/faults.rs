//! Slow strangers, dying backends, callers that go away: nothing is skipped, nothing stalls, nothing is half.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use vitne::service::{Done, Proof, ProofInput, ProofOutcome, Registration, ServiceError};
use vitne_domain::Protected;
use vitne_domain::account::Language;
use vitne_domain::policy::Purpose;
use vitne_eventlog::Position;
use vitne_projections::runner::Waited;
use vitne_tests::people::caller;
use vitne_tests::{Person, TestServer, checks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_work_beside_a_transaction_that_does_not_end() {
    let server = TestServer::start().await;
    let other = server.node().await;
    // It holds a snapshot and a transaction id, has written to the log's own schema, and ends last.
    let mut slow = server.database.superuser().begin().await.unwrap();
    sqlx::query("INSERT INTO log.idempotency VALUES ('slow', 'slow', '', 0, '', now())")
        .execute(&mut *slow)
        .await
        .unwrap();
    for number in 0..6 {
        let node = if number % 2 == 0 { &server } else { &other };
        let (person, _) = Person::enrolled(node, &format!("beside-{number}")).await;
        // What one node has written the other one knows at once.
        person.sign_in(&other, false).await;
        person.sign_in(&server, true).await;
    }
    let head = server.log().head().await.unwrap();
    for node in [&server, &other] {
        for projection in vitne_projections::all() {
            let waited = node.state().read_models.wait_for(projection.name(), head, Duration::from_secs(30)).await;
            assert_eq!(waited.unwrap(), Waited::Reached, "{} stalls behind a stranger", projection.name());
        }
    }
    checks::tree(server.state()).await;
    slow.rollback().await.unwrap();
    other.stop().await;
    checks::no_halves(server.database.superuser()).await;
    server.finish().await;
}

/// Ends every backend of the database but its own, again and again, until told to stop.
async fn terminate(server: &TestServer, stop: Arc<AtomicBool>) -> i64 {
    let mut killed = 0;
    while !stop.load(Ordering::Relaxed) {
        let ended: Result<i64, _> = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_one(server.database.superuser())
        .await;
        killed += ended.unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    killed
}

/// A registration; tells where it stands in the log, if it was acknowledged.
async fn register(server: &TestServer, number: u128) -> Option<Position> {
    let password = format!("stubborn person number {number}");
    server.known.text(&password);
    let input = Registration {
        email: format!("stubborn-{number}@rare-domain.example"),
        password: Protected::new(password),
        display_name: format!("Stubborn {number}"),
        language: Language::En,
    };
    match server.services.register(&caller(uuid::Uuid::from_u128(number)), input).await {
        Ok(Done { position, .. }) => Some(position),
        Err(ServiceError::Unavailable(_) | ServiceError::Busy { .. }) => None,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_die_in_batches_reads_and_rebuilds_and_nothing_is_lost() {
    let server = TestServer::start().await;
    for number in 0..5 {
        Person::enrolled(&server, &format!("before-{number}")).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work = async {
        let mut acknowledged = Vec::new();
        for round in 0..12_u128 {
            let positions = join_all((0..4).map(|number| register(&server, round * 4 + number))).await;
            acknowledged.extend(positions.into_iter().flatten());
            let rebuilt = vitne_replay::rebuild(&server.state().replay(), "activity", 2).await;
            if let Ok(report) = rebuilt {
                assert_eq!(report.exit_status(), 0, "a rebuild that says it is done is whole: {report}");
            }
            let checked = vitne_replay::verify(&server.state().replay(), Some("security")).await;
            if let Ok(reports) = checked {
                assert_eq!(reports[0].differing, 0, "an answer that is given is whole: {}", reports[0]);
            }
        }
        stop.store(true, Ordering::Relaxed);
        acknowledged
    };
    let (acknowledged, killed) = futures::join!(work, terminate(&server, stop.clone()));
    assert!(killed > 10, "the test ended some backends: {killed}");
    assert!(!acknowledged.is_empty());
    for position in &acknowledged {
        let event = server.log().read(Position(position.0 - 1), 1).await.unwrap().remove(0);
        assert_eq!(event.header.event_type, "CeremonyProofRequested", "an acknowledged registration is whole");
    }
    vitne_replay::clean_abandoned(&server.state().replay()).await.unwrap();
    let report = vitne_replay::rebuild(&server.state().replay(), "activity", 2).await.unwrap();
    assert_eq!(report.exit_status(), 0, "{report}");
    checks::no_halves(server.database.superuser()).await;
    server.finish().await;
}

/// Runs a future and drops it after so many microseconds; tells whether it was done before.
async fn dropped_after<T>(micros: u64, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_micros(micros), future).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_dropped_anywhere_leave_nothing_half() {
    let server = TestServer::start().await;
    let (person, _) = Person::enrolled(&server, "dropped").await;
    let mut codes = person.codes.clone().into_iter();
    let (mut whole, mut cut) = (0, 0);
    for number in 0..60_u64 {
        // From cut off at once to just done: growing steps reach every await point.
        let micros = 200 + number * 900;
        match dropped_after(micros, register(&server, u128::from(number) + 1_000)).await {
            Some(_) => whole += 1,
            None => cut += 1,
        }
        let begun = person.begin(&server, Purpose::SignIn).await;
        let input = ProofInput {
            token: begun.token.expose().to_owned(),
            proof: Proof::Password(Protected::new(&*person.password)),
            remember_device: false,
        };
        let given = dropped_after(micros, server.services.submit(&person.caller(), input)).await;
        let Some(Ok(Done { value: ProofOutcome::Accepted { .. }, .. })) = given else { continue };
        let Some(code) = codes.next() else { continue };
        let input = ProofInput {
            token: begun.token.expose().to_owned(),
            proof: Proof::RecoveryCode(Protected::new(code)),
            remember_device: false,
        };
        let _ = dropped_after(micros, server.services.submit(&person.caller(), input)).await;
    }
    assert!(cut > 0, "some were cut off");
    assert!(whole > 0 || cut == 60);
    // What was queued when its caller went away is still written, as a whole.
    let settled = person.begin(&server, Purpose::SignIn).await;
    assert!(!settled.token.expose().is_empty());
    checks::no_halves(server.database.superuser()).await;
    server.finish().await;
}
