//! Streams: what cqrs-es loads, decides on and writes, within a unit of work.

mod buffer;
mod repository;
mod summary;

pub(crate) use buffer::{Buffer, Pending};
pub(crate) use repository::StreamRepository;
pub(crate) use summary::{TAIL, of as summary_of, summarise};
