//! "This wasn't me": an event, a cascade, and a review that begins.

use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::account::{Account, AccountCommand, AccountEvent, ReportedEntry};
use vitne_domain::ceremony::{Ceremony, CeremonyCommand};
use vitne_domain::policy::Purpose;
use vitne_domain::policy::cascade::{Effect, NotMe, Trigger};
use vitne_eventlog::{Body, Recorded};

use super::{Caller, Done, Refusal, ServiceError, Services, Viewer};

impl Services {
    /// Reports an entry of the viewer's own log as not theirs. What it points at is looked up in the
    /// log, never taken from the caller.
    pub async fn report_not_me(
        &self,
        caller: &Caller,
        viewer: &Viewer,
        entry: Uuid,
    ) -> Result<Done<Vec<Effect>>, ServiceError> {
        let at = self.now();
        let events = self.log().read_entry(viewer.account(), entry).await?;
        let Some(first) = events.first() else { return Err(Refusal::NotFound("entry").into()) };
        let reported = match first.header.ceremony {
            Some(ceremony) => ReportedEntry::Ceremony(ceremony),
            None => ReportedEntry::Request(first.header.correlation),
        };
        let meant = meant(&events, viewer);
        // An authenticator that is older than any open session is not an intruder's of just now: whoever
        // finds an open browser must not be able to take its owner's away.
        let settled = meant.added.is_some() && first.header.occurred_at < at - self.0.settings.sessions.absolute;
        let (services, viewer) = (self.clone(), viewer.clone());
        self.transact(self.viewer_context(caller, &viewer, at), None, move |unit| {
            let (services, viewer, meant) = (services.clone(), viewer.clone(), meant.clone());
            Box::pin(async move {
                match settled {
                    true => drop(services.demand(unit, &viewer, Purpose::Settings, at).await?),
                    false => drop(services.demand_session(unit, &viewer, at).await?),
                }
                unit.execute::<Account>(viewer.account(), AccountCommand::ReportNotMe { entry: reported }).await?;
                if let Some(ceremony) = meant.ceremony {
                    unit.execute::<Ceremony>(ceremony, CeremonyCommand::Report).await?;
                }
                services.carry_out(unit, viewer.account(), &Trigger::NotMe(meant), at).await
            })
        })
        .await
    }
}

/// What the entry was, from the subject's own events.
fn meant(events: &[Recorded], viewer: &Viewer) -> NotMe {
    // An authenticator enrolled within the reported entry is what an intruder would leave behind.
    let added = events.iter().find_map(|event| match &event.body {
        Body::Event(AnyEvent::Account(AccountEvent::AuthenticatorEnrolled { credential, .. })) => Some(*credential),
        _ => None,
    });
    NotMe {
        ceremony: events.iter().find_map(|event| event.header.ceremony),
        session: events.iter().rev().find_map(|event| event.header.session),
        device: events.iter().rev().find_map(|event| event.header.device),
        added,
        reporter: Some(viewer.session()),
    }
}
