//! What is known about a request before any handler runs, and how a handler sets cookies.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Duration, Utc};
use cookie::Cookie;
use uuid::Uuid;
use vitne_domain::id::{CorrelationId, uuid_v7};
use vitne_domain::{NetworkContext, Protected};

use super::address::TrustedProxies;
use super::cookies::{CookieKeys, CookieProfile, DEVICE_COOKIE_LIFE};
use super::origin::OriginCheck;
use crate::clock::{Clock, Entropy};

const USER_AGENT_BYTES: usize = 512;

/// What the reading of requests depends on.
pub struct RequestSettings {
    /// Which proxies may tell a client's address.
    pub proxies: TrustedProxies,
    /// Which pages may speak for their users, as serialised origins.
    pub origins: Vec<String>,
    /// How cookies are named.
    pub cookies: CookieProfile,
    /// What signs device cookies.
    pub cookie_keys: CookieKeys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
}

/// How a session token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// `Authorization: Bearer` (RFC 6750 §2.1).
    Bearer,
    /// The session cookie, from an allowed page.
    Cookie,
}

/// A session token as presented; not yet checked.
#[derive(Clone, Debug)]
pub struct SessionToken {
    /// The token. Never prints.
    pub value: Protected,
    /// How it came.
    pub source: TokenSource,
}

/// One request's surroundings. Cheap to clone; all clones speak of the same request.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

struct Inner {
    settings: Arc<RequestSettings>,
    correlation: CorrelationId,
    at: DateTime<Utc>,
    address: Option<IpAddr>,
    user_agent: Option<String>,
    accept_language: Option<String>,
    origin: OriginCheck,
    token: Option<SessionToken>,
    answer: Mutex<Answer>,
}

struct Answer {
    device: Option<Uuid>,
    cookies: Vec<Cookie<'static>>,
}

impl RequestContext {
    /// Reads a request.
    pub fn read(settings: &Arc<RequestSettings>, peer: Option<IpAddr>, method: &Method, headers: &HeaderMap) -> Self {
        let at = settings.clock.now();
        let origin = OriginCheck::of(headers, &settings.origins);
        let cookies = CookieHeader::of(headers);
        let device = (origin != OriginCheck::Foreign)
            .then(|| cookies.one(settings.cookies.device()))
            .flatten()
            .and_then(|value| settings.cookie_keys.open(&value, at));
        let renewed = device.filter(|device| device.renew).map(|device| device_cookie(settings, device.id, at));
        Self(Arc::new(Inner {
            correlation: settings.entropy.with(|rng| CorrelationId::new(at, rng)),
            at,
            address: peer.map(|peer| settings.proxies.client(peer, headers)),
            user_agent: headers.get(header::USER_AGENT).and_then(clean_user_agent),
            accept_language: headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map(str::to_owned),
            origin,
            token: session_token(settings, origin, method, headers, &cookies),
            answer: Mutex::new(Answer {
                device: device.map(|device| device.id),
                cookies: renewed.into_iter().collect(),
            }),
            settings: Arc::clone(settings),
        }))
    }

    /// The request's own id: all that it causes carries it. A client's `X-Request-Id` is never used.
    pub fn correlation(&self) -> CorrelationId {
        self.0.correlation
    }

    /// When the request was read.
    pub fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// The client's address; `None` when the server runs without a socket, as in some tests.
    pub fn client_address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// The `User-Agent` header, without control characters, at most 512 bytes.
    pub fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The `Accept-Language` header as sent.
    pub fn accept_language(&self) -> Option<&str> {
        self.0.accept_language.as_deref()
    }

    /// Whether the request comes from an allowed page.
    pub fn origin(&self) -> OriginCheck {
        self.0.origin
    }

    /// The session token, if one came in a way that may be believed.
    pub fn session_token(&self) -> Option<&SessionToken> {
        self.0.token.as_ref()
    }

    /// What the log keeps of where the request came from.
    pub fn network(&self) -> NetworkContext {
        NetworkContext { ip: self.0.address, user_agent: self.0.user_agent.clone(), country: None }
    }

    /// The browser behind the request, if it carries a valid device cookie or has just been given one.
    pub fn device(&self) -> Option<Uuid> {
        self.answer().device
    }

