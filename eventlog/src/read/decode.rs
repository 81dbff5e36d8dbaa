//! From rows to events: fetches the keys a page needs at once, opens, parses.

use std::sync::Arc;

use serde_json::Value;
use sqlx::{PgPool, Row};
use vitne_domain::id::AccountId;
use vitne_domain::{AnyEvent, NetworkContext, RetentionClass};

use super::ring::Ring;
use super::{COLUMNS, Stored};
use crate::seal::{Found, KeyError, Keys, Need, Opened, Opening, Vault, open_parts};
use crate::{Body, Header, Position, ReadError, Recorded};

/// An opened body.
pub(crate) enum Plain {
    /// The body as JSON, not yet upcast.
    Body(Value),
    Shredded,
    Broken(String),
}

/// Reads the log.
pub(crate) struct Reader {
    pool: PgPool,
    vault: Arc<Vault>,
    ring: Ring,
    /// Followers that stand at the end of the log take turns, so that one of them opens for all.
    turn: tokio::sync::Mutex<()>,
}

impl Reader {
    pub(crate) fn new(pool: PgPool, vault: Arc<Vault>) -> Self {
        Self { pool, vault, ring: Ring::new(), turn: tokio::sync::Mutex::new(()) }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Forgets opened events: a key was destroyed.
    pub(crate) fn forget(&self) {
        self.ring.clear();
    }

    pub(crate) async fn head(&self) -> Result<Position, ReadError> {
        let last: i64 =
            sqlx::query_scalar("SELECT last FROM log.head").fetch_one(&self.pool).await.map_err(unavailable)?;
        Ok(Position(u64::try_from(last).unwrap_or(0)))
    }

    /// Events after `after`. Every one up to the head, or an error.
    pub(crate) async fn read(&self, after: Position, limit: u32) -> Result<Vec<Recorded>, ReadError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        if let Some(events) = self.ring.after(after, wanted) {
            return Ok(events);
        }
        let _turn = self.turn.lock().await;
        if let Some(events) = self.ring.after(after, wanted) {
            return Ok(events);
        }
        let events = self.open(self.page(after, limit).await?).await?;
        self.ring.extend(&events);
        Ok(events)
    }

    /// One person's events after `after`, in order.
    pub(crate) async fn read_subject(
        &self,
        subject: AccountId,
        after: Position,
        limit: u32,
    ) -> Result<Vec<Recorded>, ReadError> {
        let sql =
            format!("SELECT {COLUMNS} FROM log.events WHERE subject = $1 AND position > $2 ORDER BY position LIMIT $3");
        let rows = sqlx::query(&sql)
            .bind(subject.0)
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        self.open(stored(&rows)?).await
    }

    /// What is needed to prove the event at a position; `None` once its body's key is destroyed.
    pub(crate) async fn opening(&self, at: Position) -> Result<Option<Opening>, ReadError> {
        let before = Position(at.0.saturating_sub(1));
        let stored = self.page(before, 1).await?.into_iter().find(|stored| stored.header.position == at);
        let Some(stored) = stored else { return Ok(None) };
        let keys = self.keys(std::slice::from_ref(&stored)).await?;
        match open_with(&stored, &keys) {
            Opened::Open(opening) => Ok(Some(*opening)),
            Opened::Shredded => Ok(None),
            Opened::Broken(reason) => Err(ReadError::Damaged { position: at.0, reason: reason.to_owned() }),
        }
    }

