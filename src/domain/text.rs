//! Foreign text made harmless: what others set in Snyk or the Git host, and what their APIs say.
//!
//! Names are set by whoever may. They can hold line breaks (to forge a line), control characters (to drive a terminal), and
//! characters that take no room or turn the direction of writing (to show something else than is there). Such text is
//! made harmless where it enters, once; whoever shows a text asks here again what is harmful, so that there is one answer.
//! What people type (who they are, and why) is foreign text too: it is pasted, and shown to others.

use serde::{Deserialize as _, Deserializer};

/// Whether a text with this character may do or show something else than what is written: it breaks the line, controls
/// whatever shows it, takes no room, or turns the direction of what follows.
pub(crate) fn is_hostile(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') || is_invisible(character)
}

/// Whether it takes no room: marks, embeddings, overrides and isolates of direction, zero widths, fillers, tags.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text with a mark in the place of each character that is hostile: it keeps its columns, and shows that there was
/// something.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|character| if is_hostile(character) { '\u{fffd}' } else { character }).collect()
}

/// What a person typed, as it is read from where it was stored: older versions kept it as it came.
pub(crate) fn typed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| one_line(&text))
}

/// The text on one line: what takes no room is gone, and whatever breaks lines or controls is a space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !is_invisible(*character)) {
        if !is_hostile(character) {
            line.push(character);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_what_they_look_like() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected, "{text:?}");
        check("acme", "acme");
        check("Zürich – 東京 · عربي · 🦀", "Zürich – 東京 · عربي · 🦀");
        check("two  spaces", "two  spaces");
        check("evil\u{202e}gnp.exe\u{2066}", "evilgnp.exe");
        check("a\u{200b}c\u{feff}m\u{e0041}e\u{ad}", "acme");
        check("\u{1b}[2Jacme\u{7}\0", "[2Jacme");
        check("acme\r\nFORGED: all is well\u{2028}", "acme FORGED: all is well");
        check("\u{9b}31m", "31m");
    }

    #[test]
    fn what_is_marked_keeps_its_columns() {
        assert_eq!(visible("acme\x1b[2J\u{7}\n"), "acme\u{fffd}[2J\u{fffd}\u{fffd}");
        assert_eq!(visible("a\u{202e}emc\u{200b}\u{85}"), "a\u{fffd}emc\u{fffd}\u{fffd}");
        assert_eq!(visible("Zürich 東京 🦀"), "Zürich 東京 🦀");
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_left_and_a_second_time_changes_nothing(text in "\\PC*|[\\x00-\\x9f]*|[\u{2000}-\u{2070}a ]*") {
            let line = one_line(&text);
            prop_assert!(!line.chars().any(is_hostile));
            prop_assert_eq!(one_line(&line), line);
        }
    }
}
