//! The effective configuration, fit to be shown: every default filled in, no secret ever read.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};
use url::Url;

use super::Config;
use super::credential::{BitbucketAuth, Credential, ScmAccount};
use super::duration::format_duration;
use super::http::HttpSettings;
use super::integration::{
    Discover, GroupIntegration, Integration, OrganizationRef, Organizations, Profile, Workspaces,
};
use super::schedule::{Cadence, ProbeSchedule, ScheduledProbe};
use super::secrets::SecretSource;
use super::server::Access;
use super::settings::Setting as _;
use super::snyk::{SnykApi, SnykAuth, SnykEntry, SnykScheme};
use crate::domain::permission::PermissionSet;

mod alerts;
mod egress;

/// Where OAuth consumers of Bitbucket Cloud ask for tokens (see `docs/apis/bitbucket-cloud.md`).
const BITBUCKET_CLOUD_TOKEN_ROOT: &str = "https://bitbucket.org";

/// One host and port that the daemon contacts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Host name or address, and port.
    pub address: String,
    /// What for.
    pub purpose: String,
    /// The proxy in between, if there is one: host and port. Then only the proxy is contacted directly.
    pub proxy: Option<String>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}  {}", self.address, self.purpose)?;
        self.proxy.iter().try_for_each(|proxy| write!(formatter, " (through the proxy {proxy})"))
    }
}

impl Config {
    /// The configuration as YAML, in the words of the file.
    pub fn shown(&self) -> String {
        let mut text = String::new();
        write_mapping(&mut text, &self.as_value(), 0);
        text
    }

    /// Every host and port the daemon contacts.
    pub fn egress(&self) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for entry in self.snyk.values() {
            endpoints.extend(endpoint(entry.api.root(), format!("Snyk ({})", entry.name), &entry.http));
        }
        for credential in self.credentials.values() {
            let (ScmAccount::BitbucketCloud(account), http) = (&credential.account, &credential.http);
            let purpose = format!("Bitbucket Cloud ({})", credential.name);
            endpoints.extend(endpoint(account.api_root(), purpose, http));
            if matches!(account.auth, BitbucketAuth::Oauth { .. }) && account.api_url.is_none() {
                let purpose = format!("Bitbucket Cloud, OAuth tokens ({})", credential.name);
                endpoints.extend(endpoint(BITBUCKET_CLOUD_TOKEN_ROOT, purpose, http));
            }
            if let Some(admin) = &account.atlassian_admin {
                let purpose = format!("Atlassian administration ({})", credential.name);
                endpoints.extend(endpoint(admin.api_root(), purpose, http));
            }
        }
        endpoints.extend(egress::endpoints(self));
        endpoints.sort();
        endpoints.dedup();
        endpoints
    }

    fn as_value(&self) -> Value {
        json!({
            "snyk": named(self.snyk.iter(), |entry| snyk(entry)),
            "credentials": named(self.credentials.iter(), |credential| self::credential(credential)),
            "permission_sets": named(self.permission_sets.iter(), |set| permission_set(set)),
            "integrations": named(self.integrations.iter(), |integration| self::integration(integration)),
            "schedule": named(ScheduledProbe::ALL.iter().map(|probe| (probe.name(), self.schedule.of(*probe))), schedule),
            "http": http(&self.http),
            "conditions": self.conditions.shown(),
            "alerts": alerts::alerts(self),
            "storage": alerts::storage(&self.storage),
            "metrics": {
                "organizations": self.metrics.organizations.map(super::server::OrganizationDetail::name),
                "max_series": self.metrics.max_series,
            },
            "server": {
                "listen": self.server.listen.to_string(),
                "metrics_listen": self.server.metrics_listen.map(|listen| listen.to_string()),
                "web_config_file": self.server.web_config.as_ref().map(|config| config.path.display().to_string()),
                "actors": self.server.actors,
                "allow_unauthenticated": self.server.access == Access::Unauthenticated,
                "external_url": self.server.external_url.as_ref().map(Url::as_str),
            },
            "timezone": self.timezone.name(),
        })
    }
}

