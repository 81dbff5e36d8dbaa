//! `vitne demo`: the server for trying out. Everything it keeps is in one directory.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vitne_eventlog::database::ClusterSettings;

use super::outcome::say;
use super::serve::until_stopped;
use super::{Context, Exit, Failure, Outcome, block_on};
use crate::backing::BackingError;
use crate::clock::Entropy;
use crate::config::Config;
use crate::config::value::{LogFormat, MailTransport};
use crate::demo;
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
    let config = settings(&arguments)?;
    let place = config.database.data_dir.clone();
    make_place(&arguments.directory, &place).map_err(|error| {
        Failure::new(Exit::Failed, format!("{} cannot be made: {error}; choose another --directory", place.display()))
    })?;
    logging::init(config.logging.format, &config.logging.level)?;
    let mut server = Server::new(config, Arc::clone(&context.clock), Entropy::from_os()?);
    server.mode = Mode::Demo;
    block_on(async move {
        let running = server.start().await?;
        let people = match demo::people(&running.state, &place).await {
            Ok(people) => people,
            Err(error) => {
                running.stop().await;
                return Err(Failure::new(Exit::Failed, error.to_string()));
            }
        };
        say(&welcome(&running.state.config, &people))?;
        until_stopped(running).await?;
        Ok(Exit::Fine)
    })
}

/// What the demo prints: where to go, who is there, and what to try.
fn welcome(config: &Config, people: &[demo::Shown]) -> String {
    let url = &config.server.public_url;
    let mail = config.mail.directory.clone().unwrap_or_default();
    format!(
        "Vitne listens on {url}\n\
         \n\
         \x20 explorer  {url}/explorer   queries to try, and what each answers\n\
         \x20 GraphQL   {url}/graphql\n\
         \x20 proofs    {url}/log/checkpoint\n\
         \x20 metrics   {url}/metrics\n\
         \x20 mail      {}   one file a message\n\
         \n\
         People, with a month behind them. Their secrets are printed because nobody real has them:\n\
         {}\n\
         Try:\n\
         \x20 1. docs/tutorial.md: a lost phone, from the first sign-in to the proved activity log.\n\
         \x20 2. Sign in as Anna in the explorer and read her activity, devices and sessions.\n\
         \x20 3. Sign in as Åsa and find the day on which she lost her phone: what ended, and what came instead.\n\
         \x20 4. Sign in as Ola, find yesterday's attempts, and report them as not his.\n\
         \x20 5. Ask for a new password as Bjørn, and follow the link in the mail directory.\n\
         \x20 6. cargo run -p vitne -- replay verify --demo {directory}: every read model folded again and compared.\n\
         \x20 7. cargo run -p vitne -- verify database --demo {directory}: every event checked against the signed tree.\n\
         \n\
         Everything is kept in {directory}; delete it to begin anew. Stop with Ctrl-C.\n",
        mail.display(),
        demo::text(people),
        directory = config.database.data_dir.display(),
    )
}

/// The demo's settings. It reads no configuration file: it must not touch a real deployment.
fn settings(arguments: &Arguments) -> Result<Config, BackingError> {
    let mut config = settings_in(&arguments.directory)?;
    config.server.listen = arguments.listen;
    config.server.public_url = format!("http://localhost:{}", arguments.listen.port());
    config.server.origins = vec![format!("http://{}", arguments.listen)];
    config.server.insecure_cookies = true;
    config.logging.format = LogFormat::Text;
    config.logging.level = "warn".to_owned();
    Ok(config)
}

/// Where the demo in `directory` keeps what it has: there, or elsewhere under root if the user that
/// PostgreSQL runs as cannot walk there.
pub(super) fn settings_in(directory: &Path) -> Result<Config, BackingError> {
    let directory = ClusterSettings::reachable_directory(directory)?;
    let mut config = Config::default();
    config.keys.directory = Some(directory.join("keys"));
    config.mail.transport = MailTransport::File;
    config.mail.directory = Some(directory.join("mail"));
    config.database.data_dir = directory;
    Ok(config)
}

/// Makes the place and, if it is not where it was wanted, a link to it from there: what people are told
/// to look for is found either way.
fn make_place(wanted: &Path, place: &Path) -> std::io::Result<()> {
    if std::path::absolute(wanted)? == place {
        return Ok(());
    }
    for made in [place.parent().unwrap_or(place), place] {
        std::fs::create_dir_all(made)?;
        std::fs::set_permissions(made, std::fs::Permissions::from_mode(0o711))?;
    }
    match std::os::unix::fs::symlink(place, wanted) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
