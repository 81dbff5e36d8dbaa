//! Whole-system tests: real servers over a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod bad_input;
mod crash;
mod erasure;
mod faults;
mod lost_phone;
mod races;
mod restore;
mod tampering;
mod tutorial;
mod unknown;
mod verifier;
