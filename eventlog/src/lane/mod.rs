//! The lane: one appender a node, which writes the units that arrived while the last batch was in
//! flight as one batch, in the order of the log.

mod append;
mod gather;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{AppendError, Header, Position};

pub(crate) use worker::advance;

/// A stream's key: aggregate type and id.
pub(crate) type StreamKey = (String, String);

/// An event ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct SealedEvent {
    pub(crate) header: Header,
    pub(crate) payload: String,
}

/// The answer to be kept, sealed.
#[derive(Clone, Debug)]
pub(crate) struct SealedAnswer {
    pub(crate) scope: String,
    pub(crate) key: String,
    pub(crate) request: [u8; 32],
    pub(crate) answer: String,
}

/// A unit of work as the lane takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SealedUnit {
    /// Streams it rests on, with the versions it saw, written to or not.
    pub(crate) conditions: Vec<(StreamKey, u64)>,
    pub(crate) events: Vec<SealedEvent>,
    pub(crate) answer: Option<SealedAnswer>,
}

impl SealedUnit {
    fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.payload.len() + 400).sum()
    }
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Written {
        first: Option<Position>,
        last: Position,
    },
    Conflict(StreamKey),
    Answered {
        position: Position,
        request: Vec<u8>,
        answer: String,
    },
    Erased,
    Keyless,
    /// Not written, because the database refused or is away.
    Failed(String),
    /// It may have been written: the log was closed before the database came back.
    Unsettled,
}

/// Limits of the lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) queue: usize,
    pub(crate) units: usize,
    pub(crate) bytes: usize,
}

struct Job {
    unit: SealedUnit,
    reply: oneshot::Sender<Verdict>,
}

/// The way into the lane.
pub(crate) struct Lane {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    tasks: TaskTracker,
    /// Microseconds the last batch took, for an honest retry hint.
    last_batch: Arc<AtomicU64>,
}

impl Lane {
    pub(crate) fn start(pool: PgPool, limits: Limits, head: watch::Sender<Position>) -> Self {
        let (jobs, queue) = mpsc::channel(limits.queue);
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let last_batch = Arc::new(AtomicU64::new(10_000));
        let worker = worker::Worker::new(pool, limits, head, queue, closing.clone(), last_batch.clone());
        tasks.spawn(worker.run());
        tasks.close();
        Self { jobs, closing, tasks, last_batch }
    }

    /// Queues a unit and waits for its verdict. Once queued it is written or refused even if the
    /// caller goes away.
    pub(crate) async fn append(&self, unit: SealedUnit) -> Result<Verdict, AppendError> {
        let (reply, verdict) = oneshot::channel();
        match self.jobs.try_send(Job { unit, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("vitne_log_busy_total").increment(1);
                return Err(AppendError::Busy { retry_after: self.retry_after() });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(AppendError::Unavailable("the log is closed".to_owned()));
            }
        }
        Ok(verdict.await.unwrap_or(Verdict::Unsettled))
    }

    /// A few batches' time, at least 50 ms.
    fn retry_after(&self) -> Duration {
        Duration::from_micros(self.last_batch.load(Ordering::Relaxed).saturating_mul(4)).max(Duration::from_millis(50))
    }

    /// Takes no more, finishes what is queued.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}
