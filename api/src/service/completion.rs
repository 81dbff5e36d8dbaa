//! What happens, in the same unit of work, when a proof is accepted and when it was the last one.

use chrono::{DateTime, Utc};
use vitne_domain::Protected;
use vitne_domain::account::Account;
use vitne_domain::ceremony::{AcceptProof, Ceremony, CeremonyCommand};
use vitne_domain::device::{Device, DeviceCommand, DeviceError, Platform};
use vitne_domain::id::{AccountId, CredentialId, DeviceId, SessionId};
use vitne_domain::policy::cascade::Trigger;
use vitne_domain::policy::{Method, Purpose, requirement};
use vitne_domain::session::{Achievement, Session, SessionCommand};
use vitne_domain::token::{SecretHash, SessionToken};
use vitne_eventlog::{ExecuteError, Unit};

use super::ceremonies::view;
use super::proofs::{Attempt, ProofOutcome, SessionOpened};
use super::viewer::facts;
use super::{Caller, Refusal, ServiceError, Services};

/// What a session would be opened with, made before anything is decided so that deciding again gives
/// the same session.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    session: SessionId,
    token: Protected,
    token_hash: SecretHash,
    device: Option<DeviceId>,
    platform: Platform,
    remember: bool,
}

impl Services {
    pub(super) fn opening(&self, caller: &Caller, ceremony: &Ceremony, remember: bool, at: DateTime<Utc>) -> Opening {
        let token = self.0.entropy.with(|rng| SessionToken::new(SessionId::new(at, rng), rng));
        let device = match (caller.device_cookie, ceremony.account()) {
            (Some(cookie), Some(account)) => Some(DeviceId::derive(cookie, account)),
            _ => None,
        };
        Opening {
            session: token.id(),
            token: Protected::new(token.expose()),
            token_hash: token.secret_hash(),
            device,
            platform: caller.platform.clone(),
            remember,
        }
    }

    /// Accepts a proof, and carries out what follows.
    pub(super) async fn accept(
        &self,
        unit: &mut Unit,
        attempt: &Attempt,
        method: Method,
        credential: Option<CredentialId>,
        number: Option<u8>,
    ) -> Result<ProofOutcome, ServiceError> {
        let Attempt { id, guard, at, opening, .. } = attempt;
        let (id, guard, at) = (*id, *guard, *at);
        let account = unit.load::<Account>(guard).await?;
        let label =
            credential.and_then(|credential| account.authenticator(credential)).map(|known| known.label.clone());
        let device_trusted = match opening.device {
            Some(device) => unit.load::<Device>(device).await?.is_trusted(at),
            None => false,
        };
        let before = unit.load::<Ceremony>(id).await?;
        still_enough(&before, &account, at)?;
        let opens = (before.purpose() == Some(Purpose::SignIn)).then_some(opening.session);
        let proof = AcceptProof { method, credential, label, number, device_trusted, opens, at };
        unit.execute::<Ceremony>(id, CeremonyCommand::AcceptProof(proof)).await?;
        let ceremony = unit.load::<Ceremony>(id).await?;
        let mut session = None;
        if let Some(achievement) = ceremony.achievement(id) {
            session = self.complete(unit, guard, &ceremony, achievement, opening, at).await?;
        }
        if method == Method::RecoveryCode {
            // After the session, so that trust which this very sign-in could have granted is dropped too.
            self.carry_out(unit, guard, &Trigger::RecoveryCodeUsed, at).await?;
        }
        let ceremony = Box::new(view(&ceremony, at)?);
        Ok(ProofOutcome::Accepted { ceremony, session })
    }

    async fn complete(
        &self,
        unit: &mut Unit,
        account: AccountId,
        ceremony: &Ceremony,
        achievement: Achievement,
        opening: &Opening,
        at: DateTime<Utc>,
    ) -> Result<Option<SessionOpened>, ServiceError> {
        match (achievement.purpose, ceremony.session()) {
            (Purpose::SignIn, _) => {
                self.open_session(unit, account, ceremony, achievement, opening, at).await.map(Some)
            }
            (_, Some(session)) => {
                unit.execute::<Session>(session, SessionCommand::Elevate { achievement, at }).await?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    async fn open_session(
        &self,
        unit: &mut Unit,
        account: AccountId,
        ceremony: &Ceremony,
        achievement: Achievement,
        opening: &Opening,
        at: DateTime<Utc>,
    ) -> Result<SessionOpened, ServiceError> {
        let limits = self.0.settings.sessions;
        let trustworthy = opening.remember
            && !ceremony.completion().is_some_and(|completion| completion.by_device_trust)
            && achievement.methods.iter().any(|method| *method != Method::Password && *method != Method::RecoveryCode);
        unit.context_mut().session = Some(opening.session);
        let mut device_trusted_until = None;
        if let Some(device) = opening.device {
            let see = DeviceCommand::See { account, platform: opening.platform.clone() };
            unit.execute::<Device>(device, see).await?;
            if trustworthy {
                self.trust(unit, device, at).await?;
            }
            device_trusted_until = unit.load::<Device>(device).await?.trust_facts(at).map(|trust| trust.until);
        }
        let start = SessionCommand::Start {
            account,
            device: opening.device,
            achievement,
            token: opening.token_hash,
            limits,
            at,
        };
        unit.execute::<Session>(opening.session, start).await?;
        Ok(SessionOpened {
            id: opening.session,
            token: opening.token.clone(),
            expires_at: at + limits.absolute,
            device_trusted_until,
        })
    }

    /// Trusts the device, unless it was reported lost or policy forbids: the sign-in itself stands.
    async fn trust(&self, unit: &mut Unit, device: DeviceId, at: DateTime<Utc>) -> Result<(), ServiceError> {
        let days = self.0.settings.trust_days;
        match unit.execute::<Device>(device, DeviceCommand::Trust { max_days: days, days, at }).await {
            Ok(()) | Err(ExecuteError::Refused(DeviceError::ReportedLost | DeviceError::TrustForbidden)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Refuses a ceremony whose requirement was made before the account gained what it is asked for today:
/// two-step verification switched on meanwhile holds for attempts begun before, too.
fn still_enough(ceremony: &Ceremony, account: &Account, at: DateTime<Utc>) -> Result<(), ServiceError> {
    let Some(asked) = ceremony.requirement() else { return Err(Refusal::BadHandle.into()) };
    match asked.covers(&requirement(asked.purpose, &facts(account), None, at)) {
        true => Ok(()),
        false => Err(Refusal::Over { code: "NO_LONGER_ENOUGH" }.into()),
    }
}
