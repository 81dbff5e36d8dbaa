//! Whatever a superuser changes in a log that real people wrote is named.

use vitne_eventlog::tree::verify::Place;
use vitne_tests::{Person, TestServer, checks};

async fn tamper(server: &TestServer, sql: &str) {
    let script = format!("SET session_replication_role = replica; {sql}; RESET session_replication_role");
    sqlx::raw_sql(&script).execute(server.database.superuser()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changed_byte_of_any_event_or_leaf_is_named() {
    let server = TestServer::start().await;
    let (person, _) = Person::enrolled(&server, "tampered").await;
    person.sign_in(&server, true).await;
    checks::tree(server.state()).await;
    tamper(
        &server,
        "CREATE TABLE saved AS SELECT * FROM log.events; CREATE TABLE saved_runs AS SELECT * FROM tree.leaf_runs",
    )
    .await;
    let head = server.log().head().await.unwrap().0;
    assert!(head > 20);
    for position in 1..=head {
        // Another place in every event, in turn within what is sealed and in the clear header.
        let change = match position % 3 {
            0 => format!("commitment = set_byte(commitment, {0}, get_byte(commitment, {0}) # 1)", position % 32),
            part => {
                let (part, place) = (if part == 1 { "body" } else { "context" }, 30 + position % 60);
                format!(
                    "payload = jsonb_set(payload, '{{{part}}}', to_jsonb(overlay(payload->>'{part}' placing
                       CASE substr(payload->>'{part}', {place}, 1) WHEN 'A' THEN 'B' ELSE 'A' END from {place})))"
                )
            }
        };
        tamper(&server, &format!("UPDATE log.events SET {change} WHERE position = {position}")).await;
        let report = checks::database(server.state()).await;
        let named = report.findings.iter().all(|finding| {
            matches!(&finding.place, Place::Event { position: named, stream, .. } if *named == position && !stream.is_empty())
        });
        assert!(named && !report.is_clean(), "{change} at {position}: {:?}", report.findings);
        let back = format!(
            "DELETE FROM log.events WHERE position = {position}; INSERT INTO log.events SELECT * FROM saved WHERE position = {position}"
        );
        tamper(&server, &back).await;
    }
    let runs: Vec<i64> = sqlx::query_scalar("SELECT first_position FROM tree.leaf_runs ORDER BY 1")
        .fetch_all(server.database.superuser())
        .await
        .unwrap();
    for run in runs {
        tamper(&server, &format!("UPDATE tree.leaf_runs SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1) WHERE first_position = {run}")).await;
        let report = checks::database(server.state()).await;
        let named = report.findings.iter().any(|finding| {
            matches!(finding.place, Place::LeafRun { first_position, position } if first_position == run as u64 && position == run as u64)
        });
        assert!(named, "run {run}: {:?}", report.findings);
        tamper(&server, "DELETE FROM tree.leaf_runs; INSERT INTO tree.leaf_runs SELECT * FROM saved_runs").await;
    }
    tamper(&server, "DROP TABLE saved; DROP TABLE saved_runs").await;
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_the_log_does_not_say_is_named() {
    let server = TestServer::start().await;
    let (person, _) = Person::enrolled(&server, "painted").await;
    checks::read_models(server.state()).await;
    let table: String = sqlx::query_scalar(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND n.nspname LIKE 'security\\_v%' LIMIT 1",
    )
    .fetch_one(server.database.superuser())
    .await
    .unwrap();
    let saved: serde_json::Value = sqlx::query_scalar(&format!("SELECT doc FROM {table} WHERE subject = $1"))
        .bind(person.account.0)
        .fetch_one(server.database.superuser())
        .await
        .unwrap();
    let paint = format!("UPDATE {table} SET doc = doc || '{{\"painted\": true}}' WHERE subject = $1");
    sqlx::query(&paint).bind(person.account.0).execute(server.database.superuser()).await.unwrap();
    let report = vitne_replay::verify(&server.state().replay(), Some("security")).await.unwrap().remove(0);
    assert_eq!((report.exit_status(), report.differing), (1, 1), "{report}");
    assert_eq!(report.differences[0].subject, person.account);
    let back = format!("UPDATE {table} SET doc = $2 WHERE subject = $1");
    sqlx::query(&back).bind(person.account.0).bind(saved).execute(server.database.superuser()).await.unwrap();
    server.finish().await;
}
