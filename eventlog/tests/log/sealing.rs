//! What the keys protect, and what remains when they are gone.

use std::sync::Arc;

use vitne_domain::RetentionClass;
use vitne_domain::account::Account;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{AppendError, Body, LoadError, Log, LogOptions, OpenError, Position};

use crate::support::*;

async fn dump(bench: &Bench) -> String {
    let tables = ["log.events", "log.idempotency", "log.head", "secrets.subjects", "secrets.epochs"];
    let mut dump = String::new();
    for table in tables {
        let sql = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t");
        dump += &sqlx::query_scalar::<_, String>(&sql).fetch_one(bench.database.superuser()).await.unwrap();
    }
    dump
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_person_is_forgotten_and_their_log_still_stands() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    register(&bench.log, person(2)).await;
    let before = bench.all().await;
    let opening = bench.log.opening(Position(1)).await.unwrap().unwrap();
    assert_eq!(opening.commitment(), before[0].header.commitment);
    assert!(String::from_utf8_lossy(&opening.body).contains("@plaintext.example"));
    bench.log.destroy_subject(person(1)).await.unwrap();
    bench.log.destroy_subject(person(1)).await.unwrap();
    let after = bench.all().await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.header, after.header);
        match after.header.subject == Some(person(1)) {
            true => assert_eq!((&after.body, &after.network), (&Body::Shredded, &None)),
            false => assert_eq!((&after.body, &after.network), (&before.body, &before.network)),
        }
    }
    assert!(bench.log.opening(Position(1)).await.unwrap().is_none());
    let loaded = bench.log.load::<Account>(person(1)).await.unwrap();
    assert_eq!(loaded.aggregate.email(), "");
    assert_eq!(bench.log.load::<Account>(person(2)).await.unwrap().aggregate.display_name(), "Kari Nordmann");
    let mut unit = bench.log.unit(context(person(1)));
    if unit.execute::<Account>(person(1), rename_to("again")).await.is_ok() {
        assert!(matches!(unit.commit().await, Err(AppendError::SubjectErased)));
    }
    // Another node had the key in its cache and must not write under it either: the database says so.
    let dump = dump(&bench).await;
    for plain in ["plaintext.example", "Kari", "203.0.113.77", "Rarebrowser", "argon2id"] {
        assert!(!dump.contains(plain), "{plain} stands in the database");
    }
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_still_holds_a_destroyed_key_cannot_write_under_it() {
    let bench = Bench::new().await;
    let other = bench.node(2).await;
    register(&bench.log, person(1)).await;
    let unit = renamed(&other, person(1), "cached").await;
    bench.log.destroy_subject(person(1)).await.unwrap();
    assert!(matches!(unit.commit().await, Err(AppendError::SubjectErased)));
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_network_epoch_takes_the_addresses_and_leaves_provable_bodies() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    let before = bench.all().await;
    bench.log.destroy_epoch(RetentionClass::Network, RetentionClass::Network.epoch(now())).await.unwrap();
    let after = bench.all().await;
    for (before, after) in before.iter().zip(&after) {
        assert!(before.network.is_some() && after.network.is_none());
        assert_eq!(before.body, after.body);
    }
    let opening = bench.log.opening(Position(1)).await.unwrap().unwrap();
    assert!(opening.context.is_none());
    assert_eq!(opening.commitment(), after[0].header.commitment, "the body is provable without its context");
}

/// Changes rows as only somebody with the machine's powers can.
async fn tamper(bench: &Bench, sql: &str) {
    let mut connection = bench.database.superuser().acquire().await.unwrap();
    sqlx::query("SET session_replication_role = replica").execute(&mut *connection).await.unwrap();
    sqlx::query(sql).execute(&mut *connection).await.unwrap();
    sqlx::query("RESET session_replication_role").execute(&mut *connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_or_relabelled_ciphertext_does_not_open() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    renamed(&bench.log, person(1), "one").await.commit().await.unwrap();
    let second = renamed(&bench.log, person(1), "two").await.commit().await.unwrap().last.0;
    let first = second - 1;
    let changes = [
        format!(
            "UPDATE log.events e SET payload = o.payload FROM log.events o WHERE e.position = {second} AND o.position = {first}"
        ),
        format!("UPDATE log.events SET actor = 'SYSTEM' WHERE position = {second}"),
        format!("UPDATE log.events SET occurred_at = occurred_at + interval '1 millisecond' WHERE position = {second}"),
        format!("UPDATE log.events SET device_id = event_id WHERE position = {second}"),
        format!(
            "UPDATE log.events SET payload = jsonb_build_object('v', 1, 'body', payload->'context', 'context', payload->'body') WHERE position = {second}"
        ),
    ];
    let kept: (serde_json::Value, chrono::DateTime<chrono::Utc>) =
        sqlx::query_as("SELECT payload, occurred_at FROM log.events WHERE position = $1")
            .bind(second as i64)
            .fetch_one(bench.database.superuser())
            .await
            .unwrap();
    for change in changes {
        tamper(&bench, &change).await;
        let fresh = Log::open(bench.database.pool(), options(3)).await.unwrap();
        let event = fresh.read(Position(first), 1).await.unwrap().remove(0);
        assert!(matches!(event.body, Body::Unreadable(_)), "{change}");
        assert!(matches!(fresh.load::<Account>(person(1)).await, Err(LoadError::Unreadable(_))), "{change}");
        let restore = "UPDATE log.events SET payload = $1, occurred_at = $2, actor = 'USER', device_id = NULL WHERE position = $3";
        let mut connection = bench.database.superuser().acquire().await.unwrap();
        sqlx::query("SET session_replication_role = replica").execute(&mut *connection).await.unwrap();
        sqlx::query(restore).bind(&kept.0).bind(kept.1).bind(second as i64).execute(&mut *connection).await.unwrap();
        sqlx::query("RESET session_replication_role").execute(&mut *connection).await.unwrap();
        assert!(fresh.load::<Account>(person(1)).await.is_ok(), "restored after {change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_checked_at_opening_and_rotate_without_touching_events() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    let before = dump_events(&bench).await;
    let wrong = LogOptions::new([9; 32], Arc::new(LocalKeyEncryption::new([1; 32])));
    assert!(matches!(Log::open(bench.database.pool(), wrong.clone()).await, Err(OpenError::Keys(_))));
    let rows = bench.log.rewrap_all(Arc::new(LocalKeyEncryption::new([1; 32]))).await.unwrap();
    assert!(rows >= 4, "nobody, the person, and their epochs: {rows}");
    assert_eq!(bench.log.rewrap_all(Arc::new(LocalKeyEncryption::new([1; 32]))).await.unwrap(), 0);
    assert_eq!(dump_events(&bench).await, before);
    assert!(matches!(Log::open(bench.database.pool(), options(9)).await, Err(OpenError::Keys(_))));
    let rotated = Log::open(bench.database.pool(), wrong).await.unwrap();
    assert_eq!(rotated.load::<Account>(person(1)).await.unwrap().aggregate.display_name(), "Kari Nordmann");
    register(&bench.log, person(2)).await;
    assert_eq!(rotated.load::<Account>(person(2)).await.unwrap().aggregate.display_name(), "Kari Nordmann");
}

async fn dump_events(bench: &Bench) -> String {
    sqlx::query_scalar("SELECT string_agg(e::text, ';' ORDER BY position) FROM log.events e")
        .fetch_one(bench.database.superuser())
        .await
        .unwrap()
}
