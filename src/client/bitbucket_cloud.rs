//! Bitbucket Cloud's API, as far as we read it. Outside facts: `docs/apis/bitbucket-cloud.md`.
//!
//! One [`BitbucketCloudClient`] per credential. Every answer, 403 included, tells what the credential may do
//! ([`AnswerMeta::credential`](super::answer::AnswerMeta), read with [`GrantedScopes`]), so one call to
//! [`BitbucketCloudClient::user`] says whether it is valid and what it may do.
//!
//! Names of workspaces and repositories are one path segment each, whatever they hold; UUIDs keep their braces, encoded.
//! Nothing is ever written, not even to prove that writing would work.

mod page;
mod repositories;
pub mod scopes;
mod user;
mod workspaces;

use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use url::Url;

use self::page::{SizedPage, ValuesPage};
pub use self::repositories::{Hook, MainBranch, Repository, SourceEntry};
pub use self::scopes::{GrantedScopes, Scope, Vocabulary};
pub use self::user::{User, WorkspaceAccess};
pub use self::workspaces::{Permission, Workspace};

use super::allowed::HostRole;
use super::answer::{Answer, Failure, Walk};
use super::exchange::{
    Authentication, Authorization, Call, ClientContext, ClientGrant, Connection, Listed, RefusedSecret,
};
use super::http::HttpBuildError;

/// The host of the public API.
pub const DEFAULT_API_URL: &str = "https://api.bitbucket.org";
/// The host of the public OAuth token endpoint.
pub const DEFAULT_OAUTH_URL: &str = "https://bitbucket.org";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Items a page; the most that most lists give.
const PAGE_SIZE: &str = "100";

/// How the client authenticates.
#[derive(Debug, Clone)]
pub enum BitbucketCloudAuth {
    /// An API token of an Atlassian account.
    ApiToken {
        /// The account's e-mail address.
        email: String,
        /// The token.
        token: SecretString,
        /// How it is sent.
        scheme: ApiTokenScheme,
    },
    /// An access token of a repository, project or workspace.
    AccessToken {
        /// The token.
        token: SecretString,
    },
    /// An OAuth consumer of a workspace.
    OAuthConsumer {
        /// Not a secret.
        key: String,
        /// The secret.
        secret: SecretString,
    },
    /// An app password. Bitbucket Cloud removed them; kept to say so.
    AppPassword {
        /// The Bitbucket user name.
        username: String,
        /// The app password.
        password: SecretString,
    },
    /// Its secret was refused when it was read: nothing is asked.
    Refused(RefusedSecret),
}

impl BitbucketCloudAuth {
    fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::ApiToken { token: secret, .. }
            | Self::AccessToken { token: secret }
            | Self::OAuthConsumer { secret, .. }
            | Self::AppPassword { password: secret, .. } => Some(secret),
            Self::Refused(_) => None,
        }
    }
}

/// How an API token is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiTokenScheme {
    /// With the e-mail address, as documented.
    #[default]
    Basic,
    /// Alone.
    Bearer,
}

/// What a [`BitbucketCloudClient`] is made of.
#[derive(Debug, Clone)]
pub struct BitbucketCloudOptions {
    /// The root of the API host, see [`DEFAULT_API_URL`]; `/2.0` at its end is ignored.
    pub api_url: Url,
    /// The host of the OAuth token endpoint, see [`DEFAULT_OAUTH_URL`]; asked for an OAuth consumer only.
    pub oauth_url: Url,
    /// How to authenticate.
    pub auth: BitbucketCloudAuth,
}

/// Asks Bitbucket Cloud, with one credential.
#[derive(Debug, Clone)]
pub struct BitbucketCloudClient {
    api: Connection,
    authentication: Authentication,
}

/// The beginning of a list, and how long it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstPage<T> {
    /// The items of the first page.
    pub items: Vec<T>,
    /// The total, when the answer states it.
    pub total: Option<u64>,
    /// Whether there are more pages.
    pub has_more: bool,
}

