//! The secrets of the process, and where they stand in a text: as they are, or as a URL, a JSON text or an
//! `Authorization: Basic` has them. What is written in yet other ways is found by `disguise`.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::Redactor;
use super::disguise::{Disguises, Divided};

/// What stands where a secret stood.
pub(super) const REDACTED: &str = "[redacted]";

/// A shorter one is known to its own client alone: elsewhere it may be an ordinary word. The tokens of every vendor are
/// longer. Bytes.
const SHORTEST_KNOWN: usize = 8;

/// A shorter one is no secret to anybody, and would blank out half of what is said. Bytes.
const SHORTEST: usize = 4;

/// A shorter one counts where it stands alone, not within a longer word: `webhooks` holds no password `webhook`. Bytes.
pub(super) const LONG: usize = 12;

/// In base64 fewer characters than these are no proof.
const SHORTEST_PIECE: usize = 8;

/// In an address that is a secret, a part at least so long is what makes it one. Bytes.
const SHORTEST_PART: usize = 20;

/// How keys of Standard Webhooks begin. Whoever signs uses what comes after it.
const WEBHOOK_KEY: &str = "whsec_";

/// So many access tokens are remembered, which come and go; those before them have long expired.
const PASSING: usize = 64;

/// Every secret that the process holds or held, whatever it is for. Clients share it: what one is given, none lets out.
#[derive(Clone, Default)]
pub struct KnownSecrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    lasting: Vec<SecretString>,
    /// Access tokens, the latest last.
    passing: VecDeque<SecretString>,
    finder: Arc<Finder>,
}

impl Known {
    fn has(&self, secret: &SecretString) -> bool {
        let mut all = self.lasting.iter().chain(&self.passing);
        all.any(|known| known.expose_secret() == secret.expose_secret())
    }
}

impl std::fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KnownSecrets([hidden])")
    }
}

impl KnownSecrets {
    /// Knows these too, for as long as the process lives: after a rotation the old one may still be valid.
    pub fn learn(&self, secrets: impl IntoIterator<Item = SecretString>) {
        let secrets = secrets.into_iter().flat_map(|secret| parts(&secret).into_iter().chain([secret]));
        self.add(secrets, |known, secret| known.lasting.push(secret));
    }

    /// Knows these access tokens too, until enough others came after them.
    pub(super) fn learn_passing(&self, secrets: &[SecretString]) {
        self.add(secrets.iter().cloned(), |known, secret| {
            known.passing.push_back(secret);
            let surplus = known.passing.len().saturating_sub(PASSING);
            known.passing.drain(..surplus);
        });
    }

    fn add(&self, secrets: impl IntoIterator<Item = SecretString>, add: impl Fn(&mut Known, SecretString)) {
        for secret in secrets.into_iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_KNOWN) {
            // Nearly always it is known, and nobody has to wait.
            if self.0.read().unwrap_or_else(PoisonError::into_inner).has(&secret) {
                continue;
            }
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if !known.has(&secret) {
                add(&mut known, secret);
                known.finder = Arc::new(Finder::of(known.lasting.iter(), known.passing.iter()));
            }
        }
    }

    /// One that knows all of these, and `own` even where they are short.
    pub fn redactor(&self, own: impl IntoIterator<Item = SecretString>) -> Redactor {
        let own: Vec<_> = own.into_iter().collect();
        self.learn(own.iter().cloned());
        Redactor::new(self.clone(), own)
    }

    /// Where they stand in a text.
    pub(super) fn finder(&self) -> Arc<Finder> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).finder)
    }
}

/// What makes an address secret, or a key without what tells its kind: others may repeat it without the rest.
fn parts(secret: &SecretString) -> Vec<SecretString> {
    if let Some(key) = secret.expose_secret().strip_prefix(WEBHOOK_KEY) {
        return vec![key.into()];
    }
    let Some(url) = Url::parse(secret.expose_secret()).ok().filter(Url::has_host) else { return Vec::new() };
    let segments = url.path().split('/').map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    segments.chain(values).filter(|part| part.len() >= SHORTEST_PART).map(SecretString::from).collect()
}

