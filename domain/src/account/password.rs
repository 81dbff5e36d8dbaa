//! Passwords (NIST SP 800-63B-4 §3.1.1): which are acceptable, and how they are kept.
//!
//! Everything here is pure. Hashing takes tens of milliseconds and megabytes on purpose, so callers
//! run it in their bounded pool.

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::CustomizedPasswordHasher;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::protected::Protected;
use crate::text::is_control;

/// The fewest characters of a password that is used with a second factor.
pub const SHORTEST: usize = 8;
/// The fewest characters of a password that is the only factor.
pub const SHORTEST_ALONE: usize = 15;
/// The most characters of a password.
pub const LONGEST: usize = 128;
/// The fewest bytes of salt that are taken.
pub const SHORTEST_SALT: usize = 16;

/// The fewest letters that must be left of a password when words about the account are taken away.
const LETTERS_BESIDE_WORDS: usize = 4;
/// Shorter words about the account are parts of too many others to be looked for.
const SHORTEST_WORD: usize = 4;

static BLOCKLIST: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("blocklist.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// What a password stands beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordUse {
    /// A second factor is asked for too.
    WithSecondFactor,
    /// Nothing.
    Alone,
}

impl PasswordUse {
    /// The fewest characters.
    pub const fn shortest(self) -> usize {
        match self {
            Self::WithSecondFactor => SHORTEST,
            Self::Alone => SHORTEST_ALONE,
        }
    }
}

/// Why a password is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too few characters.
    #[error("use at least {shortest} characters: a few words in a row are easy to remember")]
    TooShort {
        /// The limit.
        shortest: usize,
    },
    /// Too many characters.
    #[error("use at most {LONGEST} characters")]
    TooLong,
    /// NUL, a line break or another control character.
    #[error("leave out line breaks and other control characters")]
    Control,
    /// One of the passwords that everybody tries first.
    #[error("this is one of the most common passwords: choose another")]
    Common,
    /// Made of the account's own name or address.
    #[error("this is made of your name, your address or the service's name: choose another")]
    AboutAccount,
    /// The same few characters over and over.
    #[error("this repeats the same characters: choose another")]
    Repetitive,
}

/// A password that is acceptable. It never prints, and is wiped when dropped.
pub struct AcceptablePassword {
    normalised: Zeroizing<String>,
    /// How hard it is to guess, from 0 (trivial) to 4 (very hard). A hint for the person, no rule.
    pub score: u8,
}

impl AcceptablePassword {
    /// The password in NFC.
    pub fn expose(&self) -> &str {
        &self.normalised
    }
}

impl std::fmt::Debug for AcceptablePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[protected]")
    }
}

fn normalise(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(typed.nfc().collect())
}

/// Whether a new password is acceptable. `about` is what is known of the account: its address, its
/// name; the service's own name is always counted in.
pub fn check(typed: &str, usage: PasswordUse, about: &[&str]) -> Result<AcceptablePassword, PasswordError> {
    // Composition makes at most a few bytes of each character; more is too long without looking.
    if typed.len() > LONGEST * 16 {
        return Err(PasswordError::TooLong);
    }
    let normalised = normalise(typed);
    let length = normalised.chars().count();
    let shortest = usage.shortest();
    if length < shortest {
        return Err(PasswordError::TooShort { shortest });
    }
    if length > LONGEST {
        return Err(PasswordError::TooLong);
    }
    if normalised.chars().any(is_control) {
        return Err(PasswordError::Control);
    }
    let lower = Zeroizing::new(normalised.to_lowercase());
    if is_common(&lower) {
        return Err(PasswordError::Common);
    }
    if lower.chars().collect::<HashSet<_>>().len() < 4 {
        return Err(PasswordError::Repetitive);
    }
    let words = words_about(about);
    if is_about(&lower, &words) {
        return Err(PasswordError::AboutAccount);
    }
    let hints: Vec<&str> = words.iter().map(String::as_str).collect();
    let score = u8::from(zxcvbn::zxcvbn(&normalised, &hints).score());
    Ok(AcceptablePassword { normalised, score })
}

/// In the list as it is, or when the digits and signs around it are left out.
fn is_common(lower: &str) -> bool {
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    BLOCKLIST.contains(lower) || BLOCKLIST.contains(core)
}

