//! A projection is a value: a name, a version, a table, and a pure function from events to rows.

use serde_json::Value;
use uuid::Uuid;
use vitne_domain::id::AccountId;
use vitne_eventlog::Recorded;

/// The key of a row. Every row belongs to one person; nothing joins two persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Whose row.
    pub subject: AccountId,
    /// Which one.
    pub id: Uuid,
}

/// The SQL type of a column kept beside the document, for filters and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `bigint`
    BigInt,
    /// `timestamptz`
    Timestamp,
    /// `text`
    Text,
    /// `text[]`
    TextArray,
    /// `uuid`
    Uuid,
    /// `boolean`
    Boolean,
}

/// A column kept beside the document.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name: also the top-level key of the document it is copied from.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
}

/// The one table of a projection: `(subject uuid, id uuid, <columns>, doc jsonb, primary key (subject, id))`.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name within the projection's schema, and of its view in `read`.
    pub name: &'static str,
    /// What is kept beside the document. Each value is copied from the document, so a row can be
    /// compared and rebuilt from the document alone.
    pub columns: &'static [Column],
    /// Index definitions, as the text between `ON <table>` and the semicolon.
    pub indexes: &'static [&'static str],
}

/// Why an event could not be folded. Parks the subject; never skips the event.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FoldError(pub String);

/// From events to rows. Pure: the same events give the same bytes, whenever and wherever.
pub trait Projection: Send + Sync + 'static {
    /// The name, used in schemas (`activity_v3`), metrics and the command line.
    fn name(&self) -> &'static str;

    /// Raised whenever the same events would give other rows.
    fn version(&self) -> u32;

    /// Where the rows live.
    fn table(&self) -> &'static Table;

    /// The rows an event touches. Empty for most events of most projections.
    fn keys(&self, event: &Recorded) -> Vec<RowKey>;

    /// The row after the event; `None` for no row.
    fn fold(&self, key: &RowKey, row: Option<Value>, event: &Recorded) -> Result<Option<Value>, FoldError>;
}
