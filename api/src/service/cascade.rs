//! Carrying out what follows from a loss, a change of credentials or a report.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::{Account, AccountCommand};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand, FailureReason, Phase, SPEND_WITHIN};
use vitne_domain::device::{Device, DeviceCommand};
use vitne_domain::id::{AccountId, CeremonyId, DeviceId, SessionId};
use vitne_domain::policy::cascade::{
    AuthenticatorFacts, CascadeFacts, CeremonyFacts, DeviceFacts, Effect, SessionFacts, Trigger, cascade,
};
use vitne_domain::session::{Session, SessionCommand};
use vitne_eventlog::Unit;

use super::ceremonies::LINK_LIFE;
use super::{ServiceError, Services};

/// What would happen if a device were reported lost now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossPreview {
    /// The device.
    pub device: DeviceId,
    /// The effects, in the order in which they would be carried out.
    pub effects: Vec<Effect>,
}

impl Services {
    /// All that a cascade on this account may reach, from its streams. What begins after this is found
    /// out at the commit: opening a session and granting trust write to the account's stream, and so
    /// does, or at least conditions on it, every unit of work with a cascade.
    ///
    /// Anybody can begin ceremonies on an account, thousands of them. One in which nothing was proved yet
    /// has nothing to lose, so it is not even loaded: a stranger must not make a cascade slow.
    pub(super) async fn cascade_facts(
        &self,
        account_id: AccountId,
        account: &Account,
        at: DateTime<Utc>,
    ) -> Result<CascadeFacts, ServiceError> {
        let mut facts = CascadeFacts::default();
        for device in self.streams_with::<DeviceId>(account_id, "device", DateTime::UNIX_EPOCH, "DeviceTrusted").await?
        {
            let trusted = self.log().load::<Device>(device).await?.aggregate.is_trusted(at);
            facts.devices.push(DeviceFacts { device, trusted });
        }
        let since = at - self.0.settings.sessions.absolute;
        for session in self.streams_with::<SessionId>(account_id, "session", since, "SessionStarted").await? {
            let loaded = self.log().load::<Session>(session).await?.aggregate;
            if loaded.refusal(at).is_none() {
                facts.sessions.push(SessionFacts { session, device: loaded.device(), ceremony: loaded.ceremony() });
            }
        }
        facts.ceremonies = self.open_ceremonies(account_id, account, at).await?;
        facts.authenticators = account
            .active_authenticators()
            .map(|known| AuthenticatorFacts { credential: known.id, carried_by: known.carried_by })
            .collect();
        Ok(facts)
    }

    /// The account's ceremonies that can still lead to something: under way with something proved, complete
    /// with their deed undone, or begun in a session, such as a change of address that waits for its link.
    async fn open_ceremonies(
        &self,
        account_id: AccountId,
        account: &Account,
        at: DateTime<Utc>,
    ) -> Result<Vec<CeremonyFacts>, ServiceError> {
        let since = at - LINK_LIFE - SPEND_WITHIN;
        let mut ids = self.streams_with(account_id, "ceremony", since, "CeremonyProofAccepted").await?;
        let own = self.log().streams_in_sessions(account_id, "ceremony", since).await?;
        ids.extend(parsed::<CeremonyId>(&own, "ceremony")?);
        ids.sort_unstable();
        ids.dedup();
        let mut open = Vec::new();
        for ceremony in ids {
            let loaded = self.log().load::<Ceremony>(ceremony).await?.aggregate;
            let Some(purpose) = loaded.purpose() else { continue };
            match loaded.phase() {
                Phase::Pending => {}
                Phase::Completed if purpose.is_spent() => {}
                _ => continue,
            }
            let changes_email = match loaded.contact() {
                Some(contact) => self.email_claim(contact)? != self.email_claim(account.email())?,
                None => false,
            };
            let session = loaded.session();
            open.push(CeremonyFacts { ceremony, purpose, device: None, session, changes_email });
        }
        Ok(open)
    }

    /// The account's streams of one kind that began at or after `since` and hold such an event.
    async fn streams_with<Id: std::str::FromStr>(
        &self,
        account: AccountId,
        kind: &str,
        since: DateTime<Utc>,
        event_type: &str,
    ) -> Result<Vec<Id>, ServiceError> {
        let ids = self.log().streams_with(account, kind, since, &[event_type]).await?;
        parsed(&ids, kind)
    }

    /// Carries out what follows from `trigger`, in the same unit of work.
    pub(super) async fn carry_out(
        &self,
        unit: &mut Unit,
        account_id: AccountId,
        trigger: &Trigger,
        at: DateTime<Utc>,
    ) -> Result<Vec<Effect>, ServiceError> {
        let account = unit.load::<Account>(account_id).await?;
        let mut facts = self.cascade_facts(account_id, &account, at).await?;
        // The ceremony in which this happens is being spent; it is not in its own way.
        let own = unit.context_mut().ceremony;
        facts.ceremonies.retain(|known| Some(known.ceremony) != own);
        let effects = cascade(trigger, &facts);
        for effect in &effects {
            match *effect {
                Effect::EndSession { session, cause } => {
                    unit.execute::<Session>(session, SessionCommand::End { cause }).await?;
                }
                Effect::DropTrust { device, cause } => {
                    unit.execute::<Device>(device, DeviceCommand::DropTrust { cause, at }).await?;
                }
                Effect::SuspendAuthenticator { credential, cause } => {
                    let command = AccountCommand::SuspendAuthenticator { credential, cause };
                    unit.execute::<Account>(account_id, command).await?;
                }
                Effect::FailCeremony { ceremony } => {
                    let command = CeremonyCommand::Fail { reason: FailureReason::NoLongerPossible };
                    unit.execute::<Ceremony>(ceremony, command).await?;
                }
            }
        }
        Ok(effects)
    }
}

fn parsed<Id: std::str::FromStr>(ids: &[String], kind: &str) -> Result<Vec<Id>, ServiceError> {
    ids.iter()
        .map(|id| id.parse().map_err(|_| ServiceError::Internal(format!("a {kind} stream has a malformed id"))))
        .collect()
}
