//! A unit of work: commands on one or several streams that are written together or not at all.

use std::fmt::Display;

use vitne_domain::{EventContext, LoggedEvent};

use crate::{AppendError, ExecuteError, IdempotencyKey, LoadError, Position};

/// Commands on one or several streams. It reads its own writes; nothing is visible to others before
/// [`Unit::commit`].
pub struct Unit {}

/// Where a unit was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The first position, if it wrote anything.
    pub first: Option<Position>,
    /// The last position; the head of the log if it wrote nothing.
    pub last: Position,
}

impl Unit {
    /// What its events share. May be changed between commands (a session that is just being opened).
    pub fn context_mut(&mut self) -> &mut EventContext {
        todo!()
    }

    /// The state of a stream, with this unit's own events applied. The stream's version becomes a
    /// condition of the commit, so a decision that rests on it stands or falls with it.
    pub async fn load<A>(&mut self, _id: impl Display) -> Result<A, LoadError>
    where
        A: cqrs_es::Aggregate,
        A::Event: LoggedEvent,
    {
        todo!()
    }

    /// Loads, decides and keeps the events for the commit.
    pub async fn execute<A>(&mut self, _id: impl Display, _command: A::Command) -> Result<(), ExecuteError<A::Error>>
    where
        A: cqrs_es::Aggregate<Services = ()>,
        A::Event: LoggedEvent,
    {
        todo!()
    }

    /// Remembers the answer under an idempotency key, sealed, in the same transaction.
    pub fn answer(&mut self, _key: IdempotencyKey, _answer: Vec<u8>) {
        todo!()
    }

    /// Appends everything through the lane.
    pub async fn commit(self) -> Result<Committed, AppendError> {
        todo!()
    }
}
