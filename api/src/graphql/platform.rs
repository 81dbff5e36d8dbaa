//! What a browser claims to be, from its user agent: a label for people, never the ground of a decision.

use vitne_domain::device::{DeviceKind, Platform};

/// Reads a user agent.
pub(super) fn platform(user_agent: Option<&str>) -> Platform {
    let unknown = Platform { kind: DeviceKind::Unknown, os: None, os_version: None, browser: None };
    let Some(agent) = user_agent else { return unknown };
    let Some(read) = woothee::parser::Parser::new().parse(agent) else {
        // Not a browser: the program's name is what stands before its version.
        let name: String = agent.chars().take_while(|c| *c != '/' && !c.is_whitespace()).take(40).collect();
        return Platform { kind: DeviceKind::Program, browser: (!name.is_empty()).then_some(name), ..unknown };
    };
    let told = |text: &str| (!text.is_empty() && text != "UNKNOWN").then(|| text.to_owned());
    let kind = match (read.category, read.os) {
        (_, "iPad") => DeviceKind::Tablet,
        ("pc", _) => DeviceKind::Computer,
        ("smartphone" | "mobilephone", _) => DeviceKind::Phone,
        ("crawler" | "misc", _) => DeviceKind::Program,
        _ => DeviceKind::Unknown,
    };
    Platform { kind, os: told(read.os), os_version: told(&read.os_version), browser: told(read.name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_become_labels() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1";
        for (agent, kind, browser) in [
            (Some(chrome), DeviceKind::Computer, Some("Chrome")),
            (Some(iphone), DeviceKind::Phone, Some("Safari")),
            (Some("vitne-tutorial/1.0"), DeviceKind::Program, Some("vitne-tutorial")),
            (None, DeviceKind::Unknown, None),
        ] {
            let read = platform(agent);
            assert_eq!((read.kind, read.browser.as_deref()), (kind, browser), "{agent:?}");
        }
    }
}
