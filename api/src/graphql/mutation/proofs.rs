//! Giving a proof. One request gives at most one.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use vitne_domain::Protected;

use super::super::status::{Answer, settle};
use super::super::view::CeremonyNode;
use super::Act;
use crate::service::{Proof, ProofInput, ProofOutcome, Refusal, SessionOpened};

#[derive(Default)]
pub(super) struct ProofMutations;

/// A password.
#[derive(InputObject)]
struct SubmitPasswordInput {
    /// The ceremony's token.
    ceremony: String,
    /// The password.
    password: String,
    /// Skip the second step on this device from now on, if this completes a sign-in with a second step.
    #[graphql(default)]
    remember_device: bool,
    /// Give the session's token in the answer, for clients that send it as `Authorization: Bearer`, and set
    /// no cookie. A page in a browser leaves it out: a token that no script has cannot be stolen by one.
    #[graphql(default)]
    return_token: bool,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// A code: from an authenticator app, or a saved one.
#[derive(InputObject)]
struct SubmitCodeInput {
    /// The ceremony's token.
    ceremony: String,
    /// The code.
    code: String,
    /// Skip the second step on this device from now on, if this completes a sign-in. A recovery code never
    /// brings trust.
    #[graphql(default)]
    remember_device: bool,
    /// Give the session's token in the answer, for clients that send it as `Authorization: Bearer`, and set
    /// no cookie. A page in a browser leaves it out: a token that no script has cannot be stolen by one.
    #[graphql(default)]
    return_token: bool,
    /// A key of the client's, by which a repeated request is answered as the first one was.
    idempotency_key: Option<String>,
}

/// A session that was just opened.
#[derive(SimpleObject)]
struct OpenedSession {
    /// Its token, if it was asked for; given out once.
    token: Option<String>,
    /// When it ends in any case.
    expires_at: DateTime<Utc>,
    /// Until when this device skips the second step, if it does.
    device_trusted_until: Option<DateTime<Utc>>,
}

/// What became of a proof.
#[derive(SimpleObject)]
struct ProofPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// The ceremony after it: what comes next, or that it is complete.
    ceremony: Option<CeremonyNode>,
    /// The session it opened, if it completed a sign-in. A browser has it in a cookie as well.
    session: Option<OpenedSession>,
}

struct Given {
    ceremony: String,
    proof: Proof,
    remember_device: bool,
    return_token: bool,
    idempotency_key: Option<String>,
}

async fn submit(ctx: &Context<'_>, given: Given) -> Result<ProofPayload> {
    let act = Act::of(ctx)?;
    let return_token = given.return_token;
    let result = async {
        let caller = act.stranger(given.idempotency_key, None).await?;
        let input = ProofInput { token: given.ceremony, proof: given.proof, remember_device: given.remember_device };
        act.state.services.submit(&caller, input).await
    };
    let result = result.await;
    let position = result.as_ref().map(|done| done.position).unwrap_or_default();
    let (answer, outcome) = settle(ctx, result)?;
    Ok(match outcome {
        None => ProofPayload { answer, ceremony: None, session: None },
        Some(ProofOutcome::Accepted { ceremony, session }) => ProofPayload {
            answer,
            ceremony: Some(CeremonyNode(*ceremony)),
            session: session.map(|session| hand_over(&act, session, return_token)),
        },
        Some(ProofOutcome::Rejected { code, ceremony }) => ProofPayload {
            answer: Answer::rejected(&code, position),
            ceremony: Some(CeremonyNode(*ceremony)),
            session: None,
        },
        Some(ProofOutcome::EmailNotVerified) => {
            ProofPayload { answer: Answer::refused(&Refusal::EmailNotVerified), ceremony: None, session: None }
        }
    })
}

/// Gives the session to the client in one way only: in a cookie that no script reads, or as a token.
fn hand_over(act: &Act<'_>, session: SessionOpened, return_token: bool) -> OpenedSession {
    let SessionOpened { token, expires_at, device_trusted_until, .. } = session;
    if !return_token {
        act.asked.request.set_session(&token, expires_at - act.asked.request.at());
    }
    let token = return_token.then(|| token.expose().to_owned());
    OpenedSession { token, expires_at, device_trusted_until }
}

#[Object]
impl ProofMutations {
    /// Gives the account's password.
    async fn submit_password(&self, ctx: &Context<'_>, input: SubmitPasswordInput) -> Result<ProofPayload> {
        let SubmitPasswordInput { ceremony, password, remember_device, return_token, idempotency_key } = input;
        let proof = Proof::Password(Protected::new(password));
        submit(ctx, Given { ceremony, proof, remember_device, return_token, idempotency_key }).await
    }

    /// Gives what an authenticator app shows. Each code counts once.
    async fn submit_totp(&self, ctx: &Context<'_>, input: SubmitCodeInput) -> Result<ProofPayload> {
        let SubmitCodeInput { ceremony, code, remember_device, return_token, idempotency_key } = input;
        let proof = Proof::Totp(Protected::new(code));
        submit(ctx, Given { ceremony, proof, remember_device, return_token, idempotency_key }).await
    }

    /// Gives one of the saved recovery codes. Each counts once; all device trust ends.
    async fn submit_recovery_code(&self, ctx: &Context<'_>, input: SubmitCodeInput) -> Result<ProofPayload> {
        let SubmitCodeInput { ceremony, code, remember_device, return_token, idempotency_key } = input;
        let proof = Proof::RecoveryCode(Protected::new(code));
        submit(ctx, Given { ceremony, proof, remember_device, return_token, idempotency_key }).await
    }
}
