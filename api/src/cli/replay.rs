//! `vitne replay`: rebuild, compare, travel in time.

use chrono::{DateTime, Utc};
use vitne_domain::id::{AccountId, CorrelationId};
use vitne_domain::{Actor, EventContext, NetworkContext};
use vitne_eventlog::Position;
use vitne_replay::Moment;

use super::outcome::say;
use super::workbench::{Where, Workbench};
use super::{Context, Exit, Failure, Outcome, block_on};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the report as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// How far each read model has come, and what stands in its way.
    Status {
        #[command(flatten)]
        common: Arguments,
    },
    /// Build a read model anew from the log, beside the live one, and put it in its place.
    Rebuild {
        /// Which.
        projection: String,
        /// Workers.
        #[arg(long, default_value_t = 1)]
        parallel: u32,
        #[command(flatten)]
        common: Arguments,
    },
    /// Fold the log again and compare every row.
    Verify {
        /// Only this one.
        #[arg(long)]
        projection: Option<String>,
        #[command(flatten)]
        common: Arguments,
    },
    /// An account as it was.
    AsOf {
        /// Whose: the account's id.
        #[arg(long)]
        subject: AccountId,
        /// When: RFC 3339, or a position of the log.
        #[arg(long)]
        at: When,
        #[command(flatten)]
        common: Arguments,
    },
    /// Let a read model pass an event that it cannot fold.
    Skip {
        /// Which read model.
        #[arg(long)]
        projection: String,
        /// The event's position.
        #[arg(long)]
        index: u64,
        /// Why; readers will see it.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        common: Arguments,
    },
}

/// A moment as typed.
#[derive(Clone, Debug)]
pub(super) struct When(Moment);

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        if let Ok(position) = typed.parse() {
            return Ok(Self(Moment::Position(Position(position))));
        }
        DateTime::parse_from_rfc3339(typed)
            .map(|at| Self(Moment::At(at.with_timezone(&Utc))))
            .map_err(|_| "give a time such as 2026-11-18T21:04:11Z, or a position of the log".to_owned())
    }
}

impl Command {
    fn common(&self) -> &Arguments {
        match self {
            Self::Status { common }
            | Self::Rebuild { common, .. }
            | Self::Verify { common, .. }
            | Self::AsOf { common, .. }
            | Self::Skip { common, .. } => common,
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let at = context.clock.now();
    block_on(async move {
        let bench = Workbench::open(context, &command.common().place).await?;
        let outcome = carry_out(&bench, &command, at).await;
        bench.backing.close().await;
        outcome
    })
}

async fn carry_out(bench: &Workbench, command: &Command, at: DateTime<Utc>) -> Outcome {
    let (replay, log) = bench.replay().await?;
    let json = command.common().json;
    let outcome = match command {
        Command::Status { .. } => tell(json, &vitne_replay::status(&replay).await?).map(|()| Exit::Fine),
        Command::Rebuild { projection, parallel, .. } => {
            let report = vitne_replay::rebuild(&replay, projection, *parallel).await?;
            tell(json, &report).map(|()| found(report.exit_status()))
        }
        Command::Verify { projection, .. } => {
            let reports = vitne_replay::verify(&replay, projection.as_deref()).await?;
            let worst = reports.iter().map(vitne_replay::VerifyReport::exit_status).max().unwrap_or(0);
            reports.iter().try_for_each(|report| tell(json, report)).map(|()| found(worst))
        }
        Command::AsOf { subject, at, .. } => {
            tell(json, &vitne_replay::as_of(&replay, *subject, at.0).await?).map(|()| Exit::Fine)
        }
        Command::Skip { projection, index, reason, .. } => {
            let context = operator(bench, at);
            let report = vitne_replay::skip(&replay, &log, projection, Position(*index), reason, context).await?;
            tell(json, &report).map(|()| Exit::Fine)
        }
    };
    log.close().await;
    outcome
}

/// What the event of an operator's act carries.
fn operator(bench: &Workbench, at: DateTime<Utc>) -> EventContext {
    EventContext {
        at,
        subject: None,
        actor: Actor::Operator,
        correlation: bench.entropy.with(|rng| CorrelationId::new(at, rng)),
        causation: None,
        ceremony: None,
        session: None,
        device: None,
        network: NetworkContext::default(),
    }
}

const fn found(status: u8) -> Exit {
    if status == 0 { Exit::Fine } else { Exit::Found }
}

fn tell(json: bool, report: &(impl serde::Serialize + std::fmt::Display)) -> Result<(), Failure> {
    let text = match json {
        true => serde_json::to_string_pretty(report).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?,
        false => report.to_string(),
    };
    say(&format!("{}\n", text.trim_end()))
}
