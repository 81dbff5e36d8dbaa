//! What must hold between settings.

use axum::http::Uri;
use chrono::TimeDelta;

use super::value::MailTransport;
use super::{Config, Problem};

impl Config {
    /// Notes everything that cannot work.
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        let mut wrong = |holds: bool, place: &str, message: &str| {
            if !holds {
                problems.push(Problem { place: place.to_owned(), message: message.to_owned() });
            }
        };
        let origin =
            "must be an origin such as https://login.example: scheme, host and perhaps a port, nothing after it";
        wrong(is_origin(&self.server.public_url), "server.public_url", origin);
        wrong(self.server.origins.iter().all(|text| is_origin(text)), "server.origins", origin);
        wrong(
            !(self.is_https() && self.server.insecure_cookies),
            "server.insecure_cookies",
            "must be false when server.public_url is https",
        );
        wrong(
            self.server.insecure_cookies || self.is_https() || is_local(&self.server.public_url),
            "server.public_url",
            "must be https unless the host is this machine: browsers keep no secure cookie from plain HTTP",
        );
        wrong(
            (1_024..=16_777_216).contains(&self.server.body_limit),
            "server.body_limit",
            "must lie between 1 KiB and 16 MiB",
        );
        for (value, place) in [
            (self.server.request_timeout, "server.request_timeout"),
            (self.server.shutdown_grace, "server.shutdown_grace"),
            (self.mail.timeout, "mail.timeout"),
            (self.sessions.idle, "sessions.idle"),
            (self.devices.trust, "devices.trust"),
        ] {
            wrong(value > TimeDelta::zero(), place, "must be longer than nothing");
        }
        wrong(
            self.sessions.absolute >= self.sessions.idle,
            "sessions.absolute",
            "must not be shorter than sessions.idle",
        );
        wrong(self.devices.trust <= TimeDelta::days(30), "devices.trust", "must not be longer than 30d");
        wrong(self.database.max_connections >= 4, "database.max_connections", "must be at least 4");
        wrong(
            self.database.owner_url.is_none() || self.database.url.is_some(),
            "database.owner_url",
            "is given without database.url; give both or neither",
        );
        wrong(
            self.passwords.memory_kib >= 8 * self.passwords.parallelism.max(1),
            "passwords.memory_kib",
            "must be at least 8 for each lane",
        );
        wrong((1..=16).contains(&self.passwords.iterations), "passwords.iterations", "must lie between 1 and 16");
        wrong((1..=16).contains(&self.passwords.parallelism), "passwords.parallelism", "must lie between 1 and 16");
        wrong(self.passwords.queue > 0, "passwords.queue", "must be at least 1");
        wrong(self.log.queue > 0, "log.queue", "must be at least 1");
        wrong(
            is_log_origin(&self.log.origin),
            "log.origin",
            "must be a name such as auth.example/log, without spaces or plus signs",
        );
        for (value, place) in [
            (self.limits.address_burst, "limits.address_burst"),
            (self.limits.address_per_minute, "limits.address_per_minute"),
            (self.limits.identifier_burst, "limits.identifier_burst"),
            (self.limits.identifier_per_minute, "limits.identifier_per_minute"),
            (self.limits.session_burst, "limits.session_burst"),
            (self.limits.session_per_minute, "limits.session_per_minute"),
        ] {
            wrong(value > 0, place, "must be at least 1");
        }
        wrong(
            self.mail.transport != MailTransport::Smtp || self.mail.smtp_url.is_some(),
            "mail.smtp_url",
            "is missing; mail.transport = \"smtp\" needs it",
        );
        wrong(
            ["sv", "nb", "en"].contains(&self.languages.default.as_str()),
            "languages.default",
            "must be sv, nb or en",
        );
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.trim_end_matches('/').parse::<Uri>() else { return false };
    let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let bare = uri.path() == "/" && uri.query().is_none();
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    scheme && bare && uri.host().is_some_and(|host| !host.is_empty()) && !user
}

fn is_local(text: &str) -> bool {
    let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]"
}

/// A signed note's key name: not empty, no space, no plus sign (C2SP signed-note).
fn is_log_origin(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}
