//! The database: a given PostgreSQL or a private one, its schema, and the two ways of being connected
//! to it. The owner changes the schema; the server, under the role `vitne_server`, may only do what the
//! schema grants it.

mod account;
mod cluster;
#[cfg(test)]
mod cluster_tests;
pub mod doctor;
mod error;
mod migrations;
mod pools;
mod postmaster;
mod programs;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;

pub use cluster::{Cluster, ClusterSettings, OWNER};
pub use error::{ClusterError, DatabaseError};
pub use migrations::{MIGRATIONS, migrate};
pub use pools::{Database, DatabaseSettings, SERVER_ROLE};
pub use programs::{OLDEST_MAJOR, Programs};
