//! From events to read models, and the only writer of them.

pub mod activity;
pub mod authenticators;
pub mod devices;
pub mod outbox;
pub mod profile;
mod projection;
pub mod queries;
mod reading;
pub mod runner;
pub mod security;
pub mod sessions;
pub mod store;
pub mod text;

pub use projection::{Column, ColumnType, FoldError, Projection, RowKey, Table};
