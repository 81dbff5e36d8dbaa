//! One engine for every proof: a ceremony has a purpose, collects proofs, and completes when its
//! requirement is satisfied. One attempt is one stream, and one story.

mod command;
mod decide;
mod events;
mod state;
mod view;

pub use command::{AcceptProof, AnswerChallenge, CeremonyCommand, CeremonyError, RequestProof, StartCeremony};
pub use decide::{MAX_REJECTED, MAX_REQUESTS, RESEND_AFTER, SPEND_WITHIN};
pub use events::{CeremonyEvent, FailureReason};
pub use state::{Ceremony, Completion, Phase, Step};
pub use view::CeremonyView;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
