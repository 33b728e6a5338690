//! What people do to Organizations and to their integrations; the audit log tells most of it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{Actor, Place};
use super::{
    Availability, IntegrationMap, Organization, OrganizationIntegration, ProjectStatus, PullRequestChecks, Saved, World,
};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::{Api, ids};

impl World {
    /// An Org Admin saves a credential in the Organization's Bitbucket Cloud integration, making it where it is
    /// missing; the audit log tells. Inactive projects stay so until [`World::activate_projects`].
    pub fn save_at_organization(&mut self, slug: &str, credential: &str) {
        let Some(saved) = self.to_save(credential).map(Saved::Credential) else { return };
        self.save_integration(slug, "bitbucket-cloud", saved);
    }

    /// An Org Admin saves an integration of another Git host, such as `github`, making it where it is missing.
    pub fn save_other_integration(&mut self, slug: &str, integration_type: &str) {
        self.save_integration(slug, integration_type, Saved::OtherHost);
    }

    fn save_integration(&mut self, slug: &str, integration_type: &str, saved: Saved) {
        let now = self.now;
        let Some(organization) = self.organization_mut(slug) else { return };
        let place = organization.place();
        let existing = organization.integrations.iter_mut().find(|known| known.integration_type == integration_type);
        let (integration, event) = if let Some(integration) = existing {
            integration.saved = saved;
            integration.updated_at = now;
            (integration.clone(), "org.integration.edit")
        } else {
            let id = ids::uuid(&format!("integration {slug} {integration_type} {now}"));
            let integration = OrganizationIntegration::new(id, integration_type, saved, now);
            organization.integrations.push(integration.clone());
            for target in organization.targets.iter_mut().filter(|known| known.integration_type == integration_type) {
                target.integration = Some(id);
            }
            (integration, "org.integration.create")
        };
        self.write_integration_event(event, place, &integration, &json!({}), &json!({}));
    }

