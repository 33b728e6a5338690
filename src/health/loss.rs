//! Repositories that were seen and are seen no more: what became of each, and whether a right is lost.
//!
//! A complete walk that no longer has a repository says nothing about why. It is *settled* by its id: seen elsewhere, made
//! anew under its name, proved to be deleted, planned, accepted. What is not settled is *removed* where it is a few, and a
//! *right lost* where it is many: then nothing that was open resolves by it, until enough return, a proof comes, or
//! somebody says what it is. Time settles nothing.

mod first_sight;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::decisions::Item;
use crate::domain::facts::{RepositoryFate, RepositorySet, WorkspaceFact};
use crate::domain::fleet::{Fleet, Thresholds, WatchedGroup};
use crate::domain::incident::{IncidentKey, Subject};
use crate::domain::loss::{AbsentRepository, Doubt, NamespaceMemory, ProfileMemory, Settlement, WalkedSize};
use crate::domain::names::{CredentialName, IntegrationKey, IntegrationName, ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::{CredentialState, State};

use super::eligibility::is_ignored;
use super::subjects::account_of;

pub(super) use first_sight::{FirstSight, compare};
pub(super) use settle::Settling;

/// A walk of the same number of repositories is noted anew only after this time.
const SIZE_NOTED_AFTER: TimeDelta = TimeDelta::hours(1);
/// Sizes that are kept of one namespace: one an hour in a week.
const SIZES: usize = 7 * 24;

/// A complete walk of one profile's repositories.
pub(super) struct Walk<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) set: &'a RepositorySet,
    /// The walk before.
    pub(super) before: Option<&'a RepositorySet>,
    /// What the account is to each namespace, where that is known.
    pub(super) facts: Option<&'a BTreeMap<WorkspaceSlug, WorkspaceFact>>,
    /// Whether that was observed in the same round.
    pub(super) is_same_round: bool,
}

/// What a walk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walked {
    /// It stands.
    Accepted,
    /// It stands, and what it shows has to be seen once more.
    ToConfirm,
    /// It shows a loss for the first time: what was known stands until a second walk shows it too.
    Doubted,
}

