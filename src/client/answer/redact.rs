//! Keeps secrets out of every text that leaves the client.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use secrecy::{ExposeSecret as _, SecretString};

use super::disguise::Divided;
use super::finder::{Finder, REDACTED};
use super::looks::is_made_by_machine;
use super::secrets::{KnownSecrets, short};
use crate::domain::text::{is_invisible, one_line, spaced};

/// Longest text, in characters, that a failure carries.
const DETAIL_LIMIT: usize = 240;

/// So much of a text is looked at: far more than is shown of it, and little enough to be read in every disguise. Bytes.
const LONGEST_READ: usize = 8 * 1024;

/// The shapes of the secrets we know, for those that are not ours (`docs/apis/snyk.md`, `docs/apis/bitbucket-cloud.md`):
/// Snyk tokens, Atlassian API and access tokens, JSON Web Tokens, a whole `Authorization` value, userinfo in a URL, and
/// the parameters that carry secrets.
///
/// APIs speak of passwords and tokens, too. Where nothing but a blank stands between a name and what follows it, that must
/// look like a secret itself: then it is the group `value`.
static SECRET_SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"snyk_(?:uat|sat)\.[A-Za-z0-9._\-]+",
        r"|AT(?:AT|CT|BB)[A-Za-z0-9][A-Za-z0-9_=\-]{8,}",
        r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*",
        r"|(?i:\b(?P<kept>authorization[\\\x22']*\s?[:=]\s?[\\\x22']*)(?:bearer|basic|token)\s+[^\s,;\x22']+)",
        r"|(?i:\b(?:bearer|basic|token)\s+(?P<credentials>[A-Za-z0-9+/=._\-]{16,}))",
        r"|(?i:://[^/\s@:]*:[^/\s@]*@)",
        r"|(?i:://(?P<user>[^/\s@]+)@)",
        r"|(?i:\b(?:access_token|client_secret|refresh_token|password|api_key)",
        r"(?:[\\\x22']*\s?(?:[:=]|%3[ad])[>=]?\s?[\\\x22']*|\s[\\]?[\x22'])[^\s&,;\x22']+)",
        r"|(?i:\b(?:access_token|client_secret|refresh_token|password|api_key)\s+(?:is\s+|was\s+)?",
        r"(?P<value>[^\s&,;\x22']+))",
    ))
    .ok()
});

/// The text without what has such a shape.
fn without_shapes(text: &str, shapes: &Regex) -> String {
    let (mut clean, mut rest, mut from) = (String::new(), 0, 0);
    while let Some(found) = shapes.captures_at(text, from) {
        let Some(whole) = found.get(0) else { break };
        let doubtful = ["credentials", "user", "value"].iter().find_map(|group| found.name(group));
        if let Some(word) = doubtful.filter(|value| !is_made_by_machine(value.as_str())) {
            // It may be a name itself, before another value.
            from = word.start();
            continue;
        }
        clean.push_str(text.get(rest..whole.start()).unwrap_or_default());
        clean.push_str(found.name("kept").map_or("", |kept| kept.as_str()));
        clean.push_str(REDACTED);
        (rest, from) = (whole.end(), whole.end());
    }
    clean.push_str(text.get(rest..).unwrap_or_default());
    clean
}

/// Takes the secrets of one client, and all others that are known, out of any text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: KnownSecrets,
    /// Too short, or too much like words, to be known to others.
    own: Vec<SecretString>,
    finder: Arc<Finder>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redactor([hidden])")
    }
}

impl Redactor {
    /// Knows those of `own` too.
    pub(super) fn new(known: KnownSecrets, own: Vec<SecretString>) -> Self {
        let secrets: Vec<_> = own.iter().map(|secret| (secret.expose_secret(), Divided::Never)).collect();
        let finder = Arc::new(Finder::of(&secrets));
        Self { known, own, finder }
    }

    /// Knows these secrets too, with which a call is authorised.
    pub(crate) fn and(&self, more: &[SecretString]) -> Self {
        self.known.learn_passing(more);
        let more = short(more.iter().cloned());
        if more.is_empty() {
            return self.clone();
        }
        Self::new(self.known.clone(), self.own.iter().cloned().chain(more).collect())
    }

    /// A name that somebody set, on one line and without a secret of a credential, however it is written.
    pub(crate) fn name(&self, name: &str) -> String {
        let (finder, name) = (self.known.finders().names, one_line(name));
        finder.blank_disguised(&finder.blank(&name)).into_owned()
    }

