//! What goes wrong: attackers, lost phones, forgotten passwords, and what people do about it.

use vitne_domain::Protected;
use vitne_domain::id::DeviceId;
use vitne_domain::policy::Purpose;

use super::SimulationError;
use super::acts::Second;
use super::browser::Browser;
use super::person::{Person, Worry};
use crate::service::{Authority, Proof, ProofOutcome};

/// Guesses before an attacker tries elsewhere.
const GUESSES: (u64, u64) = (4, 14);

impl Person {
    /// A stranger guesses the password. Somebody who has it from elsewhere guesses right.
    pub(crate) async fn attacked(&mut self, knows_password: bool) -> Result<(), SimulationError> {
        let guesses = self.dice.between(GUESSES.0, GUESSES.1);
        let mut begun: Option<crate::service::Begun> = None;
        for number in 0..guesses {
            let caller = self.strange_caller();
            let current = match begun.take() {
                Some(current) => current,
                None => {
                    let email = self.identity.email.clone();
                    let answer = self.services.begin(&caller, Purpose::SignIn, &email).await;
                    let Some(fresh) = self.settled(answer)? else { continue };
                    fresh.value
                }
            };
            self.wait(1, 8);
            let right = knows_password && number + 1 == guesses;
            let typed = match right {
                true => self.identity.password.clone(),
                false => format!("{}{}", self.identity.display_name, self.dice.between(1950, 2010)),
            };
            let outcome = self.give(&caller, &current.token, Proof::Password(Protected::new(typed)), false).await?;
            let got_in = matches!(&outcome, Some(ProofOutcome::Accepted { session: Some(_), .. }));
            self.worry = Some(Worry { ceremony: current.id, got_in });
            if got_in {
                break;
            }
            if matches!(&outcome, Some(ProofOutcome::Rejected { ceremony, .. }) if ceremony.attempts_left > 0) {
                begun = Some(current);
            }
        }
        Ok(())
    }

    /// The person finds an attack in their activity and says that it was not them.
    pub(crate) async fn report_not_me(&mut self, browser: usize) -> Result<(), SimulationError> {
        let Some(worry) = self.worry.take() else { return Ok(()) };
        let Some(viewer) = self.viewer(browser).await? else { return Ok(()) };
        let caller = self.caller(browser);
        let answer = self.services.report_not_me(&caller, &viewer, worry.ceremony.0).await;
        self.settled(answer)?;
        if worry.got_in {
            self.wait(20, 120);
            self.change_password(browser).await?;
        }
        Ok(())
    }

    /// Changes the password, ending all other sessions.
    pub(super) async fn change_password(&mut self, browser: usize) -> Result<(), SimulationError> {
        let Some(viewer) = self.viewer(browser).await? else { return Ok(()) };
        if !self.step_up(browser, &viewer, Purpose::Settings).await? {
            return Ok(());
        }
        self.wait(10, 60);
        let caller = self.caller(browser);
        let new = self.think_of_password();
        let answer = self.services.change_password(&caller, &viewer, new.clone(), true).await;
        if self.settled(answer)?.is_some() {
            new.expose().clone_into(&mut self.identity.password);
        }
        Ok(())
    }

    /// A forgotten password: the link by mail, the app's code where there is one, and a new password.
    pub(super) async fn reset_password(&mut self, browser: usize) -> Result<(), SimulationError> {
        let caller = self.caller(browser);
        let email = self.identity.email.clone();
        let answer = self.services.begin(&caller, Purpose::PasswordReset, &email).await;
        let Some(begun) = self.settled(answer)?.map(|done| done.value) else { return Ok(()) };
        self.wait(30, 1800);
        self.follow_reset_link(&begun).await?;
        self.wait(10, 60);
        if let Some(proof) = self.second(Second::App) {
            self.give(&caller, &begun.token, proof, false).await?;
            self.wait(10, 60);
        }
        let caller = self.caller(browser);
        let new = self.think_of_password();
        let answer = self.services.reset_password(&caller, begun.token.expose(), new.clone()).await;
        if self.settled(answer)?.is_some() {
            new.expose().clone_into(&mut self.identity.password);
        }
        self.wait(5, 60);
        self.sign_in(browser, false).await?;
        Ok(())
    }

