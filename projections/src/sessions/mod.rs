//! Sessions: where somebody is signed in, how well proved, and why it ended.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitne_domain::AnyEvent;
use vitne_domain::id::{CeremonyId, DeviceId, SessionId};
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::{SessionEndCause, SessionEvent};
use vitne_eventlog::Recorded;

use crate::reading::{clean, load, named, readable, store, stream_id};
use crate::{Column, ColumnType, FoldError, Projection, RowKey, Table};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sessions;

static TABLE: Table = Table {
    name: "sessions",
    columns: &[
        Column { name: "device", kind: ColumnType::Uuid },
        Column { name: "state", kind: ColumnType::Text },
        Column { name: "started_at", kind: ColumnType::Timestamp },
        Column { name: "last_used_at", kind: ColumnType::Timestamp },
        Column { name: "expires_at", kind: ColumnType::Timestamp },
    ],
    indexes: &["(subject, started_at DESC)"],
};

/// Whether a session is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionState {
    /// Signed in.
    Active,
    /// Past a limit, not yet recorded as ended. Never stored: see [`SessionRow::state_at`].
    Lapsed,
    /// Ended.
    Ended,
}

impl SessionState {
    /// The public name, as in the `state` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Lapsed => "LAPSED",
            Self::Ended => "ENDED",
        }
    }
}

/// What a session has been raised to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elevation {
    /// For which purpose.
    pub purpose: Purpose,
    /// By which ceremony.
    pub ceremony: CeremonyId,
    /// By which methods.
    pub methods: Vec<Method>,
    /// When the last proof was given.
    pub auth_time: DateTime<Utc>,
    /// When it falls back.
    pub until: DateTime<Utc>,
}

/// One session of one account. Its token is not in it, in no form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// On which device.
    pub device: Option<DeviceId>,
    /// Whether it is alive, apart from its limits.
    pub state: SessionState,
    /// When it was opened.
    pub started_at: DateTime<Utc>,
    /// When it was last seen in use.
    pub last_used_at: DateTime<Utc>,
    /// When it ends in any case; `None` once that can no longer be read.
    pub expires_at: Option<DateTime<Utc>>,
    /// Which one.
    pub id: SessionId,
    /// The ceremony that opened it.
    pub ceremony: Option<CeremonyId>,
    /// The authentication context class.
    pub acr: Option<String>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// By which methods.
    pub methods: Vec<Method>,
    /// When the last proof was given.
    pub auth_time: Option<DateTime<Utc>>,
    /// Seconds without use after which it ends.
    pub idle_seconds: Option<u32>,
    /// What it has been raised to, the latest for each purpose.
    pub elevations: Vec<Elevation>,
    /// Why it ended.
    pub end_cause: Option<SessionEndCause>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl SessionRow {
    /// A session of which only the clear header is known.
    fn opened(id: SessionId, device: Option<DeviceId>, at: DateTime<Utc>) -> Self {
        Self {
            device,
            state: SessionState::Active,
            started_at: at,
            last_used_at: at,
            expires_at: None,
            id,
            ceremony: None,
            acr: None,
            amr: Vec::new(),
            methods: Vec::new(),
            auth_time: None,
            idle_seconds: None,
            elevations: Vec::new(),
            end_cause: None,
            ended_at: None,
        }
    }

    /// Whether it is alive at the given moment, its limits considered. A list for people: whether a
    /// token is accepted is decided on the session's stream.
    pub fn state_at(&self, now: DateTime<Utc>) -> SessionState {
        let idle_until = self.idle_seconds.map(|seconds| self.last_used_at + TimeDelta::seconds(i64::from(seconds)));
        let lapsed = self.expires_at.is_none_or(|limit| limit <= now) || idle_until.is_some_and(|limit| limit <= now);
        match self.state {
            SessionState::Active if lapsed => SessionState::Lapsed,
            state => state,
        }
    }

    /// What it is raised to at the given moment.
    pub fn elevated_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Elevation> {
        self.elevations.iter().filter(move |elevation| elevation.until > now)
    }
}

impl Projection for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn table(&self) -> &'static Table {
        &TABLE
    }

    fn keys(&self, event: &Recorded) -> Vec<RowKey> {
        match event.header.subject {
            Some(subject) if event.header.aggregate_type == "session" => {
                vec![RowKey { subject, id: stream_id(&event.header) }]
            }
            _ => Vec::new(),
        }
    }

    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError> {
        let header = &event.header;
        let id = SessionId(named(key.id, header)?);
        let body = readable(event)?;
        let mut row: SessionRow =
            load(row)?.unwrap_or_else(|| SessionRow::opened(id, header.device, header.occurred_at));
        match body {
            Some(AnyEvent::Session(session)) => apply(&mut row, session, header.occurred_at),
            None if header.event_type == "SessionEnded" => row.state = SessionState::Ended,
            _ => {}
        }
        store(&row)
    }
}

fn apply(row: &mut SessionRow, event: &SessionEvent, at: DateTime<Utc>) {
    match event {
        SessionEvent::SessionStarted {
            device,
            ceremony,
            acr,
            amr,
            methods,
            auth_time,
            idle_seconds,
            expires_at,
            account: _,
            proved_at: _,
            token_hash: _,
        } => {
            row.device = *device;
            row.ceremony = Some(*ceremony);
            row.acr = Some(clean(acr));
            row.amr.clone_from(amr);
            row.methods.clone_from(methods);
            row.auth_time = Some(*auth_time);
            row.idle_seconds = Some(*idle_seconds);
            row.expires_at = Some(*expires_at);
        }
        SessionEvent::SessionElevated { purpose, ceremony, methods, auth_time, until, amr: _, proved_at: _ } => {
            row.elevations.retain(|elevation| elevation.purpose != *purpose);
            row.elevations.push(Elevation {
                purpose: *purpose,
                ceremony: *ceremony,
                methods: methods.clone(),
                auth_time: *auth_time,
                until: *until,
            });
            row.last_used_at = row.last_used_at.max(at);
        }
        SessionEvent::SessionUsed { at } => row.last_used_at = row.last_used_at.max(*at),
        SessionEvent::SessionEnded { cause } => {
            row.state = SessionState::Ended;
            row.end_cause = Some(*cause);
            row.ended_at = Some(at);
        }
        SessionEvent::Shredded { .. } => {}
    }
}
