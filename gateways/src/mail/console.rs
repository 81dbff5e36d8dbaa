//! Mail that is shown on the console: for trying things out.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{MailError, Mailer, Message, check};

/// Writes every message, whole, to a stream that somebody watches.
pub struct ConsoleMailer {
    out: Mutex<Box<dyn Write + Send>>,
}

impl ConsoleMailer {
    /// Writes to `out`.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Mutex::new(Box::new(out)) }
    }
}

#[async_trait]
impl Mailer for ConsoleMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        check(message)?;
        let indented = message.text.trim_end().replace('\n', "\n    ");
        let text = format!("\n  mail to {}: {}\n    {indented}\n\n", message.to, message.subject);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| MailError::Write(error.kind()))
    }
}
