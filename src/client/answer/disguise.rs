//! Finds secrets that are not spelled as they are: encoded, in other letters, cut by whatever is neither letter nor digit,
//! or only some of their letters.
//!
//! Compared are small letters and digits alone. A long run of those of a token is in no other text by accident, so it gives
//! the token away wherever it stands in it. Of what people made up (words, addresses) only all of it counts, since its
//! parts are words of others too; and so does only all of a short secret, since it is a word itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use super::finder::{LONG, REDACTED, pieces, widened};
use super::looks::is_made_by_machine;
use super::plain::Plain;

/// So many letters of a token give it away. Fewer of them may be how all tokens of its maker begin. Bytes.
const LONGEST_RUN: usize = 16;

/// The same in base64, and in hexadecimal: no fewer letters of the token itself.
const LONGEST_RUN_ENCODED: (usize, usize) = (22, 32);

/// A run of fewer different letters is nobody's: zeros of an id. Of all of a secret it is not asked.
const FEWEST_DIFFERENT: usize = 5;

/// Of a secret each block of so many letters is looked for, and what stands beside it is compared: a run of [`LONG`] letters
/// holds a whole one wherever it begins. Bytes.
const BLOCK: usize = LONG / 2;

/// Fewer letters that stand apart from a run may go on with it by chance. Bytes.
const SHORTEST_CUT: usize = 4;

/// The end of an access token is what makes it one. Bytes.
const LONGEST_END: usize = 128;

/// How much of a secret gives it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divided {
    /// A run of its letters.
    InPieces,
    /// A run of the letters at its end: its head is everybody's.
    AtItsEnd,
    /// All of it.
    Never,
}

impl Divided {
    /// Of a secret that stays.
    pub(super) fn of(secret: &str) -> Self {
        let is_address = Url::parse(secret).is_ok_and(|url| url.has_host());
        if is_made_by_machine(secret) && !is_address { Self::InPieces } else { Self::Never }
    }

    /// Of an access token.
    pub(super) fn of_passing(token: &SecretString) -> Self {
        if is_made_by_machine(token.expose_secret()) { Self::AtItsEnd } else { Self::Never }
    }
}

/// Finds them.
pub(super) struct Disguises {
    /// Finds the blocks. `None` where it could not be made: then no text is shown.
    blocks: Option<AhoCorasick>,
    /// Of each block, where it stands in what is sought.
    origins: Vec<Vec<Origin>>,
    sought: Vec<Sought>,
    /// Finds secrets of signs rather than letters, as a whole and with their signs.
    signs: Option<AhoCorasick>,
}

/// A secret, or what an encoding makes of it.
struct Sought {
    /// Small letters and digits.
    letters: Vec<u8>,
    /// A shorter run does not count.
    fewest: usize,
    /// What stands beside it in the same text is of the same secret.
    is_base64: bool,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    sought: usize,
    offset: usize,
}

/// What was found, in letters and digits.
struct Run<'a> {
    range: Range<usize>,
    sought: &'a Sought,
}

impl Disguises {
    pub(super) fn of(secrets: &[(&str, Divided)]) -> Self {
        let mut sought = Vec::new();
        let mut signs = Vec::new();
        for &(secret, divided) in secrets {
            let plain = Plain::of(secret);
            let letters = plain.letters();
            if letters.text().len() < LONG {
                if plain.text().len() >= LONG {
                    signs.push(plain.text().to_owned());
                }
                continue;
            }
            seek(secret, &letters, divided, &mut sought);
        }
        let mut blocks: BTreeMap<Vec<u8>, Vec<Origin>> = BTreeMap::new();
        for (number, one) in sought.iter().enumerate() {
            for (block, offset) in one.letters.chunks_exact(BLOCK).zip((0..).step_by(BLOCK)) {
                blocks.entry(block.to_vec()).or_default().push(Origin { sought: number, offset });
            }
        }
        let (patterns, origins): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        let (blocks, signs) = (AhoCorasick::new(patterns).ok(), AhoCorasick::new(signs).ok());
        Self { blocks, origins, sought, signs }
    }

