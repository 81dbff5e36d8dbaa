//! An account as it was at a moment: folded from the log, from nothing else.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::AnyEvent;
use vitne_domain::LoggedEvent;
use vitne_domain::account::{Account, AccountEvent, Language};
use vitne_domain::id::AccountId;
use vitne_eventlog::tree::{Tree, TreeError};
use vitne_eventlog::{Body, Position, Recorded};
use vitne_projections::runner::{Before, fold_batch};
use vitne_projections::sessions::{SessionRow, SessionState};

use crate::difference::NamedGap;
use crate::{Context, ReplayError};

/// The moment asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the last event that had happened by then, by the writers' clock.
    At(DateTime<Utc>),
    /// After the first so many events of the log; limits are judged at the time of the last of them.
    Position(Position),
}

/// The account itself. Its secrets are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountAsOf {
    /// Whether it could be used.
    pub registered: bool,
    /// Whether the subject had been erased.
    pub erased: bool,
    /// The address.
    pub email: String,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// The name to be called by.
    pub display_name: String,
    /// The phone number, E.164.
    pub phone: Option<String>,
    /// The language.
    pub language: Language,
    /// Whether there was a password.
    pub has_password: bool,
    /// Whether two-step verification was on.
    pub two_step: bool,
    /// Recovery codes not yet used.
    pub recovery_codes_left: usize,
}

/// Everything about one person at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsOfReport {
    /// Whose.
    pub subject: AccountId,
    /// The checkpoint: the first so many events of the log.
    pub position: Position,
    /// The number of leaves of the tree over them, for proofs.
    pub tree_size: u64,
    /// The root over them in base64; `None` while no signed checkpoint covers them yet.
    pub root: Option<String>,
    /// The moment at which limits were judged; `None` where nothing had happened.
    pub moment: Option<DateTime<Utc>>,
    /// How many of the person's events were folded.
    pub events: u64,
    /// How many of them can no longer be read.
    pub shredded: u64,
    /// The account; `None` where there was none.
    pub account: Option<AccountAsOf>,
    /// Its authenticators.
    pub authenticators: Vec<Value>,
    /// Its devices.
    pub devices: Vec<Value>,
    /// Its sessions that were alive.
    pub sessions: Vec<Value>,
    /// What it was obliged to. Duties of companies are not recorded yet, so there are none.
    pub duties: Vec<Value>,
    /// What could not be folded.
    pub gaps: Vec<NamedGap>,
}

/// Folds one person's events up to a moment.
pub async fn as_of(context: &Context, subject: AccountId, moment: Moment) -> Result<AsOfReport, ReplayError> {
    let head = context.source.head().await?;
    let limit = match moment {
        Moment::Position(position) => position.min(head),
        Moment::At(_) => head,
    };
    let mut events = context.source.read_subject(subject, Position(0), limit).await?;
    let (position, judged) = match moment {
        Moment::Position(_) => (limit, events.last().map(|event| event.header.occurred_at)),
        Moment::At(at) => {
            // A prefix, because "as of" means the first so many events, whatever the clocks said.
            let kept = events.iter().rposition(|event| event.header.occurred_at <= at).map_or(0, |last| last + 1);
            events.truncate(kept);
            (events.last().map_or(Position(0), |event| event.header.position), Some(at))
        }
    };
    let mut report = AsOfReport {
        subject,
        position,
        tree_size: position.0,
        root: root(context, position).await?,
        moment: judged,
        events: u64::try_from(events.len()).unwrap_or(u64::MAX),
        shredded: u64::try_from(events.iter().filter(|event| event.body == Body::Shredded).count()).unwrap_or(u64::MAX),
        account: account(&events),
        authenticators: Vec::new(),
        devices: Vec::new(),
        sessions: Vec::new(),
        duties: Vec::new(),
        gaps: Vec::new(),
    };
    for name in ["authenticators", "devices", "sessions"] {
        let rows = fold(context, name, &events, &mut report.gaps).await?;
        match name {
            "authenticators" => report.authenticators = rows.into_values().collect(),
            "devices" => report.devices = rows.into_values().collect(),
            _ => report.sessions = rows.into_values().filter(|row| alive(row, judged)).collect(),
        }
    }
    Ok(report)
}

