//! A typical world: the company `acme`, one Group, one workspace, one access token saved at both levels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::scm_deeds::snyk_hook;
use super::{
    Account, AdminKey, Availability, Backstage, CatalogFile, CredentialState, Group, GroupSight, IntegrationMap, Level,
    Organization, OrganizationIntegration, Permission, Project, ProjectStatus, RecurringTests, Repository, Role, Saved,
    ScmCredential, ScmCredentialKind, ScmProject, SnykToken, SnykTokenKind, Target, TestTimes, Tests, Workspace, World,
};
use crate::sandbox::ids;

/// The workspace's slug.
pub const ACME_WORKSPACE: &str = "acme";
/// The user name of the account behind the token.
pub const ACME_ACCOUNT: &str = "acme-snyk-bot";
/// The name of the API token that is saved in Snyk.
pub const ACME_CREDENTIAL: &str = "snyk-integration";
/// The name of the Group's profile.
pub const ACME_PROFILE: &str = "main";
/// The name of the service account whose token snykwatch uses.
pub const ACME_SNYK_TOKEN: &str = "snykwatch";

const REPOSITORIES: usize = 128;
/// A token is made some minutes before somebody saves it.
const SAVED_AFTER: TimeDelta = TimeDelta::minutes(10);
/// A repository's last commit lies at most so many hours before the beginning.
const OLDEST_COMMIT_HOURS: usize = 24 * 60;

/// The pilot guide's permissions as granular scopes, with what Snyk's own scope page adds.
pub fn pilot_guide_scopes() -> BTreeSet<String> {
    let scopes = [
        "read:account",
        "read:user:bitbucket",
        "read:workspace:bitbucket",
        "read:project:bitbucket",
        "read:repository:bitbucket",
        "write:repository:bitbucket",
        "read:pullrequest:bitbucket",
        "write:pullrequest:bitbucket",
        "read:issue:bitbucket",
        "read:webhook:bitbucket",
        "write:webhook:bitbucket",
    ];
    scopes.map(str::to_owned).into_iter().collect()
}

impl World {
    /// The company `acme` at `now`: a workspace of 128 repositories with activity, an API token with the pilot guide's
    /// scopes that was just saved at the Group, a Snyk service account that may read everything, an Atlassian admin
    /// key. No Organization yet, no sync yet. A `now` in the past gives a history.
    pub fn acme(now: DateTime<Utc>) -> Self {
        let mut world = Self::new(now);
        let owner = world.add_account(ACME_ACCOUNT, "Snyk Bot", "snyk-bot@acme.example");
        world.add_api_token(ACME_CREDENTIAL, owner, pilot_guide_scopes());
        world.add_workspace(ACME_WORKSPACE, owner);
        world.atlassian.organization = ids::uuid("atlassian acme").to_string();
        world.atlassian.keys.push(AdminKey {
            name: "atlassian-admin".to_owned(),
            secret: format!("ATCTT3xFAKEADMIN{}", ids::hex("admin key")),
            scopes: vec!["read:tokens:admin".to_owned()],
        });
        world.snyk.groups.push(Group {
            id: ids::uuid("group acme"),
            name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            created_at: now - TimeDelta::days(400),
            profiles: Vec::new(),
            assets: Vec::new(),
        });
        world.add_profile(ACME_PROFILE, ACME_CREDENTIAL);
        world.add_snyk_token(ACME_SNYK_TOKEN, SnykTokenKind::ServiceAccountToken);
        world.with_repositories(REPOSITORIES)
    }

    /// The same world with so many repositories in the first workspace, in place of those it has.
    #[must_use]
    pub fn with_repositories(mut self, count: usize) -> Self {
        self.bitbucket.repositories.clear();
        let Some(workspace) = self.bitbucket.workspaces.first().map(|workspace| workspace.uuid) else { return self };
        for number in 0..count {
            let slug = format!("service-{number:03}");
            let age = TimeDelta::hours(i64::try_from(number * 37 % OLDEST_COMMIT_HOURS).unwrap_or(0) + 1);
            let uuid = ids::uuid(&format!("repository {slug}"));
            self.bitbucket.repositories.push(Repository {
                uuid,
                workspace,
                name: slug.clone(),
                slug,
                project: if number % 4 == 0 { "PAY" } else { "WEB" }.to_owned(),
                is_private: number % 16 != 15,
                created_on: self.now - TimeDelta::days(700),
                updated_on: self.now - age,
                discovery_changed_on: self.now - age,
                size: 1_000_000 + u64::try_from(number).unwrap_or(0),
                main_branch: Some("main".to_owned()),
                archived: false,
                personal: false,
                catalog: None,
                hooks: Vec::new(),
                admins: BTreeSet::new(),
                hidden_from: BTreeSet::new(),
                discovery: Availability::Present,
            });
        }
        self
    }

