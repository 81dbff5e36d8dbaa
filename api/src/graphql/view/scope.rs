//! Whose things are being looked at, and from when.

use async_graphql::{Context, ID, Result};
use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitne_domain::account;
use vitne_domain::id::AccountId;

use super::super::authority::Asked;
use super::super::enums::Language;
use super::super::errors;
use super::super::ids::{IdKey, Kind};
use super::super::loaders::Loaders;
use super::super::state::GraphqlState;
use crate::service::Viewer;

/// Whose things are being looked at. Every object below the viewer carries it: without one there is nothing
/// to make such an object from.
#[derive(Clone)]
pub(crate) struct Scope {
    /// The viewer.
    pub(crate) viewer: Viewer,
    /// The moment that lists are judged at.
    pub(crate) at: DateTime<Utc>,
    /// Whether that moment is past: then there is nothing that could be done.
    pub(crate) past: bool,
    ids: IdKey,
}

impl Scope {
    /// The viewer's things, now.
    pub(crate) fn now(state: &GraphqlState, viewer: &Viewer) -> Self {
        Self { viewer: viewer.clone(), at: state.services.now(), past: false, ids: state.ids() }
    }

    /// The same at a past moment.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Self {
        Self { at, past: true, ..self.clone() }
    }

    /// Whose.
    pub(crate) fn owner(&self) -> AccountId {
        self.viewer.account()
    }

    /// The global id of one of the viewer's things.
    pub(crate) fn id(&self, kind: Kind, id: Uuid) -> ID {
        self.ids.seal(kind, self.owner(), id)
    }

    /// The language to write in: the one asked for, else the viewer's.
    pub(crate) async fn language(&self, ctx: &Context<'_>, asked: Option<Language>) -> Result<account::Language> {
        if let Some(language) = asked {
            return Ok(language.into());
        }
        let loaders = ctx.data::<Loaders>()?;
        let profile = loaders.load_one(self.owner()).await;
        let profile = profile.map_err(|error| match Asked::of(ctx) {
            Ok(asked) => errors::from_query(&asked.request, &error),
            Err(error) => error,
        })?;
        Ok(profile.map_or(ctx.data::<GraphqlState>()?.language, |profile| profile.language))
    }
}
