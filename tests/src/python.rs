//! The independent verifier, and an interpreter to run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The verifier that shares no code with Vitne.
pub const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/verify.py");

/// An interpreter that has an Ed25519 library; Debian's own comes before one of a version manager.
pub fn interpreter() -> PathBuf {
    let given = std::env::var_os("VITNE_PYTHON").map(PathBuf::from);
    let candidates = given.into_iter().chain(["/usr/bin/python3", "python3"].map(PathBuf::from));
    let able = |python: &PathBuf| {
        ["cryptography", "nacl"].iter().any(|library| {
            let probe = Command::new(python).args(["-c", &format!("import {library}")]).output();
            probe.is_ok_and(|output| output.status.success())
        })
    };
    let found = candidates.into_iter().find(able);
    found.expect("no Python with an Ed25519 library; install the Debian package python3-cryptography")
}

/// Runs the verifier.
pub fn verify(python: &Path, arguments: &[&str]) -> Output {
    Command::new(python).arg(VERIFIER).args(arguments).output().expect("the verifier runs")
}
