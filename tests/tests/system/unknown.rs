//! An event of a later version in the log: nothing is skipped, nothing stalls, and the gap has a name.

use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vitne_domain::event::{EventSpec, LegalBasis, ProcessingPurpose};
use vitne_domain::id::CorrelationId;
use vitne_domain::{Actor, EventContext, LoggedEvent, NetworkContext, RetentionClass};
use vitne_projections::queries::{self, ActivityFilter, CursorKey, PageRequest};
use vitne_projections::runner::Waited;
use vitne_tests::{Person, TestServer, checks};

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
        class: RetentionClass::Security,
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

async fn entries(server: &TestServer, person: &Person) -> usize {
    let (pool, page) = (server.state().read_models.pool(), PageRequest::Forward { first: 200, after: None });
    let (filter, key) = (ActivityFilter::default(), CursorKey::new([0; 32]));
    queries::activity_page(pool, person.account, &filter, &page, &key).await.unwrap().edges.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_later_version_stops_its_person_by_name_and_nobody_else() {
    let server = TestServer::start().await;
    let (ahead, _) = Person::enrolled(&server, "ahead").await;
    let (fine, _) = Person::enrolled(&server, "fine").await;
    checks::read_models(server.state()).await;
    let before = entries(&server, &ahead).await;
    // A stream of its own, so that the person's other streams can still be folded by those who decide.
    let context = EventContext {
        at: server.services.now(),
        subject: Some(ahead.account),
        actor: Actor::User,
        correlation: CorrelationId(Uuid::from_u128(0xF0)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        network: NetworkContext::default(),
    };
    let mut unit = server.log().unit(context);
    unit.execute::<LaterAccount>(Uuid::from_u128(0xF1), ()).await.unwrap();
    let position = unit.commit().await.unwrap().last;
    ahead.sign_in(&server, false).await;
    fine.sign_in(&server, false).await;
    let head = server.log().head().await.unwrap();
    for projection in vitne_projections::all() {
        let patience = std::time::Duration::from_secs(30);
        let waited = server.state().read_models.wait_for(projection.name(), head, patience).await.unwrap();
        assert_eq!(waited, Waited::Reached, "{} stalls", projection.name());
    }
    let gaps = server.state().read_models.gaps(ahead.account).await.unwrap();
    assert_eq!(gaps.len(), vitne_projections::all().len(), "every read model tells its gap: {gaps:?}");
    for gap in &gaps {
        assert_eq!(gap.from_position, position);
        assert!(gap.reason.contains("FromTheFuture"), "{}", gap.reason);
    }
    assert!(server.state().read_models.gaps(fine.account).await.unwrap().is_empty());
    assert_eq!(entries(&server, &ahead).await, before, "nothing after the gap is shown as if it were whole");
    for report in vitne_replay::verify(&server.state().replay(), None).await.unwrap() {
        assert_eq!((report.exit_status(), report.differing), (2, 0), "{report}");
        assert!(report.gaps.iter().any(|gap| gap.from_position == position), "{report}");
    }
    checks::tree(server.state()).await;
    let report = checks::database(server.state()).await;
    assert!(report.is_clean(), "an unknown event is a whole event: {:?}", report.findings);
    server.finish_unfolded().await;
}
