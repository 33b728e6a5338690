//! Outcomes as tests compare them.

use super::*;
use crate::domain::work::FailedAt;

/// Findings and failures, a line each.
pub(super) fn shown(run: &ProbeRun) -> String {
    let findings = run.outcome.findings.iter().map(|finding| match finding {
        Finding::SnykAuthentication(_, fact) => format!("{fact:?}"),
        Finding::SnykTokenExpiry(_, fact) => format!("token expiry: {fact:?}"),
        Finding::ScmAuthentication(_, fact) => format!("{fact:?}"),
        Finding::ScmCredentialExpiry(_, fact) => format!("expiry: {fact:?}"),
        Finding::ListedToken(_, fact) => format!("{fact:?}"),
        Finding::Permission(_, permission, proof) => format!("{permission}: {proof:?}"),
        Finding::GroupAccess(_, fact) => format!("group: {fact:?}"),
        Finding::Workspaces(.., facts) => format!("workspaces: {facts:?}"),
        Finding::Repositories(.., set) => {
            let names: Vec<_> = set.repositories.values().map(|repository| repository.full_name.as_str()).collect();
            let age =
                set.walked_at.map_or("-".to_owned(), |walked_at| (run.started_at - walked_at).num_hours().to_string());
            format!("repositories: {} (walked {age} h ago)", names.join(" "))
        }
        Finding::Assets(_, walk) => {
            let live = walk.live.iter().map(|asset| {
                let sync = asset.last_sync.map_or("-", |_| "synced");
                format!("{} {sync} {:?}", asset.url.as_deref().unwrap_or("-"), asset.sources)
            });
            let removed = walk.removed.iter().map(|asset| format!("{:?}", asset.reasons));
            let removed: Vec<_> = removed.collect();
            let aliases =
                if walk.aliases.is_empty() { String::new() } else { format!("; aliases: {:?}", walk.aliases) };
            format!(
                "assets (last_sync: {}): {}; removed: {removed:?}{aliases}",
                walk.has_last_sync,
                live.collect::<Vec<_>>().join(", ")
            )
        }
        Finding::Fates(.., fates) => format!("fates: {fates:?}"),
        Finding::PreviousSecret(_, fact) => format!("previous secret: {fact:?}"),
        Finding::RemovedOrganizations(_, removed) => format!("removed Organizations: {removed:?}"),
        Finding::PullRequestChecks(_, checks) => format!("{checks:?}"),
        Finding::Catalog(_, sample) => format!("{sample:?}"),
        Finding::Organizations(_, list) => format!("{list:?}"),
        Finding::OrganizationAccess(_, fact) => format!("organization: {fact:?}"),
        Finding::Presence(_, fact) => format!("{fact:?}"),
        Finding::Imports(_, imports) => {
            format!("imports: {} targets, {} projects", imports.targets.len(), imports.projects.len())
        }
        Finding::Events(_, fact) => format!("{fact:?}"),
        Finding::Webhooks(_, sample) => {
            let states = sample.checks.iter().map(|check| format!("{} {:?}", check.full_name, check.state));
            format!("webhooks of {}: {}", sample.drawn_from, states.collect::<Vec<_>>().join(", "))
        }
    });
    let failures = run.outcome.failures.iter().map(|failure| {
        let scale = match failure.failed_at {
            FailedAt::Ourselves => "not sent",
            FailedAt::TheWay => "way",
            FailedAt::WholeApi | FailedAt::InItsPlace => "api",
            FailedAt::Endpoint => "endpoint",
        };
        format!("FAILED {} {} ({scale}): {}", failure.api, failure.reason, failure.detail)
    });
    findings.chain(failures).collect::<Vec<_>>().join("\n")
}
