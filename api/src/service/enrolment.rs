//! Enrolling an authenticator app.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::{
    Account, AccountCommand, AccountError, AuthenticatorKind, AuthenticatorStatus, Enrolment, EnrolmentProof,
    RejectReason, recovery, totp,
};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand};
use vitne_domain::id::{AccountId, CeremonyId, CredentialId, DeviceId};
use vitne_domain::policy::cascade::Trigger;
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::Session;
use vitne_domain::{EventContext, Protected, text};
use vitne_eventlog::{ExecuteError, Unit};

use super::refusals::reject_code;
use super::viewer::first_factor;
use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

/// How long a new authenticator waits for its first code.
const CONFIRM_WITHIN: Duration = Duration::minutes(15);
/// When to ask again after the account changed under a confirmation.
const SOON: std::time::Duration = std::time::Duration::from_secs(1);

/// Under what authority an authenticator is enrolled.
#[derive(Clone, Debug)]
pub enum Authority {
    /// A session with fresh proofs.
    Viewer(Viewer),
    /// The token of a completed ceremony for replacing a lost factor.
    Replacement(String),
}

/// A new authenticator app.
#[derive(Clone, Debug)]
pub struct EnrolmentInput {
    /// Its owner's name for it.
    pub label: String,
    /// The device it lives on, if told.
    pub carried_by: Option<DeviceId>,
    /// The authenticator it takes the place of.
    pub replaces: Option<CredentialId>,
}

/// What the authenticator app needs. Shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentStarted {
    /// The authenticator to be.
    pub credential: CredentialId,
    /// The shared secret in base32, for typing.
    pub secret: Protected,
    /// The same as an `otpauth://` URI, for scanning.
    pub uri: Protected,
    /// When it must have shown its first code.
    pub expires_at: DateTime<Utc>,
}

/// A recovery code as shown, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCode {
    /// Its number.
    pub number: u8,
    /// The code.
    pub code: Protected,
}

/// What confirming an authenticator came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The authenticator.
    pub credential: CredentialId,
    /// The authenticator it took the place of.
    pub replaced: Option<CredentialId>,
    /// Two-step verification was switched on with it.
    pub two_step_enabled: bool,
    /// The recovery codes, where it is the account's first authenticator. Shown once.
    pub recovery_codes: Vec<ShownCode>,
}

/// Who enrols, found out once and checked again in the unit of work.
#[derive(Clone, Debug)]
struct Enroller {
    account: AccountId,
    replacement: Option<CeremonyId>,
    viewer: Option<Viewer>,
}

impl Enroller {
    /// What idempotency keys are bound to: the very session or ceremony that was proved.
    fn scope(&self) -> String {
        match (self.replacement, &self.viewer) {
            (Some(ceremony), _) => format!("ceremony:{ceremony}"),
            (None, Some(viewer)) => format!("session:{}", viewer.session()),
            (None, None) => format!("account:{}", self.account),
        }
    }
}

impl Services {
    /// Begins the enrolment of an authenticator app. Nothing changes before it has shown a code.
    pub async fn start_enrolment(
        &self,
        caller: &Caller,
        authority: &Authority,
        input: EnrolmentInput,
    ) -> Result<Done<EnrolmentStarted>, ServiceError> {
        let label = text::label(&input.label).map_err(|error| Refusal::Invalid {
            field: "label",
            code: "TEXT_INVALID",
            message: error.to_string(),
        })?;
        let at = self.now();
        let (enroller, context) = self.enroller(caller, authority, at).await?;
        let mut input = input;
        if enroller.replacement.is_some() && input.replaces.is_none() {
            input.replaces = self.only_authenticator(enroller.account).await?;
        }
        let (credential, secret) = self.0.entropy.with(|rng| (CredentialId::new(at, rng), totp::generate_secret(rng)));
        let (services, expires_at) = (self.clone(), at + CONFIRM_WITHIN);
        self.transact(context, None, move |unit| {
            let (services, enroller, secret) = (services.clone(), enroller.clone(), secret.clone());
            let (input, label) = (input.clone(), label.clone());
            Box::pin(async move {
                let first_factor = services.may_enrol(unit, &enroller, input.replaces, at).await?;
                let enrolment = Enrolment {
                    credential,
                    kind: AuthenticatorKind::Totp,
                    label,
                    secret: secret.clone(),
                    carried_by: input.carried_by,
                    replaces: input.replaces,
                    expires_at,
                    first_factor,
                };
                unit.execute::<Account>(enroller.account, AccountCommand::StartEnrolment { enrolment, at }).await?;
                let account = unit.load::<Account>(enroller.account).await?;
                let uri = totp::otpauth_uri(&secret, &services.0.settings.issuer, account.email())
                    .map_err(|error| ServiceError::Internal(error.to_string()))?;
                Ok(EnrolmentStarted { credential, secret, uri, expires_at })
            })
        })
        .await
    }

