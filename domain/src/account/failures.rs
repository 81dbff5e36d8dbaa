//! Counting refused proofs, and the delay they cause (NIST SP 800-63B-4 §3.2.2).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Failures in a row that cost no delay.
pub const FREE_FAILURES: u32 = 5;
/// The longest delay before the next attempt, in seconds.
pub const LONGEST_DELAY_SECONDS: u32 = 15 * 60;
/// Failures in a row at which the person is told.
pub const NOTICE_AT: [u32; 2] = [50, 90];
/// Failures in a row at which an authenticator is disabled.
pub const DISABLE_AT: u32 = 100;

/// Failures in a row of one method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub last_at: Option<DateTime<Utc>>,
}

impl Failures {
    /// Counts one more. The latest moment stands, so that a clock set back shortens no delay.
    pub(super) fn add(&mut self, at: DateTime<Utc>) {
        self.count = self.count.saturating_add(1);
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// When the next attempt will be read; `None` if at once.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        let beyond = self.count.checked_sub(FREE_FAILURES)?;
        let seconds = 1_u32.checked_shl(beyond).map_or(LONGEST_DELAY_SECONDS, |s| s.min(LONGEST_DELAY_SECONDS));
        self.last_at?.checked_add_signed(TimeDelta::seconds(i64::from(seconds)))
    }
}
