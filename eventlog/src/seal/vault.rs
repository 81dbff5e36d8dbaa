//! Where the secrets are kept: wrapped in the database, for a short while unwrapped in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use rand_core::Rng;
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vitne_domain::RetentionClass;
use vitne_domain::id::AccountId;

use super::cipher::derive;
use super::{KeyEncryption, KeyEncryptionError, Secret};
use crate::random::Randomness;

/// Unwrapped secrets are forgotten after at most one and a half times this, so that a destruction on
/// another node takes hold within a minute.
const LIFE: Duration = Duration::from_secs(40);
/// Unwrapped subject secrets kept at once; at most twice as many between two turns of the cache.
const BOUND: usize = 8192;

/// What can go wrong with the log's keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error("the keys' database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The key-encryption key failed.
    #[error(transparent)]
    Encryption(#[from] KeyEncryptionError),
    /// A row is wrapped under a key that was not given.
    #[error("a secret is wrapped under key-encryption key {0}, which was not given; add it to the keys")]
    UnknownKey(String),
}

/// A key that is needed: whose, and of which class and epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    pub(crate) subject: Option<AccountId>,
    pub(crate) class: RetentionClass,
    pub(crate) epoch: NaiveDate,
}

/// What became of a key.
pub(crate) enum Found {
    Live(Secret),
    Destroyed,
    Missing,
}

/// A row of either table.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum RowKey {
    Subject(Uuid),
    Epoch(RetentionClass, NaiveDate),
}

impl RowKey {
    /// Authenticated with the wrapped secret, so that rows cannot be exchanged.
    fn binding(self) -> Vec<u8> {
        match self {
            Self::Subject(subject) => [b"vitne subject v1".as_slice(), subject.as_bytes()].concat(),
            Self::Epoch(class, epoch) => format!("vitne epoch v1 {} {epoch}", class.as_str()).into_bytes(),
        }
    }
}

/// `None` for a destroyed secret.
type Entry = Option<Arc<Secret>>;

/// Two generations: when the young one is full or old in time it becomes the old one, and what was
/// there is forgotten.
struct Cache {
    young: HashMap<RowKey, Entry>,
    old: HashMap<RowKey, Entry>,
    turned: Instant,
}

impl Cache {
    fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), turned: Instant::now() }
    }

    fn turn(&mut self) {
        let elapsed = self.turned.elapsed();
        if elapsed > LIFE / 2 || self.young.len() >= BOUND {
            self.old = std::mem::take(&mut self.young);
            if elapsed > LIFE {
                self.old.clear();
            }
            self.turned = Instant::now();
        }
    }

    fn get(&mut self, key: RowKey) -> Option<Entry> {
        self.turn();
        self.young.get(&key).or_else(|| self.old.get(&key)).cloned()
    }

    fn put(&mut self, key: RowKey, entry: Entry) {
        self.turn();
        self.young.insert(key, entry);
    }

    fn forget(&mut self, key: RowKey) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

/// The secrets that one piece of work needs.
pub(crate) struct Keys(HashMap<RowKey, Entry>);

impl Keys {
    /// The key for a need that was asked for.
    pub(crate) fn key(&self, need: Need) -> Found {
        let subject = self.0.get(&RowKey::Subject(nobody_or(need.subject)));
        let epoch = self.0.get(&RowKey::Epoch(need.class, need.epoch));
        match (subject, epoch) {
            (Some(None), _) | (_, Some(None)) => Found::Destroyed,
            (Some(Some(subject)), Some(Some(epoch))) => {
                derive(subject, epoch, need.class).map_or(Found::Missing, Found::Live)
            }
            (None, _) | (_, None) => Found::Missing,
        }
    }
}

impl Keys {
    /// Whether it is the subject, and not only the epoch, that is gone.
    pub(crate) fn subject_destroyed(&self, need: Need) -> bool {
        matches!(self.0.get(&RowKey::Subject(nobody_or(need.subject))), Some(None))
    }
}

/// The nil identifier stands for nobody.
fn nobody_or(subject: Option<AccountId>) -> Uuid {
    subject.map_or(Uuid::nil(), |id| id.0)
}

/// The log's secrets.
pub(crate) struct Vault {
    pool: PgPool,
    /// The first wraps; all unwrap.
    ring: RwLock<Vec<Arc<dyn KeyEncryption>>>,
    cache: Mutex<Cache>,
    randomness: Arc<Randomness>,
}

impl Vault {
    pub(crate) fn new(pool: PgPool, ring: Vec<Arc<dyn KeyEncryption>>, randomness: Arc<Randomness>) -> Self {
        Self { pool, ring: RwLock::new(ring), cache: Mutex::new(Cache::new()), randomness }
    }

