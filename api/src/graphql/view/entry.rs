//! One entry of the activity log.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_eventlog::{self as eventlog, tree};
use vitne_projections::activity::{ActivityEntry, ActivityRow};
use vitne_projections::text;

use super::super::authority::Asked;
use super::super::enums::{Actor, Category, EntryType, Language, Outcome, Severity};
use super::super::errors;
use super::super::ids::Kind;
use super::super::scalars::Position;
use super::super::state::GraphqlState;
use super::entry_parts::{
    self as parts, EntryAssurance, EntryCredential, EntryEffect, EntryMessage, EntryNetwork, EntryPrivacy, EntryReason,
    EntryReview, EntryRisk, EntryStep,
};
use super::viewer::{load_device, load_session};
use super::{DeviceNode, Scope, SessionNode};

/// One entry: a ceremony with its steps, or what a request did.
pub(crate) struct EntryNode {
    scope: Scope,
    entry: ActivityEntry,
}

/// The device of an entry, as it called itself at the time.
struct EntryDevice {
    scope: Scope,
    told: vitne_projections::activity::DeviceRef,
}

/// Where an entry stands in the log, and how to prove it.
struct EntryIntegrity {
    leaf_index: u64,
    events: Vec<vitne_projections::activity::EventRef>,
}

/// One event of an entry.
#[derive(SimpleObject)]
struct EntryEvent {
    /// Its identifier.
    id: ID,
    /// Its type.
    #[graphql(name = "type")]
    event_type: String,
    /// Where it stands in the log.
    position: Position,
    /// Its leaf in the tree: its position less one.
    leaf_index: Position,
}

impl EntryNode {
    /// The entry of a row of the viewer's.
    pub(crate) fn new(scope: &Scope, row: &ActivityRow) -> Self {
        Self { scope: scope.clone(), entry: row.entry(scope.owner()) }
    }
}

#[Object(name = "ActivityEntry")]
impl EntryNode {
    /// Its global id.
    pub(crate) async fn id(&self) -> ID {
        self.scope.id(Kind::Entry, self.entry.id)
    }

    /// The position of its first event; never changes.
    async fn sequence(&self) -> Position {
        Position(self.entry.sequence)
    }

    /// When it began.
    async fn occurred_at(&self) -> DateTime<Utc> {
        self.entry.occurred_at
    }

    /// When the log took its first event.
    async fn recorded_at(&self) -> DateTime<Utc> {
        self.entry.recorded_at
    }

    /// When its last event happened.
    async fn concluded_at(&self) -> DateTime<Utc> {
        self.entry.concluded_at
    }

    /// What happened.
    #[graphql(name = "type")]
    async fn kind(&self) -> EntryType {
        self.entry.kind.into()
    }

