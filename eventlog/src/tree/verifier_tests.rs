//! The independent verifier in `tests/verifier/` agrees: it takes what is served and refuses forgeries.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::fixture::{Fixture, signer};
use super::*;
use crate::Position;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/verifier/verify.py");

/// An interpreter that has an Ed25519 library; Debian's own comes before one of a version manager.
fn python() -> PathBuf {
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

fn run(python: &Path, arguments: &[&str]) -> Output {
    Command::new(python).arg(PROGRAM).args(arguments).output().unwrap()
}

/// Writes what a stranger would download: two checkpoints, all tiles of the newer, a proof and a header.
async fn write_fixtures(log: &mut Fixture, to: &Path) {
    log.append(300).await;
    log.follow().await;
    let tree = log.tree();
    let write = |name: &str, data: &[u8]| {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    };
    write("vkey", signer().verifier().to_string().as_bytes());
    write("old", tree.checkpoint().await.unwrap().unwrap().note.as_bytes());
    log.append(257).await;
    log.tamper("UPDATE log.events SET aggregate_id = E'a %\\n\u{e5}' WHERE position = 400").await;
    log.follow().await;
    write("new", tree.checkpoint().await.unwrap().unwrap().note.as_bytes());
    for (level, index, width) in [(0, 0, 256), (0, 1, 256), (0, 2, 45), (1, 0, 2)] {
        let tile = Tile { level, index, width };
        write(&tile.to_string(), &tree.tile(tile).await.unwrap().unwrap());
    }
    let position = Position(400);
    write("proof.tlog-proof", tree.proof_text(position).await.unwrap().unwrap().as_bytes());
    write("header.json", tree.leaf_json(position).await.unwrap().unwrap().to_string().as_bytes());
}

#[tokio::test]
async fn an_independent_program_agrees() {
    let directory = tempfile::tempdir().unwrap();
    write_fixtures(&mut Fixture::new().await, directory.path()).await;
    let (python, base) = (python(), directory.path().to_str().unwrap().to_owned());
    let at = |name: &str| format!("{base}/{name}");
    let (vkey, old, new, proof) = (at("vkey"), at("old"), at("new"), at("proof.tlog-proof"));
    let accept = |arguments: &[&str]| {
        let output = run(&python, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    accept(&["--vkey", &vkey, "checkpoint", &new]);
    accept(&["--vkey", &vkey, "proof", &proof]);
    accept(&["--vkey", &vkey, "proof", &proof, "--header", &at("header.json")]);
    accept(&["--vkey", &vkey, "consistency", &old, &new, "--tiles", &base]);
    accept(&["--self-test", &base]);
    let refuse = |arguments: &[&str]| {
        let output = run(&python, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.starts_with("refused: "), "{arguments:?}: {said}");
    };
    refuse(&["--vkey", &vkey, "consistency", &new, &old, "--tiles", &base]);
    let stranger = LogSigner::from_seed("log.example/test", &[9; 32]).unwrap().verifier().to_string();
    refuse(&["--vkey", &stranger, "checkpoint", &new]);
    refuse(&["--vkey", &stranger, "proof", &proof]);
    // A self-test whose forgeries would pass must fail too: here the fixture itself is forged.
    for name in ["tile/0/001", "tile/0/002.p/45", "proof.tlog-proof", "old"] {
        let honest = std::fs::read(at(name)).unwrap();
        let mut forged = honest.clone();
        *forged.last_mut().unwrap() ^= 1;
        std::fs::write(at(name), forged).unwrap();
        refuse(&["--self-test", &base]);
        std::fs::write(at(name), honest).unwrap();
    }
    accept(&["--self-test", &base]);
}
