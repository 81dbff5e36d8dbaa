//! A day in a simulated person's life.

use chrono::{DateTime, Datelike, Duration, Utc, Weekday};
use vitne_domain::policy::Purpose;

use super::SimulationError;
use super::person::Person;
use crate::service::ProfileChange;

/// Something that a person means to do, or that happens to them.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Visit { browser: usize, uses: u64 },
    Leave { browser: usize },
    Attack { knows_password: bool },
    LosePhone,
    ForgetPassword,
    Pay,
    Settings,
}

impl Person {
    /// Lives through the day that begins at `midnight`, the `number`th of the simulation.
    pub(super) async fn live(&mut self, number: u32, midnight: DateTime<Utc>) -> Result<(), SimulationError> {
        if number < self.begins_on {
            return Ok(());
        }
        if number == self.begins_on {
            let rises = self.rises;
            self.until(midnight + seconds(rises));
            self.wait(0, 3600);
            return self.join().await;
        }
        for (at, deed) in self.plan(midnight.weekday()) {
            self.until(midnight + seconds(at));
            self.carry_out(deed).await?;
        }
        Ok(())
    }

    /// What the day will bring, in order.
    fn plan(&mut self, weekday: Weekday) -> Vec<(u64, Deed)> {
        let weekend = matches!(weekday, Weekday::Sat | Weekday::Sun);
        let mut plan = Vec::new();
        let rises = self.rises;
        let at = |person: &mut Self, low: u64, high: u64| rises + person.dice.between(low * 60, high * 60);
        let works = self.dice.chance(if weekend { 120 } else { 850 });
        if works {
            let uses = self.dice.between(1, 4);
            plan.push((at(self, 0, 40), Deed::Visit { browser: 0, uses }));
            if self.dice.chance(120) {
                plan.push((at(self, 60, 200), Deed::Pay));
            }
            if self.dice.chance(300) {
                let uses = self.dice.between(1, 3);
                plan.push((at(self, 220, 420), Deed::Visit { browser: 0, uses }));
            }
            if self.dice.chance(450) {
                plan.push((at(self, 440, 500), Deed::Leave { browser: 0 }));
            }
        }
        let last = u64::try_from(self.browsers.len()).unwrap_or(1).saturating_sub(1);
        if self.dice.chance(if weekend { 200 } else { 300 }) {
            let browser = usize::try_from(self.dice.between(1, last.max(1))).unwrap_or(1);
            plan.push((at(self, 600, 800), Deed::Visit { browser, uses: 1 }));
        }
        if self.dice.chance(20) {
            plan.push((at(self, 90, 400), Deed::Settings));
        }
        if self.dice.chance(8) {
            let knows_password = self.dice.chance(100);
            plan.push((at(self, 500, 900), Deed::Attack { knows_password }));
        }
        if self.dice.chance(3) {
            plan.push((at(self, 500, 640), Deed::LosePhone));
        }
        if self.dice.chance(4) {
            plan.push((at(self, 1, 30), Deed::ForgetPassword));
        }
        plan.sort_by_key(|(at, _)| *at);
        plan
    }

    async fn carry_out(&mut self, deed: Deed) -> Result<(), SimulationError> {
        match deed {
            Deed::Visit { browser, uses } => self.visit(browser, uses).await,
            Deed::Leave { browser } => self.leave(browser).await,
            Deed::Attack { knows_password } => self.attacked(knows_password).await,
            Deed::LosePhone => self.lose_phone().await,
            Deed::ForgetPassword => self.reset_password(0).await,
            Deed::Pay => self.pay().await,
            Deed::Settings => self.settings().await,
        }
    }

    /// Signs in where no session is open, and uses it for a while.
    pub(crate) async fn visit(&mut self, browser: usize, uses: u64) -> Result<(), SimulationError> {
        if self.viewer(browser).await?.is_none() {
            // Whoever fails tries once more.
            if !self.sign_in(browser, true).await? && !self.sign_in(browser, true).await? {
                return Ok(());
            }
        }
        for _ in 0..uses {
            self.wait(240, 1200);
            self.viewer(browser).await?;
        }
        if self.worry.is_some() && self.dice.chance(600) {
            self.report_not_me(browser).await?;
        }
        Ok(())
    }

