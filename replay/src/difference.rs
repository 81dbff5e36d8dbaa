//! Where rows are not what the log says.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_eventlog::Position;
use vitne_projections::store::Parked;

/// The most differences that a report names; all are counted.
pub(crate) const NAMED: usize = 1000;

/// How a row is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum How {
    /// The log says that there is a row, and there is none.
    Missing,
    /// There is a row that the log does not say.
    Extra,
    /// The row differs.
    Different {
        /// The paths of the fields that differ (RFC 6901), never their values.
        fields: Vec<String>,
    },
}

/// A row that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whose row.
    pub subject: AccountId,
    /// Which one.
    pub id: Uuid,
    /// How.
    #[serde(flatten)]
    pub how: How,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { subject, id, how } = self;
        match how {
            How::Missing => write!(f, "row {id} of subject {subject} is missing"),
            How::Extra => write!(f, "row {id} of subject {subject} is not in the log"),
            How::Different { fields } => write!(f, "row {id} of subject {subject} differs in {}", fields.join(", ")),
        }
    }
}

/// Somebody whose events wait behind one that cannot be folded. Their rows were not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedGap {
    /// Who: `subject/<id>` or `stream/<type>/<id>`.
    pub holder: String,
    /// From which position on.
    pub from_position: Position,
    /// The event's type.
    pub event_type: String,
    /// Why.
    pub reason: String,
}

impl From<&Parked> for NamedGap {
    fn from(parked: &Parked) -> Self {
        (&parked.parking).into()
    }
}

impl From<&vitne_projections::runner::Parking> for NamedGap {
    fn from(parking: &vitne_projections::runner::Parking) -> Self {
        Self {
            holder: parking.holder.to_string(),
            from_position: parking.position,
            event_type: parking.event_type.clone(),
            reason: parking.error.clone(),
        }
    }
}

impl std::fmt::Display for NamedGap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { holder, from_position, event_type, reason } = self;
        write!(f, "{holder} waits from position {from_position} ({event_type}): {reason}")
    }
}

/// The paths (RFC 6901) at which two documents differ.
pub(crate) fn differing_fields(left: &Value, right: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(left, right, String::new(), &mut paths);
    paths
}

fn walk(left: &Value, right: &Value, path: String, paths: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => walk(left, right, path, paths),
                    _ => paths.push(path),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                walk(left, right, format!("{path}/{index}"), paths);
            }
        }
        (left, right) if left != right => paths.push(path),
        _ => {}
    }
}
