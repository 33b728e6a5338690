//! Where to look, best first: the status page, the runbook, the pages of Snyk and the Git host.
//!
//! Snyk's pages are linked only where the region of its API is a public one, the Git host's only for the public host.
//! Names in addresses are escaped; a name that would change the path is not linked.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::heading::is_public;
use super::scene::{Scene, plain};
use crate::domain::facts::WebhookState;
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Scm;
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName};
use crate::domain::page::Link;
use crate::notify::situation::Situation;

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Organizations that are linked one by one.
const LINKED: usize = 3;

/// One segment of a path; `None` for what is no name of anything or would lead elsewhere.
fn segment(text: &str) -> Option<String> {
    let is_dots = text.chars().all(|c| c == '.');
    (!is_dots).then(|| utf8_percent_encode(text, SEGMENT).to_string())
}

fn link(title: impl Into<String>, url: String) -> Link {
    Link { title: title.into(), url }
}

/// The links of every page: the status page (at `anchor`) and the runbook.
pub(super) fn own(situation: &Situation<'_>, anchor: &str, rule: &str) -> Vec<Link> {
    let base = situation.external_url.as_str().trim_end_matches('/');
    vec![status_page(situation, anchor), link(format!("Runbook: {rule}"), format!("{base}/runbooks/{rule}"))]
}

/// The status page, at `anchor`.
pub(super) fn status_page(situation: &Situation<'_>, anchor: &str) -> Link {
    let base = situation.external_url.as_str().trim_end_matches('/');
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
    link("Status page", format!("{base}/{anchor}"))
}

pub(super) fn of(scene: &Scene<'_>) -> Vec<Link> {
    let anchor = match &scene.key.subject {
        Subject::Integration(key) => key.anchor(),
        Subject::Workspace(name, _) => IntegrationKey::group(name.clone()).anchor(),
        Subject::Organizations(name) => match scene.incident.members.first() {
            Some(id) => IntegrationKey::organization(name.clone(), *id).anchor(),
            None => "integrations".to_owned(),
        },
        Subject::Credential(_) => "credentials".to_owned(),
        Subject::Network | Subject::Api(_) => String::new(),
    };
    let mut links = own(scene.situation, &anchor, scene.key.rule.as_str());
    match &scene.key.subject {
        Subject::Credential(name) => credential(scene, name, &mut links),
        // What the vendors say of themselves is no help.
        Subject::Network => {}
        Subject::Api(_) => vendor_status(scene, &mut links),
        Subject::Workspace(name, slug) => {
            links.extend(group(scene, name));
            if is_public_host(scene) {
                let url = segment(slug.as_str()).map(|slug| format!("https://bitbucket.org/{slug}/"));
                links.extend(url.map(|url| link(format!("Workspace {slug} in Bitbucket"), url)));
            }
        }
        Subject::Integration(key) => {
            links.extend(group(scene, &key.integration));
            links.extend(workspaces(scene, &key.integration));
        }
        Subject::Organizations(name) => {
            for id in scene.incident.members.iter().take(LINKED) {
                let key = IntegrationKey::organization(name.clone(), *id);
                links.extend(organization(scene, &key));
                links.extend(webhooks(scene, &key));
            }
        }
    }
    links
}

fn app_root(scene: &Scene<'_>, snyk: &CredentialName) -> Option<&'static str> {
    scene.fleet().snyk_tokens.get(snyk)?.app_root
}

fn group(scene: &Scene<'_>, name: &IntegrationName) -> Option<Link> {
    let group = scene.fleet().integrations.get(name)?.group.as_ref()?;
    let root = app_root(scene, &group.snyk)?;
    Some(link("The Group in Snyk (then Integrations)", format!("{root}/group/{}", group.id)))
}

fn organization(scene: &Scene<'_>, key: &IntegrationKey) -> Option<Link> {
    let watched = scene.fleet().integrations.get(&key.integration)?.organizations.as_ref()?;
    let root = app_root(scene, &watched.snyk)?;
    let listing = scene.state.evidence.groups.get(&key.integration)?.organizations.as_ref()?;
    let listing = listing.value.iter().find(|listing| Some(listing.id) == key.organization)?;
    let slug = segment(listing.slug.as_deref()?)?;
    let page = match scene.key.rule {
        Rule::TestsStale | Rule::NothingImported | Rule::ImportsIncomplete => "projects",
        _ => "manage/integrations",
    };
    Some(link(format!("{} in Snyk", scene.name_of(key)), format!("{root}/org/{slug}/{page}")))
}

/// Whether every affected credential belongs to the public Git host.
fn is_public_host(scene: &Scene<'_>) -> bool {
    let credentials = scene.credentials();
    let mut all = credentials.iter().filter_map(|name| scene.fleet().scm_credentials.get(*name)).peekable();
    all.peek().is_some() && all.all(|credential| is_public(&credential.api, credential.scm))
}

fn workspaces(scene: &Scene<'_>, name: &IntegrationName) -> Vec<Link> {
    let group = scene.fleet().integrations.get(name).and_then(|watched| watched.group.as_ref());
    let slugs = group.into_iter().flat_map(|group| group.profiles.values()).flat_map(|profile| &profile.workspaces);
    let linked = slugs.filter_map(|slug| Some((slug, segment(slug.as_str())?))).take(LINKED);
    let link = |(slug, path): (&_, String)| {
        link(
            format!("Repositories of {slug} in Bitbucket"),
            format!("https://bitbucket.org/{path}/workspace/repositories/"),
        )
    };
    if is_public_host(scene) { linked.map(link).collect() } else { Vec::new() }
}

/// The first repository that misses its webhook.
fn webhooks(scene: &Scene<'_>, key: &IntegrationKey) -> Option<Link> {
    let sample = scene.state.evidence.organizations.get(key)?.webhooks.as_ref()?;
    if scene.key.rule != Rule::WebhooksMissing || !is_public_host(scene) {
        return None;
    }
    let is_missing = |state: &WebhookState| matches!(state, WebhookState::Missing { .. } | WebhookState::Inactive);
    let check = sample.value.checks.iter().find(|check| is_missing(&check.state))?;
    let (workspace, slug) = check.full_name.split_once('/')?;
    let url = format!("https://bitbucket.org/{}/{}/admin/webhooks", segment(workspace)?, segment(slug)?);
    Some(link(format!("Webhooks of {} in Bitbucket", plain(&check.full_name)), url))
}

fn credential(scene: &Scene<'_>, name: &CredentialName, links: &mut Vec<Link>) {
    if let Some(credential) = scene.fleet().scm_credentials.get(name)
        && is_public(&credential.api, credential.scm)
        && credential.kind == "api_token"
    {
        let url = "https://id.atlassian.com/manage-profile/security/api-tokens";
        links.push(link("API tokens of the bot account at Atlassian", url.to_owned()));
    }
    let mut groups = scene.watched().into_iter().filter(|(_, watched)| watched.group.is_some());
    links.extend(groups.next().and_then(|(integration, _)| group(scene, integration)));
}

fn vendor_status(scene: &Scene<'_>, links: &mut Vec<Link>) {
    let Subject::Api(api) = &scene.key.subject else { return };
    if scene.fleet().snyk_tokens.values().any(|token| token.api == *api && token.app_root.is_some()) {
        links.push(link("Snyk's own status", "https://status.snyk.io/".to_owned()));
    }
    if is_public(api, Scm::BitbucketCloud) {
        links.push(link("Bitbucket's own status", "https://bitbucket.status.atlassian.com/".to_owned()));
    }
}
