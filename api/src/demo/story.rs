//! The month before the demo's first start.

use chrono::{DateTime, Days, Duration, NaiveTime, Utc};
use vitne_domain::account::Language;

use super::people::Shown;
use crate::simulate::{Identity, Person, SimulationError, World};

/// Days of history.
const DAYS: u64 = 30;

/// What a person's month holds besides ordinary days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incident {
    LosesPhone,
    IsAttacked,
    /// An attack that is left for whoever tries "this wasn't me".
    IsAttackedUnnoticed,
}

/// A person of the demo.
struct Part {
    name: &'static str,
    email: &'static str,
    password: &'static str,
    language: Language,
    two_step: bool,
    /// On which day what happens.
    incidents: &'static [(u64, Incident)],
    history: &'static str,
}

const CAST: [Part; 4] = [
    Part {
        name: "Anna Berg",
        email: "anna@example.com",
        password: "juniper lantern harbour 7",
        language: Language::Sv,
        two_step: true,
        incidents: &[],
        history: "two-step verification with an authenticator app",
    },
    Part {
        name: "Bjørn Hansen",
        email: "bjorn@example.com",
        password: "gravel bicycle orchard 3",
        language: Language::Nb,
        two_step: false,
        incidents: &[],
        history: "a password and nothing else",
    },
    Part {
        name: "Åsa Öberg",
        email: "asa@example.com",
        password: "velvet compass glacier 5",
        language: Language::Sv,
        two_step: true,
        incidents: &[(20, Incident::LosesPhone)],
        history: "lost her phone, came back with a recovery code, and has a new app",
    },
    Part {
        name: "Ola Nordmann",
        email: "ola@example.com",
        password: "saffron meadow copper 9",
        language: Language::En,
        two_step: true,
        incidents: &[(12, Incident::IsAttacked), (29, Incident::IsAttackedUnnoticed)],
        history: "somebody guesses at his password; the last attempts are not reported yet",
    },
];

/// Lets the people live until yesterday, with cheap hashes but for the last sign-in, which brings each
/// password to what it costs today.
pub(super) async fn live(
    cheap: &World,
    real: &World,
    seed: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Shown>, SimulationError> {
    let today = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let begin = today.checked_sub_days(Days::new(DAYS)).unwrap_or(today);
    let lives = CAST.iter().zip(0_u64..).map(|(part, number)| {
        Box::pin(async move {
            let mut person = Person::met(cheap, identity(part), seed.wrapping_add(number), begin)?;
            for day in 0..DAYS {
                let midnight = begin.checked_add_days(Days::new(day)).unwrap_or(begin);
                spend(&mut person, part, day, midnight).await?;
            }
            person.comes_to(real)?;
            person.leaves_everywhere();
            person.until(today - Duration::minutes(30));
            person.sign_in(0, false).await?;
            Ok::<_, SimulationError>(shown(part, &person))
        })
    });
    futures::future::try_join_all(lives).await
}

async fn spend(person: &mut Person, part: &Part, day: u64, midnight: DateTime<Utc>) -> Result<(), SimulationError> {
    person.until(midnight + Duration::hours(7));
    if day == 0 {
        return person.join().await;
    }
    if let Some((_, incident)) = part.incidents.iter().find(|(on, _)| *on == day) {
        person.until(midnight + Duration::hours(15));
        match incident {
            Incident::LosesPhone => person.lose_phone().await?,
            Incident::IsAttacked => {
                person.attacked(false).await?;
                person.until(midnight + Duration::hours(20));
                person.visit(0, 0).await?;
                person.report_not_me(0).await?;
            }
            Incident::IsAttackedUnnoticed => person.attacked(false).await?,
        }
        return Ok(());
    }
    // A computer every third day, the phone every fifth.
    if day % 3 == 1 {
        person.wait(0, 3600);
        person.visit(0, 2).await?;
    }
    if day % 5 == 2 {
        person.until(midnight + Duration::hours(18));
        person.wait(0, 3600);
        person.visit(1, 1).await?;
    }
    Ok(())
}

fn identity(part: &Part) -> Identity {
    Identity {
        email: part.email.to_owned(),
        display_name: part.name.to_owned(),
        password: part.password.to_owned(),
        language: part.language,
        two_step: part.two_step,
    }
}

fn shown(part: &Part, person: &Person) -> Shown {
    Shown {
        name: part.name.to_owned(),
        email: part.email.to_owned(),
        password: part.password.to_owned(),
        totp: person.app_secret().map(|secret| secret.expose().to_owned()),
        recovery_code: person.next_recovery_code().map(|code| code.expose().to_owned()),
        history: part.history.to_owned(),
    }
}
