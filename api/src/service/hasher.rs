//! Password hashing in a bounded pool: memory is workers times the hash's memory, never more, and
//! when the queue is full the answer is "busy", not a slower and slower server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError};

/// How many hashes run and wait at once.
#[derive(Clone, Copy, Debug)]
pub struct HasherSettings {
    /// Hashes computed at the same time.
    pub workers: usize,
    /// Requests that may wait for a worker.
    pub queue: usize,
}

/// The pool is full, or gone.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Every worker is busy and the queue is full.
    #[error("too many password checks at once; try again in {retry_after:?}")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The process is shutting down, or a hash panicked.
    #[error("the password check could not be run")]
    Failed,
}

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
}

impl Hasher {
    /// A pool of the given size.
    pub fn new(settings: HasherSettings) -> Self {
        let workers = settings.workers.max(1);
        Self { places: Arc::new(Semaphore::new(workers + settings.queue)), workers: Arc::new(Semaphore::new(workers)) }
    }

    /// Runs one hash. The place is held until the hash is done, even when the caller goes away: a
    /// dropped request must not let another one in beside work that still runs.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HasherError> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => {
                metrics::counter!("vitne_hasher_refused_total").increment(1);
                return Err(HasherError::Busy { retry_after: Duration::from_secs(1) });
            }
            Err(TryAcquireError::Closed) => return Err(HasherError::Failed),
        };
        let worker = Arc::clone(&self.workers).acquire_owned().await.map_err(|_closed| HasherError::Failed)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop((worker, place));
            result
        })
        .await
        .map_err(|_panicked| HasherError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_when_workers_and_queue_are_full() {
        let hasher = Hasher::new(HasherSettings { workers: 1, queue: 1 });
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.run(move || gate.recv().is_ok()).await }
        });
        let second = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.run(|| true).await }
        });
        while hasher.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hasher.run(|| true).await, Err(HasherError::Busy { .. })));
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert!(second.await.unwrap().unwrap());
        assert!(hasher.run(|| true).await.unwrap());
    }
}
