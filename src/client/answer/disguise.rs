//! Finds secrets that are not spelled as they are: encoded, in other letters, cut by blanks, or by halves.
//!
//! Only long secrets: what is compared without case and blanks matches more than what is compared as it stands, and a word
//! of eight letters would be found in ordinary sentences. The first half of an address is no secret, nor is that of an access
//! token, whose head says of what kind it is.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use url::Url;
use uuid::Uuid;

use super::plain::Plain;
use super::secrets::{LONG, REDACTED, pieces, widened};

/// A part of a secret that is longer gives it away, whatever is missing. Bytes.
const LONGEST_HALF: usize = 24;

/// How much of a secret is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divided {
    /// Its halves are secret too.
    InHalves,
    /// It is looked for as a whole.
    Never,
}

/// Finds them.
pub(super) struct Disguises {
    /// `None` where none could be made: then no text is shown.
    automaton: Option<AhoCorasick>,
    /// Of each pattern.
    marks: Vec<Mark>,
}

/// What a pattern is of its secret.
enum Mark {
    /// All of it.
    Whole,
    /// What base64 makes of it: what stands beside it in the same text is of the same secret.
    Piece,
    /// Its beginning; as much more as there is belongs to it.
    Beginning(String),
    /// Its end.
    End(String),
}

impl Disguises {
    pub(super) fn of<'a>(secrets: impl Iterator<Item = (&'a str, Divided)>) -> Self {
        let (mut patterns, mut marks) = (Vec::new(), Vec::new());
        let mut add = |pattern: String, mark: Mark| {
            patterns.push(pattern);
            marks.push(mark);
        };
        for (secret, divided) in secrets {
            let plain = Plain::of(secret).text().to_owned();
            if plain.len() < LONG {
                continue;
            }
            add(hexadecimal(secret.as_bytes()), Mark::Whole);
            if let Ok(uuid) = Uuid::parse_str(secret) {
                add(uuid.simple().to_string(), Mark::Whole);
            }
            for piece in pieces(secret).into_iter().filter(|piece| piece.len() >= LONG) {
                add(piece.to_lowercase(), Mark::Piece);
            }
            if divided == Divided::InHalves && !is_address(secret) {
                let half = (plain.len() / 2).clamp(LONG, LONGEST_HALF);
                let (first, last) = (plain.floor_char_boundary(half), plain.ceil_char_boundary(plain.len() - half));
                add(plain.get(..first).unwrap_or_default().to_owned(), Mark::Beginning(plain.clone()));
                add(plain.get(last..).unwrap_or_default().to_owned(), Mark::End(plain.clone()));
            }
            add(plain, Mark::Whole);
        }
        // The longest first, so that none is blanked in part.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Self { automaton, marks }
    }

    /// The text without them.
    pub(super) fn blank<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(automaton) = &self.automaton else { return Cow::Borrowed(REDACTED) };
        if self.marks.is_empty() {
            return Cow::Borrowed(text);
        }
        let plain = Plain::of(text);
        let (mut clean, mut rest, mut from) = (String::new(), 0, 0);
        while let Some(found) = automaton.find(Input::new(plain.text()).span(from..plain.text().len())) {
            let mark = self.marks.get(found.pattern().as_usize());
            let part = mark.map_or(found.range(), |mark| mark.grown(plain.text(), from, found.range()));
            from = part.end;
            let Some(place) = plain.place(part) else { continue };
            let place = if matches!(mark, Some(Mark::Piece)) { widened(text, rest, place) } else { place };
            // It may lie within what was blanked with another one.
            if place.end <= rest {
                continue;
            }
            clean.push_str(text.get(rest..place.start).unwrap_or_default());
            clean.push_str(REDACTED);
            rest = place.end;
        }
        if clean.is_empty() {
            return Cow::Borrowed(text);
        }
        clean.push_str(text.get(rest..).unwrap_or_default());
        Cow::Owned(clean)
    }
}

impl Mark {
    /// What was found, with what beside it is of the same secret; nothing before `from`.
    fn grown(&self, text: &str, from: usize, found: Range<usize>) -> Range<usize> {
        match self {
            Self::Whole | Self::Piece => found,
            Self::Beginning(whole) => {
                let after = text.get(found.end..).unwrap_or_default();
                let rest = whole.get(found.len()..).unwrap_or_default();
                let more = in_common(after.chars(), rest.chars());
                found.start..found.end + more
            }
            Self::End(whole) => {
                let before = text.get(from..found.start).unwrap_or_default();
                let rest = whole.get(..whole.len().saturating_sub(found.len())).unwrap_or_default();
                let more = in_common(before.chars().rev(), rest.chars().rev());
                found.start - more..found.end
            }
        }
    }
}

