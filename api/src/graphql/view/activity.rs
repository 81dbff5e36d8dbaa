//! The activity log as a Relay connection.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_domain::id::{DeviceId, SessionId};
use vitne_projections::queries::{self, ActivityFilter, ActivityPage, PageRequest};

use super::super::enums::{Actor, Category, EntryType, Method, Outcome, ReviewState, Severity};
use super::super::errors::coded;
use super::super::ids::Kind;
use super::super::state::GraphqlState;
use super::viewer::asked;
use super::{EntryNode, Scope};

/// The most entries of one page.
const MAX_PAGE: u32 = 100;
/// The page of somebody who does not say.
const USUAL_PAGE: u32 = 20;

/// Which entries. An empty list means any.
#[derive(Default, InputObject)]
#[graphql(name = "ActivityFilter")]
pub(crate) struct ActivityFilterInput {
    /// At or after this moment.
    from: Option<DateTime<Utc>>,
    /// Before this moment.
    until: Option<DateTime<Utc>>,
    /// Of one of these types.
    #[graphql(default)]
    types: Vec<EntryType>,
    /// Of one of these categories.
    #[graphql(default)]
    categories: Vec<Category>,
    /// Ended in one of these ways.
    #[graphql(default)]
    outcomes: Vec<Outcome>,
    /// Asking for one of these degrees of attention.
    #[graphql(default)]
    severities: Vec<Severity>,
    /// On, or about, one of these devices.
    #[graphql(default)]
    devices: Vec<ID>,
    /// In, or about, one of these sessions.
    #[graphql(default)]
    sessions: Vec<ID>,
    /// With one of these methods tried.
    #[graphql(default)]
    methods: Vec<Method>,
    /// Done by one of these kinds of actor.
    #[graphql(default)]
    actors: Vec<Actor>,
    /// In this state of review.
    review_state: Option<ReviewState>,
}

/// A page of the activity log, newest first.
pub(crate) struct ActivityConnection {
    scope: Scope,
    page: ActivityPage,
}

/// An entry and its place in the list.
#[derive(SimpleObject)]
struct ActivityEdge {
    /// Its place: opaque, good for this viewer and filter only.
    cursor: String,
    /// The entry.
    node: EntryNode,
}

/// Where a page lies in its list.
#[derive(SimpleObject)]
struct PageInfo {
    /// Whether older entries follow.
    has_next_page: bool,
    /// Whether newer entries precede.
    has_previous_page: bool,
    /// The first entry's cursor.
    start_cursor: Option<String>,
    /// The last entry's cursor.
    end_cursor: Option<String>,
}

#[Object]
impl ActivityConnection {
    /// The entries with their places.
    async fn edges(&self) -> Vec<ActivityEdge> {
        let edges = self.page.edges.iter();
        edges
            .map(|edge| ActivityEdge { cursor: edge.cursor.clone(), node: EntryNode::new(&self.scope, &edge.row) })
            .collect()
    }

    /// The entries.
    async fn nodes(&self) -> Vec<EntryNode> {
        self.page.edges.iter().map(|edge| EntryNode::new(&self.scope, &edge.row)).collect()
    }

    /// Where the page lies.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.page.edges.last().map(|edge| edge.cursor.clone()),
        }
    }
}

/// What a page costs: its size times what is asked of each entry.
pub(super) fn cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let size = first.or(last).and_then(|size| usize::try_from(size).ok()).unwrap_or(USUAL_PAGE as usize);
    size.min(MAX_PAGE as usize).saturating_mul(child).saturating_add(1)
}

