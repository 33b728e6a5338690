//! What a token looks like, and what people leave around it: a token that cannot work is refused when it is read, with
//! what is wrong with it and without a part of it.

use std::fmt;

use crate::domain::text::is_hostile;

/// What a secret is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenKind {
    /// In words, with an article.
    pub what: &'static str,
    /// How every token of this kind begins, where its maker says so.
    pub prefix: Option<&'static str>,
}

/// How tokens of other makers and kinds begin.
const KNOWN: [(&str, &str); 12] = [
    ("ATATT", "an Atlassian API token"),
    ("ATCTT", "an Atlassian access token or API key"),
    ("BBDC-", "a Bitbucket Data Center token"),
    ("snyk_uat.", "a Snyk personal access token"),
    ("snyk_sat.", "a Snyk service account token"),
    ("ghp_", "a GitHub token"),
    ("gho_", "a GitHub token"),
    ("ghs_", "a GitHub token"),
    ("github_pat_", "a GitHub token"),
    ("glpat-", "a GitLab token"),
    ("xoxb-", "a Slack token"),
    ("xoxp-", "a Slack token"),
];

/// Words of an `Authorization` header, which belong to the request.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "token "];

/// What is wrong with a token, and what to do. No part of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFlaw {
    /// The file was saved with a byte-order mark.
    ByteOrderMark,
    /// It stands in quotes.
    Quoted,
    /// The word of a header stands before it.
    Scheme,
    /// `NAME=` stands before it.
    Assignment,
    /// There is white space before, after or in it.
    WhiteSpace,
    /// A character that nobody sees.
    Invisible(char),
    /// A character that is in no token.
    NotAscii(char),
    /// It begins otherwise than every token of its kind.
    Prefix {
        /// What it was declared to be.
        kind: TokenKind,
        /// What it looks like instead.
        like: Option<&'static str>,
    },
}

impl fmt::Display for TokenFlaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => formatter.write_str("begins with a byte-order mark; save it as UTF-8 without one"),
            Self::Quoted => formatter.write_str("stands in quotes; take them away"),
            Self::Scheme => formatter
                .write_str("begins with a word such as `Bearer`, which belongs to the request; leave the token alone"),
            Self::Assignment => formatter.write_str("begins with `NAME=`; leave the token alone"),
            Self::WhiteSpace => formatter.write_str("holds white space; leave the token alone"),
            Self::Invisible(found) => {
                write!(formatter, "holds an invisible character (U+{:04X}); copy the token anew", u32::from(*found))
            }
            Self::NotAscii(found) => {
                write!(
                    formatter,
                    "holds a character that is in no token (U+{:04X}); copy the token anew",
                    u32::from(*found)
                )
            }
            Self::Prefix { kind, like: Some(like) } => {
                write!(
                    formatter,
                    "looks like {like} and is declared as {}; give the right token, or its right kind",
                    kind.what
                )
            }
            Self::Prefix { kind, like: None } => {
                let prefix = kind.prefix.unwrap_or_default();
                write!(
                    formatter,
                    "does not begin with `{prefix}` as {} does; copy the token anew, or give its right kind",
                    kind.what
                )
            }
        }
    }
}

