//! The configuration: one typed file, overridden by the environment, read once at the start.
//!
//! An unknown key is fatal, all problems are told at once, and secrets are never shown.

pub mod document;
pub mod keys;
pub mod secret;
pub mod sections;
pub mod source;
mod validate;
pub mod value;

use std::path::{Path, PathBuf};

pub use keys::KeyRing;
pub use sections::{
    Database, Devices, Keys, Languages, Limits, Log, Logging, Mail, Passwords, Projections, Proxies, Server, Sessions,
};
pub use source::{FILE_VARIABLE, Problem};
use source::{KeyDoc, Section, Source};

/// The file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "vitne.toml";

macro_rules! config {
    ($($(#[$doc:meta])* $field:ident: $type:ident,)*) => {
        /// Every setting.
        #[derive(Clone, Debug, Default)]
        pub struct Config {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Config {
            fn read(source: &mut Source<'_>) -> Self {
                Self { $($field: $type::read(source),)* }
            }

            /// Every section with its text and its keys.
            pub fn reference() -> Vec<(&'static str, String, Vec<KeyDoc>)> {
                vec![$(($type::NAME, $type::doc(), $type::keys()),)*]
            }

            fn show_sections(&self) -> Vec<(&'static str, Vec<(&'static str, Option<String>)>)> {
                vec![$(($type::NAME, self.$field.show()),)*]
            }
        }
    };
}

config! {
    /// Where the server listens.
    server: Server,
    /// Proxies before it.
    proxies: Proxies,
    /// The database.
    database: Database,
    /// Keys.
    keys: Keys,
    /// The log.
    log: Log,
    /// Password hashing.
    passwords: Passwords,
    /// Sessions.
    sessions: Sessions,
    /// Trusted devices.
    devices: Devices,
    /// Limits on attempts.
    limits: Limits,
    /// Mail.
    mail: Mail,
    /// Read models.
    projections: Projections,
    /// Log lines.
    logging: Logging,
    /// Languages.
    languages: Languages,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or not readable.
    #[error("the configuration file {} cannot be read: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not TOML: {message}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// Something in it is wrong; everything that is wrong is listed.
    #[error("the configuration has {} problem{}:{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, list(.0))]
    Problems(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  - {problem}")).collect()
}

impl Config {
    /// Reads the file (if one is named, or stands at the usual place) and the environment.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let path = match file {
            Some(path) => Some(path),
            None => Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let text = match path {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })?
            }
            None => String::new(),
        };
        let directory = path.and_then(Path::parent).unwrap_or(Path::new(""));
        Self::parse(&text, path.unwrap_or(Path::new(DEFAULT_FILE)), directory, environment)
    }

    /// Reads the text of a file; relative paths in it start at `directory`.
    pub fn parse(
        text: &str,
        path: &Path,
        directory: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let syntax =
            |error: toml::de::Error| ConfigError::Syntax { path: path.to_owned(), message: syntax_error(text, &error) };
        let table = text.parse::<toml::Table>().map_err(syntax)?;
        let mut problems = Vec::new();
        let mut source = Source::new(table, directory, environment, &mut problems);
        let mut config = Self::read(&mut source);
        let known: Vec<_> = Self::reference().into_iter().map(|(name, _, keys)| (name, keys)).collect();
        source.reject_unknown(&known);
        config.anchor(directory);
        config.validate(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Problems(problems)) }
    }

    /// Makes the paths that the file names relative to the file, and fills those that hang on another.
    fn anchor(&mut self, directory: &Path) {
        let data = directory.join(&self.database.data_dir);
        let within = |path: &Option<PathBuf>, name: &str| match path {
            Some(path) => directory.join(path),
            None => data.join(name),
        };
        self.keys.directory = Some(within(&self.keys.directory, "keys"));
        self.mail.directory = Some(within(&self.mail.directory, "mail"));
        self.database.data_dir = data;
    }

    /// The origins whose pages may act for their users: the public one first.
    pub fn origins(&self) -> Vec<String> {
        let mut origins = vec![self.server.public_url.trim_end_matches('/').to_owned()];
        origins.extend(self.server.origins.iter().map(|origin| origin.trim_end_matches('/').to_owned()));
        origins
    }

    /// Whether browsers reach the server over TLS.
    pub fn is_https(&self) -> bool {
        self.server.public_url.starts_with("https://")
    }
}

/// The place and the reason, without quoting the line: it may hold a secret.
fn syntax_error(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests;