    /// What happened, in a few words.
    async fn title(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<String> {
        Ok(text::title(self.scope.language(ctx, language).await?, self.entry.kind))
    }

    /// What happened, in a sentence.
    async fn text(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<String> {
        Ok(text::message(self.scope.language(ctx, language).await?, &self.entry.message))
    }

    /// The sentence's key and arguments, for those who render it themselves.
    async fn message(&self) -> EntryMessage {
        parts::message(&self.entry)
    }

    /// Where it is filed.
    async fn category(&self) -> Category {
        self.entry.category.into()
    }

    /// How much attention it asks for.
    async fn severity(&self) -> Severity {
        self.entry.severity.into()
    }

    /// How it ended.
    async fn outcome(&self) -> Outcome {
        self.entry.outcome.into()
    }

    /// Why it ended so.
    async fn reason(&self) -> Option<EntryReason> {
        parts::reason(&self.entry)
    }

    /// Who did it.
    async fn actor(&self) -> Actor {
        self.entry.actor.kind.into()
    }

    /// Who did it, in words.
    async fn actor_text(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<String> {
        Ok(text::actor(self.scope.language(ctx, language).await?, self.entry.actor.kind))
    }

    /// The story, step by step.
    async fn steps(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<Vec<EntryStep>> {
        Ok(parts::steps(&self.entry, self.scope.language(ctx, language).await?))
    }

    /// What was asked for and what was proved.
    async fn assurance(&self) -> Option<EntryAssurance> {
        parts::assurance(&self.entry)
    }

    /// The authenticator it is about, or that was used last.
    async fn credential(&self) -> Option<EntryCredential> {
        parts::credential(&self.scope, &self.entry)
    }

    /// The device it happened on.
    async fn device(&self) -> Option<EntryDevice> {
        self.entry.device.clone().map(|told| EntryDevice { scope: self.scope.clone(), told })
    }

    /// The session it happened in, opened or raised.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<SessionNode>> {
        match &self.entry.session {
            Some(session) => load_session(ctx, &self.scope, session.id).await,
            None => Ok(None),
        }
    }

    /// What it did to that session: `STARTED`, `ELEVATED`, `ENDED` or `USED`.
    async fn session_change(&self) -> Option<&'static str> {
        self.entry.session.as_ref().map(|session| session.state)
    }

    /// Where it came from, coarsened.
    async fn network(&self) -> Option<EntryNetwork> {
        parts::network(&self.entry)
    }

    /// What is unusual about it.
    async fn risk(&self) -> EntryRisk {
        parts::risk(&self.entry)
    }

    /// What it did to other things, each with the event that says so.
    async fn effects(&self) -> Vec<EntryEffect> {
        parts::effects(&self.scope, &self.entry)
    }

    /// What its owner has said about it.
    async fn review(&self) -> EntryReview {
        parts::review(&self.entry)
    }

    /// The request that began it.
    async fn correlation_id(&self) -> ID {
        ID::from(self.entry.links.correlation_id)
    }

    /// Why and how long it is kept.
    async fn privacy(&self) -> EntryPrivacy {
        parts::privacy(&self.entry)
    }

    /// Where it stands in the log, and how to prove it.
    async fn integrity(&self) -> EntryIntegrity {
        let integrity = &self.entry.integrity;
        EntryIntegrity { leaf_index: integrity.leaf_index, events: integrity.events.clone() }
    }
}

#[Object]
impl EntryDevice {
    /// Its global id; null for one that is not known on this account.
    async fn id(&self) -> Option<ID> {
        self.told.id.map(|id| self.scope.id(Kind::Device, id.0))
    }

    /// Its owner's present name for it, else words made from what it claimed to be.
    async fn label(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<String> {
        let known = match self.told.id {
            Some(id) => load_device(ctx, &self.scope, id).await?,
            None => None,
        };
        match known.and_then(|known| known.row.label) {
            Some(label) => Ok(text::typed_by_people(&label)),
            None => {
                let language = self.scope.language(ctx, language).await?;
                Ok(text::device(language, self.told.browser.as_deref(), self.told.os.as_deref()))
            }
        }
    }

    /// Whether its trust was used or given.
    async fn trusted(&self) -> bool {
        self.told.trusted
    }

    /// Whether the account had not seen it before.
    async fn first_seen(&self) -> bool {
        self.told.first_seen
    }

    /// Whether it is the device that asks.
    async fn current(&self) -> bool {
        self.told.id.is_some() && self.told.id == self.scope.viewer.device()
    }

    /// The device as it is now.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<DeviceNode>> {
        match self.told.id {
            Some(id) => load_device(ctx, &self.scope, id).await,
            None => Ok(None),
        }
    }
}

#[Object]
impl EntryIntegrity {
    /// The leaf of its first event in the tree over the log.
    async fn leaf_index(&self) -> Position {
        Position(self.leaf_index)
    }

    /// The hash of that leaf, base64.
    #[graphql(complexity = 10)]
    async fn leaf_hash(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let position = eventlog::Position(self.leaf_index.saturating_add(1));
        let header = ctx.data::<GraphqlState>()?.tree.header(position).await.map_err(|error| fault(ctx, &error))?;
        Ok(header.as_ref().map(|header| tree::leaf_hash(header).to_string()))
    }

    /// All its events.
    async fn events(&self) -> Vec<EntryEvent> {
        let events = self.events.iter();
        events
            .map(|event| EntryEvent {
                id: ID::from(event.id),
                event_type: event.event_type.clone(),
                position: Position(event.position),
                leaf_index: Position(event.position.saturating_sub(1)),
            })
            .collect()
    }

    /// The proof that its first event is in the log (C2SP tlog-proof), against the newest signed checkpoint:
    /// one text that stands alone. Null for the seconds until a checkpoint covers it.
    #[graphql(complexity = 50)]
    async fn proof(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let position = eventlog::Position(self.leaf_index.saturating_add(1));
        ctx.data::<GraphqlState>()?.tree.proof_text(position).await.map_err(|error| fault(ctx, &error))
    }
}

fn fault(ctx: &Context<'_>, error: &tree::TreeError) -> async_graphql::Error {
    match (Asked::of(ctx), error) {
        (Err(error), _) => error,
        (Ok(asked), tree::TreeError::Database(_)) => errors::unavailable(&asked.request, &error.to_string()),
        (Ok(asked), _) => errors::internal(&asked.request, &error.to_string()),
    }
}
