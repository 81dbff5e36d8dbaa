//! The browsers and apps of simulated people, and those of their attackers.

use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;
use vitne_domain::device::{DeviceKind, Platform};
use vitne_domain::{NetworkContext, Protected};

use super::dice::Dice;

/// A make of browser: kind, system, its version, browser, user agent.
type Make = (DeviceKind, &'static str, &'static str, &'static str, &'static str);

const COMPUTERS: [Make; 4] = [
    (
        DeviceKind::Computer,
        "Windows",
        "10.0",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    ),
    (
        DeviceKind::Computer,
        "Windows",
        "10.0",
        "Edge",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    ),
    (
        DeviceKind::Computer,
        "Mac OSX",
        "10.15",
        "Safari",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    ),
    (
        DeviceKind::Computer,
        "Linux",
        "x86_64",
        "Firefox",
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    ),
];

const PHONES: [Make; 2] = [
    (
        DeviceKind::Phone,
        "iPhone",
        "18.6",
        "Safari",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ),
    (
        DeviceKind::Phone,
        "Android",
        "15",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    ),
];

/// A browser, with the session it holds.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    /// Its device cookie.
    pub(super) cookie: Uuid,
    /// What it says it is.
    pub(super) platform: Platform,
    /// Where it is.
    pub(super) network: NetworkContext,
    /// The token of the session opened on it last.
    pub(super) session: Option<Protected>,
}

impl Browser {
    /// A computer at home or at work.
    pub(super) fn computer(dice: &mut Dice) -> Self {
        Self::of(dice, &COMPUTERS, [198, 18], &["SE", "NO"])
    }

    /// A phone.
    pub(super) fn phone(dice: &mut Dice) -> Self {
        Self::of(dice, &PHONES, [198, 19], &["SE", "NO"])
    }

    /// A stranger's.
    pub(super) fn stranger(dice: &mut Dice) -> Self {
        Self::of(dice, &COMPUTERS, [203, 0], &["BR", "VN", "US", "RO"])
    }

    fn of(dice: &mut Dice, makes: &[Make], net: [u8; 2], countries: &[&str]) -> Self {
        let make = dice.pick(makes).or_else(|| COMPUTERS.first().copied());
        let (kind, os, version, browser, agent) = make.unwrap_or((DeviceKind::Unknown, "", "", "", ""));
        let octet = |number: u64| u8::try_from(number & 0xff).unwrap_or(0);
        let [first, second] = net;
        let address = Ipv4Addr::new(first, second, octet(dice.number()), octet(dice.between(1, 254)));
        Self {
            cookie: dice.cookie(),
            platform: Platform {
                kind,
                os: Some(os.to_owned()),
                os_version: Some(version.to_owned()),
                browser: Some(browser.to_owned()),
            },
            network: NetworkContext {
                ip: Some(IpAddr::V4(address)),
                user_agent: Some(agent.to_owned()),
                country: dice.pick(countries).map(str::to_owned),
            },
            session: None,
        }
    }

    /// Whether it is a phone.
    pub(super) fn is_phone(&self) -> bool {
        self.platform.kind == DeviceKind::Phone
    }
}
