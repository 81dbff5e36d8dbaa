//! The process is killed, PostgreSQL is killed, again and again: what was acknowledged is there, whole.
//!
//! The process that is killed is this test program itself, started again to run one test
//! ([`a_node_that_will_be_killed`]), with a private PostgreSQL that writes through to the disk.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use vitne::clock::{Entropy, SystemClock};
use vitne::config::Config;
use vitne::config::value::MailTransport;
use vitne::server::{RunningServer, Server};
use vitne::service::{
    Authority, EnrolmentInput, Proof, ProofInput, ProofOutcome, Registration, ServiceError, Services,
};
use vitne_domain::Protected;
use vitne_domain::account::password::PasswordParams;
use vitne_domain::account::{Language, totp};
use vitne_domain::policy::Purpose;
use vitne_eventlog::Position;
use vitne_eventlog::database::{Database, DatabaseSettings};
use vitne_tests::people::{caller, link};
use vitne_tests::{checks, rounds};

/// Names the directory in which [`a_node_that_will_be_killed`] keeps its data.
const DIRECTORY: &str = "VITNE_CRASH_DIRECTORY";

fn config(directory: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.database.data_dir = directory.join("data");
    config.keys.directory = Some(directory.join("data/keys"));
    config.mail.transport = MailTransport::File;
    config.mail.directory = Some(directory.join("mail"));
    config.passwords.queue = 1_000;
    config
}

async fn start(directory: &Path) -> RunningServer {
    let mut server = Server::new(config(directory), Arc::new(SystemClock), Entropy::from_os().unwrap());
    server.hashing = Some(PasswordParams::insecure_for_simulation());
    server.start().await.expect("the next start takes over what a killed process left")
}

/// Says that something was acknowledged: the position of its last event and that event's type.
fn acknowledge(what: &str, position: Position) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nACK {} {what}", position.0).unwrap();
    out.flush().unwrap();
}

/// Registers, proves the address, signs in, enrols, and signs in again with a recovery code.
async fn live(server: &RunningServer, browser: uuid::Uuid) -> Result<(), ServiceError> {
    let services: &Services = &server.state.services;
    let (email, password) = (format!("{browser}@rare-domain.example"), format!("crash and go on {browser}"));
    let input = Registration {
        email: email.clone(),
        password: Protected::new(&*password),
        display_name: "Rarename".to_owned(),
        language: Language::Nb,
    };
    let done = services.register(&caller(browser), input).await?;
    acknowledge("CeremonyProofRequested", done.position);
    let last = server.state.log().read(Position(done.position.0 - 1), 1).await?.remove(0);
    let link = link(services, last.header.ceremony.expect("a ceremony"));
    let done = services.follow_link(&caller(browser), &link).await?;
    acknowledge("EmailVerified", done.position);
    let begin = async || services.begin(&caller(browser), Purpose::SignIn, &email).await;
    let prove = async |token: &Protected, proof: Proof| {
        let input = ProofInput { token: token.expose().to_owned(), proof, remember_device: false };
        services.submit(&caller(browser), input).await
    };
    let begun = begin().await?.value;
    let done = prove(&begun.token, Proof::Password(Protected::new(&*password))).await?;
    acknowledge("SessionStarted", done.position);
    let ProofOutcome::Accepted { session: Some(session), .. } = done.value else { panic!("{:?}", done.value) };
    let viewer = services.authenticate(session.token.expose(), &caller(browser)).await?.expect("a session");
    let authority = Authority::Viewer(viewer);
    let input = EnrolmentInput { label: "Phone".to_owned(), carried_by: None, replaces: None };
    let started = services.start_enrolment(&caller(browser), &authority, input).await?;
    acknowledge("AuthenticatorEnrolmentStarted", started.position);
    let started = started.value;
    let code = totp::code_at(&started.secret, services.now()).expect("a code");
    let confirmed = services
        .confirm_enrolment(&caller(browser), &authority, started.credential, Protected::new(code), None)
        .await?;
    acknowledge("RecoveryCodesIssued", confirmed.position);
    let begun = begin().await?.value;
    prove(&begun.token, Proof::Password(Protected::new(password))).await?;
    let code = confirmed.value.recovery_codes[0].code.clone();
    let done = prove(&begun.token, Proof::RecoveryCode(code)).await?;
    assert!(matches!(done.value, ProofOutcome::Accepted { session: Some(_), .. }), "{:?}", done.value);
    acknowledge("SessionStarted", done.position);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as a process of its own, started and killed by the others"]
async fn a_node_that_will_be_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let server = Arc::new(start(&directory).await);
    let entropy = server.state.entropy.clone();
    let people = (0..4).map(|_| {
        let (server, entropy) = (Arc::clone(&server), entropy.clone());
        tokio::spawn(async move {
            loop {
                let browser = entropy.with(|rng| vitne_domain::id::uuid_v7(server.state.services.now(), rng));
                match live(&server, browser).await {
                    Ok(()) => {}
                    // PostgreSQL is away: nothing of this was acknowledged.
                    Err(ServiceError::Unavailable(_) | ServiceError::Busy { .. }) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(error) => {
                        println!("\nWRONG {error:?}");
                        return;
                    }
                }
            }
        })
    });
    futures::future::join_all(people.collect::<Vec<_>>()).await;
}

