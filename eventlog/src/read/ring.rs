//! The events decoded last, shared by all followers, so that each event is opened once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Position, Recorded};

/// Events kept.
const BOUND: usize = 4096;
/// All are forgotten this often, so that a key destroyed on another node takes hold here too.
const LIFE: Duration = Duration::from_secs(40);

/// A run of consecutive events at the end of what was read.
pub(super) struct Ring(Mutex<Run>);

struct Run {
    events: VecDeque<Recorded>,
    since: Instant,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Run { events: VecDeque::new(), since: Instant::now() }))
    }

    /// Up to `limit` events after `after`, if the first of them is here.
    pub(super) fn after(&self, after: Position, limit: usize) -> Option<Vec<Recorded>> {
        let run = self.run();
        let events = &run.events;
        let first = events.front()?.header.position.0;
        let skip = usize::try_from((after.0 + 1).checked_sub(first)?).ok()?;
        if skip >= events.len() {
            return None;
        }
        Some(events.iter().skip(skip).take(limit).cloned().collect())
    }

    /// Keeps events if they continue the run, or begin a later one.
    pub(super) fn extend(&self, read: &[Recorded]) {
        let Some(first) = read.first() else { return };
        let mut run = self.run();
        let events = &mut run.events;
        match events.back().map(|last| last.header.position.0) {
            Some(last) if first.header.position.0 <= last => return,
            Some(last) if first.header.position.0 > last + 1 => events.clear(),
            Some(_) | None => {}
        }
        events.extend(read.iter().cloned());
        let excess = events.len().saturating_sub(BOUND);
        events.drain(..excess);
    }

    /// Forgets everything: a key was destroyed.
    pub(super) fn clear(&self) {
        self.run().events.clear();
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        let mut run = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if run.since.elapsed() > LIFE {
            *run = Run { events: VecDeque::new(), since: Instant::now() };
        }
        run
    }
}
