//! What an account sees at Bitbucket: rights taken and given back, repositories that leave, come again, or were never
//! found by Snyk. A deed names things by their names, see the deeds at Bitbucket's end.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Availability, CredentialState, DeletionMeanwhile, Repository, Role, World};
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::{Api, ids};

impl World {
    /// An account may no longer see so many private repositories of a workspace, though it stays a member. It is an
    /// ordinary member then, since an administrator sees all, and administers what it still sees. Gives how many.
    pub fn hide_repositories(&mut self, username: &str, workspace: &str, count: usize) -> usize {
        let mut left = count;
        self.hide_where(username, workspace, |_| {
            let hides = left > 0;
            left = left.saturating_sub(1);
            hides
        })
    }

    /// An account may no longer see one repository, as [`World::hide_repositories`] does.
    pub fn hide_repository(&mut self, username: &str, workspace: &str, slug: &str) -> usize {
        self.hide_where(username, workspace, |repository| repository.slug == slug)
    }

    /// An account may no longer see a project of a workspace, as [`World::hide_repositories`] does.
    pub fn hide_project(&mut self, username: &str, workspace: &str, project: &str) -> usize {
        self.hide_where(username, workspace, |repository| repository.project == project)
    }

    fn hide_where(&mut self, username: &str, workspace: &str, mut hides: impl FnMut(&Repository) -> bool) -> usize {
        let account = self.account_id(username);
        let (Some(account), Some(found)) = (account, self.workspace_mut(workspace)) else { return 0 };
        let home = found.uuid;
        found.members.entry(account).and_modify(|role| *role = Role::Member);
        let mut hidden = 0;
        for repository in self.bitbucket.repositories.iter_mut().filter(|known| known.workspace == home) {
            if repository.hidden_from.contains(&account) {
                continue;
            }
            if repository.is_private && hides(repository) {
                repository.hidden_from.insert(account);
                repository.admins.remove(&account);
                hidden += 1;
            } else {
                repository.admins.insert(account);
            }
        }
        hidden
    }

    /// An account sees every repository of a workspace again. Gives how many it did not see.
    pub fn reveal_repositories(&mut self, username: &str, workspace: &str) -> usize {
        let account = self.account_id(username);
        let (Some(account), Some(home)) = (account, self.workspace_mut(workspace).map(|found| found.uuid)) else {
            return 0;
        };
        let here = self.bitbucket.repositories.iter_mut().filter(|known| known.workspace == home);
        here.map(|repository| {
            let was_hidden = repository.hidden_from.remove(&account);
            if was_hidden {
                repository.admins.insert(account);
            }
            usize::from(was_hidden)
        })
        .sum()
    }

    /// An account has this role in a workspace from now on, whether it belonged to it or not.
    pub fn set_role(&mut self, username: &str, workspace: &str, role: Role) {
        let account = self.account_id(username);
        if let (Some(account), Some(workspace)) = (account, self.workspace_mut(workspace)) {
            workspace.members.insert(account, role);
        }
    }

    /// An account has the explicit Admin permission on one repository from now on.
    pub fn give_admin(&mut self, username: &str, slug: &str) {
        if let (Some(account), Some(repository)) = (self.account_id(username), self.repository_mut(slug)) {
            repository.admins.insert(account);
        }
    }

    /// An account no longer has the explicit Admin permission on one repository.
    pub fn take_admin_of(&mut self, username: &str, slug: &str) {
        if let (Some(account), Some(repository)) = (self.account_id(username), self.repository_mut(slug)) {
            repository.admins.remove(&account);
        }
    }

    /// These repositories are deleted the next time that somebody reads the repositories of a workspace, after the first
    /// page and before the second.
    pub fn delete_during_walk(&mut self, workspace: &str, slugs: &[&str]) {
        let slugs = slugs.iter().map(|slug| (*slug).to_owned()).collect();
        self.deletions.push(DeletionMeanwhile { path: format!("/2.0/repositories/{workspace}"), slugs });
    }

    /// A later page of the list at `path` is about to be read.
    pub(crate) fn turn_page(&mut self, path: &str) {
        let due: Vec<_> = self.deletions.extract_if(.., |deletion| deletion.path == path).collect();
        for slug in due.iter().flat_map(|deletion| &deletion.slugs) {
            self.delete_repository(slug);
        }
    }

