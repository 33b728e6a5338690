//! Keeps secrets out of every text that leaves the client.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use secrecy::SecretString;

use super::secrets::{Finder, KnownSecrets, REDACTED, short};
use crate::domain::text::{is_hostile, one_line};

/// Longest text, in characters, that a failure carries.
const DETAIL_LIMIT: usize = 240;

/// So much of a text is looked at: far more than is shown of it, and little enough to be read in every disguise. Bytes.
const LONGEST_READ: usize = 8 * 1024;

/// In names, which must stay what they are to be found again, only what can be no name by accident is blanked. Bytes.
const SHORTEST_IN_NAMES: usize = 20;

/// The shapes of the secrets we know, for those that are not ours (`docs/apis/snyk.md`, `docs/apis/bitbucket-cloud.md`):
/// Snyk tokens, Atlassian API and access tokens, JSON Web Tokens, a whole `Authorization` value, userinfo in a URL, and
/// the parameters that carry secrets.
static SECRET_SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"snyk_(?:uat|sat)\.[A-Za-z0-9._\-]+",
        r"|AT(?:AT|CT|BB)[A-Za-z0-9][A-Za-z0-9_=\-]{8,}",
        r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*",
        r"|(?i:\b(?:bearer|basic|token)\s+[A-Za-z0-9+/=._\-]{16,})",
        r"|(?i:://[^/\s@]+@)",
        r"|(?i:\b(?:access_token|client_secret|refresh_token|password|api_key)\b\W{1,4}[^\s&,;\x22]+)",
    ))
    .ok()
});

/// Takes the secrets of one client, and all others that are known, out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: KnownSecrets,
    /// Too short to be known to others.
    own: Vec<SecretString>,
    finder: Arc<Finder>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor([hidden])")
    }
}

impl Redactor {
    /// Knows those of `own` too that `known` does not take, since they are short.
    pub(super) fn new(known: KnownSecrets, own: impl IntoIterator<Item = SecretString>) -> Self {
        let own = short(own);
        let finder = Arc::new(Finder::of(own.iter(), std::iter::empty()));
        Self { known, own, finder }
    }

    /// Knows these secrets too, with which a call is authorised.
    pub(crate) fn and(&self, more: &[SecretString]) -> Self {
        self.known.learn_passing(more);
        let more = short(more.iter().cloned());
        if more.is_empty() {
            return self.clone();
        }
        Self::new(self.known.clone(), self.own.iter().cloned().chain(more))
    }

    /// A name that somebody set, on one line and without a secret of ours.
    pub(crate) fn name(&self, name: &str) -> String {
        self.known.finder().blank(&one_line(name), SHORTEST_IN_NAMES).into_owned()
    }

    /// Whether [`Redactor::name`] may change a name in this text.
    pub(crate) fn may_change_names_in(&self, text: &str) -> bool {
        self.known.finder().finds(text, SHORTEST_IN_NAMES)
    }

    /// The text without secrets and control characters, capped in length.
    pub fn clean(&self, text: &str) -> String {
        // First, so that nothing invisible hides a secret.
        let text = one_line(text);
        let text = text.get(..text.floor_char_boundary(LONGEST_READ)).unwrap_or_default();
        let known = self.known.finder();
        let text = known.blank(text, 0);
        let text = known.blank_disguised(&text);
        safe_text(&self.finder.blank(&text, 0))
    }
}

/// The text without anything that looks like a secret, on one line, without control and direction characters, capped.
pub(crate) fn safe_text(text: &str) -> String {
    let text = match &*SECRET_SHAPES {
        Some(shapes) => shapes.replace_all(text, REDACTED),
        // Unreachable with a pattern that compiles (tested); a text we cannot clean is not shown.
        None => return String::new(),
    };
    let mut clean = String::new();
    let mut length = 0_usize;
    for word in text.split(|character: char| character.is_whitespace() || is_hostile(character)) {
        if word.is_empty() {
            continue;
        }
        let space = if length > 0 { " " } else { "" };
        for character in space.chars().chain(word.chars()) {
            if length >= DETAIL_LIMIT {
                clean.push('…');
                return clean;
            }
            clean.push(character);
            length += 1;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_of_ours_and_of_others_are_taken_out() {
        let redactor = KnownSecrets::default().redactor([
            "hunter2+/secret".into(),
            "8f1b9d3e-0000-4000-8000-000000000001".into(),
            "x".into(),
        ]);
        let check = |text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check("token hunter2+/secret was refused", "token [redacted] was refused");
        check("?t=hunter2%2B%2Fsecret&x", "?t=[redacted]&x");
        check("key 8f1b9d3e-0000-4000-8000-000000000001.", "key [redacted].");
        check("snyk_uat.1a2b3c4d.eyJoIjoiYSJ9.sig-nature failed", "[redacted] failed");
        check("ATATT3xFfGF0abcdefghij=1234ABCD is bad", "[redacted] is bad");
        check("got ATCTT3xFfGN0abc_def-ghi=99 here", "got [redacted] here");
        check("Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==", "Authorization: [redacted]");
        check("https://user:pass@example.com/", "https[redacted]example.com/");
        check(r#"{"access_token":"abc123"}"#, r#"{"[redacted]"}"#);
        check("line\r\nbreak\u{202e}\u{0007}end", "line break end");
        check("Token is invalid, expired, or not supported", "Token is invalid, expired, or not supported");
        // Wherever the cut falls, in a word or between two.
        for first in ["", "a", "ab", "abc", "abcd"] {
            for rest in ["long ".repeat(100), "a ".repeat(300), "b".repeat(300)] {
                let clean = redactor.clean(&format!("{first} {rest}"));
                assert_eq!(clean.chars().count(), DETAIL_LIMIT + 1, "{clean}");
                assert_eq!(redactor.clean(&clean), clean);
            }
        }
    }

    #[test]
    fn a_disguised_secret_is_taken_out_before_the_text_is_cut() {
        let secret = "Tr0ub4dor+correct/horse=battery";
        let redactor = KnownSecrets::default().redactor([SecretString::from(secret)]);
        let encoded = secret.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
        for before in 200..260 {
            let clean = redactor.clean(&format!("{} {encoded} {}", "x".repeat(before), "y".repeat(20_000)));
            assert!(!clean.contains('%'), "{before}: {clean}");
            assert!(clean.chars().count() <= DETAIL_LIMIT + 1, "{clean}");
        }
    }

    #[test]
    fn a_name_stays_itself_unless_it_can_be_no_name() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["acme-platform".into(), "8f1b9d3e-0000-4000-8000-000000000001".into()]);
        let check = |name: &str, expected: &str| assert_eq!(redactor.name(name), expected);
        check("acme-platform", "acme-platform");
        check("my 8f1b9d3e-0000-4000-8000-000000000001", "my [redacted]");
        check("evil\u{202e}gnp\u{1b}[2J", "evilgnp [2J");
        check("password: swordfish", "password: swordfish");
    }

    proptest! {
        #[test]
        fn no_text_is_long_or_hostile(text in "\\PC*|[\\x00-\\x7f]*") {
            let clean = Redactor::default().clean(&text);
            prop_assert!(clean.chars().count() <= DETAIL_LIMIT + 1);
            prop_assert!(!clean.chars().any(is_hostile));
        }

        #[test]
        fn a_configured_secret_never_survives(before in "[ a-z]{0,300}", secret in "[A-Za-z0-9]{12,40}", after in "[ -~]{0,40}") {
            let redactor = KnownSecrets::default().redactor([SecretString::from(secret.clone())]);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret));
        }
    }
}
