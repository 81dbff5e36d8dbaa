//! Giving a proof: password, time-based code, recovery code, e-mail link.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::Protected;
use vitne_domain::account::{Account, AccountCommand, RejectReason, TotpOutcome, password, recovery};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand, CeremonyView, FailureReason};
use vitne_domain::id::{AccountId, CeremonyId, CredentialId, SessionId};
use vitne_domain::policy::Method;
use vitne_eventlog::Unit;

use super::ceremonies::view;
use super::completion::Opening;
use super::refusals::reject_code;
use super::throttle::Window;
use super::{Caller, Done, Refusal, ServiceError, Services};

/// A proof as typed.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The account's password.
    Password(Protected),
    /// What an authenticator app shows.
    Totp(Protected),
    /// One of the saved recovery codes.
    RecoveryCode(Protected),
}

/// A proof for a ceremony.
#[derive(Clone, Debug)]
pub struct ProofInput {
    /// The ceremony's token.
    pub token: String,
    /// The proof.
    pub proof: Proof,
    /// Trust this device, if this completes a sign-in with a second step.
    pub remember_device: bool,
}

/// A session that was just opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOpened {
    /// The session.
    pub id: SessionId,
    /// Its token, given out once.
    pub token: Protected,
    /// When it ends in any case.
    pub expires_at: DateTime<Utc>,
    /// Until when this device skips the second step, if it does.
    pub device_trusted_until: Option<DateTime<Utc>>,
}

/// What became of a proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProofOutcome {
    /// It was accepted.
    Accepted {
        /// The ceremony after it.
        ceremony: Box<CeremonyView>,
        /// The session it opened, if it completed a sign-in.
        session: Option<SessionOpened>,
    },
    /// It was refused.
    Rejected {
        /// WRONG, REUSED, EXPIRED or NOT_AVAILABLE.
        code: String,
        /// The ceremony after it.
        ceremony: Box<CeremonyView>,
    },
    /// The password was right, but the address was never proved. A new link is on its way.
    EmailNotVerified,
}

/// What was found out about a proof outside the unit of work, where hashing belongs.
#[derive(Clone, Debug)]
enum Checked {
    Password { generation: u32, upgraded: Option<Protected> },
    Totp { code: Protected },
    RecoveryCode { set: u32, number: u8 },
    Wrong { method: Method },
}

impl Proof {
    const fn method(&self) -> Method {
        match self {
            Self::Password(_) => Method::Password,
            Self::Totp(_) => Method::Totp,
            Self::RecoveryCode(_) => Method::RecoveryCode,
        }
    }

    fn typed(&self) -> &str {
        match self {
            Self::Password(typed) | Self::Totp(typed) | Self::RecoveryCode(typed) => typed.expose(),
        }
    }
}

impl Services {
    /// Takes a proof for a ceremony.
    pub async fn submit(&self, caller: &Caller, input: ProofInput) -> Result<Done<ProofOutcome>, ServiceError> {
        let (id, ceremony) = self.held(&input.token).await?;
        let at = self.now();
        let method = input.proof.method();
        let request = [method.amr().first().copied().unwrap_or_default(), input.proof.typed()];
        let key = self.idempotency(caller, &format!("ceremony:{id}"), "submit", &request)?;
        if let Some(first) = self.answered(key.as_ref()).await? {
            return Ok(first);
        }
        ceremony.may_prove(method, at).map_err(ServiceError::from)?;
        let guard = ceremony.guard().ok_or(Refusal::BadHandle)?;
        let account = self.log().load::<Account>(guard).await?.aggregate;
        if let Some(until) = account.throttled_until(at) {
            self.0.windows.refused(guard, at, until);
            return Err(Refusal::Throttled { retry_after: (until - at).to_std().unwrap_or_default() }.into());
        }
        let checked = self.check(&input.proof, &account).await?;
        let window = self.0.windows.take(guard);
        let attempt = Attempt {
            id,
            guard,
            checked,
            window,
            at,
            opening: self.opening(caller, &ceremony, input.remember_device, at),
        };
        let context = self.ceremony_context(caller, id, &ceremony, at);
        let services = self.clone();
        let result = self
            .transact(context, key, move |unit| {
                let (services, attempt) = (services.clone(), attempt.clone());
                Box::pin(async move { services.attempt(unit, &attempt).await })
            })
            .await;
        if let (Err(_), Some(window)) = (&result, window) {
            self.0.windows.put_back(guard, window);
        }
        result
    }

