//! Words put to codes, lists and names.

use fluent_bundle::FluentArgs;
use vitne_domain::account::Language;

use super::bundles;

/// The most characters of a name in a sentence.
const LONGEST_NAME: usize = 80;

/// `TWO_STEP` as it stands in keys: `two-step`.
pub(super) fn slug(code: &str) -> String {
    code.to_ascii_lowercase().replace('_', "-")
}

/// A text without arguments.
pub(super) fn word(language: Language, key: &str) -> String {
    bundles::text(language, key, &FluentArgs::new()).unwrap_or_default()
}

/// The words for a code of a family such as `reason`; a code without words of its own gets the
/// family's words for the unknown.
pub(super) fn of_code(language: Language, family: &str, code: &str) -> String {
    let none = FluentArgs::new();
    let key = format!("{family}-{}", slug(code));
    bundles::exactly(language, &key, &none)
        .or_else(|| bundles::exactly(Language::En, &key, &none))
        .unwrap_or_else(|| word(language, &format!("{family}-unknown")))
}

/// "password, authenticator app and recovery code".
pub(super) fn methods(language: Language, codes: &[&str]) -> String {
    let words: Vec<String> = codes.iter().map(|code| of_code(language, "method", code)).collect();
    match words.as_slice() {
        [] => of_code(language, "method", "UNKNOWN"),
        [one] => one.clone(),
        [head @ .., last] => {
            let mut args = FluentArgs::new();
            args.set("head", head.join(", "));
            args.set("last", last.clone());
            bundles::text(language, "list-two", &args).unwrap_or_default()
        }
    }
}

/// "Chrome, Windows 10".
pub(super) fn device(language: Language, browser: Option<&str>, os: Option<&str>) -> String {
    let browser = browser.map(typed_by_people).filter(|name| !name.is_empty());
    let os = os.map(typed_by_people).filter(|name| !name.is_empty());
    let mut args = FluentArgs::new();
    match (browser, os) {
        (Some(browser), Some(os)) => {
            args.set("browser", browser);
            args.set("os", os);
            bundles::text(language, "device-browser-os", &args).unwrap_or_default()
        }
        (Some(name), None) | (None, Some(name)) => {
            args.set("name", name);
            bundles::text(language, "device-one", &args).unwrap_or_default()
        }
        (None, None) => word(language, "device-unknown"),
    }
}

/// A name that somebody typed, made safe to stand in a sentence: see the module above.
pub fn typed_by_people(name: &str) -> String {
    let kept = |c: &char| !c.is_control() && !changes_direction(*c);
    let mut name: String = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(kept).collect();
    name = name.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if name.chars().count() > LONGEST_NAME {
        name = name.chars().take(LONGEST_NAME - 1).chain(['…']).collect();
    }
    if name.is_ascii() { name } else { format!("\u{2068}{name}\u{2069}") }
}

/// Marks, embeddings, overrides and isolates of the bidirectional algorithm, and line separators.
const fn changes_direction(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