    /// The same world with so many Organizations more. Each has the integration with the token saved and an equal
    /// share of the repositories imported, with a webhook and one daily project each; where there are more
    /// Organizations than repositories, each has one.
    #[must_use]
    pub fn with_organizations(mut self, count: usize) -> Self {
        let Some(group) = self.snyk.groups.first().map(|group| group.id) else { return self };
        let (first, repositories) = (self.snyk.organizations.len(), self.bitbucket.repositories.len());
        for number in 0..count {
            let share: Vec<usize> = if count <= repositories {
                (number..repositories).step_by(count).collect()
            } else {
                number.checked_rem(repositories).into_iter().collect()
            };
            let mut organization = self.new_organization(group, &format!("acme-team-{:03}", first + number));
            self.audit_creation(&organization);
            for index in share {
                self.import(&mut organization, index);
            }
            self.snyk.organizations.push(organization);
        }
        self
    }

    /// The same world with Backstage on: every second repository carries the catalog file.
    #[must_use]
    pub fn with_backstage(mut self) -> Self {
        for repository in self.bitbucket.repositories.iter_mut().step_by(2) {
            repository.catalog = Some(CatalogFile {
                path: "catalog-info.yaml".to_owned(),
                component: repository.slug.clone(),
                owner: format!("team-{}", repository.project.to_lowercase()),
            });
        }
        for profile in self.snyk.groups.iter_mut().flat_map(|group| &mut group.profiles) {
            profile.backstage =
                Some(Backstage { file_name: "catalog-info.yaml".to_owned(), enrichment: Availability::Present });
        }
        self
    }

    /// Adds an account and gives its id.
    pub fn add_account(&mut self, username: &str, display_name: &str, email: &str) -> Uuid {
        let uuid = ids::uuid(&format!("account {username}"));
        self.bitbucket.accounts.push(Account {
            uuid,
            account_id: format!("712020:{}", ids::uuid(&format!("atlassian {username}"))),
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            email: email.to_owned(),
        });
        uuid
    }

    /// Adds an API token that lives for a year.
    pub fn add_api_token(&mut self, name: &str, owner: Uuid, scopes: BTreeSet<String>) {
        self.add_credential(name, ids::api_token(name), ScmCredentialKind::ApiToken { owner }, scopes);
    }

    /// Adds an app password, which Bitbucket refuses.
    pub fn add_app_password(&mut self, name: &str, owner: Uuid, scopes: BTreeSet<String>) {
        self.add_credential(name, ids::app_password(name), ScmCredentialKind::AppPassword { owner }, scopes);
    }

    /// Adds a workspace access token with classic scopes.
    pub fn add_workspace_access_token(&mut self, name: &str, workspace: Uuid, scopes: BTreeSet<String>) {
        let kind = ScmCredentialKind::WorkspaceAccessToken { workspace };
        self.add_credential(name, ids::access_token(name), kind, scopes);
    }

    fn add_credential(&mut self, name: &str, secret: String, kind: ScmCredentialKind, scopes: BTreeSet<String>) {
        self.bitbucket.credentials.push(ScmCredential {
            name: name.to_owned(),
            secret,
            kind,
            scopes,
            created_at: self.now - SAVED_AFTER,
            expires_at: Some(self.now + TimeDelta::days(365)),
            state: CredentialState::Allowed,
            token_id: ids::uuid(&format!("token {name}")).to_string(),
            admin_id: ids::uuid(&format!("admin {name}")),
            listed: Availability::Present,
            last_used: None,
        });
    }

    /// Adds a workspace with two projects, owned by this account.
    pub fn add_workspace(&mut self, slug: &str, owner: Uuid) -> Uuid {
        let uuid = ids::uuid(&format!("workspace {slug}"));
        let project = |key: &str, name: &str| ScmProject {
            uuid: ids::uuid(&format!("project {slug}/{key}")),
            key: key.to_owned(),
            name: name.to_owned(),
        };
        self.bitbucket.workspaces.push(Workspace {
            uuid,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            members: BTreeMap::from([(owner, Role::Owner)]),
            projects: vec![project("PAY", "Payments"), project("WEB", "Web")],
            hooks: Vec::new(),
            created_on: self.now - TimeDelta::days(800),
            is_private: false,
        });
        uuid
    }

    /// Adds a Snyk token of the first Group with every permission; access tokens live for 90 days, keys for ever.
    pub fn add_snyk_token(&mut self, name: &str, kind: SnykTokenKind) {
        let host = "api.snyk.io";
        let secret = match &kind {
            SnykTokenKind::ServiceAccountToken => ids::snyk_token("snyk_sat", name, host),
            SnykTokenKind::PersonalAccessToken => ids::snyk_token("snyk_uat", name, host),
            SnykTokenKind::UserApiToken | SnykTokenKind::ServiceAccountKey => {
                ids::uuid(&format!("snyk key {name}")).to_string()
            }
            SnykTokenKind::OauthClient { .. } | SnykTokenKind::AppClient { .. } => {
                format!("fake-client-secret-{}", ids::hex(name))
            }
        };
        let ends = matches!(kind, SnykTokenKind::ServiceAccountToken | SnykTokenKind::PersonalAccessToken);
        let group = self.snyk.groups.first().map_or_else(|| ids::uuid("no group"), |group| group.id);
        self.snyk.tokens.push(SnykToken {
            name: name.to_owned(),
            id: ids::uuid(&format!("snyk token {name}")),
            secret,
            kind,
            level: Level::Group(group),
            region: self.snyk.region.clone(),
            created_at: self.now,
            expires_at: ends.then(|| self.now + TimeDelta::days(90)),
            revoked: false,
            permissions: Permission::ALL.into_iter().collect(),
            hidden_organizations: BTreeSet::new(),
            sight: GroupSight::Whole,
        });
    }

