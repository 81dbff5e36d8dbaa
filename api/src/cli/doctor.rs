//! `vitne doctor`: looks at everything the server needs, changes nothing, and says what to do.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use vitne_eventlog::database::doctor::{Finding, Severity, examine};

use vitne_eventlog::database::Database;
use vitne_projections::runner::ReadModels;

use super::outcome::say;
use super::{Context, Exit, Failure, Outcome, block_on};
use crate::backing::Foundation;
use crate::clock::Entropy;
use crate::config::{Config, KeyRing};

/// The worst finding so far, and the report.
#[derive(Default)]
struct Report {
    failed: bool,
    text: String,
}

impl Report {
    fn add(&mut self, severity: Severity, part: &str, message: &str) {
        self.failed |= severity == Severity::Failure;
        let mark = match severity {
            Severity::Fine => "fine",
            Severity::Warning => "look",
            Severity::Failure => "FAIL",
        };
        self.text.push_str(&format!("{mark}  {part}: {message}\n"));
    }
}

pub(super) fn run(context: &Context) -> Outcome {
    let config = context.load()?;
    let mut report = Report::default();
    report.add(Severity::Fine, "configuration", "every key is known and every value can be used");
    keys(&config, &mut report);
    block_on(async {
        match Foundation::lay_or_join(&config).await {
            Ok(foundation) => {
                database(context, &config, &foundation, &mut report).await;
                foundation.leave().await;
            }
            Err(error) => report.add(Severity::Failure, "database", &error.to_string()),
        }
        Ok::<(), Failure>(())
    })?;
    say(&report.text)?;
    Ok(if report.failed { Exit::Found } else { Exit::Fine })
}

/// Looks for keys without making any.
fn keys(config: &Config, report: &mut Report) {
    let mut given = config.clone();
    let directory = config.keys.directory.clone().unwrap_or_default();
    let made = config.keys.generate.unwrap_or(config.database.url.is_none());
    if made && !directory.exists() {
        report.add(
            Severity::Warning,
            "keys",
            &format!("none yet; they are made in {} at the first start", directory.display()),
        );
        return;
    }
    if made {
        let mode = std::fs::metadata(&directory).map(|found| found.mode() & 0o077).unwrap_or(0);
        if mode != 0 {
            let message = format!("others may look into {}; make it private with `chmod 700`", directory.display());
            report.add(Severity::Warning, "keys", &message);
        }
        if let Some(missing) = missing(config, &directory) {
            let message = format!(
                "{missing} is missing in {}; it is made at the next start, and what the old one made is lost",
                directory.display()
            );
            report.add(Severity::Warning, "keys", &message);
            return;
        }
    }
    given.keys.generate = Some(made);
    // Every key is there, so nothing is made; the generator is never asked.
    match KeyRing::open(&given, &Entropy::seeded(0)) {
        Ok(_) => report.add(Severity::Fine, "keys", "every key is there and private"),
        Err(error) => report.add(Severity::Failure, "keys", &error.to_string()),
    }
}

fn missing(config: &Config, directory: &Path) -> Option<&'static str> {
    let keys = &config.keys;
    [
        ("key_encryption", keys.key_encryption.is_some()),
        ("identifier", keys.identifier.is_some()),
        ("cookie", keys.cookie.is_some()),
        ("cursor", keys.cursor.is_some()),
        ("log_signing", keys.log_signing.is_some()),
    ]
    .into_iter()
    .find(|(name, given)| !given && !directory.join(name).exists())
    .map(|(name, _)| name)
}

async fn database(context: &Context, config: &Config, foundation: &Foundation, report: &mut Report) {
    let directory = foundation.cluster().map(|cluster| cluster.directory());
    if config.database.url.is_some() && config.database.owner_url.is_none() {
        let message =
            "database.owner_url is not set, so the server connects as the owner and only takes the lesser role";
        report.add(Severity::Warning, "database", message);
    }
    for Finding { check, severity, message } in examine(&foundation.settings, directory, context.clock.now()).await {
        report.add(severity, &format!("{check:?}").to_lowercase(), &message);
    }
    lag(config, foundation, report).await;
}

/// How far the read models are behind the log.
async fn lag(config: &Config, foundation: &Foundation, report: &mut Report) {
    let Ok(database) = Database::connect_migrated(&foundation.settings).await else { return };
    let looked = ReadModels::lags(database.server()).await;
    database.close().await;
    let Ok(lags) = looked else {
        return report.add(Severity::Warning, "read models", "there are none yet; they are made at the first start");
    };
    match lags.first() {
        Some((name, lag)) if *lag > config.projections.ready_lag => {
            let message = format!("{name} is {lag} events behind the log; see `vitne replay status`");
            report.add(Severity::Failure, "read models", &message);
        }
        Some((name, lag)) if *lag > 0 => {
            report.add(Severity::Fine, "read models", &format!("the last, {name}, is {lag} events behind the log"));
        }
        _ => report.add(Severity::Fine, "read models", "all have caught up with the log"),
    }
}
