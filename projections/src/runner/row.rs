//! A row as it is stored: the document and, beside it, the columns that are copied from it.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{DateTime, Datelike};
use serde_json::Value;
use uuid::Uuid;

use crate::{Column, ColumnType, FoldError, RowKey, Table};

/// A row in the texts that PostgreSQL reads, the same for a bulk upsert and for `COPY`, so that a
/// rebuilt table cannot differ from a live one by the way it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Its key.
    pub key: RowKey,
    /// One text (or null) for each column of the table, in its order.
    pub columns: Vec<Option<String>>,
    /// The document as JSON.
    pub doc: String,
}

impl StoredRow {
    /// The stored form of a document. Fails on what PostgreSQL would refuse, so that a bad document
    /// parks its subject and never stops the whole batch.
    pub fn new(table: &Table, key: RowKey, doc: &Value) -> Result<Self, FoldError> {
        check_document(doc)?;
        let columns = table
            .columns
            .iter()
            .map(|column| Ok(column_text(column, doc)?.map(Cow::into_owned)))
            .collect::<Result<_, FoldError>>()?;
        Ok(Self { key, columns, doc: doc.to_string() })
    }
}

/// Whether a document can be stored in a table.
pub(super) fn check(table: &Table, doc: &Value) -> Result<(), FoldError> {
    check_document(doc)?;
    for column in table.columns {
        column_text(column, doc)?;
    }
    Ok(())
}

/// A row is a JSON object without the character U+0000, which `jsonb` cannot hold.
fn check_document(doc: &Value) -> Result<(), FoldError> {
    if !doc.is_object() {
        return Err(FoldError("the row is not a JSON object".to_owned()));
    }
    if has_nul(doc) {
        return Err(FoldError("the row holds the character U+0000".to_owned()));
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.as_bytes().contains(&0),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.as_bytes().contains(&0) || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The text of a column, checked to be one that its type accepts; `None` for null or absent.
fn column_text<'a>(column: &Column, doc: &'a Value) -> Result<Option<Cow<'a, str>>, FoldError> {
    let value = match doc.get(column.name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let text = match (column.kind, value) {
        (ColumnType::BigInt, value) => value.as_i64().map(|number| Cow::Owned(number.to_string())),
        (ColumnType::Boolean, Value::Bool(true)) => Some(Cow::Borrowed("true")),
        (ColumnType::Boolean, Value::Bool(false)) => Some(Cow::Borrowed("false")),
        (ColumnType::Text, Value::String(text)) => Some(Cow::Borrowed(text.as_str())),
        (ColumnType::Timestamp, Value::String(text)) => is_timestamp(text).then_some(Cow::Borrowed(text.as_str())),
        (ColumnType::Uuid, Value::String(text)) => {
            Uuid::try_parse(text).is_ok().then_some(Cow::Borrowed(text.as_str()))
        }
        (ColumnType::TextArray, Value::Array(items)) => array_text(items).map(Cow::Owned),
        _ => None,
    };
    match text {
        Some(text) => Ok(Some(text)),
        None => Err(FoldError(format!("the row's field {} is not a {:?}", column.name, column.kind))),
    }
}

/// RFC 3339, in years that PostgreSQL has.
fn is_timestamp(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok_and(|moment| moment.year() >= 1)
}

/// An array literal: every element quoted, so that no text is taken for a null or a delimiter.
fn array_text(items: &[Value]) -> Option<String> {
    let mut literal = String::from("{");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for character in item.as_str()?.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    Some(literal)
}

/// Appends a row in the text format of `COPY`.
pub fn write_copy_line(buffer: &mut String, row: &StoredRow) {
    // Writing to a string cannot fail.
    let _ = write!(buffer, "{}\t{}", row.key.subject, row.key.id);
    for column in row.columns.iter().map(Option::as_deref).chain([Some(row.doc.as_str())]) {
        buffer.push('\t');
        match column {
            None => buffer.push_str("\\N"),
            Some(text) => escape_copy(buffer, text),
        }
    }
    buffer.push('\n');
}

fn escape_copy(buffer: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' => buffer.push_str("\\\\"),
            '\t' => buffer.push_str("\\t"),
            '\n' => buffer.push_str("\\n"),
            '\r' => buffer.push_str("\\r"),
            other => buffer.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vitne_domain::id::AccountId;

    use super::*;

    const TABLE: Table = Table {
        name: "sample",
        columns: &[
            Column { name: "position", kind: ColumnType::BigInt },
            Column { name: "at", kind: ColumnType::Timestamp },
            Column { name: "tags", kind: ColumnType::TextArray },
            Column { name: "device", kind: ColumnType::Uuid },
            Column { name: "title", kind: ColumnType::Text },
        ],
        indexes: &[],
    };

    fn key() -> RowKey {
        RowKey { subject: AccountId(Uuid::nil()), id: Uuid::nil() }
    }

    #[test]
    fn columns_are_copied_from_the_document() {
        let doc =
            json!({"position": 7, "at": "2026-01-02T03:04:05.006Z", "tags": ["a,b", "NULL", "q\"\\"], "title": null});
        let row = StoredRow::new(&TABLE, key(), &doc).unwrap();
        assert_eq!(
            row.columns,
            [
                Some("7".to_owned()),
                Some("2026-01-02T03:04:05.006Z".to_owned()),
                Some(r#"{"a,b","NULL","q\"\\"}"#.to_owned()),
                None,
                None
            ]
        );
    }

    #[test]
    fn what_the_database_would_refuse_is_a_fold_error() {
        for doc in [
            json!([]),
            json!({"title": "a\u{0}b"}),
            json!({"deep": [{"\u{0}": 1}]}),
            json!({"position": "7"}),
            json!({"position": u64::MAX}),
            json!({"at": "yesterday"}),
            json!({"at": "0000-01-01T00:00:00Z"}),
            json!({"tags": ["a", 1]}),
            json!({"device": "x"}),
        ] {
            assert!(StoredRow::new(&TABLE, key(), &doc).is_err(), "{doc}");
            assert!(check(&TABLE, &doc).is_err(), "{doc}");
        }
    }

    #[test]
    fn copy_lines_escape_what_delimits_them() {
        let row = StoredRow { key: key(), columns: vec![None, Some("a\tb\\\n".to_owned())], doc: "{}".to_owned() };
        let mut line = String::new();
        write_copy_line(&mut line, &row);
        let nil = Uuid::nil();
        assert_eq!(line, format!("{nil}\t{nil}\t\\N\ta\\tb\\\\\\n\t{{}}\n"));
    }
}
