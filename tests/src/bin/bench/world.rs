//! The database under measurement: a private PostgreSQL of this run's own, with fsync on.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use vitne::backing::Backing;
use vitne::clock::{Clock, Entropy, SystemClock};
use vitne::config::{Config, KeyRing};
use vitne::server::open_log;
use vitne::service::ServiceKeys;
use vitne::simulate::{self, Plan};
use vitne_domain::id::CorrelationId;
use vitne_domain::{Actor, EventContext, NetworkContext};
use vitne_eventlog::Log;
use vitne_projections::runner::ensure;

use super::Outcome;

/// People who live this long write about this many events a head.
const DAYS: u32 = 60;
const EVENTS_A_PERSON: u64 = 560;

/// Everything that the parts share.
pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) config: Config,
    pub(crate) keys: KeyRing,
    pub(crate) entropy: Entropy,
    pub(crate) log: Log,
    backing: Backing,
    postmaster: u32,
}

impl World {
    pub(crate) async fn open() -> Outcome<Self> {
        let place = std::env::var_os("VITNE_BENCH_DIRECTORY").unwrap_or_else(|| "target".into());
        let directory = tempfile::Builder::new().prefix("vitne-bench-").tempdir_in(place)?;
        // PostgreSQL's own user walks through it.
        std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let path = std::fs::canonicalize(directory.path())?;
        let mut config = Config::default();
        config.database.data_dir.clone_from(&path);
        config.database.max_connections = 24;
        config.keys.directory = Some(path.join("keys"));
        config.keys.generate = Some(true);
        let entropy = Entropy::from_os()?;
        let keys = KeyRing::open(&config, &entropy)?;
        let backing = Backing::open(&config).await?;
        let log = open_log(&config, &keys, &entropy, backing.database.server().clone()).await?;
        let cluster = backing.cluster().ok_or("the bench runs on a private cluster")?;
        let postmaster = u32::try_from(cluster.pid())?;
        ensure(backing.database.owner(), &vitne_projections::all()).await?;
        Ok(Self { directory, config, keys, entropy, log, backing, postmaster })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn owner(&self) -> &PgPool {
        self.backing.database.owner()
    }

    pub(crate) fn server(&self) -> &PgPool {
        self.backing.database.server()
    }

    pub(crate) fn backing(&self) -> &Backing {
        &self.backing
    }

    pub(crate) fn service_keys(&self) -> ServiceKeys {
        ServiceKeys::new(*self.keys.identifier.expose())
    }

    /// Processor seconds of the database so far.
    pub(crate) fn postgres_cpu(&self) -> f64 {
        super::machine::postgres_cpu(self.postmaster)
    }

    pub(crate) fn replay(&self) -> vitne_replay::Context {
        vitne_replay::Context {
            owner: self.owner().clone(),
            server: self.server().clone(),
            source: Arc::new(self.log.clone()),
            projections: vitne_projections::all(),
        }
    }

    /// Writes about so many events of simulated people; tells where the log stands.
    pub(crate) async fn simulate(&self, events: u64, seed: u64) -> Outcome<u64> {
        let world = simulate::World::cheap(self.log.clone(), self.service_keys());
        let from = SystemClock.now() - TimeDelta::days(i64::from(DAYS) + 1);
        let from = from.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let people = (events / EVENTS_A_PERSON).max(1);
        let (started, own, database) = (Instant::now(), super::machine::own_cpu(), self.postgres_cpu());
        let report = simulate::run(&world, Plan { people, days: DAYS, seed, from, at_once: 64 }, |_| {}).await?;
        let seconds = started.elapsed().as_secs_f64();
        let written = report.events() as f64;
        println!(
            "(a) simulate: {people} people x {DAYS} days: {} events in {seconds:.0} s = {:.0} events/s; processor time per event: {:.0} us here, {:.0} us PostgreSQL; load {}",
            report.events(),
            written / seconds,
            (super::machine::own_cpu() - own) / written * 1e6,
            (self.postgres_cpu() - database) / written * 1e6,
            super::machine::load()
        );
        sqlx::query("ANALYZE log.events").execute(self.owner()).await?;
        Ok(report.last.0)
    }

    /// Brings every read model up to the head.
    pub(crate) async fn rebuild_all(&self) -> Outcome<()> {
        let context = self.replay();
        let started = Instant::now();
        for projection in &context.projections {
            vitne_replay::rebuild(&context, projection.name(), 2).await?;
        }
        println!("    every read model rebuilt with two workers in {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    /// What events that this program writes itself share.
    pub(crate) fn context(&self, at: DateTime<Utc>) -> EventContext {
        EventContext {
            at,
            subject: None,
            actor: Actor::User,
            correlation: self.entropy.with(|rng| CorrelationId::new(at, rng)),
            causation: None,
            ceremony: None,
            session: None,
            device: None,
            network: NetworkContext::default(),
        }
    }

    pub(crate) async fn close(self) {
        self.log.close().await;
        self.backing.close().await;
    }
}
