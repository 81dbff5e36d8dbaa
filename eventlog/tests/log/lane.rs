//! Order, conflicts, units over several streams, idempotency, back-pressure.

use std::time::Duration;

use vitne_domain::account::Account;
use vitne_domain::claim::{Claim, ClaimCommand, ClaimKind};
use vitne_eventlog::{AppendError, IdempotencyKey, Position};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_written_read_and_loaded() {
    let bench = Bench::new().await;
    let committed = register(&bench.log, person(1)).await;
    assert_eq!(committed.first, Some(Position(1)));
    let loaded = bench.log.load::<Account>(person(1)).await.unwrap();
    assert_eq!(loaded.aggregate.display_name(), "Kari Nordmann");
    assert_eq!(loaded.version, committed.last.0);
    let events = bench.all().await;
    assert_eq!(events.len() as u64, committed.last.0);
    assert_eq!(events[0].network.as_ref().unwrap().user_agent.as_deref(), Some("Rarebrowser/9"));
    assert_eq!(bench.log.head().await.unwrap(), committed.last);
    assert_eq!(*bench.log.watch_head().borrow(), committed.last);
    let nothing = bench.log.unit(context(person(1))).commit().await.unwrap();
    assert_eq!((nothing.first, nothing.last), (None, committed.last));
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_on_one_stream_and_on_many_loses_nothing() {
    let bench = Bench::new().await;
    register(&bench.log, person(0)).await;
    let tasks = (0..32_u128).map(|task| {
        let log = bench.log.clone();
        tokio::spawn(async move {
            register(&log, person(task + 1)).await;
            for round in 0..5 {
                let name = format!("name {task} {round}");
                log.transact(context(person(0)), &Rename(person(0), name.clone())).await.unwrap();
                log.transact(context(person(task + 1)), &Rename(person(task + 1), name)).await.unwrap();
            }
        })
    });
    futures::future::join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    let renames = "SELECT count(*) FROM log.events WHERE event_type = 'ProfileChanged'";
    assert_eq!(bench.count(renames).await, 320);
    let events = bench.all().await;
    let mut names: Vec<_> = events.iter().filter(|e| e.header.subject == Some(person(0))).collect();
    names.retain(|event| event.header.event_type == "ProfileChanged");
    assert_eq!(names.len(), 160);
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_take_turns_beside_a_slow_transaction() {
    let bench = Bench::new().await;
    let other = bench.node(2).await;
    register(&bench.log, person(0)).await;
    let mut slow = bench.database.superuser().begin().await.unwrap();
    sqlx::query("INSERT INTO log.idempotency VALUES ('slow', 'slow', '', 0, '', now())")
        .execute(&mut *slow)
        .await
        .unwrap();
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *slow).await.unwrap();
    let mut follower = other.watch_head();
    let node = other.clone();
    let tasks = (0..16_u128).map(|task| {
        let log = if task % 2 == 0 { bench.log.clone() } else { node.clone() };
        tokio::spawn(async move {
            for round in 0..6 {
                log.transact(context(person(0)), &Rename(person(0), format!("{task} {round}"))).await.unwrap();
            }
        })
    });
    let following = tokio::spawn(async move {
        let mut seen = 0;
        let mut after = Position(0);
        while seen < 98 {
            let page = other.read(after, 100).await.unwrap();
            for event in &page {
                assert_eq!(event.header.position.0, after.0 + 1, "a follower never misses a position");
                after = event.header.position;
                seen += 1;
            }
            if page.is_empty() {
                follower.changed().await.unwrap();
            }
        }
    });
    futures::future::join_all(tasks).await.into_iter().for_each(|task| task.unwrap());
    tokio::time::timeout(Duration::from_secs(10), following).await.unwrap().unwrap();
    slow.rollback().await.unwrap();
    assert_eq!(bench.count("SELECT count(*) FROM log.events WHERE event_type = 'ProfileChanged'").await, 96);
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loser_is_answered_alone_and_wholly() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    register(&bench.log, person(2)).await;
    let stale = renamed(&bench.log, person(1), "too late").await;
    renamed(&bench.log, person(1), "first").await.commit().await.unwrap();
    let fine = renamed(&bench.log, person(2), "fine").await;
    let (lost, won) = tokio::join!(stale.commit(), fine.commit());
    assert!(matches!(lost, Err(AppendError::Conflict { aggregate_type }) if aggregate_type == "account"));
    assert!(won.unwrap().first.is_some());
    // A unit over two streams, one of them stale: neither is written.
    let mut both = bench.log.unit(context(person(1)));
    both.execute::<Account>(person(1), rename_to("half")).await.unwrap();
    both.execute::<Account>(person(2), rename_to("half")).await.unwrap();
    renamed(&bench.log, person(2), "between").await.commit().await.unwrap();
    let before = bench.log.head().await.unwrap();
    assert!(matches!(both.commit().await, Err(AppendError::Conflict { .. })));
    assert_eq!(bench.log.head().await.unwrap(), before);
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_only_read_is_a_condition_too() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    register(&bench.log, person(2)).await;
    let mut unit = bench.log.unit(context(person(2)));
    let seen: Account = unit.load(person(1)).await.unwrap();
    unit.execute::<Account>(person(2), rename_to(seen.display_name())).await.unwrap();
    renamed(&bench.log, person(1), "moved").await.commit().await.unwrap();
    assert!(matches!(unit.commit().await, Err(AppendError::Conflict { .. })));
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_reads_its_own_writes_and_one_claim_has_one_owner() {
    let bench = Bench::new().await;
    let joins = (1..=20).map(|number| {
        let log = bench.log.clone();
        tokio::spawn(
            async move { log.transact(context(person(number)), &Join(person(number), "same".to_owned())).await },
        )
    });
    let results = futures::future::join_all(joins).await;
    let won = results.iter().filter(|result| result.as_ref().unwrap().is_ok()).count();
    assert_eq!(won, 1, "one registration holds the address");
    for result in results {
        if let Err(error) = result.unwrap() {
            assert!(matches!(error, Failure::Claim(_)), "{error}");
        }
    }
    assert_eq!(bench.count("SELECT count(*) FROM log.events WHERE event_type = 'AccountRegistered'").await, 1);
    bench.check().await;
}

fn key(request: u8) -> IdempotencyKey {
    IdempotencyKey { scope: "session 1".to_owned(), key: "k".to_owned(), request: [request; 32] }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_first_answer() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    assert!(bench.log.first_answer(&key(1)).await.unwrap().is_none());
    let attempts = (0..12_u8).map(|number| {
        let log = bench.log.clone();
        tokio::spawn(async move {
            let account = person(u128::from(number) + 10);
            register(&log, account).await;
            let mut unit = renamed(&log, account, "once").await;
            unit.answer(key(1), vec![number]);
            unit.commit().await
        })
    });
    let results: Vec<_> = futures::future::join_all(attempts).await.into_iter().map(|task| task.unwrap()).collect();
    let written: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(written.len(), 1);
    let first = bench.log.first_answer(&key(1)).await.unwrap().unwrap();
    assert_eq!(first.position, written[0].last);
    for result in &results {
        match result {
            Ok(_) => {}
            Err(AppendError::AlreadyAnswered(answer)) => assert_eq!(**answer, first),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(matches!(bench.log.first_answer(&key(2)).await, Err(AppendError::KeyReused)));
    let mut unit = renamed(&bench.log, person(1), "other request").await;
    unit.answer(key(2), vec![]);
    assert!(matches!(unit.commit().await, Err(AppendError::KeyReused)));
    let dump: String =
        sqlx::query_scalar("SELECT answer FROM log.idempotency").fetch_one(bench.database.superuser()).await.unwrap();
    assert!(dump.contains("sealed"));
    // An answer alone is a unit too.
    let mut only = bench.log.unit(context(person(1)));
    only.answer(IdempotencyKey { key: "alone".to_owned(), ..key(1) }, b"nothing to do".to_vec());
    let committed = only.commit().await.unwrap();
    assert_eq!((committed.first, committed.last), (None, bench.log.head().await.unwrap()));
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_back() {
    let bench = Bench::with(vitne_eventlog::LogOptions { queue: 4, batch_units: 2, ..options(1) }).await;
    register(&bench.log, person(0)).await;
    let mut block = bench.database.superuser().begin().await.unwrap();
    sqlx::query("SELECT * FROM log.head FOR UPDATE").execute(&mut *block).await.unwrap();
    let mut units = Vec::new();
    for number in 0..20 {
        let mut unit = bench.log.unit(context(person(0)));
        let take = ClaimCommand::Take { kind: ClaimKind::Email, owner: person(0) };
        unit.execute::<Claim>(number, take).await.unwrap();
        units.push(tokio::spawn(unit.commit()));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    block.rollback().await.unwrap();
    let results: Vec<_> = futures::future::join_all(units).await.into_iter().map(|task| task.unwrap()).collect();
    let busy = results.iter().filter(|r| matches!(r, Err(AppendError::Busy { retry_after }) if !retry_after.is_zero()));
    let written = results.iter().filter(|result| result.is_ok()).count();
    assert!(busy.clone().count() >= 5 && written >= 5, "{results:?}");
    assert_eq!(busy.count() + written, 20);
    assert_eq!(bench.count("SELECT count(*) FROM log.events WHERE aggregate_type = 'claim'").await, written as i64);
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_was_queued() {
    let bench = Bench::new().await;
    register(&bench.log, person(0)).await;
    let mut block = bench.database.superuser().begin().await.unwrap();
    sqlx::query("SELECT * FROM log.head FOR UPDATE").execute(&mut *block).await.unwrap();
    let unit = renamed(&bench.log, person(0), "queued").await;
    let commit = tokio::spawn(unit.commit());
    tokio::time::sleep(Duration::from_millis(100)).await;
    let log = bench.log.clone();
    let closing = tokio::spawn(async move { log.close().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!closing.is_finished());
    block.rollback().await.unwrap();
    assert!(commit.await.unwrap().is_ok());
    closing.await.unwrap();
    let late = renamed(&bench.log, person(0), "late").await.commit().await;
    assert!(matches!(late, Err(AppendError::Unavailable(_))));
    bench.check().await;
}
