//! The domain's tests: what is kept for ever, and what every rule decides.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod account;
mod account_properties;
mod catalogue;
mod claim;
mod enrolment;
mod golden;
mod secrets;
mod support;
mod text;
