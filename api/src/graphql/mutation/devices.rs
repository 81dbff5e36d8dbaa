//! Devices, sessions, and "this wasn't me".

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use vitne_domain::id::{DeviceId, SessionId};

use super::super::ids::Kind;
use super::super::status::{Answer, settle};
use super::credentials::effects;
use super::{Act, ActionPayload, EffectsPayload};

#[derive(Default)]
pub(super) struct DeviceMutations;

/// A session.
#[derive(InputObject)]
struct SessionInput {
    /// Which.
    session: ID,
}

/// A device.
#[derive(InputObject)]
struct DeviceInput {
    /// Which.
    device: ID,
}

/// A name for a device.
#[derive(InputObject)]
struct RenameDeviceInput {
    /// Which.
    device: ID,
    /// Its name.
    label: String,
}

/// An entry of the activity log.
#[derive(InputObject)]
struct EntryInput {
    /// Which.
    entry: ID,
}

/// Sessions that ended.
#[derive(SimpleObject)]
struct EndOtherSessionsPayload {
    #[graphql(flatten)]
    answer: Answer,
    /// Which.
    ended: Option<Vec<ID>>,
}

#[Object]
impl DeviceMutations {
    /// Ends the session that asks, and removes its cookie.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            act.state.services.sign_out(&caller, &viewer).await
        };
        let (answer, done) = settle(ctx, result.await)?;
        if done.is_some() {
            act.asked.request.clear_session();
        }
        Ok(ActionPayload { answer })
    }

    /// Ends a session.
    async fn end_session(&self, ctx: &Context<'_>, input: SessionInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let mut own = false;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = SessionId(act.state.ids().open(Kind::Session, viewer.account(), &input.session)?);
            own = id == viewer.session();
            act.state.services.end_session(&caller, &viewer, id).await
        };
        let (answer, done) = settle(ctx, result.await)?;
        if own && done.is_some() {
            act.asked.request.clear_session();
        }
        Ok(ActionPayload { answer })
    }

    /// Ends every session but the one that asks.
    async fn end_other_sessions(&self, ctx: &Context<'_>) -> Result<EndOtherSessionsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            act.state.services.end_other_sessions(&caller, &viewer).await
        };
        let (answer, ended) = settle(ctx, result.await)?;
        let scope = act.scope().await.ok().flatten();
        let ended = ended
            .zip(scope)
            .map(|(ended, scope)| ended.into_iter().map(|session| scope.id(Kind::Session, session.0)).collect());
        Ok(EndOtherSessionsPayload { answer, ended })
    }

    /// Gives a device a name.
    async fn rename_device(&self, ctx: &Context<'_>, input: RenameDeviceInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = DeviceId(act.state.ids().open(Kind::Device, viewer.account(), &input.device)?);
            act.state.services.rename_device(&caller, &viewer, id, input.label).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer })
    }

    /// Asks for the second step on a device again.
    async fn revoke_device_trust(&self, ctx: &Context<'_>, input: DeviceInput) -> Result<ActionPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = DeviceId(act.state.ids().open(Kind::Device, viewer.account(), &input.device)?);
            act.state.services.revoke_trust(&caller, &viewer, id).await
        };
        let (answer, _) = settle(ctx, result.await)?;
        Ok(ActionPayload { answer })
    }

    /// Reports a device lost: its trust, its sessions and the authenticators it carries go with it, exactly
    /// as `Device.lossPreview` tells. Asks for fresh proof where that would suspend an authenticator.
    async fn report_device_lost(&self, ctx: &Context<'_>, input: DeviceInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = DeviceId(act.state.ids().open(Kind::Device, viewer.account(), &input.device)?);
            act.state.services.report_device_lost(&caller, &viewer, id).await
        };
        effects(ctx, &act, result.await).await
    }

    /// Takes a device off the list. Its sessions and its trust end.
    async fn forget_device(&self, ctx: &Context<'_>, input: DeviceInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = DeviceId(act.state.ids().open(Kind::Device, viewer.account(), &input.device)?);
            act.state.services.forget_device(&caller, &viewer, id).await
        };
        effects(ctx, &act, result.await).await
    }

    /// "This wasn't me": what the entry opened ends, and a review begins.
    async fn report_not_me(&self, ctx: &Context<'_>, input: EntryInput) -> Result<EffectsPayload> {
        let act = Act::of(ctx)?;
        let result = async {
            let (caller, viewer) = act.viewer(None).await?;
            let id = act.state.ids().open(Kind::Entry, viewer.account(), &input.entry)?;
            act.state.services.report_not_me(&caller, &viewer, id).await
        };
        effects(ctx, &act, result.await).await
    }
}
