//! How many attempts are looked at. Buckets are shared between nodes through the database; a source that
//! was refused is remembered here, so that a flood does not reach the database at all.

mod window;

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;
use vitne_domain::id::SessionId;
use zeroize::Zeroizing;

use crate::config;
pub use window::ThrottledWindow;
use window::Windows;

/// Whose attempts are counted.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A client's address; of IPv6 its /64, which one household has to itself.
    Address(IpAddr),
    /// What somebody claims to be, normalised. Known and unknown ones are treated alike.
    Identifier(&'a str),
    /// A session.
    Session(SessionId),
}

/// How many attempts a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Gained back every minute.
    pub per_minute: u32,
}

/// The rates of all kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of an address.
    pub address: Rate,
    /// Of an identifier.
    pub identifier: Rate,
    /// Of a session.
    pub session: Rate,
}

impl From<&config::Limits> for Rates {
    fn from(limits: &config::Limits) -> Self {
        Self {
            address: Rate { burst: limits.address_burst, per_minute: limits.address_per_minute },
            identifier: Rate { burst: limits.identifier_burst, per_minute: limits.identifier_per_minute },
            session: Rate { burst: limits.session_burst, per_minute: limits.session_per_minute },
        }
    }
}

/// Whether an attempt may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Refused {
        /// When one may.
        retry_after: Duration,
    },
}

/// Why there is no verdict. The caller answers "unavailable": without limits nothing is let through.
#[derive(Debug, thiserror::Error)]
#[error("limits cannot be looked up: {0}")]
pub struct LimitsError(#[from] sqlx::Error);

/// The hash under which a source is counted and named in the log; without the key it tells nothing.
type Key = [u8; 16];

/// All limits of one node.
pub struct Limits {
    pool: PgPool,
    key: Zeroizing<[u8; 64]>,
    rates: Rates,
    windows: Windows,
}

impl Limits {
    /// Counts in the given database (the server's pool), under a key of the deployment.
    pub fn new(pool: PgPool, key: &[u8; 32], rates: Rates) -> Self {
        let mut block = Zeroizing::new([0_u8; 64]);
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        Self { pool, key: block, rates, windows: Windows::default() }
    }

    /// Takes one attempt of a source.
    pub async fn take(&self, source: Source<'_>, now: DateTime<Utc>) -> Result<Verdict, LimitsError> {
        let (kind, rate) = self.kind(source);
        let key = self.key(source);
        if let Some(retry_after) = self.windows.refused_until_now(kind, key, now) {
            count(kind, "local");
            return Ok(Verdict::Refused { retry_after });
        }
        let wait: Option<PgInterval> = sqlx::query_scalar("SELECT limits.take($1, 1, $2, $3, $4)")
            .bind(key.as_slice())
            .bind(i32::try_from(rate.per_minute).unwrap_or(i32::MAX))
            .bind(i32::try_from(rate.burst).unwrap_or(i32::MAX))
            .bind(now)
            .fetch_one(&self.pool)
            .await?;
        let Some(wait) = wait else { return Ok(Verdict::Allowed) };
        let retry_after = Duration::from_micros(u64::try_from(wait.microseconds).unwrap_or(0));
        count(kind, "shared");
        self.windows.refuse(kind, key, now, retry_after);
        Ok(Verdict::Refused { retry_after })
    }

    /// Whether another letter that strangers can set off may be sent to this address: five at once, one
    /// more every ten minutes, whoever asks for them and from wherever.
    pub async fn may_write_to(&self, address: &str, now: DateTime<Utc>) -> Result<bool, LimitsError> {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        mac.update(b"vitne limits v1m");
        mac.update(address.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let wait: Option<PgInterval> = sqlx::query_scalar("SELECT limits.take($1, 10, 1, 50, $2)")
            .bind(digest.as_slice())
            .bind(now)
            .fetch_one(&self.pool)
            .await?;
        Ok(wait.is_none())
    }

    /// Takes one attempt of each source; refuses with the longest wait if one of them refuses. Those that
    /// allowed it have paid, which only slows an attacker who varies one source.
    pub async fn take_all(&self, sources: &[Source<'_>], now: DateTime<Utc>) -> Result<Verdict, LimitsError> {
        for source in sources {
            if let refused @ Verdict::Refused { .. } = self.take(*source, now).await? {
                return Ok(refused);
            }
        }
        Ok(Verdict::Allowed)
    }

    /// Windows that have ended, each told once: the log gets one `SourceThrottled` for each.
    pub fn ended_windows(&self, now: DateTime<Utc>) -> Vec<ThrottledWindow> {
        self.windows.take_ended(now)
    }

    /// Windows that have not ended, for a node that stops.
    pub fn open_windows(&self) -> Vec<ThrottledWindow> {
        self.windows.take_all()
    }

    /// Puts back windows that could not be written.
    pub fn put_back(&self, windows: Vec<ThrottledWindow>) {
        self.windows.put_back(windows);
    }

    /// Forgets buckets that are full again; tells how many.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, LimitsError> {
        let gone: i64 = sqlx::query_scalar("SELECT limits.sweep($1, 10000)").bind(now).fetch_one(&self.pool).await?;
        Ok(u64::try_from(gone).unwrap_or(0))
    }

    fn kind(&self, source: Source<'_>) -> (&'static str, Rate) {
        match source {
            Source::Address(_) => ("address", self.rates.address),
            Source::Identifier(_) => ("identifier", self.rates.identifier),
            Source::Session(_) => ("session", self.rates.session),
        }
    }

    fn key(&self, source: Source<'_>) -> Key {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        mac.update(b"vitne limits v1");
        match source {
            Source::Address(address) => match address.to_canonical() {
                IpAddr::V4(v4) => {
                    mac.update(b"4");
                    mac.update(&v4.octets());
                }
                IpAddr::V6(v6) => {
                    mac.update(b"6");
                    mac.update(&(v6.to_bits() >> 64).to_be_bytes());
                }
            },
            Source::Identifier(identifier) => {
                mac.update(b"i");
                mac.update(identifier.as_bytes());
            }
            Source::Session(session) => {
                mac.update(b"s");
                mac.update(session.0.as_bytes());
            }
        }
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let mut key = [0_u8; 16];
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        key
    }
}

fn count(kind: &'static str, by: &'static str) {
    metrics::counter!("vitne_limits_refused_total", "source" => kind, "by" => by).increment(1);
}

#[cfg(test)]
mod tests;
