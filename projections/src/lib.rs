//! From events to read models, and the only writer of them.

pub mod activity;
pub mod authenticators;
pub mod devices;
pub mod outbox;
pub mod profile;
mod projection;
pub mod queries;
mod reading;
pub mod runner;
pub mod security;
pub mod sessions;
pub mod store;
pub mod text;

use std::sync::Arc;

pub use projection::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// Every projection of this program.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(activity::Activity),
        Arc::new(devices::Devices),
        Arc::new(sessions::Sessions),
        Arc::new(authenticators::Authenticators),
        Arc::new(security::Security),
        Arc::new(profile::Profiles),
        Arc::new(outbox::Outbox),
    ]
}
