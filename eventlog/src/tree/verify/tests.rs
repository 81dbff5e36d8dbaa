//! Tampering: whatever a superuser changes is named.

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::tree::fixture::{Fixture, signer};

/// Stands for the keys: the payload of the fixture names the position it was written at.
struct Payloads;

#[async_trait]
impl BodyCheck for Payloads {
    async fn check(&self, events: &[(Header, Value)]) -> Result<Vec<BodyVerdict>, TreeError> {
        let judge = |(header, payload): &(Header, Value)| match payload["for"] == header.position.0 {
            true => BodyVerdict::Opened,
            false => BodyVerdict::Broken("the sealed body does not open under its header".into()),
        };
        Ok(events.iter().map(judge).collect())
    }
}

async fn verify(log: &Fixture) -> Report {
    let (pool, keys) = (log.database.pool(), signer());
    verify_database(&pool, keys.verifier(), Some(&Payloads), &mut |_, _| {}).await.unwrap()
}

/// A log of 300 events in four checkpoints: a full tile and a partial tail.
async fn log() -> Fixture {
    let mut log = Fixture::new().await;
    for count in [250, 30, 20] {
        log.append(count).await;
        log.follow().await;
    }
    for table in ["log.events", "tree.leaf_runs", "tree.tiles", "tree.checkpoints"] {
        log.tamper(&format!("CREATE TABLE saved_{} AS SELECT * FROM {table}", table.replace('.', "_"))).await;
    }
    log
}

async fn restore(log: &Fixture) {
    for table in ["log.events", "tree.leaf_runs", "tree.tiles", "tree.checkpoints"] {
        let saved = format!("saved_{}", table.replace('.', "_"));
        log.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {saved}")).await;
    }
    log.tamper("UPDATE log.head SET last = 300").await;
}

fn event(position: u64) -> Place {
    let (stream, sequence) = (format!("account/{}", (position - 1) / 5), (position - 1) % 5 + 1);
    Place::Event { position, stream, sequence }
}

fn missing(position: u64) -> Place {
    Place::Event { position, stream: String::new(), sequence: 0 }
}

fn places(report: &Report) -> Vec<&Place> {
    report.findings.iter().map(|finding| &finding.place).collect()
}

#[tokio::test]
async fn an_honest_log_is_clean() {
    let log = log().await;
    let report = verify(&log).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.head, report.events, report.covered, report.opened), (300, 300, 300, 300));
    assert_eq!((report.checkpoints, report.tiles), (4, 1));
    log.append(3).await;
    let report = verify(&log).await;
    assert!(report.is_clean(), "events not yet covered are no fault: {:?}", report.findings);
    assert_eq!((report.events, report.covered), (303, 300));
}

/// One change in each column of an event, inside a full tile and in the partial tail.
#[tokio::test]
async fn a_change_in_any_column_of_an_event_names_it() {
    let log = log().await;
    let changes = [
        "aggregate_id = aggregate_id || 'x'",
        "sequence = sequence + 10",
        "aggregate_type = 'accounu'",
        "event_type = 'PasswordSeu'",
        "event_version = '2'",
        "payload = '{\"for\": 1}'",
        "metadata = '{\"a\": 1}'",
        "event_id = gen_random_uuid()",
        "subject = gen_random_uuid()",
        "subject = NULL",
        "actor = 'SUPPORT'",
        "actor = 'USES'",
        "correlation_id = gen_random_uuid()",
        "causation_id = gen_random_uuid()",
        "ceremony_id = gen_random_uuid()",
        "session_id = gen_random_uuid()",
        "device_id = gen_random_uuid()",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "recorded_at = recorded_at - interval '1 microsecond'",
        "class = 'identity'",
        "epoch = epoch + 1",
        "commitment = set_byte(commitment, 31, get_byte(commitment, 31) # 1)",
    ];
    for position in [7_u64, 298] {
        for change in changes {
            log.tamper(&format!("UPDATE log.events SET {change} WHERE position = {position}")).await;
            let report = verify(&log).await;
            let named =
                places(&report).iter().any(|place| matches!(place, Place::Event { position: p, .. } if *p == position));
            assert!(named, "{change} at {position}: {:?}", report.findings);
            let blamed = places(&report).iter().any(|place| !matches!(place, Place::Event { .. }));
            assert!(!blamed, "{change} at {position} blames the tree: {:?}", report.findings);
            restore(&log).await;
        }
    }
    assert!(verify(&log).await.is_clean());
}

