//! A mail server for tests and demos: it speaks enough of SMTP (RFC 5321) to be talked to by any client,
//! keeps what it is given, and misbehaves on demand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the server treats the next sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes every message.
    Accept,
    /// Greets with 554 and closes.
    RefuseConnection,
    /// Answers every recipient with 550.
    RefuseRecipient,
    /// Answers every recipient with 451.
    Defer,
    /// Greets and then says nothing more.
    Hang,
    /// Takes the message and breaks the connection before saying so.
    DropAfterData,
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Headers and body, with CRLF, dots unstuffed.
    pub data: String,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    stored: Mutex<Vec<StoredMail>>,
}

/// The server. Stops when dropped.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl SmtpServer {
    /// Starts one on a free port of this machine.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { behaviour: Mutex::new(Behaviour::Accept), stored: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// What to put into `mail.smtp_url`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Changes how the next sessions are treated.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// Everything it was given.
    pub fn messages(&self) -> Vec<StoredMail> {
        self.shared.stored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A client that goes away ends its session; there is nobody to tell.
            let _ = session(stream, &shared).await;
        });
    }
}

/// One session's envelope so far.
#[derive(Default)]
struct Envelope {
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

async fn session(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let behaviour = *shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stream = BufReader::new(stream);
    if behaviour == Behaviour::RefuseConnection {
        return say(&mut stream, "554 5.3.2 no service").await;
    }
    say(&mut stream, "220 simulator.example ESMTP").await?;
    if behaviour == Behaviour::Hang {
        std::future::pending::<()>().await;
    }
    let mut envelope = Envelope::default();
    while let Some(line) = read_line(&mut stream).await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "DATA" if envelope.from.is_some() && !envelope.to.is_empty() => {
                say(&mut stream, "354 end with a lone dot").await?;
                let Some(data) = read_data(&mut stream).await? else { return Ok(()) };
                let Envelope { from, to, .. } =
                    std::mem::replace(&mut envelope, Envelope { greeted: true, ..Envelope::default() });
                let mail = StoredMail { from: from.unwrap_or_default(), to, data };
                shared.stored.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
                if behaviour == Behaviour::DropAfterData {
                    return Ok(());
                }
                say(&mut stream, "250 2.0.0 taken").await?;
            }
            "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
            _ => say(&mut stream, answer(&verb, &line, behaviour, &mut envelope)).await?,
        }
    }
    Ok(())
}

/// The answer to a command that has no data of its own.
fn answer(verb: &str, line: &str, behaviour: Behaviour, envelope: &mut Envelope) -> &'static str {
    match verb {
        "EHLO" => {
            *envelope = Envelope { greeted: true, ..Envelope::default() };
            "250-simulator.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1048576"
        }
        "HELO" => {
            *envelope = Envelope { greeted: true, ..Envelope::default() };
            "250 simulator.example"
        }
        "MAIL" if !envelope.greeted || envelope.from.is_some() => "503 5.5.1 not now",
        "MAIL" => match path(line, "FROM:") {
            Some(from) => {
                envelope.from = Some(from);
                "250 2.1.0 go on"
            }
            None => "501 5.5.4 MAIL FROM:<address>",
        },
        "RCPT" if envelope.from.is_none() => "503 5.5.1 MAIL first",
        "RCPT" => match (path(line, "TO:"), behaviour) {
            (None, _) => "501 5.5.4 RCPT TO:<address>",
            (Some(_), Behaviour::RefuseRecipient) => "550 5.1.1 no such mailbox <astrid@example.se>",
            (Some(_), Behaviour::Defer) => "451 4.7.1 greylisted, try again",
            (Some(to), _) => {
                envelope.to.push(to);
                "250 2.1.5 go on"
            }
        },
        "DATA" => "503 5.5.1 RCPT first",
        "RSET" => {
            *envelope = Envelope { greeted: envelope.greeted, ..Envelope::default() };
            "250 2.0.0 forgotten"
        }
        "NOOP" => "250 2.0.0 yes",
        _ => "502 5.5.1 not known",
    }
}

/// The address between angle brackets after `FROM:` or `TO:`.
fn path(line: &str, word: &str) -> Option<String> {
    let (_, rest) = line.split_once(' ')?;
    let head = rest.get(..word.len())?;
    let rest = rest.get(word.len()..)?.trim_start();
    let address = rest.strip_prefix('<')?.split('>').next()?;
    head.eq_ignore_ascii_case(word).then(|| address.to_owned())
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(b"\r\n").await
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(&line);
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

/// The message up to the lone dot, with the dots that the client doubled made single (§4.5.2).
async fn read_data(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut data = String::new();
    while let Some(line) = read_line(stream).await? {
        if line == "." {
            return Ok(Some(data));
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push_str("\r\n");
    }
    Ok(None)
}
