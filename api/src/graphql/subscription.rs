//! Live activity.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Result, Subscription as GraphqlSubscription};
use futures::Stream;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;
use vitne_eventlog::Position as LogPosition;
use vitne_projections::activity::{ActivityRow, ReviewState};
use vitne_projections::queries::{self, ActivityFilter, PageRequest};

use super::authority::Asked;
use super::errors::{self, coded};
use super::live::{Counted, Place, Places};
use super::state::GraphqlState;
use super::view::{EntryNode, Scope};
use crate::http::RequestContext;
use crate::service::Viewer;

/// The root of all that is told live.
pub(crate) struct Subscription;

/// The newest entries are watched, so many.
const WATCHED: u32 = 50;
/// How often to look at most: a busy log moves all the time.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// How often to look at least: other nodes append too.
const AT_LEAST_EVERY: Duration = Duration::from_secs(2);
/// How often the session is checked when nothing happens.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// How long to wait for the read model to hold what the log holds.
const CATCH_UP: Duration = Duration::from_secs(2);

#[GraphqlSubscription]
impl Subscription {
    /// The viewer's entries as they begin and as they go on, from now on: an entry comes again whenever an
    /// event is added to it. Ends with the error `NOT_SIGNED_IN` when the session ends.
    async fn activity(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<EntryNode>> + use<>> {
        let (state, asked) = (ctx.data::<GraphqlState>()?.clone(), Asked::of(ctx)?);
        let viewer = asked.viewer(&state).await.map_err(|error| errors::from_service(&asked.request, error))?;
        let viewer = viewer.cloned().ok_or_else(|| coded("NOT_SIGNED_IN", "sign in first"))?;
        let place = ctx.data::<Arc<Places>>()?.take(viewer.session(), Counted::Subscription);
        let place = place.ok_or_else(|| coded("TOO_MANY_SUBSCRIPTIONS", "end another subscription first"))?;
        let mut watching = Watching {
            head: state.services.log().watch_head(),
            state,
            viewer,
            request: asked.request.clone(),
            held: LogPosition(0),
            checked: Instant::now(),
            known: HashMap::new(),
            waiting: VecDeque::new(),
            ended: false,
            _place: place,
        };
        // What is there already is not news.
        watching.look().await?;
        watching.waiting.clear();
        Ok(futures::stream::unfold(watching, |mut watching| async move {
            let next = watching.next().await?;
            Some((next, watching))
        }))
    }
}

/// What one subscription knows.
struct Watching {
    state: GraphqlState,
    viewer: Viewer,
    request: RequestContext,
    head: watch::Receiver<LogPosition>,
    /// How far the read model was when it was last looked at.
    held: LogPosition,
    checked: Instant,
    /// The newest entries as last told: their last event, and what was said about them.
    known: HashMap<Uuid, (u64, ReviewState)>,
    waiting: VecDeque<ActivityRow>,
    ended: bool,
    _place: Place,
}

impl Watching {
    /// The next thing to tell; `None` once it has ended.
    async fn next(&mut self) -> Option<Result<EntryNode>> {
        if self.ended {
            return None;
        }
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Some(Ok(EntryNode::new(&Scope::now(&self.state, &self.viewer), &row)));
            }
            if let Err(error) = self.wait().await {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }

    /// Waits until something may have happened, and looks.
    async fn wait(&mut self) -> Result<()> {
        tokio::time::sleep(AT_MOST_EVERY).await;
        let quiet = tokio::time::timeout(AT_LEAST_EVERY, self.head.changed());
        if let Ok(Err(_closed)) = quiet.await {
            return Err(errors::unavailable(&self.request, "the log was closed"));
        }
        let head = *self.head.borrow_and_update();
        let waited = self.state.read_models.wait_for("activity", head, CATCH_UP).await;
        waited.map_err(|error| errors::unavailable(&self.request, &error.to_string()))?;
        if self.checked.elapsed() >= CHECK_EVERY {
            self.check().await?;
        }
        self.look().await?;
        if self.waiting.is_empty() { Ok(()) } else { self.check().await }
    }

    /// Ends the subscription if the session has ended. Being watched does not keep a session alive.
    async fn check(&mut self) -> Result<()> {
        let alive = self.state.services.is_alive(&self.viewer).await;
        let alive = alive.map_err(|error| errors::from_service(&self.request, error))?;
        self.checked = Instant::now();
        if alive { Ok(()) } else { Err(coded("NOT_SIGNED_IN", "the session has ended")) }
    }

    /// Looks which of the newest entries are new or have gone on.
    async fn look(&mut self) -> Result<()> {
        let away = |error: sqlx::Error| errors::unavailable(&self.request, &error.to_string());
        let held = self.state.read_models.position("activity").await.map_err(away)?;
        if held == self.held {
            return Ok(());
        }
        let newest = PageRequest::Forward { first: WATCHED, after: None };
        let owner = self.viewer.account();
        let (all, cursors) = (ActivityFilter::default(), self.state.cursors());
        let page = queries::activity_page(self.state.pool(), owner, &all, &newest, &cursors);
        let page = page.await.map_err(|error| errors::from_query(&self.request, &error))?;
        self.held = held;
        let mut known = HashMap::new();
        for edge in page.edges.into_iter().rev() {
            let row = edge.row;
            let now = (row.events.iter().map(|event| event.position).max().unwrap_or_default(), row.review_state);
            known.insert(row.id, now);
            if self.known.get(&row.id) != Some(&now) {
                self.waiting.push_back(row);
            }
        }
        self.known = known;
        Ok(())
    }
}
