//! The task that keeps one projection up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vitne_eventlog::{Position, Recorded};

use super::RunnerOptions;
use super::batch::{Step, Target, commit_batch, park_refused, skipped_in};
use super::error::RunError;
use super::read_models::ReadModels;
use super::retry::retry;
use super::source::Source;
use crate::Projection;
use crate::store::{self, Generation, Lock, State};

/// How many parked holders are tried again before batches go on.
const TRIALS: i64 = 16;

/// How long to leave alone a checkpoint that another node holds.
const NOT_OURS_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Task {
    pub(super) pool: PgPool,
    pub(super) source: Arc<dyn Source>,
    pub(super) projection: Arc<dyn Projection>,
    pub(super) read_models: ReadModels,
    pub(super) options: RunnerOptions,
    pub(super) stop: CancellationToken,
}

/// What the task believes between two batches. The lease decides whether it is right.
struct Belief {
    generation: Generation,
    position: Position,
    skips: BTreeSet<Position>,
    /// How many events to take at once.
    limit: u32,
    next_trials: Instant,
}

/// What to do next.
enum Next {
    /// Go on at once.
    GoOn,
    /// Wait for the head to move.
    Wait,
    /// Somebody else is at it.
    LeaveAlone,
}

impl Task {
    /// Runs until it is stopped. A failure is told, waited out and tried again: the transaction that
    /// failed has changed nothing.
    pub(super) async fn run(self) {
        let mut head = self.source.watch_head();
        let mut belief = None;
        let mut failures = 0_u32;
        while !self.stop.is_cancelled() {
            head.mark_unchanged();
            let pause = match self.step(&mut belief).await {
                Ok(next) => {
                    failures = 0;
                    match next {
                        Next::GoOn => continue,
                        Next::Wait => self.options.poll,
                        Next::LeaveAlone => NOT_OURS_PAUSE,
                    }
                }
                Err(error) => {
                    belief = None;
                    failures = failures.saturating_add(1);
                    tracing::warn!(projection = self.projection.name(), %error, failures, "a projection will try again");
                    metrics::counter!("vitne_projection_failures_total", "projection" => self.projection.name())
                        .increment(1);
                    back_off(failures)
                }
            };
            let wake_on_head = failures == 0 && pause == self.options.poll;
            tokio::select! {
                () = self.stop.cancelled() => {}
                Ok(()) = head.changed(), if wake_on_head => {}
                // Another node, or a flip, may have changed what is believed.
                () = tokio::time::sleep(pause) => belief = None,
            }
        }
    }

    async fn step(&self, slot: &mut Option<Belief>) -> Result<Next, RunError> {
        let belief = match slot {
            Some(belief) => belief,
            None => match self.look().await? {
                Some(belief) => slot.insert(belief),
                // Not made yet, or of another version: wait for the flip.
                None => return Ok(Next::Wait),
            },
        };
        if Instant::now() >= belief.next_trials {
            self.try_parked(belief).await?;
            belief.next_trials = Instant::now() + self.options.poll;
        }
        let events = self.source.read(belief.position, belief.limit).await?;
        if events.is_empty() {
            self.tell_lag(belief.position, &[], None);
            return Ok(Next::Wait);
        }
        let started = Instant::now();
        let next = match self.advance(belief, &events).await? {
            Some(Step::Done { at }) => {
                self.done(belief, &events, at, started);
                return Ok(Next::GoOn);
            }
            None => return Ok(Next::GoOn),
            Some(Step::Moved) => Next::GoOn,
            Some(Step::NotOurs) => Next::LeaveAlone,
        };
        *slot = None;
        Ok(next)
    }

    /// Reads how far the live generation of this version is.
    async fn look(&self) -> Result<Option<Belief>, RunError> {
        let mut connection = self.pool.acquire().await?;
        let live = store::live(&mut connection, self.projection.name()).await?;
        drop(connection);
        let Some(live) = live.filter(|live| live.generation.version == self.projection.version()) else {
            return Ok(None);
        };
        self.read_models.publish(self.projection.name(), live.position);
        let skips = self.source.skips(self.projection.name(), self.projection.version()).await?;
        Ok(Some(Belief {
            generation: live.generation,
            position: live.position,
            skips,
            limit: self.options.batch,
            next_trials: Instant::now(),
        }))
    }

