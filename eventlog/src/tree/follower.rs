//! The follower of the log: hashes what was appended and signs the tree's new head.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::checkpoint::Checkpoint;
use super::edge::RightEdge;
use super::leaf::leaf_hash;
use super::note::LogSigner;
use super::{TreeError, store};
use crate::Position;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How the follower paces itself.
#[derive(Clone, Copy, Debug)]
pub struct FollowerOptions {
    /// The most events of one run.
    pub batch: u32,
    /// The least time between two checkpoints once the follower has caught up. The first event after a
    /// pause is signed at once.
    pub interval: Duration,
    /// How long it waits after a failure.
    pub backoff: Duration,
}

impl Default for FollowerOptions {
    fn default() -> Self {
        Self { batch: 4096, interval: Duration::from_millis(500), backoff: Duration::from_secs(1) }
    }
}

/// What one run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another node is following at this moment.
    Elsewhere,
    /// The tree covers `size` events now, `added` of them new.
    Covered {
        /// The size of the newest checkpoint.
        size: u64,
        /// How many events this run added.
        added: u64,
    },
}

/// Follows the log. Any number of nodes may run one; a row lock lets one at a time work.
pub struct Follower {
    pool: PgPool,
    signer: LogSigner,
    clock: Clock,
    options: FollowerOptions,
    edge: Option<RightEdge>,
}

impl Follower {
    /// A follower that signs with `signer`. The pool is the server's.
    pub fn new(pool: PgPool, signer: LogSigner, clock: Clock, options: FollowerOptions) -> Self {
        Self { pool, signer, clock, options, edge: None }
    }

    /// Covers the next events, at most a batch of them, and signs the new head, in one transaction.
    /// Nothing is signed over a tree that contradicts its own last checkpoint.
    ///
    /// # Errors
    /// [`TreeError::Damaged`] if positions are not dense or the stored tree is not the one that was
    /// signed; [`TreeError::Database`]. Either way nothing was written, or it will be found written.
    pub async fn step(&mut self) -> Result<Step, TreeError> {
        let mut transaction = self.pool.begin().await?;
        let lease: Option<bool> = sqlx::query_scalar("SELECT one FROM tree.lease FOR UPDATE SKIP LOCKED")
            .fetch_optional(&mut *transaction)
            .await?;
        if lease.is_none() {
            return Ok(Step::Elsewhere);
        }
        let newest = store::newest_checkpoint(&mut transaction).await?;
        // The edge is given back only after the commit: a run that fails is followed by a fresh look.
        let mut edge = match (self.edge.take(), &newest) {
            (Some(edge), Some(newest)) if edge.size() == newest.size && edge.root() == newest.root => edge,
            (_, Some(newest)) => {
                let edge = store::edge(&mut transaction, newest.size).await?;
                if edge.root() != newest.root {
                    let size = newest.size;
                    return Err(TreeError::Damaged(format!("its tiles do not lead to the root signed at {size}")));
                }
                edge
            }
            (_, None) => RightEdge::default(),
        };
        let after = edge.size();
        let headers = store::headers(&mut transaction, after, self.options.batch).await?;
        let (mut leaves, mut full) = (Vec::with_capacity(headers.len()), Vec::new());
        for header in &headers {
            let expected = edge.size() + 1;
            if header.position.0 != expected {
                return Err(TreeError::Damaged(format!("the event at position {expected} is missing")));
            }
            let leaf = leaf_hash(header);
            leaves.push(leaf);
            edge.push(leaf, &mut full);
        }
        if !leaves.is_empty() {
            store::insert_run(&mut transaction, after, &leaves, &full).await?;
        }
        if !leaves.is_empty() || newest.is_none() {
            self.sign(&mut transaction, &edge).await?;
        }
        transaction.commit().await?;
        let (size, added) = (edge.size(), edge.size() - after);
        self.edge = Some(edge);
        Ok(Step::Covered { size, added })
    }

    async fn sign(&self, on: &mut sqlx::PgConnection, edge: &RightEdge) -> Result<(), TreeError> {
        let started = Instant::now();
        let (origin, root) = (self.signer.origin().to_owned(), edge.root());
        let note = Checkpoint { origin, size: edge.size(), root }.sign(&self.signer);
        metrics::histogram!("vitne_tree_sign_seconds").record(started.elapsed().as_secs_f64());
        sqlx::query("INSERT INTO tree.checkpoints (size, root, note, created_at) VALUES ($1, $2, $3, $4)")
            .bind(store::signed(edge.size())?)
            .bind(root.0.to_vec())
            .bind(note)
            .bind((self.clock)())
            .execute(on)
            .await?;
        Ok(())
    }

    /// Follows until `stop`, woken by the head of the log; then covers what is left and returns.
    pub async fn run(mut self, mut head: watch::Receiver<Position>, stop: CancellationToken) {
        loop {
            // Before the run, so that stopping in its middle still leads to one more.
            let last = stop.is_cancelled() || head.has_changed().is_err();
            let started = Instant::now();
            let outcome = self.step().await;
            metrics::histogram!("vitne_tree_run_seconds").record(started.elapsed().as_secs_f64());
            let covered = self.tell(&outcome, *head.borrow());
            let full = matches!(outcome, Ok(Step::Covered { added, .. }) if added == u64::from(self.options.batch));
            if full {
                continue;
            }
            if last {
                return;
            }
            let pause = if outcome.is_err() { self.options.backoff } else { self.options.interval };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        // An error means that the log has closed, which the next turn sees.
                        _ = head.wait_for(|head| head.0 > covered) => {}
                    }
                }
            }
        }
    }

    /// Metrics and the log line of one run; gives the size after which there is work.
    fn tell(&self, outcome: &Result<Step, TreeError>, head: Position) -> u64 {
        match outcome {
            Ok(Step::Covered { size, .. }) => {
                // Gauges are floating point; a log of 2^53 events is far away.
                metrics::gauge!("vitne_tree_size_events").set(*size as f64);
                metrics::gauge!("vitne_tree_lag_events").set(head.0.saturating_sub(*size) as f64);
                *size
            }
            Ok(Step::Elsewhere) => 0,
            Err(error) => {
                tracing::error!(%error, "the tree could not follow the log");
                metrics::counter!("vitne_tree_failures_total").increment(1);
                0
            }
        }
    }
}
