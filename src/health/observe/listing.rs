//! Which Organizations there are: what a complete listing says, who is missing from it, and who is denied.
//!
//! What is missing is only noted here: [`vanishing`](super::super::vanishing) settles what became of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::evidence::GroupEvidence;
use crate::domain::facts::{Access, OrganizationListing};
use crate::domain::fleet::{Fleet, WatchedOrganizations};
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{IntegrationState, State, Vanishing};
use crate::domain::work::{Finding, ProbeKind, ProbeRun, Work, WorkSubject};

use super::super::{emptied, vanishing};
use super::{FollowUp, Policy, Stamp, Written};

/// No more Organizations than this are asked one by one after a listing without them: so many are no deletion, and the
/// listing itself is asked for again.
const ASKED_ONE_BY_ONE: usize = 25;

pub(super) fn on_listing(
    state: &mut State,
    fleet: &Fleet,
    stamp: Stamp,
    name: &IntegrationName,
    listing: &Arc<Vec<OrganizationListing>>,
) {
    let book = state.evidence.groups.entry(name.clone()).or_default();
    let before = book.organizations.as_ref().map(|known| (known.observed_at, Arc::clone(&known.value)));
    if before.as_ref().is_some_and(|(at, _)| *at == stamp.at)
        || stamp.write(&mut book.organizations, Arc::clone(listing)) == Written::Outdated
    {
        return;
    }
    let Some(watched) = fleet.integrations.get(name).and_then(|watched| watched.organizations.as_ref()) else {
        return;
    };
    remember_names(book, watched, listing);
    if let Some(stored) = state.integrations.get_mut(&IntegrationKey::group(name.clone())) {
        emptied::note(&mut stored.group.no_organizations_since, listing.is_empty(), stamp.at);
    }
    let listed: HashSet<OrganizationId> = listing.iter().map(|organization| organization.id).collect();
    for organization in listing.iter() {
        let key = IntegrationKey::organization(name.clone(), organization.id);
        if let Some(stored) = state.integrations.get_mut(&key) {
            stored.snyk_name = Some(organization.name.clone());
        }
    }
    let vanished = |key: &&IntegrationKey| key.organization.is_some_and(|id| !listed.contains(&id));
    let is_watched = |key: &&IntegrationKey| key.organization.is_some_and(|id| !watched.leaves_out(id));
    let missing: Vec<IntegrationKey> =
        vanishing::keys_of(&state.integrations, name).filter(vanished).filter(is_watched).cloned().collect();
    state.vanishing.retain(|key, _| key.integration != *name || vanished(&key));
    // Only for those that are missing: a listing is long.
    let were_listed: HashSet<OrganizationId> = match &before {
        Some((_, listing)) if !missing.is_empty() => listing.iter().map(|organization| organization.id).collect(),
        _ => HashSet::new(),
    };
    for key in missing {
        let was_listed = key.organization.is_some_and(|id| were_listed.contains(&id));
        let listed_at = before.as_ref().map(|(at, _)| *at).filter(|_| was_listed);
        let first = Vanishing { since: stamp.at, at: stamp.at, listings: 0, listed_at };
        let vanishing = state.vanishing.entry(key).or_insert(first);
        vanishing.at = stamp.at;
        vanishing.listings += 1;
    }
    vanishing::assess(state, fleet, name, stamp.at);
}

/// Remembers which Organizations the configuration's names mean. Once that is known a name follows them, for as long as
/// one of them is listed.
fn remember_names(book: &mut GroupEvidence, watched: &WatchedOrganizations, listing: &[OrganizationListing]) {
    book.named_organizations.retain(|name, _| watched.named.contains_key(name));
    if watched.named.is_empty() {
        return;
    }
    let wanted: HashMap<String, &String> = watched.named.keys().map(|name| (name.to_lowercase(), name)).collect();
    let mut found: BTreeMap<&String, BTreeSet<OrganizationId>> = BTreeMap::new();
    let mut listed = BTreeSet::new();
    for organization in listing {
        listed.insert(organization.id);
        for word in std::iter::once(&organization.name).chain(&organization.slug) {
            if let Some(name) = wanted.get(&word.to_lowercase()) {
                found.entry(name).or_default().insert(organization.id);
            }
        }
    }
    for (name, ids) in found {
        let known = book.named_organizations.entry(name.clone()).or_default();
        if known.is_disjoint(&listed) {
            *known = ids;
        }
    }
}

