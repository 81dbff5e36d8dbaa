//! Each hazard of cqrs-es 0.5 and postgres-es 0.5 that `docs/decisions` names, shown not to reach us.

use cqrs_es::persist::PersistedEventRepository;
use postgres_es::PostgresEventRepository;
use vitne_domain::account::Account;
use vitne_eventlog::AppendError;

use crate::support::*;

/// Their snapshot and aggregate stores apply each event twice; here an event counts once.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_applied_once() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    let generation = bench.log.load::<Account>(person(1)).await.unwrap().aggregate.password_generation();
    assert_eq!(generation, 1);
    let mut unit = bench.log.unit(context(person(1)));
    for _ in 0..8 {
        let set = vitne_domain::account::AccountCommand::SetPassword {
            hash: vitne_domain::Protected::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"),
            cause: vitne_domain::account::PasswordCause::Change,
        };
        unit.execute::<Account>(person(1), set).await.unwrap();
    }
    let within = unit.load::<Account>(person(1)).await.unwrap();
    unit.commit().await.unwrap();
    let loaded = bench.log.load::<Account>(person(1)).await.unwrap().aggregate;
    assert_eq!((within.password_generation(), loaded.password_generation()), (9, 9));
}

/// Their events have no position and are replayed by stream sequence; ours are read in commit order,
/// across aggregate types.
#[tokio::test(flavor = "multi_thread")]
async fn order_is_commit_order_across_types() {
    let bench = Bench::new().await;
    for number in 1..4 {
        bench.log.transact(context(person(number)), &Join(person(number), format!("c{number}"))).await.unwrap();
    }
    let order: Vec<_> = bench.all().await.into_iter().map(|event| event.header.subject.unwrap()).collect();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order, sorted);
}

/// Every unique violation is a conflict to them. The server cannot even insert behind the lane without
/// being stopped by the stream's constraint, and a unit's own failures are told apart by type.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_identifier_is_a_refusal_and_no_conflict() {
    let bench = Bench::new().await;
    bench.log.transact(context(person(1)), &Join(person(1), "same".to_owned())).await.unwrap();
    let second = bench.log.transact(context(person(2)), &Join(person(2), "same".to_owned())).await;
    assert!(matches!(second, Err(Failure::Claim(_))));
    let stale = renamed(&bench.log, person(1), "stale").await;
    renamed(&bench.log, person(1), "first").await.commit().await.unwrap();
    assert!(matches!(stale.commit().await, Err(AppendError::Conflict { .. })));
}

/// postgres-es reads the very rows (it is the oracle), finds every event of a stream in order, and sees
/// nothing but ciphertext.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_es_reads_the_same_streams() {
    let bench = Bench::new().await;
    register(&bench.log, person(1)).await;
    renamed(&bench.log, person(1), "x").await.commit().await.unwrap();
    let repository = PostgresEventRepository::new(bench.database.pool()).with_tables("log.events", "log.none");
    let rows = repository.get_events::<Account>(&person(1).to_string()).await.unwrap();
    let loaded = bench.log.load::<Account>(person(1)).await.unwrap();
    assert_eq!(rows.len() as u64, loaded.version);
    let ours = bench.log.read_subject(person(1), vitne_eventlog::Position(0), 100).await.unwrap();
    for (theirs, ours) in rows.iter().zip(&ours) {
        assert_eq!((theirs.sequence as u64, &theirs.event_type), (ours.header.sequence, &ours.header.event_type));
        assert_eq!(theirs.payload.as_object().unwrap().len(), 3);
        assert!(!theirs.payload.to_string().contains("Kari"));
    }
    // Their own persist cannot write past the lane: the columns a position needs are missing.
    assert!(repository.persist::<Account>(&rows[..1], None).await.is_err());
    bench.check().await;
}
