//! Probe `webhooks`: do imported repositories carry an active webhook of Snyk's. One SCM request per sampled repository
//! one more when a first one is denied. Which repositories those are moves on from day to day. The sample (50 by default) is
//! divided among the Organizations that share a credential, because they share its requests.

use std::collections::BTreeMap;

use regex::Regex;

use super::round::Round;
use super::sample::rotating;
use super::scm::{CredentialScope, SampledRepository, ScmProbes};
use crate::domain::facts::{OrganizationImports, Target, WebhookSample, normalised_url};
use crate::domain::names::{IntegrationKey, RepositoryId};
use crate::domain::work::Finding;

/// One Organization's imports.
pub(super) struct WebhookScope<'a> {
    pub(super) key: &'a IntegrationKey,
    pub(super) imports: &'a OrganizationImports,
    pub(super) host: &'a str,
    pub(super) sample_size: usize,
    pub(super) pattern: Option<&'a Regex>,
    /// The SCM's ids of repositories that a profile knows, by normalised URL.
    pub(super) ids: &'a BTreeMap<String, RepositoryId>,
}

/// Runs the probe.
pub(super) async fn run(
    probes: &dyn ScmProbes,
    credential: CredentialScope<'_>,
    scope: WebhookScope<'_>,
    round: &mut Round,
) {
    let repositories: Vec<_> = scope.imports.targets.iter().filter_map(|target| repository(target, &scope)).collect();
    let sample = rotating(&repositories, |repository| &repository.full_name, scope.sample_size, round.started_at);
    let sample = sample.into_iter().cloned().collect();
    let Some(checks) = probes.check_webhooks(credential, sample, scope.pattern, round).await else { return };
    let drawn_from = u64::try_from(repositories.len()).unwrap_or(u64::MAX);
    round.find(Finding::Webhooks(scope.key.clone(), WebhookSample { checks, drawn_from }));
}

/// The repository behind a target: by its URL, else by its name, which is `workspace/slug` for Git hosts.
fn repository(target: &Target, scope: &WebhookScope<'_>) -> Option<SampledRepository> {
    let named = || normalised_url(&format!("https://{}/{}", scope.host, target.name));
    let url = target.url.clone().or_else(named)?;
    let full_name = url.strip_prefix(scope.host)?.strip_prefix('/')?;
    let (workspace, slug) = full_name.split_once('/')?;
    let is_repository = !workspace.is_empty() && !slug.is_empty() && !slug.contains('/');
    is_repository.then(|| SampledRepository { id: scope.ids.get(&url).cloned(), full_name: full_name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::{IntegrationName, OrganizationId};

    #[test]
    fn a_target_leads_to_its_repository() {
        let key = IntegrationKey::organization(IntegrationName::from("acme"), OrganizationId(uuid::Uuid::nil()));
        let (imports, ids) = (OrganizationImports::default(), BTreeMap::new());
        let scope = WebhookScope {
            key: &key,
            imports: &imports,
            host: "bitbucket.org",
            sample_size: 1,
            pattern: None,
            ids: &ids,
        };
        let check = |name: &str, url: Option<&str>, expected: Option<&str>| {
            let target = Target {
                id: "1".to_owned(),
                name: name.to_owned(),
                url: url.and_then(normalised_url),
                created_at: None,
            };
            let found = repository(&target, &scope).map(|repository| repository.full_name);
            assert_eq!(found.as_deref(), expected, "{name} {url:?}");
        };
        check("whatever", Some("https://bitbucket.org/Acme/Web.git"), Some("acme/web"));
        check("acme/web", None, Some("acme/web"));
        check("acme/web", Some("https://github.com/acme/web"), None);
        check("web", None, None);
    }
}
