//! A database opened for a command: beside a running server, or alone.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Context, Exit, Failure};
use crate::backing::{Backing, Foundation};
use crate::clock::Entropy;
use crate::config::{Config, KeyRing};

/// Where to look, for commands that may look at the demo as well as at a deployment.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Where {
    /// Look at the demo that keeps its things in this directory.
    #[arg(long, value_name = "DIRECTORY")]
    demo: Option<PathBuf>,
}

/// A database, its keys and its settings.
pub(super) struct Workbench {
    pub(super) config: Config,
    pub(super) keys: KeyRing,
    pub(super) backing: Backing,
    pub(super) entropy: Entropy,
}

impl Workbench {
    /// Opens the database without changing its schema. A private PostgreSQL that another Vitne runs is
    /// used as it is; otherwise one is started for as long as the command runs.
    pub(super) async fn open(context: &Context, place: &Where) -> Result<Self, Failure> {
        let config = match &place.demo {
            Some(directory) => super::demo::settings_in(directory)?,
            None => context.load()?,
        };
        let entropy = Entropy::from_os()?;
        let keys = KeyRing::open(&config, &entropy)?;
        let backing = match &config.database.url {
            Some(_) => Backing::open(&config).await?,
            None => Foundation::lay_or_join(&config).await?.open().await?,
        };
        Ok(Self { config, keys, backing, entropy })
    }

    /// What rebuilding, comparing and travelling in time work with.
    pub(super) async fn replay(&self) -> Result<(vitne_replay::Context, vitne_eventlog::Log), Failure> {
        let pool = self.backing.database.server().clone();
        let log = crate::server::open_log(&self.config, &self.keys, &self.entropy, pool.clone()).await?;
        let context = vitne_replay::Context {
            owner: self.backing.database.owner().clone(),
            server: pool,
            source: Arc::new(log.clone()),
            projections: vitne_projections::all(),
        };
        Ok((context, log))
    }
}

impl From<vitne_eventlog::OpenError> for Failure {
    fn from(error: vitne_eventlog::OpenError) -> Self {
        let exit = match error {
            vitne_eventlog::OpenError::Keys(_) => Exit::Config,
            vitne_eventlog::OpenError::Database(_) => Exit::Unavailable,
        };
        Self::new(exit, error.to_string())
    }
}
