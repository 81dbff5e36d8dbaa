//! The schema as a whole: its committed text, its mutations and their events, and what it refuses.

use std::collections::BTreeSet;

use async_graphql::Request;
use vitne_domain::AnyEvent;

use super::*;

fn committed() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql")).unwrap()
}

#[test]
fn the_committed_schema_is_the_schema() {
    assert!(committed() == sdl(), "api/schema.graphql has drifted: run `vitne docs`, or write graphql::sdl() to it");
}

/// The fields of a type in the schema's text.
fn fields(of: &str) -> BTreeSet<String> {
    let text = sdl();
    let body = text.split_once(&format!("\ntype {of} {{\n")).unwrap().1.split_once("\n}").unwrap().0;
    let mut documented = false;
    let mut names = BTreeSet::new();
    for line in body.lines() {
        if line.trim() == "\"\"\"" {
            documented = !documented;
        } else if !documented && line.starts_with('\t') && !line.starts_with("\t\t") {
            let name: String = line.trim().chars().take_while(|c| c.is_alphanumeric()).collect();
            if !name.is_empty() {
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn every_mutation_names_its_events() {
    let known: BTreeSet<String> = MUTATIONS.iter().map(|known| known.mutation.to_owned()).collect();
    assert_eq!(known, fields("Mutation"), "the table of catalogue.rs and the schema name the same mutations");
    assert_eq!(known.len(), MUTATIONS.len(), "each once");
    let events: BTreeSet<&str> = AnyEvent::catalogue().map(|spec| spec.name).collect();
    for known in MUTATIONS {
        assert!(!known.events.is_empty(), "{} changes no state without an event", known.mutation);
        for event in known.events {
            assert!(events.contains(event), "{}: {event} is not in the catalogue of events", known.mutation);
        }
    }
}

async fn code(query: &str) -> Option<String> {
    let request = match admission::measured(Request::new(query)) {
        Ok(request) => request,
        Err(refused) => return Some(refused.code.to_owned()),
    };
    let executed = schema(None).execute(request).await;
    executed.errors.first().map(|error| error.message.clone())
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_before_it_is_executed() {
    let page = "{viewer{activity(first:100){nodes{integrity{leafHash proof} session{device{lossPreview{kind}}}}}}}";
    let deep = format!("{{__schema{{types{}name{}}}}}", "{ofType".repeat(20) + "{", "}".repeat(21));
    let cases = [
        ("{viewer{nothing}}", "Unknown field \"nothing\" on type \"Viewer\"."),
        ("{viewer(atLeast:\"x\"){id}}", "Failed to parse \"Position\""),
        ("{viewer(atLeast:-1){id}}", "Failed to parse \"Position\""),
        ("{viewer{activity(first:\"1\"){nodes{id}}}}", "Invalid value for argument \"first\""),
        ("{viewer{activity(filter:{types:[NOTHING]}){nodes{id}}}}", "Invalid value for argument \"filter.types.0\""),
        ("{viewer{asOf(moment:{at:\"2026-01-01T00:00:00Z\",position:\"1\"}){position}}}", "Invalid value for argument"),
        ("mutation{renameDevice(input:{device:\"x\"}){status}}", "Invalid value for argument \"input\""),
        ("mutation{signOut{status} nothing{status}}", "Unknown field \"nothing\" on type \"Mutation\"."),
        ("query A{log{size}} query B{log{size}}", "Operation name required in request."),
        ("{log{size} ...f} fragment f on Query{...f}", "The recursion depth of the query cannot be greater than"),
        ("query($a:Position){viewer(atLeast:$a,atLeast:$a){id}}", "There can only be one argument named \"atLeast\""),
        (page, "Query is too complex."),
        (deep.as_str(), "Query is nested too deep."),
    ];
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let found = code(query).await;
        if !found.as_deref().is_some_and(|found| found.contains(expected)) {
            wrong.push(format!("{query:.120}\n  expected {expected}\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
