//! The account: who somebody is here, and what they can prove it with.

mod authenticator;
mod command;
mod decide;
mod error;
mod events;
mod factors;
mod failures;
pub mod password;
pub mod recovery;
mod state;
pub mod totp;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use authenticator::{Authenticator, AuthenticatorStatus, TotpOutcome};
pub use command::{AccountCommand, Enrolment, EnrolmentProof};
pub use error::AccountError;
pub use events::{
    AccountEvent, AuthenticatorCause, AuthenticatorKind, Language, PasswordCause, RecoveryCodeHash, RejectReason,
    ReportedEntry,
};
pub use failures::{DISABLE_AT, FREE_FAILURES, LONGEST_DELAY_SECONDS, NOTICE_AT};
pub use state::{AccountState, MAX_AUTHENTICATORS, RecoveryCode};

/// The account aggregate: the folded state, and the decisions taken on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Account(AccountState);

impl Account {
    /// The folded state.
    pub fn state(&self) -> &AccountState {
        &self.0
    }

    /// What happens if `command` is carried out now, or why it is not. Pure: the same state and
    /// command always give the same answer.
    pub fn decide(&self, command: AccountCommand) -> Result<Vec<AccountEvent>, AccountError> {
        decide::decide(&self.0, command)
    }
}

impl std::ops::Deref for Account {
    type Target = AccountState;

    fn deref(&self) -> &AccountState {
        &self.0
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = AccountError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.0.apply(event);
    }
}