    async fn leave(&mut self, browser: usize) -> Result<(), SimulationError> {
        let Some(viewer) = self.viewer(browser).await? else { return Ok(()) };
        let caller = self.caller(browser);
        let answer = match self.dice.chance(80) {
            true => self.services.end_other_sessions(&caller, &viewer).await.map(drop),
            false => self.services.sign_out(&caller, &viewer).await.map(drop),
        };
        self.settled(answer)?;
        Ok(())
    }

    /// Releases a payment: the app's code, within minutes.
    async fn pay(&mut self) -> Result<(), SimulationError> {
        if self.apps.is_empty() {
            return Ok(());
        }
        if self.viewer(0).await?.is_none() && !self.sign_in(0, true).await? {
            return Ok(());
        }
        if let Some(viewer) = self.viewer(0).await? {
            self.step_up(0, &viewer, Purpose::Payment).await?;
        }
        Ok(())
    }

    /// Changes one setting or another.
    async fn settings(&mut self) -> Result<(), SimulationError> {
        if self.viewer(0).await?.is_none() && !self.sign_in(0, true).await? {
            return Ok(());
        }
        let Some(viewer) = self.viewer(0).await? else { return Ok(()) };
        let caller = self.caller(0);
        match self.dice.between(0, 7) {
            0 => {
                let change = ProfileChange {
                    display_name: Some(self.identity.display_name.clone()),
                    ..ProfileChange::default()
                };
                let answer = self.services.change_profile(&caller, &viewer, change).await;
                self.settled(answer)?;
            }
            1 => {
                if self.step_up(0, &viewer, Purpose::Settings).await? {
                    let phone = Some(format!("+4670{:07}", self.dice.between(0, 9_999_999)));
                    let change = ProfileChange { phone, ..ProfileChange::default() };
                    let answer = self.services.change_profile(&caller, &viewer, change).await;
                    self.settled(answer)?;
                }
            }
            2 => {
                if let Some(device) = viewer.device() {
                    let label = self.dice.pick(&["Work", "Home", "Kitchen table", "Kontoret"]).unwrap_or("Work");
                    let answer = self.services.rename_device(&caller, &viewer, device, label.to_owned()).await;
                    self.settled(answer)?;
                }
            }
            3 => self.change_password(0).await?,
            4 => self.renew_codes(0).await?,
            5 if self.apps.len() == 1 => self.enrol(0, "Spare tablet", None).await?,
            5 => {
                if let Some(device) = viewer.device() {
                    let answer = self.services.revoke_trust(&caller, &viewer, device).await;
                    self.settled(answer)?;
                }
            }
            6 => {
                let credential = self.apps.last().map(|app| app.credential);
                if let Some(credential) = credential {
                    let label = self.dice.pick(&["Phone", "Telefonen", "Tablet"]).unwrap_or("Phone").to_owned();
                    let answer = self.services.rename_authenticator(&caller, &viewer, credential, label).await;
                    self.settled(answer)?;
                }
            }
            _ => self.move_mail(&viewer).await?,
        }
        Ok(())
    }

    /// Moves to another address.
    async fn move_mail(&mut self, viewer: &crate::service::Viewer) -> Result<(), SimulationError> {
        if !self.step_up(0, viewer, Purpose::Settings).await? {
            return Ok(());
        }
        let caller = self.caller(0);
        let email = format!("n{}", self.identity.email);
        let answer = self.services.change_email(&caller, viewer, email.clone()).await;
        if self.settled(answer)?.is_some() {
            self.follow_mail(viewer.account(), 30, 240).await?;
            self.identity.email = email;
        }
        Ok(())
    }
}

fn seconds(count: u64) -> Duration {
    Duration::seconds(i64::try_from(count).unwrap_or(0))
}
