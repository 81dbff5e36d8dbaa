//! From events to read models, and the only writer of them.

mod projection;

pub use projection::{Column, ColumnType, FoldError, Projection, RowKey, Table};
