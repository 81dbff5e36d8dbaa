//! `vitne keys`: what others need to check proofs, and changing the key-encryption key.

use std::sync::Arc;

use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::tree::LogSigner;

use super::outcome::say;
use super::workbench::{Where, Workbench};
use super::{Context, Exit, Failure, Outcome, block_on};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the key that the log's checkpoints are checked with, as a C2SP signed-note verifier key. It
    /// is public: give it to everybody who is to check a proof.
    Verifier {
        #[command(flatten)]
        place: Where,
    },
    /// Wrap every secret under today's `keys.key_encryption`. Afterwards `keys.key_encryption_previous`
    /// is needed no more. No event is touched; the server may go on running.
    Rewrap {
        #[command(flatten)]
        place: Where,
    },
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    block_on(async move {
        let (Command::Verifier { place } | Command::Rewrap { place }) = &command;
        let bench = Workbench::open(context, place).await?;
        let outcome = match command {
            Command::Verifier { .. } => verifier(&bench),
            Command::Rewrap { .. } => rewrap(&bench).await,
        };
        bench.backing.close().await;
        outcome
    })
}

fn verifier(bench: &Workbench) -> Outcome {
    let signer = LogSigner::from_seed(&bench.config.log.origin, bench.keys.log_signing.expose())
        .map_err(|error| Failure::new(Exit::Config, format!("log.origin: {error}")))?;
    say(&format!("{}\n", signer.verifier()))?;
    Ok(Exit::Fine)
}

async fn rewrap(bench: &Workbench) -> Outcome {
    let (_, log) = bench.replay().await?;
    let key = Arc::new(LocalKeyEncryption::new(*bench.keys.key_encryption.expose()));
    let rewrapped = log.rewrap_all(key).await.map_err(|error| Failure::new(Exit::Failed, error.to_string()));
    log.close().await;
    say(&format!("{} secrets are wrapped anew\n", rewrapped?))?;
    Ok(Exit::Fine)
}
