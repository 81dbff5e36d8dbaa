//! What stands between the network and the services: who asks, from where, with which proof, and what
//! every answer has in common.

pub mod address;
pub mod cookies;
pub mod fault;
pub mod guard;
pub mod health;
pub mod listener;
pub mod log_routes;
pub mod metrics;
pub mod origin;
pub mod request;
pub mod request_log;
pub mod router;

pub use fault::Fault;
pub use request::{RequestContext, RequestSettings, SessionToken, TokenSource};
