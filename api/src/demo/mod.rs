//! The demo's people: four of them, who have lived with Vitne for a month when the demo first starts.

mod people;
mod story;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use vitne_domain::session::SessionLimits;

use crate::server::AppState;
use crate::service::{Hasher, HasherSettings, ServiceKeys, ServiceSettings};
use crate::simulate::{SimulationError, World};
pub use people::{Shown, text};

/// Who the people are, in the demo's directory.
const FILE: &str = "people.json";

/// How long the first start waits for the read models. They catch up anyway.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the demo has no people.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Their history could not be written.
    #[error("the demo's people could not be made: {0}; delete {} and start again", directory.display())]
    Story {
        /// Why.
        #[source]
        source: SimulationError,
        /// The demo's directory.
        directory: PathBuf,
    },
    /// Who they are could not be kept.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The demo's people: those of an earlier start, or new ones with a history that ends yesterday.
pub async fn people(state: &AppState, directory: &Path) -> Result<Vec<Shown>, DemoError> {
    let path = directory.join(FILE);
    let fault = |source| DemoError::File { path: path.clone(), source };
    if let Some(people) = people::read(&path).map_err(fault)? {
        return Ok(people);
    }
    let real = world(state);
    let cheap = World::cheap(real.log.clone(), real.keys.clone());
    let seed = state.entropy.with(|rng| rng.next_u64());
    let told = |source| DemoError::Story { source, directory: directory.to_owned() };
    let people = story::live(&cheap, &real, seed, state.clock.now()).await.map_err(told)?;
    people::write(&path, &people).map_err(fault)?;
    if let Ok(last) = state.log().head().await {
        // Whoever looks at once should see everything; a slow machine shows it a little later.
        let _ = state.read_models.wait_for("activity", last, PATIENCE).await;
    }
    Ok(people)
}

/// The server's own services, as people meet them today.
fn world(state: &AppState) -> World {
    let settings = ServiceSettings {
        password: vitne_domain::account::password::PasswordParams::default(),
        sessions: SessionLimits { absolute: state.config.sessions.absolute, idle: state.config.sessions.idle },
        trust_days: u32::try_from(state.config.devices.trust.num_days()).unwrap_or(30),
        issuer: "Vitne".to_owned(),
    };
    World {
        log: state.log().clone(),
        hasher: Hasher::new(HasherSettings { workers: 2, queue: 64 }),
        keys: ServiceKeys::new(*state.keys.identifier.expose()),
        settings,
    }
}
