//! What stands between the network and the services: who asks, from where, and with which proof.

pub mod address;
pub mod cookies;
pub mod origin;
pub mod request;

pub use request::{RequestContext, RequestSettings, SessionToken, TokenSource};