    /// Commits a batch; `None` if one of its rows was refused and a smaller batch has to find which.
    async fn advance(&self, belief: &mut Belief, events: &[Recorded]) -> Result<Option<Step>, RunError> {
        let target = self.target(belief);
        let error = match commit_batch(&target, belief.position, events).await {
            Ok(step) => return Ok(Some(step)),
            Err(error) => error,
        };
        match (error.refused_value(), events) {
            (Some(code), [event]) => park_refused(&target, belief.position, event, &code).await.map(Some),
            (Some(_), _) => {
                belief.limit = u32::try_from(events.len() / 2).unwrap_or(belief.limit).max(1);
                Ok(None)
            }
            (None, _) => Err(error),
        }
    }

    /// After a batch: tells waiters and metrics.
    fn done(&self, belief: &mut Belief, events: &[Recorded], at: DateTime<Utc>, started: Instant) {
        let name = self.projection.name();
        belief.position = events.last().map_or(belief.position, |last| last.header.position);
        belief.limit = (belief.limit * 2).min(self.options.batch);
        self.read_models.publish(name, belief.position);
        self.tell_lag(belief.position, events, Some(at));
        metrics::histogram!("vitne_projection_batch_seconds", "projection" => name)
            .record(started.elapsed().as_secs_f64());
        metrics::histogram!("vitne_projection_batch_events", "projection" => name).record(count(events.len()));
        if !skipped_in(self.projection.as_ref(), events).is_empty() {
            belief.next_trials = Instant::now();
        }
    }

    /// Tries again whoever is due, with the skips as they are now.
    async fn try_parked(&self, belief: &mut Belief) -> Result<(), RunError> {
        let mut connection = self.pool.acquire().await?;
        let parked = store::all_parked(&mut connection, &belief.generation).await?.len();
        metrics::gauge!("vitne_projection_parked", "projection" => self.projection.name()).set(count(parked));
        if parked == 0 {
            return Ok(());
        }
        let due = store::due_parked(&mut connection, &belief.generation, TRIALS).await?;
        drop(connection);
        if !due.is_empty() {
            belief.skips = self.source.skips(self.projection.name(), self.projection.version()).await?;
        }
        for parked in due {
            let trial = retry(&self.target(belief), self.source.as_ref(), &parked).await?;
            tracing::info!(
                projection = self.projection.name(), position = parked.parking.position.0,
                event_type = %parked.parking.event_type, error = %parked.parking.error, ?trial,
                "a parked subject was tried again"
            );
        }
        Ok(())
    }

    fn target<'a>(&'a self, belief: &'a Belief) -> Target<'a> {
        Target {
            pool: &self.pool,
            projection: self.projection.as_ref(),
            generation: &belief.generation,
            state: State::Live,
            lock: Lock::SkipLocked,
            skips: &belief.skips,
        }
    }

    /// How far behind the log the projection is, in events and in seconds since the oldest event of the
    /// batch was recorded. Both clocks are the database's.
    fn tell_lag(&self, position: Position, events: &[Recorded], at: Option<DateTime<Utc>>) {
        let name = self.projection.name();
        let head = *self.source.watch_head().borrow();
        let behind = head.0.saturating_sub(position.0);
        metrics::gauge!("vitne_projection_lag_positions", "projection" => name).set(behind as f64);
        let seconds = match (events.first(), at) {
            (Some(first), Some(at)) => seconds_between(first.header.recorded_at, at),
            _ => 0.0,
        };
        metrics::gauge!("vitne_projection_lag_seconds", "projection" => name).set(seconds);
        if !events.is_empty() {
            metrics::histogram!("vitne_projection_delay_seconds", "projection" => name).record(seconds);
        }
    }
}

fn seconds_between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    to.signed_duration_since(from).to_std().unwrap_or_default().as_secs_f64()
}

/// A count as metrics want it; exact far beyond any batch.
fn count(number: usize) -> f64 {
    number as f64
}

/// A tenth of a second, then twice as long each time, ten seconds at most.
fn back_off(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.saturating_sub(1).min(7)).min(Duration::from_secs(10))
}