/// The root over the first so many events, as far as the tree has come.
async fn root(context: &Context, position: Position) -> Result<Option<String>, ReplayError> {
    match Tree::new(context.server.clone()).root(position.0).await {
        Ok(root) => Ok(Some(root.to_string())),
        Err(TreeError::Proof(_)) => Ok(None),
        Err(error) => Err(ReplayError::Tree(error)),
    }
}

/// The rows of a projection, if this program has it.
async fn fold(
    context: &Context,
    name: &str,
    events: &[Recorded],
    gaps: &mut Vec<NamedGap>,
) -> Result<BTreeMap<Uuid, Value>, ReplayError> {
    let Ok(projection) = context.projection(name) else { return Ok(BTreeMap::new()) };
    let skips = context.source.skips(name, projection.version()).await?;
    let outcome = fold_batch(projection.as_ref(), &Before { skips, ..Before::default() }, events);
    gaps.extend(outcome.parked.values().map(NamedGap::from));
    let document = |doc: &str| serde_json::from_str(doc).unwrap_or(Value::Null);
    Ok(outcome.upserts.iter().map(|row| (row.key.id, document(&row.doc))).collect())
}

fn alive(row: &Value, judged: Option<DateTime<Utc>>) -> bool {
    let Some(judged) = judged else { return false };
    serde_json::from_value::<SessionRow>(row.clone()).is_ok_and(|row| row.state_at(judged) == SessionState::Active)
}

/// The account's own fold, as the commands see it.
fn account(events: &[Recorded]) -> Option<AccountAsOf> {
    let mut account = Account::default();
    let mut found = false;
    for event in events.iter().filter(|event| event.header.aggregate_type == Account::TYPE) {
        found = true;
        match &event.body {
            Body::Event(AnyEvent::Account(event)) => account.apply(event.clone()),
            Body::Shredded => {
                account.apply(AccountEvent::shredded(&event.header.event_type, &event.header.event_version));
            }
            // Named as a gap by the projections; a state that skips it would be a guess.
            Body::Event(_) | Body::Unreadable(_) => return None,
        }
    }
    found.then(|| AccountAsOf {
        registered: account.is_registered(),
        erased: account.erased(),
        email: account.email().to_owned(),
        email_verified: account.email_verified(),
        display_name: account.display_name().to_owned(),
        phone: account.phone().map(str::to_owned),
        language: account.language(),
        has_password: account.password_hash().is_some(),
        two_step: account.two_step(),
        recovery_codes_left: account.remaining_recovery_codes().count(),
    })
}

impl std::fmt::Display for AsOfReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "Subject {} as of position {} (tree size {})", self.subject, self.position, self.tree_size)?;
        match &self.root {
            Some(root) => writeln!(f, "  checkpoint root {root}")?,
            None => writeln!(f, "  no signed checkpoint covers this position yet")?,
        }
        writeln!(f, "  {} events, {} no longer readable", self.events, self.shredded)?;
        match &self.account {
            None => writeln!(f, "  no account")?,
            Some(account) => {
                let on = |on: bool| if on { "on" } else { "off" };
                writeln!(f, "  account: {} <{}>", account.display_name, account.email)?;
                writeln!(
                    f,
                    "  two-step verification {}, {} recovery codes left",
                    on(account.two_step),
                    account.recovery_codes_left
                )?;
            }
        }
        for (what, rows) in
            [("authenticator", &self.authenticators), ("device", &self.devices), ("session", &self.sessions)]
        {
            for row in rows {
                writeln!(f, "  {what}: {row}")?;
            }
        }
        for gap in &self.gaps {
            writeln!(f, "  gap: {gap}")?;
        }
        Ok(())
    }
}
