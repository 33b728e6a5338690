//! What was imported into an Organization: targets (repositories) and their projects (manifests under test).

use std::hash::Hash;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::page::{Counted, LinkedPage, Resource};
use super::{PAGE_SIZE, SnykClient};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::Listed;

/// An imported repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: String,
    /// `workspace/repository`, for Git hosts; hostile text.
    pub display_name: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// When it was imported.
    pub created_at: Option<DateTime<Utc>>,
    /// The integration it came through; none once that was removed.
    pub integration_id: Option<String>,
    /// The kind of that integration.
    pub integration_type: Option<String>,
}

/// A project: one manifest of a target, tested again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: String,
    /// Its name; hostile text.
    pub name: Option<String>,
    /// The kind of integration it came through.
    pub origin: Option<String>,
    /// Whether it is tested at all.
    pub status: Option<ProjectStatus>,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// How often it is tested again; `None` is untold, never [`RecurringTests::Never`].
    pub recurring_tests: Option<RecurringTests>,
    /// Whether its pull requests are tested; `None` is what the integration's settings say, never off.
    pub tests_pull_requests: Option<bool>,
    /// When the latest issue counts were taken: its last test.
    pub tested_at: Option<DateTime<Utc>>,
    /// Whether there are issue counts at all. Counts without a time and no counts are both untold, not late; the first
    /// is an answer that lost a field.
    pub has_issue_counts: bool,
    /// The target it belongs to.
    pub target_id: Option<String>,
}

/// Whether a project is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// Tested.
    Active,
    /// Not tested; deactivated by a person or because its integration went.
    #[serde(alias = "INACTIVE", alias = "Inactive")]
    Inactive,
}

/// How often a project is tested again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecurringTests {
    /// Each day.
    #[serde(alias = "DAILY", alias = "Daily")]
    Daily,
    /// Each week.
    #[serde(alias = "WEEKLY", alias = "Weekly")]
    Weekly,
    /// Not by itself.
    #[serde(alias = "NEVER", alias = "Never")]
    Never,
}

/// `{"data": {"id", "attributes": {"integration_type"}}}`, each part of which may be null.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Relationship {
    #[serde(deserialize_with = "lenient::or_default")]
    data: Related,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Related {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    attributes: RelatedAttributes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RelatedAttributes {
    #[serde(deserialize_with = "lenient::text")]
    integration_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Relationships {
    #[serde(deserialize_with = "lenient::or_default")]
    integration: Relationship,
    #[serde(deserialize_with = "lenient::or_default")]
    target: Relationship,
}

#[derive(Deserialize)]
struct TargetEntry {
    #[serde(default, deserialize_with = "lenient::or_default")]
    relationships: Relationships,
    #[serde(flatten)]
    resource: Resource<TargetAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TargetAttributes {
    #[serde(deserialize_with = "lenient::text")]
    display_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct ProjectEntry {
    #[serde(default, deserialize_with = "lenient::or_default")]
    relationships: Relationships,
    #[serde(default, deserialize_with = "lenient::or_default")]
    meta: ProjectMeta,
    #[serde(flatten)]
    resource: Resource<ProjectAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProjectMeta {
    #[serde(deserialize_with = "lenient::or_default")]
    latest_issue_counts: Option<IssueCounts>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IssueCounts {
    #[serde(deserialize_with = "lenient::time")]
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProjectAttributes {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    origin: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    status: Option<ProjectStatus>,
    #[serde(deserialize_with = "lenient::time")]
    created: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::or_default")]
    settings: ProjectSettings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProjectSettings {
    #[serde(deserialize_with = "lenient::or_default")]
    recurring_tests: RecurringTestsSetting,
    #[serde(deserialize_with = "lenient::or_default")]
    pull_requests: PullRequestsSetting,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullRequestsSetting {
    #[serde(deserialize_with = "lenient::flag")]
    is_enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RecurringTestsSetting {
    #[serde(deserialize_with = "lenient::or_default")]
    frequency: Option<RecurringTests>,
}

impl Listed for TargetEntry {
    fn identity(&self) -> Option<impl Hash> {
        self.resource.identity()
    }
}

impl Listed for ProjectEntry {
    fn identity(&self) -> Option<impl Hash> {
        self.resource.identity()
    }
}

impl From<TargetEntry> for Target {
    fn from(TargetEntry { relationships, resource }: TargetEntry) -> Self {
        Self {
            id: resource.id,
            display_name: resource.attributes.display_name,
            url: resource.attributes.url,
            created_at: resource.attributes.created_at,
            integration_id: relationships.integration.data.id,
            integration_type: relationships.integration.data.attributes.integration_type,
        }
    }
}

impl From<ProjectEntry> for Project {
    fn from(ProjectEntry { relationships, meta, resource }: ProjectEntry) -> Self {
        Self {
            id: resource.id,
            name: resource.attributes.name,
            origin: resource.attributes.origin,
            status: resource.attributes.status,
            created: resource.attributes.created,
            recurring_tests: resource.attributes.settings.recurring_tests.frequency,
            tests_pull_requests: resource.attributes.settings.pull_requests.is_enabled,
            has_issue_counts: meta.latest_issue_counts.is_some(),
            tested_at: meta.latest_issue_counts.and_then(|counts| counts.updated_at),
            target_id: relationships.target.data.id,
        }
    }
}

impl SnykClient {
    /// Every target of an Organization that came through these kinds of integration, those without a project included.
    pub async fn targets(&self, organization: Uuid, source_types: &[&str]) -> Result<Walk<Target>, Failure> {
        let types = source_types.join(",");
        let mut parameters = vec![("limit", PAGE_SIZE), ("exclude_empty", "false")];
        if !types.is_empty() {
            parameters.push(("source_types", &types));
        }
        let call = self.get(&["orgs", &organization.to_string(), "targets"], &parameters);
        Ok(self.rest.walk::<LinkedPage<TargetEntry>>(call, &self.authentication).await?.map(Into::into))
    }

    /// Every project of an Organization that came through these kinds of integration, with the time of its last test.
    pub async fn projects(&self, organization: Uuid, origins: &[&str]) -> Result<Walk<Project>, Failure> {
        let origins = origins.join(",");
        let mut parameters = vec![("limit", PAGE_SIZE), ("meta.latest_issue_counts", "true")];
        if !origins.is_empty() {
            parameters.push(("origins", &origins));
        }
        let call = self.get(&["orgs", &organization.to_string(), "projects"], &parameters);
        Ok(self.rest.walk::<LinkedPage<ProjectEntry>>(call, &self.authentication).await?.map(Into::into))
    }

    /// How many projects of these origins there are; `None` when the answer does not say.
    pub async fn project_count(&self, organization: Uuid, origins: &[&str]) -> Result<Answer<Option<u64>>, Failure> {
        let origins = origins.join(",");
        let mut parameters = vec![("meta_count", "only")];
        if !origins.is_empty() {
            parameters.push(("origins", &origins));
        }
        let call = self.get(&["orgs", &organization.to_string(), "projects"], &parameters);
        let answer = self.authentication.call::<Counted>(&self.rest, call).await?;
        Ok(answer.map(|counted| counted.meta.count))
    }
}
