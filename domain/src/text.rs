//! Names that people give: to themselves and to their things.

use unicode_normalization::UnicodeNormalization;

/// The longest display name, in characters.
pub const LONGEST_NAME: usize = 100;
/// The longest label of an authenticator or device, in characters.
pub const LONGEST_LABEL: usize = 60;

/// Why a name is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but space.
    #[error("write at least one character")]
    Empty,
    /// Too long.
    #[error("write at most {longest} characters")]
    TooLong {
        /// The limit.
        longest: usize,
    },
    /// A character that cannot be seen and changes how others are shown.
    #[error("leave out line breaks and other control characters")]
    Control,
    /// A character that turns the direction of writing, with which one name can look like another.
    #[error("leave out characters that change the direction of writing")]
    Bidirectional,
}

/// Whether a character overrides or embeds a direction of writing (Unicode Annex #9 §2).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Whether a character controls rather than is written: the control codes and the line separators.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A person's name in NFC, 1 to 100 characters.
pub fn display_name(typed: &str) -> Result<String, TextError> {
    clean(typed, LONGEST_NAME)
}

/// An authenticator's or device's name in NFC, 1 to 60 characters.
pub fn label(typed: &str) -> Result<String, TextError> {
    clean(typed, LONGEST_LABEL)
}

fn clean(typed: &str, longest: usize) -> Result<String, TextError> {
    // NFC needs at most three characters for one, and none fewer than a third: a megabyte is refused unread.
    if typed.len() > longest * 4 * 4 {
        return Err(TextError::TooLong { longest });
    }
    let text: String = typed.trim().nfc().collect();
    if text.chars().any(is_control) {
        return Err(TextError::Control);
    }
    if text.chars().any(is_bidi_control) {
        return Err(TextError::Bidirectional);
    }
    if !text.chars().any(is_visible) {
        return Err(TextError::Empty);
    }
    if text.chars().count() > longest {
        return Err(TextError::TooLong { longest });
    }
    Ok(text)
}

/// Zero-width characters join emoji and letters, but alone they are an empty name.
fn is_visible(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{fe0e}' | '\u{fe0f}')
}