impl Walk<'_> {
    fn is_member(&self, slug: &WorkspaceSlug) -> bool {
        self.facts.is_none_or(|facts| matches!(facts.get(slug), Some(WorkspaceFact::Member { .. })))
    }

    fn is_administered(&self, slug: &WorkspaceSlug) -> bool {
        let fact = self.facts.and_then(|facts| facts.get(slug)).filter(|_| self.is_same_round);
        matches!(fact, Some(WorkspaceFact::Member { administrator: Some(true), .. }))
    }

    fn uuid(&self, slug: &WorkspaceSlug) -> Option<&str> {
        match self.facts?.get(slug)? {
            WorkspaceFact::Member { uuid, .. } => uuid.as_deref(),
            _ => None,
        }
    }

    /// Notes the walk in what is remembered of the profile.
    pub(super) fn note(&self, memory: &mut ProfileMemory, settling: &Settling<'_>) -> Walked {
        let listed = self.facts.into_iter().flatten().map(|(slug, _)| slug);
        let seen = self.set.repositories.values().map(|repository| &repository.workspace);
        let slugs: BTreeSet<&WorkspaceSlug> =
            listed.chain(seen).filter(|slug| self.is_member(slug) || memory.namespaces.contains_key(*slug)).collect();
        let known = memory.namespaces.keys().filter(|slug| !slugs.contains(slug));
        let all: Vec<WorkspaceSlug> = slugs.iter().copied().chain(known).cloned().collect();
        let mut next = BTreeMap::new();
        let mut is_doubted = false;
        for slug in &all {
            let before = memory.namespaces.get(slug);
            // Nothing was seen of it in this round, so nothing is missing by it: what waits to be confirmed waits on.
            if self.set.unread.contains_key(slug) {
                next.extend(before.map(|before| (slug.clone(), before.clone())));
                continue;
            }
            let (mut namespace, newly_lost) = self.namespace(slug, before, settling);
            if newly_lost && before.is_some_and(|before| before.doubt.is_none()) {
                is_doubted = true;
                let doubt = Doubt { at: self.at, is_administered: self.is_administered(slug) };
                memory.namespaces.entry(slug.clone()).or_default().doubt = Some(doubt);
            }
            namespace.doubt = None;
            next.insert(slug.clone(), namespace);
        }
        if is_doubted {
            return Walked::Doubted;
        }
        memory.namespaces = next;
        let is_unconfirmed = |namespace: &NamespaceMemory| namespace.loss.is_some_and(|loss| !loss.is_confirmed);
        if memory.namespaces.values().any(is_unconfirmed) { Walked::ToConfirm } else { Walked::Accepted }
    }

    /// The memory of one namespace after this walk, and whether more is lost than before.
    fn namespace(
        &self,
        slug: &WorkspaceSlug,
        before: Option<&NamespaceMemory>,
        settling: &Settling<'_>,
    ) -> (NamespaceMemory, bool) {
        let mut next =
            before.cloned().unwrap_or_else(|| NamespaceMemory { first_seen_at: self.at, ..NamespaceMemory::default() });
        // Without the walk before, the assets stand for what was there.
        next.is_compared &= self.before.is_some();
        let is_member = self.is_member(slug);
        let is_administered = self.is_administered(slug);
        let left_at = next.doubt.map_or(self.at, |doubt| doubt.at);
        // Who administers the namespace that has the name now need not see the one that had it before.
        let is_another = next.uuid.as_deref().zip(self.uuid(slug)).is_some_and(|(known, now)| known != now);
        let administered = is_administered
            && !is_another
            && next.is_administered
            && next.doubt.is_none_or(|doubt| doubt.is_administered);
        let settlement = if is_member { Settlement::Removed } else { Settlement::NotJudged };
        let here = |set: &RepositorySet, id: &RepositoryId| {
            set.repositories.get(id).is_some_and(|repository| repository.workspace == *slug)
        };
        let gone = self.before.into_iter().flat_map(|set| set.repositories.values());
        let gone = gone.filter(|known| known.workspace == *slug && !here(self.set, &known.id));
        for repository in gone.filter(|known| !is_ignored(settling.group, &known.full_name)) {
            let absent = AbsentRepository {
                full_name: repository.full_name.clone(),
                project: repository.project.clone(),
                left_at,
                administered,
                fate: None,
                settlement,
                rule: None,
                by_asset: false,
            };
            next.absent.insert(repository.id.clone(), absent);
        }
        if !is_member {
            return (next, false);
        }
        // With the membership back, what is still missing is missing.
        for absent in next.absent.values_mut().filter(|absent| absent.settlement == Settlement::NotJudged) {
            (absent.settlement, absent.left_at) = (Settlement::Removed, left_at);
        }
        let lost = |namespace: &NamespaceMemory| -> BTreeSet<RepositoryId> {
            namespace.right_lost().map(|(id, _)| id.clone()).collect()
        };
        let lost_before = lost(&next);
        let had_loss = next.loss.is_some();
        let was_doubted = next.doubt.is_some();
        settling.settle(slug, &mut next, self.set);
        let newly_lost = !lost(&next).is_subset(&lost_before);
        if let Some(loss) = &mut next.loss {
            loss.is_confirmed |= had_loss || was_doubted;
        }
        next.is_administered = is_administered;
        next.uuid = self.uuid(slug).map(str::to_owned).or(next.uuid);
        let size = sighted(self.set, slug, settling.group);
        note_size(&mut next.sizes, WalkedSize { at: self.at, size }, settling.thresholds);
        (next, newly_lost)
    }
}

/// How many repositories of a namespace are seen, those that the configuration ignores left out.
fn sighted(set: &RepositorySet, slug: &WorkspaceSlug, group: &WatchedGroup) -> usize {
    let here = set.repositories.values().filter(|repository| repository.workspace == *slug);
    here.filter(|repository| !is_ignored(group, &repository.full_name)).count()
}

