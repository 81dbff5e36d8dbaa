//! A session: what a sign-in opened, what step-ups raised it for, and when it ends.

mod aggregate;
mod command;
mod events;

pub use aggregate::{Session, SessionView};
pub use command::{Achievement, SessionCommand, SessionError, SessionLimits, SessionRefusal};
pub use events::{SessionEndCause, SessionEvent};

#[cfg(test)]
mod tests;
