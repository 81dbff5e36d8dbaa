//! From a unit's decisions to its place in the log: seal, queue, read the verdict.

use chrono::DateTime;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use vitne_domain::id::{AccountId, EventId};
use vitne_domain::{EventContext, RetentionClass};

use crate::lane::{SealedAnswer, SealedEvent, SealedUnit, StreamKey, Verdict};
use crate::log::Inner;
use crate::read::{body_need, context_need};
use crate::seal::{Found, KeyError, Keys, Need, SealError, open_answer, seal_answer, seal_parts};
use crate::stream::{Buffer, Pending};
use crate::{AppendError, Committed, FirstAnswer, Header, IdempotencyKey, Position};

/// Identifiers and keys longer than this are refused.
const LONGEST: usize = 512;

/// Why a commit failed, and on which stream it lost.
pub(crate) struct Refusal(pub(crate) AppendError, pub(crate) Option<StreamKey>);

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self(error, None)
    }
}

/// The answer column: what finds the key, and the ciphertext.
#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    subject: Option<AccountId>,
    epoch: chrono::NaiveDate,
    sealed: String,
}

impl StoredAnswer {
    fn need(&self) -> Need {
        Need { subject: self.subject, class: RetentionClass::Security, epoch: self.epoch }
    }
}

impl Inner {
    /// Appends what a unit decided.
    pub(crate) async fn commit(
        &self,
        buffer: &Buffer,
        context: &EventContext,
        answer: Option<&(IdempotencyKey, Vec<u8>)>,
    ) -> Result<Committed, Refusal> {
        if buffer.contents().pending.is_empty() && answer.is_none() {
            let last = self.reader.head().await.map_err(|error| AppendError::Unavailable(error.to_string()))?;
            return Ok(Committed { first: None, last });
        }
        let conditions = buffer.versions();
        check_texts(&conditions, answer)?;
        let mut again = true;
        loop {
            let unit = self.seal(buffer, context, answer, conditions.clone()).await?;
            match self.lane.append(unit).await? {
                Verdict::Written { first, last } => return Ok(Committed { first, last }),
                // A cached secret is not the database's (it was restored): fetch it again, once.
                Verdict::Keyless if std::mem::take(&mut again) => self.vault.forget(),
                verdict => return Err(self.refusal(verdict, answer).await),
            }
        }
    }

    async fn refusal(&self, verdict: Verdict, answer: Option<&(IdempotencyKey, Vec<u8>)>) -> Refusal {
        match verdict {
            Verdict::Conflict(stream) => {
                Refusal(AppendError::Conflict { aggregate_type: stream.0.clone() }, Some(stream))
            }
            Verdict::Answered { position, request, answer: stored } => match answer {
                Some((key, _)) => match self.open_first(key, position, &request, &stored).await {
                    Ok(first) => AppendError::AlreadyAnswered(Box::new(first)).into(),
                    Err(error) => error.into(),
                },
                None => AppendError::Unavailable("the database answered for another unit".to_owned()).into(),
            },
            Verdict::Erased => AppendError::SubjectErased.into(),
            Verdict::Keyless => {
                AppendError::Unavailable("the subject's key is missing from the secrets".to_owned()).into()
            }
            Verdict::Failed(reason) => AppendError::Unavailable(reason).into(),
            Verdict::Unsettled | Verdict::Written { .. } => AppendError::Unsettled.into(),
        }
    }

    /// The answer already given under a key.
    pub(crate) async fn first_answer(&self, key: &IdempotencyKey) -> Result<Option<FirstAnswer>, AppendError> {
        let row: Option<(Vec<u8>, i64, String)> =
            sqlx::query_as("SELECT request, position, answer FROM log.idempotency WHERE scope = $1 AND key = $2")
                .bind(&key.scope)
                .bind(&key.key)
                .fetch_optional(self.reader.pool())
                .await
                .map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let Some((request, position, stored)) = row else { return Ok(None) };
        let position = Position(u64::try_from(position).unwrap_or(0));
        self.open_first(key, position, &request, &stored).await.map(Some)
    }

    async fn open_first(
        &self,
        key: &IdempotencyKey,
        position: Position,
        request: &[u8],
        stored: &str,
    ) -> Result<FirstAnswer, AppendError> {
        if request != key.request {
            return Err(AppendError::KeyReused);
        }
        let unavailable = |reason: String| AppendError::Unavailable(reason);
        let stored: StoredAnswer = serde_json::from_str(stored)
            .map_err(|error| unavailable(format!("the first answer is damaged: {error}")))?;
        let keys = self.vault.keys([stored.need()]).await.map_err(|error| unavailable(error.to_string()))?;
        match keys.key(stored.need()) {
            Found::Live(secret) => open_answer(key, &stored.sealed, &secret)
                .map(|answer| FirstAnswer { position, answer })
                .ok_or_else(|| unavailable("the first answer does not open".to_owned())),
            Found::Destroyed => Err(AppendError::SubjectErased),
            Found::Missing => Err(unavailable("the first answer's key is missing".to_owned())),
        }
    }

