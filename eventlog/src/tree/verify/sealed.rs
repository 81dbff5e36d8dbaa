//! Opening every body and context of the log whose key lives.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::PgPool;

use super::{BodyCheck, BodyVerdict};
use crate::Header;
use crate::random::Randomness;
use crate::read::{body_need, context_need};
use crate::seal::{Found, KeyEncryption, Keys, Opened, Vault, open_parts};
use crate::tree::TreeError;

/// Opens sealed parts with the deployment's keys. Needs no running log and writes nothing.
pub struct SealedBodies {
    vault: Vault,
}

impl SealedBodies {
    /// A reader of the secrets in the given database, which are wrapped under `keys`.
    pub fn new(pool: PgPool, keys: Vec<Arc<dyn KeyEncryption>>) -> Self {
        // Reading draws no randomness, so it does not matter which.
        Self { vault: Vault::new(pool, keys, Arc::new(Randomness::new([0; 32], 0))) }
    }
}

#[async_trait]
impl BodyCheck for SealedBodies {
    async fn check(&self, events: &[(Header, Value)]) -> Result<Vec<BodyVerdict>, TreeError> {
        let needs = events.iter().flat_map(|(header, _)| [body_need(header), context_need(header)]);
        let keys = self.vault.keys(needs).await.map_err(|error| TreeError::Keys(error.to_string()))?;
        Ok(events.iter().map(|(header, payload)| verdict(header, payload, &keys)).collect())
    }
}

fn verdict(header: &Header, payload: &Value, keys: &Keys) -> BodyVerdict {
    let broken = |reason: &str| BodyVerdict::Broken(reason.to_owned());
    // The layout, the body and the context: nothing may be smuggled in beside them.
    if payload.as_object().is_none_or(|parts| parts.len() != 3) {
        return broken("its payload has parts that the log does not write");
    }
    let (body, context) = (keys.key(body_need(header)), keys.key(context_need(header)));
    if matches!(body, Found::Missing) || matches!(context, Found::Missing) {
        return broken("its key is missing from the secrets, and was not destroyed");
    }
    let live = |found: Found| match found {
        Found::Live(key) => Some(key),
        Found::Destroyed | Found::Missing => None,
    };
    let (body, context) = (live(body), live(context));
    match open_parts(header, payload, body.as_ref(), context.as_ref()) {
        Opened::Shredded => BodyVerdict::Shredded,
        Opened::Broken(reason) => broken(reason),
        Opened::Open(opening) if opening.holds(&header.commitment) => BodyVerdict::Opened,
        Opened::Open(_) => broken("its commitment is not that of its body and context"),
    }
}
