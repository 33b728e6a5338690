//! What evidence is about: an API, a Group, an account, a version of a token. Evidence of one proves nothing about another,
//! whichever way the configuration came to name another: by a reload, a restart, a block that was removed and added.
//!
//! Each observation carries the [`Revision`] of its subject. What is expected now is derived from the fleet alone, with one
//! exception: what an account sees belongs to the account, which is known once its token was accepted. It outlives a
//! new token of that account, and no token of another one.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::evidence::{About, Part};
use crate::domain::facts::ApiFacts;
use crate::domain::fleet::{Fleet, WatchedGroup};
use crate::domain::incident::Subject;
use crate::domain::names::{CredentialName, IntegrationName, ProfileName, Revision, WorkspaceSlug};
use crate::domain::state::{CredentialState, State, WatchedSubjects};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

/// The revision that evidence about `part` has when it is observed now; `None` for what is not watched.
pub(super) fn revision_of(
    fleet: &Fleet,
    credentials: &BTreeMap<CredentialName, CredentialState>,
    about: About<'_>,
    part: Part,
) -> Option<Revision> {
    let subjects = Subjects { fleet, credentials };
    match about {
        About::SnykToken(name) => Some(fleet.snyk_tokens.get(name)?.revision),
        About::ScmCredential(name) => {
            let credential = fleet.scm_credentials.get(name)?;
            // The listing speaks of the token saved in Snyk, whichever one we hold.
            if part == Part::ListedToken { credential.listing } else { Some(credential.revision) }
        }
        About::Group(name) => {
            let group = fleet.group(name)?;
            let revision = group_revision(fleet, group)?;
            match part {
                Part::Access => subjects.seen_by(revision, &group.snyk),
                Part::Assets => Some(selected(revision, group)),
                Part::Catalog => {
                    Some(selected(revision, group).with(group.catalog_file.as_deref().unwrap_or_default()))
                }
                _ => Some(revision),
            }
        }
        About::Profile(name, profile) => {
            let group = fleet.group(name)?;
            let profile = group.profiles.get(profile)?;
            let workspaces = profile.workspaces.iter().map(WorkspaceSlug::as_str);
            let revision = workspaces.fold(group_revision(fleet, group)?, Revision::with);
            subjects.seen_by(revision, &profile.credential)
        }
        About::Organization(key) => {
            let watched = fleet.organizations(&key.integration)?;
            let revision = organizations_revision(fleet, &key.integration)?;
            match part {
                Part::Access => subjects.seen_by(revision, &watched.snyk),
                Part::Webhooks => subjects.seen_by(revision, watched.credential_of(key.organization?)),
                _ => Some(revision),
            }
        }
    }
}

struct Subjects<'a> {
    fleet: &'a Fleet,
    credentials: &'a BTreeMap<CredentialName, CredentialState>,
}

impl Subjects<'_> {
    /// What an account sees of something. Where no account is known, only the token tells whose eyes these are.
    fn seen_by(&self, what: Revision, name: &CredentialName) -> Option<Revision> {
        let eyes = what.and(host_of(self.fleet, name)?);
        match self.credentials.get(name).and_then(|memory| memory.account.as_deref()) {
            Some(account) => Some(eyes.with(account)),
            None => Some(eyes.and(token_revision(self.fleet, name)?)),
        }
    }
}

/// Whose eyes look at a Group integration's namespaces through a profile.
pub(super) fn account_of(
    fleet: &Fleet,
    credentials: &BTreeMap<CredentialName, CredentialState>,
    name: &IntegrationName,
    profile: &ProfileName,
) -> Option<Revision> {
    let group = fleet.group(name)?;
    let credential = &group.profiles.get(profile)?.credential;
    Subjects { fleet, credentials }.seen_by(group_revision(fleet, group)?, credential)
}

/// Where a credential is used, and by whom.
fn host_of(fleet: &Fleet, name: &CredentialName) -> Option<Revision> {
    let host = fleet.snyk_tokens.get(name).map(|token| token.host);
    let host = host.or_else(|| fleet.scm_credentials.get(name).map(|credential| credential.host));
    host.map(|host| host.with(name.as_str()))
}

/// The token of a credential as it is now.
fn token_revision(fleet: &Fleet, name: &CredentialName) -> Option<Revision> {
    let token = fleet.snyk_tokens.get(name).map(|token| token.revision);
    token.or_else(|| fleet.scm_credentials.get(name).map(|credential| credential.revision))
}

