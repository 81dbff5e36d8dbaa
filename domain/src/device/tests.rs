//! Given, when, then.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate as _;
use uuid::Uuid;

use super::*;
use crate::id::AccountId;
use crate::policy::{AccountFacts, Method, Purpose, requirement};

type Decision = Result<Vec<DeviceEvent>, DeviceError>;

const OWNER: AccountId = AccountId(Uuid::from_u128(1));

fn day(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::days(days)
}

fn seen() -> DeviceEvent {
    let platform = Platform { kind: DeviceKind::Phone, os: Some("iOS".to_owned()), os_version: None, browser: None };
    DeviceEvent::DeviceFirstSeen { account: OWNER, platform }
}

fn trusted(until: i64) -> DeviceEvent {
    DeviceEvent::DeviceTrusted { until: day(until) }
}

fn shredded(event: &DeviceEvent) -> DeviceEvent {
    use cqrs_es::DomainEvent as _;
    DeviceEvent::Shredded { event_type: event.event_type(), event_version: event.event_version() }
}

fn given(events: &[DeviceEvent]) -> Device {
    let mut device = Device::default();
    for event in events {
        device.apply(event.clone());
    }
    device
}

fn see(account: AccountId) -> DeviceCommand {
    let platform = Platform { kind: DeviceKind::Phone, os: Some("iOS".to_owned()), os_version: None, browser: None };
    DeviceCommand::See { account, platform }
}

fn trust(max_days: u32, days: u32, at: i64) -> DeviceCommand {
    DeviceCommand::Trust { max_days, days, at: day(at) }
}

#[test]
fn what_follows_what() {
    let lost = DeviceEvent::DeviceReportedLost {};
    let forgotten = DeviceEvent::DeviceForgotten {};
    let dropped = |cause| DeviceEvent::DeviceTrustDropped { cause };
    let named = DeviceEvent::DeviceRenamed { label: "Work phone".to_owned() };
    let rename = |label: &str| DeviceCommand::Rename { label: label.to_owned() };
    let other = AccountId(Uuid::from_u128(2));
    let report = DeviceCommand::ReportLost { at: day(1) };
    let forget = DeviceCommand::Forget { at: day(1) };
    let cases: Vec<(&str, Vec<DeviceEvent>, DeviceCommand, Decision)> = vec![
        ("first seen", vec![], see(OWNER), Ok(vec![seen()])),
        ("seen again", vec![seen()], see(OWNER), Ok(vec![])),
        ("seen by another", vec![seen()], see(other), Err(DeviceError::ForeignAccount)),
        ("never seen", vec![], trust(30, 30, 0), Err(DeviceError::NotFound)),
        ("trusted", vec![seen()], trust(30, 30, 0), Ok(vec![trusted(30)])),
        ("never longer than 30 days", vec![seen()], trust(900, 900, 0), Ok(vec![trusted(30)])),
        ("policy shortens", vec![seen()], trust(7, 30, 0), Ok(vec![trusted(7)])),
        ("policy forbids", vec![seen()], trust(0, 30, 0), Err(DeviceError::TrustForbidden)),
        ("trust does not renew itself", vec![seen(), trusted(30)], trust(30, 30, 29), Ok(vec![])),
        ("trust can be shortened", vec![seen(), trusted(30)], trust(7, 7, 0), Ok(vec![trusted(7)])),
        ("lapsed trust can be given anew", vec![seen(), trusted(1)], trust(30, 30, 1), Ok(vec![trusted(31)])),
        ("renamed", vec![seen()], rename("  Work phone "), Ok(vec![named.clone()])),
        ("renamed to the same", vec![seen(), named.clone()], rename("Work phone"), Ok(vec![])),
        ("lost", vec![seen()], report.clone(), Ok(vec![lost.clone()])),
        (
            "lost while trusted",
            vec![seen(), trusted(30)],
            report.clone(),
            Ok(vec![lost.clone(), dropped(TrustDropCause::DeviceLost)]),
        ),
        ("lost twice", vec![seen(), lost.clone()], report.clone(), Ok(vec![])),
        ("nobody's device is lost", vec![], report, Err(DeviceError::NotFound)),
        ("a lost one is seen", vec![seen(), lost.clone()], see(OWNER), Ok(vec![])),
        ("a lost one is not trusted", vec![seen(), lost.clone()], trust(30, 30, 1), Err(DeviceError::ReportedLost)),
        ("forgotten", vec![seen()], forget.clone(), Ok(vec![forgotten.clone()])),
        (
            "forgotten while trusted",
            vec![seen(), trusted(30)],
            forget.clone(),
            Ok(vec![dropped(TrustDropCause::Forgotten), forgotten.clone()]),
        ),
        ("forgotten twice", vec![seen(), forgotten.clone()], forget, Ok(vec![])),
        ("back after it was forgotten", vec![seen(), forgotten.clone()], see(OWNER), Ok(vec![seen()])),
        (
            "forgetting does not launder a lost one",
            vec![seen(), lost, forgotten, seen()],
            trust(30, 30, 1),
            Err(DeviceError::ReportedLost),
        ),
    ];
    for (name, history, command, expected) in cases {
        assert_eq!(given(&history).decide(&command), expected, "{name}");
    }
}

