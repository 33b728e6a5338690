//! Problems that the daemon tells of: whoever calls a pass healthy must not be paged for what it saw.

use crate::domain::condition::Condition;
use crate::domain::incident::{Rule, Severity, Subject};
use crate::domain::kinds::Truth;
use crate::snapshot::{IncidentView, IntegrationView, Phase, Snapshot};

use super::verdict::is_bad;

/// Whether the daemon pages for it, or will once a second look in time agrees.
pub(super) fn is_problem(incident: &IncidentView) -> bool {
    let is_due = incident.phase == Phase::Open || waits_for_a_second_look(incident.key.rule);
    incident.severity >= Severity::Warning && incident.cause.is_none() && is_due && !is_blindness(incident.key.rule)
}

/// What is pending by these rules has time to end by itself: a first sync, a fill or a rotation that goes on.
const fn waits_for_a_second_look(rule: Rule) -> bool {
    !matches!(rule, Rule::PartiallyConnected | Rule::RotationUnfinished)
}

/// What could not be looked at is no problem yet: `check` says that it could not tell.
const fn is_blindness(rule: Rule) -> bool {
    matches!(rule, Rule::StatusUnknown | Rule::UpstreamUnreachable | Rule::OrganizationNotFound)
}

/// Problems that neither a credential's line nor an integration's condition shows.
pub(super) fn untold(snapshot: &Snapshot) -> impl Iterator<Item = &IncidentView> {
    let incidents = snapshot.incidents.iter().map(|incident| &**incident);
    incidents.filter(move |incident| is_problem(incident) && !is_told(snapshot, incident))
}

fn is_told(snapshot: &Snapshot, incident: &IncidentView) -> bool {
    let mut affected = snapshot.integrations.iter().filter(|view| incident.affected.contains(&view.key()));
    match incident.key.rule {
        Rule::SnykTokenInvalid | Rule::CredentialInvalid => snapshot.credentials.iter().any(|one| {
            one.valid.truth == Truth::False && incident.key.subject == Subject::Credential(one.credential.clone())
        }),
        Rule::ConnectionFailed | Rule::PartiallyConnected => affected.any(|view| is_bad(view.status.status)),
        // Beside the API, with its date.
        Rule::ApiVersionEnding => true,
        rule => condition_of(rule).is_some_and(|condition| affected.any(|view| is_false(view, condition))),
    }
}

fn is_false(view: &IntegrationView, condition: Condition) -> bool {
    view.conditions.iter().any(|shown| shown.condition == condition && shown.state.truth == Truth::False)
}

/// The condition that is false where the rule holds, if one always is.
const fn condition_of(rule: Rule) -> Option<Condition> {
    match rule {
        Rule::CredentialExpiring => Some(Condition::CredentialFresh),
        Rule::PermissionsMissing => Some(Condition::PermissionsGranted),
        Rule::CredentialOutOfStep => Some(Condition::CredentialInStep),
        Rule::NamespaceNotFound | Rule::RepositoriesVanished => Some(Condition::RepositoriesVisible),
        Rule::SyncStalled => Some(Condition::SyncCurrent),
        Rule::OrganizationIntegrationMissing => Some(Condition::IntegrationPresent),
        Rule::TestsStale | Rule::TestsUnscheduled => Some(Condition::TestsCurrent),
        _ => None,
    }
}
