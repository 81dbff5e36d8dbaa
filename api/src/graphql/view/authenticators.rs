//! What an account can prove itself with. No secret is in it.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use vitne_projections::authenticators::{self, AuthenticatorRow};
use vitne_projections::text;

use super::super::enums::{AuthenticatorKind, AuthenticatorStatus};
use super::super::ids::Kind;
use super::devices::code;
use super::viewer::load_device;
use super::{DeviceNode, Scope};

/// An authenticator of the account.
pub(crate) struct AuthenticatorNode {
    /// Whose.
    pub(crate) scope: Scope,
    /// The facts.
    pub(crate) row: AuthenticatorRow,
}

#[Object(name = "Authenticator")]
impl AuthenticatorNode {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.scope.id(Kind::Authenticator, self.row.id.0)
    }

    /// What it is.
    async fn kind(&self) -> AuthenticatorKind {
        self.row.kind.into()
    }

    /// Its owner's name for it.
    async fn label(&self) -> String {
        text::typed_by_people(&self.row.label)
    }

    /// Whether it can be used.
    async fn status(&self) -> AuthenticatorStatus {
        self.row.status.into()
    }

    /// When it came into that status.
    async fn status_since(&self) -> DateTime<Utc> {
        self.row.status_since
    }

    /// Why it was suspended or removed, as a code.
    async fn cause(&self) -> Option<String> {
        self.row.cause.as_ref().map(code)
    }

    /// The device it lives on, if told.
    async fn carried_by(&self, ctx: &Context<'_>) -> Result<Option<DeviceNode>> {
        match self.row.carried_by {
            Some(device) => load_device(ctx, &self.scope, device).await,
            None => Ok(None),
        }
    }

    /// When it was confirmed.
    async fn enrolled_at(&self) -> Option<DateTime<Utc>> {
        self.row.enrolled_at
    }

    /// When its enrolment lapses if it is not confirmed.
    async fn pending_until(&self) -> Option<DateTime<Utc>> {
        self.row.pending_until
    }

    /// When it last proved something.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_used_at
    }

    /// Refused proofs since then.
    async fn failures(&self) -> u32 {
        self.row.failures
    }
}

impl AuthenticatorNode {
    /// Whether it belongs on the list: neither removed nor an enrolment that lapsed.
    pub(crate) fn is_kept(&self) -> bool {
        match self.row.status {
            authenticators::AuthenticatorStatus::Removed => false,
            authenticators::AuthenticatorStatus::Pending => {
                self.row.pending_until.is_some_and(|until| until > self.scope.at)
            }
            _ => true,
        }
    }
}
