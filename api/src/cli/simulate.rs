//! `vitne simulate`: writes histories.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use tokio::time::Instant;
use vitne_domain::Protected;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{Log, LogOptions};

use super::outcome::say;
use super::{Context, Exit, Failure, Outcome, block_on};
use crate::backing::Backing;
use crate::clock::Entropy;
use crate::config::{Config, KeyRing};
use crate::logging;
use crate::service::ServiceKeys;
use crate::simulate::{self, Plan, Report, SimulationError, World};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How many people.
    #[arg(long, default_value_t = 100)]
    people: u64,
    /// For how many days.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// What everything is derived from: the same seed tells the same stories.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first day.
    #[arg(long, default_value = "2026-01-05", value_name = "DATE")]
    from: NaiveDate,
    /// How many people act at the same time.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// Where keys, and without --database-url a private database, are kept.
    #[arg(long, default_value = "vitne-simulated", value_name = "DIRECTORY")]
    directory: PathBuf,
    /// A database to write to, as the role that may only append.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The same database as its owner, for migrations.
    #[arg(long, value_name = "URL", requires = "database_url")]
    owner_url: Option<String>,
}

pub(super) fn run(_context: &Context, arguments: Arguments) -> Outcome {
    let config = settings(&arguments);
    logging::init(config.logging.format, &config.logging.level)?;
    // The keys come from the seed, because the identifiers of claims and the hashes of mailed links are
    // made with them. The people are not real, and anybody who knows the seed knows all about them.
    let keys = KeyRing::open(&config, &Entropy::seeded(arguments.seed))?;
    block_on(async move {
        let backing = Backing::open(&config).await?;
        let told = simulated(&arguments, &keys, &backing).await;
        backing.close().await;
        say(&told?)?;
        Ok(Exit::Fine)
    })
}

/// The settings. No configuration file is read: a simulation must not touch a real deployment.
fn settings(arguments: &Arguments) -> Config {
    let mut config = Config::default();
    config.database.data_dir.clone_from(&arguments.directory);
    config.database.url = arguments.database_url.clone().map(Protected::new);
    config.database.owner_url = arguments.owner_url.clone().map(Protected::new);
    config.database.max_connections = 24;
    config.keys.directory = Some(arguments.directory.join("keys"));
    config.keys.generate = Some(true);
    config.logging.level = "warn".to_owned();
    config
}

async fn simulated(arguments: &Arguments, keys: &KeyRing, backing: &Backing) -> Result<String, Failure> {
    let mut seed = [0_u8; 32];
    Entropy::from_os()?.with(|rng| rng.fill_bytes(&mut seed));
    let key = Arc::new(LocalKeyEncryption::new(*keys.key_encryption.expose()));
    let log = Log::open(backing.database.server().clone(), LogOptions::new(seed, key)).await?;
    let world = World::cheap(log.clone(), ServiceKeys::new(*keys.identifier.expose()));
    let plan = Plan {
        people: arguments.people,
        days: arguments.days,
        seed: arguments.seed,
        from: DateTime::<Utc>::from_naive_utc_and_offset(arguments.from.and_time(NaiveTime::MIN), Utc),
        at_once: arguments.at_once,
    };
    let started = Instant::now();
    let report = simulate::run(&world, plan, |_| {}).await?;
    let seconds = started.elapsed().as_secs_f64();
    log.close().await;
    let types = simulate::events_by_type(backing.database.server(), report.before).await;
    let types = types.map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
    Ok(text(&report, seconds, &types))
}

fn text(report: &Report, seconds: f64, types: &[(String, i64)]) -> String {
    let rate = report.events() as f64 / seconds.max(f64::EPSILON);
    let mut text = format!(
        "{} people lived {} days: {} events in {seconds:.1} s, {rate:.0} events/s; the log stands at {}\n",
        report.people,
        report.days,
        report.events(),
        report.last.0
    );
    for (name, count) in types {
        text.push_str(&format!("{count:>10}  {name}\n"));
    }
    if !report.refused.is_empty() {
        text.push_str("Refused, as it should be:\n");
    }
    for (reason, count) in &report.refused {
        text.push_str(&format!("{count:>10}  {reason}\n"));
    }
    text
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Story(story) => Self::new(Exit::Found, story),
            SimulationError::Log(_) => Self::new(Exit::Unavailable, error.to_string()),
            SimulationError::Service(_) => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
