//! A destroyed secret takes everything personal with it, and nothing else.

use std::process::Command;

use uuid::Uuid;
use vitne::service::ProfileChange;
use vitne_domain::account::{Account, AccountCommand};
use vitne_domain::id::{CorrelationId, DeviceId};
use vitne_domain::{Actor, EventContext, NetworkContext};
use vitne_eventlog::database::OWNER;
use vitne_eventlog::{Body, Position};
use vitne_tests::{Person, TestServer, checks, postgres_program};

/// The whole database as text.
fn dump(server: &TestServer) -> String {
    let output = Command::new(postgres_program("pg_dump"))
        .args(["-h", server.database.socket().to_str().unwrap(), "-p", "5432", "-U", OWNER, server.database.name()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a dump holds a text: as it is, in hexadecimal as binary columns are written, or in base64.
fn holds(dump: &str, text: &str) -> bool {
    use base64::Engine as _;
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    // Whatever stands before the text in base64, one of three alignments shows its middle.
    let encoded = (0..3).map(|shift| {
        let padded = [&[0_u8; 3][..shift], text.as_bytes()].concat();
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
        encoded[(shift * 8).div_ceil(6)..encoded.len() - 2].to_owned()
    });
    let mut forms = encoded.chain([text.to_owned(), hex]);
    forms.any(|form| dump.contains(&form))
}

async fn erase(server: &TestServer, person: &Person) {
    let context = EventContext {
        at: server.services.now(),
        subject: Some(person.account),
        actor: Actor::Officer,
        correlation: CorrelationId(Uuid::from_u128(0xE5)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        network: NetworkContext::default(),
    };
    let mut unit = server.log().unit(context);
    unit.execute::<Account>(person.account, AccountCommand::Erase).await.unwrap();
    unit.commit().await.unwrap();
    server.log().destroy_subject(person.account).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_erasure_nothing_personal_is_left_and_everything_still_proves() {
    let server = TestServer::start().await;
    let (person, session) = Person::enrolled(&server, "erasable").await;
    let (other, _) = Person::enrolled(&server, "staying").await;
    let viewer = person.viewer(&server, &session).await;
    let phone = "+46701740605";
    let change = ProfileChange { phone: Some(phone.to_owned()), ..ProfileChange::default() };
    person.step_up(&server, &viewer).await;
    let services = server.services.clone();
    services.change_profile(&person.caller(), &viewer, change).await.unwrap();
    let device = DeviceId::derive(person.browser, person.account);
    let label = "Erasable kitchen computer";
    services.rename_device(&person.caller(), &viewer, device, label.to_owned()).await.unwrap();
    checks::whole(server.state()).await;

    let personal = [
        person.email.as_str(),
        "erasable@",
        "Rarename erasable",
        phone,
        label,
        person.secret.as_ref().unwrap().expose(),
    ];
    // What both of them share is looked for only after both are gone.
    let shared = ["198.51.100.23", "Rarebrowser", "Rareos", "Rarelabel", "rare-domain"];
    let before = dump(&server);
    assert!(holds(&before, &person.email) && holds(&before, phone), "read models hold what they show");
    let sealed: Vec<_> = server.log().read_subject(person.account, Position(0), 1_000).await.unwrap();
    assert!(sealed.iter().all(|event| matches!(event.body, Body::Event(_))));

    erase(&server, &person).await;
    checks::whole(server.state()).await;
    let after = dump(&server);
    for text in personal {
        assert!(!holds(&after, text), "{text:?} is still in the database");
    }
    assert!(holds(&after, &other.email), "the other person stays as they were");
    other.sign_in(&server, false).await;

    // Every event is still there, in its place, proved, and cannot be read.
    let events = server.log().read_subject(person.account, Position(0), 1_000).await.unwrap();
    assert_eq!(events.len(), sealed.len() + 1);
    checks::tree(server.state()).await;
    let verifier = checks::verifier(server.state());
    for event in &events {
        assert!(matches!(event.body, Body::Shredded) && event.network.is_none(), "{:?}", event.header);
        let proof = server.state().tree.proof(event.header.position).await.unwrap().expect("a proof");
        proof.verify(&verifier, None).unwrap();
    }
    let report = checks::database(server.state()).await;
    assert_eq!(report.shredded as usize, events.len());
    let refused = services.authenticate(session.token.expose(), &person.caller()).await;
    assert!(!matches!(refused, Ok(Some(_))), "no session of an erased person opens anything");

    erase(&server, &other).await;
    checks::whole(server.state()).await;
    let last = dump(&server);
    for text in personal.into_iter().chain(shared).chain([other.email.as_str()]) {
        assert!(!holds(&last, text), "{text:?} is still in the database");
    }
    server.finish().await;
}