    /// The browser behind the request; issues a device cookie with the answer if it has none yet.
    pub fn device_or_issue(&self) -> Uuid {
        let mut answer = self.answer();
        if let Some(device) = answer.device {
            return device;
        }
        let settings = &self.0.settings;
        let device = settings.entropy.with(|rng| uuid_v7(self.0.at, rng));
        answer.device = Some(device);
        answer.cookies.push(device_cookie(settings, device, self.0.at));
        device
    }

    /// Sends the session cookie with the answer. It outlives the browser's window by `life` at most.
    pub fn set_session(&self, token: &Protected, life: Duration) {
        let profile = self.0.settings.cookies;
        self.set_cookie(profile.build(profile.session(), token.expose().to_owned(), life));
    }

    /// Removes the session cookie with the answer.
    pub fn clear_session(&self) {
        let profile = self.0.settings.cookies;
        self.set_cookie(profile.build(profile.session(), String::new(), Duration::zero()));
    }

    fn set_cookie(&self, cookie: Cookie<'static>) {
        let mut answer = self.answer();
        answer.cookies.retain(|other| other.name() != cookie.name());
        answer.cookies.push(cookie);
    }

    /// Writes the request id and the cookies on an answer.
    fn finish(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.0.correlation.to_string()) {
            headers.insert("x-request-id", id);
        }
        for cookie in std::mem::take(&mut self.answer().cookies) {
            if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }

    fn answer(&self) -> std::sync::MutexGuard<'_, Answer> {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestContext").field("correlation", &self.0.correlation).finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // Only a router that was composed without `attach` comes here.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

/// Middleware: reads the request once, hands its context to every handler, and writes its cookies.
pub async fn attach(State(settings): State<Arc<RequestSettings>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let context = RequestContext::read(&settings, peer, request.method(), request.headers());
    request.extensions_mut().insert(context.clone());
    let mut response = next.run(request).await;
    context.finish(&mut response);
    // The line that logs the request needs the context as well.
    response.extensions_mut().insert(context);
    response
}

/// The cookies of a request. A name that comes twice is not believed (cookie tossing).
struct CookieHeader(Vec<Cookie<'static>>);

impl CookieHeader {
    fn of(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        Self(texts.flat_map(|text| Cookie::split_parse(text.to_owned())).filter_map(Result::ok).collect())
    }

    fn one(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|cookie| cookie.name() == name);
        let first = found.next()?;
        found.next().is_none().then(|| first.value().to_owned())
    }
}

fn device_cookie(settings: &RequestSettings, id: Uuid, at: DateTime<Utc>) -> Cookie<'static> {
    settings.cookies.build(settings.cookies.device(), settings.cookie_keys.sign(id, at), DEVICE_COOKIE_LIFE)
}

fn session_token(
    settings: &RequestSettings,
    origin: OriginCheck,
    method: &Method,
    headers: &HeaderMap,
    cookies: &CookieHeader,
) -> Option<SessionToken> {
    // A request that says `Authorization` means it: a cookie beside it is not looked at.
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = bearer(value)?;
        return Some(SessionToken { value: Protected::new(token), source: TokenSource::Bearer });
    }
    if !origin.admits_cookie(method, headers) {
        return None;
    }
    let value = cookies.one(settings.cookies.session()).filter(|value| !value.is_empty())?;
    Some(SessionToken { value: Protected::new(value), source: TokenSource::Cookie })
}

fn bearer(value: &HeaderValue) -> Option<String> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn clean_user_agent(value: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(value.as_bytes());
    let mut clean = String::new();
    for c in text.trim().chars().filter(|c| !c.is_control() && !is_bidi_control(*c)) {
        if clean.len().saturating_add(c.len_utf8()) > USER_AGENT_BYTES {
            break;
        }
        clean.push(c);
    }
    (!clean.is_empty()).then_some(clean)
}

