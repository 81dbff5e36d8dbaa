//! Histories: simulated people who live with the real services under a simulated clock.
//!
//! What a person does is decided by dice of their own and by what the services answer, and each person
//! has services of their own over the shared log, with an own clock and own randomness. People live
//! side by side, day by day, so each person's events are the same for a seed in number, order and
//! content; how people's events are mixed within a day is decided by who gets to the log first.
//! Recorded times, event identifiers and the nonces and salts of sealing are the log's own and differ.

mod acts;
mod browser;
mod dice;
mod habits;
mod incidents;
mod person;
mod report;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Days, Utc};
use futures::{StreamExt, stream};
use vitne_domain::Protected;
use vitne_domain::account::password::PasswordParams;
use vitne_domain::id::CeremonyId;
use vitne_domain::session::SessionLimits;
use vitne_domain::token::LinkToken;
use vitne_eventlog::{Log, ReadError};

use crate::service::{Hasher, HasherSettings, ServiceError, ServiceKeys, ServiceSettings};
pub use person::{Identity, Person};
pub use report::{Report, events_by_type};

/// What all people share.
#[derive(Clone)]
pub struct World {
    /// The log they write to.
    pub log: Log,
    /// Where their passwords are hashed.
    pub hasher: Hasher,
    /// The services' keys.
    pub keys: ServiceKeys,
    /// The services' settings.
    pub settings: ServiceSettings,
}

impl World {
    /// A world whose passwords cost next to nothing to hash, and protect nothing.
    pub fn cheap(log: Log, keys: ServiceKeys) -> Self {
        let settings = ServiceSettings {
            password: PasswordParams::insecure_for_simulation(),
            sessions: SessionLimits::default(),
            trust_days: 30,
            issuer: "Vitne".to_owned(),
        };
        Self { log, hasher: Hasher::new(HasherSettings { workers: 2, queue: 4096 }), keys, settings }
    }
}

/// How much is to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many people.
    pub people: u64,
    /// For how many days.
    pub days: u32,
    /// What everything is derived from.
    pub seed: u64,
    /// Midnight before the first day.
    pub from: DateTime<Utc>,
    /// How many people act at the same time.
    pub at_once: usize,
}

/// Why a simulation stopped.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// A service failed: not an expected outcome.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// The log could not be read.
    #[error("{0}")]
    Log(#[from] ReadError),
    /// The story cannot be told here.
    #[error("{0}")]
    Story(String),
}

/// Simulates. `told` hears after each day how many of them are over.
pub async fn run(world: &World, plan: Plan, mut told: impl FnMut(u32)) -> Result<Report, SimulationError> {
    let before = world.log.head().await?;
    let mut people = (0..plan.people)
        .map(|number| Person::numbered(world, plan.seed, number, plan.from))
        .collect::<Result<Vec<_>, _>>()?;
    for day in 0..plan.days {
        let midnight = plan.from.checked_add_days(Days::new(u64::from(day))).unwrap_or(plan.from);
        let living = people.into_iter().map(|mut person| {
            tokio::spawn(async move {
                Box::pin(person.live(day, midnight)).await?;
                Ok::<_, SimulationError>(person)
            })
        });
        let mut lived = stream::iter(living).buffered(plan.at_once.max(1));
        let mut after = Vec::with_capacity(usize::try_from(plan.people).unwrap_or(0));
        while let Some(person) = lived.next().await {
            after.push(person.map_err(|error| SimulationError::Story(format!("a person's task ended: {error}")))??);
        }
        people = after;
        told(day + 1);
    }
    let refused = report::refusals(&people);
    Ok(Report { people: plan.people, days: plan.days, before, last: world.log.head().await?, refused })
}

/// The text of a ceremony's e-mail link, as the follower that sends mail makes it.
fn link(keys: &ServiceKeys, ceremony: CeremonyId) -> Protected {
    let secret = URL_SAFE_NO_PAD.encode(keys.link_secret(ceremony));
    Protected::new(format!("{}{}.{secret}", LinkToken::PREFIX, URL_SAFE_NO_PAD.encode(ceremony.0.as_bytes())))
}
