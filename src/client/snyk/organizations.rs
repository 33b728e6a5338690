//! Groups and their Organizations.

use std::hash::Hash;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::SnykClient;
use super::page::{Document, LinkedPage};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::Listed;

/// A Snyk Group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Its name; hostile text.
    pub name: Option<String>,
}

/// A Snyk Organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its name; hostile text.
    pub name: Option<String>,
    /// Its name in addresses.
    pub slug: Option<String>,
    /// The Group it belongs to.
    pub group_id: Option<Uuid>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Whether it is somebody's own.
    pub is_personal: Option<bool>,
}

#[derive(Deserialize)]
struct Entry {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient::or_default")]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    slug: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    group_id: Option<Uuid>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::flag")]
    is_personal: Option<bool>,
}

impl Listed for Entry {
    fn identity(&self) -> Option<impl Hash> {
        Some(self.id)
    }
}

impl From<Entry> for Group {
    fn from(Entry { id, attributes }: Entry) -> Self {
        Self { id, name: attributes.name }
    }
}

impl From<Entry> for Organization {
    fn from(Entry { id, attributes }: Entry) -> Self {
        let Attributes { name, slug, group_id, created_at, is_personal } = attributes;
        Self { id, name, slug, group_id, created_at, is_personal }
    }
}

impl SnykClient {
    /// Every Group that the token sees.
    pub async fn groups(&self) -> Result<Walk<Group>, Failure> {
        let call = self.get(&["groups"], &[("limit", super::PAGE_SIZE)]);
        Ok(self.rest.walk::<LinkedPage<Entry>>(call, &self.authentication).await?.map(Into::into))
    }

    /// One Group.
    pub async fn group(&self, group: Uuid) -> Result<Answer<Group>, Failure> {
        let call = self.get(&["groups", &group.to_string()], &[]);
        let answer = self.authentication.call::<Document<Entry>>(&self.rest, call).await?;
        Ok(answer.map(|document| document.data.into()))
    }

    /// Every Organization of a Group.
    pub async fn group_organizations(&self, group: Uuid) -> Result<Walk<Organization>, Failure> {
        let call = self.get(&["groups", &group.to_string(), "orgs"], &[("limit", super::PAGE_SIZE)]);
        Ok(self.rest.walk::<LinkedPage<Entry>>(call, &self.authentication).await?.map(Into::into))
    }

    /// One Organization. 404 means missing or not visible.
    pub async fn organization(&self, organization: Uuid) -> Result<Answer<Organization>, Failure> {
        let call = self.get(&["orgs", &organization.to_string()], &[]);
        let answer = self.authentication.call::<Document<Entry>>(&self.rest, call).await?;
        Ok(answer.map(|document| document.data.into()))
    }
}
