//! The database under the server: a given one, or a private PostgreSQL that is started and stopped here.

use vitne_eventlog::database::{Cluster, ClusterError, ClusterSettings, Database, DatabaseError, DatabaseSettings};

use crate::config::Config;

/// The database's name in a private cluster.
const DATABASE: &str = "vitne";

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum BackingError {
    /// The private PostgreSQL could not be started.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// How to connect, with the private PostgreSQL running if there is one.
pub struct Foundation {
    cluster: Option<Cluster>,
    /// How to connect.
    pub settings: DatabaseSettings,
}

impl Foundation {
    /// Starts the private PostgreSQL where no database is configured.
    pub async fn lay(config: &Config) -> Result<Self, BackingError> {
        let (cluster, mut settings) = match &config.database.url {
            Some(url) => {
                let owner = config.database.owner_url.as_ref().map(vitne_domain::Protected::expose);
                (None, DatabaseSettings::from_urls(url.expose(), owner)?)
            }
            None => {
                let directory = config.database.data_dir.join("postgres");
                let cluster = Cluster::start(ClusterSettings::new(directory)).await?;
                let settings = DatabaseSettings::in_cluster(&cluster, DATABASE).await?;
                (Some(cluster), settings)
            }
        };
        settings.server_connections = config.database.max_connections;
        Ok(Self { cluster, settings })
    }

    /// As [`Foundation::lay`]; a private PostgreSQL that another Vitne already runs is used as it is.
    pub async fn lay_or_join(config: &Config) -> Result<Self, BackingError> {
        match Self::lay(config).await {
            Err(BackingError::Cluster(ClusterError::InUse { directory })) => {
                let settings = DatabaseSettings::beside(&directory, DATABASE)?;
                Ok(Self { cluster: None, settings })
            }
            laid => laid,
        }
    }

    /// The private cluster, if one is running.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Brings the schema up to date and opens the pools. Stops the private PostgreSQL if that fails.
    pub async fn open(self) -> Result<Backing, BackingError> {
        match Database::connect(&self.settings).await {
            Ok(database) => Ok(Backing { foundation: self, database }),
            Err(error) => {
                self.leave().await;
                Err(error.into())
            }
        }
    }

    /// Stops the private PostgreSQL and waits for its end.
    pub async fn leave(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// An open database.
pub struct Backing {
    foundation: Foundation,
    /// Its pools.
    pub database: Database,
}

impl Backing {
    /// Starts, migrates, opens.
    pub async fn open(config: &Config) -> Result<Self, BackingError> {
        Foundation::lay(config).await?.open().await
    }

    /// The private cluster, if this process runs one.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.foundation.cluster()
    }

    /// How it is connected to.
    pub fn settings(&self) -> &DatabaseSettings {
        &self.foundation.settings
    }

    /// Closes every connection, then stops the private PostgreSQL.
    pub async fn close(self) {
        self.database.close().await;
        self.foundation.leave().await;
    }
}
