//! Who may depend on whom, and who may write what.

use std::collections::BTreeSet;
use std::fs;

use crate::tree::{Source, none, root, rust};

/// A room and the rooms it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("eventlog", &["domain"]),
    ("projections", &["domain", "eventlog"]),
    ("gateways", &["domain"]),
    ("replay", &["domain", "eventlog", "projections"]),
    ("api", &["domain", "eventlog", "projections", "gateways", "replay"]),
    ("tests", &["domain", "eventlog", "projections", "gateways", "replay", "api"]),
];

/// All that the domain may depend on: pure computation. cqrs-es brings tokio with it for its own
/// framework's traits; nothing of the domain runs on it.
const PURE: &[&str] = &[
    "argon2",
    "base64",
    "chrono",
    "cqrs-es",
    "hmac",
    "rand_core",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "totp-rs",
    "unicode-normalization",
    "uuid",
    "zeroize",
    "zxcvbn",
];

/// Where the real clock and the real generator enter; everybody else is handed theirs.
const COMPOSITION: &[&str] = &["api/src/main.rs", "api/src/clock.rs"];

/// The names of a section of a room's manifest.
fn dependencies(room: &str, section: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
    let header = format!("[{section}]");
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    let own = lines.take_while(|line| !line.starts_with('['));
    own.filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn crate_of(room: &str) -> String {
    if room == "api" { "vitne".to_owned() } else { format!("vitne-{room}") }
}

#[test]
fn a_room_imports_only_what_the_plan_allows() {
    let mut broken = Vec::new();
    for (room, allowed) in ARROWS {
        let allowed: BTreeSet<String> = allowed.iter().map(|room| crate_of(room)).collect();
        let found = dependencies(room, "dependencies");
        assert!(!found.is_empty(), "{room}/Cargo.toml was read");
        let rooms = found.into_iter().filter(|name| name.starts_with("vitne"));
        broken.extend(rooms.filter(|name| !allowed.contains(name)).map(|name| format!("{room} imports {name}")));
    }
    none(broken, "an arrow that is not on the plan");
}

#[test]
fn every_room_is_on_the_plan() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    let listed: BTreeSet<&str> = members.split('"').skip(1).step_by(2).collect();
    assert_eq!(listed, ARROWS.iter().map(|(room, _)| *room).collect());
}

#[test]
fn the_domain_is_pure() {
    let found = dependencies("domain", "dependencies");
    let broken = found.into_iter().filter(|name| !PURE.contains(&name.as_str())).collect();
    none(broken, "the domain computes; it does no I/O and has no runtime. These are not on its list:");
}

#[test]
fn time_and_randomness_enter_at_the_composition() {
    let words = [
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "thread_rng",
        "OsRng",
        "SysRng",
        "getrandom::",
        "Uuid::new_v4",
        "Uuid::now_v7",
    ];
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !source.is_test() && !COMPOSITION.contains(&source.path.as_str())) {
        broken.extend(
            words.iter().filter(|word| source.code().contains(*word)).map(|word| format!("{}: {word}", source.path)),
        );
    }
    none(broken, "time and randomness are arguments");
}

/// Every statement of SQL in a source that changes rows of a table, as `VERB target`.
fn changes(source: &Source) -> Vec<(String, String)> {
    let words: Vec<&str> = source
        .code()
        .split(|char: char| char.is_whitespace() || "\"(),;`".contains(char))
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for window in words.windows(3) {
        let [first, second, third] = window else { continue };
        let target = match (*first, *second) {
            ("INSERT", "INTO") | ("DELETE", "FROM") => third,
            ("TRUNCATE", "TABLE") => third,
            ("TRUNCATE" | "COPY", table) if table.contains('.') => second,
            ("UPDATE", table) if table.contains('.') || *third == "SET" => second,
            _ => continue,
        };
        found.push(((*first).to_owned(), (*target).to_owned()));
    }
    found
}

#[test]
fn changing_statements_are_recognised() {
    let text = "\"INSERT INTO log.events (a)\" \"WITH x AS (DELETE FROM log.events) UPDATE log.head SET n = 1\" FOR UPDATE SKIP LOCKED";
    let source = Source { path: "api/src/x.rs".to_owned(), text: text.to_owned() };
    let found: Vec<_> = changes(&source).into_iter().map(|(verb, target)| format!("{verb} {target}")).collect();
    assert_eq!(found, ["INSERT log.events", "DELETE log.events", "UPDATE log.head"]);
}

#[test]
fn only_the_log_writes_the_log() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !source.is_test() && source.room() != "eventlog") {
        for (verb, target) in changes(source) {
            if ["log.", "secrets.", "tree."].iter().any(|schema| target.starts_with(schema)) {
                broken.push(format!("{}: {verb} {target}", source.path));
            }
        }
    }
    none(broken, "only eventlog writes events, keys and the tree");
}

#[test]
fn nothing_changes_an_event() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !source.is_test()) {
        for (verb, target) in changes(source) {
            if verb != "INSERT"
                && verb != "COPY"
                && ["log.events", "tree.tiles", "tree.checkpoints"].contains(&target.as_str())
            {
                broken.push(format!("{}: {verb} {target}", source.path));
            }
        }
    }
    none(broken, "an event, a tile and a checkpoint are written once");
}

#[test]
fn only_projections_write_read_models() {
    let mut broken = Vec::new();
    for source in rust().iter().filter(|source| !source.is_test()) {
        for (verb, target) in changes(source) {
            let may = match source.room() {
                "projections" => true,
                "eventlog" => ["log.", "secrets.", "tree."].iter().any(|schema| target.starts_with(schema)),
                // The limits that nodes share are neither events nor read models.
                "api" => target.starts_with("limits."),
                _ => false,
            };
            if !may {
                broken.push(format!("{}: {verb} {target}", source.path));
            }
        }
    }
    none(broken, "events are written through the log and read models through projections");
}
