//! What must hold at the end of every test.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use vitne::server::AppState;
use vitne_eventlog::seal::{KeyEncryption, LocalKeyEncryption};
use vitne_eventlog::tree::verify::{Report, SealedBodies, verify_database};
use vitne_eventlog::tree::{LogSigner, NoteVerifier};
use vitne_projections::runner::Waited;

/// How long followers may take to reach the head.
const PATIENCE: Duration = Duration::from_secs(60);

/// Read models and tree reach the head, every row is what the log says, and the database verifies.
pub async fn whole(state: &AppState) {
    read_models(state).await;
    tree(state).await;
    let report = database(state).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.events, report.head);
}

/// Waits for every projection, and compares every row with a new fold of the log.
pub async fn read_models(state: &AppState) {
    let head = state.log().head().await.unwrap();
    for projection in vitne_projections::all() {
        let waited = state.read_models.wait_for(projection.name(), head, PATIENCE).await.unwrap();
        assert_eq!(waited, Waited::Reached, "{} does not reach {head}", projection.name());
    }
    for report in vitne_replay::verify(&state.replay(), None).await.unwrap() {
        assert_eq!(report.exit_status(), 0, "{report}");
        assert!(report.position >= head, "{report}");
    }
}

/// Waits until the tree covers the log.
pub async fn tree(state: &AppState) {
    let head = state.log().head().await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while state.tree.checkpoint().await.unwrap().map_or(0, |newest| newest.size) < head.0 {
        assert!(tokio::time::Instant::now() < deadline, "the tree does not reach {head}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Verifies the whole database with the deployment's keys.
pub async fn database(state: &AppState) -> Report {
    let key: Arc<dyn KeyEncryption> = Arc::new(LocalKeyEncryption::new(*state.keys.key_encryption.expose()));
    let bodies = SealedBodies::new(state.database.server().clone(), vec![key]);
    verify_database(state.database.server(), &verifier(state), Some(&bodies), &mut |_, _| {}).await.unwrap()
}

/// The public key of a server's log.
pub fn verifier(state: &AppState) -> NoteVerifier {
    LogSigner::from_seed(&state.config.log.origin, state.keys.log_signing.expose()).unwrap().verifier().clone()
}

/// Positions are dense up to the head, every stream's sequences are, and no event stands twice.
pub async fn dense(superuser: &PgPool) {
    let (count, last, head, ids): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(max(position), 0), (SELECT last FROM log.head), count(DISTINCT event_id) FROM log.events",
    )
    .fetch_one(superuser)
    .await
    .unwrap();
    assert_eq!((count, last, ids), (head, head, head), "positions are dense and events are unique");
    let broken: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM log.events GROUP BY aggregate_type, aggregate_id
          HAVING max(sequence) <> count(*) OR min(sequence) <> 1) s",
    )
    .fetch_one(superuser)
    .await
    .unwrap();
    assert_eq!(broken, 0, "every stream is dense");
}
