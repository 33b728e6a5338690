//! A text as it is compared with secrets: what can be written in many ways is written in one, and each letter still knows
//! where it stands.
//!
//! Undone are what addresses (`%41`, twice too), JSON (`\u0041`) and HTML (`&#65;`) make of a letter, the wide forms of
//! letters, and their case. Blanks and whatever takes no room are left out: cut by them a secret is still one.

use std::ops::Range;

use crate::domain::text::is_hostile;

/// So many encodings may lie around each other. More of them nobody makes by accident, and whoever does it on purpose can
/// always make one more.
const LAYERS: usize = 4;

/// The longest name or number between `&` and `;`. Letters, both of these included.
const LONGEST_ENTITY: usize = 10;

/// One letter, and the bytes of the text that stand for it.
#[derive(Debug, Clone)]
struct Letter {
    character: char,
    place: Range<usize>,
}

/// A text as it is compared.
#[derive(Debug, Default)]
pub(super) struct Plain {
    text: String,
    /// For each byte of `text`, where it comes from.
    places: Vec<Range<usize>>,
}

impl Plain {
    pub(super) fn of(text: &str) -> Self {
        let as_written = text.char_indices().map(|(start, character)| Letter {
            character: narrow(character),
            place: start..start + character.len_utf8(),
        });
        let mut letters: Vec<_> = as_written.collect();
        for _ in 0..LAYERS {
            let before = letters.len();
            letters = decoded(&letters);
            if letters.len() == before {
                break;
            }
        }
        let mut plain = Self::default();
        let seen = letters.into_iter().filter(|one| !one.character.is_whitespace() && !is_hostile(one.character));
        for Letter { character, place } in seen {
            plain.text.extend(character.to_lowercase());
            plain.places.resize(plain.text.len(), place);
        }
        plain
    }

    /// Its letters and digits alone.
    pub(super) fn letters(&self) -> Self {
        let mut letters = Self::default();
        for (start, character) in self.text.char_indices().filter(|(_, character)| character.is_alphanumeric()) {
            letters.text.push(character);
            letters
                .places
                .extend(self.places.get(start..start + character.len_utf8()).unwrap_or_default().iter().cloned());
        }
        letters
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What is left out before this byte, in `text`, of which it was made.
    pub(super) fn cut_before<'t>(&self, byte: usize, text: &'t str) -> &'t str {
        let end = byte.checked_sub(1).and_then(|before| self.places.get(before)).map(|place| place.end);
        let begin = self.places.get(byte).map(|place| place.start);
        end.zip(begin).and_then(|(end, begin)| text.get(end..begin)).unwrap_or_default()
    }

    /// Where a part of it stands in the text that it was made of.
    pub(super) fn place(&self, part: Range<usize>) -> Option<Range<usize>> {
        let places = self.places.get(part)?;
        Some(places.first()?.start..places.last()?.end)
    }
}

/// A letter of double width as the one that it shows.
fn narrow(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        _ => character,
    }
}

/// One encoding less.
fn decoded(letters: &[Letter]) -> Vec<Letter> {
    let mut plain = Vec::with_capacity(letters.len());
    let mut rest = letters;
    while let Some(first) = rest.first() {
        let (character, length) = escape(rest).unwrap_or((first.character, 1));
        let (escaped, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let end = escaped.last().map_or(first.place.end, |last| last.place.end);
        plain.push(Letter { character, place: first.place.start..end });
        rest = after;
    }
    plain
}

/// What the escape that stands first means, and how many letters it has.
fn escape(letters: &[Letter]) -> Option<(char, usize)> {
    let at = |index: usize| letters.get(index).map(|letter| letter.character);
    match (at(0)?, at(1)?) {
        ('%', _) => Some((number(letters, 1..3, 16).filter(char::is_ascii)?, 3)),
        ('\\', 'u') => Some((number(letters, 2..6, 16)?, 6)),
        ('\\', 'x') => Some((number(letters, 2..4, 16)?, 4)),
        ('\\', quoted @ ('"' | '\'' | '\\' | '/')) => Some((quoted, 2)),
        ('&', _) => entity(letters),
        _ => None,
    }
}

fn number(letters: &[Letter], digits: Range<usize>, radix: u32) -> Option<char> {
    let digits = letters.get(digits).filter(|digits| !digits.is_empty())?;
    let add = |number: u32, digit: &Letter| number.checked_mul(radix)?.checked_add(digit.character.to_digit(radix)?);
    char::from_u32(digits.iter().try_fold(0, add)?)
}

fn entity(letters: &[Letter]) -> Option<(char, usize)> {
    let end = letters.iter().take(LONGEST_ENTITY).position(|letter| letter.character == ';')?;
    let name: String = letters.get(1..end)?.iter().map(|letter| letter.character).collect();
    let character = match name.as_str() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "plus" => '+',
        "sol" => '/',
        "equals" => '=',
        "period" => '.',
        "lowbar" => '_',
        "hyphen" | "dash" => '-',
        "colon" => ':',
        name if name.starts_with("#x") || name.starts_with("#X") => number(letters, 3..end, 16)?,
        name if name.starts_with('#') => number(letters, 2..end, 10)?,
        _ => return None,
    };
    Some((character, end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_are_the_same_however_they_are_written() {
        let check = |text: &str, expected: &str| assert_eq!(Plain::of(text).text(), expected, "{text}");
        check("Ab+/=", "ab+/=");
        check("%41%62%2B%2f%3D", "ab+/=");
        check("%2541%2562%252B%25252F", "ab+/");
        check(r"\u0041\u0062\x2b\/", "ab+/");
        check("&#65;&#x62;&plus;&sol;&amp;#61;", "ab+/=");
        check("Ａｂ＋／", "ab+/");
        check("A\u{200b} b\n+\u{7}/", "ab+/");
        // What only looks like an escape stays what it is.
        check("100% &c; \\d %zz &#; %e4", "100%&c;\\d%zz&#;%e4");
        check("%", "%");
        check("", "");
    }

    #[test]
    fn a_letter_knows_where_it_stands() {
        let text = "x %41&#98;ｃ y";
        let plain = Plain::of(text);
        assert_eq!(plain.text(), "xabcy");
        assert_eq!(plain.place(1..4).map(|place| &text[place]), Some("%41&#98;ｃ"));
        assert_eq!(plain.place(4..6), None);
        let letters = Plain::of("x-%41.(&#98;)é").letters();
        assert_eq!(letters.text(), "xabé");
        assert_eq!(letters.place(1..3), Some(2..12));
        assert_eq!(letters.place(3..5), Some(13..15));
        let text = "ab. c";
        assert_eq!([1, 2].map(|byte| Plain::of(text).letters().cut_before(byte, text)), ["", ". "]);
    }

    proptest! {
        #[test]
        fn every_place_is_one_of_the_text(text in "\\PC{0,40}|[%&#;x0-9a-f\\\\u]{0,60}") {
            let plain = Plain::of(&text);
            for (index, _) in plain.text().char_indices() {
                let place = plain.place(index..index + 1).unwrap();
                prop_assert!(text.get(place).is_some_and(|part| !part.is_empty()));
            }
        }
    }
}
