//! Beginning a ceremony, looking at it, giving it up.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::Account;
use vitne_domain::ceremony::{Ceremony, CeremonyCommand, CeremonyView, RequestProof, StartCeremony};
use vitne_domain::claim::{Claim, ClaimKind, claim_id, normalise_email};
use vitne_domain::device::Device;
use vitne_domain::id::{AccountId, CeremonyId, DeviceId, SessionId};
use vitne_domain::policy::{Method, Purpose, requirement};
use vitne_domain::token::{CeremonyToken, SecretHash};
use vitne_domain::{Actor, EventContext, Protected};
use vitne_eventlog::Unit;

use super::viewer::facts;
use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

/// How long a ceremony at the keyboard lasts.
const LIFE: Duration = Duration::minutes(15);
/// How long a ceremony that waits for mail lasts.
pub(super) const LINK_LIFE: Duration = Duration::hours(24);

/// A ceremony that has just begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The ceremony's identifier.
    pub id: CeremonyId,
    /// What its holder shows with every proof.
    pub token: Protected,
    /// The ceremony.
    pub ceremony: CeremonyView,
}

/// The account that an identifier leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identified {
    /// The account, if there is one.
    pub(super) account: Option<AccountId>,
    /// The stream on which attempts are counted: the account's, or a stand-in's.
    pub(super) guard: AccountId,
}

impl Services {
    /// Begins a ceremony for somebody who is not signed in. The answer, its cost and its budget are
    /// the same whether or not the address is known.
    pub async fn begin(&self, caller: &Caller, purpose: Purpose, email: &str) -> Result<Done<Begun>, ServiceError> {
        if !matches!(purpose, Purpose::SignIn | Purpose::PasswordReset | Purpose::ReplaceFactor) {
            return Err(wrong_purpose());
        }
        let at = self.now();
        let found = self.identify(email).await?;
        let account = self.log().load::<Account>(found.guard).await?.aggregate;
        let device = caller.device_cookie.map(|cookie| DeviceId::derive(cookie, found.guard));
        let trust = match device {
            Some(device) => self.log().load::<Device>(device).await?.aggregate.trust_facts(at),
            None => None,
        };
        let start = StartCeremony {
            purpose,
            account: found.account,
            guard: found.guard,
            requirement: requirement(purpose, &facts(&account), trust.as_ref(), at),
            secret: SecretHash::of(&[]),
            session: None,
            contact: None,
            expires_at: at
                + if purpose == Purpose::PasswordReset { LINK_LIFE.min(purpose.longest_ceremony()) } else { LIFE },
            at,
        };
        let mut context = self.context(caller, found.account, Actor::Anonymous, at);
        context.device = device.filter(|_| found.account.is_some());
        let sent_to = (purpose == Purpose::PasswordReset).then(|| mask_email(email));
        self.start(context, caller, start, sent_to).await
    }

    /// Begins a ceremony that raises the viewer's session.
    pub async fn begin_step_up(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        purpose: Purpose,
    ) -> Result<Done<Begun>, ServiceError> {
        if !purpose.is_step_up() {
            return Err(wrong_purpose());
        }
        let at = self.now();
        let account = self.log().load::<Account>(viewer.account()).await?.aggregate;
        let start = StartCeremony {
            purpose,
            account: Some(viewer.account()),
            guard: viewer.account(),
            requirement: requirement(purpose, &facts(&account), None, at),
            secret: SecretHash::of(&[]),
            session: Some(viewer.session()),
            contact: None,
            expires_at: at + LIFE,
            at,
        };
        self.start(self.viewer_context(caller, viewer, at), caller, start, None).await
    }

    async fn start(
        &self,
        mut context: EventContext,
        caller: &Caller,
        start: StartCeremony,
        link_to: Option<String>,
    ) -> Result<Done<Begun>, ServiceError> {
        let scope = match (start.session, caller.device_cookie) {
            (Some(session), _) => Some(format!("session:{session}")),
            (None, Some(cookie)) => Some(format!("guard:{}:{cookie}", start.guard)),
            // Without a cookie nothing tells one caller from another, and the answer holds the ceremony's
            // token: a stranger who guesses the key must not be given it. Beginning twice does no harm.
            (None, None) => None,
        };
        let purpose = format!("{:?}", start.purpose);
        let key = scope.map(|scope| self.idempotency(caller, &scope, "begin", &[&purpose])).transpose()?.flatten();
        if let Some(first) = self.answered(key.as_ref()).await? {
            return Ok(first);
        }
        let at = start.at;
        let token = self.0.entropy.with(|rng| CeremonyToken::new(CeremonyId::new(at, rng), rng));
        context.ceremony = Some(token.id());
        let start = StartCeremony { secret: token.secret_hash(), ..start };
        let (services, id, text) = (self.clone(), token.id(), Protected::new(token.expose()));
        self.transact(context, key, move |unit| {
            let (services, start, link_to, token) = (services.clone(), start.clone(), link_to.clone(), text.clone());
            Box::pin(async move {
                unit.execute::<Ceremony>(id, CeremonyCommand::Start(Box::new(start))).await?;
                if link_to.is_some() {
                    services.request_link(unit, id, link_to, at).await?;
                }
                let ceremony = unit.load::<Ceremony>(id).await?;
                Ok(Begun { id, token, ceremony: view(&ceremony, at)? })
            })
        })
        .await
    }

