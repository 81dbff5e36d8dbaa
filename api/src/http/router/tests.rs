use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, StatusCode, header};
use axum::routing::post;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::clock::{Entropy, ManualClock};
use crate::http::address::TrustedProxies;
use crate::http::cookies::{CookieKeys, CookieProfile};
use crate::http::health::{NotReady, Probe};

struct Part(Option<&'static str>);

#[async_trait]
impl Probe for Part {
    fn name(&self) -> &'static str {
        "database"
    }
    async fn check(&self) -> Result<(), NotReady> {
        match self.0 {
            None => Ok(()),
            Some("SLOW") => std::future::pending().await,
            Some(code) => Err(NotReady { code, message: "away".to_owned() }),
        }
    }
}

async fn faulty() -> &'static str {
    panic!("a fault")
}

fn app(part: Option<&'static str>) -> Router {
    let routes = Router::new()
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/slow", get(std::future::pending::<()>))
        .route("/panic", get(faulty))
        .route("/tile", get(|| async { ([(header::CACHE_CONTROL, "immutable")], "tile") }));
    let requests = Arc::new(RequestSettings {
        proxies: TrustedProxies::default(),
        origins: vec!["https://login.example".to_owned()],
        cookies: CookieProfile::Secure,
        cookie_keys: CookieKeys::new([7; 32], None),
        clock: Arc::new(ManualClock::new(chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap())),
        entropy: Entropy::seeded(1),
    });
    let frame = Frame {
        requests,
        bounds: Bounds { body: 1_024, time: Duration::from_millis(if part.is_none() { 300 } else { 10_000 }) },
        https: true,
        probes: Arc::new(vec![Box::new(Part(part))]),
        metrics: Some(metrics::recorder().unwrap()),
    };
    framed(routes, frame)
}

async fn send(app: Router, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body).unwrap();
    let peer: SocketAddr = "127.0.0.1:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    app.oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

async fn code(response: Response<Body>) -> String {
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_no_handler_answers_is_answered_in_json() {
    let endless =
        || Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[0; 512]))));
    let stalled = || Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let evil = [("origin", "https://evil.example")];
    let cases = [
        (Method::GET, "/nothing", &[][..], Body::empty(), 404, "NOT_FOUND"),
        (Method::GET, "/echo", &[], Body::empty(), 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/echo", &[], Body::from(vec![0; 1_025]), 413, "BODY_TOO_LARGE"),
        (Method::POST, "/echo", &[], endless(), 413, "BODY_TOO_LARGE"),
        (Method::POST, "/echo", &[], stalled(), 408, "BODY_TIMEOUT"),
        (Method::GET, "/slow", &[], Body::empty(), 503, "TIMEOUT"),
        (Method::GET, "/panic", &[], Body::empty(), 500, "INTERNAL"),
        (Method::POST, "/echo", &evil, Body::empty(), 403, "FOREIGN_ORIGIN"),
    ];
    for (method, path, headers, body, status, expected) in cases {
        let response = send(app(None), method, path, headers, body).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert!(response.headers().contains_key("x-request-id"), "{path}");
        assert_eq!(code(response).await, expected, "{path}");
    }
    let response = send(app(None), Method::GET, "/echo", &[], Body::empty()).await;
    assert_eq!(response.headers()[header::ALLOW], "POST");
}

#[tokio::test]
async fn a_body_within_its_bounds_arrives_whole() {
    let body = vec![b'a'; 1_024];
    let response = send(app(None), Method::POST, "/echo", &[], Body::from(body.clone())).await;
    assert_eq!(text(response).await.into_bytes(), body);
}

#[tokio::test]
async fn every_answer_is_protected_and_a_handler_may_allow_caching() {
    let response = send(app(None), Method::GET, "/health/live", &[], Body::empty()).await;
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let response = send(app(None), Method::GET, "/tile", &[], Body::empty()).await;
    assert_eq!(response.headers()["cache-control"], "immutable");
}

#[tokio::test]
async fn readiness_names_what_is_not_ready() {
    let response = send(app(None), Method::GET, "/health/ready", &[], Body::empty()).await;
    assert_eq!(response.status(), StatusCode::OK);
    for (state, expected) in [("DATABASE_UNREACHABLE", "DATABASE_UNREACHABLE"), ("SLOW", "TOO_SLOW")] {
        let response = send(app(Some(state)), Method::GET, "/health/ready", &[], Body::empty()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!((&body["reasons"][0]["part"], &body["reasons"][0]["code"]), (&"database".into(), &expected.into()));
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_not_through_a_proxy() {
    send(app(None), Method::GET, "/health/live", &[], Body::empty()).await;
    let response = send(app(None), Method::GET, "/metrics", &[], Body::empty()).await;
    let body = text(response).await;
    assert!(body.contains("vitne_http_request_seconds_bucket{") && body.contains("route=\"/health/live\""), "{body}");
    let response = send(app(None), Method::GET, "/metrics", &[("x-forwarded-for", "127.0.0.1")], Body::empty()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
