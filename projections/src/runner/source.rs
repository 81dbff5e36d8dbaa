//! What the engine needs of a log, and the log as that.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::{Mutex, watch};
use vitne_domain::id::AccountId;
use vitne_eventlog::{LoadError, Position, ReadError, Recorded};

/// A part of all people, so that several workers can share them: those whose hash falls to `index` out
/// of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

impl Share {
    /// Everybody.
    pub const ALL: Self = Self { index: 0, of: 1 };
}

/// A log, as far as read models are made from it.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Events after `after`, in order, at most `limit`. Fails rather than leave one out.
    async fn read(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError>;

    /// The events of one person after `after` and up to `up_to`, in order.
    async fn read_subject(
        &self,
        subject: AccountId,
        after: Position,
        up_to: Position,
    ) -> Result<Vec<Recorded>, ReadError>;

    /// The events of a share of all people up to `up_to`, ordered by person, then position. Ends with an
    /// error rather than early.
    fn by_subject(&self, share: Share, up_to: Position) -> BoxStream<'_, Result<Recorded, ReadError>>;

    /// The events about nobody up to `up_to`, in order. Ends with an error rather than early.
    fn about_nobody(&self, up_to: Position) -> BoxStream<'_, Result<Recorded, ReadError>>;

    /// The position of the last event.
    async fn head(&self) -> Result<Position, ReadError>;

    /// Follows the head.
    fn watch_head(&self) -> watch::Receiver<Position>;

    /// The events that operators let a projection pass.
    async fn skips(&self, projection: &str, version: u32) -> Result<BTreeSet<Position>, LoadError>;
}

/// Reads the log once for all projections that follow it closely: the last events are kept, opened.
pub struct Feed {
    source: Arc<dyn Source>,
    recent: Mutex<VecDeque<Arc<Recorded>>>,
    capacity: usize,
}

impl Feed {
    /// A feed that keeps the last `capacity` events.
    pub fn new(source: Arc<dyn Source>, capacity: usize) -> Self {
        Self { source, recent: Mutex::new(VecDeque::with_capacity(capacity)), capacity }
    }

    /// The log behind it.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// As [`Source::read`].
    pub async fn read(&self, after: Position, limit: usize) -> Result<Vec<Arc<Recorded>>, ReadError> {
        let mut recent = self.recent.lock().await;
        if let (Some(first), Some(last)) = (recent.front(), recent.back()) {
            let (first, last) = (first.header.position.0, last.header.position.0);
            if after.0 + 1 < first {
                // Somebody far behind reads for themselves; those at the front are not disturbed.
                drop(recent);
                return Ok(self.fetch(after, limit).await?.into_iter().map(Arc::new).collect());
            }
            if after.0 < last {
                let from = usize::try_from(after.0 + 1 - first).unwrap_or(usize::MAX);
                return Ok(recent.iter().skip(from).take(limit).cloned().collect());
            }
            if after.0 > last {
                recent.clear();
            }
        }
        // Those who want the same events wait here for one reading of them.
        let events: Vec<_> = self.fetch(after, limit).await?.into_iter().map(Arc::new).collect();
        recent.extend(events.iter().cloned());
        let surplus = recent.len().saturating_sub(self.capacity);
        recent.drain(..surplus);
        Ok(events)
    }

    async fn fetch(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, ReadError> {
        self.source.read(after, u32::try_from(limit).unwrap_or(u32::MAX)).await
    }
}
