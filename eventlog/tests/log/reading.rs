//! Readers skip nothing, and say so when something is missing.

use std::collections::HashMap;

use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use vitne_domain::account::Account;
use vitne_domain::event::{EventSpec, LegalBasis, ProcessingPurpose};
use vitne_domain::{LoggedEvent, RetentionClass};
use vitne_eventlog::{Body, LoadError, Log, Position, ReadError, Shard};

use crate::support::*;

async fn open(bench: &Bench) -> Log {
    Log::open(bench.database.pool(), options(7)).await.unwrap()
}

async fn tamper(bench: &Bench, sql: &str) {
    let mut connection = bench.database.superuser().acquire().await.unwrap();
    sqlx::query("SET session_replication_role = replica").execute(&mut *connection).await.unwrap();
    sqlx::query(sql).execute(&mut *connection).await.unwrap();
    sqlx::query("RESET session_replication_role").execute(&mut *connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_event_is_damage_in_the_middle_and_at_the_end() {
    let bench = Bench::new().await;
    for number in 0..5 {
        register(&bench.log, person(number)).await;
    }
    let head = bench.log.head().await.unwrap();
    tamper(&bench, &format!("DELETE FROM log.events WHERE position = {}", head.0)).await;
    let log = open(&bench).await;
    let last = Position(head.0 - 1);
    assert!(matches!(log.read(last, 10).await, Err(ReadError::Damaged { position, .. }) if position == head.0));
    assert!(
        matches!(log.read(Position(0), 1000).await, Err(ReadError::Damaged { position, .. }) if position == head.0)
    );
    tamper(&bench, "DELETE FROM log.events WHERE position = 3").await;
    assert!(matches!(log.read(Position(0), 5).await, Err(ReadError::Damaged { position: 3, .. })));
    let mut scan = log.scan(head, None).await.unwrap();
    let mut result = scan.next_page().await;
    while matches!(result, Ok(Some(_))) {
        result = scan.next_page().await;
    }
    assert!(matches!(result, Err(ReadError::Damaged { .. })));
}

/// The account of a later version of Vitne, which writes an event that this one does not know.
#[derive(Default, Serialize, Deserialize)]
struct LaterAccount;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum LaterEvent {
    FromTheFuture {},
}

impl cqrs_es::DomainEvent for LaterEvent {
    fn event_type(&self) -> String {
        "FromTheFuture".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl LoggedEvent for LaterEvent {
    const SPECS: &'static [EventSpec] = &[EventSpec {
        aggregate: "account",
        name: "FromTheFuture",
        version: 1,
        doc: "An event of a later version.",
        class: RetentionClass::Identity,
        purpose: ProcessingPurpose::Account,
        basis: LegalBasis::Contract,
        fields: &[],
    }];

    fn spec(&self) -> Option<&'static EventSpec> {
        Self::SPECS.first()
    }

    fn shredded(_: &str, _: &str) -> Self {
        Self::FromTheFuture {}
    }
}

impl cqrs_es::Aggregate for LaterAccount {
    const TYPE: &'static str = "account";
    type Command = ();
    type Event = LaterEvent;
    type Error = std::fmt::Error;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), sink: &EventSink<Self>) -> Result<(), Self::Error> {
        sink.write(LaterEvent::FromTheFuture {}, self).await;
        Ok(())
    }

    fn apply(&mut self, _: LaterEvent) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_type_is_reported_not_skipped() {
    let bench = Bench::new().await;
    let mut unit = bench.log.unit(context(person(1)));
    unit.execute::<LaterAccount>(person(1), ()).await.unwrap();
    unit.commit().await.unwrap();
    register(&bench.log, person(2)).await;
    let events = bench.all().await;
    assert_eq!(events[0].header.event_type, "FromTheFuture");
    assert!(
        matches!(&events[0].body, Body::Unreadable(reason) if reason.contains("FromTheFuture")),
        "{:?}",
        events[0].body
    );
    assert!(events[0].network.is_some(), "it opened; only its meaning is unknown");
    assert_eq!(events.len() as u64, bench.log.head().await.unwrap().0);
    assert!(matches!(bench.log.load::<Account>(person(1)).await, Err(LoadError::Unreadable(_))));
    bench.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_the_log_person_by_person_and_shards_add_up() {
    let bench = Bench::new().await;
    for number in 0..30 {
        register(&bench.log, person(number)).await;
        renamed(&bench.log, person(number), "twice").await.commit().await.unwrap();
    }
    let until = bench.log.head().await.unwrap();
    register(&bench.log, person(99)).await;
    let mut whole = Vec::new();
    let mut scan = bench.log.scan(until, None).await.unwrap();
    while let Some(page) = scan.next_page().await.unwrap() {
        whole.extend(page);
    }
    assert_eq!(scan.count(), until.0);
    assert!(whole.is_sorted_by_key(|event| (event.header.subject.map(|id| id.0), event.header.position)));
    let expected: HashMap<_, _> = bench.all().await.into_iter().map(|event| (event.header.position, event)).collect();
    assert!(whole.iter().all(|event| expected[&event.header.position] == *event));
    let mut count = 0;
    for index in 0..3 {
        let mut scan = bench.log.scan(until, Some(Shard { index, of: 3 })).await.unwrap();
        while let Some(page) = scan.next_page().await.unwrap() {
            count += page.len() as u64;
        }
        assert!(scan.count() > 0, "every shard has a share");
    }
    assert_eq!(count, until.0);
    let mine = bench.log.read_subject(person(3), Position(0), 100).await.unwrap();
    assert!(mine.len() >= 2 && mine.iter().all(|event| event.header.subject == Some(person(3))));
    let rest = bench.log.read_subject(person(3), mine[0].header.position, 100).await.unwrap();
    assert_eq!(rest, mine[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_backend_dies_is_an_error() {
    let bench = Bench::new().await;
    for number in 0..5 {
        register(&bench.log, person(number)).await;
    }
    let mut scan = bench.log.scan(bench.log.head().await.unwrap(), None).await.unwrap();
    bench.count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'DECLARE%' AND pid <> pg_backend_pid()").await;
    assert!(matches!(scan.next_page().await, Err(ReadError::Unavailable(_))));
}
