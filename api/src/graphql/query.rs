//! Questions.

use std::collections::BTreeSet;

use async_graphql::{Context, Enum, ID, Interface, Object, Result, SimpleObject};
use vitne_domain::id::{CredentialId, DeviceId, SessionId};
use vitne_projections::queries::{self, QueryError};
use vitne_projections::runner::Waited;

use super::authority::Asked;
use super::errors::{self, BEHIND, coded};
use super::ids::Kind;
use super::scalars::Position;
use super::state::GraphqlState;
use super::view::{AuthenticatorNode, CeremonyNode, DeviceNode, EntryNode, Scope, SessionNode, ViewerNode};
use crate::service::{Refusal, ServiceError};

/// The root of all questions.
pub(crate) struct Query;

/// Whether what is shown holds the position asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum FreshnessStatus {
    /// It does, or none was asked for.
    Current,
    /// It does not yet, after as long a wait as is allowed: what is shown is older. Ask again.
    Behind,
}

/// How far the read models behind an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, SimpleObject)]
pub(crate) struct Freshness {
    /// Whether they hold the position asked for.
    pub(crate) status: FreshnessStatus,
    /// How many events the slowest of them holds; null if no position was asked for.
    pub(crate) position: Option<Position>,
}

/// The log's public face.
#[derive(SimpleObject)]
struct LogNode {
    /// How many events the newest checkpoint covers.
    size: Position,
    /// The newest signed checkpoint (C2SP tlog-checkpoint).
    checkpoint: String,
}

/// Something with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its global id."))]
#[expect(clippy::large_enum_variant, reason = "a query holds a handful, each moved once")]
pub(crate) enum Node {
    /// The viewer.
    Viewer(ViewerNode),
    /// An entry.
    Entry(EntryNode),
    /// A device.
    Device(DeviceNode),
    /// A session.
    Session(SessionNode),
    /// An authenticator.
    Authenticator(AuthenticatorNode),
}

#[Object]
impl Query {
    /// Somebody who is signed in, and all that they may see; null for anybody else. With `atLeast`, waits
    /// until what is shown holds the first so many events: give the position of a mutation to see what it
    /// did. If the wait ends first, `freshness` says so, and an error with the code `BEHIND` comes beside it.
    async fn viewer(&self, ctx: &Context<'_>, at_least: Option<Position>) -> Result<Option<ViewerNode>> {
        let state = ctx.data::<GraphqlState>()?;
        let Some(scope) = scope(ctx).await? else { return Ok(None) };
        let freshness = match at_least {
            Some(position) => wait(ctx, state, position).await?,
            None => Freshness { status: FreshnessStatus::Current, position: None },
        };
        if freshness.status == FreshnessStatus::Behind {
            let error = coded(BEHIND, "what is shown does not hold this position yet; ask again");
            ctx.add_error(error.into_server_error(ctx.item.pos));
        }
        Ok(Some(ViewerNode { scope, freshness }))
    }

    /// One of the viewer's things by its global id; null for an id that names nothing of theirs.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Node>> {
        let state = ctx.data::<GraphqlState>()?;
        let Some(scope) = scope(ctx).await? else { return Ok(None) };
        let Some((kind, uuid)) = state.ids().open_any(scope.owner(), &id) else { return Ok(None) };
        let found = find(state, scope, kind, uuid).await;
        found.map_err(|error| match Asked::of(ctx) {
            Ok(asked) => errors::from_query(&asked.request, &error),
            Err(error) => error,
        })
    }

    /// A ceremony, for whoever holds its token; null for a token that opens none.
    #[graphql(complexity = "20 + child_complexity")]
    async fn ceremony(&self, ctx: &Context<'_>, token: String) -> Result<Option<CeremonyNode>> {
        let (state, asked) = (ctx.data::<GraphqlState>()?, Asked::of(ctx)?);
        asked.spend(state, None).await.map_err(|error| errors::from_service(&asked.request, error))?;
        match state.services.ceremony(&token).await {
            Ok(view) => Ok(Some(CeremonyNode(view))),
            Err(ServiceError::Refused(Refusal::BadHandle)) => Ok(None),
            Err(error) => Err(errors::from_service(&asked.request, error)),
        }
    }

    /// The newest checkpoint of the log that every entry stands in; null before the first one.
    #[graphql(complexity = "5 + child_complexity")]
    async fn log(&self, ctx: &Context<'_>) -> Result<Option<LogNode>> {
        let newest = ctx.data::<GraphqlState>()?.tree.checkpoint().await;
        match newest {
            Ok(newest) => Ok(newest.map(|newest| LogNode { size: Position(newest.size), checkpoint: newest.note })),
            Err(error) => Err(errors::unavailable(&Asked::of(ctx)?.request, &error.to_string())),
        }
    }
}

