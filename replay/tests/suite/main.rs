//! Rebuild, verify and the rest over a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{PgPool, Row};
use uuid::Uuid;
use vitne_eventlog::Position;
use vitne_eventlog::database::testing::TestDatabase;
use vitne_projections::Projection;
use vitne_projections::runner::testing::{
    MemoryLog, Tally, device, erased, history, mixed, person, renamed, seen, skipped, unknown,
};
use vitne_projections::runner::{Runner, RunnerOptions, Waited, ensure};
use vitne_replay::{Context, How, Moment, ReplayError, as_of, clean_abandoned, rebuild, status, verify};

async fn prepared(log: &Arc<MemoryLog>) -> (TestDatabase, Context) {
    let database = TestDatabase::create().await;
    let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Tally::default())];
    ensure(database.database().owner(), &projections).await.unwrap();
    let context = Context {
        owner: database.database().owner().clone(),
        server: database.pool(),
        source: log.clone(),
        projections,
    };
    (database, context)
}

fn start(context: &Context) -> Runner {
    let options = RunnerOptions { batch: 50, poll: Duration::from_millis(50) };
    Runner::start(context.server.clone(), context.source.clone(), context.projections.clone(), options)
}

async fn reach(runner: &Runner, position: Position) {
    let waited = runner.read_models().wait_for("tally", position, Duration::from_secs(60)).await.unwrap();
    assert_eq!(waited, Waited::Reached);
}

async fn bytes(pool: &PgPool) -> BTreeMap<(Uuid, Uuid), String> {
    let rows = sqlx::query("select subject, id, v::text from read.tally v").fetch_all(pool).await.unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect()
}

