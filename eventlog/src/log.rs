//! The log as its users hold it.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_domain::{EventContext, LoggedEvent, RetentionClass};

use crate::lane::{Lane, Limits, StreamKey, advance};
use crate::random::Randomness;
use crate::read::{Reader, Scan, Shard};
use crate::seal::{KeyEncryption, KeyError, Need, Opening, Vault};
use crate::{
    AppendError, Committed, FirstAnswer, IdempotencyKey, LoadError, LogOptions, OpenError, Position, ReadError,
    Recorded, Unit,
};

/// How often a piece of work is decided before it is given up.
const TRIES: u32 = 24;
/// How long a loser waits for its turn on a contended stream before it tries anyway.
const PATIENCE: Duration = Duration::from_secs(2);
/// Losers of one stream take turns; streams share this many turnstiles.
const TURNSTILES: usize = 64;

/// A handle on the log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

/// What all handles share.
pub(crate) struct Inner {
    pub(crate) reader: Arc<Reader>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) lane: Lane,
    pub(crate) randomness: Arc<Randomness>,
    head: watch::Sender<Position>,
    turnstiles: Vec<Mutex<()>>,
    _poller: DropGuard,
}

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
    /// Opens the log and starts its lane. The pool is the server role's; the lane takes one connection
    /// out of it.
    pub async fn open(pool: sqlx::PgPool, options: LogOptions) -> Result<Self, OpenError> {
        let last: i64 = sqlx::query_scalar("SELECT last FROM log.head").fetch_one(&pool).await?;
        let last = Position(u64::try_from(last).unwrap_or(0));
        let randomness = Arc::new(Randomness::new(options.seed, last.0));
        let vault = Arc::new(Vault::new(pool.clone(), options.keys, randomness.clone()));
        // Making or opening nobody's key shows at once whether the right key-encryption key was given.
        let class = RetentionClass::Identity;
        let nobody = Need { subject: None, class, epoch: class.epoch(chrono::DateTime::UNIX_EPOCH) };
        vault.keys_or_new(&[nobody]).await.map_err(|error| match error {
            KeyError::Database(error) => OpenError::Database(error),
            other => OpenError::Keys(other.to_string()),
        })?;
        let (head, _) = watch::channel(last);
        let limits = Limits { queue: options.queue, units: options.batch_units, bytes: options.batch_bytes };
        let reader = Arc::new(Reader::new(pool.clone(), vault.clone()));
        let stop = CancellationToken::new();
        tokio::spawn(poll(reader.clone(), head.clone(), options.poll, stop.clone()));
        let inner = Inner {
            lane: Lane::start(pool, limits, head.clone()),
            reader,
            vault,
            randomness,
            head,
            turnstiles: (0..TURNSTILES).map(|_| Mutex::new(())).collect(),
            _poller: stop.drop_guard(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Begins a unit of work.
    pub fn unit(&self, context: EventContext) -> Unit {
        Unit::new(self.inner.clone(), context)
    }

    /// Runs a piece of work and commits it, deciding again on conflict. Those who lost on the same
    /// stream take turns, so that a crowd on one stream is served one by one and not in vain.
    pub async fn transact<W: Work>(&self, context: EventContext, work: &W) -> Result<(W::Output, Committed), W::Error> {
        let mut contended: Option<StreamKey> = None;
        let mut tries = 1;
        loop {
            let _turn = match &contended {
                Some(stream) => self.turn(stream).await,
                None => None,
            };
            let mut unit = self.unit(context.clone());
            let output = work.run(&mut unit).await?;
            match unit.try_commit().await {
                Ok(committed) => return Ok((output, committed)),
                Err(refusal) if refusal.1.is_some() && tries < TRIES => contended = refusal.1,
                Err(refusal) => return Err(refusal.0.into()),
            }
            tries += 1;
        }
    }

    async fn turn(&self, stream: &StreamKey) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        stream.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % TURNSTILES as u64).unwrap_or(0);
        let turnstile = self.inner.turnstiles.get(index)?;
        tokio::time::timeout(PATIENCE, turnstile.lock()).await.ok()
    }

    /// Folds one stream as it is now.
    pub async fn load<A>(&self, id: impl Display) -> Result<Loaded<A>, LoadError>
    where
        A: cqrs_es::Aggregate,
        A::Event: LoggedEvent,
    {
        Unit::reading(self.inner.clone()).fold(&id.to_string()).await
    }

    /// The answer already given under this key, if any.
    pub async fn first_answer(&self, key: &IdempotencyKey) -> Result<Option<FirstAnswer>, AppendError> {
        self.inner.first_answer(key).await
    }

    /// Events after `after`, in order, at most `limit`. Fails rather than leave one out. May answer
    /// fewer than `limit` although more follow; an empty answer means that `after` is the head.
    pub async fn read(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        self.inner.reader.read(after, limit).await
    }

    /// One person's events after `after`, in order, at most `limit`.
    pub async fn read_subject(
        &self,
        subject: AccountId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.inner.reader.read_subject(subject, after, limit).await
    }

    /// The ids of a person's streams of one kind that began at or after `since`, the oldest first.
    pub async fn streams_of(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<String>, ReadError> {
        self.inner.reader.streams_of(subject, aggregate_type, since).await
    }

    /// As [`Log::streams_of`], of those streams that hold an event of one of these types. What strangers
    /// can begin on a person's account is thereby left out at the price of an index look-up each.
    pub async fn streams_with(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: DateTime<Utc>,
        event_types: &[&str],
    ) -> Result<Vec<String>, ReadError> {
        self.inner.reader.streams_with(subject, aggregate_type, since, event_types).await
    }

    /// As [`Log::streams_of`], of those streams that began within a session: nothing of a stranger's.
    pub async fn streams_in_sessions(
        &self,
        subject: AccountId,
        aggregate_type: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<String>, ReadError> {
        self.inner.reader.streams_in_sessions(subject, aggregate_type, since).await
    }

    /// Whether a stream has an event of this type that happened at or after `since`.
    pub async fn has_event(
        &self,
        aggregate_type: &str,
        id: impl Display,
        event_type: &str,
        since: DateTime<Utc>,
    ) -> Result<bool, ReadError> {
        self.inner.reader.has_event(aggregate_type, &id.to_string(), event_type, since).await
    }

    /// A person's events of one ceremony, of one request outside any, or the one event `id`.
    pub async fn read_entry(&self, subject: AccountId, id: Uuid) -> Result<Vec<Recorded>, ReadError> {
        self.inner.reader.entry(subject, id).await
    }

    /// The first `until` events, person by person, for a rebuild; all of them or one shard.
    pub async fn scan(&self, until: Position, shard: Option<Shard>) -> Result<Scan, ReadError> {
        Scan::begin(self.inner.reader.clone(), until, shard).await
    }

    /// What is needed to prove what the event at a position said; `None` once its key is destroyed.
    pub async fn opening(&self, at: Position) -> Result<Option<Opening>, ReadError> {
        self.inner.reader.opening(at).await
    }

    /// The position of the last committed event.
    pub async fn head(&self) -> Result<Position, ReadError> {
        let head = self.inner.reader.head().await?;
        advance(&self.inner.head, head);
        Ok(head)
    }

    /// Follows the head: at once for this node's appends, by a short poll for other nodes'.
    pub fn watch_head(&self) -> watch::Receiver<Position> {
        self.inner.head.subscribe()
    }

    /// Destroys a person's secret: nothing sealed with it can be read again, nothing more be written
    /// about them. Other nodes notice within a minute. Again is no error.
    pub async fn destroy_subject(&self, subject: AccountId) -> Result<(), KeyError> {
        self.inner.vault.destroy_subject(subject).await?;
        self.inner.reader.forget();
        Ok(())
    }

    /// Destroys the secret of one class's epoch, for everybody. Again is no error.
    pub async fn destroy_epoch(&self, class: RetentionClass, epoch: NaiveDate) -> Result<(), KeyError> {
        self.inner.vault.destroy_epoch(class, epoch).await?;
        self.inner.reader.forget();
        Ok(())
    }

    /// Wraps every secret under a new key-encryption key, which this handle uses from now on. Returns
    /// how many rows were wrapped anew. No event is touched.
    pub async fn rewrap_all(&self, new: Arc<dyn KeyEncryption>) -> Result<u64, KeyError> {
        self.inner.vault.rewrap_all(new).await
    }

    /// Forgets answers given before `before`, at most `limit` of them: nobody repeats a request for ever.
    /// Tells how many.
    pub async fn forget_answers(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, ReadError> {
        self.inner.reader.forget_answers(before, limit).await
    }

    /// Takes no more units, finishes what is queued, then stops.
    pub async fn close(&self) {
        self.inner.lane.close().await;
    }
}

/// Looks the head up now and then, to notice what other nodes wrote.
async fn poll(reader: Arc<Reader>, head: watch::Sender<Position>, every: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match reader.head().await {
            Ok(last) => advance(&head, last),
            Err(error) => tracing::debug!(%error, "the head could not be looked up"),
        }
    }
}
