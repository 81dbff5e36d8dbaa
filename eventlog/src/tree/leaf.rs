//! The leaf of an event: its clear header and its commitment in one canonical text.
//!
//! `docs/verify.md` specifies the text byte by byte; [`LEAF_FORMAT`] is its first line. A change of
//! anything here is a new format with a new first line, for new events only: leaves are for ever.

use std::fmt::Write as _;

use chrono::SecondsFormat;

use super::hash::TreeHash;
use crate::Header;

/// The first line of the leaf data, its version.
pub const LEAF_FORMAT: &str = "vitne-leaf/1";

/// The value of an optional field that is absent. No present value can be mistaken for it: all
/// optional fields are UUIDs.
const ABSENT: &str = "-";

/// The fields of a header in the order of the leaf, each as text.
fn fields(header: &Header) -> [(&'static str, String); 19] {
    let optional = |id: Option<String>| id.unwrap_or_else(|| ABSENT.to_owned());
    // Microseconds are what the database keeps: nothing of what is stored may be left out of the leaf.
    let time = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    [
        ("position", header.position.to_string()),
        ("aggregate_type", escape(&header.aggregate_type)),
        ("aggregate_id", escape(&header.aggregate_id)),
        ("sequence", header.sequence.to_string()),
        ("event_type", escape(&header.event_type)),
        ("event_version", escape(&header.event_version)),
        ("event_id", header.event_id.to_string()),
        ("subject", optional(header.subject.map(|id| id.to_string()))),
        ("actor", header.actor.as_str().to_owned()),
        ("correlation", header.correlation.to_string()),
        ("causation", optional(header.causation.map(|id| id.to_string()))),
        ("ceremony", optional(header.ceremony.map(|id| id.to_string()))),
        ("session", optional(header.session.map(|id| id.to_string()))),
        ("device", optional(header.device.map(|id| id.to_string()))),
        ("occurred_at", time(header.occurred_at)),
        ("recorded_at", time(header.recorded_at)),
        ("class", header.class.as_str().to_owned()),
        ("epoch", header.epoch.to_string()),
        ("commitment", hex(&header.commitment)),
    ]
}

/// Keeps printable ASCII except space and `%`; writes every other byte of the UTF-8 form as `%XX`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..=0x20 | 0x7f.. => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
            _ => escaped.push(char::from(byte)),
        }
    }
    escaped
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The leaf data of an event: the format's line, then a line `name value` for each field, each ended
/// by a line feed. Two headers have the same leaf data only if they are the same.
pub fn leaf_data(header: &Header) -> Vec<u8> {
    let mut text = format!("{LEAF_FORMAT}\n");
    for (name, value) in fields(header) {
        let _ = writeln!(text, "{name} {value}");
    }
    text.into_bytes()
}

/// The leaf of an event: SHA-256(0x00 ‖ leaf data).
pub fn leaf_hash(header: &Header) -> TreeHash {
    TreeHash::leaf(&leaf_data(header))
}

/// The header as the JSON from which anybody can rebuild the leaf data: a string, number or null for
/// each field, under the names of the leaf data. Strings are not escaped here beyond what JSON asks.
pub fn header_json(header: &Header) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for (name, value) in fields(header) {
        let value = match name {
            "position" => header.position.0.into(),
            "sequence" => header.sequence.into(),
            "aggregate_type" => header.aggregate_type.clone().into(),
            "aggregate_id" => header.aggregate_id.clone().into(),
            "event_type" => header.event_type.clone().into(),
            "event_version" => header.event_version.clone().into(),
            _ if value == ABSENT => serde_json::Value::Null,
            _ => value.into(),
        };
        object.insert(name.to_owned(), value);
    }
    serde_json::Value::Object(object)
}
