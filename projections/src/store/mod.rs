//! Where read models are kept: a schema for each generation of a projection, the books beside them.

mod books;
mod generation;
mod rows;
mod tables;

pub use books::{
    Checkpoint, Lock, Parked, State, all_parked, checkpoints, due_parked, erase, erased_among, hasten,
    insert_checkpoint, lease, live, move_checkpoint, park, parked, parked_among, position, set_state, unpark,
};
pub use generation::Generation;
pub use rows::{copy_in_sql, load, load_subject, write};
pub use tables::{create_indexes, create_table, drop_generation, point_view};
