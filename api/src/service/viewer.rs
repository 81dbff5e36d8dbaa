//! The authority of somebody who is signed in. It can only be had from a live session's token.

use chrono::{DateTime, Utc};
use vitne_domain::account::Account;
use vitne_domain::id::{AccountId, DeviceId, SessionId};
use vitne_domain::policy::{AccountFacts, Method, Purpose, requirement};
use vitne_domain::session::{Session, SessionCommand};
use vitne_domain::token::SessionToken;
use vitne_domain::{Actor, EventContext};
use vitne_eventlog::Unit;

use super::{Caller, Refusal, ServiceError, Services};

/// Somebody who is signed in. Being handed one is being allowed to act on this account, and no other.
#[derive(Clone, Debug)]
pub struct Viewer {
    account: AccountId,
    session: SessionId,
    device: Option<DeviceId>,
}

impl Viewer {
    /// Whose account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Their session.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The device the session was opened on.
    pub const fn device(&self) -> Option<DeviceId> {
        self.device
    }
}

impl Services {
    /// Checks a session token on its stream: one index scan, at every request, on every node. `None`
    /// for every token that opens nothing, whatever the reason.
    pub async fn authenticate(&self, token: &str, caller: &Caller) -> Result<Option<Viewer>, ServiceError> {
        let Ok(token) = token.parse::<SessionToken>() else { return Ok(None) };
        let at = self.now();
        let loaded = self.log().load::<Session>(token.id()).await?;
        let Ok(view) = loaded.aggregate.check(&token.secret_hash(), at) else { return Ok(None) };
        let viewer = Viewer { account: view.account, session: token.id(), device: view.device };
        let due = loaded.aggregate.decide(&SessionCommand::Use { at }).is_ok_and(|events| !events.is_empty());
        if due {
            self.mark_used(&viewer, caller, at).await?;
        }
        Ok(Some(viewer))
    }

    /// Whether the viewer's session is still alive. Unlike [`Services::authenticate`] it is no use of the
    /// session, and does not keep it from idling out.
    pub async fn is_alive(&self, viewer: &Viewer) -> Result<bool, ServiceError> {
        let session = self.log().load::<Session>(viewer.session).await?.aggregate;
        Ok(session.refusal(self.now()).is_none())
    }

    /// Keeps the session from idling out. A conflict means that another request did it, or that the
    /// session has just ended; both are found out by the next check.
    async fn mark_used(&self, viewer: &Viewer, caller: &Caller, at: DateTime<Utc>) -> Result<(), ServiceError> {
        let session = viewer.session;
        let mut unit = self.log().unit(self.viewer_context(caller, viewer, at));
        match unit.execute::<Session>(session, SessionCommand::Use { at }).await.map_err(ServiceError::from) {
            Err(ServiceError::Refused(_)) => return Ok(()),
            other => other?,
        }
        match unit.commit().await {
            Ok(_) | Err(vitne_eventlog::AppendError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn viewer_context(&self, caller: &Caller, viewer: &Viewer, at: DateTime<Utc>) -> EventContext {
        let mut context = self.context(caller, Some(viewer.account), Actor::User, at);
        context.session = Some(viewer.session);
        context.device = viewer.device;
        context
    }

    /// Refuses unless the viewer's session, as it stands in this unit of work, carries what `purpose`
    /// asks of this account. Also makes the session a condition of the commit: it may not end between
    /// the check and the act.
    pub(super) async fn demand(
        &self,
        unit: &mut Unit,
        viewer: &Viewer,
        purpose: Purpose,
        at: DateTime<Utc>,
    ) -> Result<Account, ServiceError> {
        let session = self.demand_session(unit, viewer, at).await?;
        let account = unit.load::<Account>(viewer.account).await?;
        let requirement = requirement(purpose, &facts(&account), None, at);
        let outcome = session.outcome(&requirement, at);
        if outcome.satisfied || session.elevated_for(&requirement, at) {
            return Ok(account);
        }
        Err(Refusal::InsufficientAssurance { purpose, next: outcome.next }.into())
    }

    /// Refuses unless the viewer's session is alive in this unit of work.
    pub(super) async fn demand_session(
        &self,
        unit: &mut Unit,
        viewer: &Viewer,
        at: DateTime<Utc>,
    ) -> Result<Session, ServiceError> {
        let session = unit.load::<Session>(viewer.session).await?;
        match session.refusal(at) {
            None => Ok(session),
            Some(_) => Err(Refusal::NotSignedIn.into()),
        }
    }
}

/// What policy needs to know of an account. An account that is not there looks like a plain one.
pub(super) fn facts(account: &Account) -> AccountFacts {
    if !account.is_registered() || account.erased() {
        return AccountFacts::default();
    }
    AccountFacts {
        password_set: account.password_hash().is_some(),
        email_verified: account.email_verified(),
        two_step: account.two_step(),
        second_factors: account.second_factors(),
    }
}

/// The method of the first factor that opened or raised this session, for rules that ask for a
/// password sign-in.
pub(super) fn first_factor(session: &Session, at: DateTime<Utc>) -> Method {
    let given = session.given_proofs(at);
    let password = given.iter().find(|proof| proof.method == Method::Password);
    password.or(given.first()).map_or(Method::EmailLink, |proof| proof.method)
}
