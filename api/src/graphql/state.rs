//! What resolvers work with.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use vitne_domain::account::Language;
use vitne_eventlog::tree::Tree;
use vitne_projections::queries::CursorKey;
use vitne_projections::runner::ReadModels;

use super::ids::IdKey;
use crate::limits::Limits;
use crate::service::Services;

/// What resolvers work with. Cheap to clone.
#[derive(Clone)]
pub struct GraphqlState {
    /// What mutations call.
    pub services: Services,
    /// Where queries read, and how far it is.
    pub read_models: ReadModels,
    /// What the past is folded with.
    pub replay: vitne_replay::Context,
    /// Proofs.
    pub tree: Tree,
    /// Limits on attempts.
    pub limits: Arc<Limits>,
    /// The deployment's cursor key: cursors and global ids are authenticated with it.
    pub cursor_key: [u8; 32],
    /// The longest that a query waits for `atLeast`.
    pub wait: Duration,
    /// The language of texts for somebody who has chosen none.
    pub language: Language,
    /// Whether this is a demo: with introspection and the explorer.
    pub demo: bool,
}

impl std::fmt::Debug for GraphqlState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphqlState").field("demo", &self.demo).finish_non_exhaustive()
    }
}

impl GraphqlState {
    /// Where the read models' views are.
    pub(super) fn pool(&self) -> &PgPool {
        self.read_models.pool()
    }

    /// What cursors are authenticated with.
    pub(super) fn cursors(&self) -> CursorKey {
        CursorKey::new(self.cursor_key)
    }

    /// What global ids are authenticated with.
    pub(super) fn ids(&self) -> IdKey {
        IdKey::derive(&self.cursor_key)
    }
}
