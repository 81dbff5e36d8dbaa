//! The engine of the read models over a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod fold;
mod runner;
mod support;
