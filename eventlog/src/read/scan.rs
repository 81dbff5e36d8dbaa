//! The whole log up to a position, person by person, for rebuilds.

use std::sync::Arc;

use sqlx::{PgPool, Postgres, Transaction};

use super::COLUMNS;
use super::decode::{Reader, signed, stored, unavailable};
use crate::{Position, ReadError, Recorded};

/// Rows fetched and opened at once.
const PAGE: usize = 2000;

/// One of several equal parts of the subjects, so that readers can share the work.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u32,
    /// How many parts.
    pub of: u32,
}

/// The events up to a position, ordered by subject and then by position, in one snapshot. Events about
/// nobody come last and belong to one of the shards.
pub struct Scan {
    reader: Arc<Reader>,
    transaction: Transaction<'static, Postgres>,
    until: Position,
    whole: bool,
    count: u64,
    done: bool,
}

impl Scan {
    pub(crate) async fn begin(reader: Arc<Reader>, until: Position, shard: Option<Shard>) -> Result<Self, ReadError> {
        let pool: &PgPool = reader.pool();
        let mut transaction = pool.begin().await.map_err(unavailable)?;
        let shard = shard.filter(|shard| shard.of > 1);
        let filter = shard.map_or(String::new(), |shard| {
            // hashtextextended is stable within one server version, which is all that a snapshot needs.
            format!(
                "AND (hashtextextended(coalesce(subject::text, ''), 0) & 9223372036854775807) % {} = {}",
                shard.of, shard.index
            )
        });
        let statements = [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            "SET LOCAL cursor_tuple_fraction = 1".to_owned(),
            format!(
                "DECLARE scan NO SCROLL CURSOR FOR SELECT {COLUMNS} FROM log.events WHERE position <= {} {filter}
                 ORDER BY subject, position",
                signed(until)
            ),
        ];
        for statement in &statements {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        Ok(Self { reader, transaction, until, whole: shard.is_none(), count: 0, done: false })
    }

    /// The next events; `None` after the last. An error means that the scan is incomplete. Over all
    /// shards the events add up to `until`; a scan without shards checks that itself.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Recorded>>, ReadError> {
        if self.done {
            return Ok(None);
        }
        let fetch = format!("FETCH {PAGE} FROM scan");
        let rows = sqlx::query(&fetch).fetch_all(&mut *self.transaction).await.map_err(unavailable)?;
        self.count += rows.len() as u64;
        if rows.is_empty() {
            self.done = true;
            if self.whole && self.count != self.until.0 {
                let reason = format!("{} events stand in the first {} positions", self.count, self.until);
                return Err(ReadError::Damaged { position: self.until.0, reason });
            }
            return Ok(None);
        }
        self.reader.open(stored(&rows)?).await.map(Some)
    }

    /// How many events were read so far.
    pub fn count(&self) -> u64 {
        self.count
    }
}
