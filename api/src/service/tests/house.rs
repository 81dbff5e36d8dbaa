//! The services over a log of their own, with a clock that the test moves, and people to attack.

use std::sync::Arc;

use chrono::Duration;
use vitne_domain::account::{Language, totp};
use vitne_domain::device::{DeviceKind, Platform};
use vitne_domain::id::{CeremonyId, CorrelationId, CredentialId};
use vitne_domain::policy::Purpose;
use vitne_domain::token::LinkToken;
use vitne_domain::{NetworkContext, Protected};
use vitne_eventlog::database::testing::TestDatabase;
use vitne_eventlog::seal::LocalKeyEncryption;
use vitne_eventlog::{Log, LogOptions};

use super::super::*;
use crate::clock::ManualClock;

pub(super) const PASSWORD: &str = "seven quiet herons over water";

pub(super) struct House {
    pub(super) services: Services,
    pub(super) clock: ManualClock,
    entropy: Entropy,
    /// Held until the test ends, which drops it.
    _database: TestDatabase,
}

/// Somebody with an account, and what they have in their drawers.
pub(super) struct Person {
    pub(super) email: String,
    pub(super) account: AccountId,
    pub(super) app: Option<(CredentialId, Protected)>,
    pub(super) codes: Vec<Protected>,
}

impl House {
    pub(super) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let clock = ManualClock::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let options = LogOptions::new([7; 32], Arc::new(LocalKeyEncryption::new([9; 32])));
        let log = Log::open(database.pool(), options).await.unwrap();
        let entropy = Entropy::seeded(11);
        let settings = ServiceSettings {
            password: PasswordParams::insecure_for_simulation(),
            sessions: SessionLimits::default(),
            trust_days: 30,
            issuer: "Vitne".to_owned(),
        };
        let hasher = Hasher::new(HasherSettings { workers: 2, queue: 256 });
        let keys = ServiceKeys::new([5; 32]);
        let services = Services::new(log, hasher, Arc::new(clock.clone()), entropy.clone(), keys, settings).unwrap();
        Self { services, clock, entropy, _database: database }
    }

    /// A caller with a browser that has this cookie; 0 for one without.
    pub(super) fn caller(&self, cookie: u128) -> Caller {
        Caller {
            correlation: self.entropy.with(|rng| CorrelationId::new(self.services.now(), rng)),
            network: NetworkContext::default(),
            device_cookie: (cookie > 0).then(|| Uuid::from_u128(cookie)),
            platform: Platform { kind: DeviceKind::Unknown, os: None, os_version: None, browser: None },
            idempotency: None,
        }
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    /// The link that a ceremony's mail holds.
    pub(super) fn link(&self, ceremony: CeremonyId) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let (id, secret) = (ceremony.0.as_bytes(), self.services.keys().link_secret(ceremony));
        format!("{}{}.{}", LinkToken::PREFIX, URL_SAFE_NO_PAD.encode(id), URL_SAFE_NO_PAD.encode(secret))
    }

    /// The account's newest ceremony: the one whose link was mailed last.
    pub(super) async fn newest(&self, account: AccountId) -> CeremonyId {
        let ids = self.services.log().streams_of(account, "ceremony", None).await.unwrap();
        ids.last().unwrap().parse().unwrap()
    }

    pub(super) async fn registered(&self, email: &str) -> Person {
        let input = Registration {
            email: email.to_owned(),
            password: Protected::new(PASSWORD),
            display_name: "Anna".to_owned(),
            language: Language::default(),
        };
        self.services.register(&self.caller(0), input).await.unwrap();
        let account = self.services.identify(email).await.unwrap().account.unwrap();
        Person { email: email.to_owned(), account, app: None, codes: Vec::new() }
    }

    pub(super) async fn person(&self, email: &str) -> Person {
        let person = self.registered(email).await;
        let link = self.link(self.newest(person.account).await);
        self.services.follow_link(&self.caller(0), &link).await.unwrap();
        person
    }

    /// A person with two-step verification on.
    pub(super) async fn careful_person(&self, email: &str) -> Person {
        let mut person = self.person(email).await;
        let viewer = self.sign_in(&person, 1).await;
        self.enrol(&mut person, &viewer).await;
        self.wait(60);
        person
    }

    pub(super) async fn enrol(&self, person: &mut Person, viewer: &Viewer) {
        let authority = Authority::Viewer(viewer.clone());
        let input = EnrolmentInput { label: "Phone".to_owned(), carried_by: None, replaces: None };
        let started = self.services.start_enrolment(&self.caller(1), &authority, input).await.unwrap().value;
        let code = Protected::new(totp::code_at(&started.secret, self.services.now()).unwrap());
        let confirmed =
            self.services.confirm_enrolment(&self.caller(1), &authority, started.credential, code, None).await;
        person.codes = confirmed.unwrap().value.recovery_codes.into_iter().map(|shown| shown.code).collect();
        person.app = Some((started.credential, started.secret));
    }

    pub(super) async fn begin(&self, purpose: Purpose, email: &str, cookie: u128) -> Begun {
        self.services.begin(&self.caller(cookie), purpose, email).await.unwrap().value
    }

    pub(super) async fn give(&self, token: &Protected, proof: Proof) -> Result<ProofOutcome, ServiceError> {
        let input = ProofInput { token: token.expose().to_owned(), proof, remember_device: false };
        Ok(self.services.submit(&self.caller(1), input).await?.value)
    }

    pub(super) fn code(&self, person: &Person) -> Proof {
        let secret = &person.app.as_ref().unwrap().1;
        Proof::Totp(Protected::new(totp::code_at(secret, self.services.now()).unwrap()))
    }

    /// Signs in with the password, and with the app where there is one.
    pub(super) async fn sign_in(&self, person: &Person, cookie: u128) -> Viewer {
        let begun = self.begin(Purpose::SignIn, &person.email, cookie).await;
        let mut outcome = self.give(&begun.token, password()).await.unwrap();
        if person.app.is_some() {
            self.wait(30);
            outcome = self.give(&begun.token, self.code(person)).await.unwrap();
        }
        let ProofOutcome::Accepted { session: Some(opened), .. } = outcome else { panic!("{outcome:?}") };
        self.services.authenticate(opened.token.expose(), &self.caller(cookie)).await.unwrap().unwrap()
    }

    /// A completed ceremony for replacing a lost factor.
    pub(super) async fn replacement(&self, person: &mut Person) -> Begun {
        let begun = self.begin(Purpose::ReplaceFactor, &person.email, 66).await;
        self.give(&begun.token, password()).await.unwrap();
        let code = person.codes.pop().unwrap();
        self.give(&begun.token, Proof::RecoveryCode(code)).await.unwrap();
        begun
    }

    /// How many events the log has.
    pub(super) async fn events(&self) -> u64 {
        self.services.log().head().await.unwrap().0
    }
}

pub(super) fn password() -> Proof {
    Proof::Password(Protected::new(PASSWORD))
}

/// The refusal in an answer.
pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> Refusal {
    match answer {
        Err(ServiceError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
