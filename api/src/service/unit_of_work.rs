//! Running a piece of work on the log: decide, commit, decide again on conflict, answer a repeated
//! request as it was answered the first time.

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vitne_domain::EventContext;
use vitne_eventlog::{FirstAnswer, IdempotencyKey, Unit, Work};

use super::{Caller, Done, Refusal, ServiceError, Services};

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 200;

/// A closure as a piece of work. What it captures is its own, because it may run several times.
struct Closure<F> {
    run: F,
    key: Option<IdempotencyKey>,
}

impl<T, F> Work for Closure<F>
where
    T: Serialize + Send + 'static,
    F: for<'u> Fn(&'u mut Unit) -> BoxFuture<'u, Result<T, ServiceError>> + Send + Sync,
{
    type Output = T;
    type Error = ServiceError;

    fn run<'a>(&'a self, unit: &'a mut Unit) -> BoxFuture<'a, Result<T, ServiceError>> {
        Box::pin(async move {
            let output = (self.run)(unit).await?;
            if let Some(key) = &self.key {
                let answer = serde_json::to_vec(&output).map_err(|error| ServiceError::Internal(error.to_string()))?;
                unit.answer(key.clone(), answer);
            }
            Ok(output)
        })
    }
}

impl Services {
    /// Runs `work` in one unit of work, under the caller's idempotency key if there is one.
    pub(super) async fn transact<T, F>(
        &self,
        context: EventContext,
        key: Option<IdempotencyKey>,
        work: F,
    ) -> Result<Done<T>, ServiceError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: for<'u> Fn(&'u mut Unit) -> BoxFuture<'u, Result<T, ServiceError>> + Send + Sync,
    {
        match self.log().transact(context, &Closure { run: work, key }).await {
            Ok((value, committed)) => Ok(Done { value, position: committed.last }),
            Err(ServiceError::AlreadyAnswered(first)) => opened(&first),
            Err(error) => Err(error),
        }
    }

    /// The answer that this request was given before, if it was.
    pub(super) async fn answered<T: DeserializeOwned>(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Done<T>>, ServiceError> {
        let Some(key) = key else { return Ok(None) };
        self.log().first_answer(key).await?.map(|first| opened(&first)).transpose()
    }
}

fn opened<T: DeserializeOwned>(first: &FirstAnswer) -> Result<Done<T>, ServiceError> {
    let value = serde_json::from_slice(&first.answer).map_err(|error| ServiceError::Internal(error.to_string()))?;
    Ok(Done { value, position: first.position })
}

impl Services {
    /// The caller's idempotency key for one operation, bound to the operation's input. `scope` is what
    /// the caller has proved (a session, a ceremony), so that keys of strangers cannot meet. The input
    /// is kept as a keyed hash: it may be a password.
    pub(super) fn idempotency(
        &self,
        caller: &Caller,
        scope: &str,
        operation: &str,
        input: &[&str],
    ) -> Result<Option<IdempotencyKey>, ServiceError> {
        let Some(key) = &caller.idempotency else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(char::is_control) {
            return Err(Refusal::Invalid {
                field: "idempotencyKey",
                code: "IDEMPOTENCY_KEY_INVALID",
                message: format!("give 1 to {LONGEST_KEY} bytes without control characters, a UUID for example"),
            }
            .into());
        }
        let parts: Vec<&[u8]> = std::iter::once(&operation).chain(input).map(|part| part.as_bytes()).collect();
        Ok(Some(IdempotencyKey {
            scope: scope.to_owned(),
            key: key.clone(),
            request: self.keys().request_hash(&parts),
        }))
    }
}
