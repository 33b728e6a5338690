//! Atlassian's organisation admin API: the only place where the expiry of an Atlassian API token can be read, and only by
//! an administrator's key. Outside facts: `docs/apis/bitbucket-cloud.md`, under sources of expiry.
//!
//! It lists the tokens of managed accounts. Which of them is the one in use is for the caller to tell, by label and
//! e-mail address: the list knows no part of a token.

use std::hash::Hash;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::allowed::HostRole;
use super::answer::{Failure, Walk, lenient};
use super::exchange::{
    Authentication, Authorization, Call, ClientContext, Connection, Listed, Next, OddField, Page, PageParts,
};
use super::http::HttpBuildError;

/// The public API.
pub const DEFAULT_API_URL: &str = "https://api.atlassian.com";

/// What an [`AtlassianAdminClient`] is made of.
#[derive(Debug, Clone)]
pub struct AtlassianAdminOptions {
    /// The base URL, see [`DEFAULT_API_URL`].
    pub api_url: Url,
    /// The organisation's id.
    pub organization_id: String,
    /// An organisation API key with the scope `read:tokens:admin`.
    pub api_key: SecretString,
}

/// Asks the organisation admin API, with one key.
#[derive(Debug, Clone)]
pub struct AtlassianAdminClient {
    api: Connection,
    authentication: Authentication,
    organization_id: String,
}

/// An API token of a managed account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedToken {
    /// Its id.
    pub id: String,
    /// The name its owner gave it; hostile text.
    pub label: Option<String>,
    /// Whether it may be used.
    pub status: ManagedTokenStatus,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it ends; `None` when it does not.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_active_at: Option<DateTime<Utc>>,
    /// The e-mail address of its owner.
    pub owner_email: Option<String>,
    /// The Atlassian account of its owner.
    pub owner_account_id: Option<String>,
}

/// Whether a managed token may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedTokenStatus {
    /// It may.
    Allowed,
    /// An administrator blocked it.
    Blocked,
    /// A word we do not know, or none.
    Other(String),
}

#[derive(Deserialize)]
struct TokenPage {
    data: Vec<Entry>,
    #[serde(default, deserialize_with = "lenient::given")]
    links: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    #[serde(default, deserialize_with = "lenient::text")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::time")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::time")]
    last_active_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    user: Owner,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    email: Option<String>,
}

impl Listed for Entry {
    fn identity(&self) -> Option<impl Hash> {
        Some(&self.id)
    }
}

impl Page for TokenPage {
    type Item = Entry;

    fn into_parts(self) -> PageParts<Entry> {
        PageParts { items: self.data, next: next_of(self.links.as_ref()), total: None, unreadable: 0 }
    }
}

/// The last page has no `next` in its `links`. It is documented as a value for `cursor`; a link is taken as a link.
fn next_of(links: Option<&Value>) -> Result<Option<Next>, OddField> {
    let links = match links {
        Some(Value::Object(links)) => links,
        // Whether `links` always comes is documented nowhere.
        None => return Ok(None),
        Some(other) => return Err(OddField { name: "links", found: lenient::kind_of(other) }),
    };
    match links.get("next") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(next)) if next.is_empty() => Ok(None),
        Some(Value::String(next)) if next.contains("://") || next.starts_with(['/', '?']) => {
            Ok(Some(Next::Link(next.clone())))
        }
        Some(Value::String(next)) => Ok(Some(Next::Cursor("cursor", next.clone()))),
        Some(other) => Err(OddField { name: "links.next", found: lenient::kind_of(other) }),
    }
}

impl From<Entry> for ManagedToken {
    fn from(entry: Entry) -> Self {
        let status = match entry.status.unwrap_or_default().as_str() {
            "ALLOWED" => ManagedTokenStatus::Allowed,
            "BLOCKED" => ManagedTokenStatus::Blocked,
            other => ManagedTokenStatus::Other(other.to_owned()),
        };
        Self {
            id: entry.id,
            label: entry.label,
            status,
            created_at: entry.created_at,
            expires_at: entry.expires_at,
            last_active_at: entry.last_active_at,
            owner_email: entry.user.email,
            owner_account_id: entry.user.id,
        }
    }
}

impl AtlassianAdminClient {
    /// Makes the client; nothing is sent yet.
    pub fn new(options: AtlassianAdminOptions, context: ClientContext) -> Result<Self, HttpBuildError> {
        let redactor = context.secrets.redactor([options.api_key.clone()]);
        let api = Connection::try_new(context, HostRole::AtlassianAdmin, &options.api_url, redactor)?;
        let authentication = Authentication::Fixed(Authorization::with_scheme("Bearer", &options.api_key));
        Ok(Self { api, authentication, organization_id: options.organization_id })
    }

    /// Every API token of the organisation's managed accounts. 403: the key lacks the scope `read:tokens:admin`.
    pub async fn api_tokens(&self) -> Result<Walk<ManagedToken>, Failure> {
        let path = ["admin", "api-access", "v1", "orgs", &self.organization_id, "api-tokens"];
        let mut url = self.api.target.url(path);
        url.query_pairs_mut().append_pair("pageSize", "1000");
        let call = Call::get(url, "application/json");
        Ok(self.api.walk::<TokenPage>(call, &self.authentication).await?.map(Into::into))
    }
}

#[cfg(test)]
mod tests;
