//! The log up to a position, one person after the other. Memory is bounded by the person with the most
//! events.

use std::collections::VecDeque;

use futures::TryStreamExt;
use futures::stream::BoxStream;
use vitne_domain::id::AccountId;
use vitne_eventlog::{Position, ReadError, Recorded, Shard};
use vitne_projections::runner::Source;

/// Everybody.
pub(crate) const EVERYBODY: Shard = Shard { index: 0, of: 1 };

/// How many events about nobody are given at once.
const NOBODYS: usize = 2000;

/// Reads a shard of the log person by person.
pub(crate) struct People<'a> {
    pages: BoxStream<'a, Result<Vec<Recorded>, ReadError>>,
    waiting: VecDeque<Recorded>,
    ended: bool,
    /// How many events were given.
    pub(crate) delivered: u64,
}

impl<'a> People<'a> {
    pub(crate) fn of(source: &'a dyn Source, up_to: Position, shard: Shard) -> Self {
        Self { pages: source.scan(up_to, shard), waiting: VecDeque::new(), ended: false, delivered: 0 }
    }

    /// All events of the next person, or some of those about nobody; empty at the end.
    pub(crate) async fn next(&mut self) -> Result<(Option<AccountId>, Vec<Recorded>), ReadError> {
        self.fill().await?;
        let subject = self.waiting.front().and_then(|event| event.header.subject);
        let mut events = Vec::new();
        loop {
            let same = self.waiting.iter().take_while(|event| event.header.subject == subject).count();
            events.extend(self.waiting.drain(..same));
            let full = subject.is_none() && events.len() >= NOBODYS;
            if !self.waiting.is_empty() || self.ended || full {
                break;
            }
            self.fill().await?;
        }
        self.delivered += u64::try_from(events.len()).unwrap_or(u64::MAX);
        Ok((subject, events))
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        while self.waiting.is_empty() && !self.ended {
            match self.pages.try_next().await? {
                Some(page) => self.waiting.extend(page),
                None => self.ended = true,
            }
        }
        Ok(())
    }
}
