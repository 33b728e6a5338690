//! Which probe a piece of work is, with everything it needs looked up: a pure step between the work and the requests.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::catalog::{self, Part};
use super::inventory::{self, InventoryScope, Selection};
use super::organization::{self, OrganizationScope};
use super::organization_list;
use super::round::Round;
use super::scm::{CredentialScope, ProfileScope, ScmProbes, words_of};
use super::snyk_session::SnykSession;
use super::targets::{IntegrationSettings, Targets};
use super::webhooks::{self, WebhookScope};
use super::{group_access, snyk_token};
use crate::domain::evidence::{EvidenceBook, OrganizationEvidence, ProfileEvidence};
use crate::domain::facts::{WorkspaceFact, normalised_url};
use crate::domain::fleet::{WatchedGroup, WatchedIntegration};
use crate::domain::incident::{Rule, Subject};
use crate::domain::kinds::Role;
use crate::domain::names::{
    ApiName, CredentialName, IntegrationKey, IntegrationName, OrganizationId, ProfileName, RepositoryId, WorkspaceSlug,
};
use crate::domain::permission::Permission;
use crate::domain::state::State;
use crate::domain::work::{Finding, ProbeKind, Work, WorkSubject};

/// A probe that is ready to run.
pub(super) struct Plan<'a> {
    credential: &'a CredentialName,
    api: &'a ApiName,
    subject: &'a WorkSubject,
    kind: ProbeKind,
    targets: &'a Targets,
    state: &'a State,
}

impl<'a> Plan<'a> {
    /// `None` when the subject is not configured, or the kind of probe does not fit it.
    pub(super) fn of(work: &'a Work, targets: &'a Targets, state: &'a State) -> Option<Self> {
        let fleet = &targets.fleet;
        let group_of = |name: &IntegrationName| fleet.integrations.get(name)?.group.as_ref();
        let credential = match (work.kind, &work.subject) {
            (ProbeKind::SnykToken | ProbeKind::ScmCredential, WorkSubject::Credential(name)) => name,
            (ProbeKind::GroupAccess | ProbeKind::Inventory | ProbeKind::OrganizationList, WorkSubject::Group(name)) => {
                match fleet.integrations.get(name)? {
                    WatchedIntegration { group: Some(group), .. } => &group.snyk,
                    _ => return None,
                }
            }
            // Several profiles may use several credentials; the first one's turn stands for all.
            (ProbeKind::Catalog, WorkSubject::Group(name)) => &group_of(name)?.profiles.values().next()?.credential,
            (ProbeKind::Profile, WorkSubject::Profile(name, profile)) => {
                &group_of(name)?.profiles.get(profile)?.credential
            }
            (ProbeKind::Organization, WorkSubject::Organization(key)) => {
                &fleet.integrations.get(&key.integration)?.organizations.as_ref()?.snyk
            }
            (ProbeKind::Webhooks, WorkSubject::Organization(key)) => {
                fleet.integrations.get(&key.integration)?.organizations.as_ref()?.credential_of(key.organization?)
            }
            _ => return None,
        };
        let is_snyk = targets.snyk.contains_key(credential) && !targets.scm.contains_key(credential);
        let api = if is_snyk {
            &fleet.snyk_tokens.get(credential)?.api
        } else {
            targets.scm.get(credential)?;
            &fleet.scm_credentials.get(credential)?.api
        };
        Some(Self { credential, api, subject: &work.subject, kind: work.kind, targets, state })
    }

