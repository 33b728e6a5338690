//! Where secrets stand in a text: as they are, or as a URL, a JSON text or an `Authorization: Basic` has them. What is
//! written in yet other ways is found by `disguise`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::disguise::{Disguises, Divided};

/// What stands where a secret stood.
pub(super) const REDACTED: &str = "[redacted]";

/// A shorter one counts where it stands alone, not within a longer word: `webhooks` holds no password `webhook`. Bytes.
pub(super) const LONG: usize = 12;

/// In base64 fewer characters than these are no proof.
const SHORTEST_PIECE: usize = 8;

/// Finds secrets, however they are spelled.
pub(super) struct Finder {
    /// `None` where none could be made: then no text is shown.
    automaton: Option<AhoCorasick>,
    /// Of each pattern.
    spellings: Vec<Spelling>,
    disguises: Disguises,
}

/// What is known of one spelling of a secret.
#[derive(Debug, Clone, Copy)]
struct Spelling {
    /// It counts where it stands alone.
    alone: bool,
    /// A piece of base64: what stands beside it in the same text is of the same secret.
    is_piece: bool,
}

impl Default for Finder {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Finder {
    /// Finds these.
    pub(super) fn of(secrets: &[(&str, Divided)]) -> Self {
        let (mut patterns, mut spellings) = (Vec::new(), Vec::new());
        for (secret, _) in secrets {
            for pattern in written(secret) {
                patterns.push(pattern);
                spellings.push(Spelling { alone: secret.len() < LONG, is_piece: false });
            }
            for pattern in pieces(secret) {
                patterns.push(pattern);
                spellings.push(Spelling { alone: false, is_piece: true });
            }
        }
        // The longest first, so that none is blanked in part.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Self { automaton, spellings, disguises: Disguises::of(secrets) }
    }

    /// The text without those that stand in it as they are written.
    pub(super) fn blank<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(automaton) = &self.automaton else { return Cow::Borrowed(REDACTED) };
        let (mut clean, mut rest) = (String::new(), 0);
        while let Some(Range { start, end }) = self.next(automaton, text, rest) {
            clean.push_str(text.get(rest..start).unwrap_or_default());
            clean.push_str(REDACTED);
            rest = end;
        }
        if rest == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(text.get(rest..).unwrap_or_default());
        Cow::Owned(clean)
    }

    /// The text without those that are written otherwise than they are.
    pub(super) fn blank_disguised<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.disguises.blank(text)
    }

    /// Whether one may stand in an answer, however it is written.
    pub(super) fn may_stand_in(&self, answer: &str) -> bool {
        let Some(automaton) = &self.automaton else { return true };
        self.next(automaton, answer, 0).is_some() || self.disguises.may_stand_in(answer)
    }

    fn next(&self, automaton: &AhoCorasick, text: &str, begin: usize) -> Option<Range<usize>> {
        let mut from = begin;
        loop {
            let found = automaton.find(Input::new(text).span(from..text.len()))?;
            let spelling = self.spellings.get(found.pattern().as_usize())?;
            let range = found.range();
            if !spelling.alone || stands_alone(text, &range) {
                return Some(if spelling.is_piece { widened(text, begin, range) } else { range });
            }
            // Another one may begin within what only looked so.
            from = range.start + 1;
        }
    }
}

/// As it is, as forms and addresses have it, and as a JSON text within a text has it.
fn written(secret: &str) -> BTreeSet<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let quoted = serde_json::Value::from(secret).to_string();
    let quoted = quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"')).unwrap_or(secret);
    let forms = [&encoded, &encoded.replace('+', "%20")].map(|text| [text.clone(), with_small_digits(text)]);
    let mut all: BTreeSet<String> = forms.into_iter().flatten().collect();
    all.extend([secret.to_owned(), quoted.to_owned(), quoted.replace('/', r"\/")]);
    all
}

/// `%2F` as `%2f`: both are in use.
fn with_small_digits(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{text}%{}{rest}", digits.to_ascii_lowercase())
    })
}

/// What base64 makes of it whatever stands before and after: at each of the three places where it may begin, without the
/// letters in which its neighbours have a part.
pub(super) fn pieces(secret: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let whole = bytes.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            let piece = text.get(shared..whole).unwrap_or_default();
            if piece.len() >= SHORTEST_PIECE {
                all.insert(piece.to_owned());
            }
        }
    }
    all
}

/// The whole of the base64 text of which a piece was found, from `begin` on: the user's name beside a password, too.
pub(super) fn widened(text: &str, begin: usize, piece: Range<usize>) -> Range<usize> {
    let is_base64 = |letter: &u8| letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/' | b'-' | b'_' | b'=');
    let before = text.as_bytes().get(begin..piece.start).unwrap_or_default();
    let after = text.as_bytes().get(piece.end..).unwrap_or_default();
    let start = piece.start - before.iter().rev().take_while(|letter| is_base64(letter)).count();
    start..piece.end + after.iter().take_while(|letter| is_base64(letter)).count()
}

fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let goes_on = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || matches!(next, '-' | '_'));
    let before = text.get(..range.start).and_then(|before| before.chars().next_back());
    let after = text.get(range.end..).and_then(|after| after.chars().next());
    !goes_on(before) && !goes_on(after)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_known_secret_survives_any_spelling(
            before in "[ -~é€]{0,20}", secret in "[!-~]{12,40}", after in "[ -~é€]{0,20}",
        ) {
            let finder = Finder::of(&[(&secret, Divided::InPieces)]);
            for spelling in written(&secret).into_iter().chain([STANDARD.encode(&secret)]) {
                let text = format!("{before}{spelling}{after}");
                prop_assert!(finder.may_stand_in(&text));
                let blank = finder.blank(&text);
                prop_assert!(blank.contains(REDACTED) && !blank.contains(&secret), "{}", blank);
            }
        }
    }
}
