use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use vitne_domain::account::{AuthenticatorCause, RejectReason};
use vitne_domain::ceremony::FailureReason;
use vitne_domain::device::TrustDropCause;
use vitne_domain::policy::{Method, Purpose};
use vitne_domain::session::SessionEndCause;

use super::*;
use crate::outbox::Template;
use crate::security::{Advice, Strength};

const LANGUAGES: [Language; 3] = [Language::En, Language::Sv, Language::Nb];

fn variables(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    fn inline(expression: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            InlineExpression::VariableReference { id } => drop(found.insert(id.name.to_owned())),
            InlineExpression::Placeable { expression } => of(expression, found),
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            other => panic!("a text uses {other:?}, which this test does not follow"),
        }
    }
    fn of(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            Expression::Inline(one) => inline(one, found),
            Expression::Select { selector, variants } => {
                inline(selector, found);
                variants.iter().for_each(|variant| variables(&variant.value, found));
            }
        }
    }
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of(expression, found);
        }
    }
}

/// Every key of a language with the arguments it asks for.
fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    for source in bundles::sources(language) {
        let resource = FluentResource::try_new(source.to_owned()).expect("every text parses");
        for entry in resource.entries() {
            match entry {
                Entry::Message(message) => {
                    let mut found = BTreeSet::new();
                    variables(message.value.as_ref().expect("a message has a value"), &mut found);
                    let before = keys.insert(message.id.name.to_owned(), found);
                    assert!(before.is_none(), "{} is there twice", message.id.name);
                }
                Entry::Junk { content } => panic!("does not parse: {content}"),
                _ => {}
            }
        }
    }
    keys
}

#[test]
fn all_languages_have_the_same_keys_with_the_same_arguments() {
    let english = keys(Language::En);
    assert!(english.len() > 200);
    for language in LANGUAGES {
        assert_eq!(keys(language), english, "{language:?}");
    }
}

fn codes<T: serde::Serialize>(values: &[T]) -> Vec<String> {
    values.iter().map(code).collect()
}

/// Every key that read models can name.
fn wanted() -> BTreeMap<String, BTreeSet<String>> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in EntryType::ALL {
        let args = kind.arguments().iter().map(|name| (*name).to_owned()).collect();
        wanted.insert(kind.message_key(), args);
        wanted.insert(kind.title_key(), BTreeSet::new());
    }
    let methods = [
        Method::Password,
        Method::Totp,
        Method::Webauthn,
        Method::Push,
        Method::Sms,
        Method::Bankid,
        Method::RecoveryCode,
        Method::SupportCode,
        Method::EmailLink,
        Method::Manager,
    ];
    use {SessionEndCause as S, TrustDropCause as D};
    let reasons = [
        codes(&[RejectReason::Wrong, RejectReason::Reused, RejectReason::Expired, RejectReason::NotAvailable]),
        codes(&[FailureReason::TooManyAttempts, FailureReason::NoLongerPossible]),
    ];
    let causes = [
        codes(&[S::SignedOut, S::EndedByUser, S::PasswordChanged, S::DeviceLost, S::DeviceForgotten]),
        codes(&[S::NotMe, S::Idle, S::Expired, S::Erased]),
        codes(&[D::PasswordChanged, D::FactorRemoved, D::RecoveryCodeUsed, D::SupportCodeUsed, D::PolicyTightened]),
        codes(&[D::DeviceLost, D::NotMe, D::TwoStepDisabled, D::RevokedByUser, D::Forgotten]),
        codes(&[AuthenticatorCause::RemovedByUser, AuthenticatorCause::Replaced]),
        codes(&[AuthenticatorCause::DeviceLost, AuthenticatorCause::NotMe]),
    ];
    let actors = [Actor::User, Actor::Anonymous, Actor::System, Actor::Support, Actor::Officer, Actor::Operator];
    let unknown = || vec!["UNKNOWN".to_owned()];
    let families = [
        ("method", [codes(&methods), unknown()].concat()),
        ("purpose", [codes(&Purpose::ALL), unknown()].concat()),
        ("reason", [reasons.concat(), unknown()].concat()),
        ("cause", [causes.concat(), unknown()].concat()),
        ("actor", codes(&actors)),
    ];
    for (family, codes) in families {
        wanted.extend(codes.iter().map(|code| (format!("{family}-{}", words::slug(code)), BTreeSet::new())));
    }
    wanted.extend(Strength::ALL.map(|strength| (strength.text_key(), BTreeSet::new())));
    wanted.extend(Advice::ALL.map(|advice| (advice.text_key(), BTreeSet::new())));
    wanted
}

#[test]
fn every_key_that_read_models_name_has_a_text_with_no_argument_that_is_not_given() {
    let english = keys(Language::En);
    for (key, given) in wanted() {
        let asked = english.get(&key).unwrap_or_else(|| panic!("no text for {key}"));
        assert_eq!(asked, &given, "{key}");
    }
    for key in ["if-lost-locked-out", "if-lost-few-codes", "if-lost-only-codes"] {
        assert!(english.contains_key(key), "{key}");
    }
}

