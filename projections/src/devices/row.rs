//! The device list's row.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use vitne_domain::device::{DeviceKind, TrustDropCause};
use vitne_domain::id::DeviceId;
use vitne_domain::policy::Purpose;

/// Who named the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LabelSource {
    /// Its owner.
    User,
    /// Words made from what its user agent claims.
    UserAgent,
}

/// Whether the device is still in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceStatus {
    /// In use.
    Active,
    /// Reported lost.
    Lost,
    /// Taken off the list.
    Forgotten,
}

impl DeviceStatus {
    /// The public name, as in the `status` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Lost => "LOST",
            Self::Forgotten => "FORGOTTEN",
        }
    }
}

/// Whether the second step is skipped on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TrustState {
    /// Never trusted.
    None,
    /// Trusted.
    Trusted,
    /// Trusted until its time ran out. Never stored: see [`DeviceRow::trust_at`].
    Expired,
    /// Trusted until something ended it.
    Dropped,
}

/// A device's trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Its state.
    pub state: TrustState,
    /// Since when it is in that state.
    pub since: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// What ended it.
    pub dropped_because: Option<TrustDropCause>,
}

/// Where a device was last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPlace {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Always `COUNTRY`.
    pub precision: String,
}

/// What its owner can do with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceAction {
    /// Give it a name.
    Rename,
    /// Ask for the second step on it again.
    RevokeTrust,
    /// End its sessions.
    SignOut,
    /// Report it lost.
    ReportLost,
    /// Take it off the list.
    Forget,
}

/// One device of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Whether it has been used by its owner; others are not listed.
    pub listed: bool,
    /// Whether it is still in use.
    pub status: DeviceStatus,
    /// When it was first used.
    pub first_seen_at: DateTime<Utc>,
    /// When a proof or a session was last seen on it.
    pub last_seen_at: DateTime<Utc>,
    /// Which one.
    pub id: DeviceId,
    /// Its owner's name for it. Without one, words are made from platform and browser.
    pub label: Option<String>,
    /// Who named it.
    pub label_source: LabelSource,
    /// What kind it claims to be.
    pub kind: DeviceKind,
    /// The operating system it claims to run.
    pub os: Option<String>,
    /// The version of that.
    pub os_version: Option<String>,
    /// The browser or program it claims to be.
    pub browser: Option<String>,
    /// Where it was last seen.
    pub last_place: Option<LastPlace>,
    /// Its trust.
    pub trust: Trust,
    /// When it was reported lost.
    pub lost_at: Option<DateTime<Utc>>,
    /// When it was taken off the list.
    pub forgotten_at: Option<DateTime<Utc>>,
}

impl DeviceRow {
    /// A device of which nothing is known but that it was there.
    pub fn seen(id: DeviceId, at: DateTime<Utc>) -> Self {
        Self {
            listed: false,
            status: DeviceStatus::Active,
            first_seen_at: at,
            last_seen_at: at,
            id,
            label: None,
            label_source: LabelSource::UserAgent,
            kind: DeviceKind::Unknown,
            os: None,
            os_version: None,
            browser: None,
            last_place: None,
            trust: Trust { state: TrustState::None, since: None, expires_at: None, dropped_because: None },
            lost_at: None,
            forgotten_at: None,
        }
    }

    pub(super) fn lost(&mut self, at: DateTime<Utc>) {
        self.status = DeviceStatus::Lost;
        self.lost_at = Some(at);
    }

    pub(super) fn forgotten(&mut self, at: DateTime<Utc>) {
        self.status = DeviceStatus::Forgotten;
        self.forgotten_at = Some(at);
    }

    /// The state of its trust at the given moment.
    pub fn trust_at(&self, now: DateTime<Utc>) -> TrustState {
        match (self.trust.state, self.trust.expires_at) {
            (TrustState::Trusted, Some(until)) if until <= now => TrustState::Expired,
            (state, _) => state,
        }
    }

    /// What its owner can do with it at the given moment. `signed_in` says whether it has a session.
    pub fn actions(&self, now: DateTime<Utc>, signed_in: bool) -> Vec<DeviceAction> {
        if self.status == DeviceStatus::Forgotten {
            return Vec::new();
        }
        let mut actions = vec![DeviceAction::Rename];
        if self.trust_at(now) == TrustState::Trusted {
            actions.push(DeviceAction::RevokeTrust);
        }
        if signed_in {
            actions.push(DeviceAction::SignOut);
        }
        if self.status == DeviceStatus::Active {
            actions.push(DeviceAction::ReportLost);
        }
        actions.push(DeviceAction::Forget);
        actions
    }
}

/// What trust in a device makes unnecessary.
pub const fn skips() -> &'static [&'static str] {
    &["SECOND_FACTOR_AT_SIGN_IN"]
}

/// What trust in a device never opens.
pub const fn not_for() -> &'static [Purpose] {
    &[Purpose::SignInStrong, Purpose::Payment, Purpose::Settings, Purpose::Export]
}