/// A node under load, and what it has said.
struct Victim {
    child: Child,
    said: Receiver<String>,
}

impl Victim {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::a_node_that_will_be_killed", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, said) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        Self { child, said }
    }

    /// Collects at least so many more acknowledgements.
    fn collect(&self, wanted: usize, acknowledged: &mut Vec<(u64, String)>) {
        let (before, deadline) = (acknowledged.len(), Instant::now() + Duration::from_secs(90));
        while acknowledged.len() < before + wanted {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.said.recv_timeout(left).expect("the node goes on acknowledging");
            note(&line, acknowledged);
        }
    }

    /// Kills it, and collects what it still managed to say.
    fn kill(mut self, acknowledged: &mut Vec<(u64, String)>) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.iter().for_each(|line| note(&line, acknowledged));
    }
}

fn note(line: &str, acknowledged: &mut Vec<(u64, String)>) {
    assert!(!line.starts_with("WRONG"), "{line}");
    // A line that the kill has cut short acknowledges nothing.
    let mut words = line.split(' ');
    if let (Some("ACK"), Some(position), Some(what), None) = (words.next(), words.next(), words.next(), words.next()) {
        acknowledged.push((position.parse().unwrap(), what.to_owned()));
    }
}

/// The process id of PostgreSQL's own first process.
fn postmaster(directory: &Path) -> Option<i32> {
    let file = directory.join("data/postgres/data/postmaster.pid");
    std::fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
}

/// The directory of the test; no PostgreSQL outlives it, however the test ends.
struct Place(tempfile::TempDir);

impl Drop for Place {
    fn drop(&mut self) {
        let pid = postmaster(self.0.path()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_however_often_it_is_killed() {
    let place = Place(tempfile::tempdir().unwrap());
    std::fs::set_permissions(place.0.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let directory = place.0.path().to_owned();
    let mut acknowledged = tokio::task::spawn_blocking(move || {
        let mut acknowledged = Vec::new();
        for round in 0..rounds("VITNE_CRASH_ROUNDS", 3) {
            let victim = Victim::start(&directory);
            victim.collect(10 + round * 7 % 20, &mut acknowledged);
            victim.kill(&mut acknowledged);
        }
        for _ in 0..rounds("VITNE_POSTGRES_CRASH_ROUNDS", 1) {
            let victim = Victim::start(&directory);
            victim.collect(10, &mut acknowledged);
            let killed = postmaster(&directory).expect("PostgreSQL runs");
            let pid = rustix::process::Pid::from_raw(killed).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            victim.collect(20, &mut acknowledged);
            assert_ne!(postmaster(&directory), Some(killed), "PostgreSQL was started again");
            victim.kill(&mut acknowledged);
        }
        acknowledged
    })
    .await
    .unwrap();
    acknowledged.sort_unstable();

    let server = start(place.0.path()).await;
    let head = server.state.log().head().await.unwrap();
    for (position, what) in &acknowledged {
        assert!(*position <= head.0, "position {position} was acknowledged; the log ends at {head}");
        let event = server.state.log().read(Position(position - 1), 1).await.unwrap().remove(0);
        assert_eq!(&event.header.event_type, what, "at position {position}");
    }
    checks::whole(&server.state).await;
    let owner = DatabaseSettings::beside(&place.0.path().join("data/postgres"), "vitne").unwrap();
    let superuser = Database::connect_migrated(&owner).await.unwrap();
    checks::no_halves(superuser.owner()).await;
    checks::dense(superuser.owner()).await;
    superuser.close().await;
    server.stop().await;
}
