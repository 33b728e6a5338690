//! What people and Snyk do at Snyk's end. Unknown names change nothing, see the deeds at Bitbucket's end.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    Asset, AssetRemoval, AuditEvent, Fill, Organization, OrganizationIntegration, Profile, ProjectStatus,
    RemovalReason, Saved, SavedCredential, ScmCredentialKind, SnykToken, SyncState, Tests, World,
};
use crate::sandbox::ids;

/// Snyk's sync cycle at Group level.
pub(crate) const SYNC_CYCLE: TimeDelta = TimeDelta::hours(6);

impl World {
    /// The profile of this name in whatever Group, to change it.
    pub fn profile_mut(&mut self, name: &str) -> Option<&mut Profile> {
        self.snyk.groups.iter_mut().flat_map(|group| &mut group.profiles).find(|profile| profile.name == name)
    }

    /// The Organization with this slug, to change it.
    pub fn organization_mut(&mut self, slug: &str) -> Option<&mut Organization> {
        self.snyk.organizations.iter_mut().find(|organization| organization.slug == slug)
    }

    /// The Snyk token of this name, to change it.
    pub fn snyk_token_mut(&mut self, name: &str) -> Option<&mut SnykToken> {
        self.snyk.tokens.iter_mut().find(|token| token.name == name)
    }

    /// The asset of the repository with this slug, to change it.
    pub fn asset_mut(&mut self, slug: &str) -> Option<&mut Asset> {
        let id = self.bitbucket.repositories.iter().find(|repository| repository.slug == slug)?.uuid;
        let assets = self.snyk.groups.iter_mut().flat_map(|group| &mut group.assets);
        assets.into_iter().find(|asset| asset.scm_id == Some(id))
    }

    /// A credential of Bitbucket as it would be saved in Snyk: API tokens with their owner's e-mail.
    pub fn to_save(&self, credential: &str) -> Option<SavedCredential> {
        let credential = self.bitbucket.credential(credential)?;
        let account = credential.owner().and_then(|owner| self.bitbucket.account(owner));
        let email = match credential.kind {
            ScmCredentialKind::AppPassword { .. } => account.map(|account| account.username.clone()),
            _ => account.map(|account| account.email.clone()),
        };
        Some(SavedCredential { email, secret: credential.secret.clone() })
    }

    /// A Group Admin adds a profile with this credential to the first Group. Its first sync is one cycle away.
    pub fn add_profile(&mut self, name: &str, credential: &str) {
        let Some(saved) = self.to_save(credential) else { return };
        let now = self.now;
        let Some(group) = self.snyk.groups.first_mut() else { return };
        group.profiles.push(Profile {
            name: name.to_owned(),
            saved,
            configured_at: now,
            sync: SyncState::Running,
            fill: Fill::default(),
            backstage: None,
            next_sync: now + SYNC_CYCLE,
            next_enrichment: now + TimeDelta::days(1),
            next_clean_up: now + TimeDelta::days(7),
            last_sync: None,
            full_sync_due: true,
            arriving: VecDeque::new(),
            arrived_until: now,
        });
    }

    /// A Group Admin saves another credential in a profile. No public audit event tells of it.
    pub fn save_at_group(&mut self, profile: &str, credential: &str) {
        let Some(saved) = self.to_save(credential) else { return };
        if let Some(profile) = self.profile_mut(profile) {
            profile.saved = saved;
        }
        self.resave_profile(profile);
    }

    /// A Group Admin saves a profile again as it is: a stuck one runs again, the next cycle looks at every repository.
    pub fn resave_profile(&mut self, profile: &str) {
        if let Some(profile) = self.profile_mut(profile) {
            profile.full_sync_due = true;
            profile.fill.stop_at = None;
            if profile.sync == SyncState::Stuck {
                profile.sync = SyncState::Running;
            }
        }
    }

    /// Synchronisation of a profile stops, openly or silently, or goes on.
    pub fn set_sync(&mut self, profile: &str, sync: SyncState) {
        if let Some(profile) = self.profile_mut(profile) {
            profile.sync = sync;
        }
    }

    /// A Group Admin deletes a profile: its assets are removed with `deleted-profile`.
    pub fn delete_profile(&mut self, name: &str) {
        let at = self.now;
        for group in &mut self.snyk.groups {
            group.profiles.retain(|profile| profile.name != name);
            let removal = AssetRemoval { reason: RemovalReason::ProfileDeleted, at };
            for asset in group.assets.iter_mut().filter(|asset| asset.profile.as_deref() == Some(name)) {
                asset.removal.get_or_insert(removal);
                asset.updated_at = at;
            }
        }
    }

    /// So many live assets are removed from the Inventory for this reason. Gives how many.
    pub fn remove_assets(&mut self, reason: RemovalReason, count: usize) -> usize {
        let at = self.now;
        let assets = self.snyk.groups.iter_mut().flat_map(|group| &mut group.assets);
        let live = assets.filter(|asset| asset.removal.is_none()).take(count);
        live.map(|asset| {
            asset.removal = Some(AssetRemoval { reason, at });
            asset.updated_at = at;
        })
        .count()
    }

    /// Somebody scans a repository from a command line: an asset that no profile found, with no `last_sync`.
    pub fn scan_from_command_line(&mut self, workspace: &str, name: &str) {
        let now = self.now;
        let Some(group) = self.snyk.groups.first_mut() else { return };
        group.assets.push(Asset {
            id: ids::uuid(&format!("scan {workspace}/{name}")),
            profile: None,
            scm_id: None,
            name: name.to_owned(),
            url: format!("https://bitbucket.org/{workspace}/{name}"),
            workspace: workspace.to_owned(),
            project: String::new(),
            default_branch: None,
            is_private: true,
            archived: false,
            is_personal: false,
            pushed_at: now,
            last_sync: None,
            last_seen_at: now,
            created_at: now,
            updated_at: now,
            sources: vec!["snyk".to_owned()],
            context: None,
            removal: None,
        });
    }

