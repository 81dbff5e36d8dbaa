//! From the log to the rows: the fold, and the tasks that keep read models up to date.

mod batch;
mod ensure;
mod error;
mod fold;
mod read_models;
mod retry;
mod row;
mod skips;
mod source;
mod task;
#[cfg(feature = "testing")]
pub mod testing;

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use batch::{Step, Target, commit_batch};
pub use ensure::{Ensured, drop_retired, ensure, lock_generations, next_generation};
pub use error::RunError;
pub use fold::{BatchOutcome, Before, Holder, Parking, erases, fold_batch, touched_keys};
pub use read_models::{Gap, ReadModels, Waited};
pub use retry::{Trial, retry};
pub use row::{StoredRow, write_copy_line};
pub use skips::{Skips, skip_stream};
pub use source::Source;

use crate::Projection;
use task::Task;

/// How the tasks work.
#[derive(Clone, Copy, Debug)]
pub struct RunnerOptions {
    /// The most events of a batch.
    pub batch: u32,
    /// How often to look at the log and at the books when nothing wakes the task.
    pub poll: Duration,
}

impl Default for RunnerOptions {
    fn default() -> Self {
        Self { batch: 1000, poll: Duration::from_secs(1) }
    }
}

/// The tasks that keep the read models of this node up to date, one for each projection.
pub struct Runner {
    read_models: ReadModels,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Runner {
    /// Starts the tasks on the server's connections. [`ensure`] must have run.
    pub fn start(
        pool: PgPool,
        source: Arc<dyn Source>,
        projections: Vec<Arc<dyn Projection>>,
        options: RunnerOptions,
    ) -> Self {
        let read_models = ReadModels::new(pool.clone(), projections.iter().map(|projection| projection.name()));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for projection in projections {
            let task = Task {
                pool: pool.clone(),
                source: source.clone(),
                projection,
                read_models: read_models.clone(),
                options,
                stop: stop.clone(),
            };
            tasks.spawn(task.run());
        }
        Self { read_models, tasks, stop }
    }

    /// What readers hold.
    pub fn read_models(&self) -> ReadModels {
        self.read_models.clone()
    }

    /// Finishes the batches that have begun, then stops.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
