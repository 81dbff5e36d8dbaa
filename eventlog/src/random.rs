//! The log's own randomness, seeded by the composition.

use std::sync::{Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Gives each piece of work a generator of its own, so that none is shared across a wait.
pub(crate) struct Randomness(Mutex<ChaCha20Rng>);

impl Randomness {
    /// `head` is mixed in so that a log opened twice with one seed does not repeat its nonces.
    pub(crate) fn new(seed: [u8; 32], head: u64) -> Self {
        let digest = Sha256::new().chain_update(b"vitne log randomness v1").chain_update(seed);
        Self(Mutex::new(ChaCha20Rng::from_seed(digest.chain_update(head.to_be_bytes()).finalize().into())))
    }

    pub(crate) fn fork(&self) -> ChaCha20Rng {
        let mut seed = [0_u8; 32];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut seed);
        ChaCha20Rng::from_seed(seed)
    }
}
