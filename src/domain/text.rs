//! Foreign text made harmless: what others set in Snyk or the Git host, and what their APIs say.
//!
//! Names are set by whoever may. They can hold line breaks (to forge a line), control characters (to drive a terminal), and
//! characters that take no room or turn the direction of writing (to show something else than is there). Such text is
//! made harmless where it enters, once; whoever shows a text asks here again what is harmful, so that there is one answer.
//! What people type (who they are, and why) is foreign text too: it is pasted, and shown to others.
//!
//! Some of what takes no room belongs to the writing (`writing`): there it stays.

mod writing;

use serde::{Deserialize as _, Deserializer};

use self::writing::{Before, is_mark};

/// Whether a character can do or show something else than what is written: it breaks the line, controls whatever shows it,
/// takes no room, or turns the direction of what follows. What takes no room may belong where it stands: of a text, ask
/// [`first_hostile`].
pub(crate) fn is_hostile(character: char) -> bool {
    breaks(character) || is_invisible(character)
}

fn breaks(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether it takes no room: marks, embeddings, overrides and isolates of direction, zero widths, fillers, selectors, tags.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a character does where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is seen, or belongs to what is seen.
    Shown,
    /// It takes no room, or turns the direction of writing.
    Hidden,
    /// It breaks the line, or controls whatever shows it.
    Breaks,
}

/// Each character of a text, and what it does there.
pub(crate) fn effects(text: &str) -> impl Iterator<Item = (char, Effect)> {
    let mut before = Before::default();
    text.char_indices().map(move |(start, character)| {
        let rest = text.get(start + character.len_utf8()..).unwrap_or_default();
        let effect = match character {
            character if breaks(character) => Effect::Breaks,
            character if is_invisible(character) && !before.takes(character, rest) => Effect::Hidden,
            _ => Effect::Shown,
        };
        match effect {
            Effect::Shown => before.push(character, rest),
            // Nothing belongs to what is not there.
            Effect::Hidden | Effect::Breaks => before = Before::default(),
        }
        (character, effect)
    })
}

/// The first character that does not belong where it stands.
pub(crate) fn first_hostile(text: &str) -> Option<char> {
    effects(text).find(|(_, effect)| *effect != Effect::Shown).map(|(character, _)| character)
}

/// The text with something else in the place of each character that is hostile there.
fn replaced(text: &str, by: char) -> String {
    effects(text).map(|(character, effect)| if effect == Effect::Shown { character } else { by }).collect()
}

/// The text with a mark in the place of each character that is hostile: it keeps its columns, and shows that there was
/// something.
pub(crate) fn visible(text: &str) -> String {
    replaced(text, '\u{fffd}')
}

/// The text with a blank in the place of each character that is hostile.
pub(crate) fn spaced(text: &str) -> String {
    replaced(text, ' ')
}

/// Whether nothing of it is seen: blanks, a Braille cell without dots, marks over nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    let is_empty = |one: char| one.is_whitespace() || is_hostile(one) || one == '\u{2800}' || is_mark(one);
    text.chars().all(is_empty)
}

/// What a person typed, as it is read from where it was stored: older versions kept it as it came.
pub(crate) fn typed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| one_line(&text))
}

/// The text on one line: what takes no room is gone, and whatever breaks lines or controls is a space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for (character, effect) in effects(text) {
        match effect {
            Effect::Shown => line.push(character),
            Effect::Breaks if !line.ends_with(' ') => line.push(' '),
            Effect::Breaks | Effect::Hidden => {}
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
    fn what_belongs_to_the_writing_stays() {
        for name in [
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} family",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb} Ada",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308} and \u{2764}\u{fe0f}",
            "England \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}!",
            "key 1\u{fe0f}\u{20e3}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{845b}\u{e0100}\u{57ce}",
            "\u{182c}\u{180b}\u{1820}",
        ] {
            assert_eq!(one_line(name), name, "{}", name.escape_unicode());
            assert_eq!(visible(name), name);
            assert_eq!(first_hostile(name), None);
        }
    }

    #[test]
    fn the_same_characters_elsewhere_are_taken_out() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected, "{}", text.escape_unicode());
        check("ac\u{200c}m\u{200d}e\u{fe0f}-1\u{fe0f}", "acme-1");
        check("ac\u{e0100}me\u{180b}", "acme");
        // A picture or a letter beside it alone makes no place for a joiner.
        check("\u{1f469}\u{200d}acme", "\u{1f469}acme");
        check("\u{628}\u{200c}", "\u{628}");
        check("\u{200d}\u{1f469}\u{200d}", "\u{1f469}");
        // One selector is enough, and none belongs to a mark or a blank.
        check("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}");
        check("e\u{301}\u{fe0f} \u{fe0f}", "e\u{301}");
        // Tags that spell something else than a region hide a text.
        check("\u{1f3f4}\u{e0061}\u{e0062}", "\u{1f3f4}");
        check("\u{1f3f4}\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}\u{e0061}\u{e007f}", "\u{1f3f4}");
        check("acme\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "acme");
        // What turns the direction never belongs, not even in writing from right to left.
        check("\u{5d0}\u{200f}\u{5d1}\u{202e}\u{628}\u{61c}", "\u{5d0}\u{5d1}\u{628}");
    }

    #[test]
    fn what_nobody_sees_is_blank() {
        for text in [
            "",
            " \u{a0}\u{3000}",
            "\u{2800}",
            "\u{3164}",
            "\u{301}",
            "\u{fe0f}",
            "\u{200d}\u{200b}",
            "\u{2800} \u{20e3}",
        ] {
            assert!(is_blank(text), "{}", text.escape_unicode());
        }
        for text in ["a", "e\u{301}", "\u{1f469}", "\u{915}", "\u{2801}", "."] {
            assert!(!is_blank(text), "{}", text.escape_unicode());
        }
    }

    #[test]
    fn what_is_marked_keeps_its_columns() {
        assert_eq!(visible("acme\x1b[2J\u{7}\n"), "acme\u{fffd}[2J\u{fffd}\u{fffd}");
        assert_eq!(visible("a\u{202e}emc\u{200b}\u{85}"), "a\u{fffd}emc\u{fffd}\u{fffd}");
        assert_eq!(visible("Zürich 東京 🦀"), "Zürich 東京 🦀");
    }

    proptest! {
        #[test]
        fn nothing_hostile_is_left_and_a_second_time_changes_nothing(text in "\\PC*|[\\x00-\\x9f]*|[\u{2000}-\u{2070}a ]*|[\u{200b}-\u{200f}\u{fe0e}\u{fe0f}\u{1f3f4}\u{1f469}\u{e0061}\u{e007f}1\u{20e3}\u{628}\u{915}\n]*") {
            let line = one_line(&text);
            prop_assert_eq!(first_hostile(&line), None);
            prop_assert_eq!(first_hostile(&visible(&text)), None);
            prop_assert_eq!(first_hostile(&spaced(&text)), None);
            prop_assert_eq!(one_line(&line), line);
        }
    }
}
