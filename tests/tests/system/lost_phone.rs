//! The story that Vitne is for, told over HTTP: a phone is lost, its owner gets back in, and reads what
//! happened, each line proved.

use std::fmt::Write;

use chrono::Duration;
use serde_json::{Value, json};
use vitne_domain::Protected;
use vitne_domain::account::totp;
use vitne_eventlog::tree::TlogProof;
use vitne_tests::browser::Browser;
use vitne_tests::{TestServer, checks};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
const EMAIL: &str = "anna@rare-domain.example";
const PASSWORD: &str = "the heron stands in cold water";
const SUBMIT: &str = "ceremony { phase next } session { token expiresAt deviceTrustedUntil }";

/// What an authenticator app shows, in a time step that was not used before.
fn code(server: &TestServer, secret: &str) -> String {
    server.pass(Duration::seconds(60));
    let code = totp::code_at(&Protected::new(secret), server.now()).unwrap();
    server.known.code(&code);
    code
}

/// Enrols an app in the session of `browser`; gives its secret and what confirming it gave.
async fn enrol(server: &TestServer, browser: &Browser, label: &str, replaces: Option<&Value>) -> (String, Value) {
    let input = json!({ "label": label, "replaces": replaces });
    let fields = "enrolment secret uri qrSvg";
    let started = browser.done("startTotpEnrolment StartTotpEnrolmentInput", input, fields).await;
    let secret = started["secret"].as_str().unwrap().to_owned();
    server.known.text(&secret);
    assert!(started["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert!(started["qrSvg"].as_str().unwrap().contains("<svg"));
    let input = json!({ "enrolment": started["enrolment"], "code": code(server, &secret) });
    let fields = "authenticator twoStepEnabled recoveryCodes { number code }";
    let confirmed = browser.done("confirmTotpEnrolment ConfirmTotpEnrolmentInput", input, fields).await;
    for shown in confirmed["recoveryCodes"].as_array().unwrap() {
        server.known.text(shown["code"].as_str().unwrap());
    }
    (secret, confirmed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_phone_is_survived_and_every_line_of_the_story_is_proved() {
    let server = TestServer::start().await;
    let (computer, phone) = (Browser::new(&server, FIREFOX), Browser::new(&server, ANDROID));
    computer.register(&server, EMAIL, PASSWORD, "Anna").await;

    // Two-step verification on, from the computer.
    server.pass(Duration::minutes(2));
    computer.sign_in(EMAIL, PASSWORD).await;
    let (old_secret, confirmed) = enrol(&server, &computer, "Old phone", None).await;
    assert_eq!(confirmed["twoStepEnabled"], true);
    let codes = confirmed["recoveryCodes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    computer.ask("mutation { signOut { status } }", json!({})).await;
    let gone = computer.ask("{ viewer { id } }", json!({})).await;
    assert!(gone["viewer"].is_null(), "signing out ends the session at once");

    // The phone signs in with both steps and is remembered: the next time the password is enough.
    server.pass(Duration::minutes(5));
    let ceremony = phone.begin(EMAIL).await;
    let half = phone.password(&ceremony, PASSWORD).await;
    assert!(half["session"].is_null() && half["ceremony"]["next"].as_array().unwrap().contains(&json!("TOTP")));
    let input = json!({ "ceremony": ceremony, "code": code(&server, &old_secret), "rememberDevice": true });
    let opened = phone.done("submitTotp SubmitCodeInput", input.clone(), SUBMIT).await;
    assert!(opened["session"]["deviceTrustedUntil"].is_string(), "{opened}");
    assert!(opened["session"]["token"].is_null(), "a browser has its session in a cookie alone");
    let again = phone.act("submitTotp SubmitCodeInput", input, SUBMIT).await;
    assert_ne!(again["status"], "OK", "a ceremony completes once");
    phone.ask("mutation { signOut { status } }", json!({})).await;
    server.pass(Duration::days(1));
    phone.sign_in(EMAIL, PASSWORD).await;

    // The phone is lost. Password and a recovery code open the account on the computer, and end all trust.
    server.pass(Duration::minutes(40));
    let ceremony = computer.begin(EMAIL).await;
    let half = computer.password(&ceremony, PASSWORD).await;
    assert!(half["session"].is_null(), "the computer was never remembered");
    let input = json!({ "ceremony": ceremony, "code": codes[2]["code"] });
    let opened = computer.done("submitRecoveryCode SubmitCodeInput", input, SUBMIT).await;
    assert!(opened["session"].is_object() && opened["session"]["deviceTrustedUntil"].is_null());

    // A new authenticator takes the old one's place; the old one works until the new one has shown a code.
    let (_, confirmed) = enrol(&server, &computer, "New phone", Some(&confirmed["authenticator"])).await;
    let shown = computer
        .ask(
            "query($seen: Position) { viewer(atLeast: $seen) { authenticators(all: true) { label status }
               devices { id current label lossPreview { kind cause } } } }",
            json!({ "seen": confirmed["position"] }),
        )
        .await["viewer"]
        .clone();
    let mut states: Vec<String> = shown["authenticators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["label"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    states.sort();
    assert_eq!(states, ["New phone ACTIVE", "Old phone REMOVED"]);

    // The phone is reported lost: what was previewed is what happens, and it is signed out.
    server.pass(Duration::minutes(1));
    let lost = shown["devices"].as_array().unwrap().iter().find(|device| device["current"] == false).unwrap().clone();
    let input = json!({ "device": lost["id"] });
    let reported = computer.done("reportDeviceLost DeviceInput", input, "effects { kind cause }").await;
    assert_eq!(reported["effects"], lost["lossPreview"], "what was shown is what happened");
    assert_eq!(reported["effects"], json!([{ "kind": "SESSION_ENDED", "cause": "DEVICE_LOST" }]));
    assert!(phone.ask("{ viewer { id } }", json!({})).await["viewer"].is_null(), "the phone is signed out");

    checks::tree(server.state()).await;
    let entries = told(&computer, &reported["position"]).await;
    let expected = include_str!("lost_phone.txt");
    let text = text(&entries);
    if std::env::var_os("VITNE_UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/lost_phone.txt"), &text).unwrap();
    } else {
        assert_eq!(text, expected, "the story is told otherwise than in lost_phone.txt; VITNE_UPDATE=1 writes it");
    }
    proved(&server, &computer, &entries).await;
    server.finish().await;
}

/// All entries, in three languages, with their proofs.
async fn told(browser: &Browser, position: &Value) -> Vec<Value> {
    let query = "query($seen: Position) { viewer(atLeast: $seen) { activity(first: 100) { nodes {
        occurredAt type outcome sv: text(language: SV) nb: text(language: NB) en: text(language: EN)
        steps { text } effects { type cause }
        integrity { leafIndex leafHash proof events { type position } } } } } }";
    let answer = browser.send(query, json!({ "seen": position })).await;
    if let Some(nodes) = answer.body["data"]["viewer"]["activity"]["nodes"].as_array() {
        return nodes.clone();
    }
    panic!("{answer:?}")
}

