//! Probe `organization_list`: the Group's Organizations, from a complete walk. One request per 100 of them.
//!
//! Where a watched Organization is missing from the list, the Group's audit log is asked who removed it and when: ninety
//! days back the first time, as long as it is missing only what is new. A denied list says nothing about the Group itself
//! (it needs a right of its own), so it is a failure, never a finding; likewise the log.

use std::sync::Arc;

use uuid::Uuid;

use super::audit_log::{KEPT_FOR, OVERLAP};
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::client::snyk::AuditEvent;
use crate::domain::evidence::{GroupEvidence, Part};
use crate::domain::facts::{OrganizationListing, RemovedOrganization};
use crate::domain::names::{GroupId, IntegrationName, OrganizationId};
use crate::domain::work::Finding;

/// An Organization leaves its Group, or ceases to be. The Group's log has some events of its Organizations.
const LEAVING: [&str; 2] = ["group.org.remove", "org.delete"];

/// One Group's Organizations and what is known of them.
pub(super) struct ListScope<'a> {
    pub(super) integration: &'a IntegrationName,
    pub(super) group: GroupId,
    /// Organizations that are watched.
    pub(super) watched: Vec<OrganizationId>,
    pub(super) known: Option<&'a GroupEvidence>,
}

/// Runs the probe.
pub(super) async fn run(session: &mut SnykSession<'_>, scope: ListScope<'_>, round: &mut Round) {
    match round.hear(session.api, session.client().group_organizations(scope.group.0).await) {
        Ok(walk) => {
            let listing = walk.items.into_iter().map(|organization| OrganizationListing {
                id: OrganizationId(organization.id),
                name: organization.name.unwrap_or_else(|| organization.id.to_string()),
                slug: organization.slug,
            });
            let listing: Vec<_> = listing.collect();
            let is_missing = |watched: &OrganizationId| !listing.iter().any(|listed| listed.id == *watched);
            if scope.watched.iter().any(is_missing) {
                removed(session, &scope, round).await;
            }
            round.find(Finding::Organizations(scope.integration.clone(), Arc::new(listing)));
        }
        Err(failure) => {
            session.concede(round, Part::Organizations, "list the Group's Organizations", &failure).await;
        }
    }
}

async fn removed(session: &mut SnykSession<'_>, scope: &ListScope<'_>, round: &mut Round) {
    let kept_since = round.started_at - KEPT_FOR;
    let earlier = scope.known.and_then(|known| known.removed_organizations.as_ref());
    let from = earlier.map_or(kept_since, |evidence| (evidence.observed_at - OVERLAP).max(kept_since));
    match round.hear(session.api, session.client().group_audit_log(scope.group.0, from, &LEAVING).await) {
        Ok(walk) => {
            let mut removed = earlier.map(|evidence| evidence.value.clone()).unwrap_or_default();
            for event in walk.items.into_iter().filter_map(leaving) {
                if !removed.contains(&event) {
                    removed.push(event);
                }
            }
            removed.retain(|event| event.at >= kept_since);
            removed.sort_by_key(|event| event.at);
            round.find(Finding::RemovedOrganizations(scope.integration.clone(), removed));
        }
        Err(failure) => {
            session.concede(round, Part::RemovedOrganizations, "read the Group's audit log", &failure).await;
        }
    }
}

/// `None` for an event of another name, or about nobody knows which Organization.
fn leaving(event: AuditEvent) -> Option<RemovedOrganization> {
    if !LEAVING.contains(&event.event.as_str()) {
        return None;
    }
    let id = Uuid::parse_str(event.org_id.as_deref()?).ok()?;
    Some(RemovedOrganization {
        id: OrganizationId(id),
        name: event.org_name,
        at: event.created,
        user_id: event.user_id,
    })
}
