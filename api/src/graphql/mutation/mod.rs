//! What can be done.
//!
//! A mutation takes one input object and gives one payload. The payload begins with the fields of
//! [`Answer`](super::status): what became of it, and where the log stands after it.

mod account;
mod ceremonies;
mod credentials;
mod devices;
mod enrolment;
mod proofs;

use async_graphql::{Context, MergedObject, Result, SimpleObject};

use super::authority::Asked;
use super::state::GraphqlState;
use super::status::Answer;
use super::view::{CeremonyNode, EffectNode, Scope};
use crate::service::{Caller, ServiceError, Viewer};

/// The root of all that can be done.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(
    account::AccountMutations,
    ceremonies::CeremonyMutations,
    proofs::ProofMutations,
    credentials::CredentialMutations,
    enrolment::EnrolmentMutations,
    devices::DeviceMutations,
);

/// What became of it.
#[derive(SimpleObject)]
pub(crate) struct ActionPayload {
    #[graphql(flatten)]
    answer: Answer,
}

/// What became of it, and what it did to other things.
#[derive(SimpleObject)]
pub(crate) struct EffectsPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// What it did to other things; null if it was not done.
    effects: Option<Vec<EffectNode>>,
}

/// A ceremony after something was done with it.
#[derive(SimpleObject)]
pub(crate) struct CeremonyPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// The ceremony; null if nothing was done.
    ceremony: Option<CeremonyNode>,
}

/// What every mutation works with.
struct Act<'c> {
    state: &'c GraphqlState,
    asked: &'c Asked,
}

impl<'c> Act<'c> {
    fn of(ctx: &Context<'c>) -> Result<Self> {
        Ok(Self { state: ctx.data::<GraphqlState>()?, asked: Asked::of(ctx)? })
    }

    /// The viewer, for what only somebody signed in may do.
    async fn viewer(&self, idempotency: Option<String>) -> Result<(Caller, Viewer), ServiceError> {
        self.asked.acting(self.state, idempotency).await
    }

    /// The caller, for what anybody may try: at the cost of one attempt of their address, and of the
    /// identifier they name.
    async fn stranger(&self, idempotency: Option<String>, email: Option<&str>) -> Result<Caller, ServiceError> {
        self.asked.spend(self.state, email).await?;
        Ok(self.asked.caller(idempotency))
    }

    /// The viewer's scope, for ids in an answer.
    async fn scope(&self) -> Result<Option<Scope>, ServiceError> {
        Ok(self.asked.viewer(self.state).await?.map(|viewer| Scope::now(self.state, viewer)))
    }
}