    /// A page of rows in one snapshot with the head, so that a missing end is noticed too.
    async fn page(&self, after: Position, limit: u32) -> Result<Vec<Stored>, ReadError> {
        let sql = format!(
            "SELECT e.*, h.last FROM log.head h LEFT JOIN LATERAL (
               SELECT {COLUMNS} FROM log.events WHERE position > $1 ORDER BY position LIMIT $2) e ON true
             ORDER BY e.position"
        );
        let rows = sqlx::query(&sql)
            .bind(signed(after))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let damaged = |position: u64, reason: &str| ReadError::Damaged { position, reason: reason.to_owned() };
        let Some(first) = rows.first() else { return Err(damaged(0, "the head row is missing")) };
        let head: i64 = first.try_get("last").map_err(unavailable)?;
        let head = u64::try_from(head).unwrap_or(0);
        let present = rows.iter().filter(|row| !matches!(row.try_get::<Option<i64>, _>(0), Ok(None)));
        let page = present
            .map(|row| Stored::from_row(row).map_err(|error| unparsed(row, &error)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut expected = after.0 + 1;
        for stored in &page {
            if stored.header.position.0 != expected {
                return Err(damaged(expected, "the event is missing"));
            }
            expected += 1;
        }
        if expected > head.max(after.0) + 1 {
            return Err(damaged(expected - 1, "the event stands beyond the head"));
        }
        if page.len() < usize::try_from(limit).unwrap_or(usize::MAX) && expected <= head {
            return Err(damaged(expected, "the event is missing at the end of the log"));
        }
        Ok(page)
    }

    /// Opens a page.
    pub(crate) async fn open(&self, page: Vec<Stored>) -> Result<Vec<Recorded>, ReadError> {
        let keys = self.keys(&page).await?;
        Ok(page.into_iter().map(|stored| record(stored, &keys)).collect())
    }

    /// Opens the bodies of a stream, without their contexts.
    pub(crate) async fn open_bodies(&self, page: Vec<Stored>) -> Result<Vec<(Header, Plain)>, KeyError> {
        let keys = self.vault.keys(page.iter().map(|stored| body_need(&stored.header))).await?;
        Ok(page
            .into_iter()
            .map(|stored| {
                let plain = match keys.key(body_need(&stored.header)) {
                    Found::Live(key) => plain(&open_parts(&stored.header, &stored.payload, Some(&key), None)),
                    Found::Destroyed => Plain::Shredded,
                    Found::Missing => Plain::Broken(MISSING.to_owned()),
                };
                (stored.header, plain)
            })
            .collect())
    }

    async fn keys(&self, page: &[Stored]) -> Result<Keys, ReadError> {
        let needs = page.iter().flat_map(|stored| [body_need(&stored.header), context_need(&stored.header)]);
        self.vault.keys(needs).await.map_err(|error| ReadError::Unavailable(error.to_string()))
    }
}

const MISSING: &str = "its key is missing from the secrets, and was not destroyed";

/// The key of an event's body.
pub(crate) fn body_need(header: &Header) -> Need {
    Need { subject: header.subject, class: header.class, epoch: header.epoch }
}

/// The key of an event's network context.
pub(crate) fn context_need(header: &Header) -> Need {
    let class = RetentionClass::Network;
    Need { subject: header.subject, class, epoch: class.epoch(header.occurred_at) }
}

fn open_with(stored: &Stored, keys: &Keys) -> Opened {
    let body = match keys.key(body_need(&stored.header)) {
        Found::Live(key) => Some(key),
        Found::Destroyed => None,
        Found::Missing => return Opened::Broken(MISSING),
    };
    let context = match keys.key(context_need(&stored.header)) {
        Found::Live(key) => Some(key),
        Found::Destroyed => None,
        Found::Missing => return Opened::Broken(MISSING),
    };
    open_parts(&stored.header, &stored.payload, body.as_ref(), context.as_ref())
}

fn plain(opened: &Opened) -> Plain {
    match opened {
        Opened::Shredded => Plain::Shredded,
        Opened::Broken(reason) => Plain::Broken((*reason).to_owned()),
        Opened::Open(opening) => match serde_json::from_slice(&opening.body) {
            Ok(body) => Plain::Body(body),
            Err(error) => Plain::Broken(error.to_string()),
        },
    }
}

fn record(stored: Stored, keys: &Keys) -> Recorded {
    let opened = open_with(&stored, keys);
    let network = match &opened {
        Opened::Open(opening) => {
            opening.context.as_ref().and_then(|(_, context)| serde_json::from_slice::<NetworkContext>(context).ok())
        }
        Opened::Shredded | Opened::Broken(_) => None,
    };
    let header = stored.header;
    let body = match plain(&opened) {
        Plain::Shredded => Body::Shredded,
        Plain::Broken(reason) => Body::Unreadable(reason),
        Plain::Body(body) => {
            match AnyEvent::decode(&header.aggregate_type, &header.event_type, &header.event_version, body) {
                Ok(event) => Body::Event(event),
                Err(error) => Body::Unreadable(error.to_string()),
            }
        }
    };
    Recorded { header, body, network }
}

pub(super) fn stored(rows: &[sqlx::postgres::PgRow]) -> Result<Vec<Stored>, ReadError> {
    rows.iter().map(|row| Stored::from_row(row).map_err(|error| unparsed(row, &error))).collect()
}

fn unparsed(row: &sqlx::postgres::PgRow, error: &sqlx::Error) -> ReadError {
    let position = row.try_get::<i64, _>(0).ok().and_then(|position| u64::try_from(position).ok()).unwrap_or(0);
    ReadError::Damaged { position, reason: error.to_string() }
}

pub(super) fn unavailable(error: sqlx::Error) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

pub(super) fn signed(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
