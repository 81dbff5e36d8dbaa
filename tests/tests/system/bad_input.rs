//! Whatever is sent, the answer is typed, nothing breaks and nothing is lost.

use chrono::Duration;
use serde_json::{Value, json};
use vitne_tests::browser::{Answer, Browser};
use vitne_tests::{Person, TestServer};

fn query(text: impl Into<String>) -> Vec<u8> {
    json!({ "query": text.into() }).to_string().into_bytes()
}

/// An answer that says what was wrong, by a code, and is no fault of the server's.
fn typed(what: &str, answer: &Answer) -> Vec<String> {
    assert!(answer.status < 500, "{what}: {answer:?}");
    let codes = match answer.body["error"]["code"].as_str().or(answer.body["code"].as_str()) {
        Some(code) => vec![code.to_owned()],
        None => answer.codes(),
    };
    assert!(codes.iter().all(|code| !code.is_empty() && code != "INTERNAL"), "{what}: {answer:?}");
    assert!(answer.headers.contains_key("x-request-id"), "{what}: every answer names its request");
    assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
    codes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_oversized_deep_aliased_and_batched_requests_are_refused_by_name() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "Fuzzer/1");
    let deep = |levels: usize| format!("{}id{}", "{ viewer ".repeat(levels), " }".repeat(levels));
    let proof = "submitTotp(input: { ceremony: \"x\", code: \"1\" }) { status }";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "MALFORMED_REQUEST"),
        ("no JSON", b"{ viewer { id } }".to_vec(), "MALFORMED_REQUEST"),
        ("half JSON", b"{\"query\": \"{ viewer".to_vec(), "MALFORMED_REQUEST"),
        ("null", b"null".to_vec(), "MALFORMED_REQUEST"),
        ("a number", b"7".to_vec(), "MALFORMED_REQUEST"),
        ("a query that is a number", b"{\"query\": 7}".to_vec(), "MALFORMED_REQUEST"),
        ("an empty query", query(""), "MALFORMED_REQUEST"),
        ("invalid UTF-8", b"{\"query\": \"{ viewer { \xff\xfe } }\"}".to_vec(), "MALFORMED_REQUEST"),
        ("an unpaired surrogate", b"{\"query\": \"{ viewer { \\ud800 } }\"}".to_vec(), "MALFORMED_REQUEST"),
        ("a NUL in the query", query("{ viewer { i\u{0}d } }"), "SYNTAX"),
        ("no GraphQL", query("drop table accounts"), "SYNTAX"),
        ("an unknown field", query("{ viewer { secrets } }"), "BAD_REQUEST"),
        ("an unknown mutation", query("mutation { becomeAdmin { status } }"), "BAD_REQUEST"),
        ("a batch", b"[{\"query\": \"{ viewer { id } }\"}]".to_vec(), "BATCHING_NOT_SUPPORTED"),
        ("deep JSON", [b"{\"variables\": ".to_vec(), vec![b'['; 20_000]].concat(), "MALFORMED_REQUEST"),
        ("a deep document", query(deep(60)), ""),
        ("a very deep document", query(deep(5_000)), ""),
        ("too many tokens", query(format!("{{ viewer {{ {} }} }}", "id ".repeat(5_000))), "TOO_MANY_TOKENS"),
        (
            "aliases",
            query(format!("{{ {} }}", (0..100).map(|n| format!("a{n}: viewer {{ id }} ")).collect::<String>())),
            "TOO_MANY_ALIASES",
        ),
        ("two proofs", query(format!("mutation {{ a: {proof} b: {proof} }}")), "ONE_PROOF_PER_REQUEST"),
        (
            "fragments that unfold",
            query(
                "query { viewer { ...a } } fragment a on Viewer { ...b ...b ...b } fragment b on Viewer { ...c ...c ...c }
                 fragment c on Viewer { ...a }",
            ),
            "",
        ),
        ("too large", vec![b' '; 70_000], "BODY_TOO_LARGE"),
        ("wrong variable", query("query($n: Int!) { viewer(atLeast: $n) { id } }"), "BAD_REQUEST"),
    ];
    for (what, body, expected) in cases {
        let answer = browser.post(body).await;
        let codes = typed(what, &answer);
        assert!(!codes.is_empty(), "{what}: {answer:?}");
        assert!(expected.is_empty() || codes[0] == expected, "{what}: {codes:?}");
    }
    let alive = browser.ask("{ viewer { id } }", json!({})).await;
    assert!(alive["viewer"].is_null());
    server.finish().await;
}