/// How much both begin with alike. Bytes.
fn in_common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
}

/// Others share its beginning, and nearly always its end is no secret: what makes it one is looked for by itself.
fn is_address(secret: &str) -> bool {
    secret.starts_with('/') || Url::parse(secret).is_ok_and(|url| url.has_host())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "ATATT3xFfGF0QwErTyUiOp-_aSdFgHjKl+/x=0A1B2C3D";
    const UUID: &str = "3f1a8c3e-1111-4222-8333-444455556666";

    fn cleaned(text: &str) -> String {
        let known = [
            (TOKEN, Divided::InHalves),
            (UUID, Divided::InHalves),
            ("https://hooks.example.com/T0/B0", Divided::InHalves),
        ];
        Disguises::of(known.into_iter()).blank(text).into_owned()
    }

    #[test]
    fn a_secret_is_found_however_it_is_disguised() {
        let percent = |text: &str| text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let wide =
            |text: &str| -> String { text.chars().filter_map(|one| char::from_u32(u32::from(one) + 0xfee0)).collect() };
        let entities =
            |text: &str| text.chars().fold(String::new(), |text, one| format!("{text}&#{};", u32::from(one)));
        let quoted =
            |text: &str| text.chars().fold(String::new(), |text, one| format!("{text}\\u{:04x}", u32::from(one)));
        let cut = |by: &str| format!("{}{by}{}", &TOKEN[..10], &TOKEN[10..]);
        for disguised in [
            TOKEN.to_owned(),
            TOKEN.to_lowercase(),
            TOKEN.to_uppercase(),
            UUID.to_uppercase(),
            UUID.replace('-', ""),
            percent(TOKEN),
            percent(&percent(TOKEN)),
            TOKEN.replace('+', "%252B").replace('/', "%252F").replace('=', "%253D"),
            hexadecimal(TOKEN.as_bytes()),
            hexadecimal(TOKEN.as_bytes()).to_uppercase(),
            wide(TOKEN),
            entities(TOKEN),
            quoted(TOKEN),
            cut(" "),
            cut("\n"),
            cut("\u{7}"),
            cut("\u{200b}"),
            TOKEN.chars().map(|one| format!("{one} ")).collect::<String>().trim().to_owned(),
            STANDARD.encode(format!("snyk-bot@acme.example:{TOKEN}")),
            cut("%20"),
        ] {
            assert_eq!(cleaned(&format!("saw {disguised}, once")), "saw [redacted], once", "{disguised}");
        }
    }

    #[test]
    fn half_a_secret_is_one_and_takes_with_it_what_is_there_of_the_rest() {
        let check = |text: &str, expected: &str| assert_eq!(cleaned(text), expected, "{text}");
        let (first, second) = TOKEN.split_at(TOKEN.len() / 2);
        check(&format!("{first}: {second}!"), "[redacted]: [redacted]!");
        check(&format!("it is {second}."), "it is [redacted].");
        check(&format!("it is {first}."), "it is [redacted].");
        check(&format!("it is {}.", &TOKEN[5..]), "it is [redacted].");
        check(&format!("it is {}.", &TOKEN[..40]), "it is [redacted].");
        check(&format!("it is {}.", &UUID[18..]), "it is [redacted].");
    }

    #[test]
    fn what_only_resembles_a_secret_is_shown() {
        for text in [
            "the account lacks a role in Group 0d3728ec-eebf-484d-9907-ba238019f10b",
            // Identities share no half with a token, though they may share some letters.
            "3f1a8c3e-1111-4000-8000-000000000001 and 00000000-0000-4000-8000-444455556666",
            "ATATT3xFfGF0 is how such tokens begin",
            // An address is known by what makes it secret, not by its host.
            "could not reach https://hooks.example.com/",
            "100% of 3 &amp; more",
            "",
        ] {
            assert_eq!(cleaned(text), text);
        }
        // The head of an access token is everybody's.
        let passing = Disguises::of([("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ.sig", Divided::Never)].into_iter());
        assert_eq!(passing.blank("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"), "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9");
    }

    proptest! {
        #[test]
        fn what_stands_around_a_secret_stays(before in "[ a-zé€]{0,20}", after in "[ a-zé€]{0,20}") {
            let text = format!("{before}:{UUID}:{after}");
            prop_assert_eq!(cleaned(&text), format!("{before}:[redacted]:{after}"));
        }
    }
}
