//! Probe `organization_list`: the Group's Organizations, from a complete walk. One request per 100 of them; and the
//! Group's audit log, where the walk lacks some that were listed before.
//!
//! A denied list says nothing about the Group itself (it needs a right of its own), so it is a failure, never a finding.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::audit_log::{KEPT_FOR, OVERLAP};
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::client::answer::Failure;
use crate::client::snyk::{self, AuditEvent};
use crate::domain::evidence::{GroupEvidence, Part};
use crate::domain::facts::{OrganizationListing, RemovedOrganization};
use crate::domain::names::{GroupId, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::State;
use crate::domain::work::Finding;

/// An Organization leaves its Group, or ceases to be: the Group's log has some events of its Organizations.
const LEAVING: [&str; 2] = ["group.org.remove", "org.delete"];

const ATTEMPT: &str = "list the Group's Organizations";

/// Runs the probe.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    integration: &IntegrationName,
    group: GroupId,
    state: &State,
    round: &mut Round,
) {
    match round.hear(session.api, session.client().group_organizations(group.0).await) {
        Ok(walk) => {
            // One that names another Group is not ours. A list of such alone is none of this Group.
            let is_ours = |one: &snyk::Organization| one.group_id.is_none_or(|of| of == group.0);
            if !walk.items.is_empty() && !walk.items.iter().any(is_ours) {
                let failure = Failure::of_another_shape("Organizations of another Group", walk.meta);
                return round.fail(session.api, Part::Organizations, ATTEMPT, &failure);
            }
            let listing = walk.items.into_iter().filter(is_ours).map(|organization| OrganizationListing {
                id: OrganizationId(organization.id),
                name: organization.name.unwrap_or_else(|| organization.id.to_string()),
                slug: organization.slug,
            });
            let listing: Arc<Vec<OrganizationListing>> = Arc::new(listing.collect());
            let missing_since = missing_since(state, integration, &listing);
            round.find(Finding::Organizations(integration.clone(), listing));
            if let Some(since) = missing_since {
                let kept_since = round.started_at - KEPT_FOR;
                removed(session, integration, group, (since - OVERLAP).max(kept_since), round).await;
            }
        }
        Err(failure) => {
            session.concede(round, Part::Organizations, ATTEMPT, &failure).await;
        }
    }
}

/// The last listing that had one of those that are watched and that `listing` lacks.
fn missing_since(state: &State, name: &IntegrationName, listing: &[OrganizationListing]) -> Option<DateTime<Utc>> {
    let listed: HashSet<OrganizationId> = listing.iter().map(|organization| organization.id).collect();
    let before = state.evidence.groups.get(name).and_then(|group: &GroupEvidence| group.organizations.as_ref())?;
    let missing = before.value.iter().map(|organization| organization.id).filter(|id| !listed.contains(id));
    let key = |id| IntegrationKey::organization(name.clone(), id);
    let is_new = missing.map(key).any(|key| state.integrations.contains_key(&key)).then_some(before.observed_at);
    let vanishing = state.vanishing.iter().filter(|(key, _)| key.integration == *name);
    let still = vanishing.filter(|(key, _)| key.organization.is_some_and(|id| !listed.contains(&id)));
    still.filter_map(|(_, vanishing)| vanishing.listed_at).chain(is_new).min()
}

/// Who left the Group since then, by its audit log.
async fn removed(
    session: &mut SnykSession<'_>,
    integration: &IntegrationName,
    group: GroupId,
    since: DateTime<Utc>,
    round: &mut Round,
) {
    match round.hear(session.api, session.client().group_audit_log(group.0, since, &LEAVING).await) {
        Ok(walk) => {
            let events = walk.items.into_iter().filter_map(event).collect();
            round.find(Finding::RemovedOrganizations(integration.clone(), events));
        }
        Err(failure) => {
            session.concede(round, Part::RemovedOrganizations, "read the Group's audit log", &failure).await;
        }
    }
}

fn event(event: AuditEvent) -> Option<RemovedOrganization> {
    let id = Uuid::parse_str(event.org_id.as_deref()?).ok()?;
    let is_removal = LEAVING.contains(&event.event.as_str());
    is_removal.then_some(RemovedOrganization {
        id: OrganizationId(id),
        name: event.org_name,
        at: event.created,
        user_id: event.user_id,
    })
}
