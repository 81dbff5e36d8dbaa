//! The server under measurement: this program again, as a process of its own, asked over HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use vitne_eventlog::database::{OWNER, SERVER_ROLE};

use super::Outcome;
use super::world::World;

/// A running server.
pub(crate) struct Served {
    child: Child,
    url: String,
    client: reqwest::Client,
    pub(crate) pid: u32,
}

impl Served {
    pub(crate) async fn start(world: &World) -> Outcome<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let cluster = world.backing().cluster().ok_or("the bench runs on a private cluster")?;
        let options = cluster.options("vitne", OWNER);
        let socket = options.get_socket().ok_or("the cluster has a socket")?.display().to_string().replace('/', "%2F");
        let url = |role: &str| format!("postgres://{role}@{socket}:{}/vitne?sslmode=disable", options.get_port());
        let file = world.directory().join("vitne.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\ninsecure_cookies = true\n\
             [database]\nurl = \"{}\"\nowner_url = \"{}\"\ndata_dir = \"{data}\"\n\
             [keys]\ndirectory = \"{data}/keys\"\ngenerate = true\n\
             [limits]\naddress_burst = 1000000\naddress_per_minute = 1000000\nidentifier_burst = 1000000\nidentifier_per_minute = 1000000\nsession_burst = 1000000\nsession_per_minute = 1000000\n\
             [mail]\ntransport = \"file\"\ndirectory = \"{data}/mail\"\n\
             [logging]\nlevel = \"error\"\n",
            url(SERVER_ROLE),
            url(OWNER),
            data = world.config.database.data_dir.display(),
        );
        std::fs::write(&file, text)?;
        let mut command = Command::new(std::env::current_exe()?);
        // The bench's own variables are no settings of a server.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"VITNE_")) {
            command.env_remove(name);
        }
        let child = command.arg("serve").arg("--config").arg(&file).kill_on_drop(true).spawn()?;
        let pid = child.id().ok_or("the server has ended")?;
        let served = Self { child, url: format!("http://127.0.0.1:{port}"), client: reqwest::Client::new(), pid };
        for _ in 0..600 {
            if served.client.get(format!("{}/health/live", served.url)).send().await.is_ok() {
                return Ok(served);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the server did not answer within a minute".into())
    }

    /// One GraphQL request; an answer with errors is a failure of the bench.
    pub(crate) async fn ask(&self, bearer: Option<&str>, query: &str, variables: Value) -> Outcome<Value> {
        let mut request =
            self.client.post(format!("{}/graphql", self.url)).json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let answer: Value = request.send().await?.json().await?;
        match answer.get("errors") {
            Some(errors) => Err(format!("GraphQL: {errors}").into()),
            None => Ok(answer),
        }
    }

    pub(crate) async fn stop(mut self) -> Outcome<()> {
        if let Some(pid) =
            self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        self.child.wait().await?;
        Ok(())
    }
}
