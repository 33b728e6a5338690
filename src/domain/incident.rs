//! Incidents: one problem a person should act on, by rule and subject (the highest cause that holds).

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::kinds::closed_list;
use super::names::{ApiName, CredentialName, IntegrationKey, IntegrationName, OrganizationId, Revision, WorkspaceSlug};
use super::policy::Case;

closed_list! {
    /// The rules, in the order in which causes hold back their symptoms.
    Rule {
        /// Snyk rejects our token: we are blind, scanning goes on.
        SnykTokenInvalid => "SnykTokenInvalid",
        /// Our Snyk token expires soon.
        SnykTokenExpiring => "SnykTokenExpiring",
        /// The SCM rejects an observer's token: we are blind, scanning goes on.
        ObserverRejected => "ObserverRejected",
        /// The SCM rejects the PAT.
        CredentialInvalid => "CredentialInvalid",
        /// One API gives no conclusive answer, or no question arrives at any.
        UpstreamUnreachable => "UpstreamUnreachable",
        /// The PAT lacks a required permission.
        PermissionsMissing => "PermissionsMissing",
        /// The PAT expires soon.
        CredentialExpiring => "CredentialExpiring",
        /// A rotation makes no progress, or the old token's end is near.
        RotationUnfinished => "RotationUnfinished",
        /// The declared expiry passed while the PAT works.
        DeclaredDateOutdated => "DeclaredDateOutdated",
        /// A configured namespace is gone, renamed or not visible.
        NamespaceNotFound => "NamespaceNotFound",
        /// Repositories are seen no more, and nothing tells why.
        RepositoriesVanished => "RepositoriesVanished",
        /// Organizations are listed no more, and nothing tells why.
        OrganizationsVanished => "OrganizationsVanished",
        /// An Organization that the configuration names is in no complete listing.
        OrganizationNotFound => "OrganizationNotFound",
        /// The integration fails for another reason.
        ConnectionFailed => "ConnectionFailed",
        /// A Group integration stays partially connected.
        PartiallyConnected => "PartiallyConnected",
        /// Changes no longer reach the Inventory.
        SyncStalled => "SyncStalled",
        /// An Organization lost its integration or never had a required one.
        OrganizationIntegrationMissing => "OrganizationIntegrationMissing",
        /// The copy of the PAT in Snyk is older than its rotation.
        CredentialOutOfStep => "CredentialOutOfStep",
        /// Scheduled tests do not run.
        TestsStale => "TestsStale",
        /// Scheduled tests or pull request checks were switched off.
        TestsUnscheduled => "TestsUnscheduled",
        /// Nothing was imported.
        NothingImported => "NothingImported",
        /// Imports have no projects.
        ImportsIncomplete => "ImportsIncomplete",
        /// Most projects are inactive.
        ProjectsInactive => "ProjectsInactive",
        /// Projects whose repository is gone, or that nobody ever tests.
        OrphanedProjects => "OrphanedProjects",
        /// Repositories without a webhook.
        WebhooksMissing => "WebhooksMissing",
        /// Catalog files without application context.
        CatalogNotLinked => "CatalogNotLinked",
        /// What the configuration names has nothing to watch.
        NothingToWatch => "NothingToWatch",
        /// The used API version ends.
        ApiVersionEnding => "ApiVersionEnding",
        /// Unknown for other causes.
        StatusUnknown => "StatusUnknown",
        /// Organization problems that existed at first sight.
        Baseline => "Baseline",
    }
}

closed_list! {
    /// How bad; the ordering is from mild to bad.
    Severity {
        /// For the record.
        Info => "info",
        /// A ticket.
        Warning => "warning",
        /// Page now.
        Critical => "critical",
    }
}

/// The cause an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Our own network, the way to every API. It stands before the APIs, whose cause it is.
    Network,
    /// A Snyk token or an SCM credential.
    Credential(CredentialName),
    /// An upstream API.
    Api(ApiName),
    /// A workspace of an integration.
    Workspace(IntegrationName, WorkspaceSlug),
    /// One integration at one level.
    Integration(IntegrationKey),
    /// All Organizations of one configuration key; the incident lists them.
    Organizations(IntegrationName),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => formatter.write_str("network"),
            Self::Credential(name) => write!(formatter, "credential/{name}"),
            Self::Api(name) => write!(formatter, "api/{name}"),
            Self::Workspace(integration, workspace) => write!(formatter, "namespace/{integration}/{workspace}"),
            Self::Integration(key) => match key.organization {
                None => write!(formatter, "integration/{}", key.integration),
                Some(organization) => write!(formatter, "integration/{}/{organization}", key.integration),
            },
            Self::Organizations(name) => write!(formatter, "organizations/{name}"),
        }
    }
}

/// Identity of an incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentKey {
    /// The rule.
    pub rule: Rule,
    /// The cause.
    pub subject: Subject,
}

impl fmt::Display for IncidentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.rule, self.subject)
    }
}

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentPhase {
    /// The rule's condition holds, its time has not come.
    Pending,
    /// Open.
    Open {
        /// Since when.
        opened_at: DateTime<Utc>,
    },
}

/// An incident that is pending or open. A resolved one leaves the state; its end is a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentState {
    /// When its cause began (not when it was opened).
    pub since: DateTime<Utc>,
    /// Pending or open.
    pub phase: IncidentPhase,
    /// How bad, now.
    pub severity: Severity,
    /// One sentence: what, since when, how bad.
    pub summary: String,
    /// What to do next, and who has the right for it.
    pub next_step: String,
    /// Integrations affected (the blast radius).
    pub affected: Vec<IntegrationKey>,
    /// Members of an incident that lists Organizations (or profiles' workspaces): what a person has to visit.
    pub members: Vec<OrganizationId>,
    /// The cause that holds it back while it is pending; once open, the cause that was found after it: linked and quiet,
    /// it still resolves by itself. The cause may be resolved already: a repair gets time to show.
    pub cause: Option<IncidentKey>,
    /// By when the problem gets worse, where that is known (an old token's expiry, an API's end).
    pub deadline: Option<DateTime<Utc>>,
    /// What the rules remember about it from one evaluation to the next.
    #[serde(default)]
    pub tracking: IncidentTracking,
}

/// What the rules remember about an incident from one evaluation to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentTracking {
    /// What its subject was when it began: a namesake's problem is another problem.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// The rule's row that gave the severity; severity falls only when the row changes.
    pub case: Option<Case>,
    /// Closed-list words of what exactly is wrong, such as the missing permissions.
    pub details: Vec<String>,
    /// Every Organization with the problem, listed yet or not, and since when it has it: a blind spot restarts nobody's
    /// timer.
    pub onsets: BTreeMap<OrganizationId, DateTime<Utc>>,
    /// How many integrations were affected when it was last announced (opened or grown).
    pub announced: usize,
    /// How many rows of the ladder towards its date were reached: one that keeps the severity is told all the same.
    #[serde(default)]
    pub step: usize,
    /// For how long nobody watched since it opened, where only the time of trying counts: it grows worse by the rest
    /// (seconds on the wire).
    #[serde(default, with = "super::stored::seconds")]
    pub unwatched: TimeDelta,
}

/// A cause that was removed a while ago. What it held back stays held back until the repair had its time to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedCause {
    /// When it was resolved.
    pub at: DateTime<Utc>,
    /// The row it had.
    pub case: Option<Case>,
    /// What it affected.
    pub affected: Vec<IntegrationKey>,
}

impl IncidentState {
    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, IncidentPhase::Open { .. })
    }
}
