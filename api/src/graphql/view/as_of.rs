//! The account as it was at a moment.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vitne_replay::{AsOfReport, Moment, ReplayError};

use super::super::authority::Asked;
use super::super::enums::Language;
use super::super::errors;
use super::super::scalars::Position;
use super::super::state::GraphqlState;
use super::viewer::MomentInput;
use super::{AuthenticatorNode, DeviceNode, Scope, SessionNode};

/// The account as it was: folded from the log, from nothing else.
pub(crate) struct AsOfNode {
    scope: Scope,
    report: AsOfReport,
}

/// The account itself, as it was.
#[derive(SimpleObject)]
struct AsOfAccount {
    /// Whether it could be used.
    registered: bool,
    /// The address.
    email: String,
    /// Whether the address was proved.
    email_verified: bool,
    /// The name to be called by.
    display_name: String,
    /// The phone number in E.164.
    phone: Option<String>,
    /// The language.
    language: Language,
    /// Whether there was a password.
    has_password: bool,
    /// Whether two-step verification was on.
    two_step: bool,
    /// Recovery codes not yet used.
    recovery_codes_left: usize,
}

/// Something that could not be folded, and why.
#[derive(SimpleObject)]
struct AsOfGap {
    /// From which position on.
    from_position: Position,
    /// The event's type.
    event_type: String,
    /// Why.
    reason: String,
}

#[Object(name = "AsOf")]
impl AsOfNode {
    /// The checkpoint: the first so many events of the log.
    async fn position(&self) -> Position {
        self.report.position.into()
    }

    /// The number of leaves of the tree over them, for proofs.
    async fn tree_size(&self) -> Position {
        Position(self.report.tree_size)
    }

    /// The moment at which limits were judged; null where nothing had happened.
    async fn moment(&self) -> Option<DateTime<Utc>> {
        self.report.moment
    }

    /// How many of the account's events were folded.
    async fn events(&self) -> Position {
        Position(self.report.events)
    }

    /// How many of them can no longer be read.
    async fn unreadable_events(&self) -> Position {
        Position(self.report.shredded)
    }

    /// The account; null where there was none.
    async fn account(&self) -> Option<AsOfAccount> {
        self.report.account.as_ref().map(|account| AsOfAccount {
            registered: account.registered,
            email: account.email.clone(),
            email_verified: account.email_verified,
            display_name: account.display_name.clone(),
            phone: account.phone.clone(),
            language: account.language.into(),
            has_password: account.has_password,
            two_step: account.two_step,
            recovery_codes_left: account.recovery_codes_left,
        })
    }

    /// Its authenticators.
    async fn authenticators(&self, ctx: &Context<'_>) -> Result<Vec<AuthenticatorNode>> {
        let rows = rows(ctx, &self.report.authenticators)?.into_iter();
        Ok(rows.map(|row| AuthenticatorNode { scope: self.scope.clone(), row }).collect())
    }

    /// Its devices.
    async fn devices(&self, ctx: &Context<'_>) -> Result<Vec<DeviceNode>> {
        let rows = rows(ctx, &self.report.devices)?.into_iter();
        Ok(rows.map(|row| DeviceNode { scope: self.scope.clone(), row }).collect())
    }

    /// Its sessions that were alive.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<SessionNode>> {
        let rows = rows(ctx, &self.report.sessions)?.into_iter();
        Ok(rows.map(|row| SessionNode { scope: self.scope.clone(), row }).collect())
    }

    /// What could not be folded. Empty is the rule.
    async fn gaps(&self) -> Vec<AsOfGap> {
        let gaps = self.report.gaps.iter();
        gaps.map(|gap| AsOfGap {
            from_position: gap.from_position.into(),
            event_type: gap.event_type.clone(),
            reason: gap.reason.clone(),
        })
        .collect()
    }
}

fn rows<T: DeserializeOwned>(ctx: &Context<'_>, documents: &[Value]) -> Result<Vec<T>> {
    let rows: std::result::Result<Vec<T>, _> = documents.iter().cloned().map(serde_json::from_value).collect();
    rows.map_err(|error| match Asked::of(ctx) {
        Ok(asked) => errors::internal(&asked.request, &error.to_string()),
        Err(error) => error,
    })
}

/// Folds the viewer's events up to a moment.
pub(super) async fn as_of(ctx: &Context<'_>, scope: &Scope, moment: MomentInput) -> Result<AsOfNode> {
    let moment = match moment {
        MomentInput::At(at) => Moment::At(at),
        MomentInput::Position(position) => Moment::Position(vitne_eventlog::Position(position.0)),
    };
    let context = &ctx.data::<GraphqlState>()?.replay;
    match vitne_replay::as_of(context, scope.owner(), moment).await {
        Ok(report) => Ok(AsOfNode { scope: scope.at(report.moment.unwrap_or(scope.at)), report }),
        Err(error) => Err(fault(ctx, &error)),
    }
}

fn fault(ctx: &Context<'_>, error: &ReplayError) -> async_graphql::Error {
    match Asked::of(ctx) {
        Ok(asked) => errors::unavailable(&asked.request, &error.to_string()),
        Err(error) => error,
    }
}