    /// The keys for reading. Missing ones are reported as missing.
    pub(crate) async fn keys(&self, needs: impl IntoIterator<Item = Need>) -> Result<Keys, KeyError> {
        let rows: HashSet<RowKey> = needs.into_iter().flat_map(rows_of).collect();
        let mut found = HashMap::with_capacity(rows.len());
        let mut unknown = Vec::new();
        {
            let mut cache = self.cache();
            for row in rows {
                match cache.get(row) {
                    Some(entry) => drop(found.insert(row, entry)),
                    None => unknown.push(row),
                }
            }
        }
        if !unknown.is_empty() {
            for (row, entry) in self.fetch(&unknown).await? {
                self.cache().put(row, entry.clone());
                found.insert(row, entry);
            }
        }
        Ok(Keys(found))
    }

    /// The keys for writing: a subject or epoch that has no secret gets one.
    pub(crate) async fn keys_or_new(&self, needs: &[Need]) -> Result<Keys, KeyError> {
        let keys = self.keys(needs.iter().copied()).await?;
        let missing: HashSet<RowKey> =
            needs.iter().copied().flat_map(rows_of).filter(|row| !keys.0.contains_key(row)).collect();
        if missing.is_empty() {
            return Ok(keys);
        }
        for row in missing {
            self.create(row).await?;
        }
        self.keys(needs.iter().copied()).await
    }

    /// Forgets all unwrapped secrets, so that they are fetched again.
    pub(crate) fn forget(&self) {
        *self.cache() = Cache::new();
    }

    /// Destroys a subject's secret. Again is no error.
    pub(crate) async fn destroy_subject(&self, subject: AccountId) -> Result<(), KeyError> {
        // The tombstone is written even for a subject that never had a secret, so that none is made later.
        sqlx::query(
            "INSERT INTO secrets.subjects AS s (subject, wrapped, kek_id, destroyed_at) VALUES ($1, NULL, '', clock_timestamp())
             ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE s.wrapped IS NOT NULL",
        )
        .bind(subject.0)
        .execute(&self.pool)
        .await?;
        self.cache().forget(RowKey::Subject(subject.0));
        Ok(())
    }

    /// Destroys an epoch's secret. Again is no error.
    pub(crate) async fn destroy_epoch(&self, class: RetentionClass, epoch: NaiveDate) -> Result<(), KeyError> {
        sqlx::query(
            "INSERT INTO secrets.epochs AS s (class, epoch, wrapped, kek_id, destroyed_at) VALUES ($1, $2, NULL, '', clock_timestamp())
             ON CONFLICT (class, epoch) DO UPDATE SET wrapped = NULL, destroyed_at = clock_timestamp() WHERE s.wrapped IS NOT NULL",
        )
        .bind(class.as_str())
        .bind(epoch)
        .execute(&self.pool)
        .await?;
        self.cache().forget(RowKey::Epoch(class, epoch));
        Ok(())
    }