    /// The expensive part. Runs in the pool; costs the same when there is nothing to compare with.
    async fn check(&self, proof: &Proof, account: &Account) -> Result<Checked, ServiceError> {
        match proof {
            Proof::Totp(code) => Ok(Checked::Totp { code: code.clone() }),
            Proof::Password(typed) => {
                let known = account.password_hash().filter(|_| !account.password_disabled()).cloned();
                let (hash, typed, params) =
                    (known.clone().unwrap_or_else(|| self.0.decoy.clone()), typed.clone(), self.0.settings.password);
                let salt = self.new_salt();
                let (right, upgraded) = self
                    .0
                    .hasher
                    .run(move || {
                        let right = password::verify(&hash, typed.expose());
                        let stale = right && password::needs_upgrade(&hash, params);
                        (right, stale.then(|| password::hash(typed.expose(), &salt, params).ok()).flatten())
                    })
                    .await?;
                match known {
                    Some(_) if right => Ok(Checked::Password { generation: account.password_generation(), upgraded }),
                    _ => Ok(Checked::Wrong { method: Method::Password }),
                }
            }
            Proof::RecoveryCode(typed) => {
                // Used ones too: that a code comes a second time is worth knowing, and is not a wrong code.
                let hashes: Vec<_> = account.recovery_codes().iter().map(|known| known.code.clone()).collect();
                let (typed, set) = (typed.clone(), account.recovery_set());
                let found = self.0.hasher.run(move || recovery::find(typed.expose(), &hashes)).await?;
                Ok(match found {
                    Some(number) => Checked::RecoveryCode { set, number },
                    None => Checked::Wrong { method: Method::RecoveryCode },
                })
            }
        }
    }

    async fn attempt(&self, unit: &mut Unit, attempt: &Attempt) -> Result<ProofOutcome, ServiceError> {
        let Attempt { guard, at, .. } = *attempt;
        if let Some(Window { from, until, count }) = attempt.window {
            let command = AccountCommand::RecordThrottled { from, until: until.min(at).max(from), count };
            match unit.execute::<Account>(guard, command).await.map_err(ServiceError::from) {
                // A window that has no length was counted within one clock tick: nothing to tell.
                Ok(()) | Err(ServiceError::Internal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let account = unit.load::<Account>(guard).await?;
        match &attempt.checked {
            Checked::Wrong { method } => self.reject(unit, attempt, *method, None, RejectReason::Wrong).await,
            Checked::Password { generation, upgraded } => {
                let generation = *generation;
                if account.password_generation() != generation {
                    return self.reject(unit, attempt, Method::Password, None, RejectReason::Wrong).await;
                }
                unit.execute::<Account>(guard, AccountCommand::AcceptPassword { generation, at }).await?;
                if let Some(hash) = upgraded.clone() {
                    unit.execute::<Account>(guard, AccountCommand::UpgradePasswordHash { generation, hash }).await?;
                }
                if !account.email_verified() {
                    // One ceremony sends one link: the next costs the address another attempt.
                    let over = CeremonyCommand::Fail { reason: FailureReason::NoLongerPossible };
                    unit.execute::<Ceremony>(attempt.id, over).await?;
                    self.send_verification(unit, guard, account.email(), at).await?;
                    return Ok(ProofOutcome::EmailNotVerified);
                }
                self.accept(unit, attempt, Method::Password, None, None).await
            }
            Checked::Totp { code } => match account.check_totp(code.expose(), at) {
                TotpOutcome::Accepted { credential, .. } => {
                    unit.execute::<Account>(guard, AccountCommand::AcceptTotp { code: code.clone(), at }).await?;
                    self.accept(unit, attempt, Method::Totp, Some(credential), None).await
                }
                TotpOutcome::Reused { credential } => {
                    self.reject(unit, attempt, Method::Totp, Some(credential), RejectReason::Reused).await
                }
                TotpOutcome::Wrong => self.reject(unit, attempt, Method::Totp, None, RejectReason::Wrong).await,
                TotpOutcome::NotAvailable => {
                    self.reject(unit, attempt, Method::Totp, None, RejectReason::NotAvailable).await
                }
            },
            Checked::RecoveryCode { set, number } => {
                let (set, number) = (*set, *number);
                let usable = account.recovery_set() == set
                    && account.remaining_recovery_codes().any(|code| code.number == number);
                if !usable {
                    return self.reject(unit, attempt, Method::RecoveryCode, None, RejectReason::Reused).await;
                }
                unit.execute::<Account>(guard, AccountCommand::UseRecoveryCode { set, number, at }).await?;
                self.accept(unit, attempt, Method::RecoveryCode, None, Some(number)).await
            }
        }
    }

    async fn reject(
        &self,
        unit: &mut Unit,
        attempt: &Attempt,
        method: Method,
        credential: Option<CredentialId>,
        reason: RejectReason,
    ) -> Result<ProofOutcome, ServiceError> {
        let at = attempt.at;
        let counted = AccountCommand::RejectProof { method, credential, reason, at };
        unit.execute::<Account>(attempt.guard, counted).await?;
        let told = CeremonyCommand::RejectProof { method, credential, reason, at };
        unit.execute::<Ceremony>(attempt.id, told).await?;
        let ceremony = unit.load::<Ceremony>(attempt.id).await?;
        let code = reject_code(ceremony.shown_reason(reason)).to_owned();
        Ok(ProofOutcome::Rejected { code, ceremony: Box::new(view(&ceremony, at)?) })
    }
}

/// One attempt, ready to be decided, possibly more than once.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) id: CeremonyId,
    pub(super) guard: AccountId,
    checked: Checked,
    window: Option<Window>,
    pub(super) at: DateTime<Utc>,
    pub(super) opening: Opening,
}