    async fn seal(
        &self,
        buffer: &Buffer,
        context: &EventContext,
        answer: Option<&(IdempotencyKey, Vec<u8>)>,
        conditions: Vec<(StreamKey, u64)>,
    ) -> Result<SealedUnit, AppendError> {
        let mut rng = self.randomness.fork();
        let headers: Vec<Header> =
            buffer.contents().pending.iter().map(|pending| header(pending, &mut rng)).collect::<Result<_, _>>()?;
        let answer_need = Need {
            subject: context.subject,
            class: RetentionClass::Security,
            epoch: RetentionClass::Security.epoch(context.at),
        };
        let mut needs: Vec<Need> =
            headers.iter().flat_map(|header| [body_need(header), context_need(header)]).collect();
        if answer.is_some() {
            needs.push(answer_need);
        }
        let keys = self.vault.keys_or_new(&needs).await.map_err(key_error)?;
        let contents = buffer.contents();
        let mut events = Vec::with_capacity(headers.len());
        for (pending, mut header) in contents.pending.iter().zip(headers) {
            let (body, network) = (live(&keys, body_need(&header))?, live(&keys, context_need(&header))?);
            let payload =
                seal_parts(&mut header, &pending.event.payload, &pending.context.network, &body, &network, &mut rng)
                    .map_err(seal_error)?;
            events.push(SealedEvent { header, payload });
        }
        let answer = match answer {
            None => None,
            Some((key, answer)) => {
                let sealed = seal_answer(key, answer, &live(&keys, answer_need)?, &mut rng).map_err(seal_error)?;
                let stored = StoredAnswer { subject: answer_need.subject, epoch: answer_need.epoch, sealed };
                let answer = serde_json::to_string(&stored).map_err(|error| seal_error(error.into()))?;
                Some(SealedAnswer { scope: key.scope.clone(), key: key.key.clone(), request: key.request, answer })
            }
        };
        Ok(SealedUnit { conditions, events, answer })
    }
}

/// The clear part of an event to be written, all but its commitment.
fn header(pending: &Pending, rng: &mut ChaCha20Rng) -> Result<Header, AppendError> {
    let (event, context) = (&pending.event, &pending.context);
    let occurred_at = DateTime::from_timestamp_millis(context.at.timestamp_millis())
        .ok_or_else(|| AppendError::Unavailable("the clock is out of range".to_owned()))?;
    Ok(Header {
        position: Position::default(),
        aggregate_type: event.aggregate_type.clone(),
        aggregate_id: event.aggregate_id.clone(),
        sequence: event.sequence as u64,
        event_type: event.event_type.clone(),
        event_version: event.event_version.clone(),
        event_id: EventId::new(occurred_at, rng),
        subject: context.subject,
        actor: context.actor,
        correlation: context.correlation,
        causation: context.causation,
        ceremony: context.ceremony,
        session: context.session,
        device: context.device,
        occurred_at,
        recorded_at: occurred_at,
        class: pending.class,
        epoch: pending.class.epoch(occurred_at),
        commitment: [0; 32],
    })
}

/// PostgreSQL's text cannot hold NUL, and an index entry has a limit: one such unit must not fail a batch.
fn check_texts(conditions: &[(StreamKey, u64)], answer: Option<&(IdempotencyKey, Vec<u8>)>) -> Result<(), AppendError> {
    let ids = conditions.iter().map(|((_, id), _)| id.as_str());
    let keys = answer.iter().flat_map(|(key, _)| [key.scope.as_str(), key.key.as_str()]);
    match ids.chain(keys).any(|text| text.len() > LONGEST || text.contains('\0')) {
        true => Err(AppendError::Unavailable("an identifier or key is too long, or holds a NUL".to_owned())),
        false => Ok(()),
    }
}

fn live(keys: &Keys, need: Need) -> Result<crate::seal::Secret, AppendError> {
    match keys.key(need) {
        Found::Live(key) => Ok(key),
        Found::Destroyed if keys.subject_destroyed(need) => Err(AppendError::SubjectErased),
        Found::Destroyed => Err(AppendError::Unavailable(format!(
            "the {} epoch {} has been destroyed; nothing can be written into it",
            need.class.as_str(),
            need.epoch
        ))),
        Found::Missing => Err(AppendError::Unavailable("a key could not be made".to_owned())),
    }
}

fn key_error(error: KeyError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}

fn seal_error(error: SealError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}
