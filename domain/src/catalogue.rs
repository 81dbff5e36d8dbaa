//! The catalogue of events, as people and programs read it.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::event::{AnyEvent, EventSpec, FieldSpec, LegalBasis, ProcessingPurpose, RetentionClass, Sensitivity};

/// The catalogue in Markdown, for `docs/reference/events.md`.
pub fn catalogue_markdown() -> String {
    let mut text = String::from(
        "# Events\n\nGenerated from the source by `vitne events`; do not edit.\n\n\
         Everything that Vitne keeps is one of these events. A name and its fields are a public interface for\n\
         ever: a change makes a new version, and every version stays readable.\n\n\
         | retention class | how long the body can be read |\n|---|---|\n",
    );
    for class in RetentionClass::ALL {
        let _ = writeln!(text, "| `{}` | {} |", class.as_str(), how_long(class));
    }
    text.push_str(
        "\nThe network context of every event (address, user agent, country) is sealed apart under `network`.\n\
         A field is *plain* (tells nothing about a person on its own), *personal* (GDPR Art. 4(1)) or *secret*\n\
         (proves who somebody is, and is never disclosed).\n",
    );
    let mut aggregate = "";
    for spec in AnyEvent::catalogue() {
        if spec.aggregate != aggregate {
            aggregate = spec.aggregate;
            let _ = write!(text, "\n## {aggregate}\n");
        }
        write_event(&mut text, spec);
    }
    text
}

fn write_event(text: &mut String, spec: &EventSpec) {
    let _ = write!(text, "\n### {} (version {})\n\n{}\n\n", spec.name, spec.version, one_line(spec.doc));
    let _ = writeln!(
        text,
        "Kept as `{}` ({}), for {}, on the basis of {}.",
        spec.class.as_str(),
        how_long(spec.class),
        purpose(spec.purpose),
        basis(spec.basis)
    );
    if spec.fields.is_empty() {
        text.push_str("It has no fields.\n");
        return;
    }
    text.push_str("\n| field | type | sensitivity | meaning |\n|---|---|---|---|\n");
    for field in spec.fields {
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} |",
            field.name,
            one_line(field.kind),
            sensitivity(field.sensitivity),
            one_line(field.doc).replace('|', "\\|")
        );
    }
}

/// The catalogue as JSON, for programs.
pub fn catalogue_json() -> Value {
    let classes: Vec<Value> = RetentionClass::ALL
        .into_iter()
        .map(|class| json!({ "name": class.as_str(), "months": class.months(), "kept": how_long(class) }))
        .collect();
    let events: Vec<Value> = AnyEvent::catalogue().map(event_json).collect();
    json!({ "retention_classes": classes, "events": events })
}

fn event_json(spec: &EventSpec) -> Value {
    json!({
        "name": spec.name,
        "version": spec.version,
        "aggregate": spec.aggregate,
        "meaning": one_line(spec.doc),
        "retention_class": spec.class.as_str(),
        "purpose": purpose(spec.purpose),
        "legal_basis": basis(spec.basis),
        "fields": spec.fields.iter().map(field_json).collect::<Vec<_>>(),
    })
}

fn field_json(field: &FieldSpec) -> Value {
    json!({
        "name": field.name,
        "type": one_line(field.kind),
        "sensitivity": sensitivity(field.sensitivity),
        "meaning": one_line(field.doc),
    })
}

/// Documentation comments come with their line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn how_long(class: RetentionClass) -> String {
    match class.months() {
        None => "as long as the account exists, or for ever where it is about nobody".to_owned(),
        Some(months) => format!("the calendar month and {months} months more"),
    }
}

fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Plain => "plain",
        Sensitivity::Personal => "personal",
        Sensitivity::Secret => "secret",
    }
}

fn purpose(purpose: ProcessingPurpose) -> &'static str {
    match purpose {
        ProcessingPurpose::Account => "providing the account",
        ProcessingPurpose::Security => "keeping accounts secure",
        ProcessingPurpose::Accountability => "showing that the law was followed",
    }
}

fn basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Contract => "contract (GDPR Art. 6(1)(b))",
        LegalBasis::LegalObligation => "legal obligation (GDPR Art. 6(1)(c))",
        LegalBasis::LegitimateInterest => "legitimate interest (GDPR Art. 6(1)(f))",
    }
}
