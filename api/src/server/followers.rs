//! What follows the log in this process: read models, the tree, mail, and the events of throttled sources.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vitne_domain::operation::{Operation, OperationCommand};
use vitne_domain::{Actor, EventContext, NetworkContext, id::CorrelationId};
use vitne_eventlog::tree::{Follower, FollowerOptions, LogSigner};
use vitne_projections::Projection;
use vitne_projections::runner::Runner;

use super::AppState;
use crate::limits::ThrottledWindow;
use crate::notices::Notices;

/// How often ended throttle windows are written to the log.
const WINDOWS: Duration = Duration::from_secs(5);

/// Starts the followers. The runner is given back because it stops by a call of its own.
pub(super) fn start(
    state: &AppState,
    runner: Runner,
    signer: LogSigner,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let clock = Arc::clone(&state.clock);
    let tree = Follower::new(
        state.database.server().clone(),
        signer,
        Arc::new(move || clock.now()),
        FollowerOptions::default(),
    );
    tasks.spawn(tree.run(state.log().watch_head(), stop.clone()));
    tasks.spawn(Notices::new(state).run(stop.clone()));
    tasks.spawn(throttled(state.clone(), stop.clone()));
    let stopped = stop.clone();
    tasks.spawn(async move {
        stopped.cancelled().await;
        runner.stop().await;
    });
}

/// Writes one event for each window in which a source was refused unread.
async fn throttled(state: AppState, stop: CancellationToken) {
    loop {
        let last = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(WINDOWS) => false,
        };
        let mut windows = state.limits.ended_windows(state.clock.now());
        if last {
            windows.extend(state.limits.open_windows());
        }
        let kept = write(&state, windows).await;
        if !kept.is_empty() && !last {
            state.limits.put_back(kept);
        }
        if last {
            return;
        }
    }
}

/// Gives back the windows that could not be written.
async fn write(state: &AppState, windows: Vec<ThrottledWindow>) -> Vec<ThrottledWindow> {
    let mut kept = Vec::new();
    for window in windows {
        let at = state.services.now();
        let context = EventContext {
            at,
            subject: None,
            actor: Actor::System,
            correlation: state.entropy.with(|rng| CorrelationId::new(at, rng)),
            causation: None,
            ceremony: None,
            session: None,
            device: None,
            network: NetworkContext::default(),
        };
        let mut unit = state.log().unit(context);
        let command = OperationCommand::RecordSourceThrottled {
            source: window.source.clone(),
            from: window.from,
            until: window.until,
            count: window.count,
        };
        let stream = format!("throttled.{}", window.source);
        let written = match unit.execute::<Operation>(&stream, command).await {
            Ok(()) => unit.commit().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(event = "limits.window_not_written", error);
            kept.push(window);
        }
    }
    kept
}

/// How often tables that a rebuild put aside are looked at; they go an hour after it.
const ASIDE: Duration = Duration::from_secs(600);

/// Builds read models whose version is newer than what the database has, beside the old ones.
pub(super) async fn renew(state: AppState, outdated: Vec<Arc<dyn Projection>>, stop: CancellationToken) {
    let context = state.replay();
    if let Err(error) = vitne_replay::clean_abandoned(&context).await {
        tracing::warn!(event = "projections.not_cleaned", error = %error);
    }
    for projection in outdated {
        let rebuilt = tokio::select! {
            () = stop.cancelled() => return,
            rebuilt = vitne_replay::rebuild(&context, projection.name(), 1) => rebuilt,
        };
        match rebuilt {
            Ok(report) => {
                tracing::info!(event = "projections.renewed", projection = projection.name(), report = %report)
            }
            Err(error) => {
                tracing::error!(event = "projections.not_renewed", projection = projection.name(), error = %error)
            }
        }
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ASIDE) => {}
        }
        if let Err(error) = vitne_projections::runner::drop_retired(state.database.owner()).await {
            tracing::warn!(event = "projections.not_cleaned", error = %error);
        }
    }
}
