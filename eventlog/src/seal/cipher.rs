//! Sealing and opening the two parts of an event, and the commitment that outlives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use vitne_domain::{NetworkContext, RetentionClass};

use super::{NotCanonical, Secret, canonical_json};
use crate::{Header, IdempotencyKey};

/// What is needed to prove what an event said, without any key: the plaintext and its salts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The salt of the body.
    pub body_salt: [u8; 32],
    /// The canonical body.
    pub body: Vec<u8>,
    /// The code of the network context, kept with the body so that the body can be proved alone.
    pub context_code: [u8; 32],
    /// The salt of the network context and its canonical bytes, while its key lives.
    pub context: Option<([u8; 32], Vec<u8>)>,
}

impl Opening {
    /// The commitment that the event's header must carry.
    pub fn commitment(&self) -> [u8; 32] {
        commitment(&code(&self.body_salt, &self.body), &self.context_code)
    }

    /// Whether body and context, as far as they are open, are those of this commitment.
    pub fn holds(&self, commitment: &[u8; 32]) -> bool {
        let context = self.context.as_ref().is_none_or(|(salt, context)| code(salt, context) == self.context_code);
        context && self.commitment() == *commitment
    }
}

/// The commitment to a body and its context, each given by its code (an HMAC-SHA256 under its salt).
pub fn commitment(body_code: &[u8; 32], context_code: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"vitne commitment v1")
        .chain_update(body_code)
        .chain_update(context_code)
        .finalize()
        .into()
}

/// Why an event could not be sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("{0}")]
    NotCanonical(#[from] NotCanonical),
    #[error("the event could not be sealed")]
    Cipher,
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// The payload column.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// The layout.
    v: u8,
    /// Base64 of nonce and ciphertext of: salt ‖ code of the context ‖ canonical body.
    body: String,
    /// Base64 of nonce and ciphertext of: salt ‖ canonical network context.
    context: String,
}

/// The two parts of an event as far as they could be opened.
pub(crate) enum Opened {
    /// With the context if its key still lives.
    Open(Box<Opening>),
    /// The body's key is destroyed.
    Shredded,
    /// The ciphertext is not the one that was written under this header.
    Broken(&'static str),
}

/// Seals both parts under their keys, sets the header's commitment, and gives the payload column.
pub(crate) fn seal_parts(
    header: &mut Header,
    body: &Value,
    network: &NetworkContext,
    body_key: &Secret,
    context_key: &Secret,
    rng: &mut dyn CryptoRng,
) -> Result<String, SealError> {
    let body = canonical_json(body)?;
    let context = canonical_json(&serde_json::to_value(network)?)?;
    let (body_salt, context_salt) = (random(rng), random(rng));
    let context_code = code(&context_salt, &context);
    header.commitment = commitment(&code(&body_salt, &body), &context_code);
    let body = [body_salt.as_slice(), &context_code, &body].concat();
    let context = [context_salt.as_slice(), &context].concat();
    let sealed = Sealed {
        v: 1,
        body: seal(body_key, &body, &binding(header, "body"), rng)?,
        context: seal(context_key, &context, &binding(header, "context"), rng)?,
    };
    Ok(serde_json::to_string(&sealed)?)
}

/// Opens what the keys allow.
pub(crate) fn open_parts(
    header: &Header,
    payload: &Value,
    body_key: Option<&Secret>,
    context_key: Option<&Secret>,
) -> Opened {
    let Ok(sealed) = Sealed::deserialize(payload) else { return Opened::Broken("the payload is not a sealed event") };
    if sealed.v != 1 {
        return Opened::Broken("the payload is sealed in a later layout");
    }
    let Some(body_key) = body_key else { return Opened::Shredded };
    let Some(body) = open(body_key, &sealed.body, &binding(header, "body")) else {
        return Opened::Broken("the sealed body does not open under its header");
    };
    let Some((body_salt, rest)) = body.split_first_chunk::<32>() else {
        return Opened::Broken("the body is too short");
    };
    let Some((context_code, body)) = rest.split_first_chunk::<32>() else {
        return Opened::Broken("the body is too short");
    };
    let context = match context_key {
        None => None,
        Some(key) => {
            let context = open(key, &sealed.context, &binding(header, "context"));
            let Some(context) = context else {
                return Opened::Broken("the sealed context does not open under its header");
            };
            let Some((salt, context)) = context.split_first_chunk::<32>() else {
                return Opened::Broken("the context is too short");
            };
            Some((*salt, context.to_vec()))
        }
    };
    Opened::Open(Box::new(Opening { body_salt: *body_salt, body: body.to_vec(), context_code: *context_code, context }))
}

/// Seals the answer kept under an idempotency key.
pub(crate) fn seal_answer(
    key: &IdempotencyKey,
    answer: &[u8],
    secret: &Secret,
    rng: &mut dyn CryptoRng,
) -> Result<String, SealError> {
    seal(secret, answer, &answer_binding(key), rng)
}

/// Opens the answer kept under an idempotency key.
pub(crate) fn open_answer(key: &IdempotencyKey, sealed: &str, secret: &Secret) -> Option<Vec<u8>> {
    open(secret, sealed, &answer_binding(key))
}

/// The key of a class and epoch for a subject: HKDF-SHA256 (RFC 5869) over both secrets.
pub(super) fn derive(subject: &Secret, epoch: &Secret, class: RetentionClass) -> Option<Secret> {
    let mut material = [0_u8; 64];
    let (left, right) = material.split_at_mut(32);
    left.copy_from_slice(subject.expose());
    right.copy_from_slice(epoch.expose());
    let mut key = [0_u8; 32];
    let derived = Hkdf::<Sha256>::new(None, &material).expand(class.as_str().as_bytes(), &mut key);
    zeroize::Zeroize::zeroize(&mut material);
    derived.ok().map(|()| Secret::new(key))
}

fn seal(key: &Secret, plain: &[u8], aad: &[u8], rng: &mut dyn CryptoRng) -> Result<String, SealError> {
    let nonce: [u8; 24] = random(rng);
    let cipher = XChaCha20Poly1305::new(&Key::from(*key.expose()));
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad }).map_err(|_| SealError::Cipher)?;
    Ok(BASE64.encode([nonce.as_slice(), &sealed].concat()))
}

