//! What must hold before the server is sent requests.

use async_trait::async_trait;
use sqlx::PgPool;

use vitne_projections::runner::ReadModels;

use super::AppState;
use crate::http::health::{NotReady, Probe};

/// Every part.
pub(super) fn all(state: &AppState) -> Vec<Box<dyn Probe>> {
    vec![
        Box::new(DatabaseProbe(state.database.server().clone())),
        Box::new(ReadModelsProbe { pool: state.database.server().clone(), bound: state.config.projections.ready_lag }),
    ]
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

/// The read models are close enough behind the log.
struct ReadModelsProbe {
    pool: PgPool,
    bound: u64,
}

#[async_trait]
impl Probe for ReadModelsProbe {
    fn name(&self) -> &'static str {
        "read_models"
    }

    async fn check(&self) -> Result<(), NotReady> {
        let lags = ReadModels::lags(&self.pool).await.map_err(|_| NotReady {
            code: "READ_MODELS_UNKNOWN",
            message: "the database does not tell how far the read models are".to_owned(),
        })?;
        match lags.first() {
            Some((name, lag)) if *lag > self.bound => Err(NotReady {
                code: "READ_MODELS_BEHIND",
                message: format!("{name} is {lag} events behind the log; projections.ready_lag allows {}", self.bound),
            }),
            _ => Ok(()),
        }
    }
}
