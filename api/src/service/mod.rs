//! What can be done on an account: the application services behind every mutation.
//!
//! A service loads streams, lets the aggregates decide and commits one unit of work. It reads no read
//! model: what it decides rests on streams whose versions are conditions of the commit.

mod account;
mod cascade;
mod ceremonies;
mod completion;
mod devices;
mod enrolment;
mod error;
mod factors;
mod hasher;
mod keys;
mod not_me;
mod outcome;
mod passwords;
mod proofs;
mod refusals;
mod registration;
mod sessions;
mod throttle;
mod unit_of_work;
mod viewer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitne_domain::account::password::{self, PasswordParams};
use vitne_domain::device::Platform;
use vitne_domain::id::{AccountId, CorrelationId};
use vitne_domain::session::SessionLimits;
use vitne_domain::{Actor, EventContext, NetworkContext, Protected};
use vitne_eventlog::Log;

use crate::clock::{Clock, Entropy};

pub use account::ProfileChange;
pub use cascade::LossPreview;
pub use ceremonies::Begun;
pub use enrolment::{Authority, Enrolled, EnrolmentInput, EnrolmentStarted, ShownCode};
pub use error::{Refusal, ServiceError};
pub use hasher::{Hasher, HasherError, HasherSettings};
pub use keys::ServiceKeys;
pub use outcome::Done;
pub use proofs::{Proof, ProofInput, ProofOutcome, SessionOpened};
pub use registration::{LinkOutcome, Registration};
pub use viewer::Viewer;

/// What the services may be told from outside.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// How passwords are hashed from now on.
    pub password: PasswordParams,
    /// How long sessions live.
    pub sessions: SessionLimits,
    /// Days for which a device may be trusted, at most 30.
    pub trust_days: u32,
    /// The issuer shown by authenticator apps.
    pub issuer: String,
}

/// The services. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    log: Log,
    hasher: Hasher,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    keys: ServiceKeys,
    settings: ServiceSettings,
    windows: throttle::ThrottleWindows,
    /// What an unknown account's password is checked against, so that it costs what a known one costs.
    decoy: Protected,
}

/// Who asks, before anything is proved. Built from server state by the HTTP layer.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The request.
    pub correlation: CorrelationId,
    /// Where it came from.
    pub network: NetworkContext,
    /// The browser, by its signed cookie.
    pub device_cookie: Option<Uuid>,
    /// What the browser says it is.
    pub platform: Platform,
    /// The caller's idempotency key, if it gave one.
    pub idempotency: Option<String>,
}

impl Services {
    /// Composes the services. Hashes a decoy with today's parameters, which takes as long as a password
    /// check.
    pub fn new(
        log: Log,
        hasher: Hasher,
        clock: Arc<dyn Clock>,
        entropy: Entropy,
        keys: ServiceKeys,
        settings: ServiceSettings,
    ) -> Result<Self, ServiceError> {
        let decoy = password::decoy(settings.password).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let windows = throttle::ThrottleWindows::default();
        Ok(Self(Arc::new(Inner { log, hasher, clock, entropy, keys, settings, windows, decoy })))
    }

    /// The log that the services write to.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The keys that the notices follower derives links with.
    pub fn keys(&self) -> &ServiceKeys {
        &self.0.keys
    }

    /// Now, by the injected clock, to the millisecond: finer is not kept.
    pub fn now(&self) -> DateTime<Utc> {
        use chrono::SubsecRound;
        self.0.clock.now().trunc_subsecs(3)
    }

    fn context(&self, caller: &Caller, subject: Option<AccountId>, actor: Actor, at: DateTime<Utc>) -> EventContext {
        EventContext {
            at,
            subject,
            actor,
            correlation: caller.correlation,
            causation: None,
            ceremony: None,
            session: None,
            device: None,
            network: caller.network.clone(),
        }
    }
}
