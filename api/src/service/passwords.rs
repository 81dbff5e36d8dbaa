//! Setting a password: by its owner, or after a reset.

use vitne_domain::Protected;
use vitne_domain::account::password::{self, PasswordUse, SHORTEST_SALT};
use vitne_domain::account::{Account, AccountCommand, PasswordCause};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand};
use vitne_domain::policy::cascade::{Effect, OtherSessions, Trigger};
use vitne_domain::policy::{Purpose, requirement};

use super::viewer::facts;
use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

impl Services {
    /// Changes the viewer's password. All device trust ends; other sessions end if asked for.
    pub async fn change_password(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        new: Protected,
        end_other_sessions: bool,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let at = self.now();
        // Asked before the hash is computed, and again, bindingly, within the unit of work.
        let mut unit = self.log().unit(self.viewer_context(caller, viewer, at));
        let account = self.demand(&mut unit, viewer, Purpose::Settings, at).await?;
        drop(unit);
        let hash = self.acceptable_hash(&account, new).await?;
        let (services, owner) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, viewer, at), None, move |unit| {
            let (services, viewer, hash) = (services.clone(), owner.clone(), hash.clone());
            Box::pin(async move {
                services.demand(unit, &viewer, Purpose::Settings, at).await?;
                let command = AccountCommand::SetPassword { hash, cause: PasswordCause::Change };
                unit.execute::<Account>(viewer.account(), command).await?;
                let sessions = match end_other_sessions {
                    true => OtherSessions::End { except: Some(viewer.session()) },
                    false => OtherSessions::Keep,
                };
                services.carry_out(unit, viewer.account(), &Trigger::PasswordChanged { sessions }, at).await
            })
        })
        .await
    }

    /// Sets a new password in a completed password reset. Every session and all trust end.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        token: &str,
        new: Protected,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let (id, ceremony) = self.held(token).await?;
        if ceremony.purpose() != Some(Purpose::PasswordReset) {
            return Err(Refusal::BadHandle.into());
        }
        let at = self.now();
        ceremony.decide(&CeremonyCommand::Spend { at })?;
        let owner = ceremony.account().ok_or(Refusal::BadHandle)?;
        let account = self.log().load::<Account>(owner).await?.aggregate;
        let hash = self.acceptable_hash(&account, new).await?;
        let services = self.clone();
        self.transact(self.ceremony_context(caller, id, &ceremony, at), None, move |unit| {
            let (services, hash) = (services.clone(), hash.clone());
            Box::pin(async move {
                unit.execute::<Ceremony>(id, CeremonyCommand::Spend { at }).await?;
                // Judged by what the account is now: a link sent before an authenticator was enrolled
                // does not go around it.
                let account = unit.load::<Account>(owner).await?;
                let today = requirement(Purpose::PasswordReset, &facts(&account), None, at);
                let given = unit.load::<Ceremony>(id).await?;
                if !today.outcome(given.proofs(), at).satisfied {
                    return Err(Refusal::Over { code: "NO_LONGER_ENOUGH" }.into());
                }
                let command = AccountCommand::SetPassword { hash, cause: PasswordCause::Reset };
                unit.execute::<Account>(owner, command).await?;
                let sessions = OtherSessions::End { except: None };
                services.carry_out(unit, owner, &Trigger::PasswordChanged { sessions }, at).await
            })
        })
        .await
    }

    /// Checks a new password against the rules for this account and hashes it.
    async fn acceptable_hash(&self, account: &Account, new: Protected) -> Result<Protected, ServiceError> {
        let usage = if account.two_step() { PasswordUse::WithSecondFactor } else { PasswordUse::Alone };
        password::check(new.expose(), usage, &[account.email(), account.display_name()]).map_err(|error| {
            Refusal::Invalid { field: "password", code: "PASSWORD_UNACCEPTABLE", message: error.to_string() }
        })?;
        self.hash_password(new).await
    }

    /// Hashes in the pool.
    pub(super) async fn hash_password(&self, new: Protected) -> Result<Protected, ServiceError> {
        let (salt, params) = (self.new_salt(), self.0.settings.password);
        let hashed = self.0.hasher.run(move || password::hash(new.expose(), &salt, params)).await?;
        hashed.map_err(|error| ServiceError::Internal(error.to_string()))
    }

    pub(super) fn new_salt(&self) -> [u8; SHORTEST_SALT] {
        let mut salt = [0; SHORTEST_SALT];
        self.0.entropy.with(|rng| rng.fill_bytes(&mut salt));
        salt
    }
}
