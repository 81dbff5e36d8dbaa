//! Mail over SMTP (RFC 5321), encrypted with TLS or STARTTLS (RFC 8314).

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{MailError, Mailer, Message, check};

/// How to reach the server.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host`, `smtp://host?tls=required`, or `smtp://localhost` without encryption.
    pub url: String,
    /// The sender: `Vitne <no-reply@login.example>`.
    pub from: String,
    /// How long one message may take.
    pub timeout: Duration,
}

/// Why the settings cannot be used. Names no part of the URL: it holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpSettingsError {
    /// Not a URL of the known forms.
    #[error("the mail server's URL must be smtps://user:password@host, smtp://host?tls=required or smtp://localhost")]
    Url,
    /// Plain text over a network.
    #[error("the mail server's URL has no encryption; use smtps:// or add ?tls=required")]
    Plain,
    /// Not an address.
    #[error("the sender {0:?} is not an address such as \"Vitne <no-reply@login.example>\"")]
    From(String),
}

/// Sends over SMTP, one connection a message.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl SmtpMailer {
    /// Reads the settings; does not connect.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpSettingsError> {
        if is_plain(&settings.url) && !is_local(&settings.url) {
            return Err(SmtpSettingsError::Plain);
        }
        let from = settings.from.parse().map_err(|_| SmtpSettingsError::From(settings.from.clone()))?;
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url).map_err(|_| SmtpSettingsError::Url)?;
        let transport = builder.timeout(Some(settings.timeout)).build();
        Ok(Self { transport, from, timeout: settings.timeout })
    }

    fn mail(&self, message: &Message) -> Result<Mail, MailError> {
        let to: Address = message.to.parse().map_err(|_| MailError::Malformed("the address is not one"))?;
        let text: String = message.text.lines().flat_map(|line| [line, "\r\n"]).collect();
        Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .date(message.at.into())
            .message_id(Some(format!("<{}@{}>", message.key, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| MailError::Malformed("the message cannot be written as mail"))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        check(message)?;
        let mail = self.mail(message)?;
        // The transport's own time is for each command; a server that answers slowly and for ever is
        // cut off here.
        match tokio::time::timeout(self.timeout, self.transport.send(mail)).await {
            Err(_elapsed) => Err(MailError::Timeout),
            Ok(Ok(_reply)) => Ok(()),
            Ok(Err(error)) => Err(sort(&error)),
        }
    }
}

fn sort(error: &lettre::transport::smtp::Error) -> MailError {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        return if error.is_permanent() { MailError::Refused { code } } else { MailError::Deferred { code } };
    }
    if error.is_timeout() {
        MailError::Timeout
    } else if error.is_tls() {
        MailError::Unreachable("no encryption could be agreed on")
    } else {
        MailError::Unreachable("the connection failed")
    }
}

fn is_plain(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    url.starts_with("smtp://") && !query.split('&').any(|pair| pair == "tls=required")
}

fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

#[cfg(test)]
mod tests {
    use super::super::simulator::{Behaviour, SmtpServer};
    use super::super::tests::message;
    use super::*;

    fn mailer(server: &SmtpServer) -> SmtpMailer {
        let settings = SmtpSettings {
            url: server.url(),
            from: "Vitne <no-reply@login.example>".to_owned(),
            timeout: Duration::from_millis(800),
        };
        SmtpMailer::new(&settings).unwrap()
    }

    #[tokio::test]
    async fn a_message_arrives_as_it_was_written() {
        let server = SmtpServer::start().await.unwrap();
        mailer(&server).send(&message()).await.unwrap();
        let stored = server.messages();
        assert_eq!(stored.len(), 1);
        assert_eq!(
            (stored[0].from.as_str(), stored[0].to.as_slice()),
            ("no-reply@login.example", &["astrid@example.se".to_owned()][..])
        );
        let data = &stored[0].data;
        assert!(data.contains("Message-ID: <0193f3c8-5d0e-7c1a@login.example>\r\n"), "{data}");
        assert!(data.contains("Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n"), "{data}");
        let body = data.split_once("\r\n\r\n").unwrap().1;
        // lettre writes text that is not ASCII as quoted-printable or as base64; the lone dot must survive.
        assert!(data.contains("Content-Transfer-Encoding:"), "{data}");
        assert!(body.contains("=C3=96ppna l=C3=A4nken:\r\nhttps://login.example/verify#t0ken\r\n.\r\nVitne"), "{body}");
    }

    #[tokio::test]
    async fn each_way_to_fail_is_told_apart_and_names_no_address() {
        for (behaviour, expected) in [
            (Behaviour::RefuseRecipient, MailError::Refused { code: 550 }),
            (Behaviour::Defer, MailError::Deferred { code: 451 }),
            (Behaviour::RefuseConnection, MailError::Refused { code: 554 }),
            (Behaviour::Hang, MailError::Timeout),
            (Behaviour::DropAfterData, MailError::Unreachable("the connection failed")),
        ] {
            let server = SmtpServer::start().await.unwrap();
            server.behave(behaviour);
            let error = mailer(&server).send(&message()).await.unwrap_err();
            assert_eq!(error, expected, "{behaviour:?}");
            assert!(!format!("{error} {error:?}").contains("astrid"));
            server.behave(Behaviour::Accept);
            mailer(&server).send(&message()).await.unwrap();
            let copies = server.messages().len();
            assert_eq!(copies, if behaviour == Behaviour::DropAfterData { 2 } else { 1 }, "{behaviour:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_unreachable() {
        let settings = SmtpSettings {
            url: "smtp://127.0.0.1:1".to_owned(),
            from: "no-reply@login.example".to_owned(),
            timeout: Duration::from_secs(2),
        };
        let error = SmtpMailer::new(&settings).unwrap().send(&message()).await.unwrap_err();
        assert!(matches!(error, MailError::Unreachable(_)) && !error.is_permanent());
    }

    #[test]
    fn plain_text_leaves_this_machine_never() {
        let with = |url: &str| {
            let settings =
                SmtpSettings { url: url.to_owned(), from: "a@b.example".to_owned(), timeout: Duration::from_secs(1) };
            SmtpMailer::new(&settings).map(|_| ())
        };
        for url in [
            "smtp://localhost",
            "smtp://127.0.0.1:2525",
            "smtps://u:p@mail.example",
            "smtp://mail.example?tls=required",
        ] {
            assert_eq!(with(url), Ok(()), "{url}");
        }
        for url in [
            "smtp://mail.example",
            "smtp://mail.example?tls=opportunistic",
            "smtp://localhost.evil.example",
            "smtp://localhost@evil.example",
        ] {
            assert_eq!(with(url), Err(SmtpSettingsError::Plain), "{url}");
        }
        assert_eq!(with("mail.example"), Err(SmtpSettingsError::Url));
    }
}
