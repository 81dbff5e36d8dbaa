//! What every handler works with.

use std::sync::Arc;

use vitne_eventlog::database::Database;
use vitne_gateways::Mailer;
use vitne_gateways::mail::{ConsoleMailer, FileMailer, SmtpMailer, SmtpSettings};

use super::{Server, StartError};
use crate::backing::Backing;
use crate::clock::{Clock, Entropy};
use crate::config::value::MailTransport;
use crate::config::{Config, KeyRing};
use crate::limits::{Limits, Rates};

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
}

/// Puts the state together.
pub(super) fn assemble(server: Server, keys: KeyRing, backing: &Backing) -> Result<AppState, StartError> {
    let Server { config, clock, entropy, mode } = server;
    let limits = Limits::new(backing.database.server().clone(), keys.identifier.expose(), Rates::from(&config.limits));
    Ok(AppState {
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
