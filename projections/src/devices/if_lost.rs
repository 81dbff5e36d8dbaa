//! What would happen if a device were lost, answered before it is.

use serde::{Deserialize, Serialize};
use vitne_domain::id::DeviceId;

use crate::authenticators::{AuthenticatorRow, AuthenticatorStatus};
use crate::security::SecurityRow;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IfLost {
    /// Whether a second step could still be given.
    pub can_sign_in_without_phone: bool,
    /// By what: a kind for each authenticator that stays, and `RECOVERY_CODE` if any is left.
    pub remaining_factors: Vec<String>,
    /// The key of a warning, if one is due: see the texts.
    pub warning: Option<String>,
}

/// What would be left if `device` were lost. Authenticators whose device was never told are taken to be
/// on the lost one: a warning too many is better than one too few.
pub fn if_lost(device: DeviceId, authenticators: &[AuthenticatorRow], security: Option<&SecurityRow>) -> IfLost {
    let two_step = security.is_some_and(|row| row.two_step.on);
    let codes = security.map_or(0, SecurityRow::recovery_codes_left);
    let mut remaining: Vec<String> = authenticators
        .iter()
        .filter(|row| row.status == AuthenticatorStatus::Active)
        .filter(|row| row.carried_by.is_some_and(|carrier| carrier != device))
        .map(|row| row.kind_name().to_owned())
        .collect();
    if codes > 0 {
        remaining.push("RECOVERY_CODE".to_owned());
    }
    let can = !two_step || !remaining.is_empty();
    let only_codes = remaining.len() == 1 && codes > 0;
    let warning = match (two_step, can, only_codes) {
        (true, false, _) => Some("if-lost-locked-out"),
        (true, true, true) if codes <= 3 => Some("if-lost-few-codes"),
        (true, true, true) => Some("if-lost-only-codes"),
        _ => None,
    };
    IfLost { can_sign_in_without_phone: can, remaining_factors: remaining, warning: warning.map(ToOwned::to_owned) }
}
