//! Log lines. What is written, and what never is, stands in `docs/reference/logging.md`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::value::LogFormat;

/// These libraries write statements, variables or messages at finer levels: whatever an operator asks
/// for, they stay at these.
const CAPS: [&str; 6] =
    ["sqlx=warn", "async_graphql=warn", "lettre=warn", "hyper=info", "tower_http=info", "cqrs_es=warn"];

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The directives cannot be read.
    #[error("logging.level: {0}")]
    Level(String),
    /// Somebody has set it up before.
    #[error("logging is already set up")]
    Twice,
}

fn filter(level: &str) -> Result<EnvFilter, LoggingError> {
    let wrong = |error: tracing_subscriber::filter::ParseError| LoggingError::Level(error.to_string());
    let mut filter = EnvFilter::builder().parse(level).map_err(wrong)?;
    for cap in CAPS {
        let directive = cap.parse().map_err(|_| LoggingError::Level(cap.to_owned()))?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

fn subscriber<W>(format: LogFormat, level: &str, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter(level)?).with_writer(writer).with_ansi(false);
    Ok(match format {
        LogFormat::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
        LogFormat::Text => Box::new(builder.compact().finish()),
    })
}

/// Sets up the process's log lines, on standard error, and the line that a panic writes.
pub fn init(format: LogFormat, level: &str) -> Result<(), LoggingError> {
    let subscriber = subscriber(format, level, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LoggingError::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Writes where a panic happened. Not its message: it may have been made from anything.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
    tracing::error!(event = "process.panic", place);
}

/// Everything that was logged, for tests that look for what must not be there.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    /// Captures every line, of every level, of the current thread until the guard is dropped.
    pub fn current_thread() -> Result<(Self, tracing::subscriber::DefaultGuard), LoggingError> {
        let capture = Self::default();
        let guard = tracing::subscriber::set_default(subscriber(LogFormat::Json, "trace", capture.clone())?);
        Ok((capture, guard))
    }

    /// Captures every line of the whole process, for as long as it runs.
    pub fn whole_process() -> Result<Self, LoggingError> {
        let capture = Self::default();
        let subscriber = subscriber(LogFormat::Json, "trace", capture.clone())?;
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LoggingError::Twice)?;
        std::panic::set_hook(Box::new(log_panic));
        Ok(capture)
    }

    /// What has been written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The secrets of `never` that were written. Empty is what a test wants.
    pub fn leaked<'a>(&self, never: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let text = self.text();
        never.into_iter().filter(|secret| !secret.is_empty() && text.contains(secret)).collect()
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_and_capped_libraries_stay_silent() {
        let (capture, guard) = Capture::current_thread().unwrap();
        tracing::info!(event = "test.line", number = 7);
        tracing::debug!(target: "sqlx::query", "SELECT 'hunter2'");
        tracing::debug!(target: "async_graphql", "password: hunter2");
        drop(guard);
        let text = capture.text();
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["event"], &line["number"]), (&"test.line".into(), &7.into()));
        assert_eq!(capture.leaked(["hunter2", "test.line"]), ["test.line"]);
    }

    #[test]
    fn a_wrong_level_is_told() {
        assert!(matches!(filter("vitne=loud"), Err(LoggingError::Level(_))));
        assert!(filter("info,vitne=debug").is_ok());
    }
}
