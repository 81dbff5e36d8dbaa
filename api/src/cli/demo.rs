//! `vitne demo`: the server for trying out. Everything it keeps is in one directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outcome::say;
use super::serve::until_stopped;
use super::{Context, Exit, Outcome, block_on};
use crate::clock::Entropy;
use crate::config::Config;
use crate::config::value::{LogFormat, MailTransport};
use crate::logging;
use crate::server::{Mode, Server};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where database, keys and mail are kept.
    #[arg(long, default_value = "vitne-demo", value_name = "DIRECTORY")]
    directory: PathBuf,
}

pub(super) fn run(context: &Context, arguments: Arguments) -> Outcome {
    let config = settings(&arguments);
    logging::init(config.logging.format, &config.logging.level)?;
    let mail = config.mail.directory.clone().unwrap_or_default();
    let public_url = config.server.public_url.clone();
    let mut server = Server::new(config, Arc::clone(&context.clock), Entropy::from_os()?);
    server.mode = Mode::Demo;
    block_on(async move {
        let running = server.start().await?;
        say(&format!("Vitne listens on {public_url}\n  mail: {}\nStop it with Ctrl-C.\n", mail.display()))?;
        until_stopped(running).await?;
        Ok(Exit::Fine)
    })
}

/// The demo's settings. It reads no configuration file: it must not touch a real deployment.
fn settings(arguments: &Arguments) -> Config {
    let mut config = settings_in(&arguments.directory);
    config.server.listen = arguments.listen;
    config.server.public_url = format!("http://localhost:{}", arguments.listen.port());
    config.server.origins = vec![format!("http://{}", arguments.listen)];
    config.server.insecure_cookies = true;
    config.logging.format = LogFormat::Text;
    config.logging.level = "warn".to_owned();
    config
}

/// Where the demo in `directory` keeps what it has.
pub(super) fn settings_in(directory: &Path) -> Config {
    let mut config = Config::default();
    config.database.data_dir = directory.to_owned();
    config.keys.directory = Some(directory.join("keys"));
    config.mail.transport = MailTransport::File;
    config.mail.directory = Some(directory.join("mail"));
    config
}
