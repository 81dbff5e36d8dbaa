//! The task behind the lane: gathers, appends, answers, and settles what a dying connection left open.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::append::append;
use super::gather::next_batch;
use super::{Job, Limits, SealedUnit, Verdict};
use crate::Position;

/// How often an unsent batch tries to reach the database before it is refused.
const UNSENT_TRIES: u32 = 6;
/// How long a closing log waits for a database that would tell what became of a batch.
const CLOSING_PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the statement's own limit on the server; past it the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(40);
const CONNECT: Duration = Duration::from_secs(5);

/// Why an attempt gave no verdicts.
enum Failure {
    /// It was not sent: nothing happened.
    Unsent(String),
    /// The database refused the statement and lives: nothing happened.
    Refused { reason: String, poisoned: bool },
    /// The connection died with the statement on its way: it may have been written.
    Lost(String),
}

pub(super) struct Worker {
    pool: PgPool,
    connection: Option<PgConnection>,
    limits: Limits,
    head: watch::Sender<Position>,
    queue: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
    closing: CancellationToken,
    last_batch: Arc<AtomicU64>,
}

impl Worker {
    pub(super) fn new(
        pool: PgPool,
        limits: Limits,
        head: watch::Sender<Position>,
        queue: mpsc::Receiver<Job>,
        closing: CancellationToken,
        last_batch: Arc<AtomicU64>,
    ) -> Self {
        Self { pool, connection: None, limits, head, queue, waiting: VecDeque::new(), closing, last_batch }
    }

    pub(super) async fn run(mut self) {
        while self.gather().await {
            let batch = next_batch(&mut self.waiting, self.limits);
            self.write(batch).await;
        }
        if let Some(connection) = self.connection.take() {
            // A connection that does not close politely is closed by dropping it.
            let _ = connection.close().await;
        }
    }

    /// Waits for the first unit, then takes what else has come. False when the lane is closed and empty.
    async fn gather(&mut self) -> bool {
        if self.waiting.is_empty() {
            let job = tokio::select! {
                biased;
                job = self.queue.recv() => job,
                () = self.closing.cancelled() => {
                    self.queue.close();
                    self.queue.recv().await
                }
            };
            match job {
                Some(job) => self.waiting.push_back(job),
                None => return false,
            }
        }
        while self.waiting.len() < self.limits.units.saturating_mul(2) {
            match self.queue.try_recv() {
                Ok(job) => self.waiting.push_back(job),
                Err(_) => break,
            }
        }
        metrics::gauge!("vitne_log_queue_depth").set((self.queue.len() + self.waiting.len()) as f64);
        true
    }

