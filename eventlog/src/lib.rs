//! The log: streams, the lane, sealing, tiles and proofs.
//!
//! Everything that is written goes through a [`Unit`] of work and the lane behind it; everything that
//! is read comes as a stream ([`Log::load`]) or in log order ([`Log::read`]).

pub mod database;
mod error;
mod idempotency;
mod log;
mod recorded;
pub mod tree;
mod unit;

pub use error::{AppendError, ExecuteError, LoadError, OpenError, ReadError};
pub use idempotency::{FirstAnswer, IdempotencyKey};
pub use log::{Loaded, Log, LogOptions, Work};
pub use recorded::{Body, Header, Position, Recorded};
pub use unit::{Committed, Unit};
