//! The engine of the read models over a real PostgreSQL.

mod fold;
mod runner;
mod support;
