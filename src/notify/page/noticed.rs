//! When a repair will be noticed. Honest rather than soon: where Snyk has to act first, that comes first.

use chrono::TimeDelta;

use super::scene::Scene;
use crate::domain::condition::Reason;
use crate::domain::incident::{Rule, Subject};
use crate::domain::policy::Case;
use crate::domain::work::ProbeKind;
use crate::health::incidents::text::span;

/// Evidence counts for this many intervals of its probe.
const INTERVALS_OF_AN_AGE: i32 = 3;

/// The interval of a probe whose age the fleet does not state.
const ORDINARY_INTERVAL: TimeDelta = TimeDelta::minutes(5);

/// Snyk's own cycle, where no integration says otherwise.
const SYNC_CYCLE: TimeDelta = TimeDelta::hours(6);

/// When the repair of this incident shows here.
pub(super) fn of(scene: &Scene<'_>) -> String {
    let within = |kind| format!("within {}", span(interval(scene, kind)));
    let synced = || {
        format!(
            "after Snyk's next synchronisation (every {}; saving the profile starts one), then {} (the probe of the Inventory)",
            span(cycle(scene)),
            within(ProbeKind::Inventory),
        )
    };
    let text = match scene.key.rule {
        Rule::SnykTokenInvalid if is_of_another_region(scene) => {
            "at once when the configuration is reloaded".to_owned()
        }
        Rule::SnykTokenInvalid | Rule::SnykTokenExpiring => {
            format!("{} of the new token being in our secret (the probe of Snyk tokens)", within(ProbeKind::SnykToken))
        }
        Rule::ObserverRejected => format!("{} (the probe of credentials)", within(ProbeKind::ScmCredential)),
        Rule::CredentialInvalid | Rule::CredentialExpiring | Rule::RotationUnfinished => format!(
            "our copy: {} of its replacement (the probe of credentials); the copies saved in Snyk: in Organizations {} \
             (the audit log), at the Group after its next synchronisation (every {})",
            within(ProbeKind::ScmCredential),
            within(ProbeKind::Organization),
            span(cycle(scene)),
        ),
        Rule::PermissionsMissing => format!(
            "{} of our copy being replaced (the probe of credentials); rights of the account {} (the probe of the profile)",
            within(ProbeKind::ScmCredential),
            within(ProbeKind::Profile),
        ),
        Rule::DeclaredDateOutdated => "at once when the configuration is reloaded".to_owned(),
        Rule::UpstreamUnreachable => {
            let soonest = interval(scene, ProbeKind::ScmCredential).min(interval(scene, ProbeKind::SnykToken));
            format!("at the first usable answer, asked for at least every {}", span(soonest))
        }
        Rule::NamespaceNotFound | Rule::RepositoriesVanished => {
            format!("{} (the probe of the profile)", within(ProbeKind::Profile))
        }
        Rule::ConnectionFailed => connection(scene, &within, &synced),
        Rule::PartiallyConnected if scene.incident.tracking.case == Some(Case::ProfilesFailed) => {
            format!("{} (the probe of the profile)", within(ProbeKind::Profile))
        }
        Rule::PartiallyConnected | Rule::SyncStalled => synced(),
        Rule::CatalogNotLinked => {
            format!(
                "after Snyk's next synchronisation (every {}), then {}",
                span(cycle(scene)),
                within(ProbeKind::Catalog)
            )
        }
        Rule::OrganizationsVanished | Rule::OrganizationNotFound => {
            format!("{} (the listing of Organizations)", within(ProbeKind::OrganizationList))
        }
        Rule::TestsStale => {
            format!("after Snyk's next daily tests, or a test by hand, then {}", within(ProbeKind::Organization))
        }
        Rule::OrganizationIntegrationMissing
        | Rule::CredentialOutOfStep
        | Rule::NothingImported
        | Rule::ImportsIncomplete
        | Rule::TestsUnscheduled
        | Rule::ProjectsInactive
        | Rule::OrphanedProjects
        | Rule::NothingToWatch => format!("{} (the probe of the Organization)", within(ProbeKind::Organization)),
        Rule::WebhooksMissing => format!("{} (the probe of webhooks)", within(ProbeKind::Webhooks)),
        Rule::ApiVersionEnding => "at the first answer after the update".to_owned(),
        Rule::StatusUnknown if scene.incident.tracking.case == Some(Case::SecretRefused) => {
            "within a minute of the file being right; a variable is read at a restart alone".to_owned()
        }
        Rule::StatusUnknown => "when the missing evidence comes, without further waiting".to_owned(),
        Rule::Baseline => {
            format!("each Organization leaves the list {} of its repair", within(ProbeKind::Organization))
        }
    };
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Whether the token is right and our configuration is wrong.
fn is_of_another_region(scene: &Scene<'_>) -> bool {
    let Subject::Credential(name) = &scene.key.subject else { return false };
    let state = scene.state.credentials.get(name);
    state.is_some_and(|state| state.valid.reason == Reason::SnykTokenWrongRegion)
}

fn connection(scene: &Scene<'_>, within: &dyn Fn(ProbeKind) -> String, synced: &dyn Fn() -> String) -> String {
    let Subject::Integration(key) = &scene.key.subject else {
        return format!("{} (the probe of the Organization)", within(ProbeKind::Organization));
    };
    let reason = scene.integration(key).and_then(|state| state.status.as_ref()).map(|status| status.reason);
    match reason {
        Some(Reason::ProfileDeleted) => synced(),
        _ => format!("{} (the probe of the profile)", within(ProbeKind::Profile)),
    }
}

/// The longest planned gap of a probe, at most. Evidence lasts for at least three of them.
fn interval(scene: &Scene<'_>, kind: ProbeKind) -> TimeDelta {
    let age = scene.fleet().max_ages.get(&kind);
    age.map_or(ORDINARY_INTERVAL, |age| *age / INTERVALS_OF_AN_AGE)
}

fn cycle(scene: &Scene<'_>) -> TimeDelta {
    scene.watched().iter().map(|(_, watched)| watched.thresholds.sync_cycle).max().unwrap_or(SYNC_CYCLE)
}
