//! The tree over a log that was really written: sealed bodies, destroyed keys, a superuser at work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that meets a fault has failed"
)]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitne_domain::id::{AccountId, CorrelationId};
use vitne_domain::operation::{Operation, OperationCommand};
use vitne_domain::{Actor, EventContext, NetworkContext};
use vitne_eventlog::database::testing::TestDatabase;
use vitne_eventlog::seal::{KeyEncryption, LocalKeyEncryption};
use vitne_eventlog::tree::verify::{Place, Report, SealedBodies, verify_database};
use vitne_eventlog::tree::{Clock, Follower, FollowerOptions, LogSigner, Step, Tree, leaf_data};
use vitne_eventlog::{Log, LogOptions, Position};

const GONE: AccountId = AccountId(Uuid::from_u128(2));

fn key() -> Arc<dyn KeyEncryption> {
    Arc::new(LocalKeyEncryption::new([5; 32]))
}

fn signer() -> LogSigner {
    LogSigner::from_seed("log.example/whole", &[7; 32]).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-11-18T21:04:11.482Z".parse().unwrap()
}

fn context(subject: AccountId) -> EventContext {
    let ip = Some("203.0.113.9".parse().unwrap());
    EventContext {
        at: now(),
        subject: Some(subject),
        actor: Actor::Operator,
        correlation: CorrelationId(Uuid::from_u128(9)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        network: NetworkContext { ip, ..NetworkContext::default() },
    }
}

async fn record(log: &Log, subject: AccountId, stream: &str, count: u64) {
    for position in 0..count {
        let mut unit = log.unit(context(subject));
        let (projection, reason) = ("activity".to_owned(), "a test".to_owned());
        let command = OperationCommand::SkipProjectionEvent { projection, version: 1, position, reason };
        unit.execute::<Operation>(stream, command).await.unwrap();
        unit.commit().await.unwrap();
    }
}

async fn verify(database: &TestDatabase) -> Report {
    let bodies = SealedBodies::new(database.pool(), vec![key()]);
    let (pool, signer) = (database.pool(), signer());
    verify_database(&pool, signer.verifier(), Some(&bodies), &mut |_, _| {}).await.unwrap()
}

async fn tamper(database: &TestDatabase, sql: &str) {
    let script = format!("SET session_replication_role = replica; {sql}; RESET session_replication_role");
    sqlx::raw_sql(&script).execute(database.superuser()).await.unwrap();
}

/// Twelve events about one person and three about one whose key is destroyed, all signed.
async fn written() -> (TestDatabase, Log) {
    let database = TestDatabase::create().await;
    let log = Log::open(database.pool(), LogOptions::new([3; 32], key())).await.unwrap();
    record(&log, AccountId(Uuid::from_u128(1)), "one", 12).await;
    record(&log, GONE, "two", 3).await;
    let clock: Clock = Arc::new(now);
    let mut follower = Follower::new(database.pool(), signer(), clock, FollowerOptions::default());
    assert_eq!(follower.step().await.unwrap(), Step::Covered { size: 15, added: 15 });
    (database, log)
}

#[tokio::test]
async fn an_erased_person_leaves_a_tree_that_verifies() {
    let (database, log) = written().await;
    let before = verify(&database).await;
    assert!(before.is_clean(), "{:?}", before.findings);
    assert_eq!((before.opened, before.shredded), (15, 0));
    log.destroy_subject(GONE).await.unwrap();
    let after = verify(&database).await;
    assert!(after.is_clean(), "{:?}", after.findings);
    assert_eq!((after.opened, after.shredded), (12, 3));
    let tree = Tree::new(database.pool());
    let proof = tree.proof(Position(14)).await.unwrap().unwrap();
    let header = tree.header(Position(14)).await.unwrap().unwrap();
    assert_eq!(proof.verify(signer().verifier(), None).unwrap().1, leaf_data(&header));
}

#[tokio::test]
async fn a_byte_of_a_sealed_part_is_named() {
    let (database, _log) = written().await;
    tamper(&database, "CREATE TABLE saved AS SELECT * FROM log.events").await;
    for part in ["body", "context"] {
        for place in [1, 20, 60, 90] {
            tamper(
                &database,
                &format!(
                    "UPDATE log.events SET payload = jsonb_set(payload, '{{{part}}}', to_jsonb(overlay(payload->>'{part}'
                         placing CASE substr(payload->>'{part}', {place}, 1) WHEN 'A' THEN 'B' ELSE 'A' END from {place})))
                      WHERE position = 5"
                ),
            )
            .await;
            named(&database, part).await;
        }
        // A part of another event, sealed under the same key, does not fit either.
        let other = format!("(SELECT payload->'{part}' FROM log.events WHERE position = 6)");
        let sql =
            format!("UPDATE log.events SET payload = jsonb_set(payload, '{{{part}}}', {other}) WHERE position = 5");
        tamper(&database, &sql).await;
        named(&database, part).await;
    }
    tamper(&database, "UPDATE log.events SET payload = payload || '{\"x\": 1}' WHERE position = 5").await;
    named(&database, "an added part").await;
    assert!(verify(&database).await.is_clean());
}

/// Exactly the event at position 5 is named; then everything is put back.
async fn named(database: &TestDatabase, what: &str) {
    let report = verify(database).await;
    let places: Vec<&Place> = report.findings.iter().map(|finding| &finding.place).collect();
    let expected = Place::Event { position: 5, stream: "operation/one".into(), sequence: 5 };
    assert_eq!(places, [&expected], "{what}: {:?}", report.findings);
    tamper(database, "DELETE FROM log.events; INSERT INTO log.events SELECT * FROM saved").await;
}

#[tokio::test]
async fn a_missing_key_is_named_and_a_wrong_one_is_an_error() {
    let (database, _log) = written().await;
    tamper(&database, "DELETE FROM secrets.subjects WHERE subject = '00000000-0000-0000-0000-000000000002'").await;
    let report = verify(&database).await;
    assert_eq!(report.findings.len(), 3, "{:?}", report.findings);
    let bodies = SealedBodies::new(database.pool(), vec![Arc::new(LocalKeyEncryption::new([6; 32]))]);
    let (pool, signer) = (database.pool(), signer());
    assert!(verify_database(&pool, signer.verifier(), Some(&bodies), &mut |_, _| {}).await.is_err());
}
