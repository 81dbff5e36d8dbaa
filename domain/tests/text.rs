//! Names that people give.

use vitne_domain::text::{LONGEST_NAME, TextError, display_name, label};

#[test]
fn names_of_all_the_world_are_taken() {
    for name in ["Anna", "Åsa Öberg-Ærø", "李小龍", "محمد", "👩‍👩‍👧 Familjen", "O'Neill", "ต้น"]
    {
        assert_eq!(display_name(name).as_deref(), Ok(name), "{name}");
    }
    assert_eq!(display_name("  A\u{30a}sa "), Ok("\u{c5}sa".to_owned()), "composed, without the space around");
}

#[test]
fn what_misleads_or_is_not_there_is_refused_with_the_reason() {
    let cases = [
        ("", TextError::Empty),
        (" \u{a0}\u{2003}", TextError::Empty),
        ("\u{200b}\u{200d}", TextError::Empty),
        ("An\0na", TextError::Control),
        ("Anna\nBcc", TextError::Control),
        ("An\u{1b}[31mna", TextError::Control),
        ("An\u{2028}na", TextError::Control),
        ("An\u{202e}na", TextError::Bidirectional),
        ("An\u{2067}na", TextError::Bidirectional),
        ("An\u{200f}na", TextError::Bidirectional),
    ];
    for (typed, error) in cases {
        assert_eq!(display_name(typed), Err(error), "{typed:?}");
    }
}

#[test]
fn limits_count_characters() {
    assert!(display_name(&"å".repeat(LONGEST_NAME)).is_ok());
    assert!(display_name(&"🦀".repeat(LONGEST_NAME)).is_ok());
    assert_eq!(display_name(&"å".repeat(101)), Err(TextError::TooLong { longest: 100 }));
    assert_eq!(display_name(&"a".repeat(10_000)), Err(TextError::TooLong { longest: 100 }));
    assert!(label(&"a".repeat(60)).is_ok());
    assert_eq!(label(&"a".repeat(61)), Err(TextError::TooLong { longest: 60 }));
}
