//! `vitne serve`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Exit, Failure, Outcome, block_on};
use crate::clock::Entropy;
use crate::logging;
use crate::server::{RunningServer, Server};

pub(super) fn run(context: &Context) -> Outcome {
    let config = context.load()?;
    logging::init(config.logging.format, &config.logging.level)?;
    let server = Server::new(config, Arc::clone(&context.clock), Entropy::from_os()?);
    block_on(async move {
        let running = server.start().await?;
        until_stopped(running).await?;
        Ok(Exit::Fine)
    })
}

/// Serves until SIGTERM or SIGINT, then stops in order. A second signal is for somebody who cannot wait:
/// the process ends at once, and what was acknowledged is in the log all the same.
pub(super) async fn until_stopped(running: RunningServer) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::select! {
        () = running.stop() => Ok(()),
        _ = terminate.recv() => Err(Failure::new(Exit::Failed, "stopped at once, as a second signal asked")),
        _ = interrupt.recv() => Err(Failure::new(Exit::Failed, "stopped at once, as a second signal asked")),
    }
}
