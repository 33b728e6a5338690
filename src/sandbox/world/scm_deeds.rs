//! What people and Atlassian do at Bitbucket's end.
//!
//! A deed names things by their names: credentials and accounts (by user name), workspaces and repositories (by slug).
//! An unknown name changes nothing and gives `None` or zero, so that a test notices.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Availability, CredentialState, Hook, Repository, Role, ScmCredential, Workspace, World};
use crate::sandbox::ids;

impl World {
    /// The credential of this name, to change it.
    pub fn credential_mut(&mut self, name: &str) -> Option<&mut ScmCredential> {
        self.bitbucket.credentials.iter_mut().find(|credential| credential.name == name)
    }

    /// The workspace with this slug, to change it.
    pub fn workspace_mut(&mut self, slug: &str) -> Option<&mut Workspace> {
        self.bitbucket.workspaces.iter_mut().find(|workspace| workspace.slug == slug)
    }

    /// The repository with this slug in whatever workspace, to change it.
    pub fn repository_mut(&mut self, slug: &str) -> Option<&mut Repository> {
        self.bitbucket.repositories.iter_mut().find(|repository| repository.slug == slug)
    }

    /// The owner revokes a credential.
    pub fn revoke_credential(&mut self, name: &str) {
        if let Some(credential) = self.credential_mut(name) {
            credential.state = CredentialState::Revoked;
        }
    }

    /// A credential ends at this time.
    pub fn expire_credential(&mut self, name: &str, at: DateTime<Utc>) {
        if let Some(credential) = self.credential_mut(name) {
            credential.expires_at = Some(at);
        }
    }

    /// A credential's scopes no longer have `scope`. (In reality a new token with fewer scopes replaces it.)
    pub fn take_scope(&mut self, name: &str, scope: &str) {
        if let Some(credential) = self.credential_mut(name) {
            credential.scopes.remove(scope);
        }
    }