    /// The text without them.
    pub(super) fn blank<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let (Some(blocks), Some(signs)) = (&self.blocks, &self.signs) else { return Cow::Borrowed(REDACTED) };
        if self.sought.is_empty() && signs.patterns_len() == 0 {
            return Cow::Borrowed(text);
        }
        let plain = Plain::of(text);
        let mut places: Vec<_> = signs.find_iter(plain.text()).filter_map(|found| plain.place(found.range())).collect();
        let letters = plain.letters();
        let mut from = 0;
        while let Some(Run { range, sought }) = self.next(blocks, letters.text().as_bytes(), from) {
            from = range.end;
            let is_whole = range.len() == sought.letters.len();
            let range = if is_whole { range } else { trimmed(text, &letters, range, sought.fewest) };
            let Some(place) = letters.place(range) else { continue };
            if sought.is_base64 {
                places.push(widened(text, 0, place));
            } else if is_whole || !is_in_an_id(text, &place) {
                places.push(place);
            }
        }
        without(text, places)
    }

    /// Whether one may stand in a string of an answer: cheaper than to look where, for there is a lot to look at.
    pub(super) fn may_stand_in(&self, answer: &str) -> bool {
        let (Some(blocks), Some(signs)) = (&self.blocks, &self.signs) else { return true };
        let mut letters = Vec::new();
        answer.split('"').filter(|string| string.len() >= LONG).any(|string| {
            let may_be_encoded = |letter: u8| !letter.is_ascii() || matches!(letter, b'%' | b'&' | b'\\');
            if signs.patterns_len() > 0 || string.bytes().any(may_be_encoded) {
                let plain = Plain::of(string);
                return signs.is_match(plain.text())
                    || self.next(blocks, plain.letters().text().as_bytes(), 0).is_some();
            }
            letters.clear();
            letters.extend(string.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()));
            self.next(blocks, &letters, 0).is_some()
        })
    }

    /// The first run at or after `begin`.
    fn next(&self, blocks: &AhoCorasick, text: &[u8], begin: usize) -> Option<Run<'_>> {
        let mut from = begin;
        loop {
            let found = blocks.find(Input::new(text).span(from..text.len()))?;
            let origins = self.origins.get(found.pattern().as_usize())?;
            let runs = origins.iter().filter_map(|origin| self.run(*origin, text, begin, found.range()));
            if let Some(run) = runs.max_by_key(|run| run.range.len()) {
                return Some(run);
            }
            // Another block may begin within this one.
            from = found.start() + 1;
        }
    }

    /// What was found of a secret around one of its blocks, if it is enough to give it away.
    fn run(&self, origin: Origin, text: &[u8], begin: usize, block: Range<usize>) -> Option<Run<'_>> {
        let sought = self.sought.get(origin.sought)?;
        let (before, after) = (text.get(begin..block.start)?, text.get(block.end..)?);
        let (head, tail) = (sought.letters.get(..origin.offset)?, sought.letters.get(origin.offset + BLOCK..)?);
        let more_before = before.iter().rev().zip(head.iter().rev()).take_while(|(one, other)| one == other).count();
        let more_after = after.iter().zip(tail).take_while(|(one, other)| one == other).count();
        let range = block.start - more_before..block.end + more_after;
        let different: BTreeSet<_> = text.get(range.clone())?.iter().collect();
        let is_whole = range.len() == sought.letters.len();
        let counts = range.len() >= sought.fewest && (is_whole || different.len() >= FEWEST_DIFFERENT);
        counts.then_some(Run { range, sought })
    }
}

/// What is looked for of a secret.
fn seek(secret: &str, letters: &Plain, divided: Divided, sought: &mut Vec<Sought>) {
    let mut add = |letters: &str, longest_run: usize, is_base64: bool| {
        let letters = match divided {
            Divided::AtItsEnd => letters.get(letters.ceil_char_boundary(letters.len().saturating_sub(LONGEST_END))..),
            Divided::InPieces | Divided::Never => Some(letters),
        };
        let letters = letters.unwrap_or_default().as_bytes().to_vec();
        let fewest = match divided {
            Divided::Never => letters.len(),
            Divided::InPieces | Divided::AtItsEnd => (letters.len() / 2).clamp(LONG, longest_run).min(letters.len()),
        };
        if letters.len() >= LONG {
            sought.push(Sought { letters, fewest, is_base64 });
        }
    };
    add(letters.text(), LONGEST_RUN, false);
    let (base64, hexadecimal) = LONGEST_RUN_ENCODED;
    add(&in_hexadecimal(secret.as_bytes()), hexadecimal, false);
    let mut encoded = pieces(secret);
    // Both cases of an id are in use.
    if Uuid::try_parse(secret).is_ok() {
        encoded.extend(pieces(&secret.to_uppercase()));
    }
    let encoded: BTreeSet<String> = encoded.iter().map(|piece| Plain::of(piece).letters().text().to_owned()).collect();
    for piece in &encoded {
        add(piece, base64, true);
    }
}

