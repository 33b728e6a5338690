//! Other addresses that people linked to a repository of the Inventory. Early access: it may be missing (403, 404), and
//! then no alias is known.

use serde::Deserialize;
use uuid::Uuid;

use super::page::{Resource, UnlinkedPage};
use super::{PAGE_SIZE, SnykClient};
use crate::client::answer::{Failure, Walk, lenient};

/// One more address of a repository. A repository with several has one of these for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryAlias {
    /// The address by which the Inventory knows the repository. Hostile text.
    pub url: String,
    /// The address that stands for the same repository. Hostile text.
    pub alias: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "lenient::text")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    new_url: Option<String>,
}

impl SnykClient {
    /// Every alias of the Group's repositories. One without both addresses says nothing and is counted in
    /// [`Walk::unreadable`].
    pub async fn repository_aliases(&self, group: Uuid) -> Result<Walk<RepositoryAlias>, Failure> {
        let path = ["groups", &group.to_string(), "assets", "repository", "aliases"];
        let call = self.get(&path, &[("limit", PAGE_SIZE)]);
        // Its description leaves `links` out at will.
        let walk = self.rest.walk::<UnlinkedPage<Resource<Attributes>>>(call, &self.authentication).await?;
        Ok(walk.filter_map(|Resource { attributes: Attributes { url, new_url }, .. }| {
            Some(RepositoryAlias { url: url?, alias: new_url? })
        }))
    }
}