    /// Asks for an e-mail link. The mail itself is sent by the follower of the log.
    pub(super) async fn request_link(
        &self,
        unit: &mut Unit,
        id: CeremonyId,
        sent_to: Option<String>,
        at: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let challenge = SecretHash::of(&self.keys().link_secret(id));
        let request = RequestProof {
            method: Method::EmailLink,
            challenge: Some(challenge),
            sent_to,
            expires_at: at + LINK_LIFE,
            at,
        };
        unit.execute::<Ceremony>(id, CeremonyCommand::RequestProof(request)).await?;
        Ok(())
    }

    /// The ceremony, for its holder.
    pub async fn ceremony(&self, token: &str) -> Result<CeremonyView, ServiceError> {
        let (_, ceremony) = self.held(token).await?;
        view(&ceremony, self.now())
    }

    /// Sends the e-mail link of a ceremony again.
    pub async fn resend_link(&self, caller: &Caller, token: &str) -> Result<Done<CeremonyView>, ServiceError> {
        let (id, ceremony) = self.held(token).await?;
        let at = self.now();
        let sent_to = match (ceremony.contact(), ceremony.account()) {
            (Some(contact), _) => Some(mask_email(contact)),
            (None, Some(account)) => Some(mask_email(self.log().load::<Account>(account).await?.aggregate.email())),
            (None, None) => None,
        };
        let services = self.clone();
        self.transact(self.ceremony_context(caller, id, &ceremony, at), None, move |unit| {
            let (services, sent_to) = (services.clone(), sent_to.clone());
            Box::pin(async move {
                services.request_link(unit, id, sent_to, at).await?;
                let ceremony = unit.load::<Ceremony>(id).await?;
                view(&ceremony, at)
            })
        })
        .await
    }

    /// Gives a ceremony up.
    pub async fn abandon(&self, caller: &Caller, token: &str) -> Result<Done<CeremonyView>, ServiceError> {
        let (id, ceremony) = self.held(token).await?;
        let at = self.now();
        self.transact(self.ceremony_context(caller, id, &ceremony, at), None, move |unit| {
            Box::pin(async move {
                unit.execute::<Ceremony>(id, CeremonyCommand::Abandon { at }).await?;
                let ceremony = unit.load::<Ceremony>(id).await?;
                view(&ceremony, at)
            })
        })
        .await
    }

    /// The ceremony whose holder shows this token.
    pub(super) async fn held(&self, token: &str) -> Result<(CeremonyId, Ceremony), ServiceError> {
        let token: CeremonyToken = token.parse().map_err(|_| Refusal::BadHandle)?;
        let ceremony = self.log().load::<Ceremony>(token.id()).await?.aggregate;
        if !ceremony.is_held_by(&token.secret_hash()) {
            return Err(Refusal::BadHandle.into());
        }
        Ok((token.id(), ceremony))
    }

    /// What events of a ceremony share.
    pub(super) fn ceremony_context(
        &self,
        caller: &Caller,
        id: CeremonyId,
        ceremony: &Ceremony,
        at: DateTime<Utc>,
    ) -> EventContext {
        let session: Option<SessionId> = ceremony.session();
        let actor = if session.is_some() { Actor::User } else { Actor::Anonymous };
        let mut context = self.context(caller, ceremony.account(), actor, at);
        context.ceremony = Some(id);
        context.session = session;
        context.device = match (caller.device_cookie, ceremony.account()) {
            (Some(cookie), Some(account)) => Some(DeviceId::derive(cookie, account)),
            _ => None,
        };
        context
    }

    /// Finds the account behind an address on its claim's stream. Known or not, it costs one look-up.
    pub(super) async fn identify(&self, email: &str) -> Result<Identified, ServiceError> {
        let claim = self.email_claim(email)?;
        let holder = self.log().load::<Claim>(&claim).await?.aggregate.holder();
        let account = holder.map(|holder| holder.owner);
        Ok(Identified { account, guard: account.unwrap_or_else(|| self.keys().shadow_account(&claim)) })
    }

    /// The claim stream of an address.
    pub(super) fn email_claim(&self, email: &str) -> Result<String, ServiceError> {
        let normalised = normalise_email(email).map_err(|error| Refusal::Invalid {
            field: "email",
            code: "EMAIL_INVALID",
            message: error.to_string(),
        })?;
        Ok(claim_id(self.keys().identifier(), ClaimKind::Email, &normalised))
    }
}

fn wrong_purpose() -> ServiceError {
    Refusal::Invalid {
        field: "purpose",
        code: "PURPOSE_INVALID",
        message: "this purpose does not begin here: sign-in, password reset and replacing a factor begin with an address, the others in a session".to_owned(),
    }
    .into()
}

/// The ceremony as its holder may see it.
pub(super) fn view(ceremony: &Ceremony, at: DateTime<Utc>) -> Result<CeremonyView, ServiceError> {
    ceremony.view(at).ok_or_else(|| Refusal::BadHandle.into())
}

/// An address that its owner recognises and a stranger cannot use: `a•••@e•••.se`.
pub(super) fn mask_email(email: &str) -> String {
    let mask = |part: &str| part.chars().next().map_or_else(String::new, |first| format!("{first}•••"));
    match email.trim().rsplit_once('@') {
        Some((local, domain)) => match domain.rsplit_once('.') {
            Some((name, top)) => format!("{}@{}.{top}", mask(local), mask(name)),
            None => format!("{}@{}", mask(local), mask(domain)),
        },
        None => mask(email),
    }
}

#[cfg(test)]
mod tests {
    use super::mask_email;

    #[test]
    fn masks_but_stays_recognisable() {
        assert_eq!(mask_email("anna@example.se"), "a•••@e•••.se");
        assert_eq!(mask_email("åsa@localhost"), "å•••@l•••");
        assert_eq!(mask_email(""), "");
    }
}
