//! Folding the log again and comparing every row.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_eventlog::{Position, Recorded};
use vitne_projections::runner::{Before, Parking, fold_batch};
use vitne_projections::store::{self, Generation};
use vitne_projections::{ColumnType, Projection, RowKey};

use crate::difference::{Difference, How, NAMED, NamedGap, differing_fields};
use crate::people::{EVERYBODY, People};
use crate::{Context, ReplayError};

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Which projection.
    pub projection: String,
    /// Its version.
    pub version: u32,
    /// Its live generation.
    pub generation: u32,
    /// The checkpoint at which it was compared: the first so many events.
    pub position: Position,
    /// Rows that the log says there are.
    pub rows: u64,
    /// How many rows are not what the log says.
    pub differing: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Who was not compared, and why.
    pub gaps: Vec<NamedGap>,
}

impl VerifyReport {
    /// The exit status of the command line: 0 if every row is what the log says, 1 if one is not, 2 if
    /// none is known to differ and somebody could not be compared.
    pub fn exit_status(&self) -> u8 {
        match (self.differing, self.gaps.is_empty()) {
            (0, true) => 0,
            (0, false) => 2,
            _ => 1,
        }
    }

    fn differs(&mut self, key: RowKey, how: How) {
        self.differing += 1;
        if self.differences.len() < NAMED {
            self.differences.push(Difference { subject: key.subject, id: key.id, how });
        }
    }
}

impl std::fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { projection, version, generation, position, rows, differing, .. } = self;
        writeln!(
            f,
            "{projection} v{version} g{generation}: {rows} rows folded from the first {position} events, {differing} differ"
        )?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        for gap in &self.gaps {
            writeln!(f, "  not compared: {gap}")?;
        }
        Ok(())
    }
}

/// Compares one projection, or all of them.
pub async fn verify(context: &Context, projection: Option<&str>) -> Result<Vec<VerifyReport>, ReplayError> {
    let chosen = match projection {
        Some(name) => vec![context.projection(name)?],
        None => context.projections.clone(),
    };
    let mut reports = Vec::new();
    for projection in chosen {
        reports.push(verify_one(context, projection.as_ref()).await?);
    }
    Ok(reports)
}

/// Folds the log person by person beside the rows, which one snapshot gives in the same order.
async fn verify_one(context: &Context, projection: &dyn Projection) -> Result<VerifyReport, ReplayError> {
    let mut snapshot = context.server.begin().await?;
    for statement in [
        "set transaction isolation level repeatable read read only",
        "set local statement_timeout = 0",
        "set local idle_in_transaction_session_timeout = 0",
    ] {
        sqlx::query(statement).execute(&mut *snapshot).await?;
    }
    let live = store::live(&mut snapshot, projection.name())
        .await?
        .filter(|live| live.generation.version == projection.version())
        .ok_or_else(|| ReplayError::NoLiveRows(projection.name().to_owned()))?;
    let parked = store::all_parked(&mut snapshot, &live.generation).await?;
    let mut report = VerifyReport {
        projection: live.generation.name.clone(),
        version: live.generation.version,
        generation: live.generation.generation,
        position: live.position,
        gaps: parked.iter().map(NamedGap::from).collect(),
        ..VerifyReport::default()
    };
    let skipped: BTreeSet<AccountId> = parked.iter().filter_map(|parked| parked.parking.holder.subject()).collect();
    let before =
        Before { skips: context.source.skips(projection.name(), projection.version()).await?, ..Before::default() };

    compare_columns(&mut snapshot, projection, &live.generation, &mut report).await?;
    let sql = format!("select subject, id, doc from {} order by subject, id", live.generation.table(projection));
    let rows = sqlx::query(&sql).fetch(&mut *snapshot).map_err(ReplayError::from).and_then(async |row| {
        let key = RowKey { subject: AccountId(row.try_get(0)?), id: row.try_get(1)? };
        let Json(doc) = row.try_get::<Json<Value>, _>(2)?;
        Ok((key, doc))
    });
    let mut rows = Rows { rows: Box::pin(rows), next: None };
    let mut people = People::of(context.source.as_ref(), live.position, EVERYBODY);
    loop {
        let (subject, events) = people.next().await?;
        if events.is_empty() {
            break;
        }
        let refolded = refold(projection, &before, &events);
        let Some(subject) = subject else {
            for parking in &refolded.parked {
                let gap = NamedGap::from(parking);
                if !report.gaps.iter().any(|known| known.holder == gap.holder) {
                    report.gaps.push(gap);
                }
            }
            continue;
        };
        while let Some((key, _)) = rows.take_before(subject).await? {
            report.differs(key, How::Extra);
        }
        let kept = rows.take_of(subject).await?;
        if skipped.contains(&subject) {
            continue;
        }
        if let Some(parking) = refolded.parked.first() {
            report.gaps.push(parking.into());
            continue;
        }
        report.rows += u64::try_from(refolded.rows.len()).unwrap_or(u64::MAX);
        compare(subject, &refolded.rows, &kept, &mut report);
    }
    while let Some((key, _)) = rows.pop().await? {
        report.differs(key, How::Extra);
    }
    if people.delivered != live.position.0 {
        return Err(ReplayError::Incomplete { delivered: people.delivered, expected: live.position.0 });
    }
    Ok(report)
}