/// The page that the arguments of a connection ask for.
pub(super) fn page(
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> Result<PageRequest> {
    let size = |size: i32| u32::try_from(size).ok().filter(|size| (1..=MAX_PAGE).contains(size));
    let wrong =
        || coded("BAD_PAGE", "give `first` with `after`, or `last` with `before`, and ask for 1 to 100 entries");
    match (first, after, last, before) {
        (first, after, None, None) => {
            let first = first.map_or(Some(USUAL_PAGE), size).ok_or_else(wrong)?;
            Ok(PageRequest::Forward { first, after })
        }
        (None, None, last, before) => {
            let last = last.map_or(Some(USUAL_PAGE), size).ok_or_else(wrong)?;
            Ok(PageRequest::Backward { last, before })
        }
        _ => Err(wrong()),
    }
}

/// The filter for the read model; `None` if it names a device or session that is not the viewer's, which
/// no entry can match.
pub(super) fn filter(ctx: &Context<'_>, scope: &Scope, input: ActivityFilterInput) -> Result<Option<ActivityFilter>> {
    let ids = ctx.data::<GraphqlState>()?.ids();
    let open = |kind, list: &[ID]| -> Option<Vec<uuid::Uuid>> {
        list.iter().map(|id| ids.open(kind, scope.owner(), id).ok()).collect()
    };
    let (Some(devices), Some(sessions)) = (open(Kind::Device, &input.devices), open(Kind::Session, &input.sessions))
    else {
        return Ok(None);
    };
    if [input.types.len(), input.methods.len(), devices.len(), sessions.len()].into_iter().any(|many| many > 100) {
        return Err(coded("BAD_FILTER", "name at most 100 of each"));
    }
    Ok(Some(ActivityFilter {
        from: input.from,
        until: input.until,
        types: input.types.into_iter().map(Into::into).collect(),
        categories: input.categories.into_iter().map(Into::into).collect(),
        outcomes: input.outcomes.into_iter().map(Into::into).collect(),
        severities: input.severities.into_iter().map(Into::into).collect(),
        devices: devices.into_iter().map(DeviceId).collect(),
        sessions: sessions.into_iter().map(SessionId).collect(),
        methods: input.methods.into_iter().map(Into::into).collect(),
        actors: input.actors.into_iter().map(Into::into).collect(),
        review_state: input.review_state.map(Into::into),
    }))
}

/// A page of the viewer's log.
pub(super) async fn connection(
    ctx: &Context<'_>,
    scope: &Scope,
    input: ActivityFilterInput,
    page: &PageRequest,
) -> Result<ActivityConnection> {
    let state = ctx.data::<GraphqlState>()?;
    let page = match filter(ctx, scope, input)? {
        Some(filter) => {
            let page = queries::activity_page(state.pool(), scope.owner(), &filter, page, &state.cursors()).await;
            asked(ctx, page)?
        }
        None => ActivityPage { edges: Vec::new(), has_next: false, has_previous: false },
    };
    Ok(ActivityConnection { scope: scope.clone(), page })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for_from_one_end() {
        let cursor = || Some("cursor".to_owned());
        let forward = |first, after| Some(PageRequest::Forward { first, after });
        let backward = |last, before| Some(PageRequest::Backward { last, before });
        let cases = [
            ((None, None, None, None), forward(20, None)),
            ((Some(100), cursor(), None, None), forward(100, cursor())),
            ((None, cursor(), None, None), forward(20, cursor())),
            ((None, None, Some(1), cursor()), backward(1, cursor())),
            ((None, None, None, cursor()), backward(20, cursor())),
            ((Some(0), None, None, None), None),
            ((Some(-1), None, None, None), None),
            ((Some(101), None, None, None), None),
            ((None, None, Some(101), None), None),
            ((Some(1), None, Some(1), None), None),
            ((Some(1), None, None, cursor()), None),
            ((None, cursor(), None, cursor()), None),
        ];
        for ((first, after, last, before), expected) in cases {
            assert_eq!(page(first, after.clone(), last, before.clone()).ok(), expected, "{first:?} {after:?} {last:?}");
        }
        assert_eq!((cost(Some(50), None, 4), cost(None, None, 4), cost(Some(i32::MAX), None, 4)), (201, 81, 401));
    }
}
