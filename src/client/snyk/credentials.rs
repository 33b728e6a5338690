//! Who the token is, and when Snyk tokens expire.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::SnykClient;
use super::page::{Document, LinkedPage, Resource, UnlinkedPage};
use crate::client::answer::{Answer, Failure, Walk, lenient};

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The kind of principal.
    pub kind: IdentityKind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

/// Kinds of principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityKind {
    /// A person.
    User,
    /// A service account.
    ServiceAccount,
    /// A Snyk App.
    AppInstance,
    /// A kind we do not know.
    Other(String),
}

/// A personal access token of the user who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalAccessToken {
    /// Its id.
    pub id: String,
    /// The name its owner gave it.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `api_key`, `access_token`, `oauth_client_secret`, `oauth_private_key_jwt`.
    pub auth_type: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its access token ends; only for `access_token`.
    pub access_token_expires_at: Option<DateTime<Utc>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    label: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    auth_type: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    access_token_expires_at: Option<DateTime<Utc>>,
}

impl From<Resource<Attributes>> for PersonalAccessToken {
    fn from(Resource { id, attributes, .. }: Resource<Attributes>) -> Self {
        Self { id, label: attributes.label, created_at: attributes.created_at, expires_at: attributes.expires_at }
    }
}

impl From<Resource<Attributes>> for ServiceAccount {
    fn from(Resource { id, attributes, .. }: Resource<Attributes>) -> Self {
        Self {
            id,
            name: attributes.name,
            auth_type: attributes.auth_type,
            created_at: attributes.created_at,
            access_token_expires_at: attributes.access_token_expires_at,
        }
    }
}

impl From<Resource<Attributes>> for Identity {
    fn from(Resource { id, kind, attributes }: Resource<Attributes>) -> Self {
        let kind = match kind.as_deref().unwrap_or_default() {
            "user" => IdentityKind::User,
            "service_account" => IdentityKind::ServiceAccount,
            "app_instance" => IdentityKind::AppInstance,
            other => IdentityKind::Other(other.to_owned()),
        };
        Self { kind, id, name: attributes.name }
    }
}

impl SnykClient {
    /// Who we are: the proof that the token is alive.
    pub async fn identity(&self) -> Result<Answer<Identity>, Failure> {
        let call = self.get(&["self"], &[]);
        let answer = self.authentication.call::<Document<Resource<Attributes>>>(&self.rest, call).await?;
        Ok(answer.map(|document| document.data.into()))
    }

    /// The personal access tokens of the user who asks.
    pub async fn personal_access_tokens(&self) -> Result<Walk<PersonalAccessToken>, Failure> {
        let call = self.get(&["self", "personal_access_tokens"], &[("limit", super::PAGE_SIZE)]);
        // Its description leaves `links` out at will.
        let walk = self.rest.walk::<UnlinkedPage<Resource<Attributes>>>(call, &self.authentication).await?;
        Ok(walk.map(Into::into))
    }

    /// The service accounts of a Group.
    pub async fn group_service_accounts(&self, group: Uuid) -> Result<Walk<ServiceAccount>, Failure> {
        self.service_accounts(["groups", &group.to_string(), "service_accounts"]).await
    }

    /// One service account of a Group.
    pub async fn group_service_account(&self, group: Uuid, id: &str) -> Result<Answer<ServiceAccount>, Failure> {
        self.service_account(["groups", &group.to_string(), "service_accounts", id]).await
    }

    /// The service accounts of an Organization.
    pub async fn organization_service_accounts(&self, organization: Uuid) -> Result<Walk<ServiceAccount>, Failure> {
        self.service_accounts(["orgs", &organization.to_string(), "service_accounts"]).await
    }

    /// One service account of an Organization.
    pub async fn organization_service_account(
        &self,
        organization: Uuid,
        id: &str,
    ) -> Result<Answer<ServiceAccount>, Failure> {
        self.service_account(["orgs", &organization.to_string(), "service_accounts", id]).await
    }

    async fn service_accounts(&self, path: [&str; 3]) -> Result<Walk<ServiceAccount>, Failure> {
        let call = self.get(&path, &[("limit", super::PAGE_SIZE)]);
        let walk = self.rest.walk::<LinkedPage<Resource<Attributes>>>(call, &self.authentication).await?;
        Ok(walk.map(Into::into))
    }

    async fn service_account(&self, path: [&str; 4]) -> Result<Answer<ServiceAccount>, Failure> {
        let call = self.get(&path, &[]);
        let answer = self.authentication.call::<Document<Resource<Attributes>>>(&self.rest, call).await?;
        Ok(answer.map(|document| document.data.into()))
    }
}
