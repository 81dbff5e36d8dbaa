//! Exactly once, whoever dies; one person's trouble is nobody else's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vitne_eventlog::{Body, Position};
use vitne_projections::runner::testing::{
    MemoryLog, Tally, device, erased, history, mixed, person, renamed, seen, skipped, unknown,
};
use vitne_projections::runner::{Waited, ensure};
use vitne_projections::{Projection, RowKey};

use crate::support::{docs, expected, prepared, reach, rows, start, tally, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_follow_the_log_and_wake_at_once() {
    let database = prepared().await;
    let log = history(20, 1_000);
    let runner = start(database.pool(), &log, tally(), 64);
    reach(&runner, Position(1_000)).await;
    for number in 1_000..1_040 {
        let position = log.append([mixed(20, number)]);
        reach(&runner, position).await;
    }
    let models = runner.read_models();
    assert_eq!(models.position("tally").await.unwrap(), Position(1_040));
    let waited = models.wait_for("tally", Position(2_000), Duration::from_millis(60)).await.unwrap();
    assert_eq!(waited, Waited::TimedOut(Position(1_040)));
    runner.stop().await;
    assert_eq!(docs(&database.pool()).await, expected(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_hold_what_the_document_says() {
    let database = prepared().await;
    let log = history(5, 200);
    let runner = start(database.pool(), &log, tally(), 50);
    reach(&runner, Position(200)).await;
    runner.stop().await;
    let differing: i64 = sqlx::query_scalar(
        "select count(*) from read.tally where events is distinct from (doc->>'events')::bigint
         or label is distinct from doc->>'label' or last_at is distinct from (doc->>'last_at')::timestamptz
         or to_jsonb(types) is distinct from doc->'types'",
    )
    .fetch_one(&database.pool())
    .await
    .unwrap();
    assert_eq!(differing, 0);
    assert!(rows(&database.pool()).await.len() >= 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_that_are_killed_lose_and_repeat_nothing() {
    let database = prepared().await;
    let log = history(30, 4_000);
    let runner = start(database.pool(), &log, tally(), 20);
    let mut killed = 0;
    tokio::time::sleep(Duration::from_millis(20)).await;
    while runner.read_models().position("tally").await.unwrap_or_default() < Position(4_000) {
        let number: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where usename = 'vitne_server' and datname = current_database() and state <> 'idle'",
        )
        .fetch_one(database.superuser())
        .await
        .unwrap();
        killed += number;
        tokio::time::sleep(Duration::from_millis(if number > 0 { 300 } else { 5 })).await;
    }
    runner.stop().await;
    assert!(killed > 0, "no backend was caught at work");
    until("the pool is whole again", || async { database.pool().acquire().await.is_ok() }).await;
    assert_eq!(docs(database.superuser()).await, expected(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runners_share_the_work_and_both_see_it() {
    let database = prepared().await;
    let log = history(30, 3_000);
    let second = vitne_eventlog::database::Database::connect_migrated(&database.settings()).await.unwrap();
    let runners = [start(database.pool(), &log, tally(), 30), start(second.server().clone(), &log, tally(), 30)];
    for number in 3_000..3_200 {
        log.append([mixed(30, number)]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for runner in &runners {
        reach(runner, Position(3_200)).await;
    }
    for runner in runners {
        runner.stop().await;
    }
    assert_eq!(docs(&database.pool()).await, expected(&log));
    second.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_event_parks_its_person_only_and_a_mended_fold_releases_them() {
    let database = prepared().await;
    let log = Arc::new(MemoryLog::default());
    log.append([seen(person(1), 0), seen(person(2), 0), renamed(person(1), 0, "poison"), seen(person(1), 0)]);
    log.append([renamed(person(2), 0, "fine"), renamed(person(1), 0, "later")]);
    let projection = Arc::new(Tally::default());
    let runner = start(database.pool(), &log, projection.clone(), 2);
    reach(&runner, Position(6)).await;

    let gaps = runner.read_models().gaps(person(1)).await.unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].projection.as_str(), gaps[0].from_position), ("tally", Position(3)));
    assert_eq!(gaps[0].reason, "the label cannot be folded");
    assert!(runner.read_models().gaps(person(2)).await.unwrap().is_empty());
    let held = docs(&database.pool()).await;
    assert_eq!(held[&RowKey { subject: person(1), id: device(person(1), 0) }]["events"], 1);
    assert_eq!(held[&RowKey { subject: person(2), id: device(person(2), 0) }]["label"], "fine");

    projection.mended.store(true, Ordering::SeqCst);
    until("the gap closes", || async { runner.read_models().gaps(person(1)).await.unwrap().is_empty() }).await;
    runner.stop().await;
    let released = docs(&database.pool()).await;
    assert_eq!(released[&RowKey { subject: person(1), id: device(person(1), 0) }]["events"], 4);
    assert_eq!(released[&RowKey { subject: person(1), id: device(person(1), 0) }]["label"], "later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_events_park_and_a_newer_program_takes_them_up() {
    let database = prepared().await;
    let log = Arc::new(MemoryLog::default());
    log.append([seen(person(1), 0), unknown(Some(person(1))), seen(person(1), 0), unknown(None), seen(person(2), 0)]);
    let runner = start(database.pool(), &log, tally(), 10);
    reach(&runner, Position(5)).await;
    let parked: i64 =
        sqlx::query_scalar("select count(*) from projection.parked").fetch_one(&database.pool()).await.unwrap();
    assert_eq!(parked, 2);
    assert_eq!(docs(&database.pool()).await.len(), 4);

    log.replace_body(Position(2), Body::Shredded);
    log.replace_body(Position(4), Body::Shredded);
    until("nobody is parked", || async {
        sqlx::query_scalar::<_, i64>("select count(*) from projection.parked")
            .fetch_one(&database.pool())
            .await
            .unwrap()
            == 0
    })
    .await;
    runner.stop().await;
    assert_eq!(docs(&database.pool()).await, expected(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skip_in_the_log_releases_whoever_waits() {
    let database = prepared().await;
    let log = Arc::new(MemoryLog::default());
    log.append([seen(person(1), 0), renamed(person(1), 0, "poison"), seen(person(1), 0)]);
    let runner = start(database.pool(), &log, tally(), 10);
    reach(&runner, Position(3)).await;
    assert_eq!(runner.read_models().gaps(person(1)).await.unwrap().len(), 1);
    log.append([skipped(Position(2))]);
    until("the gap closes", || async { runner.read_models().gaps(person(1)).await.unwrap().is_empty() }).await;
    runner.stop().await;
    let rows = docs(&database.pool()).await;
    assert_eq!(rows[&RowKey { subject: person(1), id: device(person(1), 0) }]["events"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasure_takes_every_row_also_of_the_parked() {
    let database = prepared().await;
    let log = Arc::new(MemoryLog::default());
    log.append([seen(person(1), 0), seen(person(2), 0), unknown(Some(person(1))), seen(person(1), 1)]);
    let runner = start(database.pool(), &log, tally(), 2);
    reach(&runner, Position(4)).await;
    let last = log.append([erased(person(1)), seen(person(1), 0), seen(person(2), 1)]);
    reach(&runner, last).await;
    let later = log.append([seen(person(1), 0)]);
    reach(&runner, later).await;
    runner.stop().await;
    let rows = docs(&database.pool()).await;
    assert!(rows.keys().all(|key| key.subject == person(2)));
    assert_eq!(rows.len(), 3);
    assert_eq!(rows, expected(&log));
    let parked: i64 =
        sqlx::query_scalar("select count(*) from projection.parked").fetch_one(&database.pool()).await.unwrap();
    assert_eq!(parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_only_the_database_refuses_parks_its_person() {
    let database = prepared().await;
    sqlx::query("alter table tally_v1_g1.tally add check (label <> 'refused')")
        .execute(database.superuser())
        .await
        .unwrap();
    let log = history(10, 100);
    log.append([renamed(person(3), 0, "refused"), seen(person(3), 1), seen(person(4), 1)]);
    let runner = start(database.pool(), &log, tally(), 500);
    reach(&runner, Position(103)).await;
    let gaps = runner.read_models().gaps(person(3)).await.unwrap();
    assert_eq!(gaps[0].from_position, Position(101));
    assert_eq!(gaps[0].reason, "the database refuses the row (SQLSTATE 23514)");
    sqlx::query("alter table tally_v1_g1.tally drop constraint tally_label_check")
        .execute(database.superuser())
        .await
        .unwrap();
    until("the gap closes", || async { runner.read_models().gaps(person(3)).await.unwrap().is_empty() }).await;
    runner.stop().await;
    assert_eq!(docs(&database.pool()).await, expected(&log));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_left_to_a_rebuild_and_the_old_one_stays() {
    let database = prepared().await;
    let log = history(5, 50);
    let runner = start(database.pool(), &log, tally(), 10);
    reach(&runner, Position(50)).await;
    runner.stop().await;
    let newer: Arc<dyn Projection> = Arc::new(Tally { version: 1, ..Tally::default() });
    let ensured = ensure(database.database().owner(), std::slice::from_ref(&newer)).await.unwrap();
    assert!(ensured.created.is_empty());
    assert_eq!(ensured.outdated.len(), 1);
    let runner = start(database.pool(), &log, newer, 10);
    log.append([seen(person(1), 0)]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    runner.stop().await;
    assert_eq!(docs(&database.pool()).await.len(), rows(&database.pool()).await.len());
    let position: i64 =
        sqlx::query_scalar("select position from projection.checkpoints").fetch_one(&database.pool()).await.unwrap();
    assert_eq!(position, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_role_may_not_make_or_drop_tables() {
    let database = prepared().await;
    for statement in
        ["drop table tally_v1_g1.tally", "create table read.other (id int)", "delete from projection.checkpoints"]
    {
        assert!(sqlx::query(statement).execute(&database.pool()).await.is_err(), "{statement}");
    }
}
