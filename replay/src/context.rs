//! What every replay needs.

use std::sync::Arc;

use sqlx::PgPool;
use vitne_projections::Projection;
use vitne_projections::runner::Source;

use crate::ReplayError;

/// The log, the read models' database and the projections. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Connections of the schema's owner: rebuilds make and drop tables.
    pub owner: PgPool,
    /// Connections of the server's role.
    pub server: PgPool,
    /// The log.
    pub source: Arc<dyn Source>,
    /// All projections of this program.
    pub projections: Vec<Arc<dyn Projection>>,
}

impl Context {
    /// A projection by its name.
    pub fn projection(&self, name: &str) -> Result<Arc<dyn Projection>, ReplayError> {
        let found = self.projections.iter().find(|projection| projection.name() == name);
        found.cloned().ok_or_else(|| ReplayError::UnknownProjection(name.to_owned()))
    }
}
