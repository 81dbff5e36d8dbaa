//! The stored row: the facts of an entry. The published shape is computed from it, see `entry`.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vitne_domain::id::{CeremonyId, CorrelationId, DeviceId, EventId, SessionId};
use vitne_domain::policy::Method;
use vitne_domain::{Actor, NetworkContext, RetentionClass};
use vitne_eventlog::Header;

use super::kinds::{Category, EntryType, Outcome, ReviewState, Severity};
use super::parts::{Achieved, CredentialRef, DeviceRef, Effect, EventRef, Place, Redaction, Requested, Step};
use crate::reading::clean;

/// One entry's facts. The first thirteen fields are copied into columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityRow {
    /// Position of its first event. Never changes, so pages never shift.
    pub sequence: u64,
    /// When it began.
    pub occurred_at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EntryType,
    /// Where it is filed.
    pub category: Category,
    /// How it ended.
    pub outcome: Outcome,
    /// How much attention it asks for.
    pub severity: Severity,
    /// The device it happened on and the devices it concerns.
    pub devices: Vec<DeviceId>,
    /// The session it happened in and the sessions it concerns.
    pub sessions: Vec<SessionId>,
    /// Methods tried.
    pub methods: Vec<Method>,
    /// Who did it.
    pub actor: Actor,
    /// What its owner has said about it.
    pub review_state: ReviewState,
    /// The request that began it.
    pub correlation: CorrelationId,
    /// The application it was for; none yet.
    pub application: Option<String>,

    /// The entry: its ceremony, else its request.
    pub id: Uuid,
    /// Weight of the event that named it; a later event names it only with at least this weight.
    pub rank: u8,
    /// The event type that named it.
    pub named_by: String,
    /// The schema version of that event.
    pub named_by_version: String,
    /// When the database took the first event.
    pub recorded_at: DateTime<Utc>,
    /// When the last event happened.
    pub concluded_at: DateTime<Utc>,
    /// The event that caused the first one.
    pub causation: Option<EventId>,
    /// The ceremony, where it is one.
    pub ceremony: Option<CeremonyId>,
    /// What was asked for.
    pub requested: Option<Requested>,
    /// What was achieved.
    pub achieved: Option<Achieved>,
    /// Why it ended so, as a reason code.
    pub reason: Option<String>,
    /// Refused proofs.
    pub rejections: u32,
    /// The authenticator it is about, or that was used last.
    pub credential: Option<CredentialRef>,
    /// The device it happened on.
    pub device: Option<DeviceRef>,
    /// The session it happened in, opened or raised.
    pub session: Option<SessionId>,
    /// Where it came from.
    pub network: Option<Place>,
    /// Failures in a row, attempts refused, codes made, or the number of the code: whatever is counted.
    pub count: Option<u32>,
    /// The proofs, in order.
    pub steps: Vec<Step>,
    /// What it did to other things.
    pub effects: Vec<Effect>,
    /// All its events.
    pub events: Vec<EventRef>,
    /// When its owner said that it was not them.
    pub reported_at: Option<DateTime<Utc>>,
    /// The shortest-lived class among its events.
    pub class: RetentionClass,
    /// The epoch of that class.
    pub epoch: NaiveDate,
    /// What is left of it.
    pub redaction: Redaction,
}

impl ActivityRow {
    /// An entry that begins with this event.
    pub(super) fn begun(id: Uuid, header: &Header) -> Self {
        let ceremony = match header.aggregate_type.as_str() {
            "ceremony" => Some(CeremonyId(id)),
            _ => header.ceremony,
        };
        Self {
            sequence: header.position.0,
            occurred_at: header.occurred_at,
            kind: EntryType::AccountUpdated,
            category: Category::Account,
            outcome: Outcome::Success,
            severity: Severity::Info,
            devices: Vec::new(),
            sessions: Vec::new(),
            methods: Vec::new(),
            actor: header.actor,
            review_state: ReviewState::Unreviewed,
            correlation: header.correlation,
            application: None,
            id,
            rank: 0,
            named_by: header.event_type.clone(),
            named_by_version: header.event_version.clone(),
            recorded_at: header.recorded_at,
            concluded_at: header.occurred_at,
            causation: header.causation,
            ceremony,
            requested: None,
            achieved: None,
            reason: None,
            rejections: 0,
            credential: None,
            device: None,
            session: None,
            network: None,
            count: None,
            steps: Vec::new(),
            effects: Vec::new(),
            events: Vec::new(),
            reported_at: None,
            class: header.class,
            epoch: header.epoch,
            redaction: Redaction::None,
        }
    }

