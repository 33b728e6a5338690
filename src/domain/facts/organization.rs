//! What is found about one Snyk Organization.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::names::{GroupId, OrganizationId, RepositoryId};

/// Whether the Snyk token may read a Group or an Organization. Found only after `/self` answered in the same round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// It may.
    Granted {
        /// The name Snyk shows; hostile text.
        name: Option<String>,
        /// The Group that an Organization says it belongs to.
        group: Option<GroupId>,
        /// When an Organization was created.
        created_at: Option<DateTime<Utc>>,
    },
    /// Conclusively not: 403, or Snyk's 404 that hides what may not be seen.
    Denied {
        /// The HTTP status.
        status: u16,
    },
}

/// One Organization of the Group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationListing {
    /// Snyk's id.
    pub id: OrganizationId,
    /// Its name; hostile text.
    pub name: String,
    /// Its slug, for links into Snyk.
    pub slug: Option<String>,
}

/// Whether the Organization has an integration of the watched type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationPresence {
    /// It has.
    Present {
        /// Snyk's id of the integration.
        id: String,
        /// It is the SCM's app (`bitbucket-connect-app`), not a token.
        via_app: bool,
        /// How many integrations of any type the Organization has.
        integrations: usize,
    },
    /// The complete list is empty.
    Absent,
    /// The complete list has others and does not have it.
    AbsentBeside {
        /// How many others.
        others: usize,
    },
}

impl IntegrationPresence {
    /// Whether the complete list does not have it.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::AbsentBeside { .. })
    }

    /// Whether the Organization has no integration of another type.
    pub fn is_single(&self) -> bool {
        matches!(self, Self::Present { integrations: 0 | 1, .. } | Self::Absent)
    }
}

/// Imported repositories and their projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationImports {
    /// Every target of the watched type, empty ones included.
    pub targets: Vec<Target>,
    /// Every project of the watched origin.
    pub projects: Vec<Project>,
}

/// An imported repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Snyk's id.
    pub id: String,
    /// `workspace/slug`; hostile text.
    pub name: String,
    /// Normalised URL, where Snyk gives one.
    pub url: Option<String>,
    /// When it was imported.
    pub created_at: Option<DateTime<Utc>>,
}

/// A Snyk project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Snyk's id.
    pub id: String,
    /// Id of its target.
    pub target: Option<String>,
    /// Whether Snyk calls it active.
    pub active: bool,
    /// How often it is tested.
    pub frequency: TestFrequency,
    /// Whether its pull requests are checked, where the project says so itself; `None`: as the Organization's
    /// integration does.
    pub pull_request_checks: Option<bool>,
    /// When it was added.
    pub created_at: Option<DateTime<Utc>>,
    /// When Snyk last tested it.
    pub last_test: LastTest,
}

/// How often a project is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestFrequency {
    /// Once in 24 hours.
    Daily,
    /// Once in 7 days.
    Weekly,
    /// Not at all.
    Never,
    /// Snyk does not tell.
    Untold,
}

/// What Snyk tells of a project's last test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastTest {
    /// It was then.
    At(DateTime<Utc>),
    /// It was never tested: Snyk has its counts of issues and no time of them.
    Never,
    /// Snyk does not tell: the answer has no counts of issues.
    Untold,
}

impl LastTest {
    /// When, where that is told.
    pub fn at(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::Never | Self::Untold => None,
        }
    }
}

/// Whether the integration checks pull requests by default; a switch that Snyk does not tell is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestChecks {
    /// Of Open Source.
    pub open_source: Option<bool>,
    /// Of Snyk Code.
    pub code: Option<bool>,
}

/// An Organization that left the Group, as the Group's audit log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedOrganization {
    /// Snyk's id.
    pub id: OrganizationId,
    /// Its name; hostile text.
    pub name: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Snyk's id of who did it.
    pub user_id: Option<String>,
}

/// The Organization's audit log, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditEvents {
    /// The log was read completely from `from` to the observation.
    Complete {
        /// Start of what was read.
        from: DateTime<Utc>,
        /// Oldest first.
        events: Vec<AuditEvent>,
    },
    /// The token may not read the log.
    NotReadable,
}

/// One event of the Organization's audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: AuditEventKind,
    /// Which integration, where the event says so.
    pub integration_id: Option<String>,
    /// Which type of integration, where the event says so.
    pub source_type: Option<String>,
    /// Snyk's id of who did it; events of Snyk's own machinery have none.
    pub user_id: Option<String>,
    /// Which project or target, for events about one.
    pub about: Option<String>,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEventKind {
    /// `org.integration.create`
    Created,
    /// `org.integration.edit`
    Edited,
    /// `org.integration.delete`
    Deleted,
    /// `org.integration.settings.edit`
    SettingsEdited,
    /// `org.project.delete`, `org.project.remove`
    ProjectDeleted,
    /// `org.project.stop_monitor`
    ProjectDeactivated,
    /// `org.project.settings.edit`, `org.project.edit`, `org.project.pr_check.edit`
    ProjectEdited,
    /// `org.target.delete`
    TargetDeleted,
}

/// Sampled webhooks of imported repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSample {
    /// The sample.
    pub checks: Vec<WebhookCheck>,
    /// How many imported repositories it was drawn from.
    pub drawn_from: u64,
}

/// One sampled repository's webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCheck {
    /// The SCM's id, where known.
    pub repository: Option<RepositoryId>,
    /// `workspace/slug`.
    pub full_name: String,
    /// What was found.
    pub state: WebhookState,
}

/// What a repository's webhooks are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhookState {
    /// One matches the Snyk pattern and is active.
    Installed,
    /// One matches the Snyk pattern and is switched off.
    Inactive,
    /// The list was readable and none matches.
    Missing {
        /// Whether there are webhooks with URLs that the pattern does not know.
        others: bool,
    },
    /// The account may not read this repository's webhooks.
    NoAdminRights,
    /// The repository is gone or hidden.
    RepositoryNotFound,
}
