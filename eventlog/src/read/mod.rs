//! Reading the log in its order.

mod decode;
mod ring;
mod row;
mod scan;
mod subject;

pub(crate) use decode::{Plain, Reader, body_need, context_need};
pub(crate) use row::{COLUMNS, HEADER_COLUMNS, Stored, header};
pub use scan::{Scan, Shard};
