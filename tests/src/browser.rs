//! A browser, or a program, that speaks GraphQL to a server.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::secrets::letters;
use crate::server::ORIGIN;
use crate::{Known, TestServer};

/// A browser with its own cookies.
pub struct Browser {
    http: reqwest::Client,
    url: String,
    known: Known,
    bearer: Mutex<Option<String>>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body; null where it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The codes of its errors.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Browser {
    /// A browser that calls itself `agent`.
    pub fn new(server: &TestServer, agent: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("origin", ORIGIN.parse().unwrap());
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .user_agent(agent)
            .default_headers(headers)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { http, url: server.url(), known: server.known.clone(), bearer: Mutex::new(None) }
    }

    /// From now on it sends this token instead of a cookie.
    pub fn bear(&self, token: &str) {
        self.known.text(token);
        *self.bearer.lock().unwrap() = Some(token.to_owned());
    }

    /// What must never be found.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Anything at all, sent to `/graphql` as JSON.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self.http.post(format!("{}/graphql", self.url)).header("content-type", "application/json");
        if let Some(token) = &*self.bearer.lock().unwrap() {
            request = request.bearer_auth(token);
        }
        let response = request.body(body).send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.expect("the answer is whole");
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// A question with variables, as it was answered.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        self.post(json!({ "query": query, "variables": variables }).to_string()).await
    }

    /// A question that must be answered; gives its data.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.status == 200 && answer.body["errors"].is_null(), "{query}: {answer:?}");
        answer.body["data"].clone()
    }

    /// A mutation of one input; gives its payload, whatever became of it. `name` is the mutation and its
    /// input's type, as in `submitTotp SubmitCodeInput`.
    pub async fn act(&self, name: &str, input: Value, fields: &str) -> Value {
        let (mutation, kind) = name.split_once(' ').expect("a mutation and its input's type");
        let query = format!(
            "mutation($input: {kind}!) {{ {mutation}(input: $input) {{ status code message field retryAfter position {fields} }} }}"
        );
        self.ask(&query, json!({ "input": input })).await[mutation].clone()
    }

    /// The same, which must be done.
    pub async fn done(&self, name: &str, input: Value, fields: &str) -> Value {
        let payload = self.act(name, input, fields).await;
        assert_eq!(payload["status"], "OK", "{name}: {payload}");
        payload
    }

    /// Something that is served to everybody.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.expect("the server answers");
        (response.status().as_u16(), response.text().await.expect("the answer is whole"))
    }

    /// Begins a sign-in; gives its token.
    pub async fn begin(&self, email: &str) -> String {
        let begun = self.done("beginSignIn BeginSignInInput", json!({ "email": email }), "token").await;
        let token = begun["token"].as_str().expect("a token").to_owned();
        self.known.text(&token);
        token
    }

    /// Gives the password in a ceremony.
    pub async fn password(&self, ceremony: &str, password: &str) -> Value {
        self.known.text(password);
        let input = json!({ "ceremony": ceremony, "password": password });
        let fields = "ceremony { phase next attemptsLeft } session { token expiresAt deviceTrustedUntil }";
        self.act("submitPassword SubmitPasswordInput", input, fields).await
    }

    /// Registers and follows the link in the mail.
    pub async fn register(&self, server: &TestServer, email: &str, password: &str, name: &str) {
        self.known.text(password);
        let input = json!({ "email": email, "password": password, "displayName": name, "language": "SV" });
        self.done("register RegisterInput", input, "").await;
        let link = newest_link(server, email).await;
        let payload = self.done("followEmailLink FollowEmailLinkInput", json!({ "link": link }), "outcome").await;
        assert_eq!(payload["outcome"], "EMAIL_VERIFIED");
    }

    /// Signs in with a password alone.
    pub async fn sign_in(&self, email: &str, password: &str) {
        let ceremony = self.begin(email).await;
        let payload = self.password(&ceremony, password).await;
        assert!(payload["session"].is_object(), "{payload}");
    }
}

/// The link in the newest letter to an address, waited for.
pub async fn newest_link(server: &TestServer, email: &str) -> String {
    for _ in 0..600 {
        let newest = letters(&server.mails()).into_iter().rev().find(|letter| letter.contains(&format!("To: {email}")));
        if let Some(at) = newest.as_ref().and_then(|letter| letter.find("#vtl_").map(|at| (letter, at))) {
            let link: String = at.0[at.1 + 1..].chars().take_while(|c| !c.is_whitespace()).collect();
            server.known.link(&link);
            return link;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no letter with a link has come to {email}")
}
