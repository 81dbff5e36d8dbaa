//! A session: where one is signed in, how well proved, and why it ended.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_projections::sessions::{self, SessionRow};

use super::super::enums::{Method, Purpose, SessionState};
use super::super::ids::Kind;
use super::devices::code;
use super::viewer::load_device;
use super::{DeviceNode, Scope};

/// A session of the account.
pub(crate) struct SessionNode {
    /// Whose.
    pub(crate) scope: Scope,
    /// The facts.
    pub(crate) row: SessionRow,
}

/// What a session has been raised to.
#[derive(SimpleObject)]
struct SessionElevation {
    /// For which purpose.
    purpose: Purpose,
    /// By which methods.
    methods: Vec<Method>,
    /// When it falls back.
    until: DateTime<Utc>,
}

#[Object(name = "Session")]
impl SessionNode {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.scope.id(Kind::Session, self.row.id.0)
    }

    /// Whether it is the session that asks.
    async fn current(&self) -> bool {
        self.scope.viewer.session() == self.row.id
    }

    /// Whether it is alive, its limits considered.
    async fn state(&self) -> SessionState {
        self.row.state_at(self.scope.at).into()
    }

    /// On which device.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<DeviceNode>> {
        match self.row.device {
            Some(device) => load_device(ctx, &self.scope, device).await,
            None => Ok(None),
        }
    }

    /// When it was opened.
    async fn started_at(&self) -> DateTime<Utc> {
        self.row.started_at
    }

    /// When it was last seen in use.
    async fn last_used_at(&self) -> DateTime<Utc> {
        self.row.last_used_at
    }

    /// When it ends in any case; null once that can no longer be read.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.expires_at
    }

    /// Seconds without use after which it ends.
    async fn idle_seconds(&self) -> Option<u32> {
        self.row.idle_seconds
    }

    /// The authentication context class.
    async fn acr(&self) -> Option<&str> {
        self.row.acr.as_deref()
    }

    /// How it was authenticated (RFC 8176).
    async fn amr(&self) -> &[String] {
        &self.row.amr
    }

    /// By which methods it was opened.
    async fn methods(&self) -> Vec<Method> {
        self.row.methods.iter().map(|method| (*method).into()).collect()
    }

    /// When the last proof was given.
    async fn auth_time(&self) -> Option<DateTime<Utc>> {
        self.row.auth_time
    }

    /// What it is raised to.
    async fn elevations(&self) -> Vec<SessionElevation> {
        let raised = self.row.elevated_at(self.scope.at);
        raised
            .map(|raised| SessionElevation {
                purpose: raised.purpose.into(),
                methods: raised.methods.iter().map(|method| (*method).into()).collect(),
                until: raised.until,
            })
            .collect()
    }

    /// Why it ended, as a code.
    async fn end_cause(&self) -> Option<String> {
        self.row.end_cause.as_ref().map(code)
    }

    /// When it ended.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.row.ended_at
    }
}

impl SessionNode {
    /// Whether it is alive at the scope's moment.
    pub(crate) fn is_active(&self) -> bool {
        self.row.state_at(self.scope.at) == sessions::SessionState::Active
    }
}