    async fn write(&mut self, batch: Vec<Job>) {
        let (units, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.unit, job.reply)).unzip();
        let began = Instant::now();
        let verdicts = match self.settle(&units).await {
            Some(verdicts) => verdicts,
            None => self.write_each(&units).await,
        };
        self.measure(&verdicts, began.elapsed());
        for (reply, verdict) in replies.into_iter().zip(verdicts) {
            // A caller that went away does not undo what it queued.
            let _ = reply.send(verdict);
        }
    }

    /// One unit at a time, so that one that the database cannot take does not fail the others.
    async fn write_each(&mut self, units: &[SealedUnit]) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(units.len());
        for unit in units {
            let verdict = self.settle(std::slice::from_ref(unit)).await.and_then(|mut verdicts| verdicts.pop());
            verdicts.push(verdict.unwrap_or_else(|| Verdict::Failed("the database refused the unit".to_owned())));
        }
        verdicts
    }

    /// Tries until it is known what became of the batch. `None`: the database refuses the batch as it
    /// is, and nothing of it was written. Trying again is safe, because a unit that stands in the log
    /// already is recognised by its first event's id.
    async fn settle(&mut self, units: &[SealedUnit]) -> Option<Vec<Verdict>> {
        let (mut tries, mut lost, mut closing_since) = (0_u32, false, None);
        loop {
            let reason = match self.attempt(units).await {
                Ok(verdicts) => return Some(verdicts),
                Err(Failure::Refused { reason, poisoned }) if poisoned || !lost => {
                    tracing::error!(%reason, units = units.len(), "the database refused a batch");
                    return (units.len() == 1).then(|| vec![Verdict::Failed(reason)]);
                }
                Err(Failure::Unsent(reason)) if !lost && tries >= UNSENT_TRIES => {
                    return Some(all(units, &Verdict::Failed(reason)));
                }
                Err(Failure::Lost(reason)) => {
                    lost = true;
                    reason
                }
                Err(Failure::Unsent(reason) | Failure::Refused { reason, .. }) => reason,
            };
            self.connection = None;
            metrics::counter!("vitne_log_append_failures_total").increment(1);
            tracing::warn!(%reason, units = units.len(), lost, tries, "an append failed; trying again");
            if self.closing.is_cancelled()
                && closing_since.get_or_insert_with(Instant::now).elapsed() > CLOSING_PATIENCE
            {
                let verdict = if lost { Verdict::Unsettled } else { Verdict::Failed(reason) };
                return Some(all(units, &verdict));
            }
            tokio::time::sleep(Duration::from_millis(10 << tries.min(6))).await;
            tries += 1;
        }
    }

    async fn attempt(&mut self, units: &[SealedUnit]) -> Result<Vec<Verdict>, Failure> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.pool).await.map_err(|error| Failure::Unsent(error.to_string()))?);
        }
        let Some(connection) = self.connection.as_mut() else {
            return Err(Failure::Unsent("no connection".to_owned()));
        };
        match tokio::time::timeout(SILENCE, append(connection, units)).await {
            Ok(Ok((verdicts, head))) => {
                advance(&self.head, head);
                Ok(verdicts)
            }
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(Failure::Lost("the database did not answer".to_owned())),
        }
    }

    fn measure(&self, verdicts: &[Verdict], took: Duration) {
        self.last_batch.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        metrics::histogram!("vitne_log_batch_units").record(verdicts.len() as f64);
        metrics::histogram!("vitne_log_batch_seconds").record(took.as_secs_f64());
        let conflicts = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Conflict(_))).count();
        metrics::counter!("vitne_log_conflicts_total").increment(conflicts as u64);
    }
}

/// Moves a watched head forward, never back.
pub(crate) fn advance(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|head| {
        let further = to > *head;
        *head = to.max(*head);
        further
    });
}

fn all(units: &[SealedUnit], verdict: &Verdict) -> Vec<Verdict> {
    units.iter().map(|_| verdict.clone()).collect()
}

/// A connection of the lane's own, out of the pool's hands, with limits that keep it from sitting on
/// the head row, and with acknowledged meaning durable whatever the database's default.
async fn connect(pool: &PgPool) -> Result<PgConnection, sqlx::Error> {
    let work = async {
        let mut connection = pool.acquire().await?.detach();
        connection
            .execute("SET synchronous_commit = on; SET statement_timeout = '30s'; SET lock_timeout = '20s'; SET application_name = 'vitne lane'")
            .await?;
        Ok(connection)
    };
    tokio::time::timeout(CONNECT, work).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
}

/// Only an ERROR from a living backend is proof that nothing was written; a FATAL one (57P01 from a
/// shutdown or a terminated backend) may come after the commit.
fn classify(error: &sqlx::Error) -> Failure {
    let reason = error.to_string();
    let Some(database) = error.as_database_error() else { return Failure::Lost(reason) };
    let fatal = database
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_none_or(|error| !matches!(error.severity(), sqlx::postgres::PgSeverity::Error));
    let code = database.code().unwrap_or_default().into_owned();
    if fatal || code.starts_with("57P") || code.starts_with("08") {
        return Failure::Lost(reason);
    }
    // Data that the statement cannot take fails every time, so it never was written.
    let poisoned = ["22", "23", "42", "0A"].iter().any(|class| code.starts_with(class));
    Failure::Refused { reason, poisoned }
}