impl TokenKind {
    /// The first thing that is wrong with `token`.
    ///
    /// # Errors
    /// When it can be seen that it is no token of this kind.
    pub fn check(self, token: &str) -> Result<(), TokenFlaw> {
        let is_quote =
            |letter: char| matches!(letter, '"' | '\'' | '`' | '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}');
        let is_invisible = |letter: &char| is_hostile(*letter);
        if token.starts_with('\u{feff}') {
            return Err(TokenFlaw::ByteOrderMark);
        }
        if token.starts_with(is_quote) || token.ends_with(is_quote) {
            return Err(TokenFlaw::Quoted);
        }
        let lower = token.to_ascii_lowercase();
        if SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
            return Err(TokenFlaw::Scheme);
        }
        if self.is_assigned(token) {
            return Err(TokenFlaw::Assignment);
        }
        if token.contains(char::is_whitespace) {
            return Err(TokenFlaw::WhiteSpace);
        }
        if let Some(found) = token.chars().find(is_invisible) {
            return Err(TokenFlaw::Invisible(found));
        }
        if let Some(found) = token.chars().find(|letter| !letter.is_ascii()) {
            return Err(TokenFlaw::NotAscii(found));
        }
        self.check_prefix(token)
    }

    /// Whether it begins as in a file of variables. A token may hold the sign itself, at its end or before its checksum.
    fn is_assigned(self, token: &str) -> bool {
        let token = token.strip_prefix("export ").unwrap_or(token);
        let Some((name, value)) = token.split_once('=') else { return false };
        let is_name = !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
        let begins = self.prefix.is_some_and(|prefix| token.starts_with(prefix));
        let value_begins = self.prefix.is_some_and(|prefix| value.trim_start().starts_with(prefix));
        value_begins || (is_name && !begins && name.contains('_') && !value.trim_matches('=').is_empty())
    }

    fn check_prefix(self, token: &str) -> Result<(), TokenFlaw> {
        let known = KNOWN.iter().find(|(prefix, _)| token.starts_with(prefix));
        match (self.prefix, known) {
            (Some(prefix), _) if token.starts_with(prefix) => Ok(()),
            (Some(_), known) => Err(TokenFlaw::Prefix { kind: self, like: known.map(|(_, like)| *like) }),
            // Of a kind without a prefix: those of the same maker are its own.
            (None, Some((prefix, _))) if self.is_of(prefix) => Ok(()),
            (None, Some((_, like))) => Err(TokenFlaw::Prefix { kind: self, like: Some(like) }),
            (None, None) => Ok(()),
        }
    }

    fn is_of(self, prefix: &str) -> bool {
        let maker = prefix.split(['_', '.']).next().unwrap_or_default();
        self.what.to_ascii_lowercase().contains(maker) || (prefix == "ATCTT" && self.what.contains("API key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::credential::{API_TOKEN, APP_PASSWORD, OAUTH};
    use crate::config::snyk::SNYK_TOKEN;

    #[test]
    fn what_people_leave_around_a_token_is_told() {
        let check = |kind: TokenKind, token: &str, expected: Option<&str>| {
            let found = kind.check(token).map_err(|flaw| flaw.to_string());
            match expected {
                None => assert_eq!(found, Ok(()), "{token:?}"),
                Some(part) => {
                    let flaw = found.expect_err(token);
                    assert!(flaw.contains(part), "{token:?}: {flaw}");
                    assert!(!flaw.contains("3xSECRET"), "{flaw}");
                }
            }
        };
        for (token, expected) in [
            ("ATATT3xSECRET-_=1A2B3C4D", None),
            ("\u{feff}ATATT3xSECRET", Some("byte-order mark")),
            ("\"ATATT3xSECRET\"", Some("quotes")),
            ("'ATATT3xSECRET'", Some("quotes")),
            ("\u{201c}ATATT3xSECRET\u{201d}", Some("quotes")),
            ("Bearer ATATT3xSECRET", Some("`Bearer`")),
            ("BITBUCKET_TOKEN=ATATT3xSECRET", Some("`NAME=`")),
            ("token=ATATT3xSECRET", Some("`NAME=`")),
            ("export BITBUCKET_TOKEN=ATATT3xSECRET", Some("`NAME=`")),
            ("ATATT3xSECRET ", Some("white space")),
            ("ATATT3x SECRET", Some("white space")),
            ("ATATT3xSECRET\u{a0}", Some("white space")),
            ("ATATT3xSE\u{200b}CRET", Some("U+200B")),
            ("ATATT3xSECR\u{c9}T", Some("U+00C9")),
            ("ATCTT3xSECRET", Some("looks like an Atlassian access token or API key")),
            ("snyk_uat.0000.3xSECRET", Some("looks like a Snyk personal access token")),
            ("3xSECRET", Some("does not begin with `ATATT`")),
        ] {
            check(API_TOKEN, token, expected);
        }
        for (token, expected) in [
            ("0d3728ec-eebf-484d-9907-ba238019f10b", None),
            ("snyk_sat.12345678.abc.def", None),
            ("SNYK_TOKEN=0d3728ec-eebf-484d-9907-ba238019f10b", Some("`NAME=`")),
            ("token 0d3728ec-eebf-484d-9907-ba238019f10b", Some("`Bearer`")),
            ("ATATT3xSECRET", Some("looks like an Atlassian API token")),
        ] {
            check(SNYK_TOKEN, token, expected);
        }
        // What has no shape of its own may hold anything that is in no other.
        check(OAUTH, "QUJD_REVG==", None);
        check(OAUTH, "kZx9=Abc", None);
        check(APP_PASSWORD, "ATBBabcdef", None);
        check(APP_PASSWORD, "ATATT3xSECRET", Some("looks like an Atlassian API token"));
    }
}
