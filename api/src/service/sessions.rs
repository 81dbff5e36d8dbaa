//! Ending sessions.

use vitne_domain::id::SessionId;
use vitne_domain::session::{Session, SessionCommand, SessionEndCause};

use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

impl Services {
    /// Ends the viewer's own session.
    pub async fn sign_out(&self, caller: &Caller, viewer: &Viewer) -> Result<Done<()>, ServiceError> {
        self.end(caller, viewer, viewer.session(), SessionEndCause::SignedOut).await
    }

    /// Ends another session of the viewer's.
    pub async fn end_session(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        session: SessionId,
    ) -> Result<Done<()>, ServiceError> {
        let cause = match session == viewer.session() {
            true => SessionEndCause::SignedOut,
            false => SessionEndCause::EndedByUser,
        };
        self.end(caller, viewer, session, cause).await
    }

    async fn end(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        session: SessionId,
        cause: SessionEndCause,
    ) -> Result<Done<()>, ServiceError> {
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer) = (services.clone(), viewer.clone());
            Box::pin(async move {
                services.demand_session(unit, &viewer, at).await?;
                if unit.load::<Session>(session).await?.account() != Some(viewer.account()) {
                    return Err(Refusal::NotFound("session").into());
                }
                Ok(unit.execute::<Session>(session, SessionCommand::End { cause }).await?)
            })
        })
        .await
    }

    /// Ends every session of the viewer's but this one; tells which.
    pub async fn end_other_sessions(
        &self,
        caller: &Caller,
        viewer: &Viewer,
    ) -> Result<Done<Vec<SessionId>>, ServiceError> {
        let at = self.now();
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer) = (services.clone(), viewer.clone());
            Box::pin(async move {
                services.demand_session(unit, &viewer, at).await?;
                // A condition of the commit: a session opened meanwhile has written to the account.
                let account = unit.load(viewer.account()).await?;
                let facts = services.cascade_facts(viewer.account(), &account, at).await?;
                let others =
                    facts.sessions.iter().map(|known| known.session).filter(|known| *known != viewer.session());
                let others: Vec<SessionId> = others.collect();
                for session in &others {
                    let command = SessionCommand::End { cause: SessionEndCause::EndedByUser };
                    unit.execute::<Session>(*session, command).await?;
                }
                Ok(others)
            })
        })
        .await
    }
}