    /// Whose turn it takes.
    pub(super) fn credential(&self) -> &'a CredentialName {
        self.credential
    }

    /// The API that is asked first.
    pub(super) fn api(&self) -> &'a ApiName {
        self.api
    }

    /// Asks.
    pub(super) async fn run(self, round: &mut Round) {
        match self.subject {
            WorkSubject::Credential(_) => self.run_about_credential(round).await,
            WorkSubject::Group(name) => self.run_about_group(name, round).await,
            WorkSubject::Profile(name, profile) => self.run_about_profile(name, profile, round).await,
            WorkSubject::Organization(key) => self.run_about_organization(key, round).await,
        }
    }

    fn book(&self) -> &'a EvidenceBook {
        &self.state.evidence
    }

    fn session(&self) -> Option<SnykSession<'a>> {
        let target = self.targets.snyk.get(self.credential)?;
        Some(SnykSession::new(self.credential, self.api, target, self.book()))
    }

    fn scm(&self, credential: &CredentialName) -> Option<&'a dyn ScmProbes> {
        self.targets.scm.get(credential).map(|probes| &**probes)
    }

    fn settings(&self, integration: &IntegrationName) -> IntegrationSettings {
        self.targets.settings.get(integration).cloned().unwrap_or_default()
    }

    async fn run_about_credential(&self, round: &mut Round) {
        if self.kind == ProbeKind::SnykToken {
            let Some(mut session) = self.session() else { return };
            let organizations = self.organizations_of(self.credential);
            return snyk_token::run(&mut session, &self.targets.fleet, &organizations, round).await;
        }
        let scope = self.credential_scope(self.credential, None);
        if let (Some(probes), Some(scope)) = (self.scm(self.credential), scope) {
            probes.check_credential(scope.clone(), round).await;
            self.ask_with_previous_secret(scope, round).await;
        }
    }

    /// Learns whether the secret before the present one still works, where it is the PAT that is saved in Snyk.
    async fn ask_with_previous_secret(&self, scope: CredentialScope<'a>, round: &mut Round) {
        if scope.credential.role != Role::Integration {
            return;
        }
        let (name, present) = (scope.name, scope.credential.token_version.as_deref());
        let memory = self.state.credentials.get(name);
        let Some(probes) = self.targets.former.to_ask_with(name, memory, present, round.started_at) else { return };
        if let Some(answer) = probes.check_replaced(scope, round).await {
            round.find(Finding::PreviousSecret(name.clone(), answer));
        }
    }

    async fn run_about_group(&self, name: &'a IntegrationName, round: &mut Round) {
        let Some(integration) = self.targets.fleet.integrations.get(name) else { return };
        let Some(group) = &integration.group else { return };
        if self.kind == ProbeKind::Catalog {
            return self.run_catalog(name, integration, group, round).await;
        }
        let Some(mut session) = self.session() else { return };
        match self.kind {
            ProbeKind::GroupAccess => group_access::run(&mut session, name, group.id, round).await,
            ProbeKind::OrganizationList => {
                organization_list::run(&mut session, name, group.id, self.state, round).await;
            }
            _ => {
                let (words, settings) = (words_of(integration.scm), self.settings(name));
                let known = self.book().groups.get(name);
                let scope = InventoryScope {
                    integration: name,
                    group: group.id,
                    selection: self.selection(name, group, words.repository_host),
                    configured_source: settings.asset_source.as_deref(),
                    assumed_source: words.assumed_source,
                    needs_context: group.catalog_file.is_some(),
                    previous: known.and_then(|known| known.assets.as_ref()).map(|evidence| &*evidence.value),
                };
                inventory::run(&mut session, scope, round).await;
            }
        }
    }

    async fn run_catalog(
        &self,
        name: &'a IntegrationName,
        integration: &'a WatchedIntegration,
        group: &'a WatchedGroup,
        round: &mut Round,
    ) {
        let (Some(file), Some(known)) = (&group.catalog_file, self.book().groups.get(name)) else { return };
        let parts = group.profiles.iter().filter_map(|(profile, watched)| {
            let repositories = known.profiles.get(profile)?.repositories.as_ref()?;
            Some(Part {
                probes: self.scm(&watched.credential)?,
                scope: self.credential_scope(&watched.credential, None)?,
                repositories: repositories.value.repositories.values().collect(),
            })
        });
        let host = words_of(integration.scm).repository_host;
        let parts: Vec<_> = parts.collect();
        let size = self.settings(name).catalog_sample / parts.len().max(1);
        catalog::run(name, known, parts, file, size, host, round).await;
    }

    async fn run_about_profile(&self, name: &'a IntegrationName, profile: &'a ProfileName, round: &mut Round) {
        let group = self.targets.fleet.integrations.get(name).and_then(|integration| integration.group.as_ref());
        let Some(watched) = group.and_then(|group| group.profiles.get(profile)) else { return };
        let workspaces = watched.workspaces.iter().cloned().collect();
        let Some(credential) = self.credential_scope(&watched.credential, Some(workspaces)) else { return };
        let known = self.book().groups.get(name).and_then(|known| known.profiles.get(profile));
        let stored = self.state.integrations.get(&IntegrationKey::group(name.clone()));
        let memory = stored.and_then(|stored| stored.group.profiles.get(profile));
        let scope = ProfileScope { integration: name, profile, credential, known, memory };
        if let Some(probes) = self.scm(&watched.credential) {
            probes.check_profile(scope, round).await;
        }
    }

    async fn run_about_organization(&self, key: &'a IntegrationKey, round: &mut Round) {
        let (Some(integration), Some(organization)) =
            (self.targets.fleet.integrations.get(&key.integration), key.organization)
        else {
            return;
        };
        let words = words_of(integration.scm);
        let known = self.book().organizations.get(key);
        if self.kind == ProbeKind::Organization {
            let Some(mut session) = self.session() else { return };
            let scope = OrganizationScope {
                key,
                organization,
                words,
                known,
                memory: self.state.integrations.get(key).map(|stored| &stored.organization),
                rotations: self.rotations(integration, key, organization),
                rotation_margin: integration.thresholds.rotation_uncertainty,
                has_incident: self.has_incident(key, organization),
                inactive_share: integration.thresholds.inactive_share,
            };
            return organization::run(&mut session, scope, round).await;
        }
        let Some(imports) = known.and_then(|known| known.imports.as_ref()) else { return };
        let ids = self.repository_ids(&key.integration, words.repository_host);
        let settings = self.settings(&key.integration);
        let scope = WebhookScope {
            key,
            imports: &imports.value,
            host: words.repository_host,
            sample_size: (settings.webhook_sample / self.sharers()).max(1),
            pattern: settings.webhook_pattern.as_ref(),
            ids: &ids,
        };
        let credential = self.credential_scope(self.credential, None);
        if let (Some(probes), Some(credential)) = (self.scm(self.credential), credential) {
            webhooks::run(probes, credential, scope, round).await;
        }
    }

    /// Organizations with imports that share this SCM credential: its requests are divided among them.
    fn sharers(&self) -> usize {
        let shares = |(key, known): &(&IntegrationKey, &OrganizationEvidence)| {
            let watched = self.targets.fleet.integrations.get(&key.integration);
            let watched = watched.and_then(|integration| integration.organizations.as_ref());
            let credential = watched.zip(key.organization).map(|(watched, one)| watched.credential_of(one));
            credential == Some(self.credential)
                && known.imports.as_ref().is_some_and(|imports| !imports.value.targets.is_empty())
        };
        self.book().organizations.iter().filter(shares).count().max(1)
    }

    /// Whether an incident about this very Organization is pending or open. What was so at first sight has no news.
    fn has_incident(&self, key: &IntegrationKey, organization: OrganizationId) -> bool {
        self.state.incidents.iter().any(|(incident, stored)| match &incident.subject {
            Subject::Integration(of) => of == key,
            Subject::Organizations(name) => {
                *name == key.integration && incident.rule != Rule::Baseline && stored.members.contains(&organization)
            }
            _ => false,
        })
    }

    /// Every time at which the credential of this Organization may have been rotated; none of them matters any more once
    /// it was seen saved after the last.
    fn rotations(
        &self,
        integration: &WatchedIntegration,
        key: &IntegrationKey,
        organization: OrganizationId,
    ) -> Vec<DateTime<Utc>> {
        let Some(watched) = &integration.organizations else { return Vec::new() };
        let name = watched.credential_of(organization);
        let declared = self.targets.fleet.scm_credentials.get(name).and_then(|credential| credential.rotated_at);
        let listed = self.book().scm_credentials.get(name).and_then(|known| known.listed_token.as_ref());
        let listed = listed.and_then(|evidence| evidence.value.created_at);
        let memory = self.state.credentials.get(name);
        let noticed = memory.and_then(|memory| memory.rotated_from.as_ref()).map(|(_, at)| *at);
        let judged = memory.and_then(|memory| memory.rotation.as_ref()).map(|rotation| rotation.at);
        let rotations: Vec<_> = [declared, listed, noticed, judged].into_iter().flatten().collect();
        let saved = self.state.integrations.get(key).and_then(|stored| stored.organization.saved.as_ref());
        let is_over = saved.is_some_and(|saved| rotations.iter().all(|at| *at < saved.at));
        if is_over { Vec::new() } else { rotations }
    }

    /// What is to be known about a credential. `workspaces` are a profile's own; otherwise those of all its profiles and of
    /// what was imported with it.
    fn credential_scope(
        &self,
        name: &'a CredentialName,
        workspaces: Option<Vec<WorkspaceSlug>>,
    ) -> Option<CredentialScope<'a>> {
        let integrations = || self.targets.fleet.integrations.values();
        let groups = || integrations().filter_map(|integration| integration.group.as_ref());
        let has_profile = groups().any(|group| group.profiles.values().any(|profile| &profile.credential == name));
        let wants_administrator = |required: &[Permission]| required.contains(&Permission::RepositoryAdmin);
        let by_group = groups()
            .filter(|group| group.profiles.values().any(|profile| &profile.credential == name))
            .any(|group| wants_administrator(&group.permissions.required));
        let by_organization = integrations()
            .filter_map(|integration| integration.organizations.as_ref())
            .filter(|watched| &watched.credential == name || watched.overrides.values().any(|one| one == name))
            .any(|watched| wants_administrator(&watched.permissions.required));
        let needs_administrator = by_group || by_organization;
        let imported =
            if needs_administrator { self.imported_with(name).map(str::to_owned).collect() } else { BTreeSet::new() };
        Some(CredentialScope {
            name,
            credential: self.targets.fleet.scm_credentials.get(name)?,
            known: self.book().scm_credentials.get(name),
            workspaces: workspaces.unwrap_or_else(|| self.workspaces_of(name).into_iter().collect()),
            imported,
            needs_administrator,
            has_profile,
            has_new_secret: self.has_new_secret(name),
        })
    }

    fn has_new_secret(&self, name: &CredentialName) -> bool {
        let now = self.targets.fleet.scm_credentials.get(name).and_then(|credential| credential.token_version.as_ref());
        let used = self.state.credentials.get(name).and_then(|credential| credential.secret_version.as_ref());
        now.is_some() && used.is_some() && now != used
    }

    fn workspaces_of(&self, name: &CredentialName) -> BTreeSet<WorkspaceSlug> {
        let groups = self.targets.fleet.integrations.values().filter_map(|watched| watched.group.as_ref());
        let profiles = groups.flat_map(|group| group.profiles.values()).filter(|profile| &profile.credential == name);
        let configured = profiles.flat_map(|profile| profile.workspaces.iter().cloned());
        let imported = self.imported_with(name).filter_map(|path| path.split('/').next()).map(WorkspaceSlug::from);
        configured.chain(imported).collect()
    }

    /// What the Organizations that use an SCM credential imported: paths of normalised URLs at its host.
    fn imported_with(&self, name: &'a CredentialName) -> impl Iterator<Item = &'a str> {
        self.book().organizations.iter().flat_map(move |(key, known)| {
            let watched = self.targets.fleet.integrations.get(&key.integration);
            let host = watched.map_or("", |watched| words_of(watched.scm).repository_host);
            let organizations = watched.and_then(|watched| watched.organizations.as_ref());
            let is_ours = organizations
                .zip(key.organization)
                .is_some_and(|(organizations, one)| organizations.credential_of(one) == name);
            let targets = known.imports.iter().filter(move |_| is_ours).flat_map(|imports| &imports.value.targets);
            targets.filter_map(move |target| target.url.as_deref()?.strip_prefix(host)?.strip_prefix('/'))
        })
    }

    /// Organizations that are read with this Snyk token and were ever seen.
    fn organizations_of(&self, token: &CredentialName) -> Vec<OrganizationId> {
        let is_ours = |key: &&IntegrationKey| {
            let watched = self.targets.fleet.integrations.get(&key.integration);
            watched.and_then(|one| one.organizations.as_ref()).is_some_and(|one| &one.snyk == token)
        };
        self.book().organizations.keys().filter(is_ours).filter_map(|key| key.organization).collect()
    }

    fn selection(&self, name: &IntegrationName, group: &WatchedGroup, host: &str) -> Selection {
        let profiles = self.book().groups.get(name).map(|known| &known.profiles);
        let known = profiles.into_iter().flat_map(BTreeMap::values);
        let ids = known.clone().filter_map(|profile| profile.repositories.as_ref());
        let ids = ids.flat_map(|evidence| evidence.value.repositories.keys().cloned()).collect();
        let mut workspaces = BTreeSet::new();
        for profile in group.profiles.values() {
            if profile.workspaces.is_empty() {
                return Selection::new(host, None, ids);
            }
            workspaces.extend(profile.workspaces.iter().cloned());
        }
        workspaces.extend(known.flat_map(new_names));
        Selection::new(host, Some(workspaces), ids)
    }

    /// The SCM's ids of all repositories that the integration's profiles know, by normalised URL.
    fn repository_ids(&self, name: &IntegrationName, host: &str) -> BTreeMap<String, RepositoryId> {
        let profiles = self.book().groups.get(name).into_iter().flat_map(|known| known.profiles.values());
        let sets = profiles.filter_map(|profile| profile.repositories.as_ref());
        let repositories = sets.flat_map(|evidence| evidence.value.repositories.values());
        let url = |full_name: &str| normalised_url(&format!("https://{host}/{full_name}"));
        repositories.filter_map(|repository| Some((url(&repository.full_name)?, repository.id.clone()))).collect()
    }
}

/// New slugs of renamed workspaces: Snyk may list their assets under either.
fn new_names(profile: &ProfileEvidence) -> Vec<WorkspaceSlug> {
    let facts = profile.workspaces.iter().flat_map(|evidence| evidence.value.values());
    let renamed = facts.filter_map(|fact| match fact {
        WorkspaceFact::Renamed { to } => Some(to.clone()),
        _ => None,
    });
    renamed.collect()
}
