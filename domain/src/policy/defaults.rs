//! What each purpose demands by default, as data. Configuration may tighten an entry (fewer methods,
//! more stars, a shorter freshness, `Needed::Always` for a conditional group); nothing loosens one.

use super::{GroupName, Method, Purpose};

/// When a group is part of the requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// For everybody.
    Always,
    /// For accounts with two-step verification on.
    WithTwoStep,
    /// For accounts with two-step verification on or an authenticator enrolled.
    WithFactor,
}

/// A group of a purpose's default.
#[derive(Clone, Copy, Debug)]
pub struct GroupDefault {
    /// Its place.
    pub name: GroupName,
    /// Any one of these will do.
    pub accepts: &'static [Method],
    /// For whom.
    pub needed: Needed,
    /// A trusted device makes it unnecessary. Only ever true for [`Purpose::SignIn`].
    pub skipped_by_trust: bool,
}

/// What a purpose demands by default.
#[derive(Clone, Copy, Debug)]
pub struct PurposeDefault {
    /// The purpose.
    pub purpose: Purpose,
    /// Each needs a proof of its own, in this order.
    pub groups: &'static [GroupDefault],
    /// Weight of evidence beside the groups, 0 for none.
    pub stars: u8,
    /// Different kinds of that evidence, 0 for none.
    pub kinds: u8,
    /// Weight and kinds for an account that has no second factor at all, where that differs: it cannot
    /// be asked for more than it has, and a reset gives back no more than its password.
    pub single_factor: Option<(u8, u8)>,
    /// What counts as evidence.
    pub evidence: &'static [Method],
    /// Seconds for which proofs stay good, `None` for the session's life.
    pub fresh_seconds: Option<u32>,
}

/// The methods that exist in this version. The others are known to the types and offered to nobody.
pub const IMPLEMENTED: [Method; 4] = [Method::Password, Method::Totp, Method::RecoveryCode, Method::EmailLink];

/// Possession of an enrolled authenticator: what releases a payment.
const STRONG: &[Method] = &[Method::Totp, Method::Webauthn, Method::Push, Method::Bankid];
/// The second step of a sign-in.
const SECOND: &[Method] =
    &[Method::Totp, Method::Webauthn, Method::Push, Method::Sms, Method::Bankid, Method::RecoveryCode];
/// The first factor of a sign-in.
const FIRST: &[Method] = &[Method::Password, Method::Webauthn, Method::Bankid];
/// Re-authentication before security settings.
const FIRST_OWN: &[Method] = &[Method::Password, Method::Webauthn];

const fn group(name: GroupName, accepts: &'static [Method], needed: Needed) -> GroupDefault {
    GroupDefault { name, accepts, needed, skipped_by_trust: false }
}

const fn groups_only(purpose: Purpose, groups: &'static [GroupDefault], fresh_seconds: Option<u32>) -> PurposeDefault {
    PurposeDefault { purpose, groups, stars: 0, kinds: 0, single_factor: None, evidence: &[], fresh_seconds }
}

/// The table of defaults, one entry a purpose.
pub const DEFAULTS: [PurposeDefault; 8] = [
    groups_only(
        Purpose::SignIn,
        &[
            group(GroupName::First, FIRST, Needed::Always),
            GroupDefault {
                name: GroupName::Second,
                accepts: SECOND,
                needed: Needed::WithTwoStep,
                skipped_by_trust: true,
            },
        ],
        None,
    ),
    groups_only(
        Purpose::SignInStrong,
        &[group(GroupName::First, FIRST, Needed::Always), group(GroupName::Second, SECOND, Needed::Always)],
        None,
    ),
    groups_only(Purpose::Payment, &[group(GroupName::First, STRONG, Needed::Always)], Some(5 * 60)),
    groups_only(
        Purpose::Settings,
        &[group(GroupName::First, FIRST_OWN, Needed::Always), group(GroupName::Second, SECOND, Needed::WithFactor)],
        Some(10 * 60),
    ),
    groups_only(
        Purpose::Export,
        &[group(GroupName::First, FIRST, Needed::Always), group(GroupName::Second, SECOND, Needed::WithFactor)],
        Some(10 * 60),
    ),
    // Two kinds: e-mail and SMS are one kind, so channels alone never do.
    PurposeDefault {
        purpose: Purpose::PasswordReset,
        groups: &[],
        stars: 3,
        kinds: 2,
        single_factor: Some((1, 1)),
        evidence: &[
            Method::EmailLink,
            Method::Totp,
            Method::RecoveryCode,
            Method::Webauthn,
            Method::Push,
            Method::Sms,
            Method::Bankid,
            Method::Manager,
        ],
        fresh_seconds: None,
    },
    // The assurance of an authenticator app beside the password: two stars, which no channel alone has.
    PurposeDefault {
        purpose: Purpose::ReplaceFactor,
        groups: &[group(GroupName::First, FIRST_OWN, Needed::Always)],
        stars: 2,
        kinds: 1,
        single_factor: None,
        evidence: &[Method::RecoveryCode, Method::Totp, Method::Webauthn, Method::Push, Method::Bankid],
        fresh_seconds: None,
    },
    groups_only(Purpose::VerifyEmail, &[group(GroupName::First, &[Method::EmailLink], Needed::Always)], None),
];

/// The default of a purpose.
pub const fn default_of(purpose: Purpose) -> &'static PurposeDefault {
    let [sign_in, strong, payment, settings, export, reset, replace, verify] = &DEFAULTS;
    match purpose {
        Purpose::SignIn => sign_in,
        Purpose::SignInStrong => strong,
        Purpose::Payment => payment,
        Purpose::Settings => settings,
        Purpose::Export => export,
        Purpose::PasswordReset => reset,
        Purpose::ReplaceFactor => replace,
        Purpose::VerifyEmail => verify,
    }
}
