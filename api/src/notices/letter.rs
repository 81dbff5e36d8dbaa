//! From a due message to letters: to whom, in which language, with which link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitne_domain::account::Account;
use vitne_domain::ceremony::Ceremony;
use vitne_domain::device::Device;
use vitne_domain::id::CeremonyId;
use vitne_domain::policy::Purpose;
use vitne_domain::token::LinkToken;
use vitne_gateways::mail::Message;
use vitne_projections::outbox::{DueMessage, Template};
use vitne_projections::text::{Letter, MailKind, mail};

use super::{NoticeError, Notices};

impl Notices {
    /// The letters of a due message; none if there is nobody to write to any more. The address comes
    /// from the account's stream: it must be today's, and only a proved one is told of the account.
    pub(super) async fn letters(&self, due: &DueMessage) -> Result<Vec<Message>, NoticeError> {
        let message = &due.message;
        let log = self.services.log();
        let account = log.load::<Account>(message.subject).await?.aggregate;
        if !account.is_registered() || account.erased() {
            return Ok(Vec::new());
        }
        let (mut purpose, mut link, mut to) = (None, None, Vec::new());
        let mut name = account.display_name();
        if message.template == Template::EmailLink {
            let Some(id) = message.ceremony else { return Ok(Vec::new()) };
            let ceremony = log.load::<Ceremony>(id).await?.aggregate;
            purpose = ceremony.purpose();
            let Some(view) = ceremony.view(message.occurred_at) else { return Ok(Vec::new()) };
            link = Some((self.link(id, purpose), view.expires_at));
            match ceremony.contact() {
                // Whoever asked for this chose the name, and nobody has proved the address yet: the name
                // would carry a stranger's words to somebody who never asked for any.
                Some(contact) => {
                    to.push(contact.to_owned());
                    name = "";
                }
                None if account.email_verified() => to.push(account.email().to_owned()),
                None => {}
            }
        } else if account.email_verified() {
            to.push(account.email().to_owned());
        }
        to.extend(message.also_to.clone());
        let platform = match message.device {
            Some(device) => log.load::<Device>(device).await?.aggregate.platform().cloned(),
            None => None,
        };
        let letter = Letter {
            kind: MailKind::of(message.template, purpose),
            name,
            at: message.occurred_at,
            device: platform.as_ref().map(|known| (known.browser.as_deref(), known.os.as_deref())),
            link: link.as_ref().map(|(link, until)| (link.as_str(), *until)),
        };
        let text = mail(account.language(), &letter);
        let one = |(index, to): (usize, String)| Message {
            key: if index == 0 { due.id.to_string() } else { format!("{}-{index}", due.id) },
            to,
            subject: text.subject.clone(),
            text: text.body.clone(),
            at: message.occurred_at,
        };
        Ok(to.into_iter().enumerate().map(one).collect())
    }

    /// The link of a ceremony, made from the log and the deployment's key alone.
    fn link(&self, id: CeremonyId, purpose: Option<Purpose>) -> String {
        let path = match purpose {
            Some(Purpose::VerifyEmail) => "verify-email",
            _ => "confirm",
        };
        let secret = URL_SAFE_NO_PAD.encode(self.services.keys().link_secret(id));
        let stream = URL_SAFE_NO_PAD.encode(id.0.as_bytes());
        // After the fragment sign, so that the secret reaches no server's log.
        format!("{}/{path}#{}{stream}.{secret}", self.public_url.trim_end_matches('/'), LinkToken::PREFIX)
    }
}
