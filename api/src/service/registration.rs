//! Registering, and proving an e-mail address.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::account::password::{self, PasswordUse};
use vitne_domain::account::{Account, AccountCommand, Language};
use vitne_domain::ceremony::{AnswerChallenge, Ceremony, CeremonyCommand, Phase, StartCeremony};
use vitne_domain::claim::{Claim, ClaimCommand, ClaimKind, ReleaseCause};
use vitne_domain::id::{AccountId, CeremonyId};
use vitne_domain::policy::{AccountFacts, Method, Purpose, requirement};
use vitne_domain::token::{CeremonyToken, LinkToken};
use vitne_domain::{Actor, EventContext, NetworkContext, Protected, text};
use vitne_eventlog::Unit;

use super::ceremonies::{LINK_LIFE, mask_email};
use super::{Caller, Done, Refusal, ServiceError, Services};

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The address as typed.
    pub email: String,
    /// The password as typed.
    pub password: Protected,
    /// The name to be called by.
    pub display_name: String,
    /// The language of texts and mail.
    pub language: Language,
}

/// What a link did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkOutcome {
    /// The address is proved; one can sign in with it.
    EmailVerified,
    /// The account's address is now this one.
    EmailChanged,
    /// The link counts as evidence in its ceremony, which goes on where it was begun.
    EvidenceAccepted,
}

impl Services {
    /// Registers. The answer is the same whether or not the address has an account: whoever owns the
    /// address learns the rest by mail.
    pub async fn register(&self, caller: &Caller, input: Registration) -> Result<Done<()>, ServiceError> {
        let claim = self.email_claim(&input.email)?;
        text::display_name(&input.display_name).map_err(|error| invalid("displayName", "TEXT_INVALID", &error))?;
        let about = [input.email.as_str(), input.display_name.as_str()];
        password::check(input.password.expose(), PasswordUse::Alone, &about)
            .map_err(|error| invalid("password", "PASSWORD_UNACCEPTABLE", &error))?;
        let request = [input.email.as_str(), input.password.expose(), input.display_name.as_str()];
        let key = self.idempotency(caller, &format!("register:{claim}"), "register", &request)?;
        if let Some(first) = self.answered(key.as_ref()).await? {
            return Ok(first);
        }
        let at = self.now();
        let hash = self.hash_password(input.password.clone()).await?;
        let account = self.0.entropy.with(|rng| AccountId::new(at, rng));
        let context = self.context(caller, Some(account), Actor::Anonymous, at);
        let services = self.clone();
        self.transact(context, key, move |unit| {
            let (services, claim, input, hash) = (services.clone(), claim.clone(), input.clone(), hash.clone());
            Box::pin(async move {
                match unit.load::<Claim>(&claim).await?.holder() {
                    Some(holder) if holder.proved => {
                        about_somebody_else(unit.context_mut(), holder.owner);
                        unit.execute::<Account>(holder.owner, AccountCommand::NoteRegistrationAttempt).await?;
                        return Ok(());
                    }
                    _ => {
                        unit.execute::<Claim>(&claim, ClaimCommand::Take { kind: ClaimKind::Email, owner: account })
                            .await?
                    }
                }
                let register = AccountCommand::Register {
                    email: input.email.clone(),
                    display_name: input.display_name,
                    language: input.language,
                    password_hash: hash,
                    at,
                };
                unit.execute::<Account>(account, register).await?;
                services.send_verification(unit, account, &input.email, at).await
            })
        })
        .await
    }

    /// Starts a ceremony that proves an address, and asks for its link.
    pub(super) async fn send_verification(
        &self,
        unit: &mut Unit,
        account: AccountId,
        email: &str,
        at: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let token = self.0.entropy.with(|rng| CeremonyToken::new(CeremonyId::new(at, rng), rng));
        let start = StartCeremony {
            purpose: Purpose::VerifyEmail,
            account: Some(account),
            guard: account,
            requirement: requirement(Purpose::VerifyEmail, &AccountFacts::default(), None, at),
            secret: token.secret_hash(),
            session: None,
            contact: Some(email.to_owned()),
            expires_at: at + LINK_LIFE,
            at,
        };
        let before = unit.context_mut().ceremony.replace(token.id());
        unit.execute::<Ceremony>(token.id(), CeremonyCommand::Start(Box::new(start))).await?;
        self.request_link(unit, token.id(), Some(mask_email(email)), at).await?;
        unit.context_mut().ceremony = before;
        Ok(())
    }

    /// Follows a link that proves an address. A link that is evidence in a ceremony counts only together
    /// with that ceremony's token, see [`Services::follow_link_within`].
    pub async fn follow_link(&self, caller: &Caller, link: &str) -> Result<Done<LinkOutcome>, ServiceError> {
        let link: LinkToken = link.parse().map_err(|_| Refusal::BadHandle)?;
        let ceremony = self.log().load::<Ceremony>(link.id()).await?.aggregate;
        match ceremony.purpose() {
            None => Err(Refusal::BadHandle.into()),
            Some(Purpose::VerifyEmail) => self.answer_link(caller, &link, &ceremony).await,
            Some(_) => Err(Refusal::WrongState {
                code: "OPEN_WHERE_BEGUN",
                message: "give this link where you began: it counts only together with the ceremony's token".to_owned(),
            }
            .into()),
        }
    }