/// The words that an attacker who knows the account would try first, the longest first.
fn words_about(about: &[&str]) -> Vec<String> {
    let mut words = vec!["vitne".to_owned()];
    for text in about {
        let text = text.nfc().collect::<String>().to_lowercase();
        // Of an address, the domain is the provider's and shared with many.
        let own = text.split_once('@').map_or(text.as_str(), |(local, _)| local);
        words.extend(own.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
    }
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

fn is_about(lower: &str, words: &[String]) -> bool {
    let mut rest = Zeroizing::new(lower.to_owned());
    let mut found = false;
    for word in words {
        found |= rest.contains(word.as_str());
        rest = Zeroizing::new(rest.replace(word.as_str(), " "));
    }
    found && rest.chars().filter(|c| c.is_alphabetic()).count() < LETTERS_BESIDE_WORDS
}

/// Why Argon2 cannot be used as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// Cheaper than passwords deserve.
    #[error(
        "Argon2id needs at least m={} KiB, t={}, p={}: raise them",
        PasswordParams::FLOOR.memory_kib,
        PasswordParams::FLOOR.passes,
        PasswordParams::FLOOR.lanes
    )]
    TooCheap,
    /// Dearer than a server can serve.
    #[error("Argon2id with more than 1 GiB, 64 passes or 16 lanes would stall the server: lower them")]
    TooDear,
}

/// How dear a hash is (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PasswordParams {
    /// The least that passwords deserve, and the default.
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2, lanes: 1 };

    /// Parameters for passwords: memory in KiB, passes, lanes.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, ParamsError> {
        let floor = Self::FLOOR;
        if memory_kib < floor.memory_kib || passes < floor.passes || lanes < floor.lanes {
            return Err(ParamsError::TooCheap);
        }
        if memory_kib > 1 << 20 || passes > 64 || lanes > 16 {
            return Err(ParamsError::TooDear);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// Parameters that protect nothing: for simulated people and tests, whose passwords are known anyway.
    pub const fn insecure_for_simulation() -> Self {
        Self { memory_kib: 8, passes: 1, lanes: 1 }
    }

    /// Parameters for random codes of 80 bits; see [`super::recovery`].
    pub(super) const fn for_random_codes() -> Self {
        Self { memory_kib: 1024, passes: 1, lanes: 1 }
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

impl Default for PasswordParams {
    fn default() -> Self {
        Self::FLOOR
    }
}

/// Why a password could not be hashed: a fault, not an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Fewer than 16 bytes of salt.
    #[error("hashing needs 16 to 48 bytes of salt")]
    Salt,
    /// The library refused, most likely because there is no memory.
    #[error("Argon2id failed: {0}")]
    Argon2(String),
}

/// The Argon2id PHC string of a password, which is brought into NFC first.
pub fn hash(password: &str, salt: &[u8], params: PasswordParams) -> Result<Protected, HashError> {
    if !(SHORTEST_SALT..=48).contains(&salt.len()) {
        return Err(HashError::Salt);
    }
    let fault = |error: &dyn std::fmt::Display| HashError::Argon2(error.to_string());
    let params = Params::new(params.memory_kib, params.passes, params.lanes, None).map_err(|e| fault(&e))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let password = normalise(password);
    let hash = argon2.hash_password_customized(password.as_bytes(), salt, None, None, params);
    hash.map(|hash| Protected::new(hash.to_string())).map_err(|e| fault(&e))
}

/// Whether `password` is the one of `hash`, at the cost that the hash's own parameters ask for. A hash
/// that cannot be read verifies nothing.
pub fn verify(hash: &Protected, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash.expose()) else { return false };
    Argon2::default().verify_password(normalise(password).as_bytes(), &hash).is_ok()
}

/// A hash that no password has, to be verified against where there is no account, so that the answer
/// costs the same.
pub fn decoy(params: PasswordParams) -> Result<Protected, HashError> {
    // No typed password holds NUL and none is this long, so this hash is nobody's.
    hash(&"\0".repeat(LONGEST + 1), &[0x5a; SHORTEST_SALT], params)
}

/// Whether a stored hash is cheaper than `params` in any respect, and should be renewed at sign-in.
pub fn needs_upgrade(hash: &Protected, params: PasswordParams) -> bool {
    let Ok(stored) = PasswordHash::new(hash.expose()) else { return true };
    let Ok(cost) = Params::try_from(&stored) else { return true };
    stored.algorithm != argon2::ARGON2ID_IDENT
        || cost.m_cost() < params.memory_kib
        || cost.t_cost() < params.passes
        || cost.p_cost() < params.lanes
}
