//! The command line. One file a command.

mod config;
mod demo;
mod docs;
mod doctor;
mod events;
mod keys;
mod outcome;
mod replay;
mod serve;
mod simulate;
mod verify;
mod workbench;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{Config, ConfigError, FILE_VARIABLE};
pub use outcome::{Exit, Failure, Outcome};

/// An authentication backend that can testify.
#[derive(Debug, Parser)]
#[command(name = "vitne", version, about, after_help = outcome::HELP)]
struct Arguments {
    /// The configuration file; without it VITNE_CONFIG, or vitne.toml if it is there.
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve,
    /// Run the server for trying out, with a database and a mail directory of its own.
    Demo(demo::Arguments),
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: config::Command,
    },
    /// Look at the configuration, the keys and the database, and say what is wrong.
    Doctor,
    /// Check what the database holds against its proofs.
    Verify {
        #[command(subcommand)]
        command: verify::Command,
    },
    /// Rebuild, compare and travel in time.
    Replay {
        #[command(subcommand)]
        command: replay::Command,
    },
    /// Write the histories of simulated people into a database.
    Simulate(simulate::Arguments),
    /// The log's public key, and a new key-encryption key.
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
    /// Print the catalogue of events.
    Events(events::Arguments),
    /// Write the documents that are made from the program.
    Docs(docs::Arguments),
}

/// What every command is given.
pub struct Context {
    config: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl Context {
    /// Reads the configuration.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Config::load(self.config.as_deref(), environment)
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, clock: Arc<dyn Clock>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for; everything else is a mistake.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Fine.into() };
        }
    };
    let config = arguments.config.or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from));
    let context = Context { config, clock };
    let outcome = match arguments.command {
        Command::Serve => serve::run(&context),
        Command::Demo(arguments) => demo::run(&context, arguments),
        Command::Config { command } => config::run(&context, command),
        Command::Doctor => doctor::run(&context),
        Command::Verify { command } => verify::run(&context, command),
        Command::Replay { command } => replay::run(&context, command),
        Command::Simulate(arguments) => simulate::run(&context, arguments),
        Command::Keys { command } => keys::run(&context, command),
        Command::Events(arguments) => events::run(arguments),
        Command::Docs(arguments) => docs::run(arguments),
    };
    outcome::finish(outcome)
}

/// Runs a command's asynchronous part.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Exit::Failed, format!("no threads could be started: {error}")))?;
    runtime.block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(arguments: &[&str]) -> ExitCode {
        let arguments = std::iter::once("vitne").chain(arguments.iter().copied()).map(OsString::from);
        run(arguments, Arc::new(crate::clock::SystemClock))
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn exit_codes_are_those_of_the_help() {
        assert_eq!(exit(&["events"]), ExitCode::from(0));
        assert_eq!(exit(&["--help"]), ExitCode::from(0));
        assert_eq!(exit(&["sevre"]), ExitCode::from(2));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("vitne.toml");
        std::fs::write(&file, "[server]\nlisen = 1\n").unwrap();
        let file = file.display().to_string();
        assert_eq!(exit(&["config", "check", "--config", &file]), ExitCode::from(3));
        assert_eq!(exit(&["serve", "--config", &file]), ExitCode::from(3));
        assert_eq!(exit(&["config", "show", "--config", "/nonexistent"]), ExitCode::from(3));
    }
}
