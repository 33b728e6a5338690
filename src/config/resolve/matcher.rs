//! Resolves the keys that say which incidents something takes.

use std::collections::BTreeSet;

use super::Resolver;
use crate::config::globs::Globs;
use crate::config::problem::{Problem, ProblemKind};
use crate::config::raw::alerts::{RawLevel, RawMatcher};
use crate::config::raw::integration::RawScm;
use crate::config::raw::spanned::Spanned;
use crate::config::raw::value::RawSeverity;
use crate::config::suggest;
use crate::domain::incident::Severity;
use crate::domain::kinds::{Level, Scm};
use crate::domain::matcher::Matcher;

/// The names that routes and maintenance windows may use, whatever the state of what they name.
pub(super) struct Names<'a> {
    pub(super) receivers: BTreeSet<&'a str>,
    pub(super) times: BTreeSet<&'a str>,
    pub(super) integrations: BTreeSet<&'a str>,
    /// Credentials and Snyk tokens.
    pub(super) credentials: BTreeSet<&'a str>,
    /// Owners of integrations.
    pub(super) owners: BTreeSet<&'a str>,
}

impl Resolver<'_> {
    pub(super) fn matcher(&self, raw: RawMatcher<'_>, names: &Names<'_>) -> Matcher {
        Matcher {
            rules: self.words(raw.rules.as_ref(), |rule| rule.0),
            severities: self.words(raw.severity.as_ref(), |severity| match severity {
                RawSeverity::Info => Severity::Info,
                RawSeverity::Warning => Severity::Warning,
                RawSeverity::Critical => Severity::Critical,
            }),
            levels: self.words(raw.level.as_ref(), |level| match level {
                RawLevel::Group => Level::Group,
                RawLevel::Organization => Level::Organization,
            }),
            scms: self.words(raw.scm.as_ref(), |scm| match scm {
                RawScm::BitbucketCloud => Scm::BitbucketCloud,
            }),
            integrations: self.patterns(raw.integrations.as_ref(), "integration", &names.integrations),
            owners: self.patterns(raw.owner.as_ref(), "owner", &names.owners),
            credentials: self.patterns(raw.credential.as_ref(), "credential", &names.credentials),
            incident: None,
        }
    }

    fn words<T, U: Ord>(&self, raw: Option<&Spanned<Vec<Spanned<T>>>>, meaning: impl Fn(&T) -> U) -> BTreeSet<U> {
        let Some(list) = raw else { return BTreeSet::new() };
        self.check_filled(list);
        list.value.iter().map(|word| meaning(&word.value)).collect()
    }

    fn patterns(&self, raw: Option<&Spanned<Vec<Spanned<String>>>>, what: &str, known: &BTreeSet<&str>) -> Vec<String> {
        let Some(list) = raw else { return Vec::new() };
        self.check_filled(list);
        for pattern in &list.value {
            let Ok(globs) = Globs::try_new(vec![pattern.value.clone()]) else {
                let message = format!("this pattern of an {what} is too large");
                self.note(Problem::error(ProblemKind::InvalidValue, pattern.place, message));
                continue;
            };
            if known.iter().any(|name| globs.matches(name)) {
                continue;
            }
            let shown = pattern.value.escape_debug();
            if pattern.value.contains(['*', '?']) {
                let message = format!("no {what} matches `{shown}`");
                self.note(Problem::warning(ProblemKind::Unused, pattern.place, message));
            } else {
                let known: Vec<_> = known.iter().copied().collect();
                let help = suggest::help(&pattern.value, &known);
                let message = format!("there is no {what} `{shown}`");
                self.note(Problem::error(ProblemKind::UnknownReference, pattern.place, message).maybe_help(help));
            }
        }
        list.value.iter().map(|pattern| pattern.value.clone()).collect()
    }

    fn check_filled<T>(&self, list: &Spanned<Vec<T>>) {
        if list.value.is_empty() {
            let message = "an empty list takes nothing";
            let help = "leave the key out to take everything";
            self.note(Problem::error(ProblemKind::InvalidValue, list.place, message).help(help));
        }
    }
}
