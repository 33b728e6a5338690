//! The `credentials` section: one entry per secret at the Git host.

use chrono::{DateTime, Utc};
use url::Url;
use uuid::Uuid;

use super::http::HttpSettings;
use super::secrets::SecretSource;
use super::token::TokenKind;
use crate::domain::kinds::{Role, Scm};
use crate::domain::names::CredentialName;

/// Bitbucket Cloud's API (see `docs/apis/bitbucket-cloud.md`). Without `/2.0`.
pub const BITBUCKET_CLOUD_API_ROOT: &str = "https://api.bitbucket.org";
/// Atlassian's administration API, asked when a token expires.
pub const ATLASSIAN_API_ROOT: &str = "https://api.atlassian.com";

/// An Atlassian API token (see `docs/apis/bitbucket-cloud.md`).
pub const API_TOKEN: TokenKind = TokenKind { what: "an Atlassian API token", prefix: Some("ATATT") };
/// A repository, project or workspace access token.
pub const ACCESS_TOKEN: TokenKind = TokenKind { what: "an access token", prefix: Some("ATCTT") };
/// A key or secret of an OAuth consumer.
pub const OAUTH: TokenKind = TokenKind { what: "an OAuth consumer's key or secret", prefix: None };
/// An app password; older ones have no prefix.
pub const APP_PASSWORD: TokenKind = TokenKind { what: "an app password", prefix: None };
/// A key of Atlassian's administration API.
pub const ADMIN_KEY: TokenKind = TokenKind { what: "an organisation's API key", prefix: None };

/// One credential at a Git host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its key in the configuration.
    pub name: CredentialName,
    /// Which host it belongs to, and how it is sent.
    pub account: ScmAccount,
    /// Whether it is the PAT saved in Snyk or a read-only stand-in.
    pub role: Role,
    /// The declared end of its life; used when nobody else can tell.
    pub expires_at: Option<DateTime<Utc>>,
    /// The declared instant of its last rotation.
    pub rotated_at: Option<DateTime<Utc>>,
    /// The team to ask, copied into messages.
    pub owner: Option<String>,
    /// How to reach the API.
    pub http: HttpSettings,
}

impl Credential {
    /// The Git host it belongs to.
    pub const fn scm(&self) -> Scm {
        match self.account {
            ScmAccount::BitbucketCloud(_) => Scm::BitbucketCloud,
        }
    }

    /// Every secret it needs, the administration key included.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let ScmAccount::BitbucketCloud(account) = &self.account;
        let mut secrets = account.auth.secrets();
        secrets.extend(account.atlassian_admin.as_ref().map(|admin| &admin.api_key));
        secrets
    }
}

/// The account at a Git host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScmAccount {
    /// Bitbucket Cloud.
    BitbucketCloud(BitbucketCloudAccount),
}

/// An account at Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitbucketCloudAccount {
    /// How it proves who it is.
    pub auth: BitbucketAuth,
    /// The API in place of Bitbucket's own (a sandbox, a gateway), without `/2.0`, without trailing slash.
    pub api_url: Option<Url>,
    /// Where to ask when the token expires.
    pub atlassian_admin: Option<AtlassianAdmin>,
}

impl BitbucketCloudAccount {
    /// The root of the API, to which `/2.0` is appended.
    pub fn api_root(&self) -> &str {
        self.api_url.as_ref().map_or(BITBUCKET_CLOUD_API_ROOT, |url| url.as_str().trim_end_matches('/'))
    }
}

/// How an account proves who it is to Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BitbucketAuth {
    /// An Atlassian API token with scopes: what Snyk calls the PAT.
    ApiToken {
        /// The Atlassian account's e-mail address.
        email: String,
        /// The token.
        token: SecretSource,
        /// How it is sent.
        scheme: ApiTokenScheme,
    },
    /// A repository, project or workspace access token.
    AccessToken {
        /// The token.
        token: SecretSource,
    },
    /// An OAuth consumer with client credentials.
    Oauth {
        /// The consumer's key.
        key: SecretSource,
        /// The consumer's secret.
        secret: SecretSource,
    },
    /// An app password: retired by Atlassian, kept so that its failure is named.
    AppPassword {
        /// The Bitbucket user name (not the e-mail address).
        username: String,
        /// The app password.
        password: SecretSource,
    },
}

impl BitbucketAuth {
    /// The kind as named in the configuration and in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ApiToken { .. } => "api_token",
            Self::AccessToken { .. } => "access_token",
            Self::Oauth { .. } => "oauth",
            Self::AppPassword { .. } => "app_password",
        }
    }

    /// What its secrets look like.
    pub const fn token_kind(&self) -> TokenKind {
        match self {
            Self::ApiToken { .. } => API_TOKEN,
            Self::AccessToken { .. } => ACCESS_TOKEN,
            Self::Oauth { .. } => OAUTH,
            Self::AppPassword { .. } => APP_PASSWORD,
        }
    }

    /// The secret that makes up a version of this credential.
    pub const fn secret(&self) -> &SecretSource {
        match self {
            Self::ApiToken { token, .. } | Self::AccessToken { token } => token,
            Self::Oauth { secret, .. } => secret,
            Self::AppPassword { password, .. } => password,
        }
    }

    /// Every secret it needs.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        match self {
            Self::Oauth { key, secret } => vec![key, secret],
            _ => vec![self.secret()],
        }
    }
}

/// How an API token is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiTokenScheme {
    /// `Basic email:token`, as Atlassian documents it.
    #[default]
    Basic,
    /// `Bearer token`.
    Bearer,
}

/// Where to ask Atlassian when an API token expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtlassianAdmin {
    /// The Atlassian organisation.
    pub org_id: Uuid,
    /// An organisation API key with the scope `read:tokens:admin`.
    pub api_key: SecretSource,
    /// The token's label, to find it among others of the account.
    pub label: Option<String>,
    /// The account's e-mail address; that of the API token unless given.
    pub email: Option<String>,
    /// The administration API in place of Atlassian's own, without trailing slash.
    pub api_url: Option<Url>,
}

impl AtlassianAdmin {
    /// The root of the administration API.
    pub fn api_root(&self) -> &str {
        self.api_url.as_ref().map_or(ATLASSIAN_API_ROOT, |url| url.as_str().trim_end_matches('/'))
    }
}
