//! A person's devices: naming them, taking trust back, losing and forgetting them.

use chrono::{DateTime, Utc};
use vitne_domain::account::Account;
use vitne_domain::device::{Device, DeviceCommand, TrustDropCause};
use vitne_domain::id::DeviceId;
use vitne_domain::policy::cascade::{Effect, Trigger, cascade};
use vitne_domain::policy::{Purpose, requirement};
use vitne_domain::session::Session;
use vitne_eventlog::Unit;

use super::viewer::facts;
use super::{Caller, Done, LossPreview, Refusal, ServiceError, Services, Viewer};

impl Services {
    /// Gives a device a name.
    pub async fn rename_device(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
        label: String,
    ) -> Result<Done<()>, ServiceError> {
        self.change_device(caller, viewer, device, DeviceCommand::Rename { label }).await
    }

    /// Takes a device's trust back.
    pub async fn revoke_trust(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
    ) -> Result<Done<()>, ServiceError> {
        let command = DeviceCommand::DropTrust { cause: TrustDropCause::RevokedByUser, at: self.now() };
        self.change_device(caller, viewer, device, command).await
    }

    async fn change_device(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
        command: DeviceCommand,
    ) -> Result<Done<()>, ServiceError> {
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer, command) = (services.clone(), viewer.clone(), command.clone());
            Box::pin(async move {
                services.demand_session(unit, &viewer, at).await?;
                own_device(unit, &viewer, device).await?;
                Ok(unit.execute::<Device>(device, command).await?)
            })
        })
        .await
    }

    /// What would happen if the device were reported lost now. Changes nothing.
    pub async fn preview_loss(&self, viewer: &Viewer, device: DeviceId) -> Result<LossPreview, ServiceError> {
        let at = self.now();
        let known = self.log().load::<Device>(device).await?.aggregate;
        if known.account() != Some(viewer.account()) {
            return Err(Refusal::NotFound("device").into());
        }
        let account = self.log().load::<Account>(viewer.account()).await?.aggregate;
        let facts = self.cascade_facts(viewer.account(), &account, at).await?;
        Ok(LossPreview { device, effects: cascade(&Trigger::DeviceLost { device }, &facts) })
    }

    /// Reports a device lost: its trust, its sessions and the authenticators it carries go with it.
    /// Asks for fresh proof where that would suspend an authenticator, so that whoever holds an open
    /// browser cannot lock its owner out.
    pub async fn report_device_lost(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let at = self.now();
        self.lose(caller, viewer, device, DeviceCommand::ReportLost { at }, Trigger::DeviceLost { device }, at).await
    }

    /// Takes a device off the list. Its sessions end.
    pub async fn forget_device(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let at = self.now();
        let trigger = Trigger::DeviceForgotten { device };
        self.lose(caller, viewer, device, DeviceCommand::Forget { at }, trigger, at).await
    }

    async fn lose(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        device: DeviceId,
        command: DeviceCommand,
        trigger: Trigger,
        at: DateTime<Utc>,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer) = (services.clone(), viewer.clone());
            let (command, trigger) = (command.clone(), trigger.clone());
            Box::pin(async move {
                services.demand_session(unit, &viewer, at).await?;
                own_device(unit, &viewer, device).await?;
                unit.execute::<Device>(device, command).await?;
                let effects = services.carry_out(unit, viewer.account(), &trigger, at).await?;
                if effects.iter().any(|effect| matches!(effect, Effect::SuspendAuthenticator { .. })) {
                    services.demand_before(&viewer, Purpose::Settings, at).await?;
                }
                Ok(effects)
            })
        })
        .await
    }

    /// As [`Services::demand`], on the streams as they were before this unit of work changed them: the
    /// session on the lost device, and the authenticator just suspended, still count.
    async fn demand_before(&self, viewer: &Viewer, purpose: Purpose, at: DateTime<Utc>) -> Result<(), ServiceError> {
        let session = self.log().load::<Session>(viewer.session()).await?.aggregate;
        let account = self.log().load::<Account>(viewer.account()).await?.aggregate;
        let requirement = requirement(purpose, &facts(&account), None, at);
        let outcome = session.outcome(&requirement, at);
        match outcome.satisfied || session.elevated_for(&requirement, at) {
            true => Ok(()),
            false => Err(Refusal::InsufficientAssurance { purpose, next: outcome.next }.into()),
        }
    }
}

/// Refuses a device of another account in the words for one that does not exist.
async fn own_device(unit: &mut Unit, viewer: &Viewer, device: DeviceId) -> Result<(), ServiceError> {
    match unit.load::<Device>(device).await?.account() {
        Some(account) if account == viewer.account() => Ok(()),
        _ => Err(Refusal::NotFound("device").into()),
    }
}