    /// The phone is gone: in with a recovery code, the phone reported lost, the app replaced, and new
    /// recovery codes where few are left.
    pub(crate) async fn lose_phone(&mut self) -> Result<(), SimulationError> {
        let (Some(computer), Some(phone)) = (self.browser(false), self.browser(true)) else { return Ok(()) };
        let Some(lost) = self.apps.last().map(|app| app.credential) else { return Ok(()) };
        if self.codes.len() < 2 {
            return Ok(());
        }
        if let Some(browser) = self.browsers.get_mut(computer) {
            browser.session = None;
        }
        let Some(account) = self.account else { return Ok(()) };
        if self.sign_in_with(computer, Second::Code, false).await?.is_none() {
            return Ok(());
        }
        self.wait(20, 120);
        let cookie = self.browsers.get(phone).map(|browser| browser.cookie);
        if let (Some(viewer), Some(cookie)) = (self.viewer(computer).await?, cookie) {
            let device = DeviceId::derive(cookie, account);
            let answer = self.services.preview_loss(&viewer, device).await;
            let known = self.settled(answer)?.is_some();
            self.wait(5, 40);
            if known && self.step_up_by_code(computer, &viewer).await? {
                let caller = self.caller(computer);
                let answer = self.services.report_device_lost(&caller, &viewer, device).await;
                self.settled(answer)?;
            }
        }
        let new = Browser::phone(&mut self.dice);
        if let Some(browser) = self.browsers.get_mut(phone) {
            *browser = new;
        }
        self.wait(3600, 2 * 3600);
        self.replace_app(computer, lost).await
    }

    /// Raises the session with the password and a recovery code, as somebody does who has no app at hand.
    async fn step_up_by_code(
        &mut self,
        browser: usize,
        viewer: &crate::service::Viewer,
    ) -> Result<bool, SimulationError> {
        let apps = std::mem::take(&mut self.apps);
        let raised = match self.codes.len() {
            // One is kept for the replacement.
            0 | 1 => Ok(true),
            _ => self.step_up(browser, viewer, Purpose::Settings).await,
        };
        self.apps = apps;
        raised
    }

    async fn replace_app(
        &mut self,
        browser: usize,
        lost: vitne_domain::id::CredentialId,
    ) -> Result<(), SimulationError> {
        let caller = self.caller(browser);
        let email = self.identity.email.clone();
        let answer = self.services.begin(&caller, Purpose::ReplaceFactor, &email).await;
        let Some(begun) = self.settled(answer)?.map(|done| done.value) else { return Ok(()) };
        self.wait(5, 20);
        let password = Proof::Password(Protected::new(self.identity.password.clone()));
        self.give(&caller, &begun.token, password, false).await?;
        self.wait(5, 30);
        let Some(code) = self.second(Second::Code) else { return Ok(()) };
        self.give(&caller, &begun.token, code, false).await?;
        self.wait(10, 60);
        let authority = Authority::Replacement(begun.token.expose().to_owned());
        self.enrol_under(browser, &authority, "My new phone", None, Some(lost)).await?;
        self.wait(30, 90);
        if self.sign_in(browser, false).await? && self.codes.len() < 5 {
            self.renew_codes(browser).await?;
        }
        Ok(())
    }

    /// Prints new recovery codes.
    pub(super) async fn renew_codes(&mut self, browser: usize) -> Result<(), SimulationError> {
        let Some(viewer) = self.viewer(browser).await? else { return Ok(()) };
        if self.apps.is_empty() || !self.step_up(browser, &viewer, Purpose::Settings).await? {
            return Ok(());
        }
        let caller = self.caller(browser);
        let answer = self.services.new_recovery_codes(&caller, &viewer).await;
        if let Some(codes) = self.settled(answer)? {
            self.codes = codes.value.into_iter().rev().map(|shown| shown.code).collect();
        }
        Ok(())
    }
}
