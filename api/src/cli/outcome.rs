//! How commands end: one clear sentence, and an exit code that a script can tell apart.

use std::io::Write;
use std::process::ExitCode;

use crate::backing::BackingError;
use crate::config::ConfigError;
use crate::config::keys::KeyError;
use crate::server::StartError;

/// The end of `vitne --help`.
pub(super) const HELP: &str = "Exit codes: 0 fine; 1 looked and found something wrong; 2 wrong arguments; 3 wrong configuration or keys; \
4 database or network not available; 5 a fault";

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As it should be.
    Fine = 0,
    /// The command looked, and what it found is wrong.
    Found = 1,
    /// Wrong arguments.
    Usage = 2,
    /// Wrong configuration or keys.
    Config = 3,
    /// The database, an address or the disk is not available.
    Unavailable = 4,
    /// A fault.
    Failed = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure told in one sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<BackingError> for Failure {
    fn from(error: BackingError) -> Self {
        Self::new(Exit::Unavailable, error.to_string())
    }
}

impl From<crate::clock::EntropyError> for Failure {
    fn from(error: crate::clock::EntropyError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<crate::logging::LoggingError> for Failure {
    fn from(error: crate::logging::LoggingError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match error {
            StartError::Keys(_) | StartError::Mail(_) | StartError::Services(_) => Exit::Config,
            StartError::Log(vitne_eventlog::OpenError::Keys(_)) => Exit::Config,
            StartError::Log(_) | StartError::Projections(_) => Exit::Unavailable,
            StartError::Backing(_) | StartError::Listen { .. } => Exit::Unavailable,
            StartError::Metrics(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<vitne_replay::ReplayError> for Failure {
    fn from(error: vitne_replay::ReplayError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

/// How a command ended.
pub type Outcome = Result<Exit, Failure>;

/// Tells a failure and gives the exit code.
pub(super) fn finish(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "vitne: {}", failure.message);
            failure.exit.into()
        }
    }
}

/// Writes a command's answer. A reader that has gone away (`| head`) has seen enough.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
