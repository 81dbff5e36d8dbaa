//! GraphQL at `/graphql`: the schema, and what stands before it.
//!
//! A resolver reads read models and calls services; it decides nothing. Authority is the
//! [`Viewer`](crate::service::Viewer) that only a live session yields: whoever holds none is answered null.
//! Expected outcomes are typed payloads with a status ([`status`]); errors are for faults and for requests
//! that cannot be answered, each with a stable code.

mod admission;
mod authority;
mod catalogue;
mod enums;
mod errors;
mod explorer;
mod http;
mod ids;
mod live;
mod loaders;
mod mutation;
mod platform;
mod query;
mod scalars;
mod state;
pub mod status;
mod subscription;
mod view;

use async_graphql::Schema;
use axum::Router;
use axum::routing::{any, get};

pub use catalogue::{MUTATIONS, MutationEvents};
pub use state::GraphqlState;

use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// The deepest selection.
const MAX_DEPTH: usize = 16;
/// The greatest cost: one for each field, times the size of the page it is on.
const MAX_COMPLEXITY: usize = 10_000;
/// The most directives on one field.
const MAX_DIRECTIVES: usize = 4;

/// The schema.
pub(crate) type VitneSchema = Schema<Query, Mutation, Subscription>;

fn schema(state: Option<GraphqlState>) -> VitneSchema {
    let mut builder = Schema::build(Query, Mutation::default(), Subscription)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_directives(MAX_DIRECTIVES);
    if let Some(state) = state {
        if !state.demo {
            // What nobody may ask about is not hinted at either.
            builder = builder.disable_introspection().disable_suggestions();
        }
        builder = builder.data(state);
    }
    builder.finish()
}

/// The schema in the schema definition language, as committed in `api/schema.graphql`.
pub fn sdl() -> String {
    schema(None).sdl()
}

/// The routes: `/graphql`, and in a demo `/explorer`.
pub fn router(state: GraphqlState) -> Router {
    let explorer = state.demo;
    let endpoint = http::Endpoint::new(schema(Some(state.clone())), state);
    let routes = Router::new().route("/graphql", any(http::serve)).with_state(endpoint);
    if explorer { routes.route("/explorer", get(explorer::page)) } else { routes }
}

#[cfg(test)]
mod tests;
