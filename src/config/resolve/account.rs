//! Resolves the `snyk` and `credentials` sections.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Resolver;
use crate::config::credential::{
    ACCESS_TOKEN, ADMIN_KEY, API_TOKEN, APP_PASSWORD, ApiTokenScheme, AtlassianAdmin, BitbucketAuth,
    BitbucketCloudAccount, Credential, OAUTH, ScmAccount,
};
use crate::config::http::HttpSettings;
use crate::config::problem::{Place, Problem, ProblemKind};
use crate::config::raw::Named;
use crate::config::raw::account::{
    RawApiTokenScheme, RawAtlassianAdmin, RawBitbucketCloud, RawCredential, RawRegion, RawRole, RawSnyk, RawSnykScheme,
};
use crate::config::raw::spanned::Spanned;
use crate::config::snyk::{DEFAULT_API_VERSION, Region, SNYK_TOKEN, SnykApi, SnykAuth, SnykEntry, SnykScheme};
use crate::config::suggest;
use crate::domain::kinds::Role;
use crate::domain::names::CredentialName;

impl Resolver<'_> {
    pub(super) fn snyk_entries(
        &self,
        section: &Named<RawSnyk>,
        http: &HttpSettings,
    ) -> BTreeMap<CredentialName, Arc<SnykEntry>> {
        let mut entries = BTreeMap::new();
        for (name, raw) in section {
            self.check_name(name);
            let name = CredentialName::new(&name.value);
            if let Some(auth) = self.snyk_auth(&raw.value, raw.place, &name) {
                let entry = SnykEntry {
                    name: name.clone(),
                    api: self.snyk_api(&raw.value),
                    auth,
                    token_label: self.token_label(&raw.value),
                    version: self.api_version(raw.value.version.as_ref()),
                    http: self.http(raw.value.http.as_ref(), http),
                };
                entries.insert(name, Arc::new(entry));
            }
        }
        entries
    }

    fn snyk_api(&self, raw: &RawSnyk) -> SnykApi {
        match (&raw.region, &raw.api_url) {
            (region, Some(url)) => {
                if region.is_some() {
                    self.conflict(url.place, &["region", "api_url"]);
                }
                SnykApi::Url(url.value.0.clone())
            }
            (region, None) => SnykApi::Region(match region.as_ref().map(|region| region.value) {
                None | Some(RawRegion::Us01) => Region::Us01,
                Some(RawRegion::Us02) => Region::Us02,
                Some(RawRegion::Eu01) => Region::Eu01,
                Some(RawRegion::Au01) => Region::Au01,
            }),
        }
    }

    fn snyk_auth(&self, raw: &RawSnyk, place: Place, name: &CredentialName) -> Option<SnykAuth> {
        if let (Some(_), Some(oauth)) = (&raw.token, &raw.oauth) {
            self.conflict(oauth.place, &["token", "oauth"]);
        }
        if let (Some(_), Some(scheme)) = (&raw.oauth, &raw.scheme) {
            self.note(
                Problem::error(ProblemKind::ConflictingKeys, scheme.place, "`scheme` belongs to `token`")
                    .help("OAuth tokens are always sent as `bearer`; remove it"),
            );
        }
        if let Some(token) = &raw.token {
            let scheme = match raw.scheme.as_ref().map(|scheme| scheme.value) {
                None | Some(RawSnykScheme::Token) => SnykScheme::Token,
                Some(RawSnykScheme::Bearer) => SnykScheme::Bearer,
            };
            return Some(SnykAuth::Token { token: self.token(token, SNYK_TOKEN, name), scheme });
        }
        let Some(oauth) = &raw.oauth else {
            self.missing_choice(place, &["token", "oauth"]);
            return None;
        };
        let client_id = self.need(oauth.value.client_id.as_ref(), oauth.place, "client_id");
        let client_secret = self.need(oauth.value.client_secret.as_ref(), oauth.place, "client_secret");
        Some(SnykAuth::Oauth {
            client_id: self.token(client_id?, SNYK_TOKEN, name),
            client_secret: self.token(client_secret?, SNYK_TOKEN, name),
        })
    }

    fn token_label(&self, raw: &RawSnyk) -> Option<String> {
        let label = raw.token_label.as_ref()?;
        if raw.oauth.is_some() {
            self.note(
                Problem::error(ProblemKind::ConflictingKeys, label.place, "`token_label` belongs to `token`")
                    .help("OAuth clients have no personal access tokens; remove it"),
            );
        }
        Some(label.value.clone())
    }

    fn api_version(&self, version: Option<&Spanned<String>>) -> String {
        let Some(version) = version else { return DEFAULT_API_VERSION.to_owned() };
        let (date, stability) = version.value.split_once('~').unwrap_or((&version.value, "ga"));
        if date.parse::<chrono::NaiveDate>().is_err() || !matches!(stability, "ga" | "beta" | "experimental") {
            let message = format!("`{}` is no version of Snyk's REST API", version.value);
            let help = format!("write a date such as {DEFAULT_API_VERSION}, perhaps with ~beta or ~experimental");
            self.note(Problem::error(ProblemKind::InvalidValue, version.place, message).help(help));
        }
        version.value.clone()
    }

    pub(super) fn credentials(
        &self,
        section: &Named<RawCredential>,
        http: &HttpSettings,
    ) -> BTreeMap<CredentialName, Arc<Credential>> {
        let mut credentials = BTreeMap::new();
        for (name, raw) in section {
            self.check_name(name);
            let name = CredentialName::new(&name.value);
            let (place, raw) = (raw.place, &raw.value);
            let account = self.need(raw.bitbucket_cloud.as_ref(), place, "bitbucket_cloud");
            let account = account.and_then(|account| self.bitbucket_cloud(&account.value, account.place, &name));
            let role = self.need(raw.role.as_ref(), place, "role");
            if let Some(rotated_at) = &raw.rotated_at {
                self.check_past("rotated_at", rotated_at);
            }
            let http = self.http(raw.http.as_ref(), http);
            if let (Some(account), Some(role)) = (account, role) {
                let credential = Credential {
                    name: name.clone(),
                    account: ScmAccount::BitbucketCloud(account),
                    role: match role {
                        RawRole::Integration => Role::Integration,
                        RawRole::Observer => Role::Observer,
                    },
                    expires_at: raw.expires_at.as_ref().map(|instant| instant.0),
                    rotated_at: raw.rotated_at.as_ref().map(|instant| instant.value.0),
                    owner: raw.owner.clone(),
                    http,
                };
                credentials.insert(name, Arc::new(credential));
            }
        }
        credentials
    }

    fn bitbucket_cloud(
        &self,
        raw: &RawBitbucketCloud,
        place: Place,
        name: &CredentialName,
    ) -> Option<BitbucketCloudAccount> {
        const KINDS: [&str; 4] = ["api_token", "access_token", "oauth", "app_password"];
        let places = [
            raw.api_token.as_ref().map(|kind| kind.place),
            raw.access_token.as_ref().map(|kind| kind.place),
            raw.oauth.as_ref().map(|kind| kind.place),
            raw.app_password.as_ref().map(|kind| kind.place),
        ];
        let mut given = places.iter().flatten();
        if given.next().is_none() {
            self.missing_choice(place, &KINDS);
        }
        for second in given {
            self.conflict(*second, &KINDS);
        }
        let email =
            raw.api_token.as_ref().and_then(|token| token.value.email.as_ref()).map(|email| email.value.clone());
        let admin =
            raw.atlassian_admin.as_ref().and_then(|admin| self.atlassian_admin(&admin.value, admin.place, email, name));
        Some(BitbucketCloudAccount {
            auth: self.bitbucket_auth(raw, name)?,
            api_url: raw.api_url.as_ref().map(|url| url.0.clone()),
            atlassian_admin: admin,
        })
    }

    fn bitbucket_auth(&self, raw: &RawBitbucketCloud, name: &CredentialName) -> Option<BitbucketAuth> {
        if let Some(Spanned { value: kind, place }) = &raw.api_token {
            let email = self.need(kind.email.as_ref(), *place, "email");
            let token = self.need(kind.token.as_ref(), *place, "token").map(|token| self.token(token, API_TOKEN, name));
            let email = email.map(|email| self.checked_email(email));
            let scheme = match kind.scheme {
                None | Some(RawApiTokenScheme::Basic) => ApiTokenScheme::Basic,
                Some(RawApiTokenScheme::Bearer) => ApiTokenScheme::Bearer,
            };
            return Some(BitbucketAuth::ApiToken { email: email?, token: token?, scheme });
        }
        if let Some(Spanned { value: kind, place }) = &raw.access_token {
            let token = self.need(kind.token.as_ref(), *place, "token")?;
            return Some(BitbucketAuth::AccessToken { token: self.token(token, ACCESS_TOKEN, name) });
        }
        if let Some(Spanned { value: kind, place }) = &raw.oauth {
            let key = self.need(kind.key.as_ref(), *place, "key").map(|key| self.token(key, OAUTH, name));
            let secret =
                self.need(kind.secret.as_ref(), *place, "secret").map(|secret| self.token(secret, OAUTH, name));
            return Some(BitbucketAuth::Oauth { key: key?, secret: secret? });
        }
        let Spanned { value: kind, place } = raw.app_password.as_ref()?;
        let username = self.need(kind.username.as_ref(), *place, "username");
        let password = self
            .need(kind.password.as_ref(), *place, "password")
            .map(|password| self.token(password, APP_PASSWORD, name));
        Some(BitbucketAuth::AppPassword { username: username?.value.clone(), password: password? })
    }

    fn atlassian_admin(
        &self,
        raw: &RawAtlassianAdmin,
        place: Place,
        account_email: Option<String>,
        name: &CredentialName,
    ) -> Option<AtlassianAdmin> {
        let org_id = self.need(raw.org_id.as_ref(), place, "org_id");
        let api_key = self.need(raw.api_key.as_ref(), place, "api_key").map(|key| self.token(key, ADMIN_KEY, name));
        Some(AtlassianAdmin {
            org_id: org_id?.0,
            api_key: api_key?,
            label: raw.label.clone(),
            email: raw.email.clone().or(account_email),
            api_url: raw.api_url.as_ref().map(|url| url.0.clone()),
        })
    }

    fn checked_email(&self, email: &Spanned<String>) -> String {
        let plausible = email.value.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if !plausible || email.value.contains([' ', ':']) {
            let message = format!("`{}` is no e-mail address", email.value.escape_debug());
            let help = "Bitbucket wants the Atlassian account's e-mail address with an API token, not the user name";
            self.note(Problem::error(ProblemKind::InvalidValue, email.place, message).help(help));
        }
        email.value.clone()
    }

    pub(super) fn conflict(&self, place: Place, keys: &[&str]) {
        let message = format!("only one of {} can be used", suggest::one_of(keys));
        self.note(Problem::error(ProblemKind::ConflictingKeys, place, message).help("remove the others"));
    }

    /// Notes that none of some keys is there, unless one is and could not be read.
    pub(super) fn missing_choice(&self, place: Place, keys: &[&'static str]) {
        if keys.iter().any(|key| self.written.contains(&(place, key))) {
            return;
        }
        let message = format!("one of {} is missing here", suggest::one_of(keys));
        self.note(Problem::error(ProblemKind::MissingKey, place, message));
    }
}
