//! Snyk's REST and V1 APIs, as far as we read them. Outside facts: `docs/apis/snyk.md`.
//!
//! One [`SnykClient`] per Snyk token. REST calls carry the pinned version; what the answer says about it is in
//! [`AnswerMeta::version`](super::answer::AnswerMeta). Lists are walked to their end. Only what identifies an item is
//! required of it; everything else is optional, because live payloads differ from their description.
//!
//! There is no call for the status of a Group integration: Snyk has none. That status is derived, elsewhere.

mod aliases;
mod assets;
mod audit;
mod credentials;
mod imports;
mod integrations;
mod organizations;
mod page;
mod region;
mod token;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub use self::aliases::RepositoryAlias;
pub use self::assets::{InventoryAsset, RemovedReason, SearchedAsset};
pub use self::audit::{AuditEvent, AuditLog, LogCursor, LogPart, LogStart, SettingsChange};
pub use self::credentials::{Identity, IdentityKind, PersonalAccessToken, ServiceAccount};
pub use self::imports::{Project, ProjectStatus, RecurringTests, Target};
pub use self::integrations::{IntegrationSettings, RestIntegration};
pub use self::organizations::{Group, Organization};
pub use self::region::Region;
pub use self::token::{TokenKind, TokenShape, token_host, token_shape};

use super::allowed::HostRole;
use super::exchange::{Authentication, Authorization, Call, ClientContext, ClientGrant, Connection, RefusedSecret};
use super::http::HttpBuildError;

/// The REST version we ask for unless configured otherwise; from 2024-10-15 on, one date covers every endpoint.
pub const DEFAULT_VERSION: &str = "2026-03-25";

const JSON_API: &str = "application/vnd.api+json";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Items a page; the most that REST lists give.
const PAGE_SIZE: &str = "100";

/// The same as a number: a page of so many is a full one.
const PAGE_ITEMS: usize = 100;

/// How the client authenticates.
#[derive(Debug, Clone)]
pub enum SnykAuth {
    /// An API token of a user or a service account.
    Token {
        /// The token.
        token: SecretString,
        /// How it is sent.
        scheme: TokenScheme,
    },
    /// A service account with OAuth client credentials.
    OAuthClient {
        /// Not a secret.
        client_id: String,
        /// The secret.
        client_secret: SecretString,
    },
    /// Its secret was refused when it was read: nothing is asked.
    Refused(RefusedSecret),
}

/// The scheme of the `Authorization` header of an API token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenScheme {
    /// `token`, as documented for API tokens.
    #[default]
    Token,
    /// `bearer`, as documented for OAuth and said to be needed by some tokens.
    Bearer,
}

/// What a [`SnykClient`] is made of.
#[derive(Debug, Clone)]
pub struct SnykOptions {
    /// The root of the API host, see [`Region::api_url`]; `/rest` or `/v1` at its end is ignored.
    pub api_url: Url,
    /// The REST version, see [`DEFAULT_VERSION`].
    pub version: String,
    /// How to authenticate.
    pub auth: SnykAuth,
}

/// Asks Snyk, with one token.
#[derive(Debug, Clone)]
pub struct SnykClient {
    rest: Connection,
    v1: Connection,
    version: String,
    authentication: Authentication,
    token_shape: Option<TokenShape>,
}

impl SnykClient {
    /// Makes the client; nothing is sent yet.
    pub fn new(options: SnykOptions, context: ClientContext) -> Result<Self, HttpBuildError> {
        let root = root_of(&options.api_url);
        let secret = match &options.auth {
            SnykAuth::Token { token, .. } => Some(token.clone()),
            SnykAuth::OAuthClient { client_secret, .. } => Some(client_secret.clone()),
            SnykAuth::Refused(_) => None,
        };
        let redactor = context.secrets.redactor(secret);
        let below = |path: &str| {
            let mut base = root.clone();
            base.set_path(&format!("{}{path}", root.path().trim_end_matches('/')));
            base
        };
        let (authentication, token_shape) = match &options.auth {
            SnykAuth::Token { token, scheme } => {
                let scheme = match scheme {
                    TokenScheme::Token => "token",
                    TokenScheme::Bearer => "bearer",
                };
                let authorization = Authorization::with_scheme(scheme, token);
                (Authentication::Fixed(authorization), Some(token_shape(token)))
            }
            SnykAuth::OAuthClient { client_id, client_secret } => {
                let oauth = Connection::try_new(context.clone(), HostRole::SnykOAuth, &root, redactor.clone())?;
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "client_credentials")
                    .append_pair("client_id", client_id)
                    .append_pair("client_secret", client_secret.expose_secret())
                    .finish();
                let request = Call::post(oauth.target.url(["oauth2", "token"]), JSON, FORM, form.into_bytes());
                let grant = ClientGrant::new(oauth, request, Authorization::none());
                (Authentication::Grant(grant.into()), None)
            }
            SnykAuth::Refused(refused) => (Authentication::Refused(refused.clone()), None),
        };
        Ok(Self {
            rest: Connection::try_new(context.clone(), HostRole::SnykRest, &below("/rest"), redactor.clone())?,
            v1: Connection::try_new(context, HostRole::SnykV1, &below("/v1"), redactor)?,
            version: options.version,
            authentication,
            token_shape,
        })
    }

    /// What the token itself says about where it is valid; `None` for OAuth, and where there is no token.
    pub fn token_shape(&self) -> Option<&TokenShape> {
        self.token_shape.as_ref()
    }

    /// The host that the token names, when it is another one than this client asks: then a 401 means the wrong region.
    pub fn foreign_token_host(&self) -> Option<&str> {
        let named = self.token_shape.as_ref()?.host.as_deref()?;
        (!named.eq_ignore_ascii_case(self.rest.target.host())).then_some(named)
    }

    fn get(&self, path: &[&str], parameters: &[(&str, &str)]) -> Call {
        let mut url = self.rest.target.url(path.iter().copied());
        url.query_pairs_mut().append_pair("version", &self.version).extend_pairs(parameters);
        let call = Call::get(url, JSON_API);
        // Everything else is asked of an Organization, of which there are many.
        if matches!(path.first(), Some(&("groups" | "self"))) { call.of_group() } else { call }
    }
}

/// The root of the host, whichever of its APIs the URL names.
fn root_of(api_url: &Url) -> Url {
    let mut root = api_url.clone();
    let path = root.path().trim_end_matches('/');
    let path = path.strip_suffix("/rest").or_else(|| path.strip_suffix("/v1")).unwrap_or(path).to_owned();
    root.set_path(&path);
    root
}

#[cfg(test)]
mod tests;