/// A run without what only by chance goes on with it: few letters of a word beside it.
fn trimmed(text: &str, letters: &Plain, run: Range<usize>, fewest: usize) -> Range<usize> {
    let Range { start, end } = run;
    // Other signs may be the secret's own.
    let is_apart = |place: &usize| letters.cut_before(*place, text).contains(char::is_whitespace);
    let start = (1..SHORTEST_CUT).map(|length| start + length).rfind(is_apart).unwrap_or(start);
    let end = (1..SHORTEST_CUT).map(|length| end - length).rfind(is_apart).unwrap_or(end);
    if end.saturating_sub(start) >= fewest { start..end } else { run }
}

/// Whether the place lies in a complete UUID: then that is another id, though it shares a part with the secret.
fn is_in_an_id(text: &str, place: &Range<usize>) -> bool {
    if !text.get(place.clone()).is_some_and(|run| run.contains('-')) {
        // Thirty-two digits without a sign may be half of a token in hexadecimal.
        return false;
    }
    let is_of_id = |letter: &&u8| letter.is_ascii_hexdigit() || **letter == b'-';
    let before = text.as_bytes().get(..place.start).unwrap_or_default().iter().rev().take_while(is_of_id).count();
    let after = text.as_bytes().get(place.end..).unwrap_or_default().iter().take_while(is_of_id).count();
    text.get(place.start - before..place.end + after).is_some_and(|id| Uuid::try_parse(id.trim_matches('-')).is_ok())
}

/// The text with a mark in the place of each of these.
fn without(text: &str, mut places: Vec<Range<usize>>) -> Cow<'_, str> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    places.sort_by_key(|place| place.start);
    let (mut clean, mut rest) = (String::new(), 0);
    for place in places {
        // Two may overlap: then one mark is enough.
        if place.start >= rest {
            clean.push_str(text.get(rest..place.start).unwrap_or_default());
            clean.push_str(REDACTED);
        }
        rest = rest.max(place.end);
    }
    clean.push_str(text.get(rest..).unwrap_or_default());
    Cow::Owned(clean)
}

