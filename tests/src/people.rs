//! A person with a browser, who uses the application services as the API does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use uuid::Uuid;
use vitne::service::{
    Authority, Begun, Caller, Done, EnrolmentInput, LinkOutcome, Proof, ProofInput, ProofOutcome, Registration,
    ServiceError, Services, SessionOpened, Viewer,
};
use vitne_domain::account::{Language, totp};
use vitne_domain::device::{DeviceKind, Platform};
use vitne_domain::id::{AccountId, CeremonyId, CorrelationId, CredentialId};
use vitne_domain::policy::Purpose;
use vitne_domain::token::LinkToken;
use vitne_domain::{NetworkContext, Protected};
use vitne_eventlog::Position;

use crate::World;

/// A person. Cheap to clone; clones share nothing that changes.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Their browser.
    pub browser: Uuid,
    /// Their account.
    pub account: AccountId,
    /// The secret in their authenticator app.
    pub secret: Option<Protected>,
    /// That authenticator.
    pub credential: Option<CredentialId>,
    /// Their recovery codes.
    pub codes: Vec<String>,
}

/// The browser of this name.
pub fn browser(name: &str) -> Uuid {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    Uuid::from_u64_pair(0xB0, hasher.finish())
}

/// Every request has an identifier of its own.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// A browser's request.
pub fn caller(browser: Uuid) -> Caller {
    Caller {
        correlation: CorrelationId(Uuid::from_u64_pair(0xC0, REQUESTS.fetch_add(1, Ordering::Relaxed))),
        network: NetworkContext {
            ip: Some("198.51.100.23".parse().unwrap()),
            user_agent: Some("Rarebrowser/9.1 (Testphone)".to_owned()),
            country: None,
        },
        device_cookie: Some(browser),
        platform: Platform {
            kind: DeviceKind::Computer,
            os: Some("Rareos".to_owned()),
            os_version: Some("7".to_owned()),
            browser: Some("Rarebrowser".to_owned()),
        },
        idempotency: None,
    }
}

/// The link that mail would bring for a ceremony.
pub fn link(services: &Services, ceremony: CeremonyId) -> String {
    let stream = URL_SAFE_NO_PAD.encode(ceremony.0.as_bytes());
    let secret = URL_SAFE_NO_PAD.encode(services.keys().link_secret(ceremony));
    format!("{}{stream}.{secret}", LinkToken::PREFIX)
}

impl Person {
    /// Registers and proves the address.
    pub async fn register(world: &World, name: &str) -> Self {
        let email = format!("{name}@rare-domain.example");
        let password = format!("{name} walks a long way home");
        world.known.text(&password);
        let browser = browser(name);
        let services = &world.services;
        let input = Registration {
            email: email.clone(),
            password: Protected::new(&*password),
            display_name: format!("Rarename {name}"),
            language: Language::Sv,
        };
        let done = services.register(&caller(browser), input).await.unwrap();
        let last = world.services.log().read(Position(done.position.0 - 1), 1).await.unwrap().remove(0);
        let account = last.header.subject.expect("a registration is about somebody");
        let link = link(services, last.header.ceremony.expect("a registration asks for a proof of the address"));
        world.known.link(&link);
        let followed = services.follow_link(&caller(browser), &link).await.unwrap();
        assert_eq!(followed.value, LinkOutcome::EmailVerified);
        Self { email, password, browser, account, secret: None, credential: None, codes: Vec::new() }
    }

    /// The same, with an authenticator app; also gives the session in which it was enrolled.
    pub async fn enrolled(world: &World, name: &str) -> (Self, SessionOpened) {
        let mut person = Self::register(world, name).await;
        let session = person.sign_in_with_password(world).await;
        let viewer = person.viewer(world, &session).await;
        person.enrol(world, &Authority::Viewer(viewer), None).await;
        (person, session)
    }

    /// Their request.
    pub fn caller(&self) -> Caller {
        caller(self.browser)
    }

    /// Begins a ceremony with their address.
    pub async fn begin(&self, world: &World, purpose: Purpose) -> Begun {
        let begun = world.services.begin(&self.caller(), purpose, &self.email).await.unwrap().value;
        world.known.text(begun.token.expose());
        begun
    }

