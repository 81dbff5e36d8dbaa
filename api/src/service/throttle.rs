//! Attempts that were refused unread, counted until the log can be told in one event a window.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use vitne_domain::id::AccountId;

/// Attempts refused in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first refused attempt.
    pub(super) from: DateTime<Utc>,
    /// When the delay ends.
    pub(super) until: DateTime<Utc>,
    /// How many were refused.
    pub(super) count: u32,
}

/// How many accounts are counted at once; past that windows that have ended are given up, and new ones are
/// not counted, because memory must stay bounded while an attack runs. The failures themselves are in the
/// log in any case.
const MAX_WINDOWS: usize = 100_000;

/// This node's open windows.
#[derive(Debug, Default)]
pub(super) struct ThrottleWindows {
    open: Mutex<HashMap<AccountId, Window>>,
}

impl ThrottleWindows {
    /// Counts an attempt that was refused because a delay runs until `until`.
    pub(super) fn refused(&self, account: AccountId, at: DateTime<Utc>, until: DateTime<Utc>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_WINDOWS && !open.contains_key(&account) {
            open.retain(|_, window| window.until > at);
            if open.len() >= MAX_WINDOWS {
                return;
            }
        }
        let window = open.entry(account).or_insert(Window { from: at, until, count: 0 });
        window.until = until;
        window.count = window.count.saturating_add(1);
    }

    /// Takes the account's window, to be written with the next attempt that is looked at.
    pub(super) fn take(&self, account: AccountId) -> Option<Window> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&account)
    }

    /// Puts a window back whose event could not be written.
    pub(super) fn put_back(&self, account: AccountId, window: Window) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(account)
            .and_modify(|newer| {
                newer.from = window.from;
                newer.count = newer.count.saturating_add(window.count);
            })
            .or_insert(window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_until_taken_and_loses_nothing_when_put_back() {
        let windows = ThrottleWindows::default();
        let account = AccountId(uuid::Uuid::from_u128(7));
        let at = DateTime::UNIX_EPOCH;
        let until = at + chrono::Duration::seconds(4);
        windows.refused(account, at, until);
        windows.refused(account, at, until);
        let taken = windows.take(account).unwrap();
        assert_eq!(taken, Window { from: at, until, count: 2 });
        assert_eq!(windows.take(account), None);
        windows.refused(account, until, until);
        windows.put_back(account, taken);
        assert_eq!(windows.take(account).unwrap().count, 3);
    }
}