    /// What every event adds, whatever it says.
    pub(super) fn take_header(&mut self, header: &Header) {
        self.concluded_at = self.concluded_at.max(header.occurred_at);
        if self.actor == Actor::Anonymous && header.actor == Actor::User {
            self.actor = Actor::User;
        }
        if self.class == RetentionClass::Identity && header.class != RetentionClass::Identity {
            (self.class, self.epoch) = (header.class, header.epoch);
        }
        self.events.push(EventRef {
            id: header.event_id,
            position: header.position.0,
            event_type: header.event_type.clone(),
            aggregate: header.aggregate_type.clone(),
            version: header.sequence,
        });
        if self.redaction != Redaction::None {
            return;
        }
        if let Some(session) = header.session {
            self.touch_session(session);
            self.session.get_or_insert(session);
        }
        if let Some(id) = header.device {
            self.touch_device(id);
            self.device_mut().id.get_or_insert(id);
        }
    }

    /// Where it came from: the first event that tells, tells for all.
    pub(super) fn take_network(&mut self, network: Option<&NetworkContext>) {
        let Some(network) = network else { return };
        if self.network.is_none() && *network != NetworkContext::default() {
            self.network = Some(place(network));
        }
        if let Some(agent) = network.user_agent.as_deref() {
            let device = self.device_mut();
            if device.browser.is_none() && device.os.is_none() {
                (device.browser, device.os) = claimed(agent);
            }
        }
    }

    /// The device it happened on.
    pub(super) fn device_mut(&mut self) -> &mut DeviceRef {
        self.device.get_or_insert(DeviceRef { id: None, browser: None, os: None, trusted: false, first_seen: false })
    }

    pub(super) fn touch_device(&mut self, device: DeviceId) {
        if !self.devices.contains(&device) {
            self.devices.push(device);
        }
    }

    pub(super) fn touch_session(&mut self, session: SessionId) {
        if !self.sessions.contains(&session) {
            self.sessions.push(session);
        }
    }

    pub(super) fn touch_method(&mut self, method: Method) {
        if !self.methods.contains(&method) {
            self.methods.push(method);
        }
    }

    /// Names the entry, unless a weightier event has.
    pub(super) fn name(&mut self, kind: EntryType, rank: u8, header: &Header) {
        if rank >= self.rank {
            self.rank = rank;
            self.kind = kind;
            self.named_by.clone_from(&header.event_type);
            self.named_by_version.clone_from(&header.event_version);
        }
    }

    /// Marks it as reported by its owner.
    pub(super) fn report(&mut self, at: DateTime<Utc>) {
        self.review_state = ReviewState::Reported;
        self.reported_at.get_or_insert(at);
        self.refresh();
    }

    /// Keeps type, time and the clear headers of its events, and nothing else.
    pub(super) fn redact(&mut self) {
        self.redaction = Redaction::Shredded;
        self.devices.clear();
        self.sessions.clear();
        self.methods.clear();
        self.requested = None;
        self.achieved = None;
        self.reason = None;
        self.rejections = 0;
        self.credential = None;
        self.device = None;
        self.session = None;
        self.network = None;
        self.count = None;
        self.steps.clear();
        self.effects.clear();
    }

    /// Brings what is derived from the rest up to date.
    pub(super) fn refresh(&mut self) {
        self.category = self.kind.category();
        self.outcome = self.kind.outcome();
        let first_seen = self.device.as_ref().is_some_and(|device| device.first_seen);
        let raised = self.effects.iter().map(|effect| match effect.kind {
            EntryType::AuthenticatorDisabled | EntryType::FailureNotice => Severity::Alert,
            EntryType::RecoveryCodeUsed => Severity::Warning,
            _ => Severity::Info,
        });
        let raised = raised.max().unwrap_or(Severity::Info);
        let notice = if first_seen || self.success_after_failures() { Severity::Notice } else { Severity::Info };
        let reported = match self.review_state {
            ReviewState::Reported => Severity::Alert,
            ReviewState::Unreviewed => Severity::Info,
        };
        self.severity = self.kind.severity().max(raised).max(notice).max(reported);
    }

    /// Whether proofs were refused before it succeeded.
    pub(super) fn success_after_failures(&self) -> bool {
        self.achieved.is_some() && self.rejections >= 3
    }
}

/// The address, coarsened to what tells a network and not a household.
fn place(network: &NetworkContext) -> Place {
    let (ip, precision) = match network.ip {
        Some(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            (Some(format!("{a}.{b}.{c}.0/24")), "TRUNCATED_24")
        }
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, ..] = ip.segments();
            (Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))), "TRUNCATED_48")
        }
        None => (None, "NONE"),
    };
    Place { ip, ip_precision: precision.to_owned(), country: network.country.as_deref().map(clean) }
}

/// The browser and operating system a user agent claims: words for people, no ground for a decision.
fn claimed(agent: &str) -> (Option<String>, Option<String>) {
    let known = |text: &str| (text != "UNKNOWN" && !text.is_empty()).then(|| clean(text));
    match woothee::parser::Parser::new().parse(agent) {
        Some(found) => (known(found.name), known(found.os)),
        None => (None, None),
    }
}
