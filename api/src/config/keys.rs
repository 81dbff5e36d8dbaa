//! The deployment's keys, given or made.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;

use super::Config;
use super::secret::{self, Key};
use super::value::Setting;
use crate::clock::Entropy;
use crate::http::cookies::CookieKeys;

/// Every key the server works with.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// Wraps the subjects' and the epochs' secrets.
    pub key_encryption: Key,
    /// The one before, while rows are being re-wrapped.
    pub key_encryption_previous: Option<Key>,
    /// Makes keyed hashes of identifiers.
    pub identifier: Key,
    /// Signs device cookies.
    pub cookie: Key,
    /// The one before.
    pub cookie_previous: Option<Key>,
    /// Signs cursors.
    pub cursor: Key,
    /// The seed of the key that signs checkpoints.
    pub log_signing: Key,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not configured and may not be made.
    #[error(
        "keys.{name} is not set; give it as keys.{name} or keys.{name}_file (make one with `openssl rand -base64 32`)"
    )]
    Missing {
        /// Which key.
        name: &'static str,
    },
    /// A generated key's file does not hold a key.
    #[error("the key file {} {message}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A key could not be kept.
    #[error("the key file {} cannot be written: {error}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl KeyRing {
    /// Takes the configured keys; reads or makes the missing ones where that is allowed.
    pub fn open(config: &Config, entropy: &Entropy) -> Result<Self, KeyError> {
        let keys = &config.keys;
        let generate = keys.generate.unwrap_or(config.database.url.is_none());
        let directory = keys.directory.as_deref().filter(|_| generate);
        let one = |name: &'static str, given: &Option<Key>| match (given, directory) {
            (Some(key), _) => Ok(key.clone()),
            (None, None) => Err(KeyError::Missing { name }),
            (None, Some(directory)) => entropy.with(|rng| kept(directory, name, rng)),
        };
        Ok(Self {
            key_encryption: one("key_encryption", &keys.key_encryption)?,
            key_encryption_previous: keys.key_encryption_previous.clone(),
            identifier: one("identifier", &keys.identifier)?,
            cookie: one("cookie", &keys.cookie)?,
            cookie_previous: keys.cookie_previous.clone(),
            cursor: one("cursor", &keys.cursor)?,
            log_signing: one("log_signing", &keys.log_signing)?,
        })
    }

    /// Keys from a generator, kept nowhere: for tests and simulations.
    pub fn ephemeral(entropy: &Entropy) -> Self {
        let one = || entropy.with(new_key);
        Self {
            key_encryption: one(),
            key_encryption_previous: None,
            identifier: one(),
            cookie: one(),
            cookie_previous: None,
            cursor: one(),
            log_signing: one(),
        }
    }

    /// The keys of the device cookies.
    pub fn cookie_keys(&self) -> CookieKeys {
        CookieKeys::new(*self.cookie.expose(), self.cookie_previous.as_ref().map(|key| *key.expose()))
    }
}

fn new_key(rng: &mut dyn CryptoRng) -> Key {
    let mut bytes = [0_u8; 32];
    rng.fill_bytes(&mut bytes);
    Key::new(bytes)
}

/// The key kept in a directory; made there, readable by its owner alone, if it is not there yet.
fn kept(directory: &Path, name: &str, rng: &mut dyn CryptoRng) -> Result<Key, KeyError> {
    let path = directory.join(name);
    let fault = |error| KeyError::Write { path: path.clone(), error };
    // The directory above is also the private PostgreSQL's, whose user must be able to walk through it.
    let above = directory.parent().unwrap_or(directory);
    if !above.exists() {
        std::fs::create_dir_all(above).map_err(fault)?;
        // Said again, because a strict umask takes it away at first.
        std::fs::set_permissions(above, std::fs::Permissions::from_mode(0o711)).map_err(fault)?;
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
    if !path.exists() {
        let key = new_key(rng);
        // Written aside and linked into place: a crash leaves no half key, and of two starting
        // processes the first one's key stands for both.
        let aside = directory.join(format!(".{name}.{}", std::process::id()));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .map_err(fault)?;
        let written = file.write_all(format!("{}\n", *key.encode()).as_bytes()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| match std::fs::hard_link(&aside, &path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
        let removed = std::fs::remove_file(&aside);
        linked.and(removed).map_err(fault)?;
        std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(fault)?;
    }
    let text = secret::read_file(&path).map_err(|message| KeyError::Unusable { path: path.clone(), message })?;
    Key::from_text(&text).map_err(|message| KeyError::Unusable { path: path.clone(), message })
}

#[cfg(test)]
mod tests {

    use super::*;

    fn config(directory: &Path) -> Config {
        let mut config = Config::default();
        config.keys.directory = Some(directory.join("data/keys"));
        config
    }

    #[test]
    fn missing_keys_are_made_once_and_kept_private() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let first = KeyRing::open(&config, &Entropy::seeded(1)).unwrap();
        let again = KeyRing::open(&config, &Entropy::seeded(2)).unwrap();
        assert_eq!(first.log_signing, again.log_signing);
        assert_ne!(first.cookie, first.cursor);
        let names: Vec<_> =
            std::fs::read_dir(directory.path().join("data/keys")).unwrap().map(Result::unwrap).collect();
        assert_eq!(names.len(), 5);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory.path().join("data/keys")), 0o700);
        assert_eq!(mode(&directory.path().join("data")) & 0o011, 0o011, "PostgreSQL's user walks through it");
        for file in names {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_database_of_ones_own_needs_keys_of_ones_own() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        config.database.url = Some(vitne_domain::Protected::new("postgres://localhost/vitne"));
        let error = KeyRing::open(&config, &Entropy::seeded(1)).unwrap_err();
        assert!(error.to_string().starts_with("keys.key_encryption is not set"), "{error}");
        assert!(!directory.path().join("data/keys").exists());
    }

    #[test]
    fn a_damaged_or_open_key_file_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        KeyRing::open(&config, &Entropy::seeded(1)).unwrap();
        let path = directory.path().join("data/keys/cookie");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(KeyRing::open(&config, &Entropy::seeded(1)), Err(KeyError::Unusable { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "half a k").unwrap();
        assert!(matches!(KeyRing::open(&config, &Entropy::seeded(1)), Err(KeyError::Unusable { .. })));
    }
}
