//! What the tests of the engine share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::{PgPool, Row};
use vitne_domain::id::AccountId;
use vitne_eventlog::Position;
use vitne_eventlog::database::testing::TestDatabase;
use vitne_projections::runner::testing::{MemoryLog, Tally};
use vitne_projections::runner::{Before, Runner, RunnerOptions, Waited, ensure, fold_batch};
use vitne_projections::{Projection, RowKey};

pub(crate) fn tally() -> Arc<dyn Projection> {
    Arc::new(Tally::default())
}

/// A database in which the tally has its table.
pub(crate) async fn prepared() -> TestDatabase {
    let database = TestDatabase::create().await;
    ensure(database.database().owner(), &[tally()]).await.unwrap();
    database
}

pub(crate) fn start(pool: PgPool, log: &Arc<MemoryLog>, projection: Arc<dyn Projection>, batch: u32) -> Runner {
    Runner::start(pool, log.clone(), vec![projection], RunnerOptions { batch, poll: Duration::from_millis(50) })
}

pub(crate) async fn reach(runner: &Runner, position: Position) {
    let waited = runner.read_models().wait_for("tally", position, Duration::from_secs(30)).await.unwrap();
    assert_eq!(waited, Waited::Reached);
}

/// What readers see, as texts, so that a difference of one byte shows.
pub(crate) async fn rows(pool: &PgPool) -> BTreeMap<RowKey, String> {
    let rows = sqlx::query("select subject, id, v::text from read.tally v").fetch_all(pool).await.unwrap();
    rows.iter().map(|row| (RowKey { subject: AccountId(row.get(0)), id: row.get(1) }, row.get(2))).collect()
}

/// The documents that readers see.
pub(crate) async fn docs(pool: &PgPool) -> BTreeMap<RowKey, Value> {
    let rows = sqlx::query("select subject, id, doc from read.tally").fetch_all(pool).await.unwrap();
    rows.iter().map(|row| (RowKey { subject: AccountId(row.get(0)), id: row.get(1) }, row.get(2))).collect()
}

/// What the log's fold says they should see.
pub(crate) fn expected(log: &MemoryLog) -> BTreeMap<RowKey, Value> {
    let outcome = fold_batch(&Tally::default(), &Before::default(), &log.all());
    outcome.upserts.into_iter().map(|row| (row.key, serde_json::from_str(&row.doc).unwrap())).collect()
}

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    for _ in 0..1200 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}
