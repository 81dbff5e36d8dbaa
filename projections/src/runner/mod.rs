//! From the log to the rows: the fold, and the tasks that keep read models up to date.

mod fold;
mod row;

pub use fold::{BatchOutcome, Before, Holder, Parking, erases, fold_batch, touched_keys};
pub use row::{StoredRow, write_copy_line};
