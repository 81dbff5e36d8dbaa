//! `vitne config check` and `vitne config show`.

use super::outcome::say;
use super::{Context, Exit, Outcome};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Tell everything that is wrong with the configuration.
    Check,
    /// Print the settings in force, without secrets.
    Show,
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let config = context.load()?;
    match command {
        Command::Check => say("the configuration is fine\n")?,
        Command::Show => say(&config.show())?,
    }
    Ok(Exit::Fine)
}
