//! The folded state of a device, and what may happen to it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{DeviceCommand, DeviceError, DeviceEvent, Platform, TrustDropCause};
use crate::id::AccountId;
use crate::policy::TrustFacts;

/// The longest trust, in days. Policy may shorten it.
pub const MAX_TRUST_DAYS: u32 = 30;

/// A device on one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Device {
    seen: bool,
    account: Option<AccountId>,
    platform: Option<Platform>,
    label: Option<String>,
    trusted_until: Option<DateTime<Utc>>,
    lost: bool,
}

impl cqrs_es::Aggregate for Device {
    const TYPE: &'static str = "device";
    type Command = DeviceCommand;
    type Event = DeviceEvent;
    type Error = DeviceError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &(),
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: DeviceEvent) {
        match event {
            DeviceEvent::DeviceFirstSeen { account, platform } => {
                self.seen = true;
                self.account = Some(account);
                self.platform = Some(platform);
            }
            DeviceEvent::DeviceTrusted { until } => self.trusted_until = Some(until),
            DeviceEvent::DeviceTrustDropped { cause: _ } => self.trusted_until = None,
            DeviceEvent::DeviceRenamed { label } => self.label = Some(label),
            DeviceEvent::DeviceReportedLost {} => self.lose(),
            DeviceEvent::DeviceForgotten {} => self.forget(),
            DeviceEvent::Shredded { event_type, .. } => self.apply_shredded(&event_type),
        }
    }
}

impl Device {
    /// Devices outlive the class of their events. What is left of an event is its name: enough to keep
    /// a lost device lost, never enough to trust one.
    fn apply_shredded(&mut self, event_type: &str) {
        match event_type {
            "DeviceFirstSeen" => self.seen = true,
            "DeviceReportedLost" => self.lose(),
            "DeviceForgotten" => self.forget(),
            _ => self.trusted_until = None,
        }
    }

    fn lose(&mut self) {
        self.lost = true;
        self.trusted_until = None;
    }

    /// Off the list. That it was lost is remembered, so that forgetting does not launder it.
    fn forget(&mut self) {
        *self = Self { account: self.account, lost: self.lost, ..Self::default() };
    }

    /// The events that `command` leads to.
    pub fn decide(&self, command: &DeviceCommand) -> Result<Vec<DeviceEvent>, DeviceError> {
        match command {
            DeviceCommand::See { account, platform } => self.see(*account, platform),
            DeviceCommand::Trust { max_days, days, at } => self.trust(*max_days, *days, *at),
            DeviceCommand::DropTrust { cause, at } => {
                self.known()?;
                Ok(self.dropped(*cause, *at))
            }
            DeviceCommand::Rename { label } => self.rename(label),
            DeviceCommand::ReportLost { at } => {
                self.known()?;
                if self.lost {
                    return Ok(Vec::new());
                }
                let mut events = self.dropped(TrustDropCause::DeviceLost, *at);
                events.insert(0, DeviceEvent::DeviceReportedLost {});
                Ok(events)
            }
            DeviceCommand::Forget { at } => {
                if !self.seen {
                    return Ok(Vec::new());
                }
                let mut events = self.dropped(TrustDropCause::Forgotten, *at);
                events.push(DeviceEvent::DeviceForgotten {});
                Ok(events)
            }
        }
    }

    fn see(&self, account: AccountId, platform: &Platform) -> Result<Vec<DeviceEvent>, DeviceError> {
        if self.account.is_some_and(|own| own != account) {
            return Err(DeviceError::ForeignAccount);
        }
        if self.seen {
            return Ok(Vec::new());
        }
        Ok(vec![DeviceEvent::DeviceFirstSeen { account, platform: platform.clone() }])
    }

    fn trust(&self, max_days: u32, days: u32, at: DateTime<Utc>) -> Result<Vec<DeviceEvent>, DeviceError> {
        self.known()?;
        if self.lost {
            return Err(DeviceError::ReportedLost);
        }
        let days = days.min(max_days).min(MAX_TRUST_DAYS);
        if days == 0 {
            return Err(DeviceError::TrustForbidden);
        }
        let until = at + TimeDelta::days(i64::from(days));
        // Trust is not renewed by what it let pass: on a trusted device no second step was given.
        if self.trust_facts(at).is_some_and(|trust| trust.until <= until) {
            return Ok(Vec::new());
        }
        Ok(vec![DeviceEvent::DeviceTrusted { until }])
    }

    fn dropped(&self, cause: TrustDropCause, at: DateTime<Utc>) -> Vec<DeviceEvent> {
        if self.is_trusted(at) { vec![DeviceEvent::DeviceTrustDropped { cause }] } else { Vec::new() }
    }

    fn rename(&self, label: &str) -> Result<Vec<DeviceEvent>, DeviceError> {
        self.known()?;
        let label = crate::text::label(label)?;
        if self.label.as_deref() == Some(label.as_str()) {
            return Ok(Vec::new());
        }
        Ok(vec![DeviceEvent::DeviceRenamed { label }])
    }

    const fn known(&self) -> Result<(), DeviceError> {
        if self.seen { Ok(()) } else { Err(DeviceError::NotFound) }
    }

    /// Whether the second step of a sign-in may be skipped on it at `at`.
    pub fn is_trusted(&self, at: DateTime<Utc>) -> bool {
        self.trust_facts(at).is_some()
    }

    /// Its trust at `at`, for policy.
    pub fn trust_facts(&self, at: DateTime<Utc>) -> Option<TrustFacts> {
        let until = self.trusted_until.filter(|until| self.seen && !self.lost && *until > at)?;
        Some(TrustFacts { until })
    }

    /// Whether it is on the account's list: seen, and not forgotten since.
    pub const fn is_known(&self) -> bool {
        self.seen
    }

    /// Whether it was ever reported lost.
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whose it is; `None` before it was seen, and when that can no longer be read.
    pub const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Its owner's name for it.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// What it says it is.
    pub const fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }
}
