//! A device, its trust, and what its loss would mean.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Map;
use vitne_projections::devices::{self, DeviceRow};
use vitne_projections::{queries, text};

use super::super::authority::Asked;
use super::super::enums::{DeviceAction, DeviceKind, DeviceStatus, LabelSource, Language, Purpose, TrustState};
use super::super::errors;
use super::super::ids::Kind;
use super::super::state::GraphqlState;
use super::viewer::asked;
use super::{EffectNode, Scope, SessionNode};

/// A browser or app that has been used to reach the account.
pub(crate) struct DeviceNode {
    /// Whose.
    pub(crate) scope: Scope,
    /// The facts.
    pub(crate) row: DeviceRow,
}

/// Whether the second step is skipped on a device, and for how long.
#[derive(SimpleObject)]
struct DeviceTrust {
    /// Its state.
    state: TrustState,
    /// Since when it is in that state.
    since: Option<DateTime<Utc>>,
    /// When it ends by itself.
    expires_at: Option<DateTime<Utc>>,
    /// What ended it, as a code.
    dropped_because: Option<String>,
    /// What it makes unnecessary.
    skips: Vec<&'static str>,
    /// What it never opens.
    not_for: Vec<Purpose>,
}

/// What would be left if the device were lost.
#[derive(SimpleObject)]
struct IfLost {
    /// Whether a second step could still be given.
    can_sign_in_without_phone: bool,
    /// By what.
    remaining_factors: Vec<String>,
    /// A warning, in words, if one is due.
    warning: Option<String>,
}

#[Object(name = "Device")]
impl DeviceNode {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.scope.id(Kind::Device, self.row.id.0)
    }

    /// Its owner's name for it, else words made from what it claims to be.
    async fn label(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<String> {
        label(ctx, &self.scope, &self.row, language).await
    }

    /// Who named it.
    async fn label_source(&self) -> LabelSource {
        self.row.label_source.into()
    }

    /// What kind it claims to be.
    async fn kind(&self) -> DeviceKind {
        self.row.kind.into()
    }

    /// The operating system it claims to run.
    async fn os(&self) -> Option<&str> {
        self.row.os.as_deref()
    }

    /// The version of that.
    async fn os_version(&self) -> Option<&str> {
        self.row.os_version.as_deref()
    }

    /// The browser or program it claims to be.
    async fn browser(&self) -> Option<&str> {
        self.row.browser.as_deref()
    }

    /// Whether it is in use, lost or forgotten.
    async fn status(&self) -> DeviceStatus {
        self.row.status.into()
    }

    /// Whether it is the device that asks.
    async fn current(&self) -> bool {
        self.scope.viewer.device() == Some(self.row.id)
    }

    /// When it was first used.
    async fn first_seen_at(&self) -> DateTime<Utc> {
        self.row.first_seen_at
    }

    /// When a proof or a session was last seen on it.
    async fn last_seen_at(&self) -> DateTime<Utc> {
        self.row.last_seen_at
    }

    /// The country it was last seen in, ISO 3166-1 alpha-2.
    async fn last_country(&self) -> Option<&str> {
        self.row.last_place.as_ref().map(|place| place.country.as_str())
    }

    /// When it was reported lost.
    async fn lost_at(&self) -> Option<DateTime<Utc>> {
        self.row.lost_at
    }

    /// Whether the second step is skipped on it.
    async fn trust(&self) -> DeviceTrust {
        let trust = &self.row.trust;
        DeviceTrust {
            state: self.row.trust_at(self.scope.at).into(),
            since: trust.since,
            expires_at: trust.expires_at,
            dropped_because: trust.dropped_because.as_ref().map(code),
            skips: devices::skips().to_vec(),
            not_for: devices::not_for().iter().map(|purpose| (*purpose).into()).collect(),
        }
    }

    /// Where one is signed in on it. Null for a past moment: see `AsOf.sessions`.
    #[graphql(complexity = "5 + 3 * child_complexity")]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Option<Vec<SessionNode>>> {
        if self.scope.past {
            return Ok(None);
        }
        Ok(Some(self.active_sessions(ctx).await?))
    }

    /// What its owner can do with it now.
    #[graphql(complexity = 5)]
    async fn actions(&self, ctx: &Context<'_>) -> Result<Vec<DeviceAction>> {
        if self.scope.past {
            return Ok(Vec::new());
        }
        let signed_in = !self.active_sessions(ctx).await?.is_empty();
        Ok(self.row.actions(self.scope.at, signed_in).into_iter().map(DeviceAction::from).collect())
    }

    /// What would be left if it were lost: ask before it is. Null for a past moment.
    #[graphql(complexity = 5)]
    async fn if_lost(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<Option<IfLost>> {
        if self.scope.past {
            return Ok(None);
        }
        let (pool, owner) = (ctx.data::<GraphqlState>()?.pool(), self.scope.owner());
        let authenticators = asked(ctx, queries::authenticators(pool, owner).await)?;
        let security = asked(ctx, queries::security(pool, owner).await)?;
        let left = devices::if_lost(self.row.id, &authenticators, security.as_ref());
        let language = self.scope.language(ctx, language).await?;
        Ok(Some(IfLost {
            can_sign_in_without_phone: left.can_sign_in_without_phone,
            remaining_factors: left.remaining_factors,
            warning: left.warning.map(|key| text::render(language, &key, &Map::new())),
        }))
    }

    /// Exactly what would happen if it were reported lost now: from the streams that decide, not from a
    /// read model. Null for a past moment.
    #[graphql(complexity = "50 + 5 * child_complexity")]
    async fn loss_preview(&self, ctx: &Context<'_>) -> Result<Option<Vec<EffectNode>>> {
        if self.scope.past {
            return Ok(None);
        }
        let preview = ctx.data::<GraphqlState>()?.services.preview_loss(&self.scope.viewer, self.row.id).await;
        match preview {
            Ok(preview) => Ok(Some(EffectNode::all(Some(&self.scope), &preview.effects))),
            Err(error) => Err(errors::from_service(&Asked::of(ctx)?.request, error)),
        }
    }
}

impl DeviceNode {
    async fn active_sessions(&self, ctx: &Context<'_>) -> Result<Vec<SessionNode>> {
        let rows = asked(ctx, queries::sessions(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        let on_it = rows.into_iter().filter(|row| row.device == Some(self.row.id));
        let nodes = on_it.map(|row| SessionNode { scope: self.scope.clone(), row });
        Ok(nodes.filter(SessionNode::is_active).collect())
    }
}

/// A device in words.
pub(super) async fn label(
    ctx: &Context<'_>,
    scope: &Scope,
    row: &DeviceRow,
    language: Option<Language>,
) -> Result<String> {
    Ok(match &row.label {
        Some(label) => text::typed_by_people(label),
        None => text::device(scope.language(ctx, language).await?, row.browser.as_deref(), row.os.as_deref()),
    })
}

/// The public name of a value of an enumeration.
pub(super) fn code<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
