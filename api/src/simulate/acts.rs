//! What a person does in ordinary life: registering, signing in, raising a session, enrolling.

use chrono::Duration;
use vitne_domain::Protected;
use vitne_domain::account::totp;
use vitne_domain::ceremony::CeremonyView;
use vitne_domain::claim::{Claim, ClaimKind, claim_id, normalise_email};
use vitne_domain::id::{AccountId, CeremonyId, CredentialId, DeviceId};
use vitne_domain::policy::{Method, Purpose};

use super::SimulationError;
use super::person::{App, Person};
use crate::service::{Authority, Begun, Caller, EnrolmentInput, Proof, ProofInput, ProofOutcome, Registration, Viewer};

/// With what the second step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// The authenticator app.
    App,
    /// A saved recovery code.
    Code,
}

impl Person {
    /// Registers, follows the link that comes by mail, and signs in for the first time; with two-step
    /// verification for those who want it.
    pub(crate) async fn join(&mut self) -> Result<(), SimulationError> {
        let caller = self.caller(0);
        let input = Registration {
            email: self.identity.email.clone(),
            password: Protected::new(self.identity.password.clone()),
            display_name: self.identity.display_name.clone(),
            language: self.identity.language,
        };
        let answer = self.services.register(&caller, input).await;
        self.settled(answer)?;
        let email = normalise_email(&self.identity.email).map_err(|error| SimulationError::Story(error.to_string()))?;
        let claim = claim_id(self.services.keys().identifier(), ClaimKind::Email, &email);
        let holder = self.services.log().load::<Claim>(&claim).await.map_err(crate::service::ServiceError::from)?;
        let Some(owner) = holder.aggregate.holder().filter(|holder| !holder.proved).map(|holder| holder.owner) else {
            return Err(SimulationError::Story(format!(
                "{} is registered already: simulate into another database, or with another seed",
                self.identity.email
            )));
        };
        self.account = Some(owner);
        self.follow_mail(owner, 60, 900).await?;
        self.wait(5, 60);
        self.sign_in(0, false).await?;
        if self.identity.two_step {
            self.wait(10, 90);
            self.enrol(0, "My phone", None).await?;
        }
        Ok(())
    }

    /// Follows the link that was mailed last. It is made as the notices follower makes it: from the
    /// ceremony and the services' keys.
    pub(super) async fn follow_mail(&mut self, account: AccountId, low: u64, high: u64) -> Result<(), SimulationError> {
        let since = self.now() - Duration::minutes(5);
        let ceremonies = self.services.log().streams_of(account, "ceremony", Some(since)).await;
        let ceremonies = ceremonies.map_err(crate::service::ServiceError::from)?;
        let Some(ceremony) = ceremonies.last().and_then(|id| id.parse::<CeremonyId>().ok()) else { return Ok(()) };
        self.wait(low, high);
        self.follow_link(ceremony).await
    }

    /// Follows the link of a ceremony.
    pub(super) async fn follow_link(&mut self, ceremony: CeremonyId) -> Result<(), SimulationError> {
        let link = super::link(self.services.keys(), ceremony);
        let caller = self.caller(0);
        let answer = self.services.follow_link(&caller, link.expose()).await;
        self.settled(answer)?;
        Ok(())
    }

    /// Follows the link of a reset, where it was begun.
    pub(super) async fn follow_reset_link(&mut self, begun: &Begun) -> Result<(), SimulationError> {
        let link = super::link(self.services.keys(), begun.id);
        let caller = self.caller(0);
        let answer = self.services.follow_link_within(&caller, begun.token.expose(), link.expose()).await;
        self.settled(answer)?;
        Ok(())
    }

    /// Signs in with slips now and then: a mistyped address, a mistyped password or code, a page that
    /// is closed half-way. Tells whether a session is open.
    pub(crate) async fn sign_in(&mut self, browser: usize, slips: bool) -> Result<bool, SimulationError> {
        if slips && self.dice.chance(10) {
            let caller = self.caller(browser);
            let email = format!("x{}", self.identity.email);
            let answer = self.services.begin(&caller, Purpose::SignIn, &email).await;
            if let Some(begun) = self.settled(answer)? {
                self.wait(5, 20);
                let typed = Proof::Password(Protected::new(self.identity.password.clone()));
                self.give(&caller, &begun.value.token, typed, false).await?;
                self.wait(5, 20);
            }
        }
        self.sign_in_with(browser, Second::App, slips).await.map(|opened| opened.is_some())
    }

    /// Signs in, the second step with `second`; tells the ceremony if a session is open afterwards.
    pub(super) async fn sign_in_with(
        &mut self,
        browser: usize,
        second: Second,
        slips: bool,
    ) -> Result<Option<CeremonyId>, SimulationError> {
        let caller = self.caller(browser);
        let email = self.identity.email.clone();
        let answer = self.services.begin(&caller, Purpose::SignIn, &email).await;
        let Some(begun) = self.settled(answer)?.map(|done| done.value) else { return Ok(None) };
        self.wait(3, 20);
        if slips && self.dice.chance(15) {
            // Closed half-way: some pages tell, most ceremonies just run out of time.
            if self.dice.chance(400) {
                let answer = self.services.abandon(&caller, begun.token.expose()).await;
                self.settled(answer)?;
            }
            return Ok(None);
        }
        while slips && self.dice.chance(60) {
            let typo = format!("{}{}", self.identity.password, self.dice.between(0, 9));
            self.give(&caller, &begun.token, Proof::Password(Protected::new(typo)), false).await?;
            self.wait(4, 15);
        }
        let remember = self.dice.chance(800);
        let password = Protected::new(self.identity.password.clone());
        let mut outcome = self.give(&caller, &begun.token, Proof::Password(password), remember).await?;
        if matches!(&outcome, Some(ProofOutcome::Accepted { session: None, .. })) {
            self.wait(5, 25);
            while slips && second == Second::App && self.dice.chance(40) {
                let wrong = format!("{:06}", self.dice.between(0, 999_999));
                self.give(&caller, &begun.token, Proof::Totp(Protected::new(wrong)), false).await?;
                self.wait(4, 15);
            }
            let Some(proof) = self.second(second) else { return Ok(None) };
            outcome = self.give(&caller, &begun.token, proof, remember).await?;
        }
        let Some(ProofOutcome::Accepted { session: Some(opened), .. }) = outcome else { return Ok(None) };
        if let Some(browser) = self.browsers.get_mut(browser) {
            browser.session = Some(opened.token);
        }
        Ok(Some(begun.id))
    }