    /// Adds a Group without profiles, Organizations and assets, and a Snyk token of its own.
    pub fn add_group(&mut self, slug: &str, token: &str) -> Uuid {
        let id = ids::uuid(&format!("group {slug}"));
        self.snyk.groups.push(Group {
            id,
            name: slug.replace('-', " "),
            slug: slug.to_owned(),
            created_at: self.now,
            profiles: Vec::new(),
            assets: Vec::new(),
        });
        self.add_snyk_token(token, SnykTokenKind::ServiceAccountToken);
        if let Some(token) = self.snyk_token_mut(token) {
            token.level = Level::Group(id);
        }
        id
    }

    /// Adds an Organization with the first credential saved and nothing imported.
    pub fn add_organization(&mut self, group: Uuid, slug: &str) -> Uuid {
        let organization = self.new_organization(group, slug);
        let id = organization.id;
        self.write_arrival(&organization);
        self.audit_creation(&organization);
        self.snyk.organizations.push(organization);
        id
    }

    /// The audit log tells that an Organization's integrations were made.
    pub(super) fn audit_creation(&mut self, organization: &Organization) {
        for integration in &organization.integrations {
            let place = organization.place();
            self.write_integration_event("org.integration.create", place, integration, &json!({}), &json!({}));
        }
    }

    /// An Organization imports a repository: a target, a daily project tested at once, a webhook. Gives the target.
    pub fn import_repository(&mut self, organization: &str, repository: &str) -> Option<Uuid> {
        let index = self.bitbucket.repositories.iter().position(|known| known.slug == repository)?;
        let place = self.snyk.organizations.iter().position(|known| known.slug == organization)?;
        let mut organization = self.snyk.organizations.remove(place);
        let target = self.import(&mut organization, index);
        self.snyk.organizations.insert(place, organization);
        target
    }

    fn new_organization(&self, group: Uuid, slug: &str) -> Organization {
        let now = self.now;
        let first = self.bitbucket.credentials.first().map(|credential| credential.name.clone());
        let saved = first.and_then(|name| self.to_save(&name)).map_or(Saved::Removed, Saved::Credential);
        Organization {
            id: ids::uuid(&format!("organization {slug}")),
            group,
            name: slug.replace('-', " "),
            slug: slug.to_owned(),
            created_at: now - TimeDelta::days(300),
            integrations: vec![OrganizationIntegration::new(
                ids::uuid(&format!("integration {slug}")),
                "bitbucket-cloud",
                saved,
                now,
            )],
            targets: Vec::new(),
            projects: Vec::new(),
            tests: Tests::Running,
            integration_map: IntegrationMap::Listed,
        }
    }

    fn import(&mut self, organization: &mut Organization, index: usize) -> Option<Uuid> {
        let now = self.now;
        let found = self.bitbucket.repositories.get(index)?;
        let (repository, is_private, url) = (found.uuid, found.is_private, self.bitbucket.url_of(found));
        let display_name = url.trim_start_matches("https://bitbucket.org/").to_owned();
        let target = ids::uuid(&format!("target {} {repository}", organization.slug));
        let integration = organization.integrations.iter().find(|known| known.is_bitbucket());
        organization.projects.push(Project {
            id: ids::uuid(&format!("project {} {repository}", organization.slug)),
            target,
            name: format!("{display_name}:package.json"),
            origin: "bitbucket-cloud".to_owned(),
            project_type: "npm".to_owned(),
            target_file: "package.json".to_owned(),
            status: ProjectStatus::Active,
            created: now,
            last_tested: Some(now),
            recurring_tests: RecurringTests::Daily,
            tests: Tests::Running,
            pull_requests: None,
            told: TestTimes::Told,
        });
        organization.targets.push(Target {
            id: target,
            display_name,
            url: Some(url),
            is_private,
            created_at: now,
            integration: integration.map(|integration| integration.id),
            integration_type: integration
                .map_or_else(|| "bitbucket-cloud".to_owned(), |known| known.integration_type.clone()),
            repository: Some(repository),
        });
        let hooked = self.bitbucket.repositories.get_mut(index)?;
        if hooked.hooks.is_empty() {
            hooked.hooks.push(snyk_hook(repository, now));
        }
        Some(target)
    }
}
