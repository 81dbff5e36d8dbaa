//! Chance, from a seed: what a simulated person decides to do, apart from the randomness that the
//! services draw for themselves.

use chrono::{DateTime, Utc};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vitne_domain::id::uuid_v7;

/// A generator of one person's own, so that people who run side by side do not disturb each other.
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    /// The dice of one person of one simulation.
    pub(super) fn new(seed: u64, person: u64) -> Self {
        let digest = Sha256::new().chain_update(b"vitne simulation v1").chain_update(seed.to_be_bytes());
        Self(ChaCha20Rng::from_seed(digest.chain_update(person.to_be_bytes()).finalize().into()))
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// True in so many of a thousand throws.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.between(1, 1000) <= per_mille
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1).max(1);
        low.saturating_add(self.number().checked_rem(span).unwrap_or(0))
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let last = u64::try_from(from.len()).unwrap_or(0).checked_sub(1)?;
        let index = usize::try_from(self.between(0, last)).unwrap_or(0);
        from.get(index).copied()
    }

    /// A random identifier, as a browser's cookie holds.
    pub(super) fn cookie(&mut self) -> Uuid {
        let mut bytes = [0_u8; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The identifier of a request.
    pub(super) fn request(&mut self, at: DateTime<Utc>) -> Uuid {
        uuid_v7(at, &mut self.0)
    }
}
