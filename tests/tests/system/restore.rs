//! A dump, restored into a new cluster, goes on where it stood.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use vitne::clock::Entropy;
use vitne::server::Server;
use vitne_domain::Protected;
use vitne_domain::account::password::PasswordParams;
use vitne_eventlog::database::{Cluster, ClusterSettings, DatabaseSettings, OWNER, SERVER_ROLE};
use vitne_tests::{Person, TestServer, World, checks, postgres_program};

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_restored_into_a_new_cluster_goes_on() {
    let server = TestServer::start().await;
    let (person, session) = Person::enrolled(&server, "restored").await;
    checks::whole(server.state()).await;
    let socket = server.database.socket().to_str().unwrap().to_owned();
    let dump = server.directory().join("dump.sql");
    run(Command::new(postgres_program("pg_dump"))
        .args(["-h", &socket, "-p", "5432", "-U", OWNER, "-f"])
        .arg(&dump)
        .arg(server.database.name()));

    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let cluster = Cluster::start(ClusterSettings::new(place.path().join("new"))).await.unwrap();
    DatabaseSettings::in_cluster(&cluster, "restored").await.unwrap();
    let owner = cluster.options("restored", OWNER);
    let socket = owner.get_socket().expect("a private cluster listens on a socket").display().to_string();
    run(Command::new(postgres_program("psql"))
        .args(["-v", "ON_ERROR_STOP=1", "-q", "-h", &socket, "-p", "5432", "-U", OWNER, "-d", "restored", "-f"])
        .arg(&dump));

    let mut config = server.config().clone();
    let url = |role: &str| {
        let host = socket.replace('/', "%2F");
        Some(Protected::new(format!("postgres://{role}@{host}:5432/restored?sslmode=disable")))
    };
    (config.database.url, config.database.owner_url) = (url(SERVER_ROLE), url(OWNER));
    let mut restored = Server::new(config, Arc::new(server.clock.clone()), Entropy::seeded(99));
    restored.hashing = Some(PasswordParams::insecure_for_simulation());
    let restored = restored.start().await.unwrap();
    let world = World {
        services: restored.state.services.clone(),
        known: server.known.clone(),
        clock: Some(server.clock.clone()),
    };
    let before = server.log().head().await.unwrap();
    assert_eq!(restored.state.log().head().await.unwrap(), before);
    // The session lives on, the password and the authenticator open another, and a new person can join.
    person.viewer(&world, &session).await;
    person.sign_in(&world, true).await;
    Person::enrolled(&world, "newcomer").await;
    assert!(restored.state.log().head().await.unwrap() > before);
    checks::whole(&restored.state).await;
    restored.stop().await;
    cluster.stop().await;
    server.finish().await;
}
