//! `vitne verify`: what the database holds against its proofs.

use std::sync::Arc;

use vitne_eventlog::seal::{KeyEncryption, LocalKeyEncryption};
use vitne_eventlog::tree::LogSigner;
use vitne_eventlog::tree::verify::{SealedBodies, verify_database};

use super::outcome::say;
use super::workbench::{Where, Workbench};
use super::{Context, Exit, Failure, Outcome, block_on};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read the whole database once: every event against its leaf, every tile, every checkpoint, every
    /// body whose key lives. Says what is wrong, row by row.
    Database {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Where,
    },
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let Command::Database { json, place } = command;
    block_on(async move {
        let bench = Workbench::open(context, &place).await?;
        let outcome = database(&bench, json).await;
        bench.backing.close().await;
        outcome
    })
}

async fn database(bench: &Workbench, json: bool) -> Outcome {
    let signer = LogSigner::from_seed(&bench.config.log.origin, bench.keys.log_signing.expose())
        .map_err(|error| Failure::new(Exit::Config, format!("log.origin: {error}")))?;
    let keys = std::iter::once(&bench.keys.key_encryption).chain(&bench.keys.key_encryption_previous);
    let keys: Vec<Arc<dyn KeyEncryption>> =
        keys.map(|key| Arc::new(LocalKeyEncryption::new(*key.expose())) as Arc<dyn KeyEncryption>).collect();
    let pool = bench.backing.database.server().clone();
    let bodies = SealedBodies::new(pool.clone(), keys);
    let report = verify_database(&pool, signer.verifier(), Some(&bodies), &mut |_, _| {})
        .await
        .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let clean = report.is_clean();
    let text = match json {
        true => serde_json::to_string_pretty(&report).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?,
        false => report.to_string(),
    };
    say(&format!("{}\n", text.trim_end()))?;
    Ok(if clean { Exit::Fine } else { Exit::Found })
}