    /// An Org Admin saves a credential in the Organization's Bitbucket Cloud integration, making it where it is
    /// missing; the audit log tells. Inactive projects stay so until [`World::activate_projects`].
    pub fn save_at_organization(&mut self, slug: &str, credential: &str) {
        let Some(saved) = self.to_save(credential) else { return };
        let now = self.now;
        let Some(organization) = self.organization_mut(slug) else { return };
        let (id, group) = (organization.id, organization.group);
        let existing = organization.integrations.iter_mut().find(|known| known.integration_type == "bitbucket-cloud");
        let (integration, event) = if let Some(integration) = existing {
            integration.saved = Saved::Credential(saved);
            integration.updated_at = now;
            (integration.id, "org.integration.edit")
        } else {
            let integration = ids::uuid(&format!("integration {slug} {now}"));
            organization.integrations.push(OrganizationIntegration {
                id: integration,
                integration_type: "bitbucket-cloud".to_owned(),
                saved: Saved::Credential(saved),
                created_at: now,
                updated_at: now,
            });
            for target in &mut organization.targets {
                target.integration = Some(integration);
            }
            (integration, "org.integration.create")
        };
        self.write_audit(event, group, Some(id), integration);
    }

    /// An Org Admin removes the integration's credentials: the id stays, its projects become inactive.
    pub fn remove_organization_credentials(&mut self, slug: &str) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let (id, group) = (organization.id, organization.group);
        let mut touched = Vec::new();
        for integration in &mut organization.integrations {
            integration.saved = Saved::Removed;
            touched.push(integration.id);
        }
        for project in &mut organization.projects {
            project.status = ProjectStatus::Inactive;
        }
        for integration in touched {
            self.write_audit("org.integration.edit", group, Some(id), integration);
        }
    }

    /// An Org Admin deletes the Organization's integrations: they are gone, its projects become inactive.
    pub fn delete_organization_integrations(&mut self, slug: &str) {
        let Some(organization) = self.organization_mut(slug) else { return };
        let (id, group) = (organization.id, organization.group);
        let deleted = std::mem::take(&mut organization.integrations);
        for project in &mut organization.projects {
            project.status = ProjectStatus::Inactive;
        }
        for integration in deleted {
            self.write_audit("org.integration.delete", group, Some(id), integration.id);
        }
    }

    /// An Org Admin replaces the saved credential by the Bitbucket Cloud App.
    pub fn connect_app(&mut self, slug: &str) {
        let Some(organization) = self.organization_mut(slug) else { return };
        for integration in &mut organization.integrations {
            "bitbucket-connect-app".clone_into(&mut integration.integration_type);
            integration.saved = Saved::App;
        }
    }

    /// So many active projects of an Organization become inactive. Gives how many.
    pub fn deactivate_projects(&mut self, slug: &str, count: usize) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let active = organization.projects.iter_mut().filter(|project| project.status == ProjectStatus::Active);
        active.take(count).map(|project| project.status = ProjectStatus::Inactive).count()
    }

    /// Every project of an Organization is active again. Gives how many were not.
    pub fn activate_projects(&mut self, slug: &str) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let inactive = organization.projects.iter_mut().filter(|project| project.status == ProjectStatus::Inactive);
        inactive.map(|project| project.status = ProjectStatus::Active).count()
    }

    /// So many targets of an Organization lose their projects: imported, and nothing found to test. Gives how many.
    pub fn empty_targets(&mut self, slug: &str, count: usize) -> usize {
        let Some(organization) = self.organization_mut(slug) else { return 0 };
        let emptied: Vec<Uuid> = organization.targets.iter().take(count).map(|target| target.id).collect();
        organization.projects.retain(|project| !emptied.contains(&project.target));
        emptied.len()
    }

    /// An Organization's daily tests silently stop, or run again.
    pub fn set_tests(&mut self, slug: &str, tests: Tests) {
        if let Some(organization) = self.organization_mut(slug) {
            organization.tests = tests;
        }
    }

    /// An Organization disappears with all that it has.
    pub fn delete_organization(&mut self, slug: &str) {
        self.snyk.organizations.retain(|organization| organization.slug != slug);
    }

    /// A Snyk token may no longer see an Organization: 404 from now on.
    pub fn hide_organization(&mut self, token: &str, slug: &str) {
        let id = self.snyk.organizations.iter().find(|known| known.slug == slug).map(|known| known.id);
        if let (Some(id), Some(token)) = (id, self.snyk_token_mut(token)) {
            token.hidden_organizations.insert(id);
        }
    }

    /// A Snyk token ends at this time.
    pub fn expire_snyk_token(&mut self, name: &str, at: DateTime<Utc>) {
        if let Some(token) = self.snyk_token_mut(name) {
            token.expires_at = Some(at);
        }
    }

    /// A Snyk token is revoked.
    pub fn revoke_snyk_token(&mut self, name: &str) {
        if let Some(token) = self.snyk_token_mut(name) {
            token.revoked = true;
        }
    }

    pub(super) fn write_audit(&mut self, event: &str, group: Uuid, organization: Option<Uuid>, integration: Uuid) {
        self.snyk.audit_log.push(AuditEvent {
            created: self.now,
            event: event.to_owned(),
            group,
            organization,
            project: None,
            content: json!({
                "integrationPublicId": integration, "interface": "ui", "before": {}, "after": {}
            }),
        });
    }
}
