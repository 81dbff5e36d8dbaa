use chrono::TimeDelta;
use uuid::Uuid;
use vitne_eventlog::database::testing::TestDatabase;

use super::*;

const RATES: Rates = Rates {
    address: Rate { burst: 5, per_minute: 60 },
    identifier: Rate { burst: 2, per_minute: 1 },
    session: Rate { burst: 100, per_minute: 100 },
};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn address(text: &str) -> Source<'static> {
    Source::Address(text.parse().unwrap())
}

async fn allowed(limits: &Limits, source: Source<'_>, now: DateTime<Utc>, tries: usize) -> usize {
    let mut allowed = 0;
    for _ in 0..tries {
        allowed += usize::from(limits.take(source, now).await.unwrap() == Verdict::Allowed);
    }
    allowed
}

#[tokio::test]
async fn a_burst_is_allowed_and_then_the_rate() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    let source = address("198.51.100.7");
    assert_eq!(allowed(&limits, source, start(), 20).await, 5);
    let Verdict::Refused { retry_after } = limits.take(source, start()).await.unwrap() else { panic!("allowed") };
    assert_eq!(retry_after, Duration::from_secs(1));
    assert_eq!(allowed(&limits, source, start() + TimeDelta::milliseconds(999), 3).await, 0);
    assert_eq!(allowed(&limits, source, start() + TimeDelta::seconds(1), 3).await, 1);
    assert_eq!(allowed(&limits, source, start() + TimeDelta::minutes(5), 20).await, 5, "a bucket holds one burst");
    assert_eq!(allowed(&limits, address("198.51.100.8"), start(), 20).await, 5);
}

#[tokio::test]
async fn nodes_share_a_bucket_even_when_they_ask_at_once() {
    let database = TestDatabase::create().await;
    let nodes: Vec<_> = (0..4).map(|_| Limits::new(database.pool(), &[1; 32], RATES)).collect();
    let tries = (0..40).map(|index| {
        let node = &nodes[index % nodes.len()];
        async move { node.take(address("198.51.100.7"), start()).await.unwrap() == Verdict::Allowed }
    });
    let allowed = futures::future::join_all(tries).await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(allowed, 5);
}

#[tokio::test]
async fn ipv6_is_counted_by_its_64_and_kinds_do_not_mix() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    for host in 1..=5 {
        let source = Source::Address(format!("2001:db8:1:2::{host}").parse().unwrap());
        assert_eq!(limits.take(source, start()).await.unwrap(), Verdict::Allowed);
    }
    assert_ne!(limits.take(address("2001:db8:1:2:ffff::1"), start()).await.unwrap(), Verdict::Allowed);
    assert_eq!(limits.take(address("2001:db8:1:3::1"), start()).await.unwrap(), Verdict::Allowed);
    let session = Source::Session(SessionId(Uuid::from_u128(1)));
    assert_eq!(limits.take(session, start()).await.unwrap(), Verdict::Allowed);
    assert_eq!(allowed(&limits, Source::Identifier("astrid@example.se"), start(), 5).await, 2);
    assert_eq!(allowed(&limits, Source::Identifier("nobody@example.se"), start(), 5).await, 2);
}

#[tokio::test]
async fn a_flood_becomes_one_window_and_does_not_reach_the_database() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    let source = Source::Identifier("astrid@example.se");
    assert_eq!(allowed(&limits, source, start(), 3).await, 2);
    // With its table gone the database could not answer: these are refused from memory.
    sqlx::query("ALTER TABLE limits.bucket RENAME TO gone").execute(database.superuser()).await.unwrap();
    assert_eq!(allowed(&limits, source, start() + TimeDelta::seconds(30), 97).await, 0);
    assert!(limits.take(source, start() + TimeDelta::minutes(2)).await.is_err(), "no verdict is not a pass");
    assert!(limits.ended_windows(start() + TimeDelta::seconds(59)).is_empty());
    let ended = limits.ended_windows(start() + TimeDelta::minutes(2));
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].from, ended[0].until, ended[0].count), (start(), start() + TimeDelta::seconds(30), 98));
    assert!(ended[0].source.starts_with("identifier:") && !ended[0].source.contains("astrid"));
    assert!(limits.ended_windows(start() + TimeDelta::minutes(3)).is_empty(), "told once");
    limits.put_back(ended.clone());
    assert_eq!(limits.ended_windows(start() + TimeDelta::minutes(3)), ended);
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_burst() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    let source = address("198.51.100.7");
    assert_eq!(allowed(&limits, source, start(), 9).await, 5);
    let earlier = start() - TimeDelta::hours(1);
    assert_eq!(allowed(&limits, source, earlier, 1).await, 0);
    assert_eq!(allowed(&limits, source, earlier + TimeDelta::seconds(5), 9).await, 5);
}

#[tokio::test]
async fn full_buckets_are_forgotten() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    limits.take(address("198.51.100.7"), start()).await.unwrap();
    assert_eq!(limits.sweep(start()).await.unwrap(), 0);
    assert_eq!(limits.sweep(start() + TimeDelta::seconds(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn an_address_is_written_to_five_times_at_once_and_then_every_ten_minutes() {
    let database = TestDatabase::create().await;
    let limits = Limits::new(database.pool(), &[1; 32], RATES);
    let written = async |now: DateTime<Utc>, tries: usize| {
        let mut written = 0;
        for _ in 0..tries {
            written += usize::from(limits.may_write_to("anna@example.se", now).await.unwrap());
        }
        written
    };
    assert_eq!(written(start(), 20).await, 5);
    assert_eq!(written(start() + TimeDelta::minutes(9), 3).await, 0);
    assert_eq!(written(start() + TimeDelta::minutes(10), 3).await, 1);
    assert!(limits.may_write_to("bo@example.se", start()).await.unwrap());
    assert_eq!(allowed(&limits, Source::Identifier("anna@example.se"), start(), 5).await, 2, "a bucket of its own");
}