#[test]
fn the_named_codes_are_public_names() {
    for kind in EntryType::ALL {
        assert_eq!(code(kind), kind.as_str());
        assert_eq!(EntryType::parse(kind.as_str()), Some(*kind));
    }
    for strength in Strength::ALL {
        assert_eq!(code(&strength), strength.as_str());
    }
    for advice in Advice::ALL {
        assert_eq!(code(&advice), advice.as_str());
    }
}

fn sign_in(browser: &str) -> Map<String, Value> {
    let Value::Object(args) =
        json!({ "methods": ["PASSWORD", "TOTP"], "device": { "browser": browser, "os": "Windows 10" } })
    else {
        unreachable!()
    };
    args
}

#[test]
fn a_sign_in_reads_as_a_sentence() {
    let said = LANGUAGES.map(|language| render(language, "activity-sign-in-succeeded", &sign_in("Chrome")));
    assert_eq!(
        said,
        [
            "You signed in with password and authenticator app on Chrome, Windows 10.",
            "Du loggade in med lösenord och autentiseringsapp på Chrome, Windows 10.",
            "Du logget inn med passord og autentiseringsapp på Chrome, Windows 10.",
        ]
    );
}

#[test]
fn numbers_choose_their_form() {
    let count = |count: u32| Map::from_iter([("count".to_owned(), json!(count))]);
    assert!(render(Language::En, "activity-throttled", &count(1)).starts_with("One attempt was"));
    assert!(render(Language::Sv, "activity-throttled", &count(12)).starts_with("12 försök avvisades"));
}

#[test]
fn a_key_is_never_shown() {
    for language in LANGUAGES {
        let general = render(language, "no-such-key", &Map::new());
        assert!(!general.contains("no-such-key") && general.ends_with('.'), "{general}");
        // An argument is missing.
        let general = render(language, "activity-sign-in-succeeded", &Map::new());
        assert!(!general.contains('{') && !general.contains('$'), "{general}");
        let unknown = words::of_code(language, "reason", "SOMETHING_NEW");
        assert!(!unknown.contains("SOMETHING"), "{unknown}");
    }
}

#[test]
fn what_people_typed_cannot_break_the_sentence() {
    assert_eq!(typed_by_people("  My\n\tphone "), "My phone");
    assert_eq!(typed_by_people("a\u{202E}b\u{2066}c\u{0}d\u{200F}"), "abcd");
    assert_eq!(typed_by_people("טלפון"), "\u{2068}טלפון\u{2069}");
    assert_eq!(typed_by_people("\u{2069}\u{2069}é"), "\u{2068}é\u{2069}");
    let long = typed_by_people(&"x".repeat(10_000));
    assert_eq!(long.trim_matches(['\u{2068}', '\u{2069}']).chars().count(), 80);
    let args = Map::from_iter([("label".to_owned(), json!("\u{202E}{ $device }\nevil"))]);
    assert_eq!(render(Language::En, "activity-device-renamed", &args), "You named a device { $device } evil.");
    let args = Map::from_iter([("label".to_owned(), json!(""))]);
    assert_eq!(render(Language::En, "activity-device-renamed", &args), "You named a device (no name).");
}

const TEMPLATES: [Template; 17] = [
    Template::EmailLink,
    Template::RegistrationAttempted,
    Template::PasswordChanged,
    Template::PasswordReset,
    Template::EmailChanged,
    Template::AuthenticatorAdded,
    Template::AuthenticatorRemoved,
    Template::AuthenticatorSuspended,
    Template::AuthenticatorDisabled,
    Template::TwoStepEnabled,
    Template::TwoStepDisabled,
    Template::RecoveryCodesIssued,
    Template::RecoveryCodeUsed,
    Template::DeviceReportedLost,
    Template::NewDevice,
    Template::ManyFailures,
    Template::NotMeReported,
];

#[test]
fn every_letter_can_be_written_in_every_language() {
    let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
    let links = [Some(Purpose::VerifyEmail), Some(Purpose::PasswordReset), Some(Purpose::ReplaceFactor)];
    let kinds = TEMPLATES
        .map(|template| MailKind::of(template, None))
        .into_iter()
        .chain(links.map(|purpose| MailKind::of(Template::EmailLink, purpose)));
    for kind in kinds {
        for language in LANGUAGES {
            let link = Some(("https://auth.example/l/abc", at));
            let letter = Letter { kind, name: "Åsa\r\nBcc: x", at, device: Some((Some("Safari"), None)), link };
            let text = mail(language, &letter);
            let general = render(language, "text-missing", &Map::new());
            assert!(!text.subject.contains(&general) && !text.body.contains(&general), "{kind:?} {language:?}");
            assert!(!text.subject.contains(['\n', '\r', '{']) && !text.body.contains(['\r', '{']), "{text:?}");
            assert!(text.body.contains("\n\nhttps://auth.example/l/abc\n\n"));
            assert!(!text.body.contains("\nBcc"), "{}", text.body);
        }
    }
}

#[test]
fn a_letter_reads_as_a_letter() {
    let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
    let kind = MailKind::Notice(Template::DeviceReportedLost);
    let letter = Letter { kind, name: "Kari", at, device: Some((Some("Firefox"), Some("Linux"))), link: None };
    let texts = LANGUAGES.map(|language| mail(language, &letter));
    let all = texts.map(|text| format!("Subject: {}\n\n{}", text.subject, text.body)).join("\n---\n");
    insta::assert_snapshot!(all);
}