    /// The owner makes a new token `new_name` with the same scopes, which ends at `expires_at`. The old one goes on
    /// working until it ends or is revoked. Nothing in Snyk changes. Gives the new secret.
    pub fn rotate_credential(
        &mut self,
        name: &str,
        new_name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Option<String> {
        let old = self.bitbucket.credential(name)?.clone();
        let secret = ids::api_token(new_name);
        self.bitbucket.credentials.push(ScmCredential {
            name: new_name.to_owned(),
            secret: secret.clone(),
            created_at: self.now,
            expires_at,
            state: CredentialState::Allowed,
            token_id: ids::uuid(&format!("token {new_name}")).to_string(),
            admin_id: ids::uuid(&format!("admin {new_name}")),
            listed: Availability::Present,
            last_used: None,
            ..old
        });
        Some(secret)
    }

    /// An account is no longer a member of a workspace: it sees public repositories only.
    pub fn leave_workspace(&mut self, username: &str, slug: &str) {
        let account = self.account_id(username);
        if let (Some(account), Some(workspace)) = (account, self.workspace_mut(slug)) {
            workspace.members.remove(&account);
        }
    }

    /// An account is an ordinary member from now on and has no explicit Admin permission on any repository.
    pub fn take_admin(&mut self, username: &str) {
        let Some(account) = self.account_id(username) else { return };
        for workspace in &mut self.bitbucket.workspaces {
            workspace.members.entry(account).and_modify(|role| *role = Role::Member);
        }
        for repository in &mut self.bitbucket.repositories {
            repository.admins.remove(&account);
        }
    }

    /// A workspace gets another slug; the old one answers 404.
    pub fn rename_workspace(&mut self, slug: &str, new_slug: &str) {
        let now = self.now;
        let Some(workspace) = self.workspace_mut(slug) else { return };
        new_slug.clone_into(&mut workspace.slug);
        let id = workspace.uuid;
        for repository in self.bitbucket.repositories.iter_mut().filter(|repository| repository.workspace == id) {
            repository.discovery_changed_on = now;
        }
    }

    /// An account makes a workspace under a slug that another one had before: another id, and nothing in it.
    pub fn reuse_slug(&mut self, slug: &str, username: &str) -> Option<Uuid> {
        let owner = self.account_id(username)?;
        self.add_workspace(slug, owner);
        let uuid = ids::uuid(&format!("workspace {slug} again {}", self.now));
        let made = self.bitbucket.workspaces.last_mut()?;
        (made.uuid, made.created_on) = (uuid, self.now);
        Some(uuid)
    }

    /// A workspace and its repositories are deleted.
    pub fn delete_workspace(&mut self, slug: &str) {
        let Some(id) = self.bitbucket.workspace(slug).map(|workspace| workspace.uuid) else { return };
        self.bitbucket.workspaces.retain(|workspace| workspace.uuid != id);
        self.bitbucket.repositories.retain(|repository| repository.workspace != id);
    }

    /// Somebody pushes to a repository.
    pub fn push(&mut self, slug: &str) {
        let now = self.now;
        if let Some(repository) = self.repository_mut(slug) {
            repository.updated_on = now;
            repository.discovery_changed_on = now;
        }
    }

    /// Somebody edits a repository's metadata: `updated_on` moves, the asset never will.
    pub fn edit_metadata(&mut self, slug: &str) {
        let now = self.now;
        if let Some(repository) = self.repository_mut(slug) {
            repository.updated_on = now;
        }
    }

    /// Bitbucket dates a repository's last change so, whatever is pushed to it.
    pub fn misdate_change(&mut self, slug: &str, at: DateTime<Utc>) {
        if let Some(repository) = self.repository_mut(slug) {
            repository.updated_on = at;
        }
    }

    /// A private repository with a first commit appears in a workspace's first project. Gives its id.
    pub fn create_repository(&mut self, workspace: &str, slug: &str) -> Option<Uuid> {
        let now = self.now;
        let home = self.bitbucket.workspace(workspace)?;
        let project = home.projects.first().map_or_else(String::new, |project| project.key.clone());
        let uuid = ids::uuid(&format!("repository {workspace}/{slug}/{now}"));
        let repository = Repository {
            uuid,
            workspace: home.uuid,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            project,
            is_private: true,
            created_on: now,
            updated_on: now,
            discovery_changed_on: now,
            size: 65_536,
            main_branch: Some("main".to_owned()),
            archived: false,
            personal: false,
            catalog: None,
            hooks: Vec::new(),
            admins: std::collections::BTreeSet::new(),
            hidden_from: std::collections::BTreeSet::new(),
            discovery: Availability::Present,
        };
        self.bitbucket.repositories.push(repository);
        Some(uuid)
    }

    /// An empty repository appears: no branch, no bytes.
    pub fn create_empty_repository(&mut self, workspace: &str, slug: &str) -> Option<Uuid> {
        let id = self.create_repository(workspace, slug)?;
        let repository = self.repository_mut(slug)?;
        repository.main_branch = None;
        repository.size = 0;
        Some(id)
    }

    /// A repository is deleted.
    pub fn delete_repository(&mut self, slug: &str) {
        self.bitbucket.repositories.retain(|repository| repository.slug != slug);
    }

    /// A repository is archived: it stays visible in Bitbucket, the weekly clean-up removes its asset.
    pub fn archive_repository(&mut self, slug: &str) {
        if let Some(repository) = self.repository_mut(slug) {
            repository.archived = true;
        }
    }

    /// A repository gets another slug and name.
    pub fn rename_repository(&mut self, slug: &str, new_slug: &str) {
        let now = self.now;
        if let Some(repository) = self.repository_mut(slug) {
            new_slug.clone_into(&mut repository.slug);
            new_slug.clone_into(&mut repository.name);
            repository.updated_on = now;
            repository.discovery_changed_on = now;
        }
    }

    /// A repository moves to another workspace.
    pub fn transfer_repository(&mut self, slug: &str, to_workspace: &str) {
        let now = self.now;
        let Some(home) = self.bitbucket.workspace(to_workspace).map(|workspace| workspace.uuid) else { return };
        if let Some(repository) = self.repository_mut(slug) {
            repository.workspace = home;
            repository.updated_on = now;
            repository.discovery_changed_on = now;
        }
    }

    /// No repository gets commits any more: an idle workspace.
    pub fn stop_activity(&mut self) {
        self.activity.share = 0.0;
    }

    /// So many repositories lose their webhooks, in the order of the world. Gives how many had one.
    pub fn remove_hooks(&mut self, count: usize) -> usize {
        let hooked = self.bitbucket.repositories.iter_mut().filter(|repository| !repository.hooks.is_empty());
        hooked.take(count).map(|repository| repository.hooks.clear()).count()
    }

    /// Snyk installs its webhook on a repository that has none, as when it is imported again.
    pub fn install_webhook(&mut self, slug: &str) {
        let now = self.now;
        if let Some(repository) = self.repository_mut(slug).filter(|repository| repository.hooks.is_empty()) {
            repository.hooks.push(snyk_hook(repository.uuid, now));
        }
    }

    /// Every repository hook posts to another address, such as one whose pattern nobody knows.
    pub fn point_hooks_to(&mut self, url: &str) {
        for hook in self.bitbucket.repositories.iter_mut().flat_map(|repository| &mut repository.hooks) {
            url.clone_into(&mut hook.url);
        }
    }

    /// The id of the account with this user name.
    pub fn account_id(&self, username: &str) -> Option<Uuid> {
        self.bitbucket.accounts.iter().find(|account| account.username == username).map(|account| account.uuid)
    }
}

/// The webhook that Snyk installs on an imported repository. Its address is a guess: no public sample exists.
pub(super) fn snyk_hook(repository: Uuid, created_at: DateTime<Utc>) -> Hook {
    let id = ids::uuid(&format!("hook {repository}"));
    Hook {
        uuid: id,
        url: format!("https://api.snyk.io/webhook/bitbucket-cloud/{id}"),
        description: "Snyk".to_owned(),
        active: true,
        events: ["repo:push", "pullrequest:created", "pullrequest:updated"].map(str::to_owned).to_vec(),
        created_at: created_at + TimeDelta::seconds(1),
    }
}
