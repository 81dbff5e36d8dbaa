//! What the tests share: a database, a log on it, and some work to do.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgPool;
use uuid::Uuid;
use vitne_domain::account::{Account, AccountCommand, AccountError, Language};
use vitne_domain::claim::{Claim, ClaimCommand, ClaimError, ClaimKind};
use vitne_domain::id::{AccountId, CorrelationId};
use vitne_domain::{Actor, EventContext, NetworkContext, Protected};
use vitne_eventlog::database::testing::TestDatabase;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{
    AppendError, Committed, ExecuteError, LoadError, Log, LogOptions, Position, Recorded, Unit, Work,
};

pub struct Bench {
    pub database: TestDatabase,
    pub log: Log,
}

pub fn options(seed: u8) -> LogOptions {
    LogOptions::new([seed; 32], Arc::new(LocalKeyEncryption::new([42; 32])))
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(options(1)).await
    }

    pub async fn with(options: LogOptions) -> Self {
        let database = TestDatabase::create().await;
        let log = Log::open(database.pool(), options).await.unwrap();
        Self { database, log }
    }

    /// A second node: a pool and a lane of its own on the same database.
    pub async fn node(&self, seed: u8) -> Log {
        let settings = self.database.settings();
        let pool = vitne_eventlog::database::Database::connect_migrated(&settings).await.unwrap().server().clone();
        Log::open(pool, options(seed)).await.unwrap()
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.database.superuser()).await.unwrap()
    }

    /// Every event, read in order by one node; fails on a gap.
    pub async fn all(&self) -> Vec<Recorded> {
        read_all(&self.log).await
    }

    /// What must hold at the end of every test: positions are dense up to the head, every stream's
    /// sequences are, and no event stands twice.
    pub async fn check(&self) {
        let pool: &PgPool = self.database.superuser();
        let (count, last, head, ids): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT count(*), coalesce(max(position), 0), (SELECT last FROM log.head), count(DISTINCT event_id) FROM log.events",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!((count, last, ids), (head, head, head), "positions are dense and events are unique");
        let broken: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT 1 FROM log.events GROUP BY aggregate_type, aggregate_id
              HAVING max(sequence) <> count(*) OR min(sequence) <> 1) s",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!(broken, 0, "every stream is dense");
    }
}

pub async fn read_all(log: &Log) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let after = events.last().map_or(Position(0), |event| event.header.position);
        let page = log.read(after, 500).await.unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_795_000_000_000).unwrap()
}

pub fn person(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(0x1000 + number))
}

pub fn context(subject: AccountId) -> EventContext {
    EventContext {
        at: now(),
        subject: Some(subject),
        actor: Actor::User,
        correlation: CorrelationId(Uuid::from_u128(5)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        network: NetworkContext {
            ip: Some("203.0.113.77".parse().unwrap()),
            user_agent: Some("Rarebrowser/9".to_owned()),
            country: Some("SE".to_owned()),
        },
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Account(AccountError),
    #[error(transparent)]
    Claim(ClaimError),
}

impl From<ExecuteError<AccountError>> for Failure {
    fn from(error: ExecuteError<AccountError>) -> Self {
        match error {
            ExecuteError::Refused(error) => Self::Account(error),
            ExecuteError::Load(error) => Self::Load(error),
        }
    }
}

impl From<ExecuteError<ClaimError>> for Failure {
    fn from(error: ExecuteError<ClaimError>) -> Self {
        match error {
            ExecuteError::Refused(error) => Self::Claim(error),
            ExecuteError::Load(error) => Self::Load(error),
        }
    }
}

pub fn registration(number: u128) -> AccountCommand {
    AccountCommand::Register {
        email: format!("kari{number}@plaintext.example"),
        display_name: "Kari Nordmann".to_owned(),
        language: Language::Nb,
        password_hash: Protected::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"),
        at: now(),
    }
}

pub async fn register(log: &Log, account: AccountId) -> Committed {
    let mut unit = log.unit(context(account));
    unit.execute::<Account>(account, registration(account.0.as_u128())).await.unwrap();
    unit.commit().await.unwrap()
}

pub fn rename_to(name: &str) -> AccountCommand {
    AccountCommand::ChangeProfile { display_name: Some(name.to_owned()), phone: None, language: None }
}

pub async fn renamed(log: &Log, account: AccountId, name: &str) -> Unit {
    let mut unit = log.unit(context(account));
    unit.execute::<Account>(account, rename_to(name)).await.unwrap();
    unit
}

/// Changes the name once.
pub struct Rename(pub AccountId, pub String);

impl Work for Rename {
    type Output = ();
    type Error = Failure;

    fn run<'a>(&'a self, unit: &'a mut Unit) -> BoxFuture<'a, Result<(), Failure>> {
        async move { Ok(unit.execute::<Account>(self.0, rename_to(&self.1)).await?) }.boxed()
    }
}

/// Registers an account and claims its address, on two streams.
pub struct Join(pub AccountId, pub String);

impl Work for Join {
    type Output = ();
    type Error = Failure;

    fn run<'a>(&'a self, unit: &'a mut Unit) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let take = ClaimCommand::Take { kind: ClaimKind::Email, owner: self.0 };
            unit.execute::<Claim>(&self.1, take).await?;
            unit.execute::<Claim>(&self.1, ClaimCommand::Prove { owner: self.0 }).await?;
            Ok(unit.execute::<Account>(self.0, registration(self.0.0.as_u128())).await?)
        }
        .boxed()
    }
}
