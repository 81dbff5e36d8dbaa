//! A real server: its own database, its own keys, a mail sink, a clock that the test moves.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, Utc};
use tempfile::TempDir;
use vitne::clock::{Clock, Entropy, ManualClock};
use vitne::config::Config;
use vitne::config::value::MailTransport;
use vitne::server::{AppState, RunningServer, Server};
use vitne::service::Services;
use vitne_domain::Protected;
use vitne_domain::account::password::PasswordParams;
use vitne_eventlog::Log;
use vitne_eventlog::database::testing::TestDatabase;

use crate::checks;
use crate::secrets::{Known, captured};

/// The origin that browsers of the tests speak for.
pub const ORIGIN: &str = "http://vitne.test";

/// When the histories of the tests begin.
pub fn beginning() -> DateTime<Utc> {
    "2026-09-21T08:00:00Z".parse().unwrap()
}

/// What people need of a server.
#[derive(Clone)]
pub struct World {
    /// What can be done on an account.
    pub services: Services,
    /// What must never be found.
    pub known: Known,
    /// The clock, where the test moves it.
    pub clock: Option<ManualClock>,
}

impl World {
    /// Lets time pass, where the test moves it.
    pub fn pass(&self, time: Duration) {
        if let Some(clock) = &self.clock {
            clock.advance(time);
        }
    }
}

/// A running server and all that is its own.
pub struct TestServer {
    /// Its database.
    pub database: Arc<TestDatabase>,
    /// Its clock; it stands still until it is moved.
    pub clock: ManualClock,
    world: World,
    directory: Arc<TempDir>,
    config: Config,
    running: RunningServer,
}

impl TestServer {
    /// Starts one with cheap hashing and limits that do not interfere.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        captured();
        let database = Arc::new(TestDatabase::create().await);
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(&database, directory.path());
        adjust(&mut config);
        let clock = ManualClock::new(beginning());
        let running = serve(config.clone(), &clock).await;
        let world = world(&running, &clock, Known::default());
        Self { database, clock, world, directory, config, running }
    }

    /// Another node on the same database, with the same keys and clock.
    pub async fn node(&self) -> Self {
        let running = serve(self.config.clone(), &self.clock).await;
        Self {
            database: Arc::clone(&self.database),
            clock: self.clock.clone(),
            world: world(&running, &self.clock, self.known.clone()),
            directory: Arc::clone(&self.directory),
            config: self.config.clone(),
            running,
        }
    }

    /// What its handlers work with.
    pub fn state(&self) -> &AppState {
        &self.running.state
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        self.running.state.log()
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Where it answers: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Where its letters are.
    pub fn mails(&self) -> PathBuf {
        mails(self.directory.path())
    }

    /// A directory of the test's own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its settings, for a program of its own on the same database.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Stops it without looking at anything: another node still runs.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// What every test ends with: read models reach the head and are what the log says, the whole
    /// database verifies, positions are dense, and no secret was logged or mailed.
    pub async fn finish(self) {
        checks::whole(self.state()).await;
        self.running.stop().await;
        checks::dense(self.database.superuser()).await;
        self.world.known.were_kept(&mails(self.directory.path()));
    }

    /// The same for a log in which some events are meant not to be readable: all but the read models,
    /// which the test looks at itself.
    pub async fn finish_unfolded(self) {
        self.running.stop().await;
        checks::dense(self.database.superuser()).await;
        self.world.known.were_kept(&mails(self.directory.path()));
    }
}

impl Deref for TestServer {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

fn world(running: &RunningServer, clock: &ManualClock, known: Known) -> World {
    World { services: running.state.services.clone(), known, clock: Some(clock.clone()) }
}

fn mails(directory: &Path) -> PathBuf {
    directory.join("mail")
}

fn config(database: &TestDatabase, directory: &Path) -> Config {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.server.public_url = ORIGIN.to_owned();
    config.server.insecure_cookies = true;
    config.database.url = Some(Protected::new(database.url()));
    config.database.owner_url = Some(Protected::new(database.owner_url()));
    config.database.max_connections = 12;
    config.keys.directory = Some(directory.join("keys"));
    config.keys.generate = Some(true);
    config.passwords.queue = 1_000;
    config.mail.transport = MailTransport::File;
    config.mail.directory = Some(mails(directory));
    let limits = &mut config.limits;
    for limit in [
        &mut limits.address_burst,
        &mut limits.address_per_minute,
        &mut limits.identifier_burst,
        &mut limits.identifier_per_minute,
        &mut limits.session_burst,
        &mut limits.session_per_minute,
    ] {
        *limit = 1_000_000;
    }
    config
}

async fn serve(config: Config, clock: &ManualClock) -> RunningServer {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let entropy = Entropy::seeded(SEED.fetch_add(1, Ordering::Relaxed));
    let mut server = Server::new(config, Arc::new(clock.clone()), entropy);
    server.hashing = Some(PasswordParams::insecure_for_simulation());
    server.start().await.expect("the server starts")
}