struct Refolded {
    rows: BTreeMap<Uuid, Value>,
    parked: Vec<Parking>,
}

fn refold(projection: &dyn Projection, before: &Before, events: &[Recorded]) -> Refolded {
    let outcome = fold_batch(projection, before, events);
    let document = |doc: &str| serde_json::from_str(doc).unwrap_or(Value::Null);
    Refolded {
        rows: outcome.upserts.iter().map(|row| (row.key.id, document(&row.doc))).collect(),
        parked: outcome.parked.into_values().collect(),
    }
}

fn compare(
    subject: AccountId,
    folded: &BTreeMap<Uuid, Value>,
    kept: &BTreeMap<Uuid, Value>,
    report: &mut VerifyReport,
) {
    let ids: BTreeSet<Uuid> = folded.keys().chain(kept.keys()).copied().collect();
    for id in ids {
        let key = RowKey { subject, id };
        match (folded.get(&id), kept.get(&id)) {
            (Some(_), None) => report.differs(key, How::Missing),
            (None, Some(_)) => report.differs(key, How::Extra),
            (Some(folded), Some(kept)) if folded != kept => {
                report.differs(key, How::Different { fields: differing_fields(folded, kept) });
            }
            _ => {}
        }
    }
}

/// The columns beside the document are copies of its fields: the database compares them itself.
async fn compare_columns(
    snapshot: &mut PgConnection,
    projection: &dyn Projection,
    generation: &Generation,
    report: &mut VerifyReport,
) -> Result<(), ReplayError> {
    for column in projection.table().columns {
        let name = column.name;
        let field = format!("doc->'{name}'");
        let copied = match column.kind {
            // A moment has many spellings; a field that is not one at all has no moment.
            ColumnType::Timestamp => format!(
                "\"{name}\" is distinct from case when doc->>'{name}' ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:.]+(Z|[+-][0-9:]+)$'
                 then (doc->>'{name}')::timestamptz end"
            ),
            _ => format!("to_jsonb(\"{name}\") is distinct from nullif({field}, 'null')"),
        };
        let sql = format!("select subject, id from {} where {copied}", generation.table(projection));
        for row in sqlx::query(&sql).fetch_all(&mut *snapshot).await? {
            let key = RowKey { subject: AccountId(row.try_get(0)?), id: row.try_get(1)? };
            report.differs(key, How::Different { fields: vec![format!("column {name}")] });
        }
    }
    Ok(())
}

/// The rows, in the order of the people.
struct Rows<'a> {
    rows: BoxStream<'a, Result<(RowKey, Value), ReplayError>>,
    next: Option<(RowKey, Value)>,
}

impl Rows<'_> {
    async fn pop(&mut self) -> Result<Option<(RowKey, Value)>, ReplayError> {
        match self.next.take() {
            Some(row) => Ok(Some(row)),
            None => self.rows.try_next().await,
        }
    }

    /// The next row, if it belongs to somebody before `subject`.
    async fn take_before(&mut self, subject: AccountId) -> Result<Option<(RowKey, Value)>, ReplayError> {
        self.next = self.pop().await?;
        Ok(self.next.take_if(|(key, _)| key.subject < subject))
    }

    /// All rows of `subject`, which must be the next ones.
    async fn take_of(&mut self, subject: AccountId) -> Result<BTreeMap<Uuid, Value>, ReplayError> {
        let mut taken = BTreeMap::new();
        loop {
            self.next = self.pop().await?;
            match self.next.take_if(|(key, _)| key.subject == subject) {
                Some((key, doc)) => taken.insert(key.id, doc),
                None => return Ok(taken),
            };
        }
    }
}