/// Those that [`KnownSecrets`] leaves to their own client.
pub(super) fn short(secrets: impl IntoIterator<Item = SecretString>) -> Vec<SecretString> {
    let is_short = |secret: &SecretString| (SHORTEST..SHORTEST_KNOWN).contains(&secret.expose_secret().len());
    secrets.into_iter().filter(is_short).collect()
}

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
    /// How long the secret is, in bytes.
    length: usize,
    /// It counts where it stands alone.
    alone: bool,
    /// A piece of base64: what stands beside it in the same text is of the same secret.
    is_piece: bool,
}

impl Default for Finder {
    fn default() -> Self {
        Self::of(std::iter::empty(), std::iter::empty())
    }
}

impl Finder {
    /// Finds these, and access tokens.
    pub(super) fn of<'a>(
        lasting: impl Iterator<Item = &'a SecretString>,
        passing: impl Iterator<Item = &'a SecretString>,
    ) -> Self {
        let (mut patterns, mut spellings) = (Vec::new(), Vec::new());
        let lasting = lasting.map(|secret| (secret.expose_secret(), Divided::InHalves));
        let passing = passing.map(|secret| (secret.expose_secret(), Divided::Never));
        let secrets: Vec<_> = lasting.chain(passing).collect();
        for (secret, _) in &secrets {
            let length = secret.len();
            for pattern in written(secret) {
                patterns.push(pattern);
                spellings.push(Spelling { length, alone: length < LONG, is_piece: false });
            }
            for pattern in pieces(secret) {
                patterns.push(pattern);
                spellings.push(Spelling { length, alone: false, is_piece: true });
            }
        }
        // The longest first, so that none is blanked in part.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns).ok();
        Self { automaton, spellings, disguises: Disguises::of(secrets.into_iter()) }
    }

    /// The text without those secrets that are at least so long.
    pub(super) fn blank<'a>(&self, text: &'a str, shortest: usize) -> Cow<'a, str> {
        let Some(automaton) = &self.automaton else { return Cow::Borrowed(REDACTED) };
        let (mut clean, mut rest) = (String::new(), 0);
        while let Some(Range { start, end }) = self.next(automaton, text, rest, shortest) {
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

    /// Whether such a one stands in the text.
    pub(super) fn finds(&self, text: &str, shortest: usize) -> bool {
        let Some(automaton) = &self.automaton else { return true };
        self.next(automaton, text, 0, shortest).is_some()
    }

    fn next(&self, automaton: &AhoCorasick, text: &str, begin: usize, shortest: usize) -> Option<Range<usize>> {
        let mut from = begin;
        loop {
            let found = automaton.find(Input::new(text).span(from..text.len()))?;
            let spelling = self.spellings.get(found.pattern().as_usize())?;
            let range = found.range();
            if spelling.length >= shortest && (!spelling.alone || stands_alone(text, &range)) {
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

    const SECRET: &str = "8f1b9d3e-0000-4000-8000-000000000001";

    #[test]
    fn what_one_client_holds_none_lets_out() {
        let known = KnownSecrets::default();
        let snyk = known.redactor([SECRET.into()]);
        let receiver = known.redactor(["/webhook".into(), "hunter2".into(), "T0/B0/abcdefghijkl".into()]);
        let before = known.redactor(["rotated-away-long-ago".into()]);
        drop(before);
        let check = |redactor: &Redactor, text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check(&receiver, &format!("{SECRET} is bad"), "[redacted] is bad");
        check(&snyk, "T0/B0/abcdefghijkl, rotated-away-long-ago", "[redacted], [redacted]");
        // What makes an address secret, without the rest of it.
        known.learn([
            "https://hooks.example.com/services/T0AAAA/slackSlackSlackSlackSlack?t=0123456789-abcdefghij".into()
        ]);
        check(&snyk, "T0AAAA/slackSlackSlackSlackSlack", "T0AAAA/[redacted]");
        check(&snyk, "0123456789-abcdefghij at hooks.example.com", "[redacted] at hooks.example.com");
        // A key by which receivers are told that it is us, as it is configured and as it is used.
        known.learn(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()]);
        check(&snyk, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[redacted]");
        // An access token, too.
        drop(snyk.and(&["an-access-token-of-an-hour".into()]));
        check(&receiver, "an-access-token-of-an-hour", "[redacted]");
    }

    #[test]
    fn a_short_secret_turns_no_ordinary_text_into_stars() {
        let known = KnownSecrets::default();
        let own = known.redactor(["/webhook".into(), "acme".into(), "hunter2".into(), "abc".into()]);
        let other = known.redactor([]);
        let check = |redactor: &Redactor, text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check(&own, "POST /webhook said hunter2 to acme", "POST [redacted] said [redacted] to [redacted]");
        check(&own, "GET /repositories/acme-labs/webhooks abc", "GET /repositories/acme-labs/webhooks abc");
        check(&own, "acmeish hunter2x xhunter2", "acmeish hunter2x xhunter2");
        // Elsewhere it is a word like any other, unless it is long enough to be a password.
        check(&other, "acme, hunter2: /webhook", "acme, hunter2: [redacted]");
        check(&other, "/acme/webhooks", "/acme/webhooks");
    }

    #[test]
    fn what_only_looks_like_a_short_one_hides_no_long_one() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["abc/defg".into(), "defghijklmnop".into()]);
        assert_eq!(redactor.clean("abc/defghijklmnop"), "abc/[redacted]");
    }

    #[test]
    fn an_echo_is_found_however_it_is_spelled() {
        let secret = "hunter2+/ \"se&cret";
        let known = KnownSecrets::default();
        drop(known.redactor([secret.into(), SECRET.into()]));
        let other = known.redactor([]);
        let check = |text: &str, expected: &str| assert_eq!(other.clean(text), expected, "{text}");
        check(&format!("it is {secret}."), "it is [redacted].");
        check("?t=hunter2%2B%2F+%22se%26cret&x", "?t=[redacted]&x");
        check("?t=hunter2%2b%2f%20%22se%26cret&x", "?t=[redacted]&x");
        check(r#"{"t":"hunter2+\/ \"se&cret"}"#, r#"{"t":"[redacted]"}"#);
        // With whatever user, and with whatever after it.
        for user in ["a", "ab", "abc", "snyk-bot@acme.example"] {
            for tail in ["", "x", "xy"] {
                let basic = STANDARD.encode(format!("{user}:{SECRET}{tail}"));
                check(&format!("saw {basic}, once"), "saw [redacted], once");
            }
        }
    }

    #[test]
    fn access_tokens_that_come_and_go_are_bounded_and_drive_out_no_secret() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["a-secret-of-the-configuration".into()]);
        for number in 0..80 {
            drop(redactor.and(&[format!("access-token-number-{number:06}").into()]));
        }
        let other = known.redactor([]);
        assert_eq!(other.clean("a-secret-of-the-configuration"), REDACTED);
        assert_eq!(other.clean("access-token-number-000079"), REDACTED);
        assert_eq!(other.clean("access-token-number-000000"), "access-token-number-000000");
        assert_eq!(known.0.read().unwrap().passing.len(), PASSING);
    }

    proptest! {
        #[test]
        fn no_known_secret_survives_any_spelling(
            before in "[ -~é€]{0,20}", secret in "[!-~]{12,40}", after in "[ -~é€]{0,20}",
        ) {
            let known = KnownSecrets::default();
            known.learn([SecretString::from(secret.clone())]);
            for spelling in written(&secret).into_iter().chain([STANDARD.encode(&secret)]) {
                let text = format!("{before}{spelling}{after}");
                let finder = known.finder();
                prop_assert!(finder.finds(&text, 0));
                let blank = finder.blank(&text, 0);
                prop_assert!(blank.contains(REDACTED) && !blank.contains(&secret), "{}", blank);
            }
            prop_assert_eq!(known.finder().blank(&before, 100), before.as_str());
        }
    }
}
