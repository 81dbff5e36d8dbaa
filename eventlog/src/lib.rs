//! The log: streams, the lane, sealing, tiles and proofs.
//!
//! Everything that is written goes through a [`Unit`] of work and the lane behind it; everything that
//! is read comes as a stream ([`Log::load`]) or in log order ([`Log::read`]).

pub mod database;
mod commit;
mod error;
mod idempotency;
mod lane;
mod log;
mod options;
mod random;
mod read;
mod recorded;
pub mod tree;
pub mod seal;
mod stream;
mod unit;

pub use error::{AppendError, ExecuteError, LoadError, OpenError, ReadError};
pub use idempotency::{FirstAnswer, IdempotencyKey};
pub use log::{Loaded, Log, Work};
pub use options::LogOptions;
pub use read::{Scan, Shard};
pub use recorded::{Body, Header, Position, Recorded};
pub use unit::{Committed, Unit};
