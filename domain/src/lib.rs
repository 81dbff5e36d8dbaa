//! What happened and what may happen: aggregates, events, ceremonies and policy.
//!
//! This crate is pure. It opens no socket and no file, asks no clock and no random generator: time
//! and randomness are arguments, so that every decision can be repeated in a test, in a simulation
//! and in an incident report.
//!
//! Each aggregate lives in a module of its own with the same four parts: `events` (what is kept for
//! ever), `state` (the fold), `decide` (what may happen next) and the `cqrs_es::Aggregate` that joins
//! them.

#[macro_use]
mod event_macro;

pub mod account;
pub mod catalogue;
pub mod ceremony;
pub mod claim;
pub mod context;
pub mod device;
pub mod event;
pub mod id;
pub mod operation;
pub mod policy;
pub mod protected;
pub mod session;
pub mod text;
pub mod token;
pub mod upcast;

pub use context::{Actor, EventContext, NetworkContext};
pub use event::{AnyEvent, EventSpec, LoggedEvent, RetentionClass};
pub use protected::Protected;
