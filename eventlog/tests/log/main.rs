//! The log on a real PostgreSQL: one binary, one database a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets a fault has failed"
)]

mod faults;
mod hazards;
mod lane;
mod reading;
mod sealing;
mod streams;
mod support;
