//! What is kept of the deployment itself. These events are about nobody.

use chrono::{DateTime, NaiveDate, Utc};

use crate::event::RetentionClass;

events! {
    /// What operators and Vitne itself did.
    pub enum OperationEvent for "operation" {
        /// Attempts from one source were refused unread while a limit was reached. One event a window.
        SourceThrottled v 1, Security, Security, LegitimateInterest {
            /// Keyed hash of the source (an address or an unknown identifier).
            plain source: String,
            /// When the window began.
            plain from: DateTime<Utc>,
            /// When it ended.
            plain until: DateTime<Utc>,
            /// Attempts refused in it.
            plain count: u32,
        }
        /// An operator let a projection pass an event that it cannot fold.
        ProjectionEventSkipped v 1, Identity, Accountability, LegitimateInterest {
            /// Which projection.
            plain projection: String,
            /// Its version.
            plain version: u32,
            /// Which position.
            plain position: u64,
            /// Why, in the operator's words.
            plain reason: String,
        }
        /// An epoch's secret was destroyed: its events' bodies can no longer be read.
        EpochDestroyed v 1, Identity, Accountability, LegalObligation {
            /// Which class.
            plain class: RetentionClass,
            /// Which epoch, by its first day.
            plain epoch: NaiveDate,
        }
    }
}
