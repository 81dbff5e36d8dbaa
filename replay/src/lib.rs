//! Rebuild, verify, compare, time travel: everything that folds the log again.
//!
//! Each function takes a [`Context`], gives a report that serialises and that prints as text, and fails
//! rather than give half an answer.

mod as_of;
mod bench;
mod compare;
mod context;
mod difference;
mod error;
mod load;
mod people;
mod rebuild;
mod skip;
mod status;
mod verify;

pub use as_of::{AccountAsOf, AsOfReport, Moment, as_of};
pub use bench::{RebuildBench, bench_rebuild};
pub use compare::Comparison;
pub use context::Context;
pub use difference::{Difference, How, NamedGap};
pub use error::ReplayError;
pub use rebuild::{RebuildReport, clean_abandoned, rebuild};
pub use skip::{SkipReport, skip};
pub use status::{ProjectionStatus, StatusReport, status};
pub use verify::{VerifyReport, verify};
