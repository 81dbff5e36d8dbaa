//! The log as its users hold it.

use std::fmt::Display;

use futures::future::BoxFuture;
use tokio::sync::watch;
use vitne_domain::{EventContext, LoggedEvent};

use crate::{
    AppendError, Committed, FirstAnswer, IdempotencyKey, LoadError, OpenError, Position, ReadError, Recorded, Unit,
};

/// How to open the log.
#[derive(Clone, Debug)]
pub struct LogOptions {}

/// A handle on the log. Cheap to clone.
#[derive(Clone)]
pub struct Log {}

/// A folded stream.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The state.
    pub aggregate: A,
    /// The sequence of its last event; 0 for a stream that does not exist.
    pub version: u64,
}

/// A piece of work that may have to be decided again: it is run on a fresh unit until no stream it
/// read was changed by somebody else meanwhile (at most a few times, then [`AppendError::Conflict`]).
pub trait Work: Send + Sync {
    /// What it gives back.
    type Output: Send;
    /// Why it gave up. Must be able to carry the log's own failures.
    type Error: From<AppendError> + From<LoadError> + Send;
    /// Loads, decides, executes; does not commit.
    fn run<'a>(&'a self, unit: &'a mut Unit) -> BoxFuture<'a, Result<Self::Output, Self::Error>>;
}

impl Log {
    /// Opens the log and starts its lane.
    pub async fn open(_pool: sqlx::PgPool, _options: LogOptions) -> Result<Self, OpenError> {
        todo!()
    }

    /// Begins a unit of work.
    pub fn unit(&self, _context: EventContext) -> Unit {
        todo!()
    }

    /// Runs a piece of work and commits it, deciding again on conflict.
    pub async fn transact<W: Work>(
        &self,
        _context: EventContext,
        _work: &W,
    ) -> Result<(W::Output, Committed), W::Error> {
        todo!()
    }

    /// Folds one stream as it is now.
    pub async fn load<A>(&self, _id: impl Display) -> Result<Loaded<A>, LoadError>
    where
        A: cqrs_es::Aggregate,
        A::Event: LoggedEvent,
    {
        todo!()
    }

    /// The answer already given under this key, if any.
    pub async fn first_answer(&self, _key: &IdempotencyKey) -> Result<Option<FirstAnswer>, AppendError> {
        todo!()
    }

    /// Events after `after`, in order, at most `limit`. Fails rather than leave one out.
    pub async fn read(&self, _after: Position, _limit: u32) -> Result<Vec<Recorded>, ReadError> {
        todo!()
    }

    /// The position of the last committed event.
    pub async fn head(&self) -> Result<Position, ReadError> {
        todo!()
    }

    /// Follows the head: at once for this node's appends, by a short poll for other nodes'.
    pub fn watch_head(&self) -> watch::Receiver<Position> {
        todo!()
    }

    /// Finishes what is queued, then stops.
    pub async fn close(&self) {
        todo!()
    }
}