async fn verified(context: &Context) -> vitne_replay::VerifyReport {
    verify(context, Some("tally")).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_under_appends_equals_the_live_rows_byte_for_byte() {
    for workers in [1, 2] {
        let log = history(40, 2_000);
        log.append([renamed(person(3), 0, "poison"), unknown(None), erased(person(5)), seen(person(5), 0)]);
        let (_database, context) = prepared(&log).await;
        let runner = start(&context);
        let appending = {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 2_000..2_400 {
                    log.append([mixed(40, number)]);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        };
        let report = rebuild(&context, "tally", workers).await.unwrap();
        appending.await.unwrap();
        assert_eq!(report.generation, 2);
        let comparison = report.comparison.as_ref().unwrap();
        assert_eq!((comparison.differing, report.exit_status()), (0, 0), "{report}");
        assert!(comparison.gaps.iter().any(|gap| gap.from_position == Position(2_001)), "{report}");
        reach(&runner, Position(2_404)).await;
        runner.stop().await;
        let after = bytes(&context.server).await;

        // The same log by the runner alone, into another database.
        let (_other, other) = prepared(&log).await;
        let alone = start(&other);
        reach(&alone, Position(2_404)).await;
        alone.stop().await;
        assert_eq!(after, bytes(&other.server).await);
        let report = verified(&context).await;
        assert_eq!((report.differing, report.exit_status()), (0, 2), "{report}");
        assert_eq!(report.gaps.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_names_every_row_that_was_changed_by_hand() {
    let log = history(20, 400);
    let (database, context) = prepared(&log).await;
    let runner = start(&context);
    reach(&runner, Position(400)).await;
    runner.stop().await;
    assert_eq!(verified(&context).await.exit_status(), 0);

    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as("select subject, id from read.tally order by subject, id")
        .fetch_all(&context.server)
        .await
        .unwrap();
    let (changed, removed, column) = (rows[3], rows[10], rows[20]);
    for (statement, key) in [
        (
            "update tally_v1_g1.tally set doc = jsonb_set(doc, '{label}', '\"forged\"') where (subject, id) = ($1, $2)",
            changed,
        ),
        ("delete from tally_v1_g1.tally where (subject, id) = ($1, $2)", removed),
        ("update tally_v1_g1.tally set events = events + 1 where (subject, id) = ($1, $2)", column),
    ] {
        sqlx::query(statement).bind(key.0).bind(key.1).execute(database.superuser()).await.unwrap();
    }
    let stranger = Uuid::from_u128(u128::MAX);
    sqlx::query("insert into tally_v1_g1.tally (subject, id, doc) values ($1, $1, '{}')")
        .bind(stranger)
        .execute(database.superuser())
        .await
        .unwrap();

    let report = verified(&context).await;
    assert_eq!(report.exit_status(), 1);
    let how = |key: (Uuid, Uuid)| -> Vec<How> {
        let named = report.differences.iter().filter(|row| (row.subject.0, row.id) == key);
        named.map(|row| row.how.clone()).collect()
    };
    let different =
        |fields: &[&str]| How::Different { fields: fields.iter().map(|field| (*field).to_owned()).collect() };
    assert_eq!(how(changed), [different(&["column label"]), different(&["/label"])]);
    assert_eq!(how(removed), [How::Missing]);
    assert_eq!(how(column), [different(&["column events"])]);
    assert_eq!(how((stranger, stranger)), [How::Extra]);
    assert_eq!(report.differing, 5);

    // A rebuild tells the same, and mends it.
    let rebuilt = rebuild(&context, "tally", 2).await.unwrap();
    assert_eq!((rebuilt.comparison.as_ref().unwrap().differing, rebuilt.exit_status()), (4, 1), "{rebuilt}");
    assert_eq!(verified(&context).await.exit_status(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incomplete_log_is_never_called_rebuilt() {
    let log = history(20, 400);
    let (_database, context) = prepared(&log).await;
    let runner = start(&context);
    reach(&runner, Position(400)).await;
    runner.stop().await;
    let before = bytes(&context.server).await;
    log.stop_after.store(150, Ordering::SeqCst);
    assert!(matches!(
        rebuild(&context, "tally", 1).await,
        Err(ReplayError::Incomplete { delivered: 150, expected: 400 })
    ));
    assert!(matches!(verify(&context, None).await, Err(ReplayError::Incomplete { .. })));
    log.stop_after.store(0, Ordering::SeqCst);
    log.fail_after.store(150, Ordering::SeqCst);
    assert!(matches!(rebuild(&context, "tally", 2).await, Err(ReplayError::Read(_))));
    log.fail_after.store(0, Ordering::SeqCst);
    assert_eq!(before, bytes(&context.server).await);
    let report = status(&context).await.unwrap();
    assert_eq!(report.projections.len(), 1, "{report}");
    rebuild(&context, "tally", 1).await.unwrap();
    assert_eq!(before, bytes(&context.server).await);
}

// Two threads more than the rebuild keeps busy, so that its backends are caught while they copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_terminated_rebuild_leaves_the_live_rows_and_is_cleaned_up() {
    let log = history(500, 60_000);
    let (database, context) = prepared(&log).await;
    let before = bytes(&context.server).await;
    let running = {
        let context = context.clone();
        tokio::spawn(async move { rebuild(&context, "tally", 2).await })
    };
    let mut killed = 0;
    while killed == 0 && !running.is_finished() {
        killed = sqlx::query_scalar::<_, i64>(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and query like 'copy %'",
        )
        .fetch_one(database.superuser())
        .await
        .unwrap();
    }
    assert!(killed > 0, "no backend was caught copying");
    assert!(running.await.unwrap().is_err());
    assert_eq!(before, bytes(&context.server).await);
    assert_eq!(
        status(&context).await.unwrap().projections.iter().filter(|row| row.state.as_str() == "live").count(),
        1
    );
    clean_abandoned(&context).await.unwrap();
    assert_eq!(status(&context).await.unwrap().projections.len(), 1);
    rebuild(&context, "tally", 2).await.unwrap();
    assert_eq!(verified(&context).await.exit_status(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_log_rebuilds_and_verifies() {
    let log = Arc::new(MemoryLog::default());
    let (_database, context) = prepared(&log).await;
    let report = rebuild(&context, "tally", 2).await.unwrap();
    assert_eq!((report.rows, report.position), (0, Position(0)));
    let report = verified(&context).await;
    assert_eq!((report.exit_status(), report.rows), (0, 0));
    let nobody = as_of(&context, person(1), Moment::Position(Position(9))).await.unwrap();
    assert_eq!((nobody.account, nobody.position), (None, Position(0)));
    assert!(matches!(rebuild(&context, "none", 1).await, Err(ReplayError::UnknownProjection(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_is_built_beside_the_old_one_and_flips() {
    let log = history(10, 200);
    let (_database, mut context) = prepared(&log).await;
    let runner = start(&context);
    reach(&runner, Position(200)).await;
    runner.stop().await;
    context.projections = vec![Arc::new(Tally { version: 1, ..Tally::default() })];
    let ensured = ensure(&context.owner, &context.projections).await.unwrap();
    assert_eq!(ensured.outdated.len(), 1);
    assert!(matches!(verify(&context, None).await, Err(ReplayError::NoLiveRows(_))));
    let newer = start(&context);
    let report = rebuild(&context, "tally", 1).await.unwrap();
    assert_eq!((report.version, report.generation, report.comparison), (2, 1, None));
    let last = log.append([seen(person(1), 0)]);
    reach(&newer, last).await;
    newer.stop().await;
    assert_eq!(verified(&context).await.exit_status(), 0);
    let states: Vec<_> =
        status(&context).await.unwrap().projections.into_iter().map(|row| (row.version, row.state.as_str())).collect();
    assert_eq!(states, [(1, "retired"), (2, "live")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuild_and_verify_honour_skips() {
    let log = Arc::new(MemoryLog::default());
    log.append([seen(person(1), 0), renamed(person(1), 0, "poison"), seen(person(1), 0), seen(person(2), 0)]);
    let (_database, context) = prepared(&log).await;
    let runner = start(&context);
    reach(&runner, Position(4)).await;
    assert_eq!(verified(&context).await.exit_status(), 2);
    log.append([skipped(Position(2))]);
    for _ in 0..400 {
        if runner.read_models().gaps(person(1)).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    reach(&runner, Position(5)).await;
    runner.stop().await;
    assert_eq!(verified(&context).await.exit_status(), 0);
    let report = rebuild(&context, "tally", 2).await.unwrap();
    assert_eq!(report.exit_status(), 0, "{report}");
    assert_eq!(status(&context).await.unwrap().projections[0].skipped, 1);
    let events: i64 = sqlx::query_scalar("select events from read.tally where id = $1")
        .bind(device(person(1), 0))
        .fetch_one(&context.server)
        .await
        .unwrap();
    assert_eq!(events, 2);
}
