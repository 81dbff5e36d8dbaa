//! Renaming and removing authenticators, switching two-step verification off, new recovery codes.

use vitne_domain::account::{Account, AccountCommand};
use vitne_domain::id::CredentialId;
use vitne_domain::policy::Purpose;
use vitne_domain::policy::cascade::{Effect, Trigger};

use super::enrolment::ShownCode;
use super::{Caller, Done, ServiceError, Services, Viewer};

impl Services {
    /// Gives an authenticator another name.
    pub async fn rename_authenticator(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        credential: CredentialId,
        label: String,
    ) -> Result<Done<()>, ServiceError> {
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer, label) = (services.clone(), viewer.clone(), label.clone());
            Box::pin(async move {
                services.demand_session(unit, &viewer, at).await?;
                let command = AccountCommand::RenameAuthenticator { credential, label };
                Ok(unit.execute::<Account>(viewer.account(), command).await?)
            })
        })
        .await
    }

    /// Removes an authenticator. All device trust ends.
    pub async fn remove_authenticator(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        credential: CredentialId,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let command = AccountCommand::RemoveAuthenticator { credential };
        self.change_factors(caller, viewer, command, Trigger::FactorRemoved).await
    }

    /// Switches two-step verification off. The recovery codes are void, and all device trust ends.
    pub async fn disable_two_step(&self, caller: &Caller, viewer: &Viewer) -> Result<Done<Vec<Effect>>, ServiceError> {
        self.change_factors(caller, viewer, AccountCommand::DisableTwoStep, Trigger::TwoStepDisabled).await
    }

    async fn change_factors(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        command: AccountCommand,
        trigger: Trigger,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer) = (services.clone(), viewer.clone());
            let (command, trigger) = (command.clone(), trigger.clone());
            Box::pin(async move {
                services.demand(unit, &viewer, Purpose::Settings, at).await?;
                unit.execute::<Account>(viewer.account(), command).await?;
                services.carry_out(unit, viewer.account(), &trigger, at).await
            })
        })
        .await
    }

    /// Makes a new set of recovery codes; all earlier ones are void. Shown once: a repeated request
    /// with the same idempotency key shows the same codes.
    pub async fn new_recovery_codes(
        &self,
        caller: &Caller,
        viewer: &Viewer,
    ) -> Result<Done<Vec<ShownCode>>, ServiceError> {
        let key = self.idempotency(caller, &format!("session:{}", viewer.session()), "newRecoveryCodes", &[])?;
        if let Some(first) = self.answered(key.as_ref()).await? {
            return Ok(first);
        }
        let at = self.now();
        // Asked before codes are hashed, and again, bindingly, within the unit of work.
        let mut before = self.log().unit(self.viewer_context(caller, viewer, at));
        self.demand(&mut before, viewer, Purpose::Settings, at).await?;
        drop(before);
        let fresh = self.fresh_codes().await?;
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), key, move |unit| {
            let (services, viewer, fresh) = (services.clone(), viewer.clone(), fresh.clone());
            Box::pin(async move {
                services.demand(unit, &viewer, Purpose::Settings, at).await?;
                let command = AccountCommand::IssueRecoveryCodes { codes: fresh.hashes };
                unit.execute::<Account>(viewer.account(), command).await?;
                Ok(fresh.shown)
            })
        })
        .await
    }
}
