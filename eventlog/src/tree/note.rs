//! Signed notes (C2SP signed-note v1): a text, and lines of who signed it, with Ed25519 keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The signature type of plain Ed25519 in signed-note.
const ED25519: u8 = 0x01;
/// What a signature line begins with: an em dash (U+2014) and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";
/// Notes longer than this are refused unread, in bytes.
const MAX_NOTE: usize = 1 << 20;

/// Why a note or a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is no signed note.
    #[error("malformed signed note: {0}")]
    Malformed(&'static str),
    /// The verifier key is malformed.
    #[error("malformed verifier key; it must be <name>+<key hash>+<base64 key> with an Ed25519 key")]
    Key,
    /// The name cannot name a key.
    #[error("a key name must not be empty and must have no spaces and no plus sign")]
    Name,
    /// None of the known keys has signed it.
    #[error("the note is not signed by {0}")]
    NotSigned(String),
    /// A line claims to be by a known key and is not.
    #[error("the signature that claims to be by {0} does not verify")]
    BadSignature(String),
}

/// The first four bytes of SHA-256(name ‖ LF ‖ type ‖ key), by which a signature line names its key.
fn key_hash(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519]);
    hash.update(key);
    let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
    [a, b, c, d]
}

fn valid_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// A public key and its name, as known from a verifier key (`vkey`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    hash: [u8; 4],
    key: VerifyingKey,
}

impl NoteVerifier {
    /// The key's name; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature` is this key's over `text`.
    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl std::fmt::Display for NoteVerifier {
    /// Writes the verifier key: `name+hash+base64(type ‖ key)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key: Vec<u8> = std::iter::once(ED25519).chain(self.key.to_bytes()).collect();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.hash), STANDARD.encode(key))
    }
}

impl std::str::FromStr for NoteVerifier {
    type Err = NoteError;

    fn from_str(vkey: &str) -> Result<Self, NoteError> {
        let (name, rest) = vkey.split_once('+').ok_or(NoteError::Key)?;
        let (hash, key) = rest.split_once('+').ok_or(NoteError::Key)?;
        if !valid_name(name) {
            return Err(NoteError::Name);
        }
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(NoteError::Key) };
        let key: [u8; 32] = key.try_into().map_err(|_| NoteError::Key)?;
        let own = key_hash(name, &key);
        if hash != format!("{:08x}", u32::from_be_bytes(own)) {
            return Err(NoteError::Key);
        }
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::Key)?;
        Ok(Self { name: name.to_owned(), hash: own, key })
    }
}

/// The key that signs a log's checkpoints, under the log's origin. It never prints; its memory is
/// wiped when it is dropped.
#[derive(Clone)]
pub struct LogSigner {
    key: SigningKey,
    verifier: NoteVerifier,
}

impl LogSigner {
    /// The signer of the log `origin` (a schema-less URL such as `auth.example/log1`) from the
    /// 32-byte seed of RFC 8032 §5.1.5.
    ///
    /// # Errors
    /// [`NoteError::Name`] if the origin cannot name a key.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !valid_name(origin) {
            return Err(NoteError::Name);
        }
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let hash = key_hash(origin, &public.to_bytes());
        Ok(Self { key, verifier: NoteVerifier { name: origin.to_owned(), hash, key: public } })
    }

    /// The log's origin, which is also the name of its key.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The public half, to publish and to verify with.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The text as a note signed with this key. The text must end with a line feed.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes());
        let bytes: Vec<u8> = self.verifier.hash.into_iter().chain(signature.to_bytes()).collect();
        format!("{text}\n{SIGNATURE_PREFIX}{} {}\n", self.verifier.name, STANDARD.encode(bytes))
    }
}

impl std::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSigner").field("verifier", &self.verifier.to_string()).finish_non_exhaustive()
    }
}

/// One signature line.
struct Line<'a> {
    name: &'a str,
    hash: [u8; 4],
    signature: Vec<u8>,
}

fn parse_line(line: &str) -> Result<Line<'_>, NoteError> {
    let bad = NoteError::Malformed("a signature line must be an em dash, a key name and base64");
    let (name, encoded) =
        line.strip_prefix(SIGNATURE_PREFIX).and_then(|rest| rest.split_once(' ')).ok_or(bad.clone())?;
    let bytes = STANDARD.decode(encoded).map_err(|_| bad.clone())?;
    match bytes.split_first_chunk::<4>() {
        Some((hash, signature)) if valid_name(name) && !signature.is_empty() => {
            Ok(Line { name, hash: *hash, signature: signature.to_vec() })
        }
        _ => Err(bad),
    }
}

/// Checks that `verifier` has signed `note` and gives out the text that was signed. Signatures by
/// other keys are ignored, however many there are.
///
/// # Errors
/// [`NoteError::Malformed`] if it is no note, [`NoteError::NotSigned`] if no line names this key, and
/// [`NoteError::BadSignature`] if the one that does is false.
pub fn open_note<'a>(note: &'a str, verifier: &NoteVerifier) -> Result<&'a str, NoteError> {
    if note.len() > MAX_NOTE {
        return Err(NoteError::Malformed("it is longer than a mebibyte"));
    }
    if note.chars().any(|c| c != '\n' && (c < ' ' || c == '\u{7f}')) {
        return Err(NoteError::Malformed("it contains control characters"));
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))?;
    let (text, lines) = note.split_at_checked(end + 1).ok_or(NoteError::Malformed("no signatures"))?;
    let lines = lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let lines = lines.filter(|lines| !lines.is_empty()).ok_or(NoteError::Malformed("no signatures"))?;
    let mut signed = false;
    for line in lines.split('\n') {
        let line = parse_line(line)?;
        if line.name != verifier.name || line.hash != verifier.hash || signed {
            continue;
        }
        if !verifier.verifies(text, &line.signature) {
            return Err(NoteError::BadSignature(verifier.name.clone()));
        }
        signed = true;
    }
    if signed { Ok(text) } else { Err(NoteError::NotSigned(verifier.name.clone())) }
}
