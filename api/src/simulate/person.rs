//! A simulated person: who they are, what they know and carry, and their own view of the services.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use vitne_domain::Protected;
use vitne_domain::account::{Language, totp};
use vitne_domain::id::{AccountId, CorrelationId, CredentialId};

use super::browser::Browser;
use super::dice::Dice;
use super::{SimulationError, World};
use crate::clock::{Entropy, ManualClock};
use crate::service::{Caller, Refusal, ServiceError, Services, Viewer};

/// Who a person is, before they register.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The address.
    pub email: String,
    /// The name to be called by.
    pub display_name: String,
    /// The first password.
    pub password: String,
    /// The language of texts and mail.
    pub language: Language,
    /// Whether they will turn two-step verification on.
    pub two_step: bool,
}

/// An authenticator app, as its owner's phone holds it.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) credential: CredentialId,
    pub(super) secret: Protected,
    /// The last time step whose code was given.
    pub(super) step: u64,
}

/// What became of the attacks on a person that they have not reacted to yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worry {
    pub(super) ceremony: vitne_domain::id::CeremonyId,
    pub(super) got_in: bool,
}

/// A person who lives through a simulated time. Every person has services of their own over the shared
/// log: an own clock, and own randomness, so that a person's history is the same whoever runs beside.
pub struct Person {
    pub(super) services: Services,
    pub(super) clock: ManualClock,
    pub(super) dice: Dice,
    pub(super) identity: Identity,
    pub(super) account: Option<AccountId>,
    pub(super) browsers: Vec<Browser>,
    pub(super) stranger: Browser,
    pub(super) apps: Vec<App>,
    pub(super) codes: Vec<Protected>,
    pub(super) worry: Option<Worry>,
    pub(super) begins_on: u32,
    pub(super) rises: u64,
    refused: BTreeMap<String, u64>,
}

const FIRST: [&str; 20] = [
    "Anna", "Bjørn", "Åsa", "Ola", "Ingrid", "Erik", "Märta", "Håkon", "Sofia", "Lars", "Ellen", "Nils", "Karin",
    "Sigrid", "Johan", "Astrid", "Per", "Linnea", "Gunnar", "Maja",
];
const LAST: [&str; 16] = [
    "Berg",
    "Hansen",
    "Lindqvist",
    "Nordmann",
    "Öberg",
    "Dahl",
    "Holm",
    "Strand",
    "Ek",
    "Solberg",
    "Nyström",
    "Lund",
    "Moe",
    "Sjögren",
    "Vik",
    "Åkesson",
];
const WORDS: [&str; 16] = [
    "juniper", "lantern", "gravel", "harbour", "thimble", "walrus", "meadow", "copper", "saffron", "glacier",
    "bicycle", "quarry", "velvet", "orchard", "compass", "drizzle",
];

impl Person {
    /// Person `number` of simulation `seed`, who is born at `at`.
    pub(super) fn numbered(world: &World, seed: u64, number: u64, at: DateTime<Utc>) -> Result<Self, SimulationError> {
        let mut dice = Dice::new(seed, number);
        let (first, last) = (dice.pick(&FIRST).unwrap_or("Anna"), dice.pick(&LAST).unwrap_or("Berg"));
        let identity = Identity {
            email: format!("person{number}@simulation{seed}.example"),
            display_name: format!("{first} {last}"),
            password: phrase(&mut dice),
            language: dice.pick(&[Language::Sv, Language::Nb, Language::En]).unwrap_or_default(),
            two_step: dice.chance(700),
        };
        let mut person = Self::new(world, identity, dice, at)?;
        // Most are there from the first day; the others join one by one.
        if person.dice.chance(300) {
            person.begins_on = u32::try_from(person.dice.between(1, 20)).unwrap_or(0);
        }
        for _ in 0..person.dice.between(0, 2) {
            let more = if person.dice.chance(500) {
                Browser::phone(&mut person.dice)
            } else {
                Browser::computer(&mut person.dice)
            };
            person.browsers.push(more);
        }
        Ok(person)
    }

    /// Somebody of the given identity, whose ways come from `seed`.
    pub(crate) fn met(
        world: &World,
        identity: Identity,
        seed: u64,
        at: DateTime<Utc>,
    ) -> Result<Self, SimulationError> {
        Self::new(world, identity, Dice::new(seed, 0), at)
    }

    /// Goes on in another world over the same log: with other settings, and the same memories.
    pub(crate) fn comes_to(&mut self, world: &World) -> Result<(), SimulationError> {
        self.services = services(world, &self.clock, &mut self.dice)?;
        Ok(())
    }

    /// Forgets every session: the next visit signs in.
    pub(crate) fn leaves_everywhere(&mut self) {
        for browser in &mut self.browsers {
            browser.session = None;
        }
    }

