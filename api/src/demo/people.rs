//! What is kept and shown of the demo's people. Their secrets are printed on purpose: nobody real has them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A person of the demo, with everything needed to sign in as them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: String,
    /// The secret of their authenticator app in base32, with two-step verification.
    pub totp: Option<String>,
    /// A recovery code that has not been used.
    pub recovery_code: Option<String>,
    /// What happened to them.
    pub history: String,
}

/// The people of an earlier start; none if there was none.
pub(super) fn read(path: &Path) -> std::io::Result<Option<Vec<Shown>>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps the people for the next start, readable by their owner alone. Written aside first: a start
/// that is interrupted leaves no half file.
pub(super) fn write(path: &Path, people: &[Shown]) -> std::io::Result<()> {
    let bytes = serde_json::to_vec_pretty(people).map_err(std::io::Error::other)?;
    let aside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(aside, path)
}

/// The people as the demo prints them.
pub fn text(people: &[Shown]) -> String {
    let mut text = String::new();
    for person in people {
        let _ = writeln!(text, "\n  {} <{}>  {}", person.name, person.email, person.history);
        let _ = writeln!(text, "    password       {}", person.password);
        if let Some(secret) = &person.totp {
            let _ = writeln!(text, "    code of today  oathtool --totp --base32 {secret}");
        }
        if let Some(code) = &person.recovery_code {
            let _ = writeln!(text, "    recovery code  {code}");
        }
    }
    text
}
