//! What entries refer to, looked up many at a time.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use sqlx::PgPool;
use vitne_domain::id::{AccountId, DeviceId, SessionId};
use vitne_projections::devices::DeviceRow;
use vitne_projections::profile::ProfileRow;
use vitne_projections::queries::{self, QueryError, Wanted};
use vitne_projections::sessions::SessionRow;

/// Looks rows up by person and identifier.
pub(crate) struct Rows {
    pool: PgPool,
}

/// The loader of one request: questions asked at the same time become one.
pub(crate) type Loaders = DataLoader<Rows>;

/// A loader for one request.
pub(crate) fn loaders(pool: PgPool) -> Loaders {
    DataLoader::new(Rows { pool }, tokio::spawn)
}

impl Loader<Wanted<DeviceId>> for Rows {
    type Value = DeviceRow;
    type Error = Arc<QueryError>;

    async fn load(&self, keys: &[Wanted<DeviceId>]) -> Result<HashMap<Wanted<DeviceId>, DeviceRow>, Arc<QueryError>> {
        let rows = queries::devices_by_ids(&self.pool, keys).await?;
        Ok(rows.into_iter().map(|(owner, row)| ((owner, row.id), row)).collect())
    }
}

impl Loader<Wanted<SessionId>> for Rows {
    type Value = SessionRow;
    type Error = Arc<QueryError>;

    async fn load(
        &self,
        keys: &[Wanted<SessionId>],
    ) -> Result<HashMap<Wanted<SessionId>, SessionRow>, Arc<QueryError>> {
        let rows = queries::sessions_by_ids(&self.pool, keys).await?;
        Ok(rows.into_iter().map(|(owner, row)| ((owner, row.id), row)).collect())
    }
}

impl Loader<AccountId> for Rows {
    type Value = ProfileRow;
    type Error = Arc<QueryError>;

    async fn load(&self, keys: &[AccountId]) -> Result<HashMap<AccountId, ProfileRow>, Arc<QueryError>> {
        Ok(queries::profiles(&self.pool, keys).await?.into_iter().collect())
    }
}