    /// The secret of the authenticator app in use.
    pub(crate) fn app_secret(&self) -> Option<&Protected> {
        self.apps.last().map(|app| &app.secret)
    }

    /// The recovery code that would be used next.
    pub(crate) fn next_recovery_code(&self) -> Option<&Protected> {
        self.codes.last()
    }

    /// A person of the given identity with a computer and a phone.
    fn new(world: &World, identity: Identity, mut dice: Dice, at: DateTime<Utc>) -> Result<Self, SimulationError> {
        let clock = ManualClock::new(at);
        let services = services(world, &clock, &mut dice)?;
        let browsers = vec![Browser::computer(&mut dice), Browser::phone(&mut dice)];
        Ok(Self {
            services,
            clock,
            identity,
            account: None,
            browsers,
            stranger: Browser::stranger(&mut dice),
            apps: Vec::new(),
            codes: Vec::new(),
            worry: None,
            begins_on: 0,
            rises: dice.between(5 * 3600 + 1800, 8 * 3600),
            refused: BTreeMap::new(),
            dice,
        })
    }

    /// Now, in this person's life.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.services.now()
    }

    /// Time passes, between so many and so many seconds.
    pub(crate) fn wait(&mut self, low: u64, high: u64) {
        let millis = self.dice.between(low * 1000, high * 1000);
        self.clock.advance(Duration::milliseconds(i64::try_from(millis).unwrap_or(0)));
    }

    /// It becomes `at`, unless it is later already.
    pub(crate) fn until(&self, at: DateTime<Utc>) {
        if self.now() < at {
            self.clock.set(at);
        }
    }

    /// A request from one of the person's browsers.
    pub(super) fn caller(&mut self, browser: usize) -> Caller {
        let at = self.now();
        let from = self.browsers.get(browser).unwrap_or(&self.stranger);
        request(&mut self.dice, at, from)
    }

    /// A request from a stranger.
    pub(super) fn strange_caller(&mut self) -> Caller {
        let at = self.now();
        request(&mut self.dice, at, &self.stranger)
    }

    /// What a service answered, with its refusals counted: they are a part of life.
    pub(super) fn settled<T>(&mut self, answer: Result<T, ServiceError>) -> Result<Option<T>, SimulationError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(ServiceError::Refused(refusal)) => {
                if let Refusal::Throttled { retry_after } = &refusal {
                    self.clock.advance(Duration::from_std(*retry_after).unwrap_or_default());
                    *self.refused.entry("too many attempts".to_owned()).or_default() += 1;
                } else {
                    *self.refused.entry(refusal.to_string()).or_default() += 1;
                }
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// What was refused, and how often.
    pub(super) fn refused(&self) -> &BTreeMap<String, u64> {
        &self.refused
    }

    /// The session open on a browser, checked as every request checks it.
    pub(super) async fn viewer(&mut self, browser: usize) -> Result<Option<Viewer>, SimulationError> {
        let Some(token) = self.browsers.get(browser).and_then(|browser| browser.session.clone()) else {
            return Ok(None);
        };
        let caller = self.caller(browser);
        let viewer = self.services.authenticate(token.expose(), &caller).await?;
        if viewer.is_none()
            && let Some(browser) = self.browsers.get_mut(browser)
        {
            browser.session = None;
        }
        Ok(viewer)
    }

    /// What the app shows, waiting for the next code when this one has been given.
    pub(super) fn code(&mut self) -> Option<Protected> {
        let used = self.apps.last()?.step;
        if let Some(next) = totp::step_begins(used.saturating_add(1)) {
            self.until(next);
        }
        let at = self.now();
        let app = self.apps.last_mut()?;
        app.step = totp::step_at(at);
        totp::code_at(&app.secret, at).map(Protected::new)
    }

    /// A new password.
    pub(super) fn think_of_password(&mut self) -> Protected {
        Protected::new(phrase(&mut self.dice))
    }
}

/// Services of a person's own.
fn services(world: &World, clock: &ManualClock, dice: &mut Dice) -> Result<Services, ServiceError> {
    Services::new(
        world.log.clone(),
        world.hasher.clone(),
        Arc::new(clock.clone()),
        Entropy::seeded(dice.number()),
        world.keys.clone(),
        world.settings.clone(),
    )
}

fn request(dice: &mut Dice, at: DateTime<Utc>, from: &Browser) -> Caller {
    Caller {
        correlation: CorrelationId(dice.request(at)),
        network: from.network.clone(),
        device_cookie: Some(from.cookie),
        platform: from.platform.clone(),
        idempotency: None,
    }
}

/// Four words and a number: long enough to stand alone.
fn phrase(dice: &mut Dice) -> String {
    let mut words: Vec<String> = (0..4).filter_map(|_| dice.pick(&WORDS)).map(str::to_owned).collect();
    words.push(dice.between(100, 999).to_string());
    words.join("-")
}
