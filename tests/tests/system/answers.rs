//! Whoever asks about an address learns nothing: a known one and an unknown one are answered alike.

use chrono::Duration;
use serde_json::{Value, json};
use vitne_tests::browser::Browser;
use vitne_tests::{Person, TestServer};

const STATE: &str =
    "ceremony { purpose phase failure next attemptsLeft causes expiresAt resendAt steps { code method reason }
    missing { what accepts stale more } }";

/// A stranger who tries things with an address, and keeps what was answered.
struct Stranger<'a> {
    server: &'a TestServer,
    browser: Browser,
    email: String,
    answers: Vec<(Value, u64)>,
}

impl Stranger<'_> {
    /// One attempt: the payload without what differs from attempt to attempt, and the events it wrote.
    async fn attempt(&mut self, name: &str, input: Value, fields: &str) -> Value {
        let before = self.server.log().head().await.unwrap();
        let payload = self.browser.act(name, input, fields).await;
        let after = self.server.log().head().await.unwrap();
        let mut told = payload.clone();
        for own in ["position", "token"] {
            if let Some(value) = told.get_mut(own).filter(|value| !value.is_null()) {
                *value = json!("(its own)");
            }
        }
        self.answers.push((told, after.0 - before.0));
        payload
    }

    async fn begin(&mut self, purpose: &str) -> Value {
        let input = json!({ "purpose": purpose, "email": self.email });
        let begun = self.attempt("beginCeremony BeginCeremonyInput", input, &format!("token {STATE}")).await;
        if let Some(token) = begun["token"].as_str() {
            self.browser.known().text(token);
        }
        begun["token"].clone()
    }

    async fn give(&mut self, name: &str, ceremony: &Value, field: &str, typed: &str) {
        let input = json!({ "ceremony": ceremony, field: typed });
        self.attempt(name, input, &format!("{STATE} session {{ expiresAt }}")).await;
    }

    /// Everything that can be tried without knowing a secret, well past where attempts are delayed.
    async fn try_everything(&mut self) {
        for round in 0..9 {
            let ceremony = self.begin("SIGN_IN").await;
            for _ in 0..2 {
                self.give("submitPassword SubmitPasswordInput", &ceremony, "password", "not the password at all").await;
            }
            self.give("submitTotp SubmitCodeInput", &ceremony, "code", "000000").await;
            self.give("submitRecoveryCode SubmitCodeInput", &ceremony, "code", "AAAA-AAAA-AAAA-AAAA").await;
            self.attempt("abandonCeremony CeremonyInput", json!({ "ceremony": ceremony }), STATE).await;
            self.server.pass(Duration::seconds(round * 7));
        }
        for purpose in ["PASSWORD_RESET", "REPLACE_FACTOR"] {
            let ceremony = self.begin(purpose).await;
            self.give("submitPassword SubmitPasswordInput", &ceremony, "password", "not the password at all").await;
            self.give("submitRecoveryCode SubmitCodeInput", &ceremony, "code", "AAAA-AAAA-AAAA-AAAA").await;
            self.attempt("resendEmailLink CeremonyInput", json!({ "ceremony": ceremony }), STATE).await;
            self.server.pass(Duration::minutes(1));
            self.attempt("resendEmailLink CeremonyInput", json!({ "ceremony": ceremony }), STATE).await;
            let input = json!({ "ceremony": ceremony, "newPassword": "a wish for another password" });
            self.attempt("resetPassword ResetPasswordInput", input, "effects { kind }").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_unknown_addresses_get_the_same_answers_at_the_same_price() {
    // Each on a server of its own that stands at the same moment, so that every time in an answer is the same.
    let mut told: Vec<(&str, Vec<(Value, u64)>)> = Vec::new();
    for kind in ["unknown", "plain", "two-step"] {
        let server = TestServer::start().await;
        match kind {
            "plain" => drop(Person::register(&server, "asked-about").await),
            "two-step" => drop(Person::enrolled(&server, "asked-about").await),
            _ => {}
        }
        server.clock.set(vitne_tests::server::beginning() + Duration::days(3));
        let browser = Browser::new(&server, "Stranger/1");
        let email = "asked-about@rare-domain.example".to_owned();
        let mut stranger = Stranger { server: &server, browser, email, answers: Vec::new() };
        stranger.try_everything().await;
        told.push((kind, std::mem::take(&mut stranger.answers)));
        drop(stranger);
        server.finish().await;
    }
    let (_, unknown) = &told[0];
    let throttled = unknown.iter().filter(|(payload, _)| payload["status"] == "THROTTLED").count();
    assert!(throttled > 3, "attempts at an address that has no account are delayed too: {throttled}");
    for (kind, answers) in &told[1..] {
        for (number, (known, unknown)) in answers.iter().zip(unknown).enumerate() {
            assert_eq!(known, unknown, "answer {number} about a {kind} account and about none");
        }
        assert_eq!(answers.len(), unknown.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registering_a_known_address_is_answered_like_registering_a_new_one() {
    let server = TestServer::start().await;
    Person::register(&server, "taken").await;
    let browser = Browser::new(&server, "Stranger/1");
    let mut answers = Vec::new();
    for email in ["taken@rare-domain.example", "free@rare-domain.example"] {
        let input = json!({ "email": email, "password": "whoever owns this address", "displayName": "Who" });
        let mut payload = browser.done("register RegisterInput", input, "").await;
        payload["position"] = json!("(its own)");
        answers.push(payload);
    }
    assert_eq!(answers[0], answers[1]);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_of_an_address_runs_out_alike_for_known_and_unknown_ones() {
    let usual = vitne::config::Config::default().limits;
    let server = TestServer::with(|config| {
        config.limits.identifier_burst = usual.identifier_burst;
        config.limits.identifier_per_minute = usual.identifier_per_minute;
    })
    .await;
    Person::register(&server, "budgeted").await;
    let browser = Browser::new(&server, "Stranger/1");
    let mut told = Vec::new();
    for email in ["budgeted@rare-domain.example", "nobody@rare-domain.example"] {
        let mut statuses = Vec::new();
        for _ in 0..usual.identifier_burst + 3 {
            let payload = browser.act("beginSignIn BeginSignInInput", json!({ "email": email }), "token").await;
            if let Some(token) = payload["token"].as_str() {
                browser.known().text(token);
            }
            statuses.push((payload["status"].clone(), payload["retryAfter"].clone()));
        }
        told.push(statuses);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].iter().filter(|(status, _)| status == "THROTTLED").count(), 3, "{:?}", told[0]);
    server.finish().await;
}
