//! Tests of the database as its users see it.

use super::migrations::migrate_with;
use super::testing::{TestDatabase, empty_database};
use super::*;
use sqlx::{ConnectOptions, Executor};

#[tokio::test]
async fn the_server_works_under_its_own_role() {
    let test = TestDatabase::create().await;
    let who: (String, String) =
        sqlx::query_as("SELECT current_user::text, session_user::text").fetch_one(&test.pool()).await.unwrap();
    assert_eq!(who, (SERVER_ROLE.to_owned(), SERVER_ROLE.to_owned()));
    let refused = test.pool().execute("CREATE TABLE log.mine (id int)").await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let refused = test.pool().execute("CREATE TABLE public.mine (id int)").await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

#[tokio::test]
async fn another_login_takes_the_servers_role_on_every_connection() {
    let test = TestDatabase::create().await;
    let mut settings = test.settings();
    settings.server = settings.owner.clone();
    let database = Database::connect(&settings).await.unwrap();
    let who: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(database.server()).await.unwrap();
    assert_eq!(who, SERVER_ROLE);
}

#[tokio::test]
async fn a_login_that_may_not_act_as_the_server_is_told_what_to_do() {
    let test = TestDatabase::create().await;
    let outsider = format!("outsider_{}", test.name());
    test.superuser().execute(format!("CREATE ROLE {outsider} LOGIN").as_str()).await.unwrap();
    let database = test.name();
    test.superuser().execute(format!("GRANT CONNECT ON DATABASE {database} TO {outsider}").as_str()).await.unwrap();
    let mut settings = test.settings();
    settings.server = settings.server.username(&outsider);
    let error = Database::connect_migrated(&settings).await.unwrap_err();
    assert!(matches!(&error, DatabaseError::Role { login, .. } if *login == outsider), "{error}");
    assert!(error.to_string().contains(&format!("GRANT vitne_server TO {outsider}")), "{error}");
    test.superuser().execute(format!("DROP OWNED BY {outsider}; DROP ROLE {outsider}").as_str()).await.unwrap();
}

#[tokio::test]
async fn programs_that_migrate_at_once_take_turns() {
    let owner = empty_database().await;
    let racers: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let owner = owner.clone();
                async move { migrate(&owner).await }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap().unwrap();
    }
    let mut connection = owner.connect().await.unwrap();
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), MIGRATIONS.len());
}

#[tokio::test]
async fn a_schema_from_a_newer_program_is_refused() {
    let owner = empty_database().await;
    let newer: Vec<_> = MIGRATIONS.iter().copied().chain([(9999, "future", "SELECT 1")]).collect();
    migrate_with(&owner, &newer).await.unwrap();
    let error = migrate(&owner).await.unwrap_err();
    assert!(matches!(error, DatabaseError::NewerSchema { version: 9999 }), "{error}");
    assert!(error.to_string().contains("newer Vitne"), "{error}");
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let owner = empty_database().await;
    migrate_with(&owner, &[(1, "one", "SELECT 1")]).await.unwrap();
    let error = migrate_with(&owner, &[(1, "one", "SELECT 2")]).await.unwrap_err();
    assert!(matches!(error, DatabaseError::ChangedMigration { version: 1 }), "{error}");
}

#[tokio::test]
async fn a_failing_migration_leaves_nothing_behind() {
    let owner = empty_database().await;
    let failing = [(1, "half", "CREATE TABLE half (id int); SELECT 1/0")];
    let error = migrate_with(&owner, &failing).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Migration(_)), "{error}");
    let mut connection = owner.connect().await.unwrap();
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('half') IS NOT NULL").fetch_one(&mut connection).await.unwrap();
    assert!(!there);
}

#[tokio::test]
async fn a_url_that_is_none_is_told_so() {
    let error = DatabaseSettings::from_urls("nonsense", None).unwrap_err();
    assert!(error.to_string().contains("`database.url` cannot be read"), "{error}");
}

#[tokio::test]
async fn a_program_can_connect_by_url() {
    let test = TestDatabase::create().await;
    let settings = DatabaseSettings::from_urls(&test.url(), Some(&test.owner_url())).unwrap();
    Database::connect(&settings).await.unwrap();
}

fn severity(findings: &[doctor::Finding], check: doctor::Check) -> doctor::Severity {
    findings.iter().find(|finding| finding.check == check).map(|finding| finding.severity).unwrap()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the check compares with the real clock of the database")]
async fn the_doctor_tells_what_is_well_and_what_is_not() {
    use doctor::{Check, Severity};
    let test = TestDatabase::create().await;
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let found = doctor::examine(&test.settings(), Some(test.socket()), now).await;
    for check in [Check::Reachable, Check::Version, Check::Schema, Check::Role, Check::Clock] {
        assert_eq!(severity(&found, check), Severity::Fine, "{found:?}");
    }
    // The test cluster does not write through to the disk, and the doctor sees it.
    assert_eq!(severity(&found, Check::Durability), Severity::Failure);

    test.superuser()
        .execute("CREATE TABLE log.events_copy (id int); GRANT DELETE ON log.events_copy TO vitne_server")
        .await
        .unwrap();
    let hour_off = doctor::examine(&test.settings(), None, now - chrono::TimeDelta::hours(1)).await;
    assert_eq!(severity(&hour_off, Check::Clock), Severity::Warning);
    assert_eq!(severity(&hour_off, Check::Role), Severity::Failure, "a right to delete events is found");

    let mut gone = test.settings();
    gone.server = gone.server.clone().socket("/nonexistent");
    let found = doctor::examine(&gone, None, now).await;
    assert_eq!(severity(&found, Check::Reachable), Severity::Failure);
}

#[tokio::test]
async fn the_server_may_add_to_the_log_and_the_tree_and_change_nothing() {
    let test = TestDatabase::create().await;
    for table in ["log.events", "tree.tiles", "tree.checkpoints", "tree.leaf_runs"] {
        let column: String =
            sqlx::query_scalar("SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1")
                .bind(table)
                .fetch_one(test.superuser())
                .await
                .unwrap();
        let statements = [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ];
        for statement in &statements {
            let refused = test.pool().execute(statement.as_str()).await.expect_err(statement);
            assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
        }
        // The owner has every right, and a trigger that refuses.
        let refused = test.database().owner().execute(statements[2].as_str()).await.expect_err(&statements[2]);
        assert!(!refused.to_string().contains("permission denied"), "{}: {refused}", statements[2]);
    }
}
