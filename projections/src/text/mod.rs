//! Words for people, in Swedish, Norwegian Bokmål and English (Fluent).
//!
//! Read models keep keys and codes; the words are put to them when somebody reads, in their language.
//! A text that is missing in a language is taken from English, and one that cannot be made at all is
//! replaced by a general sentence: a key is never shown.
//!
//! Fluent's own isolation marks are off, because they would stand around every number and date. Names
//! that people typed are handled here instead: control and direction-changing characters are taken out,
//! the length is bounded, and a name with any character beyond ASCII is set between FSI and PDI
//! (Unicode UAX #9 §2.4.2), so that right-to-left text in it cannot reorder the sentence around it.

mod bundles;
mod mail;
mod words;

use chrono::{DateTime, Datelike, Utc};
use fluent_bundle::{FluentArgs, FluentValue};
use serde_json::{Map, Value, json};
use vitne_domain::Actor;
use vitne_domain::account::Language;

pub use mail::{Letter, MailKind, MailText, mail};
pub use words::typed_by_people;

use crate::activity::{EntryType, MessageView, Step};
use crate::reading::code;

/// The text of `key` with `args`, in `language`. Arguments are recognised by name: `methods` is a list
/// of method codes, `device` an object with `browser` and `os`, `reason`, `cause` and `purpose` are
/// codes, `label` and `name` are what people typed, numbers are counted, anything else is plain text.
pub fn render(language: Language, key: &str, args: &Map<String, Value>) -> String {
    let mut given = FluentArgs::with_capacity(args.len());
    for (name, value) in args {
        given.set(name.as_str(), argument(language, name, value));
    }
    bundles::text(language, key, &given).unwrap_or_default()
}

/// The sentence of an entry.
pub fn message(language: Language, message: &MessageView) -> String {
    render(language, &message.key, &message.args)
}

/// The title of a type of entry: a few words.
pub fn title(language: Language, kind: EntryType) -> String {
    render(language, &kind.title_key(), &Map::new())
}

/// The words for who did something.
pub fn actor(language: Language, actor: Actor) -> String {
    render(language, &format!("actor-{}", words::slug(actor.as_str())), &Map::new())
}

/// The words for a step of a story.
pub fn step(language: Language, step: &Step) -> String {
    let mut args = Map::new();
    if let Some(method) = step.method {
        args.insert("methods".to_owned(), json!([code(&method)]));
    }
    let key = match (&step.reason, step.number) {
        (Some(reason), _) => {
            args.insert("reason".to_owned(), json!(reason));
            "step-refused".to_owned()
        }
        (None, Some(number)) => {
            args.insert("count".to_owned(), json!(number));
            "step-numbered".to_owned()
        }
        (None, None) if step.method.is_some() && step.code.ends_with("_SENT") => "step-sent".to_owned(),
        (None, None) if step.method.is_some() => "step-ok".to_owned(),
        (None, None) => format!("step-{}", words::slug(&step.code)),
    };
    capitalised(&render(language, &key, &args))
}

/// The words for a device that nobody has named, from what it claims to be.
pub fn device(language: Language, browser: Option<&str>, os: Option<&str>) -> String {
    words::device(language, browser, os)
}

/// A moment, to the minute, in UTC.
pub fn moment(language: Language, at: DateTime<Utc>) -> String {
    let mut args = FluentArgs::new();
    args.set("day", at.day().to_string());
    args.set("month", words::word(language, &format!("month-{}", at.month())));
    args.set("year", at.year().to_string());
    args.set("time", at.format("%H:%M").to_string());
    bundles::text(language, "moment", &args).unwrap_or_default()
}

fn argument(language: Language, name: &str, value: &Value) -> FluentValue<'static> {
    match (name, value) {
        (_, Value::Number(number)) => match number.as_f64() {
            Some(number) => FluentValue::from(number),
            None => FluentValue::from(number.to_string()),
        },
        ("methods", Value::Array(methods)) => {
            let codes: Vec<&str> = methods.iter().filter_map(Value::as_str).collect();
            FluentValue::from(words::methods(language, &codes))
        }
        ("device", Value::Object(device)) => {
            let part = |name| device.get(name).and_then(Value::as_str);
            FluentValue::from(words::device(language, part("browser"), part("os")))
        }
        ("reason" | "cause" | "purpose", Value::String(code)) => {
            FluentValue::from(words::of_code(language, name, code))
        }
        ("label" | "name", Value::String(typed)) => match typed_by_people(typed) {
            typed if typed.is_empty() => FluentValue::from(words::word(language, "no-name")),
            typed => FluentValue::from(typed),
        },
        (_, Value::String(text)) => FluentValue::from(text.clone()),
        _ => FluentValue::from(String::new()),
    }
}

/// A sentence may begin with words that stand within a sentence elsewhere.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
