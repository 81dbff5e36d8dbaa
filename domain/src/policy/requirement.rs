//! A requirement: a pure value that says which proofs are needed, with its causes.

use serde::{Deserialize, Serialize};

use super::{Method, Purpose};

/// The place of a group among the proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupName {
    /// The first factor.
    First,
    /// The second step.
    Second,
}

/// One proof out of several acceptable methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofGroup {
    /// Its place.
    pub name: GroupName,
    /// Any one of these will do.
    pub accepts: Vec<Method>,
    /// A trusted device makes it unnecessary.
    pub skipped_by_trust: bool,
}

/// Why a requirement is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "rule")]
pub enum Cause {
    /// The purpose's default.
    PurposeDefault,
    /// The person switched two-step verification on.
    TwoStepEnabled,
    /// An authenticator is enrolled.
    FactorEnrolled,
    /// The account has a password and nothing else.
    SingleFactorAccount,
    /// Two-step verification is on, and this device is trusted until the given moment.
    DeviceTrusted {
        /// When the trust ends.
        until: chrono::DateTime<chrono::Utc>,
    },
}

impl Cause {
    /// The key of the text that explains it.
    pub const fn message_key(&self) -> &'static str {
        match self {
            Self::PurposeDefault => "policy.cause.purpose_default",
            Self::TwoStepEnabled => "policy.cause.two_step_enabled",
            Self::FactorEnrolled => "policy.cause.factor_enrolled",
            Self::SingleFactorAccount => "policy.cause.single_factor_account",
            Self::DeviceTrusted { .. } => "policy.cause.device_trusted",
        }
    }
}

/// What must be proved. Each group by a proof of its own; or, where `stars` is not zero, evidence of
/// that weight and of that many kinds; both where both are given. Groups come in order, and a proof
/// serves one group or counts as evidence, never two things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// What for.
    pub purpose: Purpose,
    /// Each needs one proof.
    pub groups: Vec<ProofGroup>,
    /// Weight of evidence needed, 0 for none.
    pub stars: u8,
    /// Different kinds of evidence needed, 0 for none.
    pub kinds: u8,
    /// Methods that count as evidence when `stars` is not zero.
    pub evidence: Vec<Method>,
    /// Seconds for which proofs, and what they opened, stay good; `None` for the session's life.
    pub fresh_seconds: Option<u32>,
    /// Whether this device's trust was found good when the requirement was made.
    pub trusted_device: bool,
    /// Why.
    pub causes: Vec<Cause>,
}

impl Requirement {
    /// Whether it asks for all that `today` asks for. A requirement is made when its ceremony begins; what
    /// the account has gained since must not be walked around with a ceremony begun before.
    pub fn covers(&self, today: &Self) -> bool {
        let has = |wanted: &ProofGroup| self.groups.iter().any(|group| group.name == wanted.name);
        today.groups.iter().all(has) && self.stars >= today.stars && self.kinds >= today.kinds
    }
}