/// Notes a walk's number of repositories.
fn note_size(sizes: &mut Vec<WalkedSize>, walked: WalkedSize, thresholds: &Thresholds) {
    match sizes.last_mut() {
        Some(last) if last.size == walked.size => {
            if walked.at - last.at >= SIZE_NOTED_AFTER {
                last.at = walked.at;
            }
        }
        _ => sizes.push(walked),
    }
    sizes.retain(|known| walked.at - known.at <= thresholds.loss_window);
    if sizes.len() > SIZES {
        sizes.remove(0);
    }
}

/// Notes what the host answered for repositories that were asked for by id.
pub(super) fn note_fates(
    memory: &mut ProfileMemory,
    fates: &BTreeMap<RepositoryId, RepositoryFate>,
    at: DateTime<Utc>,
) {
    for namespace in memory.namespaces.values_mut() {
        for (id, absent) in &mut namespace.absent {
            if let Some(fate) = fates.get(id).filter(|_| at >= absent.left_at) {
                absent.fate = Some(fate.clone());
            }
        }
    }
}

/// What another account saw is forgotten: the new one is judged from its own evidence.
pub(super) fn forget_other_account(
    memory: &mut ProfileMemory,
    fleet: &Fleet,
    credentials: &BTreeMap<CredentialName, CredentialState>,
    name: &IntegrationName,
    profile: &ProfileName,
) {
    let now = account_of(fleet, credentials, name, profile);
    if memory.seen_by == now {
        return;
    }
    // Seen with the token that we hold, before it was known whose it is.
    let is_same = memory.seen_by.is_none() || memory.seen_by == account_of(fleet, &BTreeMap::new(), name, profile);
    if !is_same {
        *memory = ProfileMemory::default();
    }
    memory.seen_by = now;
}

/// Settles again what is not settled: other credentials may have seen it, somebody may have said what it is.
pub(super) fn settle_again(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) {
    let State { evidence, integrations, decisions, credentials, .. } = state;
    for (name, integration) in &fleet.integrations {
        let Some(group) = &integration.group else { continue };
        let Some(stored) = integrations.get_mut(&IntegrationKey::group(name.clone())) else { continue };
        forget_unwatched(&mut stored.group.profiles, group);
        for (profile, memory) in &mut stored.group.profiles {
            forget_other_account(memory, fleet, credentials, name, profile);
            let book = evidence.groups.get(name).and_then(|group| group.profiles.get(profile));
            let Some(own) = book.and_then(|book| book.repositories.as_ref()) else { continue };
            let settling = Settling {
                evidence,
                decisions,
                integration: name,
                profile,
                group,
                thresholds: &integration.thresholds,
                now,
            };
            for (slug, namespace) in &mut memory.namespaces {
                settling.settle(slug, namespace, &own.value);
            }
        }
    }
}

/// Forgets the namespaces that the configuration no longer names.
fn forget_unwatched(profiles: &mut BTreeMap<ProfileName, ProfileMemory>, group: &WatchedGroup) {
    profiles.retain(|name, memory| {
        let Some(watched) = group.profiles.get(name) else { return false };
        if !watched.workspaces.is_empty() {
            memory.namespaces.retain(|slug, _| watched.workspaces.contains(slug));
        }
        true
    });
}

/// The repositories whose loss an incident about a namespace is about: what accepting it accepts.
pub fn items_of(state: &State, incident: &IncidentKey) -> BTreeSet<Item> {
    let Subject::Workspace(name, slug) = &incident.subject else { return BTreeSet::new() };
    let lost = namespaces(state, name).filter(|(_, of, _)| *of == slug);
    let lost = lost.flat_map(|(_, _, namespace)| namespace.right_lost());
    lost.map(|(id, _)| Item::Repository(name.clone(), id.clone())).collect()
}

/// Every namespace that is remembered of a Group integration.
pub(super) fn namespaces<'a>(
    state: &'a State,
    name: &IntegrationName,
) -> impl Iterator<Item = (&'a ProfileName, &'a WorkspaceSlug, &'a NamespaceMemory)> + use<'a> {
    let stored = state.integrations.get(&IntegrationKey::group(name.clone()));
    stored
        .into_iter()
        .flat_map(|stored| &stored.group.profiles)
        .flat_map(|(profile, memory)| memory.namespaces.iter().map(move |(slug, namespace)| (profile, slug, namespace)))
}
