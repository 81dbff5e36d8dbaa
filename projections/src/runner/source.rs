//! What the engine needs of a log, and the log as that.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::watch;
use vitne_domain::id::AccountId;
use vitne_eventlog::{LoadError, Log, Position, ReadError, Recorded, Shard};

use super::skips::{Skips, skip_stream};

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

    /// All events up to `up_to` of a share of the people, in pages, ordered by person, then position;
    /// those about nobody come last, in one of the shares. Ends with an error rather than early.
    fn scan(&self, up_to: Position, shard: Shard) -> BoxStream<'_, Result<Vec<Recorded>, ReadError>>;

    /// The position of the last event.
    async fn head(&self) -> Result<Position, ReadError>;

    /// Follows the head.
    fn watch_head(&self) -> watch::Receiver<Position>;

    /// The events that operators let a projection pass.
    async fn skips(&self, projection: &str, version: u32) -> Result<BTreeSet<Position>, LoadError>;
}

/// How many of a person's events are fetched at once.
const PAGE: u32 = 2000;

#[async_trait]
impl Source for Log {
    async fn read(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        Self::read(self, after, limit).await
    }

    async fn read_subject(
        &self,
        subject: AccountId,
        after: Position,
        up_to: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        let mut events: Vec<Recorded> = Vec::new();
        let mut after = after;
        loop {
            let page = Self::read_subject(self, subject, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(events) };
            after = last.header.position;
            events.extend(page.into_iter().filter(|event| event.header.position <= up_to));
            if after >= up_to {
                return Ok(events);
            }
        }
    }

    fn scan(&self, up_to: Position, shard: Shard) -> BoxStream<'_, Result<Vec<Recorded>, ReadError>> {
        let begun = async move { Self::scan(self, up_to, Some(shard)).await };
        stream::once(begun)
            .map_ok(|scan| {
                stream::try_unfold(scan, |mut scan| async { Ok(scan.next_page().await?.map(|page| (page, scan))) })
            })
            .try_flatten()
            .boxed()
    }

    async fn head(&self) -> Result<Position, ReadError> {
        Self::head(self).await
    }

    fn watch_head(&self) -> watch::Receiver<Position> {
        Self::watch_head(self)
    }

    async fn skips(&self, projection: &str, version: u32) -> Result<BTreeSet<Position>, LoadError> {
        Ok(self.load::<Skips>(skip_stream(projection)).await?.aggregate.of(version))
    }
}
