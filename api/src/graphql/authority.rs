//! Who asks. A session is checked once a request, on its stream; all resolvers share what came of it.

use async_graphql::Context;
use tokio::sync::OnceCell;
use vitne_domain::Protected;
use vitne_domain::claim::normalise_email;

use super::platform::platform;
use super::state::GraphqlState;
use crate::http::RequestContext;
use crate::limits::{Source, Verdict};
use crate::service::{Caller, Refusal, ServiceError, Viewer};

/// One request, and who is behind it.
pub(crate) struct Asked {
    /// Its surroundings.
    pub(crate) request: RequestContext,
    token: Option<Protected>,
    viewer: OnceCell<Option<Viewer>>,
}

impl Asked {
    /// A request with the token it carries.
    pub(crate) fn new(request: RequestContext) -> Self {
        let token = request.session_token().map(|token| token.value.clone());
        Self { request, token, viewer: OnceCell::new() }
    }

    /// A WebSocket connection, with the token of its first message if the upgrade carried none.
    pub(crate) fn connection(request: RequestContext, token: Option<Protected>) -> Self {
        let token = request.session_token().map(|token| token.value.clone()).or(token);
        Self { request, token, viewer: OnceCell::new() }
    }

    /// The request behind a resolver.
    pub(crate) fn of<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Self> {
        ctx.data::<Self>()
    }

    /// Who asks, for the services.
    pub(crate) fn caller(&self, idempotency: Option<String>) -> Caller {
        Caller {
            correlation: self.request.correlation(),
            network: self.request.network(),
            device_cookie: self.request.device(),
            platform: platform(self.request.user_agent()),
            idempotency,
        }
    }

    /// The viewer; `None` for somebody who is not signed in.
    pub(crate) async fn viewer(&self, state: &GraphqlState) -> Result<Option<&Viewer>, ServiceError> {
        let viewer = self.viewer.get_or_try_init(|| self.authenticate(state)).await?;
        Ok(viewer.as_ref())
    }

    async fn authenticate(&self, state: &GraphqlState) -> Result<Option<Viewer>, ServiceError> {
        let Some(token) = &self.token else { return Ok(None) };
        // Guessing tokens is hopeless, but looking each guess up is work.
        let Some(viewer) = state.services.authenticate(token.expose(), &self.caller(None)).await? else {
            self.spend(state, None).await?;
            return Ok(None);
        };
        admit(state, &self.request, Source::Session(viewer.session())).await?;
        Ok(Some(viewer))
    }

    /// The viewer and the caller of a mutation that only somebody signed in may ask for.
    pub(crate) async fn acting(
        &self,
        state: &GraphqlState,
        idempotency: Option<String>,
    ) -> Result<(Caller, Viewer), ServiceError> {
        let viewer = self.viewer(state).await?.cloned().ok_or(Refusal::NotSignedIn)?;
        Ok((self.caller(idempotency), viewer))
    }

    /// Takes one attempt of the client's address, and of the identifier it names.
    pub(crate) async fn spend(&self, state: &GraphqlState, email: Option<&str>) -> Result<(), ServiceError> {
        if let Some(address) = self.request.client_address() {
            admit(state, &self.request, Source::Address(address)).await?;
        }
        // An address that is none is refused by the service; it has no budget of its own.
        if let Some(email) = email.and_then(|email| normalise_email(email).ok()) {
            admit(state, &self.request, Source::Identifier(&email)).await?;
        }
        Ok(())
    }
}

async fn admit(state: &GraphqlState, request: &RequestContext, source: Source<'_>) -> Result<(), ServiceError> {
    match state.limits.take(source, request.at()).await {
        Ok(Verdict::Allowed) => Ok(()),
        Ok(Verdict::Refused { retry_after }) => Err(Refusal::Throttled { retry_after }.into()),
        Err(error) => Err(ServiceError::Unavailable(error.to_string())),
    }
}