/// Texts that people and programs send where a name is asked for.
fn texts() -> Vec<(&'static str, String, bool)> {
    vec![
        ("a NUL", "An\u{0}na".to_owned(), false),
        ("a control character", "An\u{1b}[31mna".to_owned(), false),
        ("a line", "Anna\nBcc: x@example".to_owned(), false),
        ("right-to-left override", "an\u{202e}na".to_owned(), false),
        ("an isolate", "an\u{2066}na".to_owned(), false),
        ("nothing", String::new(), false),
        ("zero width alone", "\u{200b}\u{200d}".to_owned(), false),
        ("ten thousand bytes", "x".repeat(10_000), false),
        ("ten thousand marks", format!("a{}", "\u{301}".repeat(5_000)), false),
        ("emoji", "Anna 👩🏽‍🚀".to_owned(), true),
        ("Arabic", "آنا".to_owned(), true),
        ("decomposed", "A\u{30a}sa".to_owned(), true),
        ("markup", "<script>alert(1)</script>".to_owned(), true),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_every_kind_are_taken_or_refused_by_field() {
    let server = TestServer::start().await;
    let (person, _) = Person::enrolled(&server, "named").await;
    let browser = Browser::new(&server, "Namer/1");
    let session = person.sign_in(&server, false).await;
    browser.bear(session.token.expose());
    for (what, text, taken) in texts() {
        let payload = browser.act("updateProfile UpdateProfileInput", json!({ "displayName": text }), "").await;
        let expected = if taken { "OK" } else { "INVALID" };
        assert_eq!(payload["status"], expected, "{what}: {payload}");
        if !taken {
            assert_eq!(payload["field"], "displayName", "{what}: {payload}");
            assert!(payload["code"].is_string(), "{what}: {payload}");
        }
    }
    let stranger = Browser::new(&server, "Namer/2");
    let input = |field: &str, value: &str| {
        let mut input = json!({ "email": "new@rare-domain.example", "password": "the fog lifts before noon", "displayName": "New" });
        input[field] = json!(value);
        input
    };
    for (field, value) in [
        ("email", ""),
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("email", "a\u{0}@example.se"),
        ("email", "a\r\nBcc: b@example.se"),
        ("email", &format!("{}@example.se", "x".repeat(10_000))),
        ("password", ""),
        ("password", "short"),
        ("password", &"x".repeat(10_000)),
        ("displayName", "\u{202e}"),
    ] {
        let payload = stranger.act("register RegisterInput", input(field, value), "").await;
        assert_eq!(
            (&payload["status"], &payload["field"]),
            (&json!("INVALID"), &json!(field)),
            "{value:.30?}: {payload}"
        );
    }
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_foreign_and_replayed_handles_open_nothing() {
    let server = TestServer::start().await;
    let (anna, _) = Person::enrolled(&server, "anna").await;
    let (bo, _) = Person::enrolled(&server, "bo").await;
    let (hers, his) = (anna.sign_in(&server, false).await, bo.sign_in(&server, false).await);
    let (one, two) = (Browser::new(&server, "One/1"), Browser::new(&server, "Two/1"));
    one.bear(hers.token.expose());
    two.bear(his.token.expose());
    let things = "{ viewer { id activity(first: 1) { nodes { id } edges { cursor } } devices { id } sessions { id } authenticators { id } } }";
    let theirs = two.ask(things, json!({})).await["viewer"].clone();
    let foreign = |list: &str| theirs[list][0]["id"].clone();
    let mut flipped = theirs["devices"][0]["id"].as_str().unwrap().to_owned();
    flipped.replace_range(4..5, if flipped.as_bytes()[4] == b'A' { "B" } else { "A" });

    // Ids of somebody else, of another kind, changed, and none at all: all the same answer.
    let device_ids = [
        foreign("devices"),
        foreign("sessions"),
        json!(flipped),
        json!(""),
        json!("x".repeat(10_000)),
        json!("a\u{0}b"),
    ];
    for id in &device_ids {
        for mutation in ["reportDeviceLost DeviceInput", "forgetDevice DeviceInput", "revokeDeviceTrust DeviceInput"] {
            let payload = one.act(mutation, json!({ "device": id }), "").await;
            assert_eq!(payload["status"], "NOT_FOUND", "{mutation} {id:.40}: {payload}");
        }
        assert!(one.ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await["node"].is_null());
    }
    for (mutation, field, list) in [
        ("endSession SessionInput", "session", "sessions"),
        ("removeAuthenticator AuthenticatorInput", "authenticator", "authenticators"),
    ] {
        let payload = one.act(mutation, json!({ field: foreign(list) }), "").await;
        assert_eq!(payload["status"], "NOT_FOUND", "{mutation}: {payload}");
    }
    let entry = theirs["activity"]["nodes"][0]["id"].clone();
    let payload = one.act("reportNotMe EntryInput", json!({ "entry": entry }), "").await;
    assert_eq!(payload["status"], "NOT_FOUND", "{payload}");

    // Cursors of another list.
    let page = "query($after: String, $filter: ActivityFilter) { viewer { activity(first: 1, after: $after, filter: $filter) { nodes { id } } } }";
    let own = one.ask(things, json!({})).await["viewer"]["activity"]["edges"][0]["cursor"].clone();
    let cursors = [
        json!({ "after": theirs["activity"]["edges"][0]["cursor"] }),
        json!({ "after": own, "filter": { "outcomes": ["FAILURE"] } }),
        json!({ "after": "" }),
        json!({ "after": "x".repeat(10_000) }),
        json!({ "after": "\u{0}\u{202e}" }),
    ];
    for variables in cursors {
        let answer = one.send(page, variables.clone()).await;
        assert_eq!(typed("a cursor", &answer), ["BAD_CURSOR"], "{variables:.60}");
    }

    // Ceremonies: another's token, a link in its place, a completed one, a session's token.
    let begun = anna.half_signed_in(&server).await;
    let long = "vtc_".repeat(3_000);
    for token in ["", "vtc_", "x", long.as_str(), his.token.expose(), "vtl_AAAA.BBBB", "\u{0}"] {
        for mutation in ["submitTotp SubmitCodeInput", "submitRecoveryCode SubmitCodeInput"] {
            let payload = one.act(mutation, json!({ "ceremony": token, "code": "123456" }), "").await;
            assert_eq!(payload["status"], "BAD_HANDLE", "{mutation} {token:.30?}: {payload}");
        }
        let payload = one.act("followEmailLink FollowEmailLinkInput", json!({ "link": token }), "").await;
        assert_eq!(payload["status"], "BAD_HANDLE", "{token:.30?}: {payload}");
    }
    server.pass(Duration::minutes(20));
    let late =
        one.act("submitTotp SubmitCodeInput", json!({ "ceremony": begun.token.expose(), "code": "123456" }), "").await;
    assert_eq!((&late["status"], &late["code"]), (&json!("OVER"), &json!("EXPIRED")), "{late}");

    // Sessions: unknown, cut, signed out.
    let text = hers.token.expose().to_owned();
    for token in ["vts_", "x", &text[..text.len() - 1], &format!("{text}x"), long.as_str()] {
        let nobody = Browser::new(&server, "Nobody/1");
        nobody.bear(&format!("{token:_<8}"));
        assert!(nobody.ask("{ viewer { id } }", json!({})).await["viewer"].is_null(), "{token:.30?}");
        let answer = nobody.ask("mutation { signOut { status } }", json!({})).await;
        assert_eq!(answer["signOut"]["status"], "NOT_SIGNED_IN");
    }
    assert!(one.ask("{ viewer { id } }", json!({})).await["viewer"].is_object());
    one.ask("mutation { signOut { status } }", json!({})).await;
    assert!(
        one.ask("{ viewer { id } }", json!({})).await["viewer"].is_null(),
        "a token that was signed out is worth nothing"
    );
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_steps_an_hour_either_way_loses_nothing() {
    let server = TestServer::start().await;
    let (person, _) = Person::enrolled(&server, "clock").await;
    let browser = Browser::new(&server, "Clock/1");
    let session = person.sign_in(&server, false).await;
    browser.bear(session.token.expose());
    let mut seen: Option<Value> = None;
    for hours in [-1, 1, 1, -1, -1] {
        server.pass(Duration::hours(hours));
        let stranger = Browser::new(&server, "Clock/2");
        let begin = || stranger.act("beginSignIn BeginSignInInput", json!({ "email": person.email }), "token");
        let mut begun = begin().await;
        // What was counted on the other side of the step owes a burst, and no more: the address's limit says
        // how long to wait, and then the identifier's.
        for _ in 0..2 {
            if begun["status"] == "OK" {
                break;
            }
            server.pass(Duration::seconds(begun["retryAfter"].as_i64().expect("when to try again")));
            begun = begin().await;
        }
        assert_eq!(begun["status"], "OK", "{begun}");
        let ceremony = begun["token"].as_str().unwrap().to_owned();
        server.known.text(&ceremony);
        let payload = stranger.password(&ceremony, &person.password).await;
        assert!(["OK", "THROTTLED"].contains(&payload["status"].as_str().unwrap()), "{payload}");
        let answer =
            browser.send("{ viewer { id activity(first: 5) { nodes { occurredAt text } } } }", json!({})).await;
        typed("a step of the clock", &answer);
        let viewer = &answer.body["data"]["viewer"];
        if !viewer.is_null() {
            seen = Some(viewer.clone());
        }
    }
    assert!(seen.is_some(), "the session was answered");
    // When time has come back, so has everything: the same person signs in as before.
    server.pass(Duration::hours(3));
    person.sign_in(&server, false).await;
    server.finish().await;
}
