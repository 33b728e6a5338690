//! The two vocabularies in which Bitbucket Cloud names what a credential may do.
//!
//! *Classic* words (`account`, `repository:write`) belong to app passwords, access tokens and OAuth consumers; the
//! header reports only the highest level, so what a word implies is added here. *Granular* words
//! (`read:repository:bitbucket`) belong to API tokens and imply nothing: to write does not give to read.
//!
//! Which vocabulary a credential speaks is told by the shape of its words, never by how it is sent.

use std::collections::BTreeSet;

use crate::client::answer::CredentialHeaders;

/// What a classic word implies, as far as it is documented.
const IMPLIED: &[(&str, &[&str])] = &[
    ("repository:write", &["repository"]),
    ("pullrequest", &["repository"]),
    ("pullrequest:write", &["pullrequest", "repository:write", "repository"]),
    ("project", &["repository"]),
];

/// One word of either vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

impl Scope {
    /// A scope by its word, in whatever case.
    pub fn new(word: impl AsRef<str>) -> Self {
        Self(word.as_ref().to_ascii_lowercase())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The vocabulary that a word of this shape belongs to. `read:account` and `read:me` stand on the form of API tokens
    /// and are granular though they name no product.
    pub fn vocabulary(&self) -> Vocabulary {
        let mut parts = self.0.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(_), Some("bitbucket"), None) | (Some("read"), Some(_), None, None) => Vocabulary::Granular,
            _ => Vocabulary::Classic,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The two ways of naming permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// `repository:write`
    Classic,
    /// `write:repository:bitbucket`
    Granular,
}

/// What a credential may do, implications included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedScopes {
    vocabulary: Option<Vocabulary>,
    reported: BTreeSet<Scope>,
    granted: BTreeSet<Scope>,
}

impl GrantedScopes {
    /// What these words grant.
    pub fn new<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Self {
        let words = words.into_iter().map(|word| word.as_ref().trim().to_owned()).filter(|word| !word.is_empty());
        let reported: BTreeSet<_> = words.map(Scope::new).collect();
        let is_granular = reported.iter().any(|scope| scope.vocabulary() == Vocabulary::Granular);
        let vocabulary = match (reported.is_empty(), is_granular) {
            (true, _) => None,
            (false, true) => Some(Vocabulary::Granular),
            (false, false) => Some(Vocabulary::Classic),
        };
        let mut granted = reported.clone();
        if vocabulary == Some(Vocabulary::Classic) {
            for (word, implied) in IMPLIED {
                if reported.iter().any(|scope| scope.as_str() == *word) {
                    granted.extend(implied.iter().copied().map(Scope::new));
                }
            }
        }
        Self { vocabulary, reported, granted }
    }

    /// What the headers of an answer grant; `None` when they do not say.
    pub fn from_headers(headers: &CredentialHeaders) -> Option<Self> {
        headers.granted.as_ref().map(Self::new)
    }

    /// The vocabulary that the credential speaks; `None` when it grants nothing.
    pub fn vocabulary(&self) -> Option<Vocabulary> {
        self.vocabulary
    }

    /// Whether it grants this scope, of its own vocabulary, by itself or by implication.
    pub fn grants(&self, scope: &Scope) -> bool {
        self.granted.contains(scope)
    }

    /// The words as reported.
    pub fn reported(&self) -> impl Iterator<Item = &Scope> {
        self.reported.iter()
    }

    /// Whether the credential can change anything: more than an observer should hold.
    pub fn can_write(&self) -> bool {
        let changes =
            |word: &str| ["write", "admin", "delete"].iter().any(|verb| word.split(':').any(|part| part == *verb));
        // Classic `webhook` covers reading and writing.
        self.granted.iter().any(|scope| changes(scope.as_str()) || scope.as_str() == "webhook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classic_words_imply_and_granular_words_do_not() {
        let check = |reported: &str, wanted: &str, expected: bool| {
            let granted = GrantedScopes::new(reported.split(' '));
            assert_eq!(granted.grants(&Scope::new(wanted)), expected, "{reported} grants {wanted}");
        };
        check("pullrequest:write", "repository", true);
        check("pullrequest:write", "repository:write", true);
        check("pullrequest:write", "pullrequest", true);
        check("pullrequest", "repository", true);
        check("pullrequest", "repository:write", false);
        check("project", "repository", true);
        check("repository:admin", "repository", false);
        check("repository:delete", "repository", false);
        check("account", "email", false);
        check("write:repository:bitbucket", "read:repository:bitbucket", false);
        check("write:repository:bitbucket", "write:repository:bitbucket", true);
        check("read:repository:bitbucket", "repository", false);
        check("READ:Repository:Bitbucket", "read:repository:bitbucket", true);
        check("PULLREQUEST", "repository", true);
        check("", "repository", false);
    }

    #[test]
    fn the_shape_of_its_words_tells_the_vocabulary() {
        let check = |reported: &str, vocabulary: Option<Vocabulary>, can_write: bool| {
            let granted = GrantedScopes::new(reported.split(' '));
            assert_eq!((granted.vocabulary(), granted.can_write()), (vocabulary, can_write), "{reported}");
        };
        check("", None, false);
        check("account repository", Some(Vocabulary::Classic), false);
        check("repository:write", Some(Vocabulary::Classic), true);
        check("webhook", Some(Vocabulary::Classic), true);
        check("read:account", Some(Vocabulary::Granular), false);
        check("read:user:bitbucket", Some(Vocabulary::Granular), false);
        check("read:account write:webhook:bitbucket", Some(Vocabulary::Granular), true);
    }

    proptest! {
        /// The order and repetition of words never matter, and every reported word is granted.
        #[test]
        fn words_are_a_set(mut words in proptest::collection::vec("[a-z]{1,5}(:[a-z]{1,5}){0,2}", 0..8)) {
            let granted = GrantedScopes::new(&words);
            for word in &words {
                prop_assert!(granted.grants(&Scope::new(word.as_str())));
            }
            words.reverse();
            words.extend(words.clone());
            prop_assert_eq!(granted, GrantedScopes::new(&words));
        }
    }
}
