//! The security overview.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Map;
use vitne_projections::security::SecurityRow;
use vitne_projections::text;

use super::super::enums::{Advice, Language, Method, Strength};
use super::viewer::load_device;
use super::{DeviceNode, Scope};

/// What protects the account, what is missing, and what to do next.
pub(crate) struct SecurityNode {
    /// Whose.
    pub(crate) scope: Scope,
    /// The facts.
    pub(crate) row: SecurityRow,
}

/// Something that protects an account, in words.
#[derive(SimpleObject)]
struct StrengthText {
    /// Which.
    strength: Strength,
    /// In words.
    text: String,
}

/// Something to do, in words.
#[derive(SimpleObject)]
struct AdviceText {
    /// What.
    advice: Advice,
    /// In words.
    text: String,
}

/// The last time a session was opened.
struct LastSignInNode {
    scope: Scope,
    row: vitne_projections::security::LastSignIn,
}

#[Object(name = "Security")]
impl SecurityNode {
    /// Whether two-step verification is on.
    async fn two_step(&self) -> bool {
        self.row.two_step.on
    }

    /// Since when it is on or off; null if it never changed.
    async fn two_step_since(&self) -> Option<DateTime<Utc>> {
        self.row.two_step.since
    }

    /// When the password was set.
    async fn password_set_at(&self) -> Option<DateTime<Utc>> {
        self.row.password_set_at
    }

    /// Whether the password reached the limit of failures and cannot be used.
    async fn password_disabled(&self) -> bool {
        self.row.password_disabled
    }

    /// Recovery codes that are left.
    async fn recovery_codes_left(&self) -> usize {
        self.row.recovery_codes_left()
    }

    /// When the present recovery codes were made.
    async fn recovery_codes_issued_at(&self) -> Option<DateTime<Utc>> {
        self.row.recovery.as_ref().map(|codes| codes.issued_at)
    }

    /// Refused proofs in a row.
    async fn failures_in_a_row(&self) -> u32 {
        self.row.failures_in_a_row()
    }

    /// When a proof was last refused.
    async fn last_failure_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_failure_at
    }

    /// When activity was last reported as not theirs.
    async fn not_me_reported_at(&self) -> Option<DateTime<Utc>> {
        self.row.not_me_reported_at
    }

    /// The last time a session was opened.
    async fn last_sign_in(&self) -> Option<LastSignInNode> {
        self.row.last_sign_in.clone().map(|row| LastSignInNode { scope: self.scope.clone(), row })
    }

    /// What protects the account.
    async fn on(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<Vec<StrengthText>> {
        let language = self.scope.language(ctx, language).await?;
        Ok(self.row.assess().on.into_iter().map(|strength| in_words(language, strength)).collect())
    }

    /// What could protect it and does not.
    async fn missing(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<Vec<StrengthText>> {
        let language = self.scope.language(ctx, language).await?;
        Ok(self.row.assess().missing.into_iter().map(|strength| in_words(language, strength)).collect())
    }

    /// What to do, the most urgent first.
    async fn next(&self, ctx: &Context<'_>, language: Option<Language>) -> Result<Vec<AdviceText>> {
        let language = self.scope.language(ctx, language).await?;
        let told = self.row.assess().next.into_iter();
        Ok(told
            .map(|advice| AdviceText {
                text: text::render(language, &advice.text_key(), &Map::new()),
                advice: advice.into(),
            })
            .collect())
    }
}

fn in_words(
    language: vitne_domain::account::Language,
    strength: vitne_projections::security::Strength,
) -> StrengthText {
    StrengthText { text: text::render(language, &strength.text_key(), &Map::new()), strength: strength.into() }
}

#[Object(name = "LastSignIn")]
impl LastSignInNode {
    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.row.at
    }

    /// On which device.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<DeviceNode>> {
        match self.row.device {
            Some(device) => load_device(ctx, &self.scope, device).await,
            None => Ok(None),
        }
    }

    /// By which methods.
    async fn methods(&self) -> Vec<Method> {
        self.row.methods.iter().map(|method| (*method).into()).collect()
    }

    /// From which country, ISO 3166-1 alpha-2.
    async fn country(&self) -> Option<&str> {
        self.row.country.as_deref()
    }
}