    /// An Org Admin removes the credentials of the Bitbucket integrations: the ids stay, their projects become inactive.
    pub fn remove_organization_credentials(&mut self, slug: &str) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let place = organization.place();
        let mut touched = Vec::new();
        for integration in organization.integrations.iter_mut().filter(|known| known.is_bitbucket()) {
            integration.saved = Saved::Removed;
            touched.push(integration.clone());
        }
        deactivate(organization, OrganizationIntegration::is_bitbucket);
        for integration in touched {
            self.write_integration_event("org.integration.edit", place, &integration, &json!({}), &json!({}));
        }
    }

    /// An Org Admin deletes the Bitbucket integrations: they are gone, their projects become inactive.
    pub fn delete_organization_integrations(&mut self, slug: &str) {
        self.delete_integrations(slug, OrganizationIntegration::is_bitbucket);
    }

    /// An Org Admin deletes the integration of another Git host.
    pub fn delete_other_integration(&mut self, slug: &str, integration_type: &str) {
        self.delete_integrations(slug, |known| known.integration_type == integration_type);
    }

    fn delete_integrations(&mut self, slug: &str, concerns: impl Fn(&OrganizationIntegration) -> bool) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let place = organization.place();
        deactivate(organization, &concerns);
        let deleted = organization.integrations.extract_if(.., |known| concerns(known)).collect::<Vec<_>>();
        for integration in deleted {
            self.write_integration_event("org.integration.delete", place, &integration, &json!({}), &json!({}));
        }
    }

    /// An Org Admin replaces the saved credential by the Bitbucket Cloud App.
    pub fn connect_app(&mut self, slug: &str) {
        let Some(organization) = self.organization_mut(slug) else { return };
        for integration in organization.integrations.iter_mut().filter(|known| known.is_bitbucket()) {
            "bitbucket-connect-app".clone_into(&mut integration.integration_type);
            integration.saved = Saved::App;
        }
    }

    /// An Org Admin switches the pull request checks of an integration; the audit log keeps the settings before and
    /// after.
    pub fn set_pull_request_checks(&mut self, slug: &str, integration_type: &str, checks: PullRequestChecks) {
        self.edit_settings(slug, integration_type, |integration| {
            integration.pull_request_test = Some(checks);
            integration.pull_request_code_test = Some(checks);
        });
    }

    /// An Org Admin changes the settings of an integration.
    pub fn edit_settings(
        &mut self,
        slug: &str,
        integration_type: &str,
        edit: impl FnOnce(&mut OrganizationIntegration),
    ) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let place = organization.place();
        let found = organization.integrations.iter_mut().find(|known| known.integration_type == integration_type);
        let Some(integration) = found else { return };
        let before = integration.settings();
        edit(integration);
        let integration = integration.clone();
        let after = integration.settings();
        self.write_integration_event("org.integration.settings.edit", place, &integration, &before, &after);
    }

    /// An Organization is made from another, as the Enterprise guide advises: it gets the integrations and what is
    /// saved in them, within a minute of its own creation; no project, no target. Gives its id.
    pub fn clone_organization(&mut self, template: &str, slug: &str) -> Option<Uuid> {
        let now = self.now;
        let source = self.snyk.organizations.iter().find(|known| known.slug == template)?.clone();
        let made = now + TimeDelta::seconds(40);
        let copies = source.integrations.iter().map(|known| OrganizationIntegration {
            id: ids::uuid(&format!("integration {slug} {}", known.integration_type)),
            created_at: made,
            updated_at: made,
            ..known.clone()
        });
        let organization = Organization {
            id: ids::uuid(&format!("organization {slug}")),
            name: slug.replace('-', " "),
            slug: slug.to_owned(),
            created_at: now,
            integrations: copies.collect(),
            targets: Vec::new(),
            projects: Vec::new(),
            integration_map: IntegrationMap::Listed,
            ..source
        };
        let id = organization.id;
        self.write_arrival(&organization);
        if self.snyk.audit.clones == Availability::Present {
            self.audit_creation(&organization);
        }
        self.snyk.organizations.push(organization);
        Some(id)
    }

    /// The audit logs tell that an Organization was made in its Group.
    pub(super) fn write_arrival(&mut self, organization: &Organization) {
        let (place, name) = (organization.place(), &organization.name);
        self.write_event("org.create", place, None, Actor::Person, json!({ "orgName": name }));
        self.write_membership_event("group.org.add", place, name);
    }

    /// An Organization disappears with all that it has: it answers 404 everywhere, the Group's log tells.
    pub fn delete_organization(&mut self, slug: &str) {
        let Some(organization) = self.take_organization(slug) else { return };
        let (place, name) = (organization.place(), &organization.name);
        self.write_event("org.delete", place, None, Actor::Person, json!({ "orgName": name }));
        self.write_membership_event("group.org.remove", place, name);
    }

    /// An Organization moves to another Group, which our token does not see.
    pub fn move_organization(&mut self, slug: &str, to: Uuid) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let (from, name) = (organization.place(), organization.name.clone());
        organization.group = to;
        self.write_membership_event("group.org.remove", from, &name);
        self.write_membership_event("group.org.add", Place { group: to, ..from }, &name);
    }

    /// V1 answers so about the integrations of an Organization.
    pub fn set_integration_map(&mut self, slug: &str, map: IntegrationMap) {
        if let Some(organization) = self.organization_mut(slug) {
            organization.integration_map = map;
        }
    }

    /// V1 misbehaves about the integrations of one Organization.
    pub fn break_integrations(&mut self, slug: &str, kind: FaultKind) {
        let Some(id) = self.organization_mut(slug).map(|found| found.id) else { return };
        self.faults.push(Fault::on(Api::Snyk, kind).below(&format!("/v1/org/{id}/integrations")));
    }

    /// The listing of every Group's Organizations misbehaves; each of them still answers by its id.
    pub fn break_organization_listing(&mut self, kind: &FaultKind) {
        for group in self.snyk.groups.iter().map(|group| group.id) {
            let path = format!("/rest/groups/{group}/orgs");
            self.faults.push(Fault::on(Api::Snyk, kind.clone()).below(&path));
        }
    }

    fn take_organization(&mut self, slug: &str) -> Option<Organization> {
        let place = self.snyk.organizations.iter().position(|known| known.slug == slug)?;
        Some(self.snyk.organizations.remove(place))
    }
}

impl OrganizationIntegration {
    /// Its settings, as V1 gives them; what is not told is missing.
    pub(crate) fn settings(&self) -> Value {
        let mut settings = json!({
            "pullRequestFailOnAnyVulns": false,
            "pullRequestFailOnlyForHighSeverity": true,
            "pullRequestAssignment": {},
            "autoDepUpgradeEnabled": false,
            "autoDepUpgradeLimit": 5,
            "autoRemediationPrs": { "freshPrsEnabled": true, "backlogPrsEnabled": false },
            "manualRemediationPrs": { "usePatchRemediation": true },
            "dockerfileSCMEnabled": true
        });
        let told = [
            ("pullRequestTestEnabled", self.pull_request_test),
            ("pullRequestTestCodeEnabled", self.pull_request_code_test),
        ];
        if let Some(settings) = settings.as_object_mut() {
            let told = told.into_iter().filter_map(|(key, checks)| Some((key, checks? == PullRequestChecks::On)));
            settings.extend(told.map(|(key, on)| (key.to_owned(), json!(on))));
        }
        settings
    }
}

/// The projects that came through such integrations become inactive.
fn deactivate(organization: &mut Organization, concerns: impl Fn(&OrganizationIntegration) -> bool) {
    let through: Vec<Uuid> =
        organization.integrations.iter().filter(|known| concerns(known)).map(|known| known.id).collect();
    let targets: Vec<Uuid> = organization
        .targets
        .iter()
        .filter(|target| target.integration.is_some_and(|id| through.contains(&id)))
        .map(|target| target.id)
        .collect();
    for project in organization.projects.iter_mut().filter(|project| targets.contains(&project.target)) {
        project.status = ProjectStatus::Inactive;
    }
}
