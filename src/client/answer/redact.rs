//! Keeps secrets out of every text that leaves the client.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use regex::Regex;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::text::{is_hostile, one_line};

/// Longest text, in characters, that a failure carries.
const DETAIL_LIMIT: usize = 240;

/// What stands where a secret stood.
const REDACTED: &str = "[redacted]";

/// A configured secret shorter than this would blank out ordinary words.
const SHORTEST_SECRET: usize = 4;

/// In texts about other things than it is for, a shorter one would: `/webhook` or `acme-corp` may be somebody's path or
/// password. The tokens of every vendor are longer.
const SHORTEST_ELSEWHERE: usize = 12;

/// In names, which must stay what they are to be found again, only what can be no name by accident is blanked.
const SHORTEST_IN_NAMES: usize = 20;

/// So many access tokens are remembered, which come and go; those before them have long expired.
const PASSING: usize = 64;

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

/// Every secret that the process holds or held, whatever it is for. Clients share it: what one is given, none lets out.
#[derive(Clone, Default)]
pub struct KnownSecrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// The longest first, so that none is blanked in part.
    lasting: Vec<SecretString>,
    /// Access tokens, the latest last.
    passing: VecDeque<SecretString>,
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
        for secret in secrets.into_iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_ELSEWHERE) {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if !known.has(&secret) {
                let length = secret.expose_secret().len();
                let place = known.lasting.partition_point(|other| other.expose_secret().len() >= length);
                known.lasting.insert(place, secret);
            }
        }
    }

    /// Knows these access tokens too, until enough others came after them.
    fn learn_passing(&self, secrets: &[SecretString]) {
        for secret in secrets.iter().filter(|secret| secret.expose_secret().len() >= SHORTEST_ELSEWHERE) {
            if self.0.read().unwrap_or_else(PoisonError::into_inner).has(secret) {
                continue;
            }
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            known.passing.push_back(secret.clone());
            let surplus = known.passing.len().saturating_sub(PASSING);
            known.passing.drain(..surplus);
        }
    }

    /// One that knows all of these, and `own` even where they are short.
    pub fn redactor(&self, own: impl IntoIterator<Item = SecretString>) -> Redactor {
        let own: Vec<_> = own.into_iter().collect();
        self.learn(own.iter().cloned());
        Redactor { known: self.clone(), own: own.into_iter().filter(is_long_enough).collect() }
    }

    /// The text without them.
    fn blank(&self, text: &mut String, shortest: usize) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for secret in known.lasting.iter().chain(&known.passing) {
            if secret.expose_secret().len() >= shortest {
                blank(text, secret);
            }
        }
    }
}

fn is_long_enough(secret: &SecretString) -> bool {
    secret.expose_secret().len() >= SHORTEST_SECRET
}

fn blank(text: &mut String, secret: &SecretString) {
    let secret = secret.expose_secret();
    if text.contains(secret) {
        *text = text.replace(secret, REDACTED);
    }
    let encoded = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
    if encoded != secret && text.contains(&encoded) {
        *text = text.replace(&encoded, REDACTED);
    }
}

/// Takes the secrets of one client, and all others that are known, out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: KnownSecrets,
    own: Vec<SecretString>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Redactor({} secrets)", self.own.len())
    }
}

impl Redactor {
    /// Knows these secrets too, with which a call is authorised.
    pub(crate) fn and(&self, more: &[SecretString]) -> Self {
        self.known.learn_passing(more);
        let own = self.own.iter().chain(more.iter().filter(|secret| is_long_enough(secret)));
        Self { known: self.known.clone(), own: own.cloned().collect() }
    }

    /// A name that somebody set, on one line and without a secret of ours.
    pub(crate) fn name(&self, name: &str) -> String {
        let mut name = one_line(name);
        self.known.blank(&mut name, SHORTEST_IN_NAMES);
        name
    }

    /// Whether [`Redactor::name`] may change a name in this text.
    pub(crate) fn may_change_names_in(&self, text: &str) -> bool {
        let known = self.known.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_in = |secret: &SecretString| {
            secret.expose_secret().len() >= SHORTEST_IN_NAMES && text.contains(secret.expose_secret())
        };
        known.lasting.iter().chain(&known.passing).any(is_in)
    }

    /// The text without secrets and control characters, capped in length.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.known.blank(&mut text, SHORTEST_ELSEWHERE);
        for secret in &self.own {
            blank(&mut text, secret);
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
        if length > 0 {
            clean.push(' ');
            length += 1;
        }
        for character in word.chars() {
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
        assert_eq!(redactor.clean(&"long ".repeat(100)).chars().count(), DETAIL_LIMIT + 1);
    }

    #[test]
    fn what_one_client_holds_none_lets_out() {
        let known = KnownSecrets::default();
        let snyk = known.redactor(["8f1b9d3e-0000-4000-8000-000000000001".into()]);
        let receiver = known.redactor(["/webhook".into(), "hunter2".into(), "T0/B0/abcdefghijkl".into()]);
        let before = known.redactor(["rotated-away-long-ago".into()]);
        drop(before);
        let check = |redactor: &Redactor, text: &str, expected: &str| assert_eq!(redactor.clean(text), expected);
        check(&receiver, "8f1b9d3e-0000-4000-8000-000000000001 is bad", "[redacted] is bad");
        check(&snyk, "T0/B0/abcdefghijkl, rotated-away-long-ago", "[redacted], [redacted]");
        // What is short enough to be a word is blanked where it is used, and nowhere else.
        check(&receiver, "/webhook said hunter2", "[redacted] said [redacted]");
        check(&snyk, "GET /repositories/acme/webhooks, hunter2", "GET /repositories/acme/webhooks, hunter2");
        // An access token, too.
        drop(snyk.and(&["an-access-token-of-an-hour".into()]));
        check(&receiver, "an-access-token-of-an-hour", "[redacted]");
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

    #[test]
    fn access_tokens_that_come_and_go_are_bounded_and_drive_out_no_secret() {
        let known = KnownSecrets::default();
        let redactor = known.redactor(["a-secret-of-the-configuration".into()]);
        for number in 0..1_000 {
            drop(redactor.and(&[format!("access-token-number-{number:06}").into()]));
        }
        let other = known.redactor([]);
        assert_eq!(other.clean("a-secret-of-the-configuration"), "[redacted]");
        assert_eq!(other.clean("access-token-number-000999"), "[redacted]");
        assert_eq!(other.clean("access-token-number-000000"), "access-token-number-000000");
        assert_eq!(known.0.read().unwrap().passing.len(), PASSING);
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
