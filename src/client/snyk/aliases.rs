//! Other addresses that people linked to a repository of the Inventory. Early access: it may be missing (403, 404), and
//! then no alias is known.

use std::hash::Hash;

use serde::Deserialize;
use uuid::Uuid;

use super::page::{Resource, UnlinkedPage};
use super::{PAGE_SIZE, SnykClient};
use crate::client::answer::{Failure, Walk, lenient};
use crate::client::exchange::Listed;

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

#[derive(Deserialize)]
#[serde(transparent)]
struct Entry(Resource<Attributes>);

impl Listed for Entry {
    /// The id is that of a document, which may hold several aliases.
    fn identity(&self) -> Option<impl Hash> {
        let Attributes { url, new_url } = &self.0.attributes;
        Some((&self.0.id, url, new_url))
    }
}

impl SnykClient {
    /// Every alias of the Group's repositories. One without both addresses says nothing and is counted in
    /// [`Walk::unreadable`].
    pub async fn repository_aliases(&self, group: Uuid) -> Result<Walk<RepositoryAlias>, Failure> {
        let path = ["groups", &group.to_string(), "assets", "repository", "aliases"];
        let call = self.get(&path, &[("limit", PAGE_SIZE)]);
        // Its description leaves `links` out at will.
        let walk = self.rest.walk::<UnlinkedPage<Entry>>(call, &self.authentication).await?;
        Ok(walk.filter_map(|Entry(Resource { attributes: Attributes { url, new_url }, .. })| {
            Some(RepositoryAlias { url: url?, alias: new_url? })
        }))
    }
}
