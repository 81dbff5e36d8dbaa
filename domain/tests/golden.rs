//! An event's name and fields are a public interface for ever: one file for every version of every
//! event, which must load as long as Vitne exists. A released file is never changed.
//!
//! A new event or version needs a new file, written by hand with every field filled. `VITNE_BLESS=1`
//! rewrites the files of current versions in the form that the serialiser gives them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cqrs_es::DomainEvent;
use serde_json::Value;
use vitne_domain::{AnyEvent, EventSpec};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn path(name: &str, version: u32) -> PathBuf {
    directory().join(format!("{name}.v{version}.json"))
}

fn load(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn encode(event: &AnyEvent) -> Value {
    match event {
        AnyEvent::Account(event) => serde_json::to_value(event),
        AnyEvent::Claim(event) => serde_json::to_value(event),
        AnyEvent::Ceremony(event) => serde_json::to_value(event),
        AnyEvent::Device(event) => serde_json::to_value(event),
        AnyEvent::Session(event) => serde_json::to_value(event),
        AnyEvent::Operation(event) => serde_json::to_value(event),
    }
    .expect("events serialise")
}

fn named(event: &AnyEvent) -> (String, String) {
    fn of(event: &impl DomainEvent) -> (String, String) {
        (event.event_type(), event.event_version())
    }
    match event {
        AnyEvent::Account(event) => of(event),
        AnyEvent::Claim(event) => of(event),
        AnyEvent::Ceremony(event) => of(event),
        AnyEvent::Device(event) => of(event),
        AnyEvent::Session(event) => of(event),
        AnyEvent::Operation(event) => of(event),
    }
}

fn decode(spec: &EventSpec, version: u32, body: Value) -> AnyEvent {
    AnyEvent::decode(spec.aggregate, spec.name, &version.to_string(), body)
        .unwrap_or_else(|error| panic!("{} version {version} no longer loads: {error}", spec.name))
}

#[test]
fn every_version_of_every_event_has_a_file_and_loads() {
    for spec in AnyEvent::catalogue() {
        for version in 1..=spec.version {
            let path = path(spec.name, version);
            assert!(
                path.exists(),
                "{} version {version} has no golden file: write {} with every field filled",
                spec.name,
                path.display()
            );
            let event = decode(spec, version, load(&path));
            assert_eq!(named(&event), (spec.name.to_owned(), spec.version.to_string()), "{}", path.display());
        }
    }
}

#[test]
fn current_versions_are_written_as_they_were_read() {
    for spec in AnyEvent::catalogue() {
        let path = path(spec.name, spec.version);
        let stored = load(&path);
        let written = encode(&decode(spec, spec.version, stored.clone()));
        if std::env::var_os("VITNE_BLESS").is_some() {
            let text = serde_json::to_string_pretty(&written).expect("values serialise");
            std::fs::write(&path, text + "\n").expect("the golden file can be written");
            continue;
        }
        assert_eq!(written, stored, "{}", path.display());
    }
}

#[test]
fn files_fill_every_field_of_the_catalogue_and_no_other() {
    for spec in AnyEvent::catalogue() {
        let body = load(&path(spec.name, spec.version));
        let fields = body.get(spec.name).and_then(Value::as_object).expect("a body is {name: fields}");
        let stored: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
        let declared: BTreeSet<&str> = spec.fields.iter().map(|field| field.name).collect();
        assert_eq!(stored, declared, "{}", spec.name);
        let empty: Vec<_> = fields.iter().filter(|(_, value)| value.is_null()).collect();
        assert!(empty.is_empty(), "{}: fill {empty:?}, or its form is not held by the file", spec.name);
    }
}

#[test]
fn no_file_is_left_of_an_event_that_the_catalogue_does_not_know() {
    let known: BTreeSet<String> = AnyEvent::catalogue()
        .flat_map(|spec| (1..=spec.version).map(|version| format!("{}.v{version}.json", spec.name)))
        .collect();
    for entry in std::fs::read_dir(directory()).expect("the golden directory can be read") {
        let name = entry.expect("its entries too").file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "{name} belongs to no event: names and versions are kept for ever");
    }
}

#[test]
fn a_body_with_a_field_missing_does_not_load() {
    for spec in AnyEvent::catalogue() {
        for field in spec.fields.iter().filter(|field| !field.kind.starts_with("Option")) {
            let mut body = load(&path(spec.name, spec.version));
            body[spec.name].as_object_mut().expect("fields").remove(field.name);
            let loaded = AnyEvent::decode(spec.aggregate, spec.name, &spec.version.to_string(), body);
            assert!(loaded.is_err(), "{} loads without {}", spec.name, field.name);
        }
    }
}
