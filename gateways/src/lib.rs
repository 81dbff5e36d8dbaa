//! The outside: mail, and later BankID, SMS and push. A real client and a faithful simulator of each.
//!
//! A gateway does one thing once and says how it ended. What is due, and whether to try again, is
//! decided by whoever reads the log.

pub mod mail;

pub use mail::{MailError, Mailer, Message};
