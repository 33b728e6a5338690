//! The last change before the onset: what somebody did, as far as anybody recorded it.
//!
//! Known are integration events of Snyk's audit log (Organization level only: a Group has none), rotations of a token, a
//! secret that was replaced by one that never worked, declared times of a rotation or a set-up, and profiles that were
//! deleted. Changes that nobody records are not guessed.

use chrono::{DateTime, TimeDelta, Utc};

use super::scene::Scene;
use crate::domain::facts::{AuditEventKind, AuditEvents};
use crate::domain::incident::Rule;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::health::incidents::text::{instant, span};

/// What was done longer ago than this did not cause what begins now.
const REACHES_BACK: TimeDelta = TimeDelta::days(30);

/// A change and when it was.
type Change = (DateTime<Utc>, String);

/// The latest change before the onset. Problems of the outside world have none of ours.
pub(super) fn last(scene: &Scene<'_>) -> Option<String> {
    if matches!(scene.key.rule, Rule::UpstreamUnreachable | Rule::ApiVersionEnding | Rule::StatusUnknown) {
        return None;
    }
    let mut changes: Vec<Change> =
        scene.credentials().into_iter().flat_map(|name| of_credential(scene, name)).collect();
    for key in &scene.incident.affected {
        changes.extend(of_organization(scene, key));
        changes.extend(of_group(scene, key));
    }
    let since = scene.incident.since;
    let (at, text) = changes.into_iter().filter(|(at, _)| *at <= since && since - *at <= REACHES_BACK).max()?;
    let before = since - at;
    let before = if before.num_minutes() < 1 { "at the onset".to_owned() } else { format!("{} before", span(before)) };
    Some(format!("{} ({before}): {text}.", instant(at)))
}

fn of_credential(scene: &Scene<'_>, name: &CredentialName) -> Vec<Change> {
    let mut changes = Vec::new();
    let state = scene.state.credentials.get(name);
    if let Some((_, noticed_at)) = state.and_then(|state| state.rotated_from.as_ref()) {
        changes.push((*noticed_at, format!("a new version of {name} was in use here for the first time (measured)")));
    }
    // A copy that never worked is no version of the token, and a change all the same.
    if let Some(state) = state.filter(|state| state.never_accepted())
        && let Some(rejected_since) = state.rejected_since
    {
        let before = state.last_used_at.map(|at| format!("; the copy before it worked until {}", instant(at)));
        changes.push((
            rejected_since,
            format!(
                "the secret of {name} was replaced here, and the new copy never worked{} (measured)",
                before.unwrap_or_default()
            ),
        ));
    }
    if let Some(rotated_at) = scene.fleet().scm_credentials.get(name).and_then(|credential| credential.rotated_at) {
        changes.push((rotated_at, format!("{name} was rotated (declared)")));
    }
    let listed = scene.state.evidence.scm_credentials.get(name).and_then(|book| book.listed_token.as_ref());
    if let Some(created_at) = listed.and_then(|listed| listed.value.created_at) {
        changes.push((created_at, "the PAT saved in Snyk was created (measured by the admin API)".to_owned()));
    }
    changes
}

fn of_organization(scene: &Scene<'_>, key: &IntegrationKey) -> Option<Change> {
    let events = scene.state.evidence.organizations.get(key)?.events.as_ref()?;
    let AuditEvents::Complete { events, .. } = &events.value else { return None };
    let own = scene.integration(key).and_then(|state| state.organization.integration_id.as_deref());
    let is_own = |id: Option<&str>| id.is_none() || own.is_none() || id == own;
    let before = events.iter().filter(|event| event.at <= scene.incident.since);
    let event = before.filter(|event| is_own(event.integration_id.as_deref())).max_by_key(|event| event.at)?;
    let what = match event.kind {
        AuditEventKind::Created => "the integration was created",
        AuditEventKind::Edited => "the integration was edited",
        AuditEventKind::Deleted => "the integration was deleted",
        AuditEventKind::SettingsEdited => "the settings of the integration were edited",
        AuditEventKind::ProjectDeleted => "a project was deleted",
        AuditEventKind::ProjectDeactivated => "a project was deactivated",
        AuditEventKind::ProjectEdited => "the settings of a project were edited",
        AuditEventKind::TargetDeleted => "an imported repository was removed",
    };
    Some((event.at, format!("{what} in the Organization {} (measured: Snyk's audit log)", scene.name_of(key))))
}

fn of_group(scene: &Scene<'_>, key: &IntegrationKey) -> Vec<Change> {
    if key.organization.is_some() {
        return Vec::new();
    }
    let watched = scene.fleet().integrations.get(&key.integration).and_then(|watched| watched.group.as_ref());
    let set_up = watched.and_then(|group| group.configured_at);
    let mut changes: Vec<Change> = set_up.into_iter().map(|at| (at, format!("{key} was set up (declared)"))).collect();
    let deleted = scene.integration(key).map(|state| &state.group.deleted_profiles);
    changes.extend(deleted.into_iter().flatten().map(|(profile, deleted)| {
        (deleted.at, format!("the assets of profile {profile} were removed as deleted-profile (measured)"))
    }));
    changes
}
