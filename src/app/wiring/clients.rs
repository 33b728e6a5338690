//! Clients with their secrets and budgets. A secret that is refused makes a client that asks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Supplies, Wiring, WiringError};
use crate::app::fleet::{ATLASSIAN_ADMIN, scm_api, secret_of, snyk_api};
use crate::app::held::{HeldSecret, HeldSecrets};
use crate::client::atlassian_admin::{AtlassianAdminClient, AtlassianAdminOptions};
use crate::client::bitbucket_cloud::{ApiTokenScheme, BitbucketCloudAuth, BitbucketCloudOptions};
use crate::client::budget::{BudgetLimits, RequestBudget};
use crate::client::http::{HttpClient, HttpOptions};
use crate::client::snyk::{SnykAuth, SnykClient, SnykOptions, TokenScheme};
use crate::client::{ClientContext, RefusedSecret};
use crate::config::credential::{self, AtlassianAdmin, BitbucketAuth, Credential, ScmAccount};
use crate::config::http::HttpSettings;
use crate::config::secrets::{SecretReadError, SecretSource, TokenVersion};
use crate::config::snyk::{self as snyk_config, SnykEntry};
use crate::config::token::TokenKind;
use crate::domain::names::{ApiName, CredentialName};
use crate::probe::scm::ScmProbes;
use crate::probe::scm::bitbucket_cloud::{AdminListing, BitbucketCloudTarget};

/// Where Bitbucket Cloud grants OAuth tokens (`docs/apis/bitbucket-cloud.md`).
const BITBUCKET_SITE_ROOT: &str = "https://bitbucket.org";

