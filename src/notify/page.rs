//! The text of a notification, from the state alone: what an engineer reads at three in the morning.
//!
//! - The *summary* is the incident's own sentence, with when it gets worse, its cause and the time nobody watched.
//! - A *claim* is one sentence of evidence with its source. What cannot be told is claimed as such.
//! - *Ruled out* is what was looked at and is well, proved by evidence that is fresh now. Stale evidence rules out nothing.
//! - The *last change* is the latest thing somebody did before the onset, as far as anybody recorded it.
//! - *Noticed* says when a repair will show: at the next probe, or where Snyk has to act first, at its next
//!   synchronisation.
//!
//! Each family of rules picks its claims in a file of its own; what all share stands in `scene`, `change`, `noticed`,
//! `links`, `heading`. Names set in Snyk or the Git host are hostile and stay as they are: whoever renders a page
//! escapes them. Only addresses are escaped here, since nobody can do it later.

mod apis;
mod change;
mod connection;
mod credentials;
mod digest;
mod draft;
mod end;
mod heading;
mod links;
mod members;
mod noticed;
mod organizations;
mod receivers;
mod scene;
mod status;
mod summary;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use super::situation::Situation;
use crate::domain::incident::{IncidentKey, IncidentPhase, IncidentState, IncidentTracking, Rule, Severity, Subject};
use crate::domain::names::{IntegrationKey, ReceiverName};
use crate::domain::notification::About;
use crate::domain::page::Page;
use crate::domain::state::State;
use crate::health::incidents::text::instant;
pub(super) use digest::{DigestLine, DigestNews, of as of_digest};
use draft::Draft;
use scene::Scene;

/// What a person reads about an incident that lasts.
pub fn of_incident(key: &IncidentKey, incident: &IncidentState, state: &State, situation: &Situation<'_>) -> Page {
    let scene = Scene { key, incident, state, situation };
    let Draft { evidence, ruled_out } = draft(&scene);
    let gap = state.attention.gap_between(incident.since, situation.now);
    let (members, more_members) = members::of(&scene);
    Page {
        title: heading::title(&scene),
        summary: summary::of(&scene, gap),
        evidence,
        ruled_out,
        last_change: change::last(&scene),
        next_step: format!("{}.", scene::plain(&incident.next_step)),
        noticed: Some(noticed::of(&scene)),
        members,
        more_members,
        cause: incident.cause.as_ref().map(ToString::to_string),
        gap,
        links: links::of(&scene),
        labels: heading::labels(&scene),
    }
}

/// The end of a problem that nobody remembers: whoever holds it open may end it.
pub(super) fn of_forgotten(
    key: &IncidentKey,
    affected: &[IntegrationKey],
    lost_at: DateTime<Utc>,
    because: &str,
    state: &State,
    situation: &Situation<'_>,
) -> Page {
    let incident = IncidentState {
        since: lost_at,
        phase: IncidentPhase::Pending,
        severity: Severity::Warning,
        summary: String::new(),
        next_step: String::new(),
        affected: affected.to_vec(),
        members: Vec::new(),
        cause: None,
        deadline: None,
        tracking: IncidentTracking::default(),
    };
    let scene = Scene { key, incident: &incident, state, situation };
    let what = heading::what(&scene);
    Page {
        title: heading::cut(&format!("Resolved: {what}")),
        summary: format!(
            "{what}: what may have been open before is over. snykwatch lost what it remembered, which it noticed at {}, and \
             its first look since then shows {because}.",
            instant(lost_at),
        ),
        next_step: "No action needed.".to_owned(),
        links: links::of(&scene),
        labels: heading::labels(&scene),
        ..Page::default()
    }
}

/// What people know an incident by, whatever becomes of it: its rule and its subject.
pub(super) fn what_of_incident(
    key: &IncidentKey,
    incident: &IncidentState,
    state: &State,
    situation: &Situation<'_>,
) -> String {
    heading::what(&Scene { key, incident, state, situation })
}

/// What each family of rules knows.
fn draft(scene: &Scene<'_>) -> Draft {
    match scene.key.rule {
        Rule::SnykTokenInvalid | Rule::SnykTokenExpiring => credentials::snyk_token(scene),
        Rule::CredentialInvalid
        | Rule::PermissionsMissing
        | Rule::CredentialExpiring
        | Rule::ObserverRejected
        | Rule::RotationUnfinished
        | Rule::DeclaredDateOutdated => credentials::pat(scene),
        Rule::UpstreamUnreachable | Rule::ApiVersionEnding => apis::draft(scene),
        Rule::NamespaceNotFound | Rule::RepositoriesVanished => connection::workspace(scene),
        Rule::ConnectionFailed
        | Rule::PartiallyConnected
        | Rule::SyncStalled
        | Rule::CatalogNotLinked
        | Rule::NothingToWatch => {
            if matches!(scene.key.subject, Subject::Organizations(_)) {
                organizations::draft(scene)
            } else {
                connection::group(scene)
            }
        }
        Rule::OrganizationIntegrationMissing
        | Rule::CredentialOutOfStep
        | Rule::TestsStale
        | Rule::NothingImported
        | Rule::ImportsIncomplete
        | Rule::WebhooksMissing
        | Rule::OrganizationsVanished
        | Rule::OrganizationNotFound
        | Rule::TestsUnscheduled
        | Rule::ProjectsInactive
        | Rule::OrphanedProjects
        | Rule::Baseline => organizations::draft(scene),
        Rule::StatusUnknown => status::draft(scene),
    }
}

/// What a person reads when it is over: made from what was told last, and why it is over.
pub fn of_end(
    about: &About,
    told: &Page,
    since: DateTime<Utc>,
    because: &str,
    state: &State,
    situation: &Situation<'_>,
) -> Page {
    end::of(about, told, since, because, state, situation)
}

/// What a person reads when it lasts with another severity: the end of the key that said the severity before.
pub fn of_severity_change(told: &Page, since: DateTime<Utc>, now_is: Severity, situation: &Situation<'_>) -> Page {
    summary::of_severity_change(told, since, now_is, situation)
}

/// What a person reads about a receiver that rejects what it is sent.
pub fn of_failing_receiver(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    receivers::failing(receiver, situation)
}

/// What a person reads when somebody tests a receiver.
pub fn of_test(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    receivers::test(receiver, situation)
}
