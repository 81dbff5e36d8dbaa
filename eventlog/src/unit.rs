//! A unit of work: commands on one or several streams that are written together or not at all.

use std::fmt::Display;
use std::sync::Arc;

use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, EventStore};
use vitne_domain::{EventContext, LoggedEvent, upcast};

use crate::log::Inner;
use crate::stream::{Buffer, StreamRepository, TAIL, summarise, summary_of};
use crate::{AppendError, ExecuteError, IdempotencyKey, LoadError, Loaded, Position};

/// Commands on one or several streams. It reads its own writes; nothing is visible to others before
/// [`Unit::commit`].
pub struct Unit {
    log: Arc<Inner>,
    context: EventContext,
    buffer: Buffer,
    answer: Option<(IdempotencyKey, Vec<u8>)>,
}

/// Where a unit was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The first position, if it wrote anything.
    pub first: Option<Position>,
    /// The last position; the head of the log if it wrote nothing.
    pub last: Position,
}

impl Unit {
    pub(crate) fn new(log: Arc<Inner>, context: EventContext) -> Self {
        Self { log, context, buffer: Buffer::default(), answer: None }
    }

    /// A unit that only reads: what it would write under is of no matter.
    pub(crate) fn reading(log: Arc<Inner>) -> Self {
        let context = EventContext {
            at: chrono::DateTime::UNIX_EPOCH,
            subject: None,
            actor: vitne_domain::Actor::System,
            correlation: vitne_domain::id::CorrelationId(uuid::Uuid::nil()),
            causation: None,
            ceremony: None,
            session: None,
            device: None,
            network: vitne_domain::NetworkContext::default(),
        };
        Self::new(log, context)
    }

    /// What its events share. May be changed between commands (a session that is just being opened).
    pub fn context_mut(&mut self) -> &mut EventContext {
        &mut self.context
    }

    /// The state of a stream, with this unit's own events applied. The stream's version becomes a
    /// condition of the commit, so a decision that rests on it stands or falls with it.
    pub async fn load<A>(&mut self, id: impl Display) -> Result<A, LoadError>
    where
        A: Aggregate,
        A::Event: LoggedEvent,
    {
        Ok(self.fold::<A>(&id.to_string()).await?.aggregate)
    }

    /// Loads, decides and keeps the events for the commit.
    pub async fn execute<A>(&mut self, id: impl Display, command: A::Command) -> Result<(), ExecuteError<A::Error>>
    where
        A: Aggregate<Services = ()>,
        A::Event: LoggedEvent,
    {
        let id = id.to_string();
        let framework = CqrsFramework::new(self.store::<A>(), Vec::new(), ());
        framework.execute(&id, command).await.map_err(|error| match error {
            AggregateError::UserError(refusal) => ExecuteError::Refused(refusal),
            other => ExecuteError::Load(load_error(other)),
        })?;
        self.summarise::<A>(&id).await?;
        Ok(())
    }

    /// Remembers the answer under an idempotency key, sealed, in the same transaction.
    pub fn answer(&mut self, key: IdempotencyKey, answer: Vec<u8>) {
        self.answer = Some((key, answer));
    }

    /// Appends everything through the lane. Dropping the future before it is queued writes nothing;
    /// after that the unit is written or refused as a whole, whoever still listens.
    pub async fn commit(self) -> Result<Committed, AppendError> {
        self.log.clone().commit(&self.buffer, &self.context, self.answer.as_ref()).await.map_err(|refusal| refusal.0)
    }

    /// As [`Unit::commit`], telling which stream lost.
    pub(crate) async fn try_commit(&self) -> Result<Committed, crate::commit::Refusal> {
        self.log.commit(&self.buffer, &self.context, self.answer.as_ref()).await
    }

    /// Folds a stream with this unit's own events.
    pub(crate) async fn fold<A>(&self, id: &str) -> Result<Loaded<A>, LoadError>
    where
        A: Aggregate,
        A::Event: LoggedEvent,
    {
        let EventStoreAggregateContext { aggregate, current_sequence, .. } =
            self.store::<A>().load_aggregate(id).await.map_err(load_error)?;
        Ok(Loaded { aggregate, version: current_sequence as u64 })
    }

    /// Appends a summary to a stream whose tail has grown long.
    async fn summarise<A>(&self, id: &str) -> Result<(), LoadError>
    where
        A: Aggregate,
        A::Event: LoggedEvent,
    {
        let key = (A::TYPE.to_owned(), id.to_owned());
        let Some(summary) = summary_of::<A::Event>() else { return Ok(()) };
        if self.buffer.stream_len(&key, summary.event_type) < TAIL {
            return Ok(());
        }
        let store = self.store::<A>();
        let context = store.load_aggregate(id).await.map_err(load_error)?;
        let event = summarise(&context.aggregate).map_err(|error| LoadError::Unreadable(error.to_string()))?;
        if let Some(event) = event {
            store.commit(vec![event], context, Default::default()).await.map_err(load_error)?;
        }
        Ok(())
    }

    fn store<A>(&self) -> PersistedEventStore<StreamRepository, A>
    where
        A: Aggregate,
        A::Event: LoggedEvent,
    {
        let context = Arc::new(self.context.clone());
        let repository = StreamRepository::new::<A::Event>(self.log.reader.clone(), self.buffer.clone(), context);
        PersistedEventStore::new_event_store(repository).with_upcasters(upcast::upcasters())
    }
}

fn load_error<E: std::error::Error>(error: AggregateError<E>) -> LoadError {
    match error {
        AggregateError::DatabaseConnectionError(error) => match error.downcast::<LoadError>() {
            Ok(error) => *error,
            Err(error) => LoadError::Unavailable(error.to_string()),
        },
        AggregateError::DeserializationError(error) | AggregateError::UnexpectedError(error) => {
            match error.downcast::<LoadError>() {
                Ok(error) => *error,
                Err(error) => LoadError::Unreadable(error.to_string()),
            }
        }
        AggregateError::UserError(_) | AggregateError::AggregateConflict => LoadError::Unreadable(error.to_string()),
    }
}
