//! Histories for tests: events with headers as the log would give them, made without a log.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::account::{AccountEvent, AuthenticatorKind, Language, PasswordCause, RecoveryCodeHash, RejectReason};
use vitne_domain::ceremony::CeremonyEvent;
use vitne_domain::device::{DeviceEvent, DeviceKind, Platform};
use vitne_domain::id::{AccountId, CeremonyId, CorrelationId, CredentialId, DeviceId, EventId, SessionId};
use vitne_domain::policy::{Cause, Method, Purpose, Requirement};
use vitne_domain::session::SessionEvent;
use vitne_domain::{Actor, AnyEvent, LoggedEvent, NetworkContext, Protected};
use vitne_eventlog::{Body, Header, Position, Recorded};
use vitne_projections::Projection;

/// What must never be found in a row.
pub(crate) const SECRET: &str = "NEVER-IN-A-ROW";

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36";

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_f3c8_0000_7000_8000_0000_0000_0000 + n)
}

/// One request's circumstances.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) subject: Option<AccountId>,
    pub(crate) actor: Actor,
    pub(crate) correlation: CorrelationId,
    pub(crate) ceremony: Option<CeremonyId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) device: Option<DeviceId>,
}

pub(crate) struct History {
    pub(crate) events: Vec<Recorded>,
    at: DateTime<Utc>,
    sequences: HashMap<(String, Uuid), u64>,
    requests: u128,
    person: u128,
}

impl History {
    /// The history of the person with this number.
    pub(crate) fn of(person: u128) -> Self {
        let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
        Self { events: Vec::new(), at, sequences: HashMap::new(), requests: 0, person }
    }

    pub(crate) fn subject(&self) -> AccountId {
        AccountId(self.id(1))
    }

    /// An identifier of this person's history.
    pub(crate) fn id(&self, n: u128) -> Uuid {
        id(self.person * 100_000 + n)
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.at += TimeDelta::seconds(seconds);
    }

    pub(crate) fn request(&mut self, actor: Actor) -> Request {
        self.requests += 1;
        self.wait(1);
        Request {
            subject: Some(self.subject()),
            actor,
            correlation: CorrelationId(self.id(50_000 + self.requests)),
            ceremony: None,
            session: None,
            device: None,
        }
    }

    pub(crate) fn push(&mut self, request: &Request, stream: Uuid, event: AnyEvent) {
        let (spec, aggregate) = match &event {
            AnyEvent::Account(event) => (event.spec(), "account"),
            AnyEvent::Claim(event) => (event.spec(), "claim"),
            AnyEvent::Ceremony(event) => (event.spec(), "ceremony"),
            AnyEvent::Device(event) => (event.spec(), "device"),
            AnyEvent::Session(event) => (event.spec(), "session"),
            AnyEvent::Operation(event) => (event.spec(), "operation"),
        };
        let spec = spec.expect("no test writes a shredded event");
        let sequence = self.sequences.entry((aggregate.to_owned(), stream)).or_default();
        *sequence += 1;
        let position = self.events.len() as u64 + 1;
        let event_id = EventId(id(self.person * 100_000 + 10_000 + u128::from(position)));
        let header = Header {
            position: Position(position),
            aggregate_type: aggregate.to_owned(),
            aggregate_id: stream.to_string(),
            sequence: *sequence,
            event_type: spec.name.to_owned(),
            event_version: spec.version.to_string(),
            event_id,
            subject: request.subject,
            actor: request.actor,
            correlation: request.correlation,
            causation: None,
            ceremony: request.ceremony,
            session: request.session,
            device: request.device,
            occurred_at: self.at,
            recorded_at: self.at + TimeDelta::milliseconds(3),
            class: spec.class,
            epoch: spec.class.epoch(self.at),
            commitment: [0; 32],
        };
        let network = NetworkContext {
            ip: Some("203.0.113.77".parse().expect("an address")),
            user_agent: Some(CHROME.to_owned()),
            country: Some("SE".to_owned()),
        };
        self.events.push(Recorded { header, body: Body::Event(event), network: Some(network) });
    }

    pub(crate) fn account(&mut self, request: &Request, event: AccountEvent) {
        let stream = self.subject().0;
        self.push(request, stream, AnyEvent::Account(event));
    }

    pub(crate) fn ceremony(&mut self, request: &Request, event: CeremonyEvent) {
        let stream = request.ceremony.expect("within a ceremony").0;
        self.push(request, stream, AnyEvent::Ceremony(event));
    }

    pub(crate) fn register(&mut self) {
        let request = self.request(Actor::Anonymous);
        let (email, display_name) = ("kari@example.se".to_owned(), "Kari".to_owned());
        self.account(&request, AccountEvent::AccountRegistered { email, display_name, language: Language::Nb });
        let hash = Protected::new(SECRET);
        self.account(&request, AccountEvent::PasswordSet { hash, cause: PasswordCause::Registration });
    }

