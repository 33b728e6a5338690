//! The repository assets of a Group: what discovery found. Two endpoints with two shapes; which of them answers, and
//! with which fields, is for the probe to find out.

use std::hash::Hash;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::{Counted, Resource, UnlinkedPage};
use super::{JSON, PAGE_SIZE, SnykClient};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::{Call, Listed};

/// An asset as `assets/search` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchedAsset {
    /// Its id.
    pub id: String,
    /// Whether it was removed.
    pub is_removed: bool,
    /// The repository's name.
    pub name: Option<String>,
    /// Its address for cloning.
    pub repository_url: Option<String>,
    /// Its address in a browser.
    pub browse_url: Option<String>,
    /// Whether it is archived.
    pub is_archived: Option<bool>,
    /// Who found it: `snyk`, or a Git host's family.
    pub sources: Vec<String>,
    /// Why it was removed.
    pub removed_reasons: Vec<RemovedReason>,
    /// Whether it has application context, as a Backstage catalog gives; `None` when the answer does not say.
    pub has_application_context: Option<bool>,
    /// When it came.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last moved.
    pub updated_at: Option<DateTime<Utc>>,
}

/// Why an asset was removed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RemovedReason {
    /// `repo-archived`, `repo-deleted`, `org-level-inactive`, `snyk-project-deleted`, `deleted-profile`.
    pub reason: String,
    /// When.
    #[serde(default, deserialize_with = "lenient::time")]
    pub removed_at: Option<DateTime<Utc>>,
}

/// An asset as `inventory/assets` tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct InventoryAsset {
    /// Its id.
    pub id: String,
    /// `repositories`, `container_images`, …; hosts differ in which they list.
    pub kind: Option<String>,
    /// The repository's name.
    pub name: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// The Git host's own id of it.
    pub scm_id: Option<String>,
    /// The workspace or organisation on the Git host.
    pub scm_organization: Option<String>,
    /// The project on the Git host.
    pub scm_project: Option<String>,
    /// Whether it is archived.
    pub is_archived: Option<bool>,
    /// Whether it is empty.
    pub is_empty: Option<bool>,
    /// Whether it is somebody's own.
    pub is_personal: Option<bool>,
    /// When something was last pushed, as Snyk knows.
    pub pushed_at: Option<DateTime<Utc>>,
    /// When it was last synchronised from the Git host.
    pub last_sync: Option<DateTime<Utc>>,
    /// When any source last confirmed it.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whether it has application context, as a Backstage catalog gives; `None` when the answer does not say.
    pub has_application_context: Option<bool>,
    /// When it came.
    pub created_at: Option<DateTime<Utc>>,
    /// When it last moved.
    pub updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct SearchedEntry {
    #[serde(default, deserialize_with = "lenient::flag")]
    removed: Option<bool>,
    #[serde(flatten)]
    resource: Resource<SearchedAttributes>,
}

