//! Settings that are never shown.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use vitne_domain::Protected;
use zeroize::Zeroizing;

use super::value::Setting;

const SHOWN: &str = "\"[set, not shown]\"";

impl Setting for Protected {
    const KIND: &'static str = "a secret text";
    const SECRET: bool = true;
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(Self::new(text)) }
    }
    fn show(&self) -> Option<String> {
        Some(SHOWN.to_owned())
    }
}

/// A key of 256 bits. Never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Wraps key bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key, for the one place that uses it.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as it stands in a file: base64, RFC 4648 §4.
    pub fn encode(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.0))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Setting for Key {
    const KIND: &'static str = "a secret key: 32 bytes in base64 or 64 hexadecimal digits";
    const SECRET: bool = true;
    fn from_text(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let from_base64 = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok().and_then(|bytes| bytes.try_into().ok()));
        let bytes: [u8; 32] = from_hex(text).or(from_base64).ok_or_else(|| {
            "must be 32 bytes in base64 or 64 hexadecimal digits (make one with `openssl rand -base64 32`)".to_owned()
        })?;
        Ok(Self::new(bytes))
    }
    fn show(&self) -> Option<String> {
        Some(SHOWN.to_owned())
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Reads a secret's file: readable by its owner alone, its last line break not counted.
pub fn read_file(path: &Path) -> Result<Zeroizing<String>, String> {
    let fault = |error: std::io::Error| format!("names {}, which cannot be read: {error}", path.display());
    let mode = std::fs::metadata(path).map_err(fault)?.mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "names {}, which others may read (mode {:03o}); make it private with `chmod 600`",
            path.display(),
            mode & 0o777
        ));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(fault)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_each_form_and_never_print() {
        let key = Key::new([0xA5; 32]);
        for text in [key.encode().to_string(), "a5".repeat(32), format!(" {} ", "A5".repeat(32))] {
            assert_eq!(Key::from_text(&text).unwrap(), key);
        }
        for wrong in ["", "short", &"g5".repeat(32), &"a5".repeat(31)] {
            assert!(Key::from_text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{key:?} {:?}", key.show()), "Key Some(\"\\\"[set, not shown]\\\"\")");
    }

    #[test]
    fn a_secret_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "s3cret\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_file(&path).unwrap_err();
        assert!(error.contains("mode 640") && !error.contains("s3cret"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_file(&path).unwrap().as_str(), "s3cret");
        assert!(read_file(&directory.path().join("none")).unwrap_err().contains("cannot be read"));
    }
}