    /// Whether [`Redactor::name`] may change a name in this answer.
    pub(crate) fn may_change_names_in(&self, answer: &str) -> bool {
        self.known.finders().names.may_stand_in(answer)
    }

    /// The text without secrets and control characters, capped in length.
    pub fn clean(&self, text: &str) -> String {
        // First, so that nothing invisible hides a secret.
        let text = one_line(text);
        let text = text.get(..text.floor_char_boundary(LONGEST_READ)).unwrap_or_default();
        let known = self.known.finders().texts;
        let text = known.blank(text);
        let text = known.blank_disguised(&text);
        let text = self.finder.blank(&text);
        safe_text(&self.finder.blank_disguised(&text))
    }
}

/// The text without anything that looks like a secret, on one line, without control and direction characters, capped.
pub(crate) fn safe_text(text: &str) -> String {
    let text = match &*SECRET_SHAPES {
        Some(shapes) => without_shapes(text, shapes),
        // Unreachable with a pattern that compiles (tested); a text we cannot clean is not shown.
        None => return String::new(),
    };
    let mut clean = String::new();
    let mut length = 0_usize;
    for word in spaced(&text).split_whitespace() {
        let space = if length > 0 { " " } else { "" };
        for character in space.chars().chain(word.chars()) {
            if length >= DETAIL_LIMIT {
                // What joined it to what is cut off.
                clean.truncate(clean.trim_end_matches(is_invisible).len());
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
    use crate::domain::text::first_hostile;
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
        // A sign between a name and what follows says that it is a value.
        check("password=swordfish&x", "[redacted]&x");
        check("Password: \"swordfish\"", "[redacted]\"");
        check("the client_secret 'swordfish' is bad", "the [redacted]' is bad");
        check(r#"{\"api_key\":\"swordfish\"}"#, r#"{\"[redacted]"}"#);
        check("password%3Dswordfish", "[redacted]");
        check("Authorization: Bearer swordfishes", "Authorization: [redacted]");
        // So does what looks like one.
        check("the password is Tr0ub4dor", "the [redacted]");
        check("api_key 0d3728ec-eebf-484d-9907-ba238019f10b", "[redacted]");
        check("bearer 0a1b2c3d4e5f60718293", "[redacted]");
        check("the password token 0a1b2c3d4e5f60718293", "the password [redacted]");
        check("https://0a1b2c3d4e5f60718293@example.com/", "https[redacted]example.com/");
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
    fn what_an_api_says_of_passwords_and_tokens_stays() {
        for text in [
            "Your password has expired, ask an administrator",
            "The app password was deleted by its owner",
            "password required",
            "client_secret is invalid",
            "The api_key is not valid for this Group",
            "Use token snyk-integration-bot for that",
            "token administration-required",
            "Use bearer authentication-token instead",
            "Basic authentication is required",
            "See https://support@acme.example/help",
        ] {
            assert_eq!(Redactor::default().clean(text), text);
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
        // However it is written; half of it, too.
        for name in [
            "8F1B9D3E-0000-4000-8000-000000000001",
            "8f1b9d3e000040008000000000000001",
            "8f1b9d3e-0000-4000 8000-000000000001",
            "%38f1b9d3e%2D0000-4000-8000-000000000001",
            "８f1b9d3e-0000-4000-8000-000000000001",
            "38663162396433652d303030302d343030302d383030302d303030303030303030303031",
            "8f1b9d3e-0000-4000-8",
        ] {
            check(name, "[redacted]");
            assert!(redactor.may_change_names_in(&format!(r#"{{"name": "{name}"}}"#)), "{name}");
        }
        // Another id is what it is, though half of it is the same.
        check("8f1b9d3e-0000-4000-8000-000000000002", "8f1b9d3e-0000-4000-8000-000000000002");
    }

    proptest! {
        #[test]
        fn no_text_is_long_or_hostile(text in "\\PC*|[\\x00-\\x7f]*") {
            let clean = Redactor::default().clean(&text);
            prop_assert!(clean.chars().count() <= DETAIL_LIMIT + 1);
            prop_assert_eq!(first_hostile(&clean), None);
        }

        #[test]
        fn a_configured_secret_never_survives(before in "[ a-z]{0,300}", secret in "[A-Za-z0-9]{12,40}", after in "[ -~]{0,40}") {
            let redactor = KnownSecrets::default().redactor([SecretString::from(secret.clone())]);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret));
        }
    }
}