impl Listed for SearchedEntry {
    fn identity(&self) -> Option<impl Hash> {
        self.resource.identity()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SearchedAttributes {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    repository_url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    browse_url: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    archived: Option<bool>,
    #[serde(deserialize_with = "lenient::list")]
    sources: Vec<String>,
    #[serde(deserialize_with = "lenient::list")]
    removed_reasons: Vec<RemovedReason>,
    #[serde(deserialize_with = "lenient::given")]
    app_context: Option<Value>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InventoryAttributes {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    scm_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    scm_organization: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    scm_project: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    archived: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    is_empty: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    is_personal: Option<bool>,
    #[serde(deserialize_with = "lenient::time")]
    pushed_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    last_sync: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    last_seen_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::given")]
    org_context: Option<Value>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    updated_at: Option<DateTime<Utc>>,
}

fn equal(attribute: &str, value: impl Into<Value>) -> Value {
    json!({"attribute": attribute, "operator": "equal", "values": [value.into()]})
}

/// Whether a context says anything: `null`, `{}` and objects of nothing but `null` do not.
fn says_something(context: &Value) -> bool {
    match context {
        Value::Null => false,
        Value::Object(fields) => fields.values().any(says_something),
        Value::Array(items) => items.iter().any(says_something),
        Value::String(text) => !text.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl From<SearchedEntry> for SearchedAsset {
    fn from(entry: SearchedEntry) -> Self {
        let SearchedAttributes {
            name,
            repository_url,
            browse_url,
            archived,
            sources,
            removed_reasons,
            app_context,
            created_at,
            updated_at,
        } = entry.resource.attributes;
        Self {
            id: entry.resource.id,
            // Without the flag, why it was removed says that it was.
            is_removed: entry.removed.unwrap_or(!removed_reasons.is_empty()),
            name,
            repository_url,
            browse_url,
            is_archived: archived,
            sources,
            removed_reasons,
            has_application_context: app_context.as_ref().map(says_something),
            created_at,
            updated_at,
        }
    }
}

impl From<Resource<InventoryAttributes>> for InventoryAsset {
    fn from(Resource { id, kind, attributes }: Resource<InventoryAttributes>) -> Self {
        Self {
            id,
            kind,
            name: attributes.name,
            url: attributes.url,
            scm_id: attributes.scm_id,
            scm_organization: attributes.scm_organization,
            scm_project: attributes.scm_project,
            is_archived: attributes.archived,
            is_empty: attributes.is_empty,
            is_personal: attributes.is_personal,
            pushed_at: attributes.pushed_at,
            last_sync: attributes.last_sync,
            last_seen_at: attributes.last_seen_at,
            has_application_context: attributes.org_context.as_ref().map(says_something),
            created_at: attributes.created_at,
            updated_at: attributes.updated_at,
        }
    }
}

impl SnykClient {
    /// Every repository asset of a Group that a search gives without asking for removed ones (look at `is_removed`
    /// nevertheless); with `source`, those of that source only.
    pub async fn repository_assets(&self, group: Uuid, source: Option<&str>) -> Result<Walk<SearchedAsset>, Failure> {
        let source = source.map(|source| equal("sources", source));
        self.search_assets(group, [Some(equal("type", "repository")), source]).await
    }

    /// Every removed repository asset of a Group, with why it was removed.
    pub async fn removed_repository_assets(&self, group: Uuid) -> Result<Walk<SearchedAsset>, Failure> {
        self.search_assets(group, [Some(equal("type", "repository")), Some(equal("removed", true))]).await
    }

    async fn search_assets(&self, group: Uuid, conditions: [Option<Value>; 2]) -> Result<Walk<SearchedAsset>, Failure> {
        let mut conditions: Vec<_> = conditions.into_iter().flatten().collect();
        let attributes = match conditions.pop() {
            // An `and` of one element is rejected.
            Some(only) if conditions.is_empty() => only,
            last => {
                conditions.extend(last);
                json!({"operator": "and", "values": conditions})
            }
        };
        let query = json!({"query": {"attributes": attributes}});
        let path = ["groups", &group.to_string(), "assets", "search"];
        let url = self.get(&path, &[("limit", PAGE_SIZE)]).url;
        // Alone among the REST endpoints it takes plain JSON.
        let call = Call::post(url, super::JSON_API, JSON, query.to_string().into_bytes()).of_group();
        // Its description leaves `links` out at will.
        Ok(self.rest.walk::<UnlinkedPage<SearchedEntry>>(call, &self.authentication).await?.map(Into::into))
    }

    /// Every asset of a Group as `inventory/assets` tells it, whatever its kind. An early-access endpoint: it may be
    /// missing (404), and may list no repositories.
    pub async fn inventory_assets(&self, group: Uuid) -> Result<Walk<InventoryAsset>, Failure> {
        let call = self.get(&["groups", &group.to_string(), "inventory", "assets"], &[("limit", PAGE_SIZE)]);
        // Its description leaves `links` out at will.
        let walk = self.rest.walk::<UnlinkedPage<Resource<InventoryAttributes>>>(call, &self.authentication).await?;
        Ok(walk.map(Into::into))
    }

    /// How many assets `inventory/assets` has; `None` when the answer does not say.
    pub async fn inventory_asset_count(&self, group: Uuid) -> Result<Answer<Option<u64>>, Failure> {
        let call = self.get(&["groups", &group.to_string(), "inventory", "assets"], &[("meta_count", "only")]);
        let answer = self.authentication.call::<Counted>(&self.rest, call).await?;
        Ok(answer.map(|counted| counted.meta.count))
    }
}