/// Makes clients; equal HTTP settings share one transport.
pub(super) struct Builder<'a> {
    supplies: &'a Supplies,
    before: Option<&'a Wiring>,
    /// The secrets of the clients that are made by now.
    pub(super) held: HeldSecrets,
    /// Their budgets.
    pub(super) budgets: BTreeMap<CredentialName, RequestBudget>,
    transports: Vec<(HttpSettings, HttpClient)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(supplies: &'a Supplies, before: Option<&'a Wiring>) -> Self {
        Self { supplies, before, held: HeldSecrets::new(), budgets: BTreeMap::new(), transports: Vec::new() }
    }

    pub(super) fn snyk_client(&mut self, entry: &SnykEntry) -> Result<SnykClient, WiringError> {
        let name = &entry.name;
        let auth = match self.snyk_auth(entry) {
            Ok(auth) => auth,
            Err(error) => SnykAuth::Refused(self.refuse(name, error)?),
        };
        let options = SnykOptions { api_url: address(name, entry.api.root())?, version: entry.version.clone(), auth };
        let context = self.context(&snyk_api(name), name, &entry.http, BudgetLimits::snyk)?;
        SnykClient::new(options, context).map_err(|source| WiringError::Http { name: name.clone(), source })
    }

    fn snyk_auth(&mut self, entry: &SnykEntry) -> Result<SnykAuth, SecretReadError> {
        let (name, kind) = (&entry.name, snyk_config::SNYK_TOKEN);
        Ok(match &entry.auth {
            snyk_config::SnykAuth::Token { token, scheme } => SnykAuth::Token {
                token: self.secret_with_version(name, token, kind)?,
                scheme: match scheme {
                    snyk_config::SnykScheme::Token => TokenScheme::Token,
                    snyk_config::SnykScheme::Bearer => TokenScheme::Bearer,
                },
            },
            snyk_config::SnykAuth::Oauth { client_id, client_secret } => SnykAuth::OAuthClient {
                client_id: client_id.read_token(kind)?.expose_secret().to_owned(),
                client_secret: self.secret_with_version(name, client_secret, kind)?,
            },
        })
    }

    pub(super) fn scm_probes(&mut self, credential: &Credential) -> Result<Arc<dyn ScmProbes>, WiringError> {
        let ScmAccount::BitbucketCloud(account) = &credential.account;
        let name = &credential.name;
        let admin = account.atlassian_admin.as_ref();
        let key = admin.map(|admin| admin.api_key.read_token(credential::ADMIN_KEY)).transpose();
        let (auth, key) = match (self.bitbucket_auth(credential, &account.auth), key) {
            (Ok(auth), Ok(key)) => (auth, key),
            // What the administrators' key tells of the token saved in Snyk is as true as before.
            (Err(error), Ok(key)) => (BitbucketCloudAuth::Refused(self.refuse(name, error)?), key),
            (_, Err(error)) => (BitbucketCloudAuth::Refused(self.refuse(name, error)?), None),
        };
        let options = BitbucketCloudOptions {
            api_url: address(name, account.api_root())?,
            // The site that grants OAuth tokens stands beside the public API; elsewhere one address is both.
            oauth_url: address(name, account.api_url.as_ref().map_or(BITBUCKET_SITE_ROOT, |url| url.as_str()))?,
            auth,
        };
        let context = self.context(&scm_api(credential), name, &credential.http, BudgetLimits::bitbucket_cloud)?;
        let listing = admin.zip(key).map(|(admin, key)| self.admin_listing(credential, admin, key)).transpose()?;
        let target = BitbucketCloudTarget::new(options, context, listing);
        Ok(Arc::new(target.map_err(|source| WiringError::Http { name: name.clone(), source })?))
    }

    fn bitbucket_auth(
        &mut self,
        credential: &Credential,
        auth: &BitbucketAuth,
    ) -> Result<BitbucketCloudAuth, SecretReadError> {
        let kind = auth.token_kind();
        let secret = self.secret_with_version(&credential.name, secret_of(credential), kind)?;
        Ok(match auth {
            BitbucketAuth::ApiToken { email, scheme, .. } => BitbucketCloudAuth::ApiToken {
                email: email.clone(),
                token: secret,
                scheme: match scheme {
                    credential::ApiTokenScheme::Basic => ApiTokenScheme::Basic,
                    credential::ApiTokenScheme::Bearer => ApiTokenScheme::Bearer,
                },
            },
            BitbucketAuth::AccessToken { .. } => BitbucketCloudAuth::AccessToken { token: secret },
            BitbucketAuth::Oauth { key, .. } => {
                BitbucketCloudAuth::OAuthConsumer { key: key.read_token(kind)?.expose_secret().to_owned(), secret }
            }
            BitbucketAuth::AppPassword { username, .. } => {
                BitbucketCloudAuth::AppPassword { username: username.clone(), password: secret }
            }
        })
    }

    fn admin_listing(
        &mut self,
        credential: &Credential,
        admin: &AtlassianAdmin,
        api_key: SecretString,
    ) -> Result<AdminListing, WiringError> {
        let name = &credential.name;
        let options = AtlassianAdminOptions {
            api_url: address(name, admin.api_root())?,
            organization_id: admin.org_id.to_string(),
            api_key,
        };
        let http = self.transport(name, &credential.http)?;
        let budget = RequestBudget::new(BudgetLimits::atlassian_admin(), &self.supplies.clock);
        let context = self.context_with(&ApiName::new(ATLASSIAN_ADMIN), http, budget);
        let client = AtlassianAdminClient::new(options, context);
        let client = client.map_err(|source| WiringError::Http { name: name.clone(), source })?;
        Ok(AdminListing { client, label: admin.label.clone(), email: admin.email.clone() })
    }

    fn context(
        &mut self,
        api: &ApiName,
        name: &CredentialName,
        http: &HttpSettings,
        limits: fn() -> BudgetLimits,
    ) -> Result<ClientContext, WiringError> {
        let kept = self.before.and_then(|before| before.budgets.get(name)).cloned();
        let budget = kept.unwrap_or_else(|| RequestBudget::new(limits(), &self.supplies.clock));
        self.budgets.insert(name.clone(), budget.clone());
        let http = self.transport(name, http)?;
        Ok(self.context_with(api, http, budget))
    }

    fn context_with(&self, api: &ApiName, http: HttpClient, budget: RequestBudget) -> ClientContext {
        ClientContext {
            api: api.to_string(),
            http,
            budget,
            clock: self.supplies.clock.clone(),
            telemetry: Arc::clone(&self.supplies.telemetry),
            secrets: self.supplies.secrets.clone(),
        }
    }

    fn transport(&mut self, name: &CredentialName, settings: &HttpSettings) -> Result<HttpClient, WiringError> {
        if let Some((_, known)) = self.transports.iter().find(|(known, _)| known == settings) {
            return Ok(known.clone());
        }
        let options = HttpOptions {
            proxy: settings.proxy.clone(),
            no_proxy: settings.no_proxy.clone(),
            ca_file: settings.ca_file.clone(),
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            ..HttpOptions::default()
        };
        let client = HttpClient::build(&options).map_err(|source| WiringError::Http { name: name.clone(), source })?;
        self.transports.push((settings.clone(), client.clone()));
        Ok(client)
    }

    fn secret_with_version(
        &mut self,
        name: &CredentialName,
        source: &SecretSource,
        kind: TokenKind,
    ) -> Result<SecretString, SecretReadError> {
        let secret = source.read_token(kind)?;
        let version = TokenVersion::of(&secret, &self.supplies.version_key);
        self.held.insert(name.clone(), HeldSecret::Version(version.as_str().to_owned()));
        Ok(secret)
    }

    /// A credential that nothing is asked with: at the start, and while that is so. What is in force is not given up for
    /// a secret that is none.
    fn refuse(&mut self, name: &CredentialName, error: SecretReadError) -> Result<RefusedSecret, WiringError> {
        if self.before.is_some_and(|before| before.refusal_of(name).is_none()) {
            return Err(WiringError::Secret { name: name.clone(), source: error });
        }
        let why = crate::app::chain(&error);
        self.held.insert(name.clone(), HeldSecret::Refused(why.clone()));
        Ok(RefusedSecret(why))
    }
}

fn address(name: &CredentialName, text: &str) -> Result<Url, WiringError> {
    Url::parse(text).map_err(|source| WiringError::Address { name: name.clone(), text: text.to_owned(), source })
}
