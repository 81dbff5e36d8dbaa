//! Passwords, authenticators and recovery codes.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use vitne_domain::Protected;
use vitne_domain::id::CredentialId;

use super::super::ids::Kind;
use super::super::status::{Answer, settle};
use super::super::view::EffectNode;
use super::{Act, ActionPayload, EffectsPayload};
use crate::service::ShownCode;

#[derive(Default)]
pub(super) struct CredentialMutations;

/// A new password for somebody signed in.
#[derive(InputObject)]
struct ChangePasswordInput {
    /// The new password.
    new_password: String,
    /// Whether all other sessions end.
    #[graphql(default = true)]
    end_other_sessions: bool,
}

/// A new password after a reset.
#[derive(InputObject)]
struct ResetPasswordInput {
    /// The token of the completed ceremony.
    ceremony: String,
    /// The new password.
    new_password: String,
}

/// Another name for an authenticator.
#[derive(InputObject)]
struct RenameAuthenticatorInput {
    /// Which.
    authenticator: ID,
    /// Its name.
    label: String,
}

/// An authenticator.
#[derive(InputObject)]
struct AuthenticatorInput {
    /// Which.
    authenticator: ID,
}

/// Nothing but a key.
#[derive(InputObject)]
struct NewRecoveryCodesInput {
    /// A key of the client's, by which a repeated request shows the same codes.
    idempotency_key: Option<String>,
}

/// A recovery code, shown once.
#[derive(SimpleObject)]
pub(super) struct RecoveryCode {
    /// Its number, by which the log names it.
    number: u8,
    /// The code.
    code: String,
}

impl From<ShownCode> for RecoveryCode {
    fn from(shown: ShownCode) -> Self {
        Self { number: shown.number, code: shown.code.expose().to_owned() }
    }
}

/// New recovery codes.
#[derive(SimpleObject)]
struct RecoveryCodesPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// The codes; shown this once. All earlier ones are void.
    codes: Option<Vec<RecoveryCode>>,
}

#[Object]
impl CredentialMutations {
    /// Changes the password; asks for fresh proof. All device trust ends.
    async fn change_password(&self, ctx: &Context<'_>, input: ChangePasswordInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let new = Protected::new(input.new_password);
            act.state.services.change_password(&caller, &viewer, new, input.end_other_sessions).await
        };
        effects(ctx, &act, result.await).await
    }

    /// Sets a new password in a completed password reset. Every session and all device trust end.
    async fn reset_password(&self, ctx: &Context<'_>, input: ResetPasswordInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let caller = act.stranger(None, None).await?;
            let new = Protected::new(input.new_password);
            act.state.services.reset_password(&caller, &input.ceremony, new).await
        };
        // The effects are told without ids: whoever resets a password is not signed in.
        let (answer, effects) = settle(ctx, result.await)?;
        Ok(EffectsPayload { answer, effects: effects.map(|effects| EffectNode::all(None, &effects)) })
    }

    /// Gives an authenticator another name.
    async fn rename_authenticator(&self, ctx: &Context<'_>, input: RenameAuthenticatorInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = act.state.ids().open(Kind::Authenticator, viewer.account(), &input.authenticator)?;
            act.state.services.rename_authenticator(&caller, &viewer, CredentialId(id), input.label).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer })
    }

    /// Removes an authenticator; asks for fresh proof. All device trust ends. The last one stays while
    /// two-step verification is on.
    async fn remove_authenticator(&self, ctx: &Context<'_>, input: AuthenticatorInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = act.state.ids().open(Kind::Authenticator, viewer.account(), &input.authenticator)?;
            act.state.services.remove_authenticator(&caller, &viewer, CredentialId(id)).await
        };
        effects(ctx, &act, result.await).await
    }

    /// Switches two-step verification off; asks for fresh proof. Recovery codes are void, and all device
    /// trust ends.
    async fn disable_two_step(&self, ctx: &Context<'_>) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            act.state.services.disable_two_step(&caller, &viewer).await
        };
        effects(ctx, &act, result.await).await
    }

    /// Makes new recovery codes; asks for fresh proof. All earlier ones are void.
    async fn new_recovery_codes(
        &self,
        ctx: &Context<'_>,
        input: Option<NewRecoveryCodesInput>,
    ) -> Result<RecoveryCodesPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(input.and_then(|input| input.idempotency_key)).await?;
            act.state.services.new_recovery_codes(&caller, &viewer).await
        };
        let (answer, codes) = settle(ctx, result.await)?;
        let codes = codes.map(|codes| codes.into_iter().map(RecoveryCode::from).collect());
        Ok(RecoveryCodesPayload { answer, codes })
    }
}

/// The payload of what the viewer did to other things of theirs.
pub(super) async fn effects(
    ctx: &Context<'_>,
    act: &Act<'_>,
    result: Result<crate::service::Done<Vec<vitne_domain::policy::cascade::Effect>>, crate::service::ServiceError>,
) -> Result<EffectsPayload> {
    let (answer, effects) = settle(ctx, result)?;
    let scope = match &effects {
        Some(_) => act.scope().await.ok().flatten(),
        None => None,
    };
    Ok(EffectsPayload { answer, effects: effects.map(|effects| EffectNode::all(scope.as_ref(), &effects)) })
}