/// The Group at its API.
fn group_revision(fleet: &Fleet, group: &WatchedGroup) -> Option<Revision> {
    Some(fleet.snyk_tokens.get(&group.snyk)?.host.with(&group.id.to_string()))
}

/// The namespaces by which assets of a Group are selected; none: all of them.
fn selected(revision: Revision, group: &WatchedGroup) -> Revision {
    let named = group.profiles.values().map(|profile| &profile.workspaces);
    if named.clone().any(BTreeSet::is_empty) {
        return revision;
    }
    let workspaces: BTreeSet<_> = named.flatten().collect();
    workspaces.into_iter().fold(revision, |revision, workspace| revision.with(workspace.as_str()))
}

/// The Organizations of an integration, at their API and in their Group.
fn organizations_revision(fleet: &Fleet, name: &IntegrationName) -> Option<Revision> {
    let host = fleet.snyk_tokens.get(&fleet.organizations(name)?.snyk)?.host;
    Some(fleet.group(name).map_or(host, |group| host.with(&group.id.to_string())))
}

/// What the verdicts on a Group speak of: itself, its profiles, and each token as it is now.
pub(super) fn of_group(fleet: &Fleet, group: &WatchedGroup) -> Option<Revision> {
    let mut revision = selected(group_revision(fleet, group)?, group).and(token_revision(fleet, &group.snyk)?);
    for profile in group.profiles.values() {
        revision = revision.and(token_revision(fleet, &profile.credential)?);
    }
    Some(revision)
}

/// What the verdicts on the Organizations of `name` that use `credential` speak of.
pub(super) fn of_organizations(fleet: &Fleet, name: &IntegrationName, credential: &CredentialName) -> Option<Revision> {
    let snyk = token_revision(fleet, &fleet.organizations(name)?.snyk)?;
    Some(organizations_revision(fleet, name)?.and(snyk).and(token_revision(fleet, credential)?))
}

/// What a probe asks about, and with which tokens. Where that changed while it ran, its answers are about something else;
/// what changed for others is none of its business. `None` for what is not watched.
pub fn asked_about(fleet: &Fleet, work: &Work) -> Option<Revision> {
    match &work.subject {
        WorkSubject::Credential(name) => {
            let revision = token_revision(fleet, name)?;
            let listing = fleet.scm_credentials.get(name).and_then(|credential| credential.listing);
            Some(listing.map_or(revision, |listing| revision.and(listing)))
        }
        WorkSubject::Group(name) => {
            let group = fleet.group(name)?;
            if work.kind == ProbeKind::Catalog {
                return Some(of_group(fleet, group)?.with(group.catalog_file.as_deref().unwrap_or_default()));
            }
            Some(selected(group_revision(fleet, group)?, group).and(token_revision(fleet, &group.snyk)?))
        }
        WorkSubject::Profile(name, profile) => {
            let group = fleet.group(name)?;
            let profile = group.profiles.get(profile)?;
            let workspaces = profile.workspaces.iter().map(WorkspaceSlug::as_str);
            let revision = workspaces.fold(group_revision(fleet, group)?, Revision::with);
            Some(revision.and(token_revision(fleet, &profile.credential)?))
        }
        WorkSubject::Organization(key) => {
            let watched = fleet.organizations(&key.integration)?;
            let asked_with = match work.kind {
                ProbeKind::Webhooks => watched.credential_of(key.organization?),
                _ => &watched.snyk,
            };
            Some(organizations_revision(fleet, &key.integration)?.and(token_revision(fleet, asked_with)?))
        }
    }
}

/// The probe that observes it.
fn work(about: About<'_>, part: Part) -> Work {
    let (kind, subject) = match about {
        About::SnykToken(name) => (ProbeKind::SnykToken, WorkSubject::Credential(name.clone())),
        About::ScmCredential(name) => (ProbeKind::ScmCredential, WorkSubject::Credential(name.clone())),
        About::Group(name) => {
            let kind = match part {
                Part::Assets => ProbeKind::Inventory,
                Part::Catalog => ProbeKind::Catalog,
                Part::Organizations | Part::RemovedOrganizations => ProbeKind::OrganizationList,
                _ => ProbeKind::GroupAccess,
            };
            (kind, WorkSubject::Group(name.clone()))
        }
        About::Profile(name, profile) => (ProbeKind::Profile, WorkSubject::Profile(name.clone(), profile.clone())),
        About::Organization(key) => {
            let kind = if part == Part::Webhooks { ProbeKind::Webhooks } else { ProbeKind::Organization };
            (kind, WorkSubject::Organization(key.clone()))
        }
    };
    Work { kind, subject }
}

