//! The same seed tells the same story, and the read models agree with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use vitne_domain::AnyEvent;
use vitne_eventlog::database::testing::TestDatabase;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{Body, Log, LogOptions, Position};
use vitne_projections::runner::{Runner, RunnerOptions, Waited, ensure};

use super::{Plan, Report, World, run};
use crate::service::ServiceKeys;

type Story = BTreeMap<(String, String), Vec<(u64, String, String, String)>>;

async fn simulated(seed: u64, sealing: u8) -> (TestDatabase, Log, Report, Story) {
    let database = TestDatabase::create().await;
    let key = Arc::new(LocalKeyEncryption::new([7; 32]));
    let log = Log::open(database.pool(), LogOptions::new([sealing; 32], key)).await.unwrap();
    let world = World::cheap(log.clone(), ServiceKeys::new([9; 32]));
    let from = DateTime::from_timestamp(1_736_121_600, 0).unwrap();
    let plan = Plan { people: 20, days: 10, seed, from, at_once: 8 };
    let report = run(&world, plan, |_| {}).await.unwrap();
    let mut story = Story::new();
    let mut after = Position(0);
    loop {
        let events = log.read(after, 1000).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.header.position;
        for event in events {
            let Body::Event(body) = &event.body else { panic!("an event that cannot be read") };
            let body = match body {
                AnyEvent::Account(event) => serde_json::to_string(event),
                AnyEvent::Claim(event) => serde_json::to_string(event),
                AnyEvent::Ceremony(event) => serde_json::to_string(event),
                AnyEvent::Device(event) => serde_json::to_string(event),
                AnyEvent::Session(event) => serde_json::to_string(event),
                AnyEvent::Operation(event) => serde_json::to_string(event),
            };
            let header = &event.header;
            let context = format!("{:?}", (header.subject, header.occurred_at, header.session, header.correlation));
            story.entry((header.aggregate_type.clone(), header.aggregate_id.clone())).or_default().push((
                header.sequence,
                header.event_type.clone(),
                format!("{body:?}"),
                context,
            ));
        }
    }
    (database, log, report, story)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_tells_the_same_story_twice_and_another_seed_another() {
    let (_first, _, report, story) = simulated(42, 1).await;
    let (_second, _, again, same) = simulated(42, 2).await;
    assert!(report.events() > 1_000, "{report:?}");
    assert_eq!(report.events(), again.events());
    assert_eq!(report.refused, again.refused);
    assert_eq!(story, same);
    let (_third, _, _, other) = simulated(43, 1).await;
    assert_ne!(story, other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_read_model_of_a_simulated_history_equals_its_fold() {
    let (database, log, report, _) = simulated(7, 3).await;
    let projections = vitne_projections::all();
    ensure(database.database().owner(), &projections).await.unwrap();
    let source = Arc::new(log.clone());
    let runner = Runner::start(database.pool(), source.clone(), projections.clone(), RunnerOptions::default());
    for projection in &projections {
        let waited = runner.read_models().wait_for(projection.name(), report.last, Duration::from_secs(120)).await;
        assert_eq!(waited.unwrap(), Waited::Reached, "{}", projection.name());
    }
    runner.stop().await;
    let context = vitne_replay::Context {
        owner: database.database().owner().clone(),
        server: database.pool(),
        source,
        projections,
    };
    let reports = vitne_replay::verify(&context, None).await.unwrap();
    assert_eq!(reports.len(), context.projections.len());
    for report in &reports {
        assert_eq!((report.differing, report.exit_status()), (0, 0), "{report}");
    }
    let activity = reports.iter().find(|report| report.projection == "activity").unwrap();
    assert!(activity.rows > 200, "{activity}");
}
