//! Keeps secrets out of every text that leaves the client.

use std::sync::LazyLock;

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

/// Longest text, in characters, that a failure carries.
const DETAIL_LIMIT: usize = 240;

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// A configured secret shorter than this would blank out ordinary words.
const SHORTEST_SECRET: usize = 4;

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

/// Knows the secrets of one client and takes them out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<SecretString>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Redactor({} secrets)", self.secrets.len())
    }
}

impl Redactor {
    /// Takes out these secrets, and everything that has the shape of a secret.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self { secrets: secrets.into_iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_SECRET).collect() }
    }

    /// Knows these secrets too.
    pub(crate) fn and(&self, more: &[SecretString]) -> Self {
        Self::new(self.secrets.iter().chain(more).cloned())
    }

    /// The text without secrets and control characters, capped in length.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            if text.contains(secret) {
                text = text.replace(secret, REDACTED);
            }
            let encoded = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
            if encoded != secret && text.contains(&encoded) {
                text = text.replace(&encoded, REDACTED);
            }
        }
        safe_text(&text)
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

/// Control characters, and the invisible ones that turn the direction of a text around or hide in it.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_of_ours_and_of_others_are_taken_out() {
        let redactor =
            Redactor::new(["hunter2+/secret".into(), "8f1b9d3e-0000-4000-8000-000000000001".into(), "x".into()]);
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

    proptest! {
        #[test]
        fn no_text_is_long_or_hostile(text in "\\PC*|[\\x00-\\x7f]*") {
            let clean = Redactor::default().clean(&text);
            prop_assert!(clean.chars().count() <= DETAIL_LIMIT + 1);
            prop_assert!(!clean.chars().any(is_hostile));
        }

        #[test]
        fn a_configured_secret_never_survives(before in "[ a-z]{0,300}", secret in "[A-Za-z0-9]{12,40}", after in "[ -~]{0,40}") {
            let redactor = Redactor::new([SecretString::from(secret.clone())]);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret));
        }
    }
}