fn in_hexadecimal(bytes: &[u8]) -> String {
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
        let known = [TOKEN, UUID, "https://hooks.example.com/T0/B0", "(!)/<?>+{%}=[&]"];
        Disguises::of(&known.map(|secret| (secret, Divided::of(secret)))).blank(text).into_owned()
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
            in_hexadecimal(TOKEN.as_bytes()),
            in_hexadecimal(TOKEN.as_bytes()).to_uppercase(),
            wide(TOKEN),
            entities(TOKEN),
            quoted(TOKEN),
            cut(" "),
            cut("\n"),
            cut("\u{7}"),
            cut("\u{200b}"),
            TOKEN.chars().map(String::from).collect::<Vec<_>>().join(" "),
            STANDARD.encode(format!("snyk-bot@acme.example:{TOKEN}")),
            cut("%20"),
            // Cut by whatever is neither letter nor digit, and an id with other signs in it.
            cut("\" + \""),
            cut("."),
            TOKEN.as_bytes().chunks(8).map(String::from_utf8_lossy).collect::<Vec<_>>().join(","),
            UUID.replace('-', "_"),
            UUID.replace('-', "."),
            in_hexadecimal(TOKEN.as_bytes())
                .as_bytes()
                .chunks(2)
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
                .join(":"),
            // In base64 without its ends, and as others write the id.
            STANDARD.encode(&TOKEN[1..TOKEN.len() - 1]),
            STANDARD.encode(UUID.to_uppercase()),
            // Of signs alone.
            "(!)/<?>+ {%}=[&]".to_owned(),
        ] {
            assert_eq!(cleaned(&format!("saw {disguised}, once")), "saw [redacted], once", "{disguised}");
        }
    }

    #[test]
    fn half_a_secret_is_one_and_takes_with_it_what_is_there_of_the_rest() {
        let check = |text: &str, expected: &str| assert_eq!(cleaned(text), expected, "{text}");
        let (first, second) = TOKEN.split_at(26);
        check(&format!("{first}: {second}!"), "[redacted]!");
        check(&format!("{first} and {second}!"), "[redacted] and [redacted]!");
        check(&format!("it is {second}."), "it is [redacted].");
        check(&format!("it is {first}."), "it is [redacted].");
        check(&format!("it is {}.", &TOKEN[5..]), "it is [redacted].");
        check(&format!("it is {}.", &TOKEN[..40]), "it is [redacted].");
        check(&format!("it is {}.", &UUID[19..]), "it is [redacted].");
    }

    #[test]
    fn a_run_of_a_token_gives_it_away_wherever_it_stands_in_it() {
        // A few letters of the made-up id are all alike.
        let differs = |run: &str| run.chars().collect::<BTreeSet<_>>().len() >= FEWEST_DIFFERENT;
        for token in [TOKEN, UUID] {
            let letters: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
            for length in [LONGEST_RUN, 20, letters.len() - 2] {
                let runs = (0..=letters.len() - length).map(|start| &letters[start..start + length]);
                for run in runs.filter(|run| differs(run)) {
                    let (first, second) = run.split_at(7);
                    assert_eq!(cleaned(&format!("saw !{run}! once")), "saw ![redacted]! once");
                    assert_eq!(cleaned(&format!("saw {} {}", first.to_lowercase(), second)), "saw [redacted]");
                }
            }
            for run in (0..=token.len() - LONGEST_RUN).map(|start| &token[start..start + LONGEST_RUN]) {
                assert_eq!(cleaned(&format!("saw {}", in_hexadecimal(run.as_bytes()))), "saw [redacted]", "{run}");
            }
        }
        let known = [("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ.c2lnbmF0dXJlLTAxMjM0NTY3ODk", Divided::AtItsEnd)];
        assert_eq!(Disguises::of(&known).blank("it ends with dXJlLTAxMjM0NTY3ODk"), "it ends with [redacted]");
    }

    #[test]
    fn what_only_resembles_a_secret_is_shown() {
        for text in [
            "the account lacks a role in Group 0d3728ec-eebf-484d-9907-ba238019f10b",
            // Identities share no half with a token, though they may share some letters.
            "3f1a8c3e-1111-4000-8000-000000000001 and 00000000-0000-4000-8000-444455556666",
            "token 3f1a8c3e-2222-4222-8333-444455556666 of Group 00000000-0000-4000-8000-444455556666",
            "ATATT3xFfGF0 is how such tokens begin",
            "ATATT3xFfGF0Ab is how another may",
            "at 2026-11-30T22:02:23.674617Z, request 444455556666 of 1111-4222, ticket SNYK-20261130-1111",
            "deployments of acme-payments-service in acme-platform-engineering are overdue since 2026-11-30",
            // An address is known by what makes it secret, not by its host.
            "could not reach https://hooks.example.com/",
            "100% of 3 &amp; more",
            "",
        ] {
            assert_eq!(cleaned(text), text);
        }
        // The head of an access token is everybody's.
        let signature = "0123456789abcdef".repeat(8);
        let token = SecretString::from(format!("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ.{signature}"));
        let passing = Disguises::of(&[(token.expose_secret(), Divided::of_passing(&token))]);
        assert_eq!(passing.blank("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"), "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9");
    }

    #[test]
    fn parts_of_what_people_made_up_are_words_of_others() {
        let known = ["acme-platform-engineering", "https://alerts.example.com/groups/acme-platform-2026"];
        let disguises = Disguises::of(&known.map(|secret| (secret, Divided::of(secret))));
        for text in ["acme-platform", "platform engineering", "groups/acme-platform-2026"] {
            assert_eq!(disguises.blank(text), text);
        }
        assert_eq!(disguises.blank("ACME PLATFORM ENGINEERING"), REDACTED);
    }

    #[test]
    fn an_answer_is_looked_through_as_its_strings_are() {
        let disguises = Disguises::of(&[(TOKEN, Divided::of(TOKEN)), (UUID, Divided::of(UUID))]);
        let encoded = TOKEN.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        for name in [TOKEN.to_lowercase(), UUID.replace('-', " "), TOKEN[9..30].to_owned(), encoded] {
            assert!(disguises.may_stand_in(&format!(r#"{{"data": [{{"name": "my {name}"}}]}}"#)), "{name}");
        }
        // What is cut by the answer's own signs is of two names.
        let answer = format!(r#"["{}", "{}", "acme", {}]"#, &TOKEN[..11], &TOKEN[11..22], "1, ".repeat(100));
        assert!(!disguises.may_stand_in(&answer));
    }

    proptest! {
        #[test]
        fn what_stands_around_a_secret_stays(before in "[ a-zé€]{0,20}", after in "[ a-zé€]{0,20}") {
            let text = format!("{before}:{UUID}:{after}");
            prop_assert_eq!(cleaned(&text), format!("{before}:[redacted]:{after}"));
        }
    }
}
