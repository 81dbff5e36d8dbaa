//! Size, and words that do not belong here.

use crate::tree::{Source, everything, none, rust};

/// A file is read in one sitting.
const LONGEST: usize = 400;

/// Files that are not written by people.
fn is_generated(source: &Source) -> bool {
    source.path == "Cargo.lock" || source.path.ends_with("blocklist.txt")
}

/// The rules themselves have to spell what they forbid.
fn is_rule(source: &Source) -> bool {
    source.path.starts_with("tests/tests/tidy/") || source.path == "clippy.toml"
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !source.is_test()) {
        let lines = source.code().lines().count();
        if lines > LONGEST {
            broken.push(format!("{}: {lines} lines", source.path));
        }
    }
    none(broken, "a file outside the tests has at most 400 lines and holds one thing");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "TODO",
        "FIXME",
        "XXX ",
        "XXX:",
        "HACK",
        "todo!(",
        "unimplemented!(",
        "for now,",
        "for now.",
        "for now)",
        "for now\n",
    ];
    let mut broken = Vec::new();
    for source in everything().iter().filter(|source| !is_generated(source) && !is_rule(source)) {
        for (number, line) in source.lines() {
            let line = format!("{line}\n");
            broken.extend(
                words
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}:{number}: {}", source.path, word.trim())),
            );
        }
    }
    none(broken, "what is here is done; what is not done is not here");
}

#[test]
fn no_machine_is_named() {
    let places = ["/home/", "/root/", "/Users/", "/work/"];
    let mut broken = Vec::new();
    for source in everything().iter().filter(|source| !is_generated(source) && !is_rule(source)) {
        for (number, line) in source.lines() {
            broken.extend(
                places
                    .iter()
                    .filter(|place| line.contains(*place))
                    .map(|place| format!("{}:{number}: {place}", source.path)),
            );
        }
    }
    none(broken, "a path of somebody's machine");
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let mut broken = Vec::new();
    for source in everything().iter().filter(|source| source.path.ends_with("Cargo.toml") && source.path.contains('/'))
    {
        if !source.text.contains("[lints]\nworkspace = true") {
            broken.push(source.path.clone());
        }
    }
    none(broken, "a crate that does not take the workspace's lints, which forbid unsafe code");
    let manifest = everything().into_iter().find(|source| source.path == "Cargo.toml").unwrap();
    assert!(manifest.text.contains("unsafe_code = \"forbid\""));
}

#[test]
fn an_exception_from_a_lint_has_a_reason() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !is_rule(source)) {
        let mut rest = source.text.as_str();
        while let Some(at) =
            ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().filter_map(|word| rest.find(word)).min()
        {
            let attribute = &rest[at..rest[at..].find(")]").map_or(rest.len(), |end| at + end)];
            if !attribute.contains("reason =") {
                broken.push(format!("{}: {}", source.path, attribute.lines().next().unwrap_or_default()));
            }
            rest = &rest[at + 2..];
        }
    }
    none(broken, "an allowed lint says why: reason = \"…\"");
}