/// The viewer's scope; `None` for somebody who is not signed in.
async fn scope(ctx: &Context<'_>) -> Result<Option<Scope>> {
    let (state, asked) = (ctx.data::<GraphqlState>()?, Asked::of(ctx)?);
    let viewer = asked.viewer(state).await.map_err(|error| errors::from_service(&asked.request, error))?;
    Ok(viewer.map(|viewer| Scope::now(state, viewer)))
}

async fn find(state: &GraphqlState, scope: Scope, kind: Kind, id: uuid::Uuid) -> Result<Option<Node>, QueryError> {
    let (pool, owner) = (state.pool(), scope.owner());
    let current = Freshness { status: FreshnessStatus::Current, position: None };
    Ok(match kind {
        Kind::Viewer => (id == owner.0).then_some(Node::Viewer(ViewerNode { scope, freshness: current })),
        Kind::Entry => {
            let row = queries::activity_entry(pool, owner, id).await?;
            row.map(|row| Node::Entry(EntryNode::new(&scope, &row)))
        }
        Kind::Device => {
            let rows = queries::devices_by_ids(pool, &[(owner, DeviceId(id))]).await?;
            rows.into_iter().next().map(|(_, row)| Node::Device(DeviceNode { scope, row }))
        }
        Kind::Session => {
            let rows = queries::sessions_by_ids(pool, &[(owner, SessionId(id))]).await?;
            rows.into_iter().next().map(|(_, row)| Node::Session(SessionNode { scope, row }))
        }
        Kind::Authenticator => {
            let rows = queries::authenticators_by_ids(pool, &[(owner, CredentialId(id))]).await?;
            rows.into_iter().next().map(|(_, row)| Node::Authenticator(AuthenticatorNode { scope, row }))
        }
    })
}

/// Which read models the selected fields of the viewer are read from. `asOf` reads the log itself.
fn read_models(ctx: &Context<'_>) -> BTreeSet<&'static str> {
    const SOURCES: [(&str, &[&str]); 9] = [
        ("profile", &["profiles"]),
        ("security", &["security", "devices"]),
        ("activity", &["activity", "devices", "sessions"]),
        ("activityCount", &["activity"]),
        ("devices", &["devices", "sessions", "authenticators", "security"]),
        ("sessions", &["sessions", "devices"]),
        ("authenticators", &["authenticators", "devices"]),
        ("currentSession", &["sessions", "devices"]),
        ("currentDevice", &["devices", "sessions", "authenticators", "security"]),
    ];
    let asked = ctx.look_ahead();
    let selected = SOURCES.iter().filter(|(field, _)| asked.field(field).exists());
    selected.flat_map(|(_, names)| names.iter().copied()).collect()
}

async fn wait(ctx: &Context<'_>, state: &GraphqlState, position: Position) -> Result<Freshness> {
    let wanted = vitne_eventlog::Position(position.0);
    let waits = read_models(ctx).into_iter().map(|name| state.read_models.wait_for(name, wanted, state.wait));
    let mut reached = Freshness { status: FreshnessStatus::Current, position: Some(position) };
    for waited in futures::future::join_all(waits).await {
        match waited {
            Ok(Waited::Reached) => {}
            Ok(Waited::TimedOut(at)) => {
                let slowest = reached.position.map_or(at.0, |known| known.0.min(at.0));
                reached = Freshness { status: FreshnessStatus::Behind, position: Some(Position(slowest)) };
            }
            Err(error) => return Err(errors::unavailable(&Asked::of(ctx)?.request, &error.to_string())),
        }
    }
    Ok(reached)
}
