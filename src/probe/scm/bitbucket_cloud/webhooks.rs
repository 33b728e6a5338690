//! The webhooks of sampled repositories. A sample concludes as a whole or not at all.

use regex::Regex;
use url::Url;

use super::permissions::prove_missing;
use super::session::Session;
use crate::client::answer::FailureClass;
use crate::client::bitbucket_cloud::Hook;
use crate::domain::evidence::Part;
use crate::domain::facts::{WebhookCheck, WebhookState};
use crate::domain::permission::Permission;
use crate::probe::assumptions::Assumption;
use crate::probe::judgement::Verdict;
use crate::probe::round::Round;
use crate::probe::scm::SampledRepository;

pub(super) async fn run(
    session: &mut Session<'_>,
    sample: Vec<SampledRepository>,
    pattern: Option<&Regex>,
    round: &mut Round,
) -> Option<Vec<WebhookCheck>> {
    let mut checks = Vec::with_capacity(sample.len());
    for repository in sample {
        let Some((workspace, slug)) = repository.full_name.split_once('/') else { continue };
        let state = match round.hear(session.api(), session.client().hooks(workspace, slug).await) {
            Ok(walk) => state_of(&walk.items, pattern),
            Err(failure) => {
                prove_missing(session, Permission::WebhookRead, &failure, round);
                if matches!(failure.class, FailureClass::MissingScope { .. }) {
                    // Each further repository would be refused the same way.
                    session.concede(round, Part::Webhooks, "read the webhooks of a repository", &failure).await;
                    return None;
                }
                match session.judge(round, Part::Webhooks, "read the webhooks of a repository", &failure).await {
                    // Not a right on this repository is missing: the whole workspace is shut.
                    Verdict::Denied(_) if matches!(failure.class, FailureClass::ShutOut { .. }) => {
                        round.fail(session.api(), Part::Webhooks, "read the webhooks of a repository", &failure);
                        return None;
                    }
                    Verdict::Denied(404) => WebhookState::RepositoryNotFound,
                    Verdict::Denied(_) => WebhookState::NoAdminRights,
                    Verdict::CredentialRejected | Verdict::Inconclusive => return None,
                }
            }
        };
        checks.push(WebhookCheck { repository: repository.id, full_name: repository.full_name, state });
    }
    if pattern.is_none() {
        observe(&checks, round);
    }
    Some(checks)
}

/// Webhooks of others prove nothing about the pattern; only repositories with none but unknown ones speak against it.
fn observe(checks: &[WebhookCheck], round: &Round) {
    let is_match = |check: &WebhookCheck| matches!(check.state, WebhookState::Installed | WebhookState::Inactive);
    let is_unknown = |check: &WebhookCheck| matches!(check.state, WebhookState::Missing { others: true });
    if checks.iter().any(is_match) {
        round.observe(Assumption::HookUrlIsKnown, true);
    } else if checks.iter().any(is_unknown) {
        round.observe(Assumption::HookUrlIsKnown, false);
    }
}

fn state_of(hooks: &[Hook], pattern: Option<&Regex>) -> WebhookState {
    let is_snyk = |hook: &&Hook| hook.url.as_deref().is_some_and(|url| is_snyk_url(url, pattern));
    let mut ours = hooks.iter().filter(is_snyk).peekable();
    if ours.peek().is_none() {
        return WebhookState::Missing { others: !hooks.is_empty() };
    }
    // A webhook that does not say is one that calls: Bitbucket always says.
    if ours.any(|hook| hook.is_active != Some(false)) { WebhookState::Installed } else { WebhookState::Inactive }
}

/// Built in: a host of Snyk's, any region, and a path with `/webhook/`.
fn is_snyk_url(url: &str, pattern: Option<&Regex>) -> bool {
    if let Some(pattern) = pattern {
        return pattern.is_match(url);
    }
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    (host == "snyk.io" || host.ends_with(".snyk.io")) && url.path().contains("/webhook/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snyks_webhook_is_known_by_host_and_path() {
        let broker = Regex::new("^https://broker\\.acme\\.example/webhook/").unwrap();
        let check =
            |url: &str, pattern: Option<&Regex>, expected| assert_eq!(is_snyk_url(url, pattern), expected, "{url}");
        check("https://api.snyk.io/webhook/bitbucket-cloud/1", None, true);
        check("https://API.eu.snyk.io/v1/webhook/bitbucket/1", None, true);
        check("https://snyk.io/webhook/x", None, true);
        check("https://notsnyk.io/webhook/x", None, false);
        check("https://snyk.io.example.com/webhook/x", None, false);
        check("https://api.snyk.io/hooks/x", None, false);
        check("not a url", None, false);
        check("https://broker.acme.example/webhook/1", Some(&broker), true);
        check("https://api.snyk.io/webhook/1", Some(&broker), false);
    }

    #[test]
    fn one_active_webhook_is_enough() {
        let hook = |url: &str, is_active| Hook { uuid: None, url: Some(url.to_owned()), is_active, events: Vec::new() };
        let ours = "https://api.snyk.io/webhook/1";
        let check = |hooks: &[Hook], expected| assert_eq!(state_of(hooks, None), expected, "{hooks:?}");
        check(&[], WebhookState::Missing { others: false });
        check(&[hook("https://ci.example.com/", Some(true))], WebhookState::Missing { others: true });
        check(&[hook(ours, Some(false))], WebhookState::Inactive);
        check(&[hook(ours, Some(false)), hook(ours, Some(true))], WebhookState::Installed);
        check(&[hook(ours, None)], WebhookState::Installed);
    }
}