fn open(key: &Secret, sealed: &str, aad: &[u8]) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<24>()?;
    let cipher = XChaCha20Poly1305::new(&Key::from(*key.expose()));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

fn code(salt: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    match <Hmac<Sha256> as KeyInit>::new_from_slice(salt) {
        Ok(mac) => mac.chain_update(bytes).finalize().into_bytes().into(),
        // HMAC takes keys of any length (RFC 2104 §2), so there is no other case.
        Err(_) => [0; 32],
    }
}

fn random<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Everything the writer knows of the header, as associated data: a ciphertext cannot be moved and no
/// header byte can change unnoticed. Each field is preceded by its length; an absent one is marked.
fn binding(header: &Header, part: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384);
    let mut field = |value: Option<&[u8]>| match value {
        None => bytes.extend_from_slice(&u32::MAX.to_be_bytes()),
        Some(value) => {
            bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX - 1).to_be_bytes());
            bytes.extend_from_slice(value);
        }
    };
    field(Some(b"vitne header v1"));
    field(Some(part.as_bytes()));
    field(Some(header.aggregate_type.as_bytes()));
    field(Some(header.aggregate_id.as_bytes()));
    field(Some(&header.sequence.to_be_bytes()));
    field(Some(header.event_type.as_bytes()));
    field(Some(header.event_version.as_bytes()));
    field(Some(header.event_id.0.as_bytes()));
    field(header.subject.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(Some(header.actor.as_str().as_bytes()));
    field(Some(header.correlation.0.as_bytes()));
    field(header.causation.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(header.ceremony.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(header.session.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(header.device.as_ref().map(|id| id.0.as_bytes().as_slice()));
    field(Some(&header.occurred_at.timestamp_millis().to_be_bytes()));
    field(Some(header.class.as_str().as_bytes()));
    field(Some(header.epoch.to_string().as_bytes()));
    field(Some(&header.commitment));
    bytes
}

fn answer_binding(key: &IdempotencyKey) -> Vec<u8> {
    let mut bytes = b"vitne answer v1".to_vec();
    for field in [key.scope.as_bytes(), key.key.as_bytes(), &key.request] {
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}