    /// Confirms an enrolment with a code from the new authenticator. The first one switches two-step
    /// verification on and gives out recovery codes; one that replaces another retires it only now.
    pub async fn confirm_enrolment(
        &self,
        caller: &Caller,
        authority: &Authority,
        credential: CredentialId,
        code: Protected,
        existing: Option<(CredentialId, Protected)>,
    ) -> Result<Done<Enrolled>, ServiceError> {
        let at = self.now();
        let (enroller, context) = self.enroller(caller, authority, at).await?;
        let key =
            self.idempotency(caller, &enroller.scope(), "confirmEnrolment", &[&credential.to_string(), code.expose()])?;
        if let Some(first) = self.answered(key.as_ref()).await? {
            return confirmed(first);
        }
        // Asked before codes are hashed, and again, bindingly, within the unit of work.
        let mut before = self.log().unit(context.clone());
        let account = before.load::<Account>(enroller.account).await?;
        let replaces = account.authenticator(credential).and_then(|pending| pending.replaces);
        self.may_enrol(&mut before, &enroller, replaces, at).await?;
        drop(before);
        let fresh = if account.two_step() { None } else { Some(self.fresh_codes().await?) };
        let services = self.clone();
        let done = self.transact(context, key, move |unit| {
            let (services, enroller, code) = (services.clone(), enroller.clone(), code.clone());
            let (existing, fresh) = (existing.clone(), fresh.clone());
            Box::pin(async move {
                let account = unit.load::<Account>(enroller.account).await?;
                let replaces = account.authenticator(credential).and_then(|pending| pending.replaces);
                let first_factor = services.may_enrol(unit, &enroller, replaces, at).await?;
                let proof = match existing {
                    Some((credential, code)) => Some(EnrolmentProof::Code { credential, code }),
                    None => replaces.map(|_| EnrolmentProof::ReplaceCeremony),
                };
                let command = AccountCommand::ConfirmEnrolment { credential, code, proof, at };
                match unit.execute::<Account>(enroller.account, command).await {
                    // A wrong code of the authenticator in use counts against it here as in a sign-in.
                    Err(ExecuteError::Refused(AccountError::ProofRefused { method, credential, reason })) => {
                        let counted = AccountCommand::RejectProof { method, credential, reason, at };
                        unit.execute::<Account>(enroller.account, counted).await?;
                        return Ok(Confirmed::Refused(reason));
                    }
                    other => other?,
                }
                if let Some(ceremony) = enroller.replacement {
                    unit.execute::<Ceremony>(ceremony, CeremonyCommand::Spend { at }).await?;
                }
                let mut enrolled =
                    Enrolled { credential, replaced: replaces, two_step_enabled: false, recovery_codes: vec![] };
                if !account.two_step() {
                    // Switched off since it was looked at first: the client asks again.
                    let Some(fresh) = fresh else { return Err(ServiceError::Busy { retry_after: SOON }) };
                    let command = AccountCommand::EnableTwoStep { first_factor, codes: fresh.hashes };
                    unit.execute::<Account>(enroller.account, command).await?;
                    enrolled.two_step_enabled = true;
                    enrolled.recovery_codes = fresh.shown;
                }
                if replaces.is_some() {
                    services.carry_out(unit, enroller.account, &Trigger::FactorRemoved, at).await?;
                }
                Ok(Confirmed::Enrolled(enrolled))
            })
        });
        confirmed(done.await?)
    }