    /// The second proof, if the person has one.
    pub(super) fn second(&mut self, second: Second) -> Option<Proof> {
        match second {
            Second::App => self.code().map(Proof::Totp),
            Second::Code => self.codes.pop().map(Proof::RecoveryCode),
        }
    }

    /// Gives a proof to a ceremony.
    pub(super) async fn give(
        &mut self,
        caller: &Caller,
        token: &Protected,
        proof: Proof,
        remember_device: bool,
    ) -> Result<Option<ProofOutcome>, SimulationError> {
        let input = ProofInput { token: token.expose().to_owned(), proof, remember_device };
        let answer = self.services.submit(caller, input).await;
        Ok(self.settled(answer)?.map(|done| done.value))
    }

    /// Raises the session for a purpose, with whatever it asks for.
    pub(super) async fn step_up(
        &mut self,
        browser: usize,
        viewer: &Viewer,
        purpose: Purpose,
    ) -> Result<bool, SimulationError> {
        let caller = self.caller(browser);
        let answer = self.services.begin_step_up(&caller, viewer, purpose).await;
        let Some(begun) = self.settled(answer)?.map(|done| done.value) else { return Ok(false) };
        let mut ceremony: CeremonyView = begun.ceremony;
        for _ in 0..2 {
            self.wait(3, 15);
            let proof = match ceremony.next.as_slice() {
                [] => break,
                next if next.contains(&Method::Password) => {
                    Some(Proof::Password(Protected::new(self.identity.password.clone())))
                }
                next if next.contains(&Method::Totp) && !self.apps.is_empty() => self.second(Second::App),
                next if next.contains(&Method::RecoveryCode) => self.second(Second::Code),
                _ => None,
            };
            let Some(proof) = proof else { return Ok(false) };
            match self.give(&caller, &begun.token, proof, false).await? {
                Some(ProofOutcome::Accepted { ceremony: after, .. }) => ceremony = *after,
                _ => return Ok(false),
            }
        }
        Ok(ceremony.next.is_empty())
    }

    /// Enrols an authenticator app in an open session, giving a code of the old one where there is one.
    pub(super) async fn enrol(
        &mut self,
        browser: usize,
        label: &str,
        carried_by: Option<DeviceId>,
    ) -> Result<(), SimulationError> {
        let Some(viewer) = self.viewer(browser).await? else { return Ok(()) };
        if !self.step_up(browser, &viewer, Purpose::Settings).await? {
            return Ok(());
        }
        self.enrol_under(browser, &Authority::Viewer(viewer), label, carried_by, None).await
    }

    /// Enrols an authenticator app under the given authority.
    pub(super) async fn enrol_under(
        &mut self,
        browser: usize,
        authority: &Authority,
        label: &str,
        carried_by: Option<DeviceId>,
        replaces: Option<CredentialId>,
    ) -> Result<(), SimulationError> {
        let caller = self.caller(browser);
        let input = EnrolmentInput { label: label.to_owned(), carried_by: carried_by.or(self.phone()), replaces };
        let answer = self.services.start_enrolment(&caller, authority, input).await;
        let Some(started) = self.settled(answer)?.map(|done| done.value) else { return Ok(()) };
        self.wait(15, 60);
        let existing = match (replaces, self.apps.last().map(|app| app.credential)) {
            (None, Some(credential)) => self.code().map(|code| (credential, code)),
            _ => None,
        };
        let at = self.now();
        let Some(code) = totp::code_at(&started.secret, at) else { return Ok(()) };
        let answer = self
            .services
            .confirm_enrolment(&caller, authority, started.credential, Protected::new(code), existing)
            .await;
        let Some(enrolled) = self.settled(answer)?.map(|done| done.value) else { return Ok(()) };
        self.apps.retain(|app| Some(app.credential) != replaces);
        self.apps.push(App { credential: started.credential, secret: started.secret, step: totp::step_at(at) });
        if !enrolled.recovery_codes.is_empty() {
            self.codes = enrolled.recovery_codes.into_iter().rev().map(|shown| shown.code).collect();
        }
        Ok(())
    }

    /// The phone that carries the person's apps, as their account knows it.
    pub(super) fn phone(&self) -> Option<DeviceId> {
        let cookie = self.browsers.iter().find(|browser| browser.is_phone())?.cookie;
        self.account.map(|account| DeviceId::derive(cookie, account))
    }

    /// The number of a browser of the wanted sort.
    pub(super) fn browser(&self, phone: bool) -> Option<usize> {
        self.browsers.iter().position(|browser| browser.is_phone() == phone)
    }
}
