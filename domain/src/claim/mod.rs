//! Claims: a unique identifier is a stream of its own, and the first event wins.

mod events;
mod identifier;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use events::{ClaimEvent, ClaimKind, ReleaseCause};
pub use identifier::{EmailError, claim_id, normalise_email};

use crate::id::AccountId;

/// What can be asked of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimCommand {
    /// Takes the identifier. An unproved claim of another account is superseded; a proved one is not.
    Take {
        /// What kind of identifier.
        kind: ClaimKind,
        /// For whom.
        owner: AccountId,
    },
    /// The owner proved that the identifier is theirs.
    Prove {
        /// Who proved it.
        owner: AccountId,
    },
    /// Gives the identifier back.
    Release {
        /// Who gives it back.
        owner: AccountId,
        /// Why.
        cause: ReleaseCause,
    },
}

/// Why a claim refuses a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another account proved that it is theirs. Callers who proved nothing are not told.
    #[error("this identifier belongs to another account")]
    Taken,
    /// The account does not hold the claim, or no longer.
    #[error("this identifier is not held by this account: it was released or superseded")]
    NotHolder,
}

/// Who holds a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What kind of identifier.
    pub kind: ClaimKind,
    /// Whose it is.
    pub owner: AccountId,
    /// Whether they proved it.
    pub proved: bool,
}

/// The claim aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    holder: Option<Holder>,
}

impl Claim {
    /// Who holds it, if anybody does.
    pub fn holder(&self) -> Option<Holder> {
        self.holder
    }

    /// What happens if `command` is carried out now, or why it is not.
    pub fn decide(&self, command: ClaimCommand) -> Result<Vec<ClaimEvent>, ClaimError> {
        match command {
            ClaimCommand::Take { kind, owner } => self.take(kind, owner),
            ClaimCommand::Prove { owner } => match self.held_by(owner)? {
                Holder { proved: true, .. } => Ok(vec![]),
                Holder { proved: false, .. } => Ok(vec![ClaimEvent::ClaimProved { owner }]),
            },
            ClaimCommand::Release { owner, cause } => {
                self.held_by(owner)?;
                Ok(vec![ClaimEvent::ClaimReleased { owner, cause }])
            }
        }
    }

    fn take(&self, kind: ClaimKind, owner: AccountId) -> Result<Vec<ClaimEvent>, ClaimError> {
        let taken = ClaimEvent::ClaimTaken { kind, owner };
        match self.holder {
            None => Ok(vec![taken]),
            Some(holder) if holder.owner == owner => Ok(vec![]),
            Some(Holder { proved: true, .. }) => Err(ClaimError::Taken),
            // Otherwise anybody could keep a stranger out by registering with their address first.
            Some(Holder { owner: earlier, .. }) => {
                Ok(vec![ClaimEvent::ClaimReleased { owner: earlier, cause: ReleaseCause::Superseded }, taken])
            }
        }
    }

    fn held_by(&self, owner: AccountId) -> Result<Holder, ClaimError> {
        self.holder.filter(|holder| holder.owner == owner).ok_or(ClaimError::NotHolder)
    }
}

impl Aggregate for Claim {
    const TYPE: &'static str = "claim";
    type Command = ClaimCommand;
    type Event = ClaimEvent;
    type Error = ClaimError;
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
        match event {
            ClaimEvent::ClaimTaken { kind, owner } => self.holder = Some(Holder { kind, owner, proved: false }),
            ClaimEvent::ClaimProved { owner } => {
                self.holder =
                    self.holder.map(|holder| Holder { proved: holder.proved || holder.owner == owner, ..holder });
            }
            // A claim's events die with their owner, and an erased owner holds nothing.
            ClaimEvent::ClaimReleased { .. } | ClaimEvent::Shredded { .. } => self.holder = None,
        }
    }
}