    /// The account's authenticator, if it has exactly one: then a lost one needs no name, which its owner,
    /// who is not signed in, could not look up.
    async fn only_authenticator(&self, account: AccountId) -> Result<Option<CredentialId>, ServiceError> {
        let account = self.log().load::<Account>(account).await?.aggregate;
        let mut enrolled = account.authenticators().iter().filter(|known| known.status != AuthenticatorStatus::Pending);
        let only = enrolled.next().map(|known| known.id);
        Ok(only.filter(|_| enrolled.next().is_none()))
    }

    async fn enroller(
        &self,
        caller: &Caller,
        authority: &Authority,
        at: DateTime<Utc>,
    ) -> Result<(Enroller, EventContext), ServiceError> {
        match authority {
            Authority::Viewer(viewer) => {
                let enroller = Enroller { account: viewer.account(), replacement: None, viewer: Some(viewer.clone()) };
                Ok((enroller, self.viewer_context(caller, viewer, at)))
            }
            Authority::Replacement(token) => {
                let (id, ceremony) = self.held(token).await?;
                if ceremony.purpose() != Some(Purpose::ReplaceFactor) {
                    return Err(Refusal::BadHandle.into());
                }
                // First of all, because only a complete one may tell that there is an account behind it.
                ceremony.decide(&CeremonyCommand::Spend { at })?;
                let account = ceremony.account().ok_or(Refusal::BadHandle)?;
                let context = self.ceremony_context(caller, id, &ceremony, at);
                Ok((Enroller { account, replacement: Some(id), viewer: None }, context))
            }
        }
    }

    /// Refuses unless this enrolment is allowed now; tells which first factor stands behind it.
    async fn may_enrol(
        &self,
        unit: &mut Unit,
        enroller: &Enroller,
        replaces: Option<CredentialId>,
        at: DateTime<Utc>,
    ) -> Result<Method, ServiceError> {
        if let Some(viewer) = &enroller.viewer {
            self.demand(unit, viewer, Purpose::Settings, at).await?;
            // Replacing a factor asks, beside fresh proof, for what a ceremony for it would ask for.
            if replaces.is_some() {
                self.demand(unit, viewer, Purpose::ReplaceFactor, at).await?;
            }
            let session = unit.load::<Session>(viewer.session()).await?;
            return Ok(first_factor(&session, at));
        }
        let Some(id) = enroller.replacement else { return Err(Refusal::BadHandle.into()) };
        let ceremony = unit.load::<Ceremony>(id).await?;
        ceremony.decide(&CeremonyCommand::Spend { at })?;
        match replaces {
            Some(_) => Ok(Method::Password),
            None => Err(Refusal::Invalid {
                field: "replaces",
                code: "REPLACES_REQUIRED",
                message: "name the lost authenticator that the new one takes the place of".to_owned(),
            }
            .into()),
        }
    }
}

/// What became of a confirmation, as it is kept for a repeated request.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Confirmed {
    Enrolled(Enrolled),
    /// The code of the authenticator in use was refused, and counted.
    Refused(RejectReason),
}

fn confirmed(done: Done<Confirmed>) -> Result<Done<Enrolled>, ServiceError> {
    match done.value {
        Confirmed::Enrolled(value) => Ok(Done { value, position: done.position }),
        Confirmed::Refused(reason) => Err(Refusal::Rejected { code: reject_code(reason) }.into()),
    }
}

/// A new set of recovery codes: what is shown and what is kept.
#[derive(Clone, Debug)]
pub(super) struct FreshCodes {
    pub(super) shown: Vec<ShownCode>,
    pub(super) hashes: Vec<vitne_domain::account::RecoveryCodeHash>,
}

impl Services {
    /// Makes recovery codes, hashing them in the pool.
    pub(super) async fn fresh_codes(&self) -> Result<FreshCodes, ServiceError> {
        let mut rng = self.0.entropy.fork();
        let codes = recovery::generate(&mut rng);
        let shown = codes.iter().map(|code| ShownCode { number: code.number, code: code.code.clone() }).collect();
        let hashes = self.0.hasher.run(move || recovery::hash(&codes, &mut rng)).await?;
        Ok(FreshCodes { shown, hashes: hashes.map_err(|error| ServiceError::Internal(error.to_string()))? })
    }
}
