//! Migrations: listed, numbered, explained.

use std::collections::BTreeSet;

use vitne_eventlog::database::MIGRATIONS;

use crate::tree::{Source, everything, none};

fn files() -> Vec<Source> {
    everything()
        .into_iter()
        .filter(|source| source.path.starts_with("migrations/") && source.path.ends_with(".sql"))
        .collect()
}

#[test]
fn every_migration_is_compiled_in_and_in_order() {
    let numbers: Vec<i64> = MIGRATIONS.iter().map(|(number, _, _)| *number).collect();
    assert!(
        numbers.is_sorted_by(|one, next| one < next),
        "the list is in order and no number is used twice: {numbers:?}"
    );
    let listed: BTreeSet<String> =
        MIGRATIONS.iter().map(|(number, name, _)| format!("migrations/{number:04}_{name}.sql")).collect();
    let found: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    assert_eq!(found, listed, "the files in migrations/ are the list in eventlog/src/database/migrations.rs");
    for file in files() {
        assert!(
            MIGRATIONS.iter().any(|(_, _, text)| *text == file.text),
            "{} is the text that is compiled in",
            file.path
        );
    }
}

#[test]
fn a_migration_begins_with_its_reason() {
    let bare = |file: &Source| !file.text.lines().next().is_some_and(|line| line.starts_with("-- ") && line.len() > 20);
    none(files().into_iter().filter(bare).map(|file| file.path).collect(), "the first line says why, as `-- reason`");
}
