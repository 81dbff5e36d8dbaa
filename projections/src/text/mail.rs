//! Mail: a subject and a body in plain text.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use vitne_domain::account::Language;
use vitne_domain::policy::Purpose;

use super::{moment, render};
use crate::outbox::Template;

/// What a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// A link that proves the address.
    VerifyEmail,
    /// A link that is evidence for a password reset.
    ResetPassword,
    /// A link that is evidence for replacing a lost authenticator.
    ReplaceFactor,
    /// A notice. [`Template::EmailLink`] is no notice: [`MailKind::of`] says what it is.
    Notice(Template),
}

impl MailKind {
    /// The letter of a due message; a link is about its ceremony's purpose.
    pub const fn of(template: Template, purpose: Option<Purpose>) -> Self {
        match (template, purpose) {
            (Template::EmailLink, Some(Purpose::PasswordReset)) => Self::ResetPassword,
            (Template::EmailLink, Some(Purpose::ReplaceFactor)) => Self::ReplaceFactor,
            (Template::EmailLink, _) => Self::VerifyEmail,
            (notice, _) => Self::Notice(notice),
        }
    }

    /// The part of its keys that names it.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::VerifyEmail | Self::Notice(Template::EmailLink) => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::ReplaceFactor => "replace-factor",
            Self::Notice(Template::RegistrationAttempted) => "registration-attempted",
            Self::Notice(Template::PasswordChanged) => "password-changed",
            Self::Notice(Template::PasswordReset) => "password-reset",
            Self::Notice(Template::EmailChanged) => "email-changed",
            Self::Notice(Template::AuthenticatorAdded) => "authenticator-added",
            Self::Notice(Template::AuthenticatorRemoved) => "authenticator-removed",
            Self::Notice(Template::AuthenticatorSuspended) => "authenticator-suspended",
            Self::Notice(Template::AuthenticatorDisabled) => "authenticator-disabled",
            Self::Notice(Template::TwoStepEnabled) => "two-step-enabled",
            Self::Notice(Template::TwoStepDisabled) => "two-step-disabled",
            Self::Notice(Template::RecoveryCodesIssued) => "recovery-codes-issued",
            Self::Notice(Template::RecoveryCodeUsed) => "recovery-code-used",
            Self::Notice(Template::DeviceReportedLost) => "device-reported-lost",
            Self::Notice(Template::NewDevice) => "new-device",
            Self::Notice(Template::ManyFailures) => "many-failures",
            Self::Notice(Template::NotMeReported) => "not-me-reported",
        }
    }

    /// Whether it tells of something that somebody else may have done in the account.
    const fn is_alarm(self) -> bool {
        matches!(self, Self::Notice(template) if !matches!(template, Template::RegistrationAttempted | Template::EmailLink))
    }
}

/// What a letter says. Links are put in as they are: the caller makes them.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// What it is about.
    pub kind: MailKind,
    /// The name to be called by; empty where it is not known or not to be told.
    pub name: &'a str,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The browser and operating system it happened on, as claimed, where that is to be told.
    pub device: Option<(Option<&'a str>, Option<&'a str>)>,
    /// The link, and until when it works.
    pub link: Option<(&'a str, DateTime<Utc>)>,
}

/// A rendered letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// The subject: one line, without names, codes or links, because it shows on locked screens.
    pub subject: String,
    /// The body: plain text, lines ended by `\n`.
    pub body: String,
}

/// Renders a letter.
pub fn mail(language: Language, letter: &Letter<'_>) -> MailText {
    let none = Map::new();
    let text = |key: &str, args: &Map<String, Value>| render(language, key, args);
    let with = |name: &str, value: String| Map::from_iter([(name.to_owned(), json!(value))]);
    let key = letter.kind.key();

    let mut body_args = Map::new();
    if let Some((_, until)) = letter.link {
        body_args.insert("expires".to_owned(), json!(moment(language, until)));
    }
    let mut paragraphs = vec![match letter.name {
        "" => text("mail-greeting-nameless", &none),
        name => text("mail-greeting", &with("name", name.to_owned())),
    }];
    paragraphs.push(text(&format!("mail-{key}-body"), &body_args));
    if let Some((link, _)) = letter.link {
        paragraphs.push(link.to_owned());
    }
    if letter.kind.is_alarm() {
        let mut facts = vec![text("mail-when", &with("at", moment(language, letter.at)))];
        if let Some((browser, os)) = letter.device {
            let args = Map::from_iter([("device".to_owned(), json!({ "browser": browser, "os": os }))]);
            facts.push(text("mail-where", &args));
        }
        paragraphs.push(facts.join("\n"));
        paragraphs.push(text("mail-not-you", &none));
    }
    paragraphs.push(text("mail-footer", &none));
    MailText { subject: text(&format!("mail-{key}-subject"), &none), body: format!("{}\n", paragraphs.join("\n\n")) }
}