/// Characters that turn the direction of text around, and could make a label read as another one.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn settings() -> Arc<RequestSettings> {
        Arc::new(RequestSettings {
            proxies: TrustedProxies::default(),
            origins: vec!["https://login.example".to_owned()],
            cookies: CookieProfile::Secure,
            cookie_keys: CookieKeys::new([7; 32], None),
            clock: Arc::new(ManualClock::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap())),
            entropy: Entropy::seeded(1),
        })
    }

    fn read(settings: &Arc<RequestSettings>, method: &Method, pairs: &[(&'static str, &str)]) -> RequestContext {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        RequestContext::read(settings, Some("198.51.100.7".parse().unwrap()), method, &headers)
    }

    fn token(context: &RequestContext) -> Option<(String, TokenSource)> {
        context.session_token().map(|token| (token.value.expose().to_owned(), token.source))
    }

    #[test]
    fn tokens_are_taken_only_where_they_may_be_believed() {
        let settings = settings();
        let cookie = ("cookie", "__Host-vitne-session=abc");
        let page = ("origin", "https://login.example");
        let evil = ("origin", "https://evil.example");
        let by_cookie = Some(("abc".to_owned(), TokenSource::Cookie));
        let by_bearer = Some(("xyz".to_owned(), TokenSource::Bearer));
        let cases = [
            (Method::POST, vec![cookie], None),
            (Method::POST, vec![cookie, page], by_cookie.clone()),
            (Method::POST, vec![cookie, evil], None),
            (Method::GET, vec![cookie], by_cookie),
            (Method::GET, vec![cookie, ("upgrade", "websocket")], None),
            (Method::POST, vec![("authorization", "Bearer xyz")], by_bearer.clone()),
            (Method::POST, vec![("authorization", "bearer  xyz "), cookie, page], by_bearer),
            (Method::POST, vec![("authorization", "Basic eHl6"), cookie, page], None),
            (Method::POST, vec![("authorization", "Bearer "), cookie, page], None),
            (Method::POST, vec![("cookie", "vitne-session=abc"), page], None),
            (Method::POST, vec![cookie, ("cookie", "__Host-vitne-session=tossed"), page], None),
            (Method::POST, vec![("cookie", "__Host-vitne-session="), page], None),
        ];
        for (method, headers, expected) in cases {
            assert_eq!(token(&read(&settings, &method, &headers)), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn a_browser_gets_one_device_cookie_and_is_known_by_it() {
        let settings = settings();
        let first = read(&settings, &Method::POST, &[]);
        assert_eq!(first.device(), None);
        let device = first.device_or_issue();
        assert_eq!((first.device_or_issue(), first.device()), (device, Some(device)));
        let mut response = StatusCode::OK.into_response();
        first.finish(&mut response);
        let set: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(set.len(), 1);
        let set = Cookie::parse(set[0].to_str().unwrap().to_owned()).unwrap();
        assert_eq!((set.http_only(), set.secure()), (Some(true), Some(true)));

        let sent = format!("{}={}", set.name(), set.value());
        let again = read(&settings, &Method::POST, &[("cookie", &sent)]);
        assert_eq!(again.device(), Some(device));
        let mut response = StatusCode::OK.into_response();
        again.finish(&mut response);
        assert!(response.headers().get(header::SET_COOKIE).is_none(), "a fresh cookie is not sent again");
        let foreign = read(&settings, &Method::POST, &[("cookie", &sent), ("origin", "https://evil.example")]);
        assert_eq!(foreign.device(), None);
    }

    #[test]
    fn the_request_id_is_our_own_and_the_user_agent_is_cleaned() {
        let settings = settings();
        let long = format!("Mozilla\u{202E}/5.0\t\u{85} {}", "å".repeat(400));
        let context = read(&settings, &Method::GET, &[("x-request-id", "chosen"), ("user-agent", &long)]);
        let agent = context.user_agent().unwrap();
        assert!(agent.starts_with("Mozilla/5.0") && agent.len() <= 512 && agent.ends_with('å'), "{agent}");
        assert_eq!(context.correlation().0.get_version_num(), 7);
        let mut response = StatusCode::OK.into_response();
        context.finish(&mut response);
        assert_eq!(response.headers()["x-request-id"].to_str().unwrap(), context.correlation().to_string());
    }

    #[test]
    fn an_answer_sets_the_session_cookie_once() {
        let context = read(&settings(), &Method::POST, &[]);
        context.set_session(&Protected::new("one"), Duration::hours(1));
        context.clear_session();
        let mut response = StatusCode::OK.into_response();
        context.finish(&mut response);
        let set: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(set, ["__Host-vitne-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"]);
    }
}
