//! Comparing two generations of the same version at the same position.

use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_projections::Projection;
use vitne_projections::store::{self, Generation};

use crate::ReplayError;
use crate::difference::{Difference, How, NAMED, NamedGap, differing_fields};

/// What differs between a live generation and one rebuilt from the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// How many live rows were not what the log says.
    pub differing: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Who was not compared, because they wait in one of the two.
    pub gaps: Vec<NamedGap>,
}

/// Compares rows byte for byte, within the snapshot of the connection's transaction.
pub(crate) async fn compare(
    snapshot: &mut PgConnection,
    projection: &dyn Projection,
    live: &Generation,
    rebuilt: &Generation,
) -> Result<Comparison, ReplayError> {
    let mut gaps = store::all_parked(snapshot, live).await?;
    gaps.extend(store::all_parked(snapshot, rebuilt).await?);
    let waiting: Vec<Uuid> =
        gaps.iter().filter_map(|gap| gap.parking.holder.subject()).map(|subject| subject.0).collect();
    let sql = format!(
        "select coalesce(l.subject, r.subject), coalesce(l.id, r.id), l.doc, r.doc, count(*) over ()
         from {} l full join {} r on l.subject = r.subject and l.id = r.id
         where l::text is distinct from r::text and not coalesce(l.subject, r.subject) = any($1)
         order by 1, 2 limit $2",
        live.table(projection),
        rebuilt.table(projection)
    );
    let rows = sqlx::query(&sql)
        .bind(waiting)
        .bind(i64::try_from(NAMED).unwrap_or(i64::MAX))
        .fetch_all(&mut *snapshot)
        .await?;
    let mut comparison = Comparison { gaps: gaps.iter().map(NamedGap::from).collect(), ..Comparison::default() };
    for row in rows {
        let (kept, folded): (Option<Json<Value>>, Option<Json<Value>>) = (row.try_get(2)?, row.try_get(3)?);
        let how = match (kept, folded) {
            (None, _) => How::Missing,
            (_, None) => How::Extra,
            (Some(kept), Some(folded)) => How::Different { fields: fields(&folded.0, &kept.0) },
        };
        comparison.differing = u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0);
        comparison.differences.push(Difference { subject: AccountId(row.try_get(0)?), id: row.try_get(1)?, how });
    }
    Ok(comparison)
}

fn fields(folded: &Value, kept: &Value) -> Vec<String> {
    let fields = differing_fields(folded, kept);
    if fields.is_empty() { vec!["a column beside the document".to_owned()] } else { fields }
}
