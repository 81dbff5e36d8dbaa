//! The Vitne server: HTTP, the command line, and the composition of every room of the house.
//!
//! Nothing here decides about security and nothing here writes events or read models: the services
//! ask the domain and append through the log.

mod notices;

pub mod backing;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod graphql;
pub mod http;
pub mod limits;
pub mod logging;
pub mod server;
pub mod service;
pub mod simulate;
