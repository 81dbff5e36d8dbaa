//! Every section and key. The reference in `docs/reference/config.md` is made from this file.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::TimeDelta;
use vitne_domain::Protected;

use super::secret::Key;
use super::source::{KeyDoc, Section, Source};
use super::value::{LogFormat, MailTransport, Setting};
use crate::http::address::{Cidr, ProxyHeader};

macro_rules! sections {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident $section:literal {
            $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty = $default:expr,)*
        }
    )*) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug)]
            pub struct $name {
                $($(#[doc = $field_doc])+ pub $field: $type,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: $default,)* }
                }
            }

            impl Section for $name {
                const NAME: &'static str = $section;

                fn doc() -> String {
                    concat!($($doc),+).trim().to_owned()
                }

                fn keys() -> Vec<KeyDoc> {
                    let default = Self::default();
                    vec![$(KeyDoc {
                        name: stringify!($field),
                        kind: <$type as Setting>::KIND,
                        secret: <$type as Setting>::SECRET,
                        default: default.$field.show(),
                        doc: concat!($($field_doc),+).trim().to_owned(),
                    },)*]
                }

                fn read(source: &mut Source<'_>) -> Self {
                    let default = Self::default();
                    Self { $($field: source.take(Self::NAME, stringify!($field)).unwrap_or(default.$field),)* }
                }

                fn show(&self) -> Vec<(&'static str, Option<String>)> {
                    vec![$((stringify!($field), self.$field.show()),)*]
                }
            }
        )*
    };
}