#[tokio::test]
async fn a_changed_row_of_the_tree_is_named() {
    let log = log().await;
    let flip = |column: &str, at: usize| format!("{column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1)");
    let run = |first_position, position| Place::LeafRun { first_position, position };
    let cases = [
        (format!("UPDATE tree.tiles SET {}", flip("hashes", 8000)), Place::Tile { level: 0, index: 0 }),
        (format!("UPDATE tree.tiles SET {}", flip("root", 3)), Place::Tile { level: 0, index: 0 }),
        ("DELETE FROM tree.tiles".to_owned(), Place::Tile { level: 0, index: 0 }),
        ("UPDATE tree.tiles SET index = 1".to_owned(), Place::Tile { level: 0, index: 1 }),
        ("UPDATE tree.tiles SET level = 1".to_owned(), Place::Tile { level: 1, index: 0 }),
        (format!("UPDATE tree.leaf_runs SET {} WHERE first_position = 1", flip("hashes", 33)), run(1, 2)),
        (format!("UPDATE tree.leaf_runs SET {} WHERE first_position = 281", flip("hashes", 0)), run(281, 281)),
        ("UPDATE tree.leaf_runs SET first_position = 282 WHERE first_position = 281".to_owned(), run(281, 281)),
        ("DELETE FROM tree.leaf_runs WHERE first_position = 281".to_owned(), run(281, 281)),
        ("UPDATE tree.leaf_runs SET hashes = substr(hashes, 33) WHERE first_position = 281".to_owned(), run(281, 281)),
        (format!("UPDATE tree.checkpoints SET {} WHERE size = 280", flip("root", 9)), Place::Checkpoint { size: 280 }),
        ("UPDATE tree.checkpoints SET size = 279 WHERE size = 280".to_owned(), Place::Checkpoint { size: 279 }),
        ("UPDATE tree.checkpoints SET size = 301 WHERE size = 300".to_owned(), Place::Checkpoint { size: 301 }),
        (
            "UPDATE tree.checkpoints SET note = replace(note, '280', '281') WHERE size = 280".to_owned(),
            Place::Checkpoint { size: 280 },
        ),
        (
            "UPDATE tree.checkpoints SET note = overlay(note placing 'AAAA' from length(note) - 8) WHERE size = 280"
                .to_owned(),
            Place::Checkpoint { size: 280 },
        ),
    ];
    for (sql, place) in cases {
        log.tamper(&sql).await;
        let report = verify(&log).await;
        assert!(places(&report).contains(&&place), "{sql}: {:?}", report.findings);
        restore(&log).await;
    }
    assert!(verify(&log).await.is_clean());
}

#[tokio::test]
async fn a_deleted_swapped_or_added_event_is_named() {
    let log = log().await;
    for position in [7_u64, 298, 300] {
        log.tamper(&format!("DELETE FROM log.events WHERE position = {position}")).await;
        let report = verify(&log).await;
        assert!(places(&report).contains(&&missing(position)), "{position}: {:?}", report.findings);
        restore(&log).await;
    }
    for (a, b) in [(7_u64, 298_u64), (1, 2), (299, 300)] {
        log.tamper(&format!(
            "UPDATE log.events SET position = 1000 WHERE position = {a};
             UPDATE log.events SET position = {a} WHERE position = {b};
             UPDATE log.events SET position = {b} WHERE position = 1000"
        ))
        .await;
        let report = verify(&log).await;
        for position in [a, b] {
            let named =
                places(&report).iter().any(|place| matches!(place, Place::Event { position: p, .. } if *p == position));
            assert!(named, "{position}: {:?}", report.findings);
        }
        restore(&log).await;
    }
    log.append(1).await;
    log.tamper("UPDATE log.head SET last = 300").await;
    let report = verify(&log).await;
    assert_eq!(places(&report), [&event(301)], "{:?}", report.findings);
}

