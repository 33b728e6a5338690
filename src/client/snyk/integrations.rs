//! The integrations of an Organization: V1 is what works; REST was there for a while and may be gone.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::page::{LinkedPage, Resource};
use super::{JSON, PAGE_SIZE, SnykClient};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::Call;

/// An integration as REST tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestIntegration {
    /// Its id.
    pub id: String,
    /// Its kind: `bitbucket-cloud`, `github`, …
    pub integration_type: Option<String>,
    /// The name of its profile.
    pub profile_name: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last saved.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The pull-request switches of an integration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IntegrationSettings {
    /// Whether pull requests are tested.
    #[serde(deserialize_with = "lenient::flag")]
    pub pull_request_test_enabled: Option<bool>,
    /// Whether pull requests are tested by Snyk Code.
    #[serde(deserialize_with = "lenient::flag")]
    pub pull_request_test_code_enabled: Option<bool>,
    /// Whether Dockerfiles are found.
    #[serde(rename = "dockerfileSCMEnabled", deserialize_with = "lenient::flag")]
    pub dockerfile_scm_enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "lenient::text")]
    integration_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    profile_name: Option<String>,
    #[serde(deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "lenient::time")]
    updated_at: Option<DateTime<Utc>>,
}

impl From<Resource<Attributes>> for RestIntegration {
    fn from(Resource { id, attributes, .. }: Resource<Attributes>) -> Self {
        let Attributes { integration_type, profile_name, created_at, updated_at } = attributes;
        Self { id, integration_type, profile_name, created_at, updated_at }
    }
}

impl SnykClient {
    /// The integrations of an Organization by kind, with their ids (V1). Presence proves no working credential.
    pub async fn integrations(&self, organization: Uuid) -> Result<Answer<BTreeMap<String, String>>, Failure> {
        let url = self.v1.target.url(["org", &organization.to_string(), "integrations"]);
        let answer = self.authentication.call::<BTreeMap<String, Value>>(&self.v1, Call::get(url, JSON)).await?;
        // Any object looks like a map of kinds; what tells of an error, or holds no ids, lists no integrations.
        let is_id = |id: &Value| id.is_string() || id.is_null();
        let tells_error = |kind: &str| matches!(kind, "error" | "errors" | "message" | "code" | "ok");
        if answer.value.iter().any(|(kind, id)| tells_error(kind) || !is_id(id)) {
            return Err(Failure::of_another_shape("no map of integrations", answer.meta));
        }
        Ok(answer.map(|kinds| {
            let text = |(kind, id): (String, Value)| Some((kind, id.as_str()?.to_owned()));
            kinds.into_iter().filter_map(text).collect()
        }))
    }

    /// The settings of one integration (V1).
    pub async fn integration_settings(
        &self,
        organization: Uuid,
        integration: &str,
    ) -> Result<Answer<IntegrationSettings>, Failure> {
        let url = self.v1.target.url(["org", &organization.to_string(), "integrations", integration, "settings"]);
        self.authentication.call(&self.v1, Call::get(url, JSON)).await
    }

    /// The integrations of an Organization as REST tells them; an endpoint that was announced and withdrawn.
    pub async fn rest_integrations(&self, organization: Uuid) -> Result<Walk<RestIntegration>, Failure> {
        let call = self.get(&["orgs", &organization.to_string(), "integrations"], &[("limit", PAGE_SIZE)]);
        Ok(self.rest.walk::<LinkedPage<Resource<Attributes>>>(call, &self.authentication).await?.map(Into::into))
    }
}
