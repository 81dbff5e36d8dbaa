//! The log: streams, the lane, sealing, tiles and proofs.
//!
//! Everything that is written goes through a [`Unit`] of work and the lane behind it; everything that
//! is read comes as a stream ([`Log::load`]) or in log order ([`Log::read`]).

mod commit;
pub mod database;
mod error;
mod idempotency;
mod lane;
mod log;
mod options;
mod random;
mod read;
mod recorded;
pub mod seal;
mod stream;
pub mod tree;
mod unit;

pub use error::{AppendError, ExecuteError, LoadError, OpenError, ReadError};
pub use idempotency::{FirstAnswer, IdempotencyKey};
pub use log::{Loaded, Log, Work};
pub use options::LogOptions;
pub use read::{Scan, Shard};
pub use recorded::{Body, Header, Position, Recorded};
pub use unit::{Committed, Unit};
