//! Mail.

mod console;
mod file;
pub mod simulator;
mod smtp;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

pub use console::ConsoleMailer;
pub use file::FileMailer;
pub use smtp::{SmtpMailer, SmtpSettings};

/// A message to one person. Its text may hold a link or a code: it never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Names the message for ever: sent twice, it is the same message. Becomes the Message-ID
    /// (RFC 5322 §3.6.4), so that a mailbox can drop the second one.
    pub key: String,
    /// The recipient's address, without a name.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text, lines ended by `\n`.
    pub text: String,
    /// When it became due, by the injected clock.
    pub at: DateTime<Utc>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("key", &self.key).field("to", &masked(&self.to)).finish_non_exhaustive()
    }
}

/// Why a message did not go out. Never holds the full address or the server's words, which may quote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The message cannot be sent to anybody, ever.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// The server will not take it, now or later.
    #[error("the mail server refused the message for good (SMTP {code})")]
    Refused {
        /// Its reply code (RFC 5321 §4.2.3).
        code: u16,
    },
    /// The server does not take it at present.
    #[error("the mail server does not take the message at present (SMTP {code})")]
    Deferred {
        /// Its reply code.
        code: u16,
    },
    /// The server did not answer in time. It may have taken the message.
    #[error("the mail server did not answer in time")]
    Timeout,
    /// No server, no encryption, or the connection broke.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(&'static str),
    /// The directory or the console could not be written.
    #[error("the mail could not be written: {0}")]
    Write(std::io::ErrorKind),
}

impl MailError {
    /// Whether trying again is of no use.
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Refused { .. })
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one message. `Ok` means that somebody else is now responsible for it.
    async fn send(&self, message: &Message) -> Result<(), MailError>;
}

/// An address as it may be shown to somebody who knows it: `a•••@e•••.se`.
pub fn masked(address: &str) -> String {
    let mask = |text: &str| text.chars().next().map_or_else(String::new, |first| format!("{first}•••"));
    match address.rsplit_once('@') {
        Some((user, domain)) => match domain.rsplit_once('.') {
            Some((name, top)) => format!("{}@{}.{top}", mask(user), mask(name)),
            None => format!("{}@{}", mask(user), mask(domain)),
        },
        None => mask(address),
    }
}

/// What every sender checks: a line break in a header would begin another header.
fn check(message: &Message) -> Result<(), MailError> {
    if message.subject.chars().any(char::is_control) {
        return Err(MailError::Malformed("the subject holds a control character"));
    }
    if message.to.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(MailError::Malformed("the address holds a space or a control character"));
    }
    let plain = message.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if message.key.is_empty() || message.key.len() > 128 || !plain || message.key.starts_with('.') {
        return Err(MailError::Malformed("the key is not a plain name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn message() -> Message {
        Message {
            key: "0193f3c8-5d0e-7c1a".to_owned(),
            to: "astrid@example.se".to_owned(),
            subject: "Bekräfta din adress".to_owned(),
            text: "Öppna länken:\nhttps://login.example/verify#t0ken\n.\nVitne\n".to_owned(),
            at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn addresses_are_masked_and_messages_do_not_print() {
        for (address, expected) in [
            ("astrid@example.se", "a•••@e•••.se"),
            ("å@mail.example.se", "å•••@m•••.se"),
            ("x@localhost", "x•••@l•••"),
            ("", ""),
        ] {
            assert_eq!(masked(address), expected);
        }
        let shown = format!("{:?}", message());
        assert!(!shown.contains("astrid") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_header() {
        let with = |change: fn(&mut Message)| {
            let mut message = message();
            change(&mut message);
            check(&message)
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert!(with(|m| m.subject = "a\r\nBcc: x@y.z".to_owned()).is_err());
        assert!(with(|m| m.to = "a@b.c\nx".to_owned()).is_err());
        assert!(with(|m| m.to = "a@b.c d@e.f".to_owned()).is_err());
        for key in ["", "../x", ".x", "a/b", "a b"] {
            let mut message = message();
            message.key = key.to_owned();
            assert!(check(&message).is_err_and(|error| error.is_permanent()), "{key}");
        }
    }
}
