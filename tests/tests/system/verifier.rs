//! A stranger's program, which shares no code with Vitne, checks what a server serves.

use serde_json::json;
use vitne_tests::browser::Browser;
use vitne_tests::python::{interpreter, verify};
use vitne_tests::{Person, TestServer, checks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_accepts_what_is_served_and_refuses_forgeries() {
    let server = TestServer::start().await;
    let browser = Browser::new(&server, "Verifier/1");
    browser.register(&server, "vera@rare-domain.example", "a lighthouse on the long shore", "Vera").await;
    browser.sign_in("vera@rare-domain.example", "a lighthouse on the long shore").await;
    checks::tree(server.state()).await;
    let (status, old) = browser.get("/log/checkpoint").await;
    assert_eq!(status, 200);
    // Past a full tile of 256, so that a consistency proof needs more than one.
    for number in 0..12 {
        Person::enrolled(&server, &format!("leaf-{number}")).await;
    }
    checks::tree(server.state()).await;
    let answer = browser.ask("{ viewer { activity(first: 1) { nodes { integrity { proof } } } } }", json!({})).await;
    let proof = answer["viewer"]["activity"]["nodes"][0]["integrity"]["proof"].as_str().unwrap().to_owned();

    let file = |name: &str, text: &str| {
        let path = server.directory().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (old, proof) = (file("old", &old), file("proof", &proof));
    let (vkey, base) = (file("vkey", &checks::verifier(server.state()).to_string()), format!("{}/log", server.url()));
    let checkpoint = format!("{base}/checkpoint");
    let python = interpreter();
    let accepted = |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = verify(&python, &arguments);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let with = |arguments: &[&str]| [&["--vkey", &vkey], arguments].concat().iter().map(|s| (*s).to_owned()).collect();
    let cases: [Vec<String>; 3] = [
        with(&["checkpoint", &checkpoint]),
        with(&["proof", &proof]),
        with(&["consistency", &old, &checkpoint, "--tiles", &base]),
    ];
    for arguments in cases {
        let shown = arguments.clone();
        let (success, said) = tokio::task::block_in_place(|| accepted(arguments));
        assert!(success, "{shown:?}: {said}");
    }
    // One character changed in the proof, and one history that the log never had.
    let text = std::fs::read_to_string(&proof).unwrap();
    let (head, tail) = text.split_once("extra ").unwrap();
    let swapped = if tail.starts_with('A') { 'B' } else { 'A' };
    let forged = file("forged", &format!("{head}extra {swapped}{}", &tail[1..]));
    for arguments in [with(&["proof", &forged]), with(&["consistency", &checkpoint, &old, "--tiles", &base])] {
        let shown: Vec<String> = arguments;
        let (success, said) = tokio::task::block_in_place(|| accepted(shown.clone()));
        assert!(!success && said.starts_with("refused: "), "{shown:?}: {said}");
    }
    server.finish().await;
}
