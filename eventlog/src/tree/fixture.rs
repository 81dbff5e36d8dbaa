//! A log written behind the lane's back, for tests of the tree alone.

use std::sync::Arc;

use crate::database::testing::TestDatabase;

use super::*;

/// The signer of the tests.
pub(super) fn signer() -> LogSigner {
    LogSigner::from_seed("log.example/test", &[7; 32]).unwrap()
}

/// A database and a follower.
pub(super) struct Fixture {
    pub(super) database: TestDatabase,
    pub(super) follower: Follower,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let follower = Self::follower_of(&database);
        Self { database, follower }
    }

    /// A second node, or the same one after a restart.
    pub(super) fn follower_of(database: &TestDatabase) -> Follower {
        let clock: Clock = Arc::new(|| "2026-11-18T21:04:12Z".parse().unwrap());
        Follower::new(database.pool(), signer(), clock, FollowerOptions { batch: 200, ..Default::default() })
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::new(self.database.pool())
    }

    /// Runs SQL as the superuser, with triggers off.
    pub(super) async fn tamper(&self, sql: &str) {
        let script = format!("SET session_replication_role = replica; {sql}; RESET session_replication_role");
        sqlx::raw_sql(&script)
            .execute(self.database.superuser())
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Appends events, five to a stream.
    pub(super) async fn append(&self, count: u64) {
        self.tamper(&format!(
            "INSERT INTO log.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                 position, event_id, subject, actor, correlation_id, occurred_at, recorded_at, class, epoch, commitment)
             SELECT 'account', ((n - 1) / 5)::text, (n - 1) % 5 + 1, 'PasswordSet', '1', jsonb_build_object('for', n),
                 n, gen_random_uuid(), gen_random_uuid(), 'USER', gen_random_uuid(),
                 '2026-11-18T21:04:11.482Z', '2026-11-18T21:04:11.497003Z', 'security', '2026-11-01',
                 sha256(n::text::bytea)
               FROM log.head, generate_series(last + 1, last + {count}) AS n;
             UPDATE log.head SET last = last + {count}"
        ))
        .await;
    }

    /// Follows to the end.
    pub(super) async fn follow(&mut self) -> u64 {
        loop {
            match self.follower.step().await.unwrap() {
                Step::Covered { size, added: 0 } => return size,
                Step::Covered { .. } => {}
                Step::Elsewhere => panic!("nobody else follows"),
            }
        }
    }
}