    /// An authenticator app on a device, two-step verification and ten recovery codes.
    pub(crate) fn enrol(&mut self, credential: CredentialId, carried_by: Option<DeviceId>) {
        let request = self.request(Actor::User);
        let label = "Work phone".to_owned();
        self.account(
            &request,
            AccountEvent::AuthenticatorEnrolmentStarted {
                credential,
                kind: AuthenticatorKind::Totp,
                label: label.clone(),
                secret: Protected::new(SECRET),
                carried_by,
                replaces: None,
                expires_at: self.at + TimeDelta::minutes(10),
            },
        );
        let request = self.request(Actor::User);
        let kind = AuthenticatorKind::Totp;
        self.account(&request, AccountEvent::AuthenticatorEnrolled { credential, kind, label, carried_by, step: 1 });
        self.account(&request, AccountEvent::TwoStepEnabled {});
        let codes = (1..=10).map(|number| RecoveryCodeHash { number, hash: Protected::new(SECRET) }).collect();
        self.account(&request, AccountEvent::RecoveryCodesIssued { set: 1, codes });
    }

    pub(crate) fn start(&mut self, number: u128, purpose: Purpose, device: Option<DeviceId>) -> Request {
        let ceremony = CeremonyId(self.id(20_000 + number));
        let request = Request { ceremony: Some(ceremony), device, ..self.request(Actor::Anonymous) };
        let requirement = Requirement {
            purpose,
            groups: Vec::new(),
            stars: 0,
            kinds: 0,
            evidence: Vec::new(),
            fresh_seconds: None,
            trusted_device: false,
            causes: vec![Cause::TwoStepEnabled],
        };
        self.ceremony(
            &request,
            CeremonyEvent::CeremonyStarted {
                purpose,
                account: request.subject,
                guard: self.subject(),
                requirement,
                secret_hash: Protected::new(SECRET),
                session: None,
                contact: None,
                expires_at: self.at + TimeDelta::minutes(10),
            },
        );
        request
    }

    pub(crate) fn accept(
        &mut self,
        request: &Request,
        method: Method,
        credential: Option<CredentialId>,
        number: Option<u8>,
    ) {
        self.wait(5);
        self.account(request, AccountEvent::AccountProofAccepted { method, credential, step: Some(2) });
        if let Some(number) = number {
            self.account(request, AccountEvent::RecoveryCodeUsed { set: 1, number });
        }
        let label = credential.map(|_| "Work phone".to_owned());
        let at = self.at;
        self.ceremony(request, CeremonyEvent::CeremonyProofAccepted { method, credential, label, number, at });
    }

    pub(crate) fn reject(&mut self, request: &Request, method: Method) {
        self.wait(5);
        let (reason, at) = (RejectReason::Wrong, self.at);
        self.account(request, AccountEvent::AccountProofRejected { method, credential: None, reason, at });
        self.ceremony(request, CeremonyEvent::CeremonyProofRejected { method, credential: None, reason });
    }

    pub(crate) fn complete(&mut self, request: &Request, purpose: Purpose, session: Option<SessionId>) {
        self.ceremony(
            request,
            CeremonyEvent::CeremonyCompleted {
                acr: purpose.acr().map(ToOwned::to_owned),
                amr: vec!["pwd".to_owned(), "otp".to_owned()],
                auth_time: self.at,
                by_device_trust: false,
                session,
            },
        );
    }

    /// A whole sign-in; the session it opens.
    pub(crate) fn sign_in(
        &mut self,
        number: u128,
        device: DeviceId,
        new: bool,
        second: (Method, Option<u8>),
    ) -> SessionId {
        let request = Request { actor: Actor::User, ..self.start(number, Purpose::SignIn, Some(device)) };
        self.accept(&request, Method::Password, None, None);
        let (method, code) = second;
        let credential = (method == Method::Totp).then(|| CredentialId(self.id(3)));
        self.accept(&request, method, credential, code);
        let session = SessionId(self.id(30_000 + number));
        self.complete(&request, Purpose::SignIn, Some(session));
        if new {
            let account = self.subject();
            let platform = Platform {
                kind: DeviceKind::Computer,
                os: Some("Windows 10".to_owned()),
                os_version: None,
                browser: Some("Chrome".to_owned()),
            };
            self.push(&request, device.0, AnyEvent::Device(DeviceEvent::DeviceFirstSeen { account, platform }));
        }
        let started = SessionEvent::SessionStarted {
            account: self.subject(),
            device: Some(device),
            ceremony: request.ceremony.expect("a ceremony"),
            token_hash: Protected::new(SECRET),
            acr: "urn:vitne:acr:signin".to_owned(),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            methods: vec![Method::Password, method],
            auth_time: self.at,
            proved_at: self.at,
            idle_seconds: 3600,
            expires_at: self.at + TimeDelta::days(30),
        };
        self.push(&request, session.0, AnyEvent::Session(started));
        session
    }
}

/// What every projection makes of the events: rows by projection, person and identifier.
pub(crate) type Rows = BTreeMap<(&'static str, Uuid, Uuid), Value>;

pub(crate) fn fold(events: &[Recorded]) -> Rows {
    use vitne_projections::{activity, authenticators, devices, profile, security, sessions};
    let projections: [&dyn Projection; 6] = [
        &activity::Activity,
        &authenticators::Authenticators,
        &devices::Devices,
        &profile::Profiles,
        &security::Security,
        &sessions::Sessions,
    ];
    let mut rows = Rows::new();
    for projection in projections {
        for event in events {
            for key in projection.keys(event) {
                let place = (projection.name(), key.subject.0, key.id);
                let before = rows.remove(&place);
                if let Some(after) = projection.fold(&key, before, event).expect("it folds") {
                    for column in projection.table().columns {
                        assert!(after.get(column.name).is_some(), "{} has no {}", projection.name(), column.name);
                    }
                    rows.insert(place, after);
                }
            }
        }
    }
    rows
}
