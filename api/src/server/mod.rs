//! The composition: every room of the house, put together once and taken down in order.

mod followers;
mod probes;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitne_domain::account::password::PasswordParams;
use vitne_eventlog::tree::LogSigner;
use vitne_projections::runner::{self, Runner, RunnerOptions};

use crate::backing::{Backing, BackingError};
use crate::clock::{Clock, Entropy};
use crate::config::keys::KeyError;
use crate::config::{Config, KeyRing};
use crate::graphql;
use crate::http::cookies::CookieProfile;
use crate::http::guard::Bounds;
use crate::http::router::{self, Frame};
use crate::http::{RequestSettings, address, listener, log_routes, metrics};
pub use state::{AppState, Mode, open_log, services};

const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// How long a repeated request is recognised by its idempotency key.
const ANSWERS_KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No database.
    #[error(transparent)]
    Backing(#[from] BackingError),
    /// No keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Mail cannot be sent as configured.
    #[error("mail: {0}")]
    Mail(String),
    /// The address is taken or not ours.
    #[error("{address} cannot be listened on: {error}; change {setting} or stop what listens there")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Which setting gives it.
        setting: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// The log does not open.
    #[error(transparent)]
    Log(#[from] vitne_eventlog::OpenError),
    /// The read models' tables cannot be made.
    #[error("the read models' tables cannot be made: {0}")]
    Projections(sqlx::Error),
    /// The services cannot be composed as configured.
    #[error("{0}")]
    Services(String),
    /// Measurements cannot be taken.
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// What a server is made from.
pub struct Server {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
    /// What it is for.
    pub mode: Mode,
    /// Hashing parameters in the place of the configured ones: cheap ones, for tests and simulations.
    pub hashing: Option<PasswordParams>,
}

/// A server that answers. Stop it with [`RunningServer::stop`].
pub struct RunningServer {
    /// Where it listens; the port is the real one when the configured one was 0.
    pub address: SocketAddr,
    /// What its handlers work with.
    pub state: AppState,
    backing: Backing,
    stop: CancellationToken,
    listeners: TaskTracker,
    followers: TaskTracker,
}

impl Server {
    /// A server for the given settings.
    pub fn new(config: Config, clock: Arc<dyn Clock>, entropy: Entropy) -> Self {
        Self { config, clock, entropy, mode: Mode::Production, hashing: None }
    }

    /// Starts it: keys, database, log, followers, and last the listener, so that whoever is answered is
    /// answered whole.
    pub async fn start(self) -> Result<RunningServer, StartError> {
        let keys = KeyRing::open(&self.config, &self.entropy)?;
        let backing = Backing::open(&self.config).await?;
        match self.start_on(keys, &backing).await {
            Ok(started) => Ok(started.with(backing)),
            Err(error) => {
                backing.close().await;
                Err(error)
            }
        }
    }

    async fn start_on(self, keys: KeyRing, backing: &Backing) -> Result<Started, StartError> {
        let recorder = metrics::recorder()?;
        let listen = self.config.server.listen;
        let listener = bind(listen, "server.listen").await?;
        let address = listener.local_addr().unwrap_or(listen);
        let own_metrics = match self.config.logging.metrics_listen {
            Some(address) => Some(bind(address, "logging.metrics_listen").await?),
            None => None,
        };
        let projections = vitne_projections::all();
        let ensured = runner::ensure(backing.database.owner(), &projections).await.map_err(StartError::Projections)?;
        let pool = backing.database.server().clone();
        let log = state::open_log(&self.config, &keys, &self.entropy, pool.clone()).await?;
        let signer = LogSigner::from_seed(&self.config.log.origin, keys.log_signing.expose())
            .map_err(|error| StartError::Services(format!("log.origin: {error}")))?;
        let running = Runner::start(pool, Arc::new(log.clone()), projections, RunnerOptions::default());
        let rooms = state::Rooms { log, read_models: running.read_models() };
        let state = state::assemble(self, keys, backing, rooms)?;
        let (stop, listeners, tasks) = (CancellationToken::new(), TaskTracker::new(), TaskTracker::new());
        followers::start(&state, running, signer, &tasks, &stop);
        tasks.spawn(followers::renew(state.clone(), ensured.outdated, stop.clone()));
        tasks.spawn(housekeeping(state.clone(), recorder.clone(), stop.clone()));
        let grace = state.config.server.shutdown_grace.to_std().unwrap_or_default();
        if let Some(listener) = own_metrics {
            let routes = router::metrics_only(recorder.clone());
            listeners.spawn(listener::serve(listener, routes, stop.clone(), grace));
        }
        let shared = state.config.logging.metrics_listen.is_none().then_some(recorder);
        let app = router::framed(routes(&state), frame(&state, shared));
        listeners.spawn(listener::serve(listener, app, stop.clone(), grace));
        tracing::info!(event = "server.started", address = %address, version = env!("CARGO_PKG_VERSION"));
        Ok(Started { address, state, stop, listeners, followers: tasks })
    }
}

struct Started {
    address: SocketAddr,
    state: AppState,
    stop: CancellationToken,
    listeners: TaskTracker,
    followers: TaskTracker,
}

impl Started {
    fn with(self, backing: Backing) -> RunningServer {
        let Self { address, state, stop, listeners, followers } = self;
        RunningServer { address, state, backing, stop, listeners, followers }
    }
}

impl RunningServer {
    /// Stops: accepts nothing more, finishes the requests it accepted, then the followers, then what the
    /// log has queued, then the connections, and last the private PostgreSQL.
    pub async fn stop(self) {
        tracing::info!(event = "server.stopping");
        self.stop.cancel();
        self.listeners.close();
        self.listeners.wait().await;
        self.followers.close();
        self.followers.wait().await;
        self.state.log().close().await;
        self.backing.close().await;
        tracing::info!(event = "server.stopped");
    }
}

async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, setting, error })
}

/// Every route of every room.
fn routes(state: &AppState) -> Router {
    log_routes::routes(state.tree.clone()).merge(graphql::router(state.graphql()))
}

fn frame(state: &AppState, metrics: Option<metrics_exporter_prometheus::PrometheusHandle>) -> Frame {
    let config = &state.config;
    let cookies = if config.server.insecure_cookies { CookieProfile::Insecure } else { CookieProfile::Secure };
    let requests = RequestSettings {
        proxies: address::TrustedProxies { ranges: config.proxies.trusted.clone(), header: config.proxies.header },
        origins: config.origins(),
        cookies,
        cookie_keys: state.keys.cookie_keys(),
        clock: Arc::clone(&state.clock),
        entropy: state.entropy.clone(),
    };
    Frame {
        requests: Arc::new(requests),
        bounds: Bounds {
            body: usize::try_from(config.server.body_limit).unwrap_or(usize::MAX),
            time: config.server.request_timeout.to_std().unwrap_or_default(),
        },
        https: config.is_https(),
        probes: Arc::new(probes::all(state)),
        metrics,
    }
}

/// What has to be done every few seconds and waits for nobody.
async fn housekeeping(
    state: AppState,
    recorder: metrics_exporter_prometheus::PrometheusHandle,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(HOUSEKEEPING) => {}
        }
        recorder.run_upkeep();
        let old = state.clock.now() - ANSWERS_KEPT;
        if let Err(error) = state.log().forget_answers(old, 1_000).await {
            tracing::warn!(event = "log.answers_not_forgotten", error = %error);
        }
        if let Err(error) = state.limits.sweep(state.clock.now()).await {
            tracing::warn!(event = "limits.sweep_failed", error = %error);
        }
    }
}

#[cfg(test)]
mod tests;
