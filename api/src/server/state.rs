//! What every handler works with.

use std::sync::Arc;

use vitne_domain::account::Language;
use vitne_domain::account::password::PasswordParams;
use vitne_domain::session::SessionLimits;
use vitne_eventlog::database::Database;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::tree::Tree;
use vitne_eventlog::{Log, LogOptions, OpenError};
use vitne_gateways::Mailer;
use vitne_gateways::mail::{ConsoleMailer, FileMailer, SmtpMailer, SmtpSettings};

use vitne_projections::runner::ReadModels;

use super::{Server, StartError};
use crate::backing::Backing;
use crate::clock::{Clock, Entropy};
use crate::config::value::MailTransport;
use crate::config::{Config, KeyRing};
use crate::graphql::GraphqlState;
use crate::limits::{Limits, Rates};
use crate::service::{Hasher, HasherSettings, ServiceKeys, ServiceSettings, Services};

/// What a server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// For real people.
    #[default]
    Production,
    /// For trying out: with the GraphQL explorer.
    Demo,
}

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The settings.
    pub config: Arc<Config>,
    /// What the server is for.
    pub mode: Mode,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
    /// Keys.
    pub keys: Arc<KeyRing>,
    /// The database's pools.
    pub database: Database,
    /// Limits on attempts.
    pub limits: Arc<Limits>,
    /// Mail.
    pub mailer: Arc<dyn Mailer>,
    /// What can be done on an account.
    pub services: Services,
    /// What can be read, and how far it has come.
    pub read_models: ReadModels,
    /// The tree over the log.
    pub tree: Tree,
}

impl AppState {
    /// The log.
    pub fn log(&self) -> &Log {
        self.services.log()
    }

    /// What GraphQL works with.
    pub fn graphql(&self) -> GraphqlState {
        GraphqlState {
            services: self.services.clone(),
            read_models: self.read_models.clone(),
            replay: self.replay(),
            tree: self.tree.clone(),
            limits: Arc::clone(&self.limits),
            cursor_key: *self.keys.cursor.expose(),
            wait: self.config.projections.wait.to_std().unwrap_or_default(),
            language: match self.config.languages.default.as_str() {
                "sv" => Language::Sv,
                "nb" => Language::Nb,
                _ => Language::En,
            },
            demo: self.mode == Mode::Demo,
        }
    }

    /// What rebuilding, comparing and travelling in time work with.
    pub fn replay(&self) -> vitne_replay::Context {
        vitne_replay::Context {
            owner: self.database.owner().clone(),
            server: self.database.server().clone(),
            source: Arc::new(self.log().clone()),
            projections: vitne_projections::all(),
        }
    }
}

/// What the state is put together with beside the server's own parts.
pub(super) struct Rooms {
    pub(super) log: Log,
    pub(super) read_models: ReadModels,
}

/// Puts the state together.
pub(super) fn assemble(server: Server, keys: KeyRing, backing: &Backing, rooms: Rooms) -> Result<AppState, StartError> {
    let Server { config, clock, entropy, mode, hashing } = server;
    let limits = Limits::new(backing.database.server().clone(), keys.identifier.expose(), Rates::from(&config.limits));
    let services = services(&config, hashing, &keys, rooms.log, Arc::clone(&clock), entropy.clone())?;
    Ok(AppState {
        services,
        read_models: rooms.read_models,
        tree: Tree::new(backing.database.server().clone()),
        mailer: mailer(&config)?,
        limits: Arc::new(limits),
        database: backing.database.clone(),
        keys: Arc::new(keys),
        config: Arc::new(config),
        mode,
        clock,
        entropy,
    })
}

/// Opens the log with the configured keys.
pub async fn open_log(
    config: &Config,
    keys: &KeyRing,
    entropy: &Entropy,
    pool: sqlx::PgPool,
) -> Result<Log, OpenError> {
    let mut seed = [0_u8; 32];
    entropy.with(|rng| rng.fill_bytes(&mut seed));
    let mut options = LogOptions::new(seed, Arc::new(LocalKeyEncryption::new(*keys.key_encryption.expose())));
    if let Some(previous) = &keys.key_encryption_previous {
        options.keys.push(Arc::new(LocalKeyEncryption::new(*previous.expose())));
    }
    options.queue = usize::try_from(config.log.queue).unwrap_or(options.queue);
    Log::open(pool, options).await
}

/// The services, as configured; `hashing` in the place of the configured parameters.
pub fn services(
    config: &Config,
    hashing: Option<PasswordParams>,
    keys: &KeyRing,
    log: Log,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
) -> Result<Services, StartError> {
    let given = &config.passwords;
    let password = match hashing {
        Some(hashing) => hashing,
        None => PasswordParams::new(given.memory_kib, given.iterations, given.parallelism)
            .map_err(|error| StartError::Services(error.to_string()))?,
    };
    let workers = match given.workers {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        workers => usize::try_from(workers).unwrap_or(1),
    };
    let hasher = Hasher::new(HasherSettings { workers, queue: usize::try_from(given.queue).unwrap_or(64) });
    let settings = ServiceSettings {
        password,
        sessions: SessionLimits { absolute: config.sessions.absolute, idle: config.sessions.idle },
        trust_days: u32::try_from(config.devices.trust.num_days()).unwrap_or(0),
        issuer: "Vitne".to_owned(),
    };
    let keys = ServiceKeys::new(*keys.identifier.expose());
    Services::new(log, hasher, clock, entropy, keys, settings).map_err(|error| StartError::Services(error.to_string()))
}

fn mailer(config: &Config) -> Result<Arc<dyn Mailer>, StartError> {
    let mail = &config.mail;
    Ok(match mail.transport {
        MailTransport::Console => Arc::new(ConsoleMailer::new(std::io::stdout())),
        MailTransport::File => {
            let directory = mail.directory.clone().unwrap_or_else(|| config.database.data_dir.join("mail"));
            Arc::new(FileMailer::new(directory, mail.from.clone()))
        }
        MailTransport::Smtp => {
            let url = mail.smtp_url.as_ref().map(|url| url.expose().to_owned()).unwrap_or_default();
            let timeout = mail.timeout.to_std().unwrap_or_default();
            let settings = SmtpSettings { url, from: mail.from.clone(), timeout };
            Arc::new(SmtpMailer::new(&settings).map_err(|error| StartError::Mail(error.to_string()))?)
        }
    })
}
