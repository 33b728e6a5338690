//! Which incidents something applies to: a route, a silence, a maintenance window.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::incident::{Rule, Severity};
use super::kinds::{Level, Scm};

/// Every field that is not empty must match; an empty matcher matches everything. Patterns know `*` and `?`, and letter
/// case does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// One of these rules.
    pub rules: BTreeSet<Rule>,
    /// One of these severities.
    pub severities: BTreeSet<Severity>,
    /// The highest level that is affected.
    pub levels: BTreeSet<Level>,
    /// The Git host of an affected integration.
    pub scms: BTreeSet<Scm>,
    /// Patterns of the configuration keys of affected integrations.
    pub integrations: Vec<String>,
    /// Patterns of the owners of affected integrations.
    pub owners: Vec<String>,
    /// Patterns of the credential it is about.
    pub credentials: Vec<String>,
    /// One incident, as `rule/subject`.
    pub incident: Option<String>,
}

impl Matcher {
    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
