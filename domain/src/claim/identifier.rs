//! From what a person types to the stream that says whose it is.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroize;

use super::events::ClaimKind;
use crate::text::{is_bidi_control, is_control};

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const LONGEST_EMAIL: usize = 254;
/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest domain label, in bytes (RFC 1035 §2.3.4).
const LONGEST_DOMAIN_LABEL: usize = 63;

/// Why an address is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Longer than any mail system takes.
    #[error("the e-mail address is too long")]
    TooLong,
    /// Not one `@` with something on both sides.
    #[error("write the e-mail address with one @, for example anna@example.se")]
    NotOneAt,
    /// A control character, space or direction mark.
    #[error("leave out spaces and invisible characters from the e-mail address")]
    Character,
    /// The part after `@` is not a domain.
    #[error("the part after @ is not a domain, for example example.se")]
    Domain,
}

/// The form under which an address is unique: NFC, no space around it, lower case on both sides of
/// `@`. International domains stay as typed; dots and plus tags too, because they are the mail
/// provider's business.
pub fn normalise_email(typed: &str) -> Result<String, EmailError> {
    if typed.len() > 4 * LONGEST_EMAIL {
        return Err(EmailError::TooLong);
    }
    let email: String = typed.trim().nfc().flat_map(char::to_lowercase).nfc().collect();
    if email.chars().any(|c| is_control(c) || is_bidi_control(c) || c.is_whitespace() || is_invisible(c)) {
        return Err(EmailError::Character);
    }
    let (local, domain) = email.split_once('@').ok_or(EmailError::NotOneAt)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(EmailError::NotOneAt);
    }
    if email.len() > LONGEST_EMAIL || local.len() > LONGEST_LOCAL {
        return Err(EmailError::TooLong);
    }
    if domain.split('.').all(is_domain_label) { Ok(email) } else { Err(EmailError::Domain) }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

fn is_domain_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LONGEST_DOMAIN_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c == '-' || c.is_alphanumeric() || (!c.is_ascii() && !c.is_whitespace()))
}

/// The stream of a claim: HMAC-SHA256 of the kind and the normalised identifier under the deployment's
/// key, in hexadecimal. Without the key, nobody can tell from the log whether an address is known.
pub fn claim_id(key: &[u8; 32], kind: ClaimKind, normalised: &str) -> String {
    let label: &[u8] = match kind {
        ClaimKind::Email => b"email\0",
        ClaimKind::PersonalNumber => b"personal-number\0",
        ClaimKind::Credential => b"credential\0",
    };
    // HMAC fills a short key up with zeros to one block (RFC 2104 §2), so a filled one is the same key.
    let mut block = [0_u8; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    block.zeroize();
    mac.update(b"vitne claim v1\0");
    mac.update(label);
    mac.update(normalised.as_bytes());
    let mut id = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        for nibble in [byte >> 4, byte & 15] {
            id.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    id
}
