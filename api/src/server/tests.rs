use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vitne_domain::Protected;
use vitne_eventlog::database::testing::TestDatabase;

use super::*;
use crate::clock::SystemClock;

async fn running(database: &TestDatabase, directory: &tempfile::TempDir) -> RunningServer {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.database.url = Some(Protected::new(database.url()));
    config.database.owner_url = Some(Protected::new(database.owner_url()));
    config.keys.directory = Some(directory.path().join("keys"));
    config.keys.generate = Some(true);
    Server::new(config, Arc::new(SystemClock), Entropy::seeded(1)).start().await.unwrap()
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_on_a_database_is_ready_and_stops() {
    let (database, directory) = (TestDatabase::create().await, tempfile::tempdir().unwrap());
    let server = running(&database, &directory).await;
    let address = server.address;
    let answer = ask(address, "/health/ready").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"status\":\"READY\"}"), "{answer}");
    assert!(ask(address, "/metrics").await.contains("vitne_http_request_seconds"));
    tokio::time::timeout(Duration::from_secs(10), server.stop()).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_accepted_before_the_stop_is_finished() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (begun, mut began) = tokio::sync::mpsc::channel::<()>(1);
    let slow = move || async move {
        begun.send(()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        "whole"
    };
    let app = Router::new().route("/slow", axum::routing::get(slow));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener::serve(listener, app, stop.clone(), Duration::from_secs(10)));
    let idle = TcpStream::connect(address).await.unwrap();
    let answer = tokio::spawn(async move { ask(address, "/slow").await });
    began.recv().await.unwrap();
    stop.cancel();
    assert!(answer.await.unwrap().ends_with("whole"));
    tokio::time::timeout(Duration::from_secs(2), serving).await.expect("an idle connection holds nothing up").unwrap();
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_is_cut_after_the_grace() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/never", axum::routing::get(std::future::pending::<()>));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener::serve(listener, app, stop.clone(), Duration::from_millis(200)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(2), serving).await.unwrap().unwrap();
}
