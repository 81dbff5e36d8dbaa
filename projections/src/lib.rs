//! From events to read models, and the only writer of them.

pub mod outbox;
mod projection;
pub mod runner;
pub mod store;

pub use projection::{Column, ColumnType, FoldError, Projection, RowKey, Table};