fn named<'a, K: fmt::Display, T: 'a>(entries: impl Iterator<Item = (K, &'a T)>, show: impl Fn(&T) -> Value) -> Value {
    Value::Object(entries.map(|(name, entry)| (name.to_string(), show(entry))).collect())
}

fn secret(source: &SecretSource) -> Value {
    json!(format!("<secret from {source}>"))
}

fn snyk(entry: &SnykEntry) -> Value {
    let mut shown = Map::new();
    match &entry.api {
        SnykApi::Region(region) => shown.insert("region".to_owned(), json!(region.name())),
        SnykApi::Url(url) => shown.insert("api_url".to_owned(), json!(url.as_str())),
    };
    match &entry.auth {
        SnykAuth::Token { token, scheme } => {
            shown.insert("token".to_owned(), secret(token));
            let scheme = match scheme {
                SnykScheme::Token => "token",
                SnykScheme::Bearer => "bearer",
            };
            shown.insert("scheme".to_owned(), json!(scheme));
        }
        SnykAuth::Oauth { client_id, client_secret } => {
            let oauth = json!({ "client_id": secret(client_id), "client_secret": secret(client_secret) });
            shown.insert("oauth".to_owned(), oauth);
        }
    }
    if let Some(label) = &entry.token_label {
        shown.insert("token_label".to_owned(), json!(label));
    }
    shown.insert("version".to_owned(), json!(entry.version));
    shown.insert("http".to_owned(), http(&entry.http));
    Value::Object(shown)
}

fn credential(credential: &Credential) -> Value {
    let ScmAccount::BitbucketCloud(account) = &credential.account;
    let auth = match &account.auth {
        BitbucketAuth::ApiToken { email, token, scheme } => {
            let scheme = match scheme {
                super::credential::ApiTokenScheme::Basic => "basic",
                super::credential::ApiTokenScheme::Bearer => "bearer",
            };
            json!({ "email": email, "token": secret(token), "scheme": scheme })
        }
        BitbucketAuth::AccessToken { token } => json!({ "token": secret(token) }),
        BitbucketAuth::Oauth { key, secret: value } => json!({ "key": secret(key), "secret": secret(value) }),
        BitbucketAuth::AppPassword { username, password } => {
            json!({ "username": username, "password": secret(password) })
        }
    };
    let admin = account.atlassian_admin.as_ref().map(|admin| {
        json!({
            "org_id": admin.org_id.to_string(),
            "api_key": secret(&admin.api_key),
            "label": admin.label,
            "email": admin.email,
            "api_url": admin.api_root(),
        })
    });
    json!({
        "bitbucket_cloud": { account.auth.kind(): auth, "api_url": account.api_root(), "atlassian_admin": admin },
        "role": credential.role.as_str(),
        "expires_at": credential.expires_at,
        "rotated_at": credential.rotated_at,
        "owner": credential.owner,
        "http": http(&credential.http),
    })
}

fn permission_set(set: &PermissionSet) -> Value {
    let words = |list: &[crate::domain::permission::Permission]| -> Vec<&str> {
        list.iter().map(|permission| permission.as_str()).collect()
    };
    json!({ "required": words(&set.required), "optional": words(&set.optional) })
}

fn integration(integration: &Integration) -> Value {
    json!({
        "scm": integration.scm.as_str(),
        "owner": integration.owner,
        "group": integration.group.as_ref().map(group),
        "organizations": integration.organizations.as_ref().map(organizations),
        "conditions": integration.conditions.shown(),
        "rules": integration.rules.shown(),
    })
}

fn group(group: &GroupIntegration) -> Value {
    json!({
        "snyk": group.snyk.name.as_str(),
        "id": group.id.to_string(),
        "name": group.name,
        "configured_at": group.configured_at,
        "permissions": group.permissions.name,
        "profiles": named(group.profiles.iter(), profile),
        "backstage": group.backstage.as_ref().map(|backstage| json!({ "file_name": backstage.file_name })),
        "ignore": group.ignore.patterns(),
        "source": group.source,
    })
}

fn profile(profile: &Profile) -> Value {
    let workspaces = match &profile.workspaces {
        Workspaces::All => Value::Null,
        Workspaces::Named(slugs) => slugs.iter().map(|slug| json!(slug.as_str())).collect(),
    };
    json!({
        "credential": profile.credential.name.as_str(),
        "workspaces": workspaces,
    })
}

fn organizations(organizations: &Organizations) -> Value {
    let name = |organization: &OrganizationRef| match organization {
        OrganizationRef::Id(id) => id.to_string(),
        OrganizationRef::Name(name) => name.clone(),
    };
    let discover = match &organizations.discover {
        Discover::All => json!("all"),
        Discover::Listed(ids) => ids.iter().map(|id| json!(id.to_string())).collect(),
    };
    let overrides: Map<_, _> = organizations
        .overrides
        .iter()
        .map(|(organization, credential)| (name(organization), json!({ "credential": credential.name.as_str() })))
        .collect();
    json!({
        "snyk": organizations.snyk.name.as_str(),
        "credential": organizations.credential.name.as_str(),
        "discover": discover,
        "exclude": organizations.exclude.patterns(),
        "require": organizations.require.iter().map(name).collect::<Vec<_>>(),
        "overrides": overrides,
        "webhook_url_pattern": organizations.webhook_url_pattern.as_ref().map(|pattern| pattern.0.as_str()),
        "permissions": organizations.permissions.name,
    })
}

fn schedule(schedule: &ProbeSchedule) -> Value {
    let mut shown = Map::new();
    match &schedule.cadence {
        Cadence::Every(interval) => {
            shown.insert("every".to_owned(), json!(format_duration(*interval)));
        }
        Cadence::Cron(cron) => {
            shown.insert("cron".to_owned(), json!(cron.expression()));
            shown.insert("zone".to_owned(), json!(cron.zone().name()));
        }
    }
    shown.insert("max_age".to_owned(), json!(format_duration(schedule.max_age)));
    shown.insert("sample".to_owned(), json!(schedule.sample));
    Value::Object(shown)
}

fn http(http: &HttpSettings) -> Value {
    json!({
        "proxy": http.proxy.as_ref().map(Url::as_str),
        "no_proxy": http.no_proxy,
        "ca_file": http.ca_file.as_ref().map(|file| file.display().to_string()),
        "connect_timeout": format_duration(http.connect_timeout),
        "request_timeout": format_duration(http.request_timeout),
    })
}

fn endpoint(root: &str, purpose: String, http: &HttpSettings) -> Option<Endpoint> {
    let url: Url = root.parse().ok()?;
    let host = url.host_str()?;
    let direct = http.no_proxy.iter().any(|entry| {
        let domain = entry.trim_start_matches('.');
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    });
    let proxy = if direct { None } else { http.proxy.as_ref().and_then(address) };
    Some(Endpoint { address: address(&url)?, purpose, proxy })
}

fn address(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// Writes a mapping as YAML, leaving out keys without a value: in the file they would be left out too.
fn write_mapping(text: &mut String, value: &Value, depth: usize) {
    let Value::Object(map) = value else { return };
    let present: BTreeMap<_, _> = map.iter().filter(|(_, value)| !value.is_null()).collect();
    for (key, value) in present {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:indent$}{}:", "", scalar(key), indent = depth * 2);
        match value {
            Value::Object(inner) if inner.values().any(|value| !value.is_null()) => {
                text.push('\n');
                write_mapping(text, value, depth + 1);
            }
            Value::Object(_) => text.push_str(" {}\n"),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push('\n');
                for item in items {
                    let _ = writeln!(text, "{:indent$}- {}", "", flow(item), indent = (depth + 1) * 2);
                }
            }
            Value::Array(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), scalar)).collect();
                let _ = writeln!(text, " [{}]", items.join(", "));
            }
            Value::String(word) => {
                let _ = writeln!(text, " {}", scalar(word));
            }
            other => {
                let _ = writeln!(text, " {other}");
            }
        }
    }
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let present = map.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<_> = present.map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(word) => scalar(word),
        other => other.to_string(),
    }
}

/// A word as it is where YAML takes it for itself, else in quotes.
fn scalar(word: &str) -> String {
    let plain = word.chars().next().is_some_and(char::is_alphabetic)
        && word.chars().all(|character| character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | '/'))
        && !matches!(word.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain { word.to_owned() } else { json!(word).to_string() }
}