    /// A workspace and all its repositories become private: who does not belong to it is told 404.
    pub fn make_private(&mut self, workspace: &str) {
        let Some(found) = self.workspace_mut(workspace) else { return };
        found.is_private = true;
        let home = found.uuid;
        for repository in self.bitbucket.repositories.iter_mut().filter(|known| known.workspace == home) {
            repository.is_private = true;
        }
    }

    /// A repository is deleted and made again under its name: another id, no webhook, a first commit now. Its old asset
    /// stays until the weekly clean-up. Gives the new id.
    pub fn recreate_repository(&mut self, slug: &str) -> Option<Uuid> {
        let now = self.now;
        let repository = self.repository_mut(slug)?;
        repository.uuid = ids::uuid(&format!("repository {slug} again {now}"));
        repository.created_on = now;
        repository.updated_on = now;
        repository.discovery_changed_on = now;
        repository.hooks.clear();
        Some(repository.uuid)
    }

    /// So many repositories move from one workspace to another and keep their ids. Gives how many.
    pub fn transfer_repositories(&mut self, from: &str, to: &str, count: usize) -> usize {
        let now = self.now;
        let id = |slug: &str| self.bitbucket.workspace(slug).map(|workspace| workspace.uuid);
        let (Some(from), Some(to)) = (id(from), id(to)) else { return 0 };
        let here = self.bitbucket.repositories.iter_mut().filter(|known| known.workspace == from).take(count);
        here.map(|repository| {
            repository.workspace = to;
            repository.updated_on = now;
            repository.discovery_changed_on = now;
        })
        .count()
    }

    /// A repository is so old, as `created_on` says.
    pub fn set_repository_age(&mut self, slug: &str, age: TimeDelta) {
        let now = self.now;
        if let Some(repository) = self.repository_mut(slug) {
            repository.created_on = now - age;
        }
    }

    /// Snyk's discovery overlooks a repository that has no asset yet, whatever is pushed to it.
    pub fn overlook_repository(&mut self, slug: &str) {
        if let Some(repository) = self.repository_mut(slug) {
            repository.discovery = Availability::Absent;
        }
    }

    /// Snyk's discovery overlooks every repository of a workspace that has no asset yet.
    pub fn overlook_workspace(&mut self, workspace: &str) {
        let Some(home) = self.bitbucket.workspace(workspace).map(|found| found.uuid) else { return };
        for repository in self.bitbucket.repositories.iter_mut().filter(|known| known.workspace == home) {
            repository.discovery = Availability::Absent;
        }
    }

    /// An organisation admin blocks a credential.
    pub fn block_credential(&mut self, name: &str) {
        if let Some(credential) = self.credential_mut(name) {
            credential.state = CredentialState::Blocked;
        }
    }

    /// Atlassian's admin API no longer lists a credential, which goes on working.
    pub fn unlist_credential(&mut self, name: &str) {
        if let Some(credential) = self.credential_mut(name) {
            credential.listed = Availability::Absent;
        }
    }

    /// Bitbucket's `/2.0/user` misbehaves, and nothing else does: neither the workspaces nor the repositories.
    pub fn break_own_user(&mut self, kind: FaultKind) {
        self.faults.push(Fault::on(Api::Bitbucket, kind).at("/2.0/user"));
    }

    /// Where a credential is saved in Snyk: names of profiles, slugs of Organizations.
    pub fn places_of(&self, credential: &str) -> Vec<String> {
        let Some(wanted) = self.to_save(credential) else { return Vec::new() };
        let profiles = self.snyk.groups.iter().flat_map(|group| &group.profiles);
        let profiles = profiles.filter(|profile| profile.saved == wanted).map(|profile| profile.name.clone());
        let saved = super::Saved::Credential(wanted.clone());
        let organizations = self.snyk.organizations.iter();
        let organizations = organizations
            .filter(|organization| organization.integrations.iter().any(|known| known.saved == saved))
            .map(|organization| organization.slug.clone());
        profiles.chain(organizations).collect()
    }
}