#[test]
fn each_cause_drops_trust_once() {
    for cause in [
        TrustDropCause::PasswordChanged,
        TrustDropCause::FactorRemoved,
        TrustDropCause::RecoveryCodeUsed,
        TrustDropCause::SupportCodeUsed,
        TrustDropCause::PolicyTightened,
        TrustDropCause::DeviceLost,
        TrustDropCause::NotMe,
        TrustDropCause::TwoStepDisabled,
        TrustDropCause::RevokedByUser,
        TrustDropCause::Forgotten,
    ] {
        let mut device = given(&[seen(), trusted(30)]);
        assert!(device.is_trusted(day(1)));
        let drop = DeviceCommand::DropTrust { cause, at: day(1) };
        let events = device.decide(&drop).unwrap();
        assert_eq!(events, [DeviceEvent::DeviceTrustDropped { cause }]);
        device.apply(events[0].clone());
        assert!(!device.is_trusted(day(1)), "{cause:?}");
        assert_eq!(device.decide(&drop), Ok(vec![]), "{cause:?} twice");
    }
}

#[test]
fn trust_ends_to_the_second() {
    let device = given(&[seen(), trusted(30)]);
    assert!(device.is_trusted(day(30) - TimeDelta::seconds(1)));
    assert!(!device.is_trusted(day(30)));
    let drop = DeviceCommand::DropTrust { cause: TrustDropCause::NotMe, at: day(30) };
    assert_eq!(device.decide(&drop), Ok(vec![]), "it has ended by itself");
}

#[test]
fn the_second_step_is_skipped_on_the_trusted_device_only() {
    let facts = AccountFacts { two_step: true, second_factors: vec![Method::Totp], ..AccountFacts::default() };
    let groups = |device: &Device| {
        let required = requirement(Purpose::SignIn, &facts, device.trust_facts(day(1)).as_ref(), day(1));
        (required.trusted_device, required.groups.len())
    };
    assert_eq!(groups(&given(&[seen(), trusted(30)])), (true, 2));
    assert_eq!(groups(&given(&[seen()])), (false, 2));
    assert_eq!(groups(&given(&[seen(), trusted(30), DeviceEvent::DeviceReportedLost {}])), (false, 2));
    assert_eq!(groups(&Device::default()), (false, 2));
}

#[test]
fn names_that_disguise_are_refused() {
    let device = given(&[seen()]);
    for bad in ["", "   ", "a\nb", "a\0b", "\u{202e}exe", &"x".repeat(61), &"x".repeat(10_000)] {
        let refused = device.decide(&DeviceCommand::Rename { label: bad.to_owned() });
        assert!(matches!(refused, Err(DeviceError::BadLabel(_))), "{bad:?}");
    }
    for good in ["📱 Åse", &"x".repeat(60)] {
        assert!(device.decide(&DeviceCommand::Rename { label: good.to_owned() }).is_ok(), "{good:?}");
    }
}

#[test]
fn what_has_been_shredded_never_makes_a_device_trusted_or_found() {
    let lost = DeviceEvent::DeviceReportedLost {};
    let forgotten = DeviceEvent::DeviceForgotten {};
    let dropped = DeviceEvent::DeviceTrustDropped { cause: TrustDropCause::NotMe };
    let old = given(&[shredded(&seen()), shredded(&trusted(30))]);
    assert!(old.is_known() && !old.is_trusted(day(1)) && old.account().is_none());
    assert_eq!(old.decide(&see(OWNER)), Ok(vec![]));
    assert!(given(&[shredded(&seen()), shredded(&lost)]).is_lost());
    assert!(!given(&[seen(), trusted(30), shredded(&lost)]).is_trusted(day(1)));
    assert!(!given(&[seen(), trusted(30), shredded(&dropped)]).is_trusted(day(1)));
    assert!(!given(&[seen(), shredded(&forgotten)]).is_known());
    let again = given(&[shredded(&seen()), shredded(&trusted(30)), trusted(60)]);
    assert!(again.is_trusted(day(31)), "an old device can be trusted anew");
}

#[test]
fn the_state_survives_its_serialised_form() {
    let device = given(&[seen(), trusted(30), DeviceEvent::DeviceRenamed { label: "x".to_owned() }]);
    let json = serde_json::to_string(&device).unwrap();
    assert_eq!(serde_json::from_str::<Device>(&json).unwrap(), device);
}