sections! {
    /// Where the server listens and under which names browsers reach it.
    Server "server" {
        /// The address and port to listen on.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// How browsers reach it: scheme, host and port. With `https`, HSTS is sent.
        public_url: String = "http://localhost:8080".to_owned(),
        /// Further origins whose pages may act for their users, such as `https://app.example`.
        origins: Vec<String> = Vec::new(),
        /// Cookies without `Secure` and without the `__Host-` prefix. Only for a demo on plain HTTP.
        insecure_cookies: bool = false,
        /// The largest request body, in bytes.
        body_limit: u32 = 65_536,
        /// How long a request may take before it is answered with 503.
        request_timeout: TimeDelta = TimeDelta::seconds(15),
        /// How long accepted requests may still take after a signal to stop.
        shutdown_grace: TimeDelta = TimeDelta::seconds(20),
    }
    /// Which proxies stand before the server.
    Proxies "proxies" {
        /// Where they are. Only they may tell a client's address.
        trusted: Vec<Cidr> = Vec::new(),
        /// The one header they write: `x-forwarded-for` or `forwarded`. The other is ignored.
        header: ProxyHeader = ProxyHeader::XForwardedFor,
    }
    /// The PostgreSQL database.
    Database "database" {
        /// Where it is (`postgres://user:password@host/name`), as the role that may only append. Without
        /// it, Vitne starts a private PostgreSQL of its own.
        url: Option<Protected> = None,
        /// The same database as its owner, for migrations. Without it, `url` must be the owner's.
        owner_url: Option<Protected> = None,
        /// Where the private PostgreSQL and generated keys are kept.
        data_dir: PathBuf = PathBuf::from("vitne-data"),
        /// The most connections the server opens.
        max_connections: u32 = 16,
    }
    /// The deployment's keys. The private and the demo set-up make those that are missing.
    Keys "keys" {
        /// Where generated keys are kept, each in a file of its own that only its owner may read.
        /// Without it, `keys` within `database.data_dir`.
        directory: Option<PathBuf> = None,
        /// Whether missing keys are made. Without it, only when `database.url` is not set: with a
        /// database of your own, a lost key must be noticed, not replaced.
        generate: Option<bool> = None,
        /// Wraps the subjects' and the epochs' secrets.
        key_encryption: Option<Key> = None,
        /// The key-encryption key before, while rows are being re-wrapped.
        key_encryption_previous: Option<Key> = None,
        /// Makes the keyed hashes of e-mail addresses and other identifiers. It cannot be replaced.
        identifier: Option<Key> = None,
        /// Signs device cookies.
        cookie: Option<Key> = None,
        /// The cookie key before, while browsers still hold its cookies.
        cookie_previous: Option<Key> = None,
        /// Signs cursors.
        cursor: Option<Key> = None,
        /// The seed of the Ed25519 key that signs the log's checkpoints.
        log_signing: Option<Key> = None,
    }
    /// The log and its proofs.
    Log "log" {
        /// The name of the log in its checkpoints (C2SP tlog-checkpoint), such as `auth.example/log`.
        /// It cannot be changed once checkpoints have been signed.
        origin: String = "localhost/vitne".to_owned(),
        /// How many units of work may wait for the appender before callers get 503.
        queue: u32 = 1_024,
    }
    /// How passwords are hashed (Argon2id) and how many at once.
    Passwords "passwords" {
        /// Memory, in KiB.
        memory_kib: u32 = 19_456,
        /// Passes over the memory.
        iterations: u32 = 2,
        /// Lanes.
        parallelism: u32 = 1,
        /// Threads that hash. 0 means one for each core.
        workers: u32 = 0,
        /// How many hashes may wait before callers get 503.
        queue: u32 = 64,
    }
    /// How long sessions live.
    Sessions "sessions" {
        /// Without use.
        idle: TimeDelta = TimeDelta::hours(1),
        /// In all.
        absolute: TimeDelta = TimeDelta::hours(24),
    }
    /// Trusted devices.
    Devices "devices" {
        /// How long the second step is not asked for on a trusted device; 30 days at most.
        trust: TimeDelta = TimeDelta::days(30),
    }
    /// How many attempts are read before further ones are refused. Shared between nodes.
    Limits "limits" {
        /// Attempts that one address (of IPv6: its /64) may make at once.
        address_burst: u32 = 60,
        /// Attempts that one address gains back every minute.
        address_per_minute: u32 = 30,
        /// Attempts at one identifier, known or unknown, at once.
        identifier_burst: u32 = 10,
        /// Attempts at one identifier gained back every minute.
        identifier_per_minute: u32 = 2,
        /// Requests of one session at once.
        session_burst: u32 = 240,
        /// Requests of one session gained back every minute.
        session_per_minute: u32 = 240,
    }
    /// How mail leaves.
    Mail "mail" {
        /// `smtp`, `file` (one file a message) or `console`.
        transport: MailTransport = MailTransport::Console,
        /// The SMTP server: `smtps://user:password@host` (TLS), `smtp://host?tls=required` (STARTTLS) or
        /// `smtp://host` (no encryption: only on the same machine).
        smtp_url: Option<Protected> = None,
        /// Where `file` puts messages. Without it, `mail` within `database.data_dir`.
        directory: Option<PathBuf> = None,
        /// The sender.
        from: String = "Vitne <no-reply@localhost>".to_owned(),
        /// How long the server may take for one message.
        timeout: TimeDelta = TimeDelta::seconds(30),
    }
    /// Read models.
    Projections "projections" {
        /// How many events a read model may be behind before `/health/ready` says so.
        ready_lag: u64 = 10_000,
        /// The longest that a query waits for `atLeast`.
        wait: TimeDelta = TimeDelta::seconds(5),
    }
    /// Log lines and metrics.
    Logging "logging" {
        /// `json` or `text`.
        format: LogFormat = LogFormat::Json,
        /// What is written: a level, or directives such as `info,vitne=debug`.
        level: String = "info".to_owned(),
        /// An own address for `/metrics`. Without it, `/metrics` answers on `server.listen`, to this
        /// machine only.
        metrics_listen: Option<SocketAddr> = None,
    }
    /// Languages.
    Languages "languages" {
        /// The language when a person has chosen none: `sv`, `nb` or `en`.
        default: String = "en".to_owned(),
    }
}
