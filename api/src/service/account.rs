//! The profile: name, phone, language, and a new address.

use vitne_domain::account::{Account, AccountCommand, Language};
use vitne_domain::claim::Claim;
use vitne_domain::policy::Purpose;
use vitne_domain::text;

use super::registration::{about_somebody_else, invalid};
use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

/// The parts of a profile to change; absent parts stay.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The name to be called by.
    pub display_name: Option<String>,
    /// The phone number in E.164, empty to remove it.
    pub phone: Option<String>,
    /// The language of texts and mail.
    pub language: Option<Language>,
}

impl Services {
    /// Changes parts of the viewer's profile.
    pub async fn change_profile(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        change: ProfileChange,
    ) -> Result<Done<()>, ServiceError> {
        let name = change.display_name.as_deref().map(text::display_name).transpose();
        name.map_err(|error| invalid("displayName", "TEXT_INVALID", &error))?;
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer, change) = (services.clone(), viewer.clone(), change.clone());
            Box::pin(async move {
                let ProfileChange { display_name, phone, language } = change;
                // A phone number is a way to be told, and later to prove: it asks for fresh proof.
                match phone {
                    Some(_) => drop(services.demand(unit, &viewer, Purpose::Settings, at).await?),
                    None => drop(services.demand_session(unit, &viewer, at).await?),
                }
                let command = AccountCommand::ChangeProfile { display_name, phone, language };
                Ok(unit.execute::<Account>(viewer.account(), command).await?)
            })
        })
        .await
    }

    /// Asks for another address. It takes the place of the current one when the link that is sent to
    /// it is followed. The answer does not tell whether somebody else has it.
    pub async fn change_email(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        email: String,
    ) -> Result<Done<()>, ServiceError> {
        let claim = self.email_claim(&email)?;
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer, claim, email) = (services.clone(), viewer.clone(), claim.clone(), email.clone());
            Box::pin(async move {
                let account = services.demand(unit, &viewer, Purpose::Settings, at).await?;
                if services.email_claim(account.email())? == claim && account.email_verified() {
                    return Err(Refusal::WrongState {
                        code: "SAME_EMAIL",
                        message: "this is already your address".to_owned(),
                    }
                    .into());
                }
                match unit.load::<Claim>(&claim).await?.holder() {
                    Some(holder) if holder.proved && holder.owner != viewer.account() => {
                        about_somebody_else(unit.context_mut(), holder.owner);
                        unit.execute::<Account>(holder.owner, AccountCommand::NoteRegistrationAttempt).await?;
                        Ok(())
                    }
                    _ => services.send_verification(unit, viewer.account(), &email, at).await,
                }
            })
        })
        .await
    }
}
