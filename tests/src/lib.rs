//! What whole-system tests share: real servers on real databases, people who use them, and the checks
//! that every test ends with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

pub mod browser;
pub mod checks;
pub mod people;
pub mod python;
pub mod secrets;
pub mod server;

pub use people::Person;
pub use secrets::Known;
pub use server::{TestServer, World};

/// How often something is repeated: a few times by default, more where the variable says so.
pub fn rounds(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// One of PostgreSQL's client programs: beside its server's programs, else wherever `PATH` finds it.
pub fn postgres_program(name: &str) -> std::path::PathBuf {
    let beside = vitne_eventlog::database::Programs::find(None, None).map(|programs| programs.program(name));
    beside.ok().filter(|program| program.is_file()).unwrap_or_else(|| name.into())
}