/// Whether an Organization is watched, or may be: listed, required or asked for by id, and not left out.
pub(super) fn is_wanted(state: &State, fleet: &Fleet, key: &IntegrationKey) -> bool {
    if state.integrations.contains_key(key) {
        return true;
    }
    let watched = fleet.integrations.get(&key.integration).and_then(|watched| watched.organizations.as_ref());
    let (Some(watched), Some(id)) = (watched, key.organization) else { return false };
    let listing = state.evidence.groups.get(&key.integration).and_then(|group| group.organizations.as_ref());
    let is_listed = || listing.is_some_and(|known| known.value.iter().any(|organization| organization.id == id));
    let is_named = watched.require.contains(&id) || watched.discover.as_ref().is_some_and(|only| only.contains(&id));
    !watched.leaves_out(id) && (is_named || is_listed())
}

/// What a listing, or the answer of one that is missing from it, asks for.
pub(super) fn follow_ups(state: &State, run: &ProbeRun) -> Vec<FollowUp> {
    let mut follow_ups = Vec::new();
    for finding in &run.outcome.findings {
        match finding {
            Finding::Organizations(name, _) => follow_ups.extend(after_listing(state, run, name)),
            Finding::OrganizationAccess(key, Access::Denied { status: 404 }) => {
                let first = state.vanishing.get(key).is_some_and(is_first);
                follow_ups.extend(first.then(|| ask_for_listing(&key.integration)));
            }
            _ => {}
        }
    }
    follow_ups
}

/// Whether one listing alone lacks what the one before had.
fn is_first(vanishing: &Vanishing) -> bool {
    vanishing.listings == 1 && vanishing.listed_at.is_some()
}

/// Those that this listing was the first without are asked themselves; so many that a right may be lost: the listing is.
fn after_listing(state: &State, run: &ProbeRun, name: &IntegrationName) -> Vec<FollowUp> {
    let lowest = IntegrationKey::group(name.clone());
    let of_this = state.vanishing.range(lowest..).take_while(|(key, _)| key.integration == *name);
    let fresh = of_this.filter(|(_, vanishing)| is_first(vanishing) && vanishing.at == run.started_at);
    let fresh: Vec<&IntegrationKey> = fresh.map(|(key, _)| key).collect();
    let is_mass = state.mass_vanishing.get(name).is_some_and(|mass| !mass.confirmed);
    let single = fresh.into_iter().take(ASKED_ONE_BY_ONE).map(|key| {
        let subject = WorkSubject::Organization(key.clone());
        FollowUp::Confirm(Work { kind: ProbeKind::Organization, subject })
    });
    single.chain(is_mass.then(|| ask_for_listing(name))).collect()
}

fn ask_for_listing(name: &IntegrationName) -> FollowUp {
    FollowUp::Confirm(Work { kind: ProbeKind::OrganizationList, subject: WorkSubject::Group(name.clone()) })
}

/// What becomes of a denial.
pub(super) enum Denial {
    /// It is written.
    Believed,
    /// It waits for another.
    Waits,
}

/// Whether an answer about a Group or an Organization may be written: a denial only when a second one, some time later,
/// says the same. One that repeats what is known needs no second.
pub(super) fn weigh(
    stored: &mut IntegrationState,
    known: Option<&Access>,
    fact: &Access,
    policy: Policy,
    stamp: Stamp,
) -> Denial {
    if matches!(fact, Access::Granted { .. }) {
        stored.denied_at = None;
        return Denial::Believed;
    }
    match stored.denied_at {
        None if matches!(known, Some(Access::Denied { .. })) => Denial::Believed,
        Some(first) if stamp.at - first >= policy.confirm_after => {
            stored.denied_at = None;
            Denial::Believed
        }
        Some(_) => Denial::Waits,
        None => {
            stored.denied_at = Some(stamp.at);
            Denial::Waits
        }
    }
}

pub(super) fn on_access(
    state: &mut State,
    policy: Policy,
    stamp: Stamp,
    key: &IntegrationKey,
    fact: &Access,
) -> Option<FollowUp> {
    let slot = &mut state.evidence.organizations.entry(key.clone()).or_default().access;
    if stamp.is_outdated_by(slot.as_ref()) {
        return None;
    }
    if let Some(stored) = state.integrations.get_mut(key) {
        let known = slot.as_ref().map(|known| &known.value);
        if let Denial::Waits = weigh(stored, known, fact, policy, stamp) {
            return Some(super::ask_again(stamp, WorkSubject::Organization(key.clone())));
        }
        if let Access::Granted { name: Some(name), .. } = fact {
            stored.snyk_name = Some(name.clone());
        }
    }
    stamp.write(slot, fact.clone());
    None
}
