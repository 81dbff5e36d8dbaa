//! Refused sources, remembered on this node: until when, since when, and how often.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Key;

/// Sources remembered at once. Past that, new ones are refused by the database alone and not counted.
const MOST: usize = 100_000;
/// A window ends when nothing was refused for so long.
const QUIET: TimeDelta = TimeDelta::seconds(60);
/// And at the latest after so long, so that a lasting flood shows in the log while it lasts.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// Attempts of one source that were refused unread, as the log's `SourceThrottled` keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottledWindow {
    /// The kind of source and its keyed hash: `address:3f…`.
    pub source: String,
    /// The first refusal.
    pub from: DateTime<Utc>,
    /// The last one.
    pub until: DateTime<Utc>,
    /// How many were refused.
    pub count: u32,
}

#[derive(Clone, Copy)]
struct Open {
    kind: &'static str,
    from: DateTime<Utc>,
    last: DateTime<Utc>,
    /// Refused here, without asking the database, until then.
    denied_until: DateTime<Utc>,
    count: u32,
}

#[derive(Default)]
struct State {
    open: HashMap<Key, Open>,
    /// Windows that ended and could not be written yet.
    ended: Vec<ThrottledWindow>,
}

/// This node's windows.
#[derive(Default)]
pub(super) struct Windows(Mutex<State>);

impl Windows {
    /// How long the source is still refused without asking anybody; counts the attempt.
    pub(super) fn refused_until_now(&self, kind: &'static str, key: Key, now: DateTime<Utc>) -> Option<Duration> {
        let mut state = self.lock();
        let open = state.open.get_mut(&key).filter(|open| open.kind == kind)?;
        // A clock that was set back must not prolong a refusal past what the database would say.
        if now < open.from {
            open.denied_until = now;
        }
        let left = (open.denied_until - now).to_std().ok().filter(|left| !left.is_zero())?;
        open.count = open.count.saturating_add(1);
        open.last = now;
        Some(left)
    }

    /// Notes that the database refused the source.
    pub(super) fn refuse(&self, kind: &'static str, key: Key, now: DateTime<Utc>, retry_after: Duration) {
        let denied_until = now + TimeDelta::from_std(retry_after).unwrap_or(QUIET);
        let mut state = self.lock();
        if state.open.len() >= MOST && !state.open.contains_key(&key) {
            return;
        }
        let open = state.open.entry(key).or_insert(Open { kind, from: now, last: now, denied_until, count: 0 });
        open.denied_until = denied_until;
        open.last = now;
        open.count = open.count.saturating_add(1);
    }

    pub(super) fn take_ended(&self, now: DateTime<Utc>) -> Vec<ThrottledWindow> {
        let ends = |open: &Open| open.denied_until <= now && (now - open.last >= QUIET || now - open.from >= LONGEST);
        let mut state = self.lock();
        let mut ended = std::mem::take(&mut state.ended);
        ended.extend(state.open.extract_if(|_, open| ends(open)).map(|(key, open)| told(key, open)));
        ended
    }

    pub(super) fn take_all(&self) -> Vec<ThrottledWindow> {
        let mut state = self.lock();
        let mut all = std::mem::take(&mut state.ended);
        all.extend(state.open.drain().map(|(key, open)| told(key, open)));
        all
    }

    pub(super) fn put_back(&self, windows: Vec<ThrottledWindow>) {
        let mut state = self.lock();
        let room = MOST.saturating_sub(state.ended.len());
        state.ended.extend(windows.into_iter().take(room));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(key: Key, open: Open) -> ThrottledWindow {
    let mut source = format!("{}:", open.kind);
    for byte in key {
        let _ = write!(source, "{byte:02x}");
    }
    ThrottledWindow { source, from: open.from, until: open.last, count: open.count }
}
