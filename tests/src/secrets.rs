//! Everything secret that a test has typed or been shown, and where none of it may be found.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use vitne::logging::Capture;

/// Every log line of this process, of every level.
pub fn captured() -> &'static Capture {
    static CAPTURE: OnceLock<Capture> = OnceLock::new();
    CAPTURE.get_or_init(|| {
        // The server's own hook leaves a panic's message out; a failing test should show it.
        let hook = std::panic::take_hook();
        let capture = Capture::whole_process().expect("nobody else captures");
        std::panic::set_hook(hook);
        capture
    })
}

/// The secrets of one test. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<Secrets>>);

#[derive(Debug, Default)]
struct Secrets {
    /// Long enough not to stand anywhere by chance.
    texts: BTreeSet<String>,
    /// Six digits: looked for as words of their own.
    codes: BTreeSet<String>,
    /// Links, which mail is for.
    links: BTreeSet<String>,
}

impl Known {
    /// A password, a token, a shared secret, a recovery code.
    pub fn text(&self, secret: &str) {
        assert!(secret.len() >= 8, "too short to be looked for");
        self.0.lock().unwrap().texts.insert(secret.to_owned());
    }

    /// A code of an authenticator app.
    pub fn code(&self, code: &str) {
        self.0.lock().unwrap().codes.insert(code.to_owned());
    }

    /// A link that came by mail.
    pub fn link(&self, link: &str) {
        self.0.lock().unwrap().links.insert(link.to_owned());
    }

    /// Fails if one of them was logged, or mailed where mail is not for it.
    pub fn were_kept(&self, mails: &Path) {
        let secrets = self.0.lock().unwrap();
        let logged = captured().text();
        let everywhere = secrets.texts.iter().chain(&secrets.links);
        let leaked: Vec<&String> = everywhere.filter(|secret| logged.contains(secret.as_str())).collect();
        assert!(leaked.is_empty(), "secrets were logged: {leaked:?}");
        let leaked: Vec<&String> = secrets.codes.iter().filter(|code| has_word(&logged, code)).collect();
        assert!(leaked.is_empty(), "codes were logged: {leaked:?}");
        for mail in letters(mails) {
            let leaked: Vec<&String> = secrets.texts.iter().filter(|secret| mail.contains(secret.as_str())).collect();
            assert!(leaked.is_empty(), "secrets were mailed: {leaked:?}");
            let leaked: Vec<&String> = secrets.codes.iter().filter(|code| has_word(&mail, code)).collect();
            assert!(leaked.is_empty(), "codes were mailed: {leaked:?}");
        }
    }
}

/// Every letter in the sink, the oldest first.
pub fn letters(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Whether `word` stands in `text` with no letter or digit beside it.
fn has_word(text: &str, word: &str) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        // A fraction of a second is no code.
        !part(before) && before != Some(&b'.') && !part(bytes.get(at + word.len()))
    })
}