#[tokio::test]
async fn a_cut_end_is_named_even_when_the_head_was_set_back() {
    let log = log().await;
    log.tamper("DELETE FROM log.events WHERE position > 297; UPDATE log.head SET last = 297").await;
    let report = verify(&log).await;
    for position in 298..=300 {
        assert!(places(&report).contains(&&missing(position)), "{:?}", report.findings);
    }
}

#[tokio::test]
async fn a_log_rewritten_with_its_tree_is_caught_by_its_signatures() {
    let log = log().await;
    log.tamper(
        "DELETE FROM tree.checkpoints; DELETE FROM tree.tiles; DELETE FROM tree.leaf_runs;
         UPDATE log.events SET actor = 'SUPPORT' WHERE position = 40",
    )
    .await;
    let stranger = crate::tree::LogSigner::from_seed("log.example/test", &[9; 32]).unwrap();
    let clock: crate::tree::Clock = std::sync::Arc::new(chrono::DateTime::default);
    let mut forger = crate::tree::Follower::new(log.database.superuser().clone(), stranger, clock, Default::default());
    forger.step().await.unwrap();
    let report = verify(&log).await;
    assert!(places(&report).contains(&&Place::Checkpoint { size: 300 }), "{:?}", report.findings);
    // A root copied under a true signature of other events does not help either.
    restore(&log).await;
    log.tamper(
        "UPDATE tree.checkpoints c SET root = o.root FROM tree.checkpoints o WHERE c.size = 300 AND o.size = 280",
    )
    .await;
    let report = verify(&log).await;
    assert_eq!(places(&report), [&Place::Checkpoint { size: 300 }], "{:?}", report.findings);
}

#[tokio::test]
async fn an_answer_beyond_the_log_is_named() {
    let log = log().await;
    log.tamper(
        "INSERT INTO log.idempotency (scope, key, request, position, answer, created_at)
         VALUES ('s', 'in', '', 300, '', now()), ('s', 'out', '', 301, '', now())",
    )
    .await;
    let report = verify(&log).await;
    assert_eq!(places(&report), [&Place::Idempotency { scope: "s".into(), key: "out".into() }]);
}

/// Past 65,536 events there is a full tile of the second level.
#[tokio::test]
async fn a_changed_tile_of_the_second_level_is_named() {
    let log = Fixture::new().await;
    log.append(65_900).await;
    let clock: crate::tree::Clock = std::sync::Arc::new(chrono::DateTime::default);
    let options = crate::tree::FollowerOptions { batch: 30_000, ..Default::default() };
    for size in [30_000, 60_000, 65_900] {
        // Each run by a node that has just started, so that the edge comes from the database.
        let mut follower = crate::tree::Follower::new(log.database.pool(), signer(), clock.clone(), options);
        let step = follower.step().await.unwrap();
        assert!(matches!(step, crate::tree::Step::Covered { size: reached, .. } if reached == size), "{step:?}");
    }
    for position in [1, 65_536, 65_537, 65_900] {
        let proof = log.tree().proof(Position(position)).await.unwrap().unwrap();
        proof.verify(signer().verifier(), None).unwrap();
    }
    let report = verify(&log).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.tiles, 258);
    log.tamper("UPDATE tree.tiles SET hashes = set_byte(hashes, 64, get_byte(hashes, 64) # 1) WHERE level = 1").await;
    let report = verify(&log).await;
    assert_eq!(places(&report), [&Place::Tile { level: 1, index: 0 }], "{:?}", report.findings);
}
