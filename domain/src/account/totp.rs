//! Time-based one-time codes (RFC 6238): SHA-1, six digits, thirty seconds, one step of drift.

use chrono::{DateTime, Utc};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroize;

use crate::protected::Protected;

/// Seconds a code lasts (RFC 6238 §5.2).
pub const STEP_SECONDS: u64 = 30;
/// Steps of drift accepted on either side (RFC 6238 §5.2).
pub const DRIFT_STEPS: u64 = 1;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Bytes of a shared secret: 160 bits (RFC 4226 §4, R6).
pub const SECRET_BYTES: usize = 20;

/// Why there is no otpauth URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtpauthError {
    /// The secret is not base32 of 160 bits.
    #[error("the authenticator's secret is not 160 bits of base32")]
    Secret,
    /// The issuer or the account's name cannot be part of a URI.
    #[error("the issuer or account name cannot be written into an otpauth URI: {0}")]
    Name(String),
}

/// A new shared secret, base32 without padding.
pub fn generate_secret(rng: &mut (impl CryptoRng + ?Sized)) -> Protected {
    let mut bytes = [0_u8; SECRET_BYTES];
    rng.fill_bytes(&mut bytes);
    let secret = Protected::new(Secret::from(bytes).to_base32());
    bytes.zeroize();
    secret
}

/// The secret's bytes, if it is base32 of at least 160 bits.
fn read(secret: &Protected) -> Option<Secret> {
    let secret = Secret::try_from_base32(secret.expose()).ok()?;
    (secret.len() >= SECRET_BYTES).then_some(secret)
}

/// Whether the secret can be used at all.
pub fn is_secret(secret: &Protected) -> bool {
    read(secret).is_some()
}

fn generator(secret: &Protected) -> Option<Totp> {
    Builder::new().with_secret(read(secret)?).build().ok()
}

/// The `otpauth://` URI that an authenticator app scans. As secret as the secret itself.
pub fn otpauth_uri(secret: &Protected, issuer: &str, account_name: &str) -> Result<Protected, OtpauthError> {
    // A colon parts issuer and name in the URI's label, so it cannot be part of either.
    let clean = |text: &str| text.replace(':', " ");
    let totp = Builder::new()
        .with_secret(read(secret).ok_or(OtpauthError::Secret)?)
        .with_issuer(Some(clean(issuer)))
        .with_account_name(clean(account_name))
        .build()
        .map_err(|error| OtpauthError::Name(error.to_string()))?;
    totp.to_url().map(Protected::new).map_err(|error| OtpauthError::Name(error.to_string()))
}

/// The time step of a moment; 0 before 1970.
pub fn step_at(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or(0) / STEP_SECONDS
}

/// When a time step begins.
pub fn step_begins(step: u64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(step.checked_mul(STEP_SECONDS)?).ok()?, 0)
}

/// What an authenticator app shows at the given moment; `None` if the secret cannot be read. For the
/// demonstration, the simulation and tests, which hold the app's side too.
pub fn code_at(secret: &Protected, at: DateTime<Utc>) -> Option<String> {
    Some(generator(secret)?.generate(step_at(at).saturating_mul(STEP_SECONDS)).to_string())
}

/// The time steps around `at` whose code is `typed`, the earliest first. Each step is computed and
/// compared whether or not an earlier one matched, so that time tells nothing.
pub fn matching_steps(secret: &Protected, typed: &str, at: DateTime<Utc>) -> Vec<u64> {
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).take(DIGITS + 1).collect();
    let well_formed = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let Some(totp) = generator(secret) else { return Vec::new() };
    let now = step_at(at);
    let mut steps = Vec::new();
    for step in now.saturating_sub(DRIFT_STEPS)..=now.saturating_add(DRIFT_STEPS) {
        let code = totp.generate(step.saturating_mul(STEP_SECONDS)).to_string();
        if bool::from(code.as_bytes().ct_eq(digits.as_bytes())) && well_formed {
            steps.push(step);
        }
    }
    steps
}
