//! The demo's people can do what the demo says they can.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use vitne_domain::account::password::PasswordParams;
use vitne_domain::account::totp;
use vitne_domain::device::{DeviceKind, Platform};
use vitne_domain::id::CorrelationId;
use vitne_domain::policy::Purpose;
use vitne_domain::{NetworkContext, Protected};
use vitne_eventlog::database::testing::TestDatabase;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{Log, LogOptions, Position};

use super::people::{Shown, read, text, write};
use super::story;
use crate::clock::{Entropy, ManualClock};
use crate::service::{Caller, Proof, ProofInput, ProofOutcome, ServiceKeys, Services};
use crate::simulate::World;

fn caller() -> Caller {
    Caller {
        correlation: CorrelationId(uuid::Uuid::from_u128(1)),
        network: NetworkContext::default(),
        device_cookie: Some(uuid::Uuid::from_u128(77)),
        platform: Platform { kind: DeviceKind::Unknown, os: None, os_version: None, browser: None },
        idempotency: None,
    }
}

async fn signs_in(services: &Services, person: &Shown, now: DateTime<Utc>) -> bool {
    let begun = services.begin(&caller(), Purpose::SignIn, &person.email).await.unwrap().value;
    let give = |proof| ProofInput { token: begun.token.expose().to_owned(), proof, remember_device: false };
    let password = Proof::Password(Protected::new(person.password.clone()));
    let mut outcome = services.submit(&caller(), give(password)).await.unwrap().value;
    if let Some(secret) = &person.totp {
        assert!(matches!(&outcome, ProofOutcome::Accepted { session: None, .. }), "a second step is asked for");
        let code = totp::code_at(&Protected::new(secret.clone()), now).unwrap();
        outcome = services.submit(&caller(), give(Proof::Totp(Protected::new(code)))).await.unwrap().value;
    }
    matches!(outcome, ProofOutcome::Accepted { session: Some(_), .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_people_have_a_month_behind_them_and_sign_in_as_printed() {
    let database = TestDatabase::create().await;
    let key = Arc::new(LocalKeyEncryption::new([7; 32]));
    let log = Log::open(database.pool(), LogOptions::new([1; 32], key)).await.unwrap();
    let world = World::cheap(log.clone(), ServiceKeys::new([9; 32]));
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let people = story::live(&world, &world, 5, now).await.unwrap();
    assert_eq!(people.len(), 4);
    let with_app: Vec<bool> = people.iter().map(|person| person.totp.is_some()).collect();
    assert_eq!(with_app, [true, false, true, true]);

    let mut names = Vec::new();
    let mut after = Position(0);
    loop {
        let events = log.read(after, 1000).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.header.position;
        assert!(events.iter().all(|event| event.header.occurred_at < now));
        names.extend(events.into_iter().map(|event| (event.header.occurred_at, event.header.event_type)));
    }
    assert!(names.iter().any(|(at, _)| *at < now - Duration::days(29)));
    for wanted in ["DeviceReportedLost", "RecoveryCodeUsed", "NotMeReported", "DeviceTrusted", "SessionStarted"] {
        assert!(names.iter().any(|(_, name)| name == wanted), "{wanted}");
    }
    let replaced = names.iter().filter(|(_, name)| name == "AuthenticatorEnrolled").count();
    assert_eq!(replaced, 4, "three apps, and one in the place of the lost one");

    let services = Services::new(
        log.clone(),
        world.hasher.clone(),
        Arc::new(ManualClock::new(now)),
        Entropy::seeded(3),
        world.keys.clone(),
        world.settings.clone(),
    )
    .unwrap();
    for person in &people {
        assert!(signs_in(&services, person, now).await, "{person:?}");
    }
}

#[test]
fn who_they_are_is_kept_for_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("people.json");
    assert_eq!(read(&path).unwrap(), None);
    let person = Shown {
        name: "Anna".to_owned(),
        email: "anna@example.com".to_owned(),
        password: "secret".to_owned(),
        totp: Some("ABC".to_owned()),
        recovery_code: None,
        history: "none".to_owned(),
    };
    write(&path, std::slice::from_ref(&person)).unwrap();
    assert_eq!(read(&path).unwrap(), Some(vec![person.clone()]));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(text(&[person]).contains("oathtool --totp --base32 ABC"));
    assert_ne!(PasswordParams::default(), PasswordParams::insecure_for_simulation());
    std::fs::write(&path, "half a fi").unwrap();
    assert!(read(&path).is_err());
}