    /// Gives a proof.
    pub async fn prove(
        &self,
        world: &World,
        token: &Protected,
        proof: Proof,
    ) -> Result<Done<ProofOutcome>, ServiceError> {
        let input = ProofInput { token: token.expose().to_owned(), proof, remember_device: false };
        world.services.submit(&self.caller(), input).await
    }

    /// Their password as a proof.
    pub fn typed_password(&self) -> Proof {
        Proof::Password(Protected::new(&*self.password))
    }

    /// What their app shows now, as a proof.
    pub fn shown_code(&self, world: &World) -> Proof {
        let code = totp::code_at(self.secret.as_ref().expect("an authenticator"), world.services.now()).unwrap();
        world.known.code(&code);
        Proof::Totp(Protected::new(code))
    }

    /// A sign-in that asks for a password alone.
    pub async fn sign_in_with_password(&self, world: &World) -> SessionOpened {
        let begun = self.begin(world, Purpose::SignIn).await;
        let done = self.prove(world, &begun.token, self.typed_password()).await.unwrap();
        opened(world, done.value)
    }

    /// A sign-in up to where the second step is asked for.
    pub async fn half_signed_in(&self, world: &World) -> Begun {
        let begun = self.begin(world, Purpose::SignIn).await;
        let done = self.prove(world, &begun.token, self.typed_password()).await.unwrap();
        assert!(matches!(done.value, ProofOutcome::Accepted { session: None, .. }), "{:?}", done.value);
        begun
    }

    /// A sign-in with password and code, in a fresh time step.
    pub async fn sign_in(&self, world: &World, remember_device: bool) -> SessionOpened {
        let begun = self.half_signed_in(world).await;
        world.pass(Duration::seconds(60));
        let proof = self.shown_code(world);
        let input = ProofInput { token: begun.token.expose().to_owned(), proof, remember_device };
        let done = world.services.submit(&self.caller(), input).await.unwrap();
        opened(world, done.value)
    }

    /// The authority of a session of theirs.
    pub async fn viewer(&self, world: &World, session: &SessionOpened) -> Viewer {
        let viewer = world.services.authenticate(session.token.expose(), &self.caller()).await.unwrap();
        viewer.expect("a live session")
    }

    /// Raises a session for changing settings with password and code, in a fresh time step.
    pub async fn step_up(&self, world: &World, viewer: &Viewer) {
        let services = &world.services;
        let begun = services.begin_step_up(&self.caller(), viewer, Purpose::Settings).await.unwrap().value;
        world.known.text(begun.token.expose());
        if begun.ceremony.next.contains(&vitne_domain::policy::Method::Password) {
            self.prove(world, &begun.token, self.typed_password()).await.unwrap();
        }
        if self.secret.is_some() {
            world.pass(Duration::seconds(60));
            let proof = self.shown_code(world);
            let done = self.prove(world, &begun.token, proof).await.unwrap();
            assert!(matches!(done.value, ProofOutcome::Accepted { .. }), "{:?}", done.value);
        }
    }

    /// Enrols an authenticator app, in the place of another one if told.
    pub async fn enrol(&mut self, world: &World, authority: &Authority, replaces: Option<CredentialId>) {
        let services = &world.services;
        let input = EnrolmentInput { label: "Rarelabel phone".to_owned(), carried_by: None, replaces };
        let started = services.start_enrolment(&self.caller(), authority, input).await.unwrap().value;
        world.known.text(started.secret.expose());
        world.pass(Duration::seconds(60));
        let code = totp::code_at(&started.secret, world.services.now()).unwrap();
        world.known.code(&code);
        let confirmed = services
            .confirm_enrolment(&self.caller(), authority, started.credential, Protected::new(code), None)
            .await
            .unwrap()
            .value;
        for shown in &confirmed.recovery_codes {
            world.known.text(shown.code.expose());
        }
        self.codes = confirmed.recovery_codes.iter().map(|shown| shown.code.expose().to_owned()).collect();
        (self.secret, self.credential) = (Some(started.secret), Some(started.credential));
    }
}

/// The session that a proof opened.
pub fn opened(world: &World, outcome: ProofOutcome) -> SessionOpened {
    let ProofOutcome::Accepted { session: Some(session), .. } = outcome else {
        panic!("no session was opened: {outcome:?}")
    };
    world.known.text(session.token.expose());
    session
}