impl BitbucketCloudClient {
    /// Makes the client; nothing is sent yet.
    pub fn new(options: BitbucketCloudOptions, context: ClientContext) -> Result<Self, HttpBuildError> {
        let BitbucketCloudOptions { api_url, oauth_url, auth } = options;
        let redactor = context.secrets.redactor(auth.secret().cloned());
        let authentication = match auth {
            BitbucketCloudAuth::ApiToken { email, token, scheme: ApiTokenScheme::Basic } => {
                Authentication::Fixed(Authorization::basic(&email, &token))
            }
            BitbucketCloudAuth::ApiToken { token, scheme: ApiTokenScheme::Bearer, .. }
            | BitbucketCloudAuth::AccessToken { token } => {
                Authentication::Fixed(Authorization::with_scheme("Bearer", &token))
            }
            BitbucketCloudAuth::AppPassword { username, password } => {
                Authentication::Fixed(Authorization::basic(&username, &password))
            }
            BitbucketCloudAuth::OAuthConsumer { key, secret } => {
                let role = HostRole::BitbucketCloudOAuth;
                let oauth = Connection::try_new(context.clone(), role, &oauth_url, redactor.clone())?;
                let url = oauth.target.url(["site", "oauth2", "access_token"]);
                let request = Call::post(url, JSON, FORM, b"grant_type=client_credentials".to_vec());
                Authentication::Grant(ClientGrant::new(oauth, request, Authorization::basic(&key, &secret)).into())
            }
            BitbucketCloudAuth::Refused(refused) => Authentication::Refused(refused),
        };
        let api = Connection::try_new(context, HostRole::BitbucketCloud, &base_of(&api_url), redactor)?;
        Ok(Self { api, authentication })
    }

    fn get(&self, path: &[&str], parameters: &[(&str, &str)]) -> Call {
        let mut url = self.api.target.url(path.iter().copied());
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        Call::get(url, JSON)
    }

    async fn one<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<T>, Failure> {
        self.authentication.call(&self.api, call).await
    }

    async fn list<T: DeserializeOwned + Listed>(&self, call: Call) -> Result<Walk<T>, Failure> {
        self.api.walk::<ValuesPage<T>>(call, &self.authentication).await
    }

    async fn first_page<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<FirstPage<T>>, Failure> {
        let Answer { value: page, meta } = self.one::<SizedPage<T>>(call).await?;
        match page.has_more() {
            Ok(has_more) => Ok(Answer { value: FirstPage { items: page.values, total: page.size, has_more }, meta }),
            Err(odd) => Err(Failure::of_an_odd_page(odd.name, odd.found, meta)),
        }
    }

    /// A list of which only the permission to read it matters.
    async fn may_read(&self, call: Call) -> Result<Answer<()>, Failure> {
        Ok(self.one::<ValuesPage<IgnoredAny>>(call).await?.map(|_| ()))
    }
}

/// Kinds of tokens, as their first letters tell. Serves to explain, never to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `ATATT3x…`: an API token of an Atlassian account.
    ApiToken,
    /// `ATCTT3x…`: an access token of a repository, project or workspace.
    AccessToken,
    /// Anything else.
    Unknown,
}

impl TokenKind {
    /// The kind that a token's first letters tell.
    pub fn of(token: &SecretString) -> Self {
        let token = token.expose_secret().trim_start();
        if token.starts_with("ATATT3x") {
            Self::ApiToken
        } else if token.starts_with("ATCTT3x") {
            Self::AccessToken
        } else {
            Self::Unknown
        }
    }
}

/// Where version 2.0 of the API begins.
fn base_of(api_url: &Url) -> Url {
    let mut base = api_url.clone();
    let path = base.path().trim_end_matches('/');
    let root = path.strip_suffix("/2.0").unwrap_or(path);
    base.set_path(&format!("{root}/2.0"));
    base
}

#[cfg(test)]
mod tests;
