//! The tree in a database: growing, restarting, serving, proving.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fixture::{Fixture, signer};
use super::*;
use crate::Position;

#[tokio::test]
async fn every_event_is_proved_and_every_growth_consistent() {
    let mut log = Fixture::new().await;
    assert_eq!(log.tree().checkpoint().await.unwrap(), None);
    let mut signed = Vec::new();
    for count in [0_u64, 1, 254, 1, 1, 300] {
        log.append(count).await;
        log.follow().await;
        let newest = log.tree().checkpoint().await.unwrap().unwrap();
        let opened = Checkpoint::open(&newest.note, signer().verifier()).unwrap();
        assert_eq!((opened.size, opened.root), (newest.size, newest.root));
        signed.push(opened);
    }
    assert_eq!(signed.iter().map(|point| point.size).collect::<Vec<_>>(), [0, 1, 255, 256, 257, 557]);
    let tree = log.tree();
    for older in &signed {
        for newer in signed.iter().filter(|newer| newer.size >= older.size) {
            let proof = tree.consistency_proof(older.size, newer.size).await.unwrap();
            verify_consistency((older.size, older.root), (newer.size, newer.root), &proof).unwrap();
        }
    }
    for position in [1, 2, 255, 256, 257, 512, 513, 557] {
        let text = tree.proof_text(Position(position)).await.unwrap().unwrap();
        let header = tree.header(Position(position)).await.unwrap().unwrap();
        let proof: TlogProof = text.parse().unwrap();
        let (point, data) = proof.verify(signer().verifier(), None).unwrap();
        assert_eq!((point.size, data), (557, leaf_data(&header)));
        let json = tree.leaf_json(Position(position)).await.unwrap().unwrap();
        assert_eq!(json["position"], position);
        let older = tree.inclusion_proof(Position(position), 557).await.unwrap();
        assert_eq!(older, proof.hashes);
    }
    assert_eq!(tree.proof_text(Position(558)).await.unwrap(), None);
    assert_eq!(tree.proof_text(Position(0)).await.unwrap(), None);
    assert!(matches!(tree.inclusion_proof(Position(1), 558).await, Err(TreeError::Proof(_))));
}

#[tokio::test]
async fn tiles_are_served_full_partial_and_not_beyond_the_tree() {
    let mut log = Fixture::new().await;
    log.append(600).await;
    log.follow().await;
    let tree = log.tree();
    let tile = |level, index, width| Tile { level, index, width };
    let full = tree.tile(tile(0, 1, 256)).await.unwrap().unwrap();
    assert_eq!(full.len(), 8192);
    assert_eq!(tree.tile(tile(0, 1, 17)).await.unwrap().unwrap(), full[..17 * 32]);
    assert_eq!(tree.tile(tile(0, 2, 88)).await.unwrap().unwrap().len(), 88 * 32);
    let upper = tree.tile(tile(1, 0, 2)).await.unwrap().unwrap();
    assert_eq!(upper[32..], hash::root_of(&hash::from_bytes(&full).unwrap()).0);
    for absent in [tile(0, 2, 89), tile(0, 2, 256), tile(0, 3, 1), tile(1, 0, 3), tile(2, 0, 1), tile(63, 0, 1)] {
        assert_eq!(tree.tile(absent).await.unwrap(), None, "{absent}");
    }
    let bundle = tree.entries(Entries { index: 2, width: 88 }).await.unwrap().unwrap();
    let (length, rest) = bundle.split_first_chunk::<2>().unwrap();
    let first = &rest[..usize::from(u16::from_be_bytes(*length))];
    assert_eq!(first, leaf_data(&tree.header(Position(513)).await.unwrap().unwrap()));
    assert_eq!(tree.entries(Entries { index: 2, width: 89 }).await.unwrap(), None);
}

#[tokio::test]
async fn one_node_follows_at_a_time_and_another_takes_over() {
    let mut log = Fixture::new().await;
    log.append(300).await;
    let mut lock = log.database.pool().begin().await.unwrap();
    sqlx::query("SELECT one FROM tree.lease FOR UPDATE").execute(&mut *lock).await.unwrap();
    assert_eq!(log.follower.step().await.unwrap(), Step::Elsewhere);
    lock.rollback().await.unwrap();
    assert_eq!(log.follower.step().await.unwrap(), Step::Covered { size: 200, added: 200 });
    let mut other = Fixture::follower_of(&log.database);
    assert_eq!(other.step().await.unwrap(), Step::Covered { size: 300, added: 100 });
    log.append(5).await;
    // The first node's edge is behind; it must notice.
    assert_eq!(log.follower.step().await.unwrap(), Step::Covered { size: 305, added: 5 });
}

#[tokio::test]
async fn nothing_is_signed_over_a_gap_or_a_changed_tree() {
    let mut log = Fixture::new().await;
    log.append(300).await;
    log.follow().await;
    log.append(10).await;
    log.tamper("DELETE FROM log.events WHERE position = 305").await;
    assert!(matches!(log.follower.step().await, Err(TreeError::Damaged(_))));
    let mut log = Fixture::new().await;
    log.append(300).await;
    log.follow().await;
    log.tamper("UPDATE tree.tiles SET root = set_byte(root, 0, get_byte(root, 0) # 1)").await;
    log.append(10).await;
    let mut restarted = Fixture::follower_of(&log.database);
    assert!(matches!(restarted.step().await, Err(TreeError::Damaged(_))));
    assert_eq!(log.tree().checkpoint().await.unwrap().unwrap().size, 300);
}

#[tokio::test]
async fn the_server_cannot_change_what_is_signed() {
    let mut log = Fixture::new().await;
    log.append(300).await;
    log.follow().await;
    for table in ["leaf_runs", "tiles", "checkpoints"] {
        for statement in [format!("DELETE FROM tree.{table}"), format!("TRUNCATE tree.{table}")] {
            assert!(sqlx::query(&statement).execute(&log.database.pool()).await.is_err(), "{statement}");
            // Not even the owner, short of disabling the trigger.
            assert!(sqlx::query(&statement).execute(log.database.database().owner()).await.is_err(), "{statement}");
        }
    }
    for statement in [
        "UPDATE tree.leaf_runs SET hashes = hashes",
        "UPDATE tree.tiles SET root = root",
        "UPDATE tree.checkpoints SET note = note",
    ] {
        assert!(sqlx::query(statement).execute(&log.database.pool()).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_running_follower_is_woken_and_stops_having_covered_everything() {
    let log = Fixture::new().await;
    let (head, watched) = watch::channel(Position(0));
    let stop = CancellationToken::new();
    let running = tokio::spawn(Fixture::follower_of(&log.database).run(watched, stop.clone()));
    let (tree, mut waited) = (log.tree(), 0);
    log.append(3).await;
    head.send(Position(3)).unwrap();
    while tree.checkpoint().await.unwrap().is_none_or(|newest| newest.size < 3) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        waited += 1;
        assert!(waited < 500, "it was not woken");
    }
    log.append(450).await;
    stop.cancel();
    running.await.unwrap();
    assert_eq!(tree.checkpoint().await.unwrap().unwrap().size, 453);
}
