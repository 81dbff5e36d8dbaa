//! What must hold before the server is sent requests.

use async_trait::async_trait;
use sqlx::PgPool;

use super::AppState;
use crate::http::health::{NotReady, Probe};

/// Every part.
pub(super) fn all(state: &AppState) -> Vec<Box<dyn Probe>> {
    vec![Box::new(DatabaseProbe(state.database.server().clone()))]
}

/// The database answers and takes writes. (That its schema is ours was settled at the start.)
struct DatabaseProbe(PgPool);

#[async_trait]
impl Probe for DatabaseProbe {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), NotReady> {
        let read_only: String =
            sqlx::query_scalar("SHOW transaction_read_only").fetch_one(&self.0).await.map_err(|_| NotReady {
                code: "DATABASE_UNREACHABLE",
                message: "the database does not answer".to_owned(),
            })?;
        if read_only == "on" {
            let message = "the database takes no writes: it is a standby, or was made read-only".to_owned();
            return Err(NotReady { code: "DATABASE_READ_ONLY", message });
        }
        Ok(())
    }
}
