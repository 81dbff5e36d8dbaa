//! The catalogue of events, and the steps between their versions.

use std::collections::BTreeSet;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::{Value, json};
use vitne_domain::catalogue::{catalogue_json, catalogue_markdown};
use vitne_domain::upcast::{Step, upcast, upcast_by, upcasters};
use vitne_domain::{AnyEvent, RetentionClass};

#[test]
fn names_are_unique_over_all_aggregates() {
    let mut names = BTreeSet::new();
    for spec in AnyEvent::catalogue() {
        assert!(names.insert(spec.name), "{} is declared twice", spec.name);
    }
}

#[test]
fn the_page_names_every_event_and_field_once_and_in_full() {
    let page = catalogue_markdown();
    for spec in AnyEvent::catalogue() {
        let heading = format!("\n### {} (version {})\n", spec.name, spec.version);
        assert_eq!(page.matches(&heading).count(), 1, "{heading}");
        for field in spec.fields {
            assert!(page.contains(&format!("| `{}` | `", field.name)), "{}.{}", spec.name, field.name);
            assert!(!field.doc.trim().is_empty(), "{}.{} has no meaning", spec.name, field.name);
        }
    }
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!(cells == 5 || cells == 3, "a row of wrong width: {line}");
    }
}

#[test]
fn the_json_carries_class_purpose_basis_and_sensitivity() {
    let catalogue = catalogue_json();
    let events = catalogue["events"].as_array().expect("events");
    assert_eq!(events.len(), AnyEvent::catalogue().count());
    let set = events.iter().find(|event| event["name"] == "PasswordSet").expect("PasswordSet");
    assert_eq!(set["retention_class"], "identity");
    assert_eq!(set["legal_basis"], "contract (GDPR Art. 6(1)(b))");
    assert_eq!(set["fields"][0]["name"], "hash");
    assert_eq!(set["fields"][0]["sensitivity"], "secret");
    assert_eq!(catalogue["retention_classes"].as_array().map(Vec::len), Some(RetentionClass::ALL.len()));
}

/// A made-up event: its second version renamed a field, its third split it.
const MADE_UP: &[Step] = &[
    Step { event_type: "NameGiven", from: 1, change: rename },
    Step { event_type: "NameGiven", from: 2, change: split },
    Step { event_type: "Other", from: 1, change: |_| Value::Null },
];

fn rename(mut fields: Value) -> Value {
    let name = fields["nmae"].take();
    json!({ "name": name })
}

fn split(fields: Value) -> Value {
    let name = fields["name"].as_str().unwrap_or_default();
    let (given, family) = name.split_once(' ').unwrap_or((name, ""));
    json!({ "given": given, "family": family })
}

#[test]
fn steps_are_taken_one_after_another_to_the_last() {
    let last = json!({ "NameGiven": { "given": "Anna", "family": "Öberg" } });
    let first = json!({ "NameGiven": { "nmae": "Anna Öberg" } });
    let second = json!({ "NameGiven": { "name": "Anna Öberg" } });
    assert_eq!(upcast_by(MADE_UP, "NameGiven", "1", first), last);
    assert_eq!(upcast_by(MADE_UP, "NameGiven", "2", second), last);
    assert_eq!(upcast_by(MADE_UP, "NameGiven", "3", last.clone()), last);
}

#[test]
fn what_no_step_knows_stays_as_it_is() {
    let body = json!({ "Unknown": { "a": 1 } });
    assert_eq!(upcast_by(MADE_UP, "Unknown", "1", body.clone()), body);
    assert_eq!(upcast_by(MADE_UP, "NameGiven", "not a number", body.clone()), body);
    assert_eq!(upcast_by(MADE_UP, "NameGiven", "1", body.clone()), body, "another event's body is not touched");
    assert_eq!(upcast("AccountRegistered", "1", body.clone()), body);
}

#[test]
fn a_step_serves_cqrs_es_the_same_way() {
    let mut event = SerializedEvent::new(
        "id".to_owned(),
        1,
        "person".to_owned(),
        "NameGiven".to_owned(),
        "1".to_owned(),
        json!({ "NameGiven": { "nmae": "Anna Öberg" } }),
        Value::Null,
    );
    for step in MADE_UP {
        if step.can_upcast(&event.event_type, &event.event_version) {
            event = step.upcast(event);
        }
    }
    assert_eq!(event.event_version, "3");
    assert_eq!(event.payload, json!({ "NameGiven": { "given": "Anna", "family": "Öberg" } }));
}

#[test]
fn steps_and_versions_of_the_catalogue_agree() {
    for spec in AnyEvent::catalogue() {
        let steps = upcasters();
        let current = spec.version.to_string();
        assert!(!steps.iter().any(|step| step.can_upcast(spec.name, &current)), "{} has a step too many", spec.name);
        for version in 1..spec.version {
            let known = steps.iter().any(|step| step.can_upcast(spec.name, &version.to_string()));
            assert!(known, "{} version {version} has no step to the next", spec.name);
        }
    }
}