/// Forgets what was observed of anything but what `fleet` names, and the memory of it. Returns the work that observes
/// what it names instead.
pub fn forget_other_subjects(state: &mut State, fleet: &Fleet) -> Vec<Work> {
    let mut works = forget_memory(state, fleet);
    forget_apis(state, fleet);
    let State { evidence, credentials, .. } = state;
    let nobody = BTreeMap::new();
    evidence.each(&mut |about, book| {
        let mut is_of_this = |part: Part, revision: &mut Revision| {
            let now = revision_of(fleet, credentials, about, part);
            if now == Some(*revision) {
                return true;
            }
            // Seen with the token that we hold, before it was known whose it is.
            if let Some(now) = now.filter(|_| revision_of(fleet, &nobody, about, part) == Some(*revision)) {
                *revision = now;
                return true;
            }
            works.insert(work(about, part));
            false
        };
        book.retain(&mut |part, observed| is_of_this(part, observed.revision));
        book.failures_mut().retain(|part, failed| is_of_this(*part, &mut failed.revision));
    });
    let is_profile = |name: &IntegrationName, profile: &ProfileName| {
        fleet.group(name).is_some_and(|group| group.profiles.contains_key(profile))
    };
    evidence.groups.retain(|name, _| fleet.group(name).is_some());
    for (name, group) in &mut evidence.groups {
        group.profiles.retain(|profile, _| is_profile(name, profile));
    }
    works.into_iter().collect()
}

/// Another Group, or the same at another API, is another integration. Returns the work that observes the Organizations of
/// which the evidence went with it.
fn forget_memory(state: &mut State, fleet: &Fleet) -> BTreeSet<Work> {
    let mut works = BTreeSet::new();
    let State { subjects, integrations, evidence, vanishing, mass_vanishing, baselines, .. } = state;
    let current = |name: &IntegrationName| WatchedSubjects {
        group_revision: fleet.group(name).and_then(|group| group_revision(fleet, group)),
        organizations_revision: organizations_revision(fleet, name),
    };
    for (name, before) in &*subjects {
        let now = current(name);
        if before.group_revision.is_some() && before.group_revision != now.group_revision {
            integrations.retain(|key, _| key.integration != *name || key.organization.is_some());
            evidence.groups.get_mut(name).into_iter().for_each(|group| group.named_organizations.clear());
        }
        if before.organizations_revision.is_some() && before.organizations_revision != now.organizations_revision {
            integrations.retain(|key, _| key.integration != *name || key.organization.is_none());
            for (key, book) in evidence.organizations.iter().filter(|(key, _)| key.integration == *name) {
                let seen = [(Part::Access, true), (Part::Webhooks, book.webhooks.is_some())];
                works.extend(
                    seen.iter().filter(|(_, is_seen)| *is_seen).map(|(part, _)| work(About::Organization(key), *part)),
                );
            }
            evidence.organizations.retain(|key, _| key.integration != *name);
            vanishing.retain(|key, _| key.integration != *name);
            mass_vanishing.remove(name);
            baselines.remove(name);
        }
    }
    *subjects = fleet.integrations.keys().map(|name| (name.clone(), current(name))).collect();
    works
}

/// What an API at another address did says nothing, nor what one did that is no longer asked.
fn forget_apis(state: &mut State, fleet: &Fleet) {
    let apis = &mut state.evidence.apis;
    apis.retain(|name, _| fleet.apis.contains_key(name));
    for (name, host) in &fleet.apis {
        let Some(facts) = apis.get_mut(name) else { continue };
        if facts.host != *host && facts.host != Revision::default() {
            *facts = ApiFacts::default();
        }
        facts.host = *host;
    }
}

/// What the subject of an incident is now; `None` where nothing tells.
pub(super) fn of_subject(fleet: &Fleet, subject: &Subject) -> Option<Revision> {
    match subject {
        // Our machine stays our machine.
        Subject::Network => None,
        Subject::Credential(name) => host_of(fleet, name),
        Subject::Api(name) => fleet.apis.get(name).copied(),
        Subject::Workspace(name, _) => group_revision(fleet, fleet.group(name)?),
        Subject::Integration(key) if key.organization.is_none() => {
            group_revision(fleet, fleet.group(&key.integration)?)
        }
        Subject::Integration(key) => organizations_revision(fleet, &key.integration),
        Subject::Organizations(name) => organizations_revision(fleet, name),
    }
}