    /// Wraps every living secret under `new`, which from now on wraps new ones too. Returns how many.
    pub(crate) async fn rewrap_all(&self, new: Arc<dyn KeyEncryption>) -> Result<u64, KeyError> {
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.retain(|key| key.id() != new.id());
            ring.insert(0, new.clone());
        }
        let mut count = 0;
        loop {
            let rows = self.wrapped_under_another(new.id()).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            for (row, wrapped, kek) in rows {
                let secret = self.unwrap(row, &wrapped, &kek).await?;
                let rewrapped = new.wrap(&secret, &row.binding(), self.nonce()).await?;
                count += self.replace(row, &wrapped, &rewrapped, new.id()).await?;
            }
        }
    }

    async fn wrapped_under_another(&self, id: &str) -> Result<Vec<(RowKey, Vec<u8>, String)>, KeyError> {
        let subjects = sqlx::query(
            "SELECT subject, wrapped, kek_id FROM secrets.subjects WHERE wrapped IS NOT NULL AND kek_id <> $1 LIMIT 500",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await?;
        let epochs = sqlx::query(
            "SELECT class, epoch, wrapped, kek_id FROM secrets.epochs WHERE wrapped IS NOT NULL AND kek_id <> $1",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await?;
        let mut rows = Vec::with_capacity(subjects.len() + epochs.len());
        for row in subjects {
            rows.push((RowKey::Subject(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?));
        }
        for row in epochs {
            let class = parse_class(row.try_get(0)?)?;
            rows.push((RowKey::Epoch(class, row.try_get(1)?), row.try_get(2)?, row.try_get(3)?));
        }
        Ok(rows)
    }

    async fn replace(&self, row: RowKey, old: &[u8], new: &[u8], kek: &str) -> Result<u64, KeyError> {
        let query = match row {
            RowKey::Subject(subject) => {
                sqlx::query("UPDATE secrets.subjects SET wrapped = $2, kek_id = $3 WHERE wrapped = $1 AND subject = $4")
                    .bind(old)
                    .bind(new)
                    .bind(kek)
                    .bind(subject)
            }
            RowKey::Epoch(class, epoch) => sqlx::query(
                "UPDATE secrets.epochs SET wrapped = $2, kek_id = $3 WHERE wrapped = $1 AND class = $4 AND epoch = $5",
            )
            .bind(old)
            .bind(new)
            .bind(kek)
            .bind(class.as_str())
            .bind(epoch),
        };
        Ok(query.execute(&self.pool).await?.rows_affected())
    }

    async fn fetch(&self, rows: &[RowKey]) -> Result<Vec<(RowKey, Entry)>, KeyError> {
        let mut subjects = Vec::new();
        let (mut classes, mut epochs) = (Vec::new(), Vec::new());
        for row in rows {
            match row {
                RowKey::Subject(subject) => subjects.push(*subject),
                RowKey::Epoch(class, epoch) => {
                    classes.push(class.as_str());
                    epochs.push(*epoch);
                }
            }
        }
        let found = sqlx::query(
            "SELECT subject, NULL::text, NULL::date, wrapped, kek_id FROM secrets.subjects WHERE subject = ANY ($1)
             UNION ALL
             SELECT NULL, e.class, e.epoch, e.wrapped, e.kek_id FROM secrets.epochs e
               JOIN unnest($2::text[], $3::date[]) AS n (class, epoch) ON n.class = e.class AND n.epoch = e.epoch",
        )
        .bind(&subjects)
        .bind(&classes)
        .bind(&epochs)
        .fetch_all(&self.pool)
        .await?;
        let mut entries = Vec::with_capacity(found.len());
        for row in found {
            let key = match row.try_get::<Option<Uuid>, _>(0)? {
                Some(subject) => RowKey::Subject(subject),
                None => RowKey::Epoch(parse_class(row.try_get(1)?)?, row.try_get(2)?),
            };
            let entry = match row.try_get::<Option<Vec<u8>>, _>(3)? {
                Some(wrapped) => Some(Arc::new(self.unwrap(key, &wrapped, row.try_get(4)?).await?)),
                None => None,
            };
            entries.push((key, entry));
        }
        Ok(entries)
    }

    async fn create(&self, row: RowKey) -> Result<(), KeyError> {
        let mut bytes = [0_u8; 32];
        self.randomness.fork().fill_bytes(&mut bytes);
        let secret = Secret::new(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let kek = self.current()?;
        let wrapped = kek.wrap(&secret, &row.binding(), self.nonce()).await?;
        let query = match row {
            RowKey::Subject(subject) => sqlx::query(
                "INSERT INTO secrets.subjects (subject, wrapped, kek_id) VALUES ($3, $1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(wrapped)
            .bind(kek.id().to_owned())
            .bind(subject),
            RowKey::Epoch(class, epoch) => sqlx::query(
                "INSERT INTO secrets.epochs (class, epoch, wrapped, kek_id) VALUES ($3, $4, $1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(wrapped)
            .bind(kek.id().to_owned())
            .bind(class.as_str())
            .bind(epoch),
        };
        query.execute(&self.pool).await?;
        Ok(())
    }

    async fn unwrap(&self, row: RowKey, wrapped: &[u8], kek: &str) -> Result<Secret, KeyError> {
        let key = self.ring.read().unwrap_or_else(PoisonError::into_inner).iter().find(|key| key.id() == kek).cloned();
        let key = key.ok_or_else(|| KeyError::UnknownKey(kek.to_owned()))?;
        Ok(key.unwrap(wrapped, &row.binding()).await?)
    }

    fn current(&self) -> Result<Arc<dyn KeyEncryption>, KeyError> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.first().cloned().ok_or_else(|| KeyError::UnknownKey("(none)".to_owned()))
    }

    fn nonce(&self) -> [u8; 24] {
        let mut nonce = [0; 24];
        self.randomness.fork().fill_bytes(&mut nonce);
        nonce
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rows_of(need: Need) -> [RowKey; 2] {
    [RowKey::Subject(nobody_or(need.subject)), RowKey::Epoch(need.class, need.epoch)]
}

fn parse_class(name: &str) -> Result<RetentionClass, KeyError> {
    RetentionClass::parse(name)
        .ok_or_else(|| KeyError::Database(sqlx::Error::Decode(format!("unknown retention class {name}").into())))
}
