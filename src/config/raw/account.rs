//! The `snyk` and `credentials` sections as a file writes them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::daemon::RawHttp;
use super::spanned::Spanned;
use super::value::{ApiUrl, RawInstant, RawUuid};

/// Where a secret is found. It never stands in the configuration itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawSecret {
    /// A file that holds the secret alone. A relative name is looked for among systemd's credentials
    /// (`LoadCredential=`) first, then beside the configuration file.
    File(String),
    /// An environment variable.
    Env(String),
}

/// One Snyk token at one Snyk API.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSnyk {
    /// Snyk's region. Default SNYK-US-01.
    pub(crate) region: Option<Spanned<RawRegion>>,
    /// The API in place of a region's (a private region, a sandbox), without `/rest`.
    pub(crate) api_url: Option<Spanned<ApiUrl>>,
    /// An API token, a personal access token, or the token of a service account.
    pub(crate) token: Option<Spanned<RawSecret>>,
    /// The label of the token in Snyk, where it is one of several personal access tokens of a user. Without it the one
    /// that ends first counts.
    pub(crate) token_label: Option<Spanned<String>>,
    /// A service account with OAuth 2, in place of a token.
    pub(crate) oauth: Option<Spanned<RawSnykOauth>>,
    /// The word before the token in its header. Default `token`.
    pub(crate) scheme: Option<Spanned<RawSnykScheme>>,
    /// The version of Snyk's REST API.
    pub(crate) version: Option<Spanned<String>>,
    /// How this API is reached.
    pub(crate) http: Option<Spanned<RawHttp>>,
}

/// A service account with OAuth 2.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSnykOauth {
    /// The client's id.
    #[schemars(required)]
    pub(crate) client_id: Option<Spanned<RawSecret>>,
    /// The client's secret.
    #[schemars(required)]
    pub(crate) client_secret: Option<Spanned<RawSecret>>,
}

/// Snyk's regions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) enum RawRegion {
    /// <https://api.snyk.io>
    #[serde(rename = "SNYK-US-01")]
    Us01,
    /// <https://api.us.snyk.io>
    #[serde(rename = "SNYK-US-02")]
    Us02,
    /// <https://api.eu.snyk.io>
    #[serde(rename = "SNYK-EU-01")]
    Eu01,
    /// <https://api.au.snyk.io>
    #[serde(rename = "SNYK-AU-01")]
    Au01,
}

/// The word before a Snyk token.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawSnykScheme {
    /// `Authorization: token …`
    Token,
    /// `Authorization: bearer …`
    Bearer,
}

/// One credential at a Git host.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCredential {
    /// An account at Bitbucket Cloud.
    #[schemars(required)]
    pub(crate) bitbucket_cloud: Option<Spanned<RawBitbucketCloud>>,
    /// `integration` for a copy of the PAT that is saved in Snyk, `observer` for a read-only token of the same account.
    #[schemars(required)]
    pub(crate) role: Option<RawRole>,
    /// When it ends, where nobody else can tell. A date means 00:00 UTC.
    pub(crate) expires_at: Option<RawInstant>,
    /// When it was last renewed, where nobody else can tell.
    pub(crate) rotated_at: Option<Spanned<RawInstant>>,
    /// The team to ask.
    pub(crate) owner: Option<String>,
    /// How its API is reached.
    pub(crate) http: Option<Spanned<RawHttp>>,
}

/// What a credential is used for.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawRole {
    /// A copy of the PAT that is saved in Snyk.
    Integration,
    /// A read-only token of the same account.
    Observer,
}

/// An account at Bitbucket Cloud: exactly one of `api_token`, `access_token`, `oauth` and `app_password`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBitbucketCloud {
    /// An Atlassian API token with scopes.
    pub(crate) api_token: Option<Spanned<RawApiToken>>,
    /// A repository, project or workspace access token.
    pub(crate) access_token: Option<Spanned<RawAccessToken>>,
    /// An OAuth consumer.
    pub(crate) oauth: Option<Spanned<RawBitbucketOauth>>,
    /// An app password. Atlassian has retired them.
    pub(crate) app_password: Option<Spanned<RawAppPassword>>,
    /// The API in place of `https://api.bitbucket.org`, without `/2.0`.
    pub(crate) api_url: Option<ApiUrl>,
    /// Where to ask Atlassian when an API token ends.
    pub(crate) atlassian_admin: Option<Spanned<RawAtlassianAdmin>>,
}

/// An Atlassian API token with scopes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawApiToken {
    /// The account's e-mail address.
    #[schemars(required)]
    pub(crate) email: Option<Spanned<String>>,
    /// The token.
    #[schemars(required)]
    pub(crate) token: Option<Spanned<RawSecret>>,
    /// How it is sent. Default `basic`.
    pub(crate) scheme: Option<RawApiTokenScheme>,
}

/// How an API token is sent.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawApiTokenScheme {
    /// With the e-mail address, as Atlassian documents it.
    Basic,
    /// Alone.
    Bearer,
}

/// A repository, project or workspace access token.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAccessToken {
    /// The token.
    #[schemars(required)]
    pub(crate) token: Option<Spanned<RawSecret>>,
}

/// An OAuth consumer with client credentials.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBitbucketOauth {
    /// The consumer's key.
    #[schemars(required)]
    pub(crate) key: Option<Spanned<RawSecret>>,
    /// The consumer's secret.
    #[schemars(required)]
    pub(crate) secret: Option<Spanned<RawSecret>>,
}

/// An app password.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAppPassword {
    /// The Bitbucket user name (not the e-mail address).
    #[schemars(required)]
    pub(crate) username: Option<Spanned<String>>,
    /// The app password.
    #[schemars(required)]
    pub(crate) password: Option<Spanned<RawSecret>>,
}

/// Atlassian's administration API, which lists the API tokens of an organisation's accounts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAtlassianAdmin {
    /// The organisation's id.
    #[schemars(required)]
    pub(crate) org_id: Option<RawUuid>,
    /// An API key of the organisation with the scope `read:tokens:admin`.
    #[schemars(required)]
    pub(crate) api_key: Option<Spanned<RawSecret>>,
    /// The token's label, to find it among others of the account.
    pub(crate) label: Option<String>,
    /// The account's e-mail address. Default: that of the API token.
    pub(crate) email: Option<String>,
    /// The API in place of `https://api.atlassian.com`.
    pub(crate) api_url: Option<ApiUrl>,
}
