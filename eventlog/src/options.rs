//! How to open the log.

use std::sync::Arc;
use std::time::Duration;

use crate::seal::KeyEncryption;

/// How to open the log.
#[derive(Clone)]
pub struct LogOptions {
    /// Seeds the log's salts, nonces, secrets and event ids: fresh from the operating system outside
    /// tests and simulations.
    pub seed: [u8; 32],
    /// Key-encryption keys. The first wraps new secrets; the others can still unwrap older ones.
    pub keys: Vec<Arc<dyn KeyEncryption>>,
    /// Units that may wait for the lane; one more is refused as busy.
    pub queue: usize,
    /// Units in one batch at most.
    pub batch_units: usize,
    /// Bytes of sealed events in one batch at most (a single larger unit goes alone).
    pub batch_bytes: usize,
    /// How often the head is looked up, to notice what other nodes wrote.
    pub poll: Duration,
}

impl LogOptions {
    /// The defaults, with one key-encryption key.
    pub fn new(seed: [u8; 32], key: Arc<dyn KeyEncryption>) -> Self {
        Self {
            seed,
            keys: vec![key],
            queue: 1024,
            batch_units: 256,
            batch_bytes: 4 << 20,
            poll: Duration::from_millis(100),
        }
    }
}

impl std::fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.keys.iter().map(|key| key.id()).collect();
        f.debug_struct("LogOptions")
            .field("keys", &keys)
            .field("queue", &self.queue)
            .field("batch_units", &self.batch_units)
            .field("batch_bytes", &self.batch_bytes)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}
