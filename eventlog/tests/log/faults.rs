//! Callers that go away, connections that die, roles that try to change history.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use vitne_eventlog::database::SERVER_ROLE;

use crate::support::*;

/// Polls a future at most `times`, giving the rest of the world time in between, then drops it.
async fn poll_then_drop<F: Future>(future: F, times: usize) -> bool {
    let mut future = Box::pin(future);
    for _ in 0..times {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_nothing_half() {
    let bench = Bench::new().await;
    for times in 0..60_u128 {
        let log = bench.log.clone();
        let join = Join(person(times), format!("claim {times}"));
        poll_then_drop(async move { log.transact(context(join.0), &join).await }, times as usize).await;
    }
    bench.log.close().await;
    bench.check().await;
    let halves = bench
        .count(
            "SELECT count(*) FROM (SELECT subject FROM log.events GROUP BY subject HAVING
               count(*) FILTER (WHERE event_type = 'ClaimProved') <> 1 OR
               count(*) FILTER (WHERE event_type = 'AccountRegistered') <> 1) s",
        )
        .await;
    assert_eq!(halves, 0);
    let whole = bench.count("SELECT count(DISTINCT subject) FROM log.events").await;
    assert!(whole > 0 && whole < 60, "some were written and some were not: {whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_die_under_load_and_no_acknowledged_unit_is_lost_or_doubled() {
    let bench = Bench::new().await;
    for number in 0..8 {
        register(&bench.log, person(number)).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let killer = {
        let (pool, stop) = (bench.database.superuser().clone(), stop.clone());
        tokio::spawn(async move {
            let mut killed = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                killed += sqlx::query_scalar::<_, i64>(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                      WHERE application_name = 'vitne lane' AND datname = current_database()",
                )
                .fetch_one(&pool)
                .await
                .unwrap();
                tokio::time::sleep(Duration::from_millis(120)).await;
            }
            killed
        })
    };
    let tasks = (0..8_u128).map(|task| {
        let log = bench.log.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for round in 0..30 {
                let name = format!("{task}-{round}");
                let done = log.transact(context(person(task)), &Rename(person(task), name)).await;
                if let Ok(((), committed)) = done {
                    acknowledged.push(committed.last);
                }
            }
            acknowledged
        })
    });
    let results = futures::future::join_all(tasks).await;
    stop.store(true, Ordering::Relaxed);
    assert!(killer.await.unwrap() > 3, "the test killed some backends");
    let events = bench.all().await;
    let mut acknowledged = 0;
    for (task, positions) in results.into_iter().enumerate() {
        for position in positions.unwrap() {
            let event = &events[position.0 as usize - 1];
            assert_eq!(event.header.subject, Some(person(task as u128)));
            assert_eq!(event.header.event_type, "ProfileChanged");
            acknowledged += 1;
        }
    }
    let written = bench.count("SELECT count(*) FROM log.events WHERE event_type = 'ProfileChanged'").await;
    assert_eq!(written, acknowledged, "what was written was acknowledged, once");
    assert!(acknowledged > 100);
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_cannot_be_changed_by_the_server_nor_by_the_owner() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    let statements = [
        "UPDATE log.events SET actor = 'SYSTEM'",
        "DELETE FROM log.events",
        "TRUNCATE log.events",
        "DELETE FROM log.head",
        "DELETE FROM secrets.subjects",
        "TRUNCATE secrets.epochs",
    ];
    let whole = bench.all().await;
    for statement in statements {
        for pool in [bench.database.pool(), bench.database.database().owner().clone()] {
            let refused = sqlx::query(statement).execute(&pool).await.unwrap_err();
            assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"), "{statement}");
        }
    }
    let message = sqlx::query("DELETE FROM log.events").execute(bench.database.database().owner()).await.unwrap_err();
    assert!(message.to_string().contains("append-only"), "{message}");
    // A secret is destroyed or wrapped anew, never brought back or exchanged.
    let server = bench.database.pool();
    bench.log.destroy_subject(person(1)).await.unwrap();
    let back = sqlx::query("UPDATE secrets.subjects SET wrapped = 'x', destroyed_at = NULL WHERE wrapped IS NULL");
    assert!(back.execute(&server).await.is_err());
    assert!(sqlx::query("UPDATE secrets.epochs SET wrapped = 'x'").execute(&server).await.is_err());
    assert_eq!(bench.all().await.len(), whole.len());
    assert_eq!(SERVER_ROLE, "vitne_server");
    bench.check().await;
}
