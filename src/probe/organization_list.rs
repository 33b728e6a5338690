//! Probe `organization_list`: the Group's Organizations, from a complete walk. One request per 100 of them.
//!
//! A denied list says nothing about the Group itself (it needs a right of its own), so it is a failure, never a finding.

use std::sync::Arc;

use super::round::Round;
use super::snyk_session::SnykSession;
use crate::domain::evidence::Part;
use crate::domain::facts::OrganizationListing;
use crate::domain::names::{GroupId, IntegrationName, OrganizationId};
use crate::domain::work::Finding;

/// Runs the probe.
pub(super) async fn run(
    session: &mut SnykSession<'_>,
    integration: &IntegrationName,
    group: GroupId,
    round: &mut Round,
) {
    match round.hear(session.api, session.client().group_organizations(group.0).await) {
        Ok(walk) => {
            let listing = walk.items.into_iter().map(|organization| OrganizationListing {
                id: OrganizationId(organization.id),
                name: organization.name.unwrap_or_else(|| organization.id.to_string()),
                slug: organization.slug,
            });
            round.find(Finding::Organizations(integration.clone(), Arc::new(listing.collect())));
        }
        Err(failure) => {
            session.concede(round, Part::Organizations, "list the Group's Organizations", &failure).await;
        }
    }
}
