//! Carrying out what follows from a loss, a change of credentials or a report.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::{Account, AccountCommand};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand, FailureReason, Phase};
use vitne_domain::device::{Device, DeviceCommand};
use vitne_domain::id::{AccountId, CeremonyId, DeviceId, SessionId};
use vitne_domain::policy::cascade::{
    AuthenticatorFacts, CascadeFacts, CeremonyFacts, DeviceFacts, Effect, SessionFacts, Trigger, cascade,
};
use vitne_domain::session::{Session, SessionCommand};
use vitne_eventlog::Unit;

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
    pub(super) async fn cascade_facts(
        &self,
        account_id: AccountId,
        account: &Account,
        at: DateTime<Utc>,
    ) -> Result<CascadeFacts, ServiceError> {
        let mut facts = CascadeFacts::default();
        for device in self.streams::<DeviceId>(account_id, "device", None).await? {
            let trusted = self.log().load::<Device>(device).await?.aggregate.is_trusted(at);
            facts.devices.push(DeviceFacts { device, trusted });
        }
        let since = at - self.0.settings.sessions.absolute;
        for session in self.streams::<SessionId>(account_id, "session", Some(since)).await? {
            let loaded = self.log().load::<Session>(session).await?.aggregate;
            if loaded.refusal(at).is_none() {
                facts.sessions.push(SessionFacts { session, device: loaded.device(), ceremony: loaded.ceremony() });
            }
        }
        let since = at - Duration::hours(24);
        for ceremony in self.streams::<CeremonyId>(account_id, "ceremony", Some(since)).await? {
            let loaded = self.log().load::<Ceremony>(ceremony).await?.aggregate;
            let (Phase::Pending, Some(purpose)) = (loaded.phase(), loaded.purpose()) else { continue };
            facts.ceremonies.push(CeremonyFacts { ceremony, purpose, device: None, session: loaded.session() });
        }
        facts.authenticators = account
            .active_authenticators()
            .map(|known| AuthenticatorFacts { credential: known.id, carried_by: known.carried_by })
            .collect();
        Ok(facts)
    }

    /// The account's streams of one kind, from their first events.
    async fn streams<Id: std::str::FromStr>(
        &self,
        account: AccountId,
        kind: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Id>, ServiceError> {
        let ids = self.log().streams_of(account, kind, since).await?;
        ids.iter()
            .map(|id| id.parse().map_err(|_| ServiceError::Internal(format!("a {kind} stream has a malformed id"))))
            .collect()
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
        let effects = cascade(trigger, &self.cascade_facts(account_id, &account, at).await?);
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
