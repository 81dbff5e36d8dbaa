//! The two cookies: the session's, and the device's, which is signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use cookie::{Cookie, SameSite};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The longest life that browsers give a cookie (RFC 6265bis §5.5).
pub const DEVICE_COOKIE_LIFE: Duration = Duration::days(400);
/// A device cookie older than this is issued again, so that a browser in use keeps its identity.
const DEVICE_COOKIE_RENEWAL: Duration = Duration::days(30);
const CONTEXT: &[u8] = b"vitne device cookie v1";

/// How cookies are named and whether they need TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieProfile {
    /// `__Host-` names, `Secure`: everywhere but on a plain-HTTP demo.
    Secure,
    /// Names without prefix and without `Secure`: browsers refuse the others on `http://localhost`.
    Insecure,
}

impl CookieProfile {
    /// The session cookie's name.
    pub const fn session(self) -> &'static str {
        match self {
            Self::Secure => "__Host-vitne-session",
            Self::Insecure => "vitne-session",
        }
    }

    /// The device cookie's name.
    pub const fn device(self) -> &'static str {
        match self {
            Self::Secure => "__Host-vitne-device",
            Self::Insecure => "vitne-device",
        }
    }

    /// A cookie with every protection this profile allows: for the whole host and nobody else's page.
    /// `life` of zero removes it.
    pub fn build(self, name: &'static str, value: String, life: Duration) -> Cookie<'static> {
        let seconds = life.num_seconds().max(0);
        Cookie::build((name, value))
            .path("/")
            .http_only(true)
            .secure(self == Self::Secure)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(seconds))
            .build()
    }
}

/// The keys that sign device cookies. Never printed.
#[derive(Clone)]
pub struct CookieKeys {
    current: Zeroizing<[u8; 32]>,
    previous: Option<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for CookieKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKeys")
    }
}

/// A device cookie that carries a valid signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCookie {
    /// The browser's identity.
    pub id: Uuid,
    /// Whether it should be issued again: it is old, or signed with the previous key.
    pub renew: bool,
}

impl CookieKeys {
    /// Signs with `current`; accepts `previous` too, while it is being replaced.
    pub fn new(current: [u8; 32], previous: Option<[u8; 32]>) -> Self {
        Self { current: Zeroizing::new(current), previous: previous.map(Zeroizing::new) }
    }

    /// The cookie's value for a browser, issued at `at`.
    pub fn sign(&self, id: Uuid, at: DateTime<Utc>) -> String {
        let payload = payload(id, at.timestamp());
        let tag = mac(&self.current, &payload).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag))
    }

    /// Reads a cookie; `None` when it is forged, damaged or has outlived its 400 days.
    pub fn open(&self, value: &str, now: DateTime<Utc>) -> Option<DeviceCookie> {
        let (payload, tag) = value.split_once('.')?;
        let payload: [u8; 24] = URL_SAFE_NO_PAD.decode(payload).ok()?.try_into().ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let by_current = mac(&self.current, &payload).verify_slice(&tag).is_ok();
        let by_previous = || self.previous.as_ref().is_some_and(|key| mac(key, &payload).verify_slice(&tag).is_ok());
        if !by_current && !by_previous() {
            return None;
        }
        let (id, issued) = payload.split_at_checked(16)?;
        let id = Uuid::from_slice(id).ok()?;
        let issued = DateTime::from_timestamp(i64::from_be_bytes(issued.try_into().ok()?), 0)?;
        let age = now - issued;
        // A clock that was set back makes an age negative; that is no reason to forget a browser.
        (age <= DEVICE_COOKIE_LIFE).then(|| DeviceCookie { id, renew: !by_current || age > DEVICE_COOKIE_RENEWAL })
    }
}

fn payload(id: Uuid, issued: i64) -> [u8; 24] {
    let mut payload = [0_u8; 24];
    let bytes = id.into_bytes().into_iter().chain(issued.to_be_bytes());
    payload.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    payload
}

fn mac(key: &[u8; 32], payload: &[u8]) -> Hmac<Sha256> {
    // HMAC fills a short key with zeros up to the hash's block (RFC 2104 §2); given a whole block, the
    // constructor cannot fail.
    let mut block = Zeroizing::new([0_u8; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(CONTEXT);
    mac.update(payload);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + day * 86_400, 0).unwrap()
    }

    #[test]
    fn a_device_cookie_lives_400_days_and_is_renewed_on_the_way() {
        let keys = CookieKeys::new([1; 32], None);
        let id = Uuid::from_u128(42);
        let value = keys.sign(id, at(0));
        assert_eq!(keys.open(&value, at(1)), Some(DeviceCookie { id, renew: false }));
        assert_eq!(keys.open(&value, at(31)), Some(DeviceCookie { id, renew: true }));
        assert_eq!(keys.open(&value, at(400)), Some(DeviceCookie { id, renew: true }));
        assert_eq!(keys.open(&value, at(401)), None);
        assert_eq!(keys.open(&value, at(-1)), Some(DeviceCookie { id, renew: false }));
    }

    #[test]
    fn keys_rotate_with_one_predecessor() {
        let id = Uuid::from_u128(42);
        let old = CookieKeys::new([1; 32], None).sign(id, at(0));
        let rotated = CookieKeys::new([2; 32], Some([1; 32]));
        assert_eq!(rotated.open(&old, at(0)), Some(DeviceCookie { id, renew: true }));
        assert_eq!(CookieKeys::new([3; 32], Some([2; 32])).open(&old, at(0)), None);
    }

    #[test]
    fn a_changed_cookie_is_refused() {
        let keys = CookieKeys::new([1; 32], None);
        let value = keys.sign(Uuid::from_u128(42), at(0));
        for index in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.open(&String::from_utf8(bytes).unwrap(), at(0)), None, "byte {index}");
        }
        for wrong in ["", ".", "a.b", &value[..value.len() - 1], &format!("{value}A"), &format!("{value}.x")] {
            assert_eq!(keys.open(wrong, at(0)), None, "{wrong}");
        }
    }

    #[test]
    fn cookies_carry_every_protection() {
        let cookie = CookieProfile::Secure.build(CookieProfile::Secure.session(), "t".into(), Duration::hours(1));
        assert_eq!(cookie.to_string(), "__Host-vitne-session=t; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
        let cookie = CookieProfile::Insecure.build(CookieProfile::Insecure.device(), "d".into(), Duration::zero());
        assert_eq!(cookie.to_string(), "vitne-device=d; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }
}
