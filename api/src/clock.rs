//! Time and randomness, which everything else takes as arguments.
//!
//! Both are made once, in the composition, and handed down. A test or a simulation hands down a clock
//! it moves itself and a generator with a known seed, and gets the same history twice.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> DateTime<Utc> {
        std::time::SystemTime::now().into()
    }
}

/// A clock that stands still until it is moved. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that stands at `at`.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(at)))
    }

    /// Moves the clock to `at`, which may lie in the past.
    pub fn set(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Moves the clock by `by`, which may be negative, and tells the new time.
    pub fn advance(&self, by: Duration) -> DateTime<Utc> {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *at = at.checked_add_signed(by).unwrap_or(*at);
        *at
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the generator could not be seeded.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness: {0}")]
pub struct EntropyError(getrandom::Error);

/// A cryptographically secure generator that all parts of the server share. Clones share its state.
#[derive(Clone)]
pub struct Entropy(Arc<Mutex<ChaCha20Rng>>);

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

impl Entropy {
    /// A generator seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness enters")]
    pub fn from_os() -> Result<Self, EntropyError> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(EntropyError)?;
        Ok(Self(Arc::new(Mutex::new(ChaCha20Rng::from_seed(seed)))))
    }

    /// A generator that always gives the same numbers: for tests and simulated histories only.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// Runs `section` with the generator. The section must be short: others wait for it.
    pub fn with<T>(&self, section: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        section(&mut *rng)
    }

    /// A generator of its own for one request or task, seeded from this one, so that long work and
    /// `await` need no lock.
    pub fn fork(&self) -> ChaCha20Rng {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ChaCha20Rng::from_rng(&mut *rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told_and_its_clones_move_with_it() {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let clock = ManualClock::new(start);
        let other = clock.clone();
        assert_eq!(other.now(), start);
        clock.advance(Duration::hours(1));
        assert_eq!(other.now() - start, Duration::hours(1));
        other.set(start);
        assert_eq!(clock.now(), start);
    }

    #[test]
    fn seeded_generators_repeat_and_os_generators_differ() {
        let draw = |entropy: &Entropy| entropy.with(|rng| rng.next_u64());
        assert_eq!(draw(&Entropy::seeded(7)), draw(&Entropy::seeded(7)));
        assert_ne!(draw(&Entropy::from_os().unwrap()), draw(&Entropy::from_os().unwrap()));
        let entropy = Entropy::seeded(7);
        use rand_core::Rng;
        assert_ne!(entropy.fork().next_u64(), entropy.fork().next_u64());
    }
}
