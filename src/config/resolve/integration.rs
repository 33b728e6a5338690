//! Resolves the `integrations` and `permission_sets` sections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;
use uuid::Uuid;

use super::{Index, Resolver};
use crate::config::alerts::AlertRules;
use crate::config::conditions::ConditionSettings;
use crate::config::credential::Credential;
use crate::config::globs::Globs;
use crate::config::integration::{
    Backstage, DEFAULT_BACKSTAGE_FILE_NAME, Discover, GroupIntegration, Integration, OrganizationRef, Organizations,
    Profile, UrlPattern, Workspaces,
};
use crate::config::problem::{Place, Problem, ProblemKind};
use crate::config::raw::Named;
use crate::config::raw::integration::{
    RawBackstage, RawDiscover, RawGroup, RawIntegration, RawOrganizations, RawPermissionSet, RawProfile, RawScm,
};
use crate::config::raw::spanned::Spanned;
use crate::config::raw::value::RawInstant;
use crate::config::snyk::SnykEntry;
use crate::domain::kinds::Scm;
use crate::domain::names::{CredentialName, GroupId, IntegrationName, OrganizationId, ProfileName, WorkspaceSlug};
use crate::domain::permission::PermissionSet;

/// What an integration may refer to.
pub(super) struct Scope<'a> {
    pub(super) snyk: &'a Index<'a, SnykEntry>,
    pub(super) credentials: &'a Index<'a, Credential>,
    pub(super) permission_sets: &'a BTreeMap<String, Arc<PermissionSet>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn permission_sets(&self, section: &Named<RawPermissionSet>) -> BTreeMap<String, Arc<PermissionSet>> {
        let built_in = [PermissionSet::pilot_guide(), PermissionSet::group(), PermissionSet::organization()];
        let mut sets: BTreeMap<_, _> = built_in.into_iter().map(|set| (set.name.clone(), Arc::new(set))).collect();
        for (name, raw) in section {
            self.check_name(name);
            let required = self.need(raw.value.required.as_ref(), raw.place, "required").map_or(&[][..], Vec::as_slice);
            let mut seen = BTreeSet::new();
            for permission in required.iter().chain(&raw.value.optional) {
                if !seen.insert(permission.value.0) {
                    let message = format!("`{}` is listed twice", permission.value.0);
                    self.note(Problem::error(ProblemKind::DuplicateName, permission.place, message));
                }
            }
            let set = PermissionSet {
                name: name.value.clone(),
                required: required.iter().map(|permission| permission.value.0).collect(),
                optional: raw.value.optional.iter().map(|permission| permission.value.0).collect(),
            };
            sets.insert(set.name.clone(), Arc::new(set));
        }
        sets
    }

    pub(super) fn integration(
        &self,
        name: &Spanned<String>,
        raw: &'a Spanned<RawIntegration>,
        scope: &Scope<'_>,
        conditions: &ConditionSettings,
        rules: &AlertRules,
    ) -> Option<Integration> {
        let Spanned { value: raw, place } = raw;
        let scm = self.need(raw.scm.as_ref(), *place, "scm");
        let group = raw.group.as_ref().map(|group| self.group(&group.value, group.place, scope));
        let group_snyk = raw.group.as_ref().and_then(|group| group.value.snyk.as_ref());
        let organizations = raw
            .organizations
            .as_ref()
            .map(|organizations| self.organizations(&organizations.value, organizations.place, group_snyk, scope));
        if group.is_none() && organizations.is_none() {
            self.missing_choice(*place, &["group", "organizations"]);
        }
        for (rule, place) in raw.rules.iter().flat_map(|rules| rules.value.shared()) {
            let message = format!("`{rule}` cannot be set for one integration: others may share what it is about");
            let help = format!("set `alerts.rules.{rule}`, which holds for all");
            self.note(Problem::error(ProblemKind::InvalidValue, place, message).help(help));
        }
        let conditions = self.conditions(raw.conditions.as_ref(), conditions);
        let rules = self.rules(raw.rules.as_ref(), rules);
        Some(Integration {
            name: IntegrationName::new(&name.value),
            scm: match scm? {
                RawScm::BitbucketCloud => Scm::BitbucketCloud,
            },
            owner: raw.owner.clone(),
            // An outer `Some` is a level that is watched, an inner `None` one that has problems: they are noted.
            group: group.flatten(),
            organizations: organizations.flatten(),
            conditions,
            rules,
        })
    }

    fn group(&self, raw: &'a RawGroup, place: Place, scope: &Scope<'_>) -> Option<GroupIntegration> {
        let snyk = self.need(raw.snyk.as_ref(), place, "snyk").and_then(|name| self.look_up(name, scope.snyk));
        let id = self.need(raw.id.as_ref(), place, "id");
        if let Some(configured_at) = &raw.configured_at {
            self.check_past("configured_at", configured_at);
        }
        let profiles =
            self.need(raw.profiles.as_ref(), place, "profiles").map(|profiles| self.profiles(profiles, scope));
        let backstage = raw.backstage.as_ref().map(|backstage| self.backstage(backstage));
        let ignore = self.globs(&raw.ignore);
        let permissions = self.permission_set(raw.permissions.as_ref(), PermissionSet::group(), scope.permission_sets);
        Some(GroupIntegration {
            snyk: snyk?,
            id: GroupId(id?.0),
            name: raw.name.clone(),
            configured_at: raw.configured_at.as_ref().map(|instant| instant.value.0),
            permissions,
            profiles: profiles?,
            backstage,
            ignore,
            source: raw.source.clone(),
        })
    }

    fn profiles(&self, raw: &'a Spanned<Named<RawProfile>>, scope: &Scope<'_>) -> BTreeMap<ProfileName, Profile> {
        if raw.value.is_empty() {
            self.note(Problem::error(
                ProblemKind::InvalidValue,
                raw.place,
                "a Group integration has at least one profile",
            ));
        }
        let mut profiles = BTreeMap::new();
        let mut covered: BTreeMap<String, &str> = BTreeMap::new();
        for (name, profile) in &raw.value {
            self.check_name(name);
            for workspace in profile.value.workspaces.iter().flat_map(|workspaces| &workspaces.value) {
                if let Some(other) = covered.insert(workspace.value.to_lowercase(), &name.value) {
                    let message = format!("the workspace `{}` is listed twice", workspace.value);
                    let help = format!("the profile `{other}` covers it already");
                    self.note(Problem::error(ProblemKind::DuplicateName, workspace.place, message).help(help));
                }
            }
            if let Some(resolved) = self.profile(name, &profile.value, profile.place, scope) {
                profiles.insert(resolved.name.clone(), resolved);
            }
        }
        profiles
    }

    fn profile(&self, name: &Spanned<String>, raw: &'a RawProfile, place: Place, scope: &Scope<'_>) -> Option<Profile> {
        let credential = self.need(raw.credential.as_ref(), place, "credential");
        let credential = credential.and_then(|name| self.look_up(name, scope.credentials));
        let workspaces = match &raw.workspaces {
            None => Workspaces::All,
            Some(list) => {
                if list.value.is_empty() {
                    let message = "an empty list of workspaces covers nothing";
                    let help = "list at least one, or remove the key to cover every workspace the account sees";
                    self.note(Problem::error(ProblemKind::InvalidValue, list.place, message).help(help));
                }
                Workspaces::Named(list.value.iter().map(|slug| self.workspace(slug)).collect())
            }
        };
        Some(Profile { name: ProfileName::new(&name.value), credential: credential?, workspaces })
    }

    /// Slugs go into the paths of requests.
    fn workspace(&self, slug: &Spanned<String>) -> WorkspaceSlug {
        let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        if slug.value.is_empty() || !slug.value.chars().all(allowed) {
            let message = format!("`{}` is no workspace", slug.value.escape_debug());
            let help = "write the workspace's slug: the part after bitbucket.org/ in its address";
            self.note(Problem::error(ProblemKind::InvalidValue, slug.place, message).help(help));
        }
        WorkspaceSlug::new(slug.value.to_lowercase())
    }

    fn backstage(&self, raw: &RawBackstage) -> Backstage {
        let Some(name) = &raw.file_name else { return Backstage { file_name: DEFAULT_BACKSTAGE_FILE_NAME.to_owned() } };
        if name.value.is_empty() || name.value.starts_with('/') || name.value.split('/').any(|part| part == "..") {
            let message = format!("`{}` is no file of a repository", name.value.escape_debug());
            self.note(Problem::error(ProblemKind::InvalidValue, name.place, message));
        }
        Backstage { file_name: name.value.clone() }
    }

    fn organizations(
        &self,
        raw: &'a RawOrganizations,
        place: Place,
        group_snyk: Option<&'a Spanned<String>>,
        scope: &Scope<'_>,
    ) -> Option<Organizations> {
        let snyk = match (&raw.snyk, group_snyk) {
            (Some(name), _) => self.look_up(name, scope.snyk),
            // Noted at the Group already, if it is wrong.
            (None, Some(name)) => scope.snyk.resolved.get(&CredentialName::new(&name.value)).map(Arc::clone),
            (None, None) => {
                self.need(None::<&()>, place, "snyk");
                None
            }
        };
        let credential = self.need(raw.credential.as_ref(), place, "credential");
        let credential = credential.and_then(|name| self.look_up(name, scope.credentials));
        let mut overrides = BTreeMap::new();
        for (organization, raw) in &raw.overrides {
            let name = self.need(raw.credential.as_ref(), organization.place, "credential");
            if let Some(credential) = name.and_then(|name| self.look_up(name, scope.credentials)) {
                overrides.insert(organization_ref(&organization.value), credential);
            }
        }
        let permissions = raw.permissions.as_ref();
        let permissions = self.permission_set(permissions, PermissionSet::organization(), scope.permission_sets);
        let webhook_url_pattern = raw.webhook_url_pattern.as_ref().and_then(|pattern| self.pattern(pattern));
        let (discover, exclude) = (self.discover(raw.discover.as_ref()), self.globs(&raw.exclude));
        Some(Organizations {
            snyk: snyk?,
            credential: credential?,
            discover,
            exclude,
            require: raw.require.iter().map(|organization| organization_ref(&organization.value)).collect(),
            overrides,
            webhook_url_pattern,
            permissions,
        })
    }

    fn discover(&self, raw: Option<&Spanned<RawDiscover>>) -> Discover {
        match raw.map(|raw| (&raw.value, raw.place)) {
            None | Some((RawDiscover::All, _)) => Discover::All,
            Some((RawDiscover::Listed(ids), place)) => {
                if ids.is_empty() {
                    let message = "an empty list of Organizations covers nothing";
                    let help = "list at least one, or write `all`";
                    self.note(Problem::error(ProblemKind::InvalidValue, place, message).help(help));
                }
                Discover::Listed(ids.iter().map(|id| OrganizationId(id.value.0)).collect())
            }
        }
    }

    fn globs(&self, raw: &[Spanned<String>]) -> Globs {
        for glob in raw.iter().filter(|glob| glob.value.is_empty()) {
            self.note(Problem::error(ProblemKind::InvalidValue, glob.place, "an empty pattern matches nothing"));
        }
        let patterns = raw.iter().map(|glob| glob.value.clone()).collect();
        Globs::try_new(patterns).unwrap_or_else(|error| {
            let place = raw.first().map(|glob| glob.place);
            self.note(Problem::error(
                ProblemKind::InvalidValue,
                place,
                format!("these patterns are too large: {error}"),
            ));
            Globs::default()
        })
    }

    fn pattern(&self, raw: &Spanned<String>) -> Option<UrlPattern> {
        match Regex::new(&raw.value) {
            Ok(regex) => Some(UrlPattern(regex)),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let message = format!("this is no regular expression: {reason}");
                self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message));
                None
            }
        }
    }

    pub(super) fn check_past(&self, key: &str, instant: &Spanned<RawInstant>) {
        if instant.value.0 > self.now {
            let message = format!("`{key}` lies in the future");
            let now = self.now.format("%Y-%m-%dT%H:%M:%SZ");
            let (kind, place) = (ProblemKind::InvalidValue, instant.place);
            self.note(if self.secrets.may_be_early() {
                let help = format!("it is {now} by the clock of this machine: see that it is right (NTP)");
                Problem::warning(kind, place, message).help(help)
            } else {
                Problem::error(kind, place, message).help(format!("it is {now} now"))
            });
        }
    }
}

fn organization_ref(text: &str) -> OrganizationRef {
    text.parse::<Uuid>()
        .map_or_else(|_| OrganizationRef::Name(text.to_owned()), |id| OrganizationRef::Id(OrganizationId(id)))
}
