//! Mail from the log. What is due is a projection; this sends it, keeps that it was sent, and tries
//! again later what did not go out. At least once: between sending and keeping, a crash may repeat a
//! message, which then carries the same Message-ID.

mod letter;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vitne_domain::claim::normalise_email;
use vitne_gateways::Mailer;
use vitne_gateways::mail::Message;
use vitne_projections::outbox::{Delivery, DueMessage, Settlement, Template};
use vitne_projections::runner::ReadModels;

use crate::clock::Clock;
use crate::limits::{Limits, LimitsError};
use crate::server::AppState;
use crate::service::{ServiceError, Services};

/// How often to look for messages whose next attempt has come.
const POLL: Duration = Duration::from_secs(1);
/// Messages sent in one round.
const ROUND: i64 = 50;
/// Older messages are of no use to anybody: a rebuilt history sends nothing.
const TOO_OLD: TimeDelta = TimeDelta::hours(24);

/// The follower that sends mail.
pub(crate) struct Notices {
    delivery: Delivery,
    services: Services,
    read_models: ReadModels,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    public_url: String,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum NoticeError {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<vitne_eventlog::LoadError> for NoticeError {
    fn from(error: vitne_eventlog::LoadError) -> Self {
        Self::Service(error.into())
    }
}

impl Notices {
    pub(crate) fn new(state: &AppState) -> Self {
        let node: Uuid = state.entropy.with(|rng| vitne_domain::id::uuid_v7(state.clock.now(), rng));
        Self {
            delivery: Delivery::new(state.database.server().clone(), node),
            services: state.services.clone(),
            read_models: state.read_models.clone(),
            mailer: Arc::clone(&state.mailer),
            clock: Arc::clone(&state.clock),
            limits: Arc::clone(&state.limits),
            public_url: state.config.server.public_url.clone(),
        }
    }

    /// Sends until told to stop; the message being sent is finished.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut head = self.services.log().watch_head();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = head.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            if let Err(error) = self.round(&stop).await {
                tracing::warn!(event = "notices.round_failed", error = %error);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }

    async fn round(&self, stop: &CancellationToken) -> Result<(), NoticeError> {
        if !self.delivery.lease(self.clock.now()).await? {
            return Ok(());
        }
        loop {
            // Read before the messages: what the projection adds meanwhile lies beyond this mark.
            let reached = self.read_models.position("outbox").await?;
            let due = self.delivery.due(self.clock.now(), ROUND).await?;
            for message in &due {
                if stop.is_cancelled() {
                    return Ok(());
                }
                let now = self.clock.now();
                let how = self.send(message, now).await?;
                self.delivery.settle(message, &how, now).await?;
            }
            self.delivery.advance(reached.0).await?;
            let full = i64::try_from(due.len()).unwrap_or(ROUND) >= ROUND;
            if !full || !self.delivery.lease(self.clock.now()).await? {
                return Ok(());
            }
        }
    }

    /// Whether these letters may go out. Letters that strangers can set off are limited for each address, so
    /// that nobody can be buried in them; the links sent earlier still hold. What warns an owner always goes
    /// out, or a flood of the others could hide it.
    async fn may_send(&self, due: &DueMessage, letters: &[Message], now: DateTime<Utc>) -> Result<bool, NoticeError> {
        let set_off = matches!(due.message.template, Template::EmailLink | Template::RegistrationAttempted);
        // Asked once a message: trying again what did not go out costs its receiver nothing.
        if !set_off || due.attempts > 0 {
            return Ok(true);
        }
        for letter in letters {
            let address = normalise_email(&letter.to).unwrap_or_else(|_| letter.to.clone());
            if !self.limits.may_write_to(&address, now).await? {
                tracing::info!(event = "notices.held_back", message = %due.id);
                metrics::counter!("vitne_mail_held_back_total").increment(1);
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send(&self, due: &DueMessage, now: DateTime<Utc>) -> Result<Settlement, NoticeError> {
        if now - due.message.occurred_at > TOO_OLD {
            return Ok(Settlement::Expired);
        }
        let letters = self.letters(due).await?;
        if letters.is_empty() || !self.may_send(due, &letters, now).await? {
            return Ok(Settlement::Undeliverable);
        }
        for letter in &letters {
            match self.mailer.send(letter).await {
                Ok(()) => metrics::counter!("vitne_mail_sent_total").increment(1),
                Err(error) if error.is_permanent() => {
                    tracing::warn!(event = "notices.refused", message = %due.id, error = %error);
                    return Ok(Settlement::Undeliverable);
                }
                Err(error) => {
                    metrics::counter!("vitne_mail_failed_total").increment(1);
                    return Ok(Settlement::Failed { reason: error.to_string() });
                }
            }
        }
        Ok(Settlement::Sent)
    }
}
