//! The viewer: everything that one person may see.

use async_graphql::{Context, ID, Object, OneofObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_domain::id::{AccountId, DeviceId, SessionId};
use vitne_projections::queries::{self, QueryError};

use super::super::authority::Asked;
use super::super::errors;
use super::super::ids::Kind;
use super::super::loaders::Loaders;
use super::super::query::Freshness;
use super::super::scalars::Position;
use super::super::state::GraphqlState;
use super::activity::{self, ActivityConnection, ActivityFilterInput};
use super::as_of::{AsOfNode, as_of};
use super::profile::ProfileNode;
use super::security::SecurityNode;
use super::{AuthenticatorNode, DeviceNode, Scope, SessionNode};

/// Somebody who is signed in, and all that they may see.
pub(crate) struct ViewerNode {
    /// Whose.
    pub(crate) scope: Scope,
    /// How far the read models are.
    pub(crate) freshness: Freshness,
}

/// A moment to look back to.
#[derive(OneofObject)]
pub(crate) enum MomentInput {
    /// After the last event that had happened by then.
    At(DateTime<Utc>),
    /// After the first so many events of the log.
    Position(Position),
}

/// Something that a read model does not show, and why.
#[derive(SimpleObject)]
#[graphql(name = "Gap")]
pub(crate) struct GapNode {
    /// Which read model.
    read_model: String,
    /// From which position on.
    from_position: Position,
    /// Since when.
    since: DateTime<Utc>,
    /// Why.
    reason: String,
}

/// Turns a failed question into an error.
pub(super) fn asked<T>(ctx: &Context<'_>, answer: std::result::Result<T, QueryError>) -> Result<T> {
    answer.map_err(|error| match Asked::of(ctx) {
        Ok(asked) => errors::from_query(&asked.request, &error),
        Err(error) => error,
    })
}

#[Object(name = "Viewer")]
impl ViewerNode {
    /// The viewer's global id.
    pub(crate) async fn id(&self) -> ID {
        self.scope.id(Kind::Viewer, self.scope.owner().0)
    }

    /// How far what is shown is, compared with `atLeast`.
    async fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Account details.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<ProfileNode>> {
        let row = asked(ctx, queries::profile(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        Ok(row.map(ProfileNode::from))
    }

    /// What protects the account, what is missing, and what to do next.
    async fn security(&self, ctx: &Context<'_>) -> Result<Option<SecurityNode>> {
        let row = asked(ctx, queries::security(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        Ok(row.map(|row| SecurityNode { scope: self.scope.clone(), row }))
    }

    /// What happened on the account, newest first: one entry for each ceremony or request.
    #[graphql(complexity = "activity::cost(first, last, child_complexity)")]
    async fn activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 if neither `first` nor `last` is given.")] first: Option<i32>,
        #[graphql(desc = "Entries older than this cursor's.")] after: Option<String>,
        #[graphql(desc = "How many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Entries newer than this cursor's.")] before: Option<String>,
        filter: Option<ActivityFilterInput>,
    ) -> Result<ActivityConnection> {
        let page = activity::page(first, after, last, before)?;
        activity::connection(ctx, &self.scope, filter.unwrap_or_default(), &page).await
    }

    /// How many entries match, counted up to 1,000.
    #[graphql(complexity = 10)]
    async fn activity_count(&self, ctx: &Context<'_>, filter: Option<ActivityFilterInput>) -> Result<i32> {
        let filter = activity::filter(ctx, &self.scope, filter.unwrap_or_default())?;
        let pool = ctx.data::<GraphqlState>()?.pool();
        let Some(filter) = filter else { return Ok(0) };
        let count = asked(ctx, queries::activity_count(pool, self.scope.owner(), &filter, 1_000).await)?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// The devices that have been used to reach the account, the last used first.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn devices(&self, ctx: &Context<'_>) -> Result<Vec<DeviceNode>> {
        let rows = asked(ctx, queries::devices(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        Ok(rows.into_iter().map(|row| DeviceNode { scope: self.scope.clone(), row }).collect())
    }

    /// Where one is signed in, the newest first; with `all`, ended sessions too.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn sessions(&self, ctx: &Context<'_>, #[graphql(default)] all: bool) -> Result<Vec<SessionNode>> {
        let rows = asked(ctx, queries::sessions(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        let nodes = rows.into_iter().map(|row| SessionNode { scope: self.scope.clone(), row });
        Ok(nodes.filter(|node| all || node.is_active()).collect())
    }

    /// What the account can prove itself with; with `all`, removed ones too.
    #[graphql(complexity = "1 + 10 * child_complexity")]
    async fn authenticators(&self, ctx: &Context<'_>, #[graphql(default)] all: bool) -> Result<Vec<AuthenticatorNode>> {
        let rows = asked(ctx, queries::authenticators(ctx.data::<GraphqlState>()?.pool(), self.scope.owner()).await)?;
        let nodes = rows.into_iter().map(|row| AuthenticatorNode { scope: self.scope.clone(), row });
        Ok(nodes.filter(|node| all || node.is_kept()).collect())
    }

    /// The session that asks.
    async fn current_session(&self, ctx: &Context<'_>) -> Result<Option<SessionNode>> {
        load_session(ctx, &self.scope, self.scope.viewer.session()).await
    }

    /// The device that asks.
    async fn current_device(&self, ctx: &Context<'_>) -> Result<Option<DeviceNode>> {
        match self.scope.viewer.device() {
            Some(device) => load_device(ctx, &self.scope, device).await,
            None => Ok(None),
        }
    }

    /// The account as it was: folded from the log, from nothing else.
    #[graphql(complexity = "200 + child_complexity")]
    async fn as_of(&self, ctx: &Context<'_>, moment: MomentInput) -> Result<AsOfNode> {
        as_of(ctx, &self.scope, moment).await
    }

    /// What the read models do not show of this account, and why. Empty is the rule.
    async fn gaps(&self, ctx: &Context<'_>) -> Result<Vec<GapNode>> {
        let gaps = ctx.data::<GraphqlState>()?.read_models.gaps(self.scope.owner()).await;
        let gaps = asked(ctx, gaps.map_err(QueryError::from))?;
        let node = |gap: vitne_projections::runner::Gap| GapNode {
            read_model: gap.projection,
            from_position: gap.from_position.into(),
            since: gap.since,
            reason: gap.reason,
        };
        Ok(gaps.into_iter().map(node).collect())
    }
}

/// A device of the viewer's, whatever its state, looked up together with others.
pub(crate) async fn load_device(ctx: &Context<'_>, scope: &Scope, id: DeviceId) -> Result<Option<DeviceNode>> {
    let key: (AccountId, DeviceId) = (scope.owner(), id);
    let row = ctx.data::<Loaders>()?.load_one(key).await.map_err(|error| fault(ctx, &error))?;
    Ok(row.map(|row| DeviceNode { scope: scope.clone(), row }))
}

/// A session of the viewer's, whatever its state, looked up together with others.
pub(crate) async fn load_session(ctx: &Context<'_>, scope: &Scope, id: SessionId) -> Result<Option<SessionNode>> {
    let key: (AccountId, SessionId) = (scope.owner(), id);
    let row = ctx.data::<Loaders>()?.load_one(key).await.map_err(|error| fault(ctx, &error))?;
    Ok(row.map(|row| SessionNode { scope: scope.clone(), row }))
}

fn fault(ctx: &Context<'_>, error: &QueryError) -> async_graphql::Error {
    match Asked::of(ctx) {
        Ok(asked) => errors::from_query(&asked.request, error),
        Err(error) => error,
    }
}