    /// Follows a link within the ceremony that it was sent for, whose token the caller shows. Without the
    /// token it counts for nothing: a stranger can have a reset link sent to anybody, and whoever clicked
    /// on it would hand their account over.
    pub async fn follow_link_within(
        &self,
        caller: &Caller,
        token: &str,
        link: &str,
    ) -> Result<Done<LinkOutcome>, ServiceError> {
        let link: LinkToken = link.parse().map_err(|_| Refusal::BadHandle)?;
        let (id, ceremony) = self.held(token).await?;
        if id != link.id() {
            return Err(Refusal::BadHandle.into());
        }
        self.answer_link(caller, &link, &ceremony).await
    }

    async fn answer_link(
        &self,
        caller: &Caller,
        link: &LinkToken,
        ceremony: &Ceremony,
    ) -> Result<Done<LinkOutcome>, ServiceError> {
        let (id, answer) = (link.id(), link.secret_hash());
        let at = self.now();
        if ceremony.phase() == Phase::Absent {
            return Err(Refusal::BadHandle.into());
        }
        let began = begun_at(id);
        let context = self.ceremony_context(caller, id, ceremony, at);
        let services = self.clone();
        let done = self
            .transact(context, None, move |unit| {
                let services = services.clone();
                Box::pin(async move {
                    let before = unit.load::<Ceremony>(id).await?;
                    if let (None, Some(owner)) = (before.contact(), before.account()) {
                        // A link that was sent to an address which the account has given up since proves
                        // nothing about its owner. The account is a condition of the commit.
                        unit.load::<Account>(owner).await?;
                        if services.log().has_event("account", owner, "EmailChanged", began).await? {
                            return Err(Refusal::BadHandle.into());
                        }
                    }
                    let given =
                        AnswerChallenge { method: Method::EmailLink, answer, device_trusted: false, opens: None, at };
                    unit.execute::<Ceremony>(id, CeremonyCommand::AnswerChallenge(given)).await?;
                    let ceremony = unit.load::<Ceremony>(id).await?;
                    let accepted = ceremony.proofs().iter().any(|proof| proof.method == Method::EmailLink);
                    match (accepted, ceremony.purpose(), ceremony.account()) {
                        (false, ..) => Ok(None),
                        (true, Some(Purpose::VerifyEmail), Some(account)) => services
                            .email_proved(unit, id, account, ceremony.contact().unwrap_or_default(), at)
                            .await
                            .map(Some),
                        (true, ..) => Ok(Some(LinkOutcome::EvidenceAccepted)),
                    }
                })
            })
            .await?;
        match done.value {
            Some(value) => Ok(Done { value, position: done.position }),
            None => Err(Refusal::BadHandle.into()),
        }
    }

    async fn email_proved(
        &self,
        unit: &mut Unit,
        ceremony: CeremonyId,
        owner: AccountId,
        email: &str,
        at: DateTime<Utc>,
    ) -> Result<LinkOutcome, ServiceError> {
        unit.execute::<Ceremony>(ceremony, CeremonyCommand::Spend { at }).await?;
        let account = unit.load::<Account>(owner).await?;
        let (claim, current) = (self.email_claim(email)?, self.email_claim(account.email())?);
        if claim == current {
            unit.execute::<Claim>(&claim, ClaimCommand::Prove { owner }).await?;
            unit.execute::<Account>(owner, AccountCommand::VerifyEmail { email: email.to_owned() }).await?;
            return Ok(LinkOutcome::EmailVerified);
        }
        unit.execute::<Claim>(&claim, ClaimCommand::Take { kind: ClaimKind::Email, owner }).await?;
        unit.execute::<Claim>(&claim, ClaimCommand::Prove { owner }).await?;
        unit.execute::<Claim>(&current, ClaimCommand::Release { owner, cause: ReleaseCause::Changed }).await?;
        unit.execute::<Account>(owner, AccountCommand::ChangeEmail { email: email.to_owned() }).await?;
        Ok(LinkOutcome::EmailChanged)
    }
}

/// When a ceremony was begun, to the millisecond, as its identifier says.
fn begun_at(id: CeremonyId) -> DateTime<Utc> {
    let unix = id.0.get_timestamp().map(|stamp| stamp.to_unix());
    unix.and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos))
        .unwrap_or(DateTime::UNIX_EPOCH)
}

/// What is written about the owner of an address must not carry where somebody else was.
pub(super) fn about_somebody_else(context: &mut EventContext, owner: AccountId) {
    context.subject = Some(owner);
    context.actor = Actor::Anonymous;
    (context.session, context.device) = (None, None);
    context.network = NetworkContext::default();
}

pub(super) fn invalid(field: &'static str, code: &'static str, error: &impl ToString) -> ServiceError {
    Refusal::Invalid { field, code, message: error.to_string() }.into()
}
