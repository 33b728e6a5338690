//! What a person who is paged reads, as data: every receiver renders it in its own form.
//!
//! All texts are plain, in UTC, and may contain hostile names (set in Snyk or the SCM): whoever renders one escapes it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::kinds::{Level, Scm, Source};
use super::names::{CredentialName, IntegrationName};

/// The text of a notification, independent of who receives it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// One line, such as `CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)`.
    pub title: String,
    /// What, since when, how bad.
    pub summary: String,
    /// What the verdict rests on.
    pub evidence: Vec<Claim>,
    /// What was looked at and is not the cause.
    pub ruled_out: Vec<String>,
    /// The last change before the onset: an audit event, a rotation, a reload.
    pub last_change: Option<String>,
    /// What to do next, and who has the right for it.
    pub next_step: String,
    /// When the fix will be noticed.
    pub noticed: Option<String>,
    /// Names of what a person has to visit; the first few.
    pub members: Vec<String>,
    /// How many more there are.
    pub more_members: usize,
    /// The incident that turned out to be its cause, as `rule/subject`.
    pub cause: Option<String>,
    /// When snykwatch did not run, where that bears on the problem.
    pub gap: Option<Gap>,
    /// Where to look, best first: the status page, the runbook, the pages of Snyk and the SCM.
    pub links: Vec<Link>,
    /// What it is about, to route and to group by.
    pub labels: PageLabels,
}

/// A claim with its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// One sentence.
    pub text: String,
    /// Who says so.
    pub source: Source,
    /// When it was observed; `None` for what is declared.
    pub observed_at: Option<DateTime<Utc>>,
}

/// A time in which nobody watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last commit before it.
    pub from: DateTime<Utc>,
    /// When watching began again.
    pub to: DateTime<Utc>,
}

impl std::fmt::Display for Gap {
    /// One clause: `snykwatch did not run from … to …`, in UTC.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const FORM: &str = "%Y-%m-%d %H:%M UTC";
        write!(formatter, "snykwatch did not run from {} to {}", self.from.format(FORM), self.to.format(FORM))
    }
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What is there.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// What a notification is about: closed words and configuration keys, never hostile text. They follow from the subject and
/// the configuration alone, whatever is affected: with some receivers they are an alert's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLabels {
    /// The integration, where it is about one.
    pub integration: Option<IntegrationName>,
    /// The credential, where it is about one.
    pub credential: Option<CredentialName>,
    /// The highest level that hangs on its subject, by the configuration.
    pub level: Option<Level>,
    /// The Git host.
    pub scm: Option<Scm>,
    /// Who is responsible, as the configuration says.
    pub owner: Option<String>,
}
