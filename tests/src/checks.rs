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

/// Every unit of work is whole: what must happen together stands together, once, under one request.
pub async fn no_halves(superuser: &PgPool) {
    for pair in [
        ["AccountRegistered", "ClaimTaken"],
        ["EmailVerified", "ClaimProved"],
        ["TwoStepEnabled", "RecoveryCodesIssued"],
    ] {
        let broken: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT correlation_id FROM log.events WHERE event_type = ANY($1)
               GROUP BY correlation_id
              HAVING count(*) FILTER (WHERE event_type = $2) <> count(*) FILTER (WHERE event_type = $3)) s",
        )
        .bind(pair.map(str::to_owned).to_vec())
        .bind(pair[0])
        .bind(pair[1])
        .fetch_one(superuser)
        .await
        .unwrap();
        assert_eq!(broken, 0, "{pair:?} stand together");
    }
    let alone: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM log.events started WHERE started.event_type = 'SessionStarted' AND NOT EXISTS
           (SELECT 1 FROM log.events done WHERE done.event_type = 'CeremonyCompleted'
             AND done.correlation_id = started.correlation_id AND done.ceremony_id = started.ceremony_id)",
    )
    .fetch_one(superuser)
    .await
    .unwrap();
    assert_eq!(alone, 0, "a session starts with the ceremony that opens it");
    let unopened: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM log.events used WHERE used.event_type = 'RecoveryCodeUsed' AND NOT EXISTS
           (SELECT 1 FROM log.events done WHERE done.event_type = 'CeremonyProofAccepted'
             AND done.correlation_id = used.correlation_id)",
    )
    .fetch_one(superuser)
    .await
    .unwrap();
    assert_eq!(unopened, 0, "a recovery code is used by the ceremony that accepts it");
}
