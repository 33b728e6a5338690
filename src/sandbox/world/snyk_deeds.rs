//! What people and Snyk do to profiles, assets and tokens. Unknown names change nothing, see the deeds at Bitbucket's
//! end.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Asset, AssetRemoval, Availability, Fill, GroupSight, Organization, Profile, RemovalReason, SavedCredential,
    ScmCredentialKind, SnykToken, SyncState, World,
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
            scm_id_shown: Availability::Present,
            known_as: None,
            misdated: None,
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

    /// A Snyk token may no longer see an Organization: 404 from now on.
    pub fn hide_organization(&mut self, token: &str, slug: &str) {
        let id = self.snyk.organizations.iter().find(|known| known.slug == slug).map(|known| known.id);
        if let (Some(id), Some(token)) = (id, self.snyk_token_mut(token)) {
            token.hidden_organizations.insert(id);
        }
    }

    /// A Snyk token sees so much of its Group from now on.
    pub fn set_sight(&mut self, token: &str, sight: GroupSight) {
        if let Some(token) = self.snyk_token_mut(token) {
            token.sight = sight;
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
}