fn text(entries: &[Value]) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    for entry in entries {
        writeln!(text, "{} {} {}", word(&entry["occurredAt"]), word(&entry["type"]), word(&entry["outcome"])).unwrap();
        for language in ["sv", "nb", "en"] {
            let line = word(&entry[language]);
            assert!(!line.is_empty() && !line.contains("activity"), "a text is missing: {entry}");
            writeln!(text, "  {language}  {line}").unwrap();
        }
        for step in entry["steps"].as_array().unwrap() {
            writeln!(text, "      {}", word(&step["text"])).unwrap();
        }
        for effect in entry["effects"].as_array().unwrap() {
            writeln!(text, "      = {} {}", word(&effect["type"]), word(&effect["cause"])).unwrap();
        }
    }
    text
}

/// Every entry's proof holds against the checkpoint that is served to everybody.
async fn proved(server: &TestServer, browser: &Browser, entries: &[Value]) {
    let (status, served) = browser.get("/log/checkpoint").await;
    assert_eq!(status, 200);
    let verifier = checks::verifier(server.state());
    assert!(entries.len() >= 8, "{entries:?}");
    for entry in entries {
        let integrity = &entry["integrity"];
        let proof: TlogProof = integrity["proof"].as_str().expect("a proof").parse().unwrap();
        assert_eq!(proof.index.to_string(), integrity["leafIndex"].as_str().unwrap());
        assert_eq!(proof.checkpoint, served);
        let (checkpoint, leaf) = proof.verify(&verifier, None).unwrap();
        assert!(proof.index < checkpoint.size);
        assert_eq!(vitne_eventlog::tree::TreeHash::leaf(&leaf).to_string(), integrity["leafHash"].as_str().unwrap());
    }
}
