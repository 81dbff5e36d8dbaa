//! Beginning a ceremony, sending its link again, following the link, giving it up.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use vitne_domain::policy;

use super::super::enums::{LinkOutcome, Purpose};
use super::super::status::{Answer, settle};
use super::super::view::CeremonyNode;
use super::{Act, CeremonyPayload};
use crate::service::{Begun, Done, ServiceError};

#[derive(Default)]
pub(super) struct CeremonyMutations;

/// What somebody who is not signed in may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
enum OpenPurpose {
    /// Opening a session.
    SignIn,
    /// Setting a new password without the old one.
    PasswordReset,
    /// Enrolling a new authenticator in place of a lost one.
    ReplaceFactor,
}

impl From<OpenPurpose> for policy::Purpose {
    fn from(purpose: OpenPurpose) -> Self {
        match purpose {
            OpenPurpose::SignIn => Self::SignIn,
            OpenPurpose::PasswordReset => Self::PasswordReset,
            OpenPurpose::ReplaceFactor => Self::ReplaceFactor,
        }
    }
}

/// Who wants to sign in.
#[derive(InputObject)]
struct BeginSignInInput {
    /// The address of the account.
    email: String,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// What is begun, and for whom.
#[derive(InputObject)]
struct BeginCeremonyInput {
    /// What for.
    purpose: OpenPurpose,
    /// The address of the account.
    email: String,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// What more proof is for.
#[derive(InputObject)]
struct BeginStepUpInput {
    /// What for: `SIGN_IN_STRONG`, `PAYMENT`, `SETTINGS` or `EXPORT`.
    purpose: Purpose,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// A ceremony.
#[derive(InputObject)]
struct CeremonyInput {
    /// The ceremony's token.
    ceremony: String,
}

/// A link that came by mail.
#[derive(InputObject)]
struct FollowEmailLinkInput {
    /// The token in the link.
    link: String,
    /// The token of the ceremony that the link is evidence in, a password reset for example: the link counts
    /// for nothing without it. Left out for a link that proves an address.
    ceremony: Option<String>,
}

/// A ceremony that has just begun.
#[derive(SimpleObject)]
struct BeginPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// What its holder shows with every proof. Keep it in memory.
    token: Option<String>,
    /// The ceremony.
    ceremony: Option<CeremonyNode>,
}

/// What following a link did.
#[derive(SimpleObject)]
struct FollowEmailLinkPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// What it did; null if it did nothing.
    outcome: Option<LinkOutcome>,
}

fn begun(ctx: &Context<'_>, result: Result<Done<Begun>, ServiceError>) -> Result<BeginPayload> {
    let (answer, begun) = settle(ctx, result)?;
    let (token, ceremony) = match begun {
        Some(begun) => (Some(begun.token.expose().to_owned()), Some(CeremonyNode(begun.ceremony))),
        None => (None, None),
    };
    Ok(BeginPayload { answer, token, ceremony })
}

async fn begin(
    ctx: &Context<'_>,
    purpose: policy::Purpose,
    email: &str,
    idempotency: Option<String>,
) -> Result<BeginPayload> {
    let act = Act::of(ctx)?;
    let result = async {
        act.asked.spend(act.state, Some(email)).await?;
        // From here on the browser is known by its cookie.
        act.asked.request.device_or_issue();
        act.state.services.begin(&act.asked.caller(idempotency), purpose, email).await
    };
    begun(ctx, result.await)
}

#[Object]
impl CeremonyMutations {
    /// Begins a sign-in. The answer is the same whether or not the address is known.
    async fn begin_sign_in(&self, ctx: &Context<'_>, input: BeginSignInInput) -> Result<BeginPayload> {
        begin(ctx, policy::Purpose::SignIn, &input.email, input.idempotency_key).await
    }

    /// Begins a sign-in, a password reset or the replacement of a lost authenticator. A password reset
    /// sends a link to the address if it is known; the answer does not tell.
    async fn begin_ceremony(&self, ctx: &Context<'_>, input: BeginCeremonyInput) -> Result<BeginPayload> {
        begin(ctx, input.purpose.into(), &input.email, input.idempotency_key).await
    }

    /// Begins to raise the session that asks.
    async fn begin_step_up(&self, ctx: &Context<'_>, input: BeginStepUpInput) -> Result<BeginPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(input.idempotency_key).await?;
            act.state.services.begin_step_up(&caller, &viewer, input.purpose.into()).await
        };
        begun(ctx, result.await)
    }

    /// Sends the e-mail link of a ceremony again.
    async fn resend_email_link(&self, ctx: &Context<'_>, input: CeremonyInput) -> Result<CeremonyPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let caller = act.stranger(None, None).await?;
            act.state.services.resend_link(&caller, &input.ceremony).await
        };
        let (answer, ceremony) = settle(ctx, result.await)?;
        Ok(CeremonyPayload { answer, ceremony: ceremony.map(CeremonyNode) })
    }

    /// Gives a ceremony up.
    async fn abandon_ceremony(&self, ctx: &Context<'_>, input: CeremonyInput) -> Result<CeremonyPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let caller = act.stranger(None, None).await?;
            act.state.services.abandon(&caller, &input.ceremony).await
        };
        let (answer, ceremony) = settle(ctx, result.await)?;
        Ok(CeremonyPayload { answer, ceremony: ceremony.map(CeremonyNode) })
    }

    /// Follows a link that came by mail. Pages must ask their user before they do: mail scanners follow
    /// links too.
    async fn follow_email_link(
        &self,
        ctx: &Context<'_>,
        input: FollowEmailLinkInput,
    ) -> Result<FollowEmailLinkPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let caller = act.stranger(None, None).await?;
            match &input.ceremony {
                Some(token) => act.state.services.follow_link_within(&caller, token, &input.link).await,
                None => act.state.services.follow_link(&caller, &input.link).await,
            }
        };
        let (answer, outcome) = settle(ctx, result.await)?;
        Ok(FollowEmailLinkPayload { answer, outcome: outcome.map(Into::into) })
    }
}
