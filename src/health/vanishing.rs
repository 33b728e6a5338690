//! What becomes of watched Organizations that complete listings no longer have.
//!
//! - One that answers itself and still names this Group is not missing, whatever a listing says.
//! - One that left by the Group's audit log, or whose loss somebody accepted, is gone.
//! - A few at once are gone after two complete listings; so many that a right was lost rather than an Organization are
//!   not gone until they return or somebody accepts it. In instalments they are as many: those of the last days count.
//! - One that the configuration names is never gone without a word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::decisions::{Decisions, Item, Verdict};
use crate::domain::evidence::{EvidenceBook, fresh};
use crate::domain::facts::Access;
use crate::domain::fleet::{Fleet, WatchedIntegration, WatchedOrganizations};
use crate::domain::incident::{Rule, Subject};
use crate::domain::names::{GroupId, IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::state::{IntegrationState, MassVanishing, State, Vanishing};

/// Complete listings in a row without an Organization after which it is gone.
const LISTINGS_WITHOUT: u32 = 2;
/// The share that makes a mass does so from this number on.
const SHARE_AT_LEAST: usize = 5;
/// Half of them does so from this number on.
const HALF_AT_LEAST: usize = 2;
/// So many are a mass whatever the share.
const MASS: usize = 25;
/// An event may be dated a little before the listing that it explains.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::minutes(5);

/// The Organizations of a configuration key among what is watched.
pub(super) fn keys_of<'a>(
    integrations: &'a BTreeMap<IntegrationKey, IntegrationState>,
    name: &'a IntegrationName,
) -> impl Iterator<Item = &'a IntegrationKey> {
    let of_this = integrations.range(IntegrationKey::group(name.clone())..).map(|(key, _)| key);
    of_this.take_while(move |key| key.integration == *name).filter(|key| key.organization.is_some())
}

/// Whether a direct answer, later than the first listing without it, says that it still belongs to this Group.
pub(super) fn answers_itself(
    book: &EvidenceBook,
    key: &IntegrationKey,
    group: Option<GroupId>,
    vanishing: &Vanishing,
    now: DateTime<Utc>,
) -> bool {
    let access = book.organizations.get(key).and_then(|book| fresh(&book.access, now));
    access.is_some_and(|access| {
        let names_group = matches!(access.value, Access::Granted { group: Some(of), .. } if Some(of) == group);
        names_group && access.observed_at > vanishing.since
    })
}

/// Whether the Group's audit log says that it left since it was last listed.
fn left(book: &EvidenceBook, key: &IntegrationKey, vanishing: &Vanishing) -> bool {
    let removed = book.groups.get(&key.integration).and_then(|group| group.removed_organizations.as_ref());
    let since = vanishing.listed_at.map(|listed| listed - CLOCKS_DIFFER_BY);
    removed.is_some_and(|removed| {
        let mut events = removed.value.iter();
        events.any(|event| Some(event.id) == key.organization && since.is_none_or(|since| event.at >= since))
    })
}

/// Whether somebody accepted this very loss.
fn is_accepted(decisions: &Decisions, key: &IntegrationKey, vanishing: &Vanishing) -> bool {
    let Some(organization) = key.organization else { return false };
    let item = Item::Organization(key.integration.clone(), organization);
    let answers = decisions.answers.values().filter(|answer| {
        let is_about_this = answer.incident.rule == Rule::OrganizationsVanished && answer.items.contains(&item);
        is_about_this && answer.at >= vanishing.since
    });
    answers.max_by_key(|answer| answer.at).is_some_and(|answer| answer.verdict == Verdict::Accepted)
}

/// An Organization that was listed before and is not now, while nothing says that it is still there.
pub(super) fn is_missing<'a>(
    vanishing: &'a BTreeMap<IntegrationKey, Vanishing>,
    book: &EvidenceBook,
    key: &IntegrationKey,
    group: Option<GroupId>,
    now: DateTime<Utc>,
) -> Option<&'a Vanishing> {
    let known = vanishing.get(key).filter(|vanishing| vanishing.listed_at.is_some());
    known.filter(|vanishing| !answers_itself(book, key, group, vanishing, now))
}

/// Why an Organization is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is not missing: it says so itself.
    There,
    /// Somebody knows that it is gone.
    Settled,
    /// It was said beforehand that it would go.
    Planned,
    /// No listing ever had it.
    NeverListed,
    /// It was listed before, and nobody knows.
    Unknown,
}

fn fate(
    state: &State,
    group: Option<GroupId>,
    key: &IntegrationKey,
    vanishing: &Vanishing,
    now: DateTime<Utc>,
) -> Fate {
    let planned = |organization| state.decisions.plan_of_organization(&key.integration, organization, now).is_some();
    if answers_itself(&state.evidence, key, group, vanishing, now) {
        Fate::There
    } else if left(&state.evidence, key, vanishing) || is_accepted(&state.decisions, key, vanishing) {
        Fate::Settled
    } else if key.organization.is_some_and(planned) {
        Fate::Planned
    } else if vanishing.listed_at.is_none() {
        Fate::NeverListed
    } else {
        Fate::Unknown
    }
}

fn group_of(integration: &WatchedIntegration) -> Option<GroupId> {
    integration.group.as_ref().map(|group| group.id)
}

fn is_mass(missing: usize, watched: usize, share: f64) -> bool {
    let is_share = missing >= SHARE_AT_LEAST && missing as f64 >= share * watched as f64;
    let is_half = missing >= HALF_AT_LEAST && missing * 2 >= watched;
    missing > 0 && (is_share || is_half || missing >= MASS || missing >= watched)
}

/// Judges, after a complete listing, whether so many are missing that none of them is believed to be gone.
pub(super) fn assess(state: &mut State, fleet: &Fleet, name: &IntegrationName, at: DateTime<Utc>) {
    let Some(integration) = fleet.integrations.get(name) else { return };
    let group = group_of(integration);
    let lowest = IntegrationKey::group(name.clone());
    let of_this = state.vanishing.range(lowest..).take_while(|(key, _)| key.integration == *name);
    let missing = of_this.filter(|(key, vanishing)| fate(state, group, key, vanishing, at) == Fate::Unknown).count();
    let watched = keys_of(&state.integrations, name).count();
    let before = unexplained_before(state, name, at - integration.thresholds.loss_window);
    let (vanished, watched) = (missing + before, watched + before);
    if missing == 0 || !is_mass(vanished, watched, integration.thresholds.vanished_share) {
        state.mass_vanishing.remove(name);
        return;
    }
    let first = MassVanishing { since: at, confirmed: false, vanished, watched };
    let mass = state.mass_vanishing.entry(name.clone()).or_insert(first);
    *mass = MassVanishing { since: mass.since, confirmed: mass.since < at, vanished, watched };
}

/// How many were taken for deleted without a reason since `from`, and since somebody accepted such a loss last: one by
/// one is no better than at once.
fn unexplained_before(state: &State, name: &IntegrationName, from: DateTime<Utc>) -> usize {
    let accepted = state.decisions.answers.values().filter(|answer| {
        let is_about_this = answer.incident.subject == Subject::Organizations(name.clone());
        is_about_this && answer.incident.rule == Rule::OrganizationsVanished && answer.verdict == Verdict::Accepted
    });
    let from = accepted.map(|answer| answer.at).max().map_or(from, |accepted| accepted.max(from));
    let Some(group) = state.integrations.get(&IntegrationKey::group(name.clone())) else { return 0 };
    let is_back =
        |id: &OrganizationId| state.integrations.contains_key(&IntegrationKey::organization(name.clone(), *id));
    group.group.unexplained_organizations.iter().filter(|(id, at)| **at > from && !is_back(id)).count()
}

/// Forgets the Organizations that are gone, and what is no longer missing.
pub(super) fn settle(state: &mut State, fleet: &Fleet, now: DateTime<Utc>) {
    if state.vanishing.is_empty() {
        state.mass_vanishing.clear();
        return;
    }
    let mut gone = Vec::new();
    let mut unexplained = Vec::new();
    let mut unsettled: BTreeMap<&IntegrationName, usize> = BTreeMap::new();
    let mut named = BTreeMap::new();
    for (key, vanishing) in &state.vanishing {
        let Some(integration) = fleet.integrations.get(&key.integration) else { continue };
        let named: &BTreeSet<_> = named.entry(&key.integration).or_insert_with(|| {
            integration.organizations.as_ref().map(WatchedOrganizations::named_ids).unwrap_or_default()
        });
        let is_named = key.organization.is_some_and(|id| named.contains(&id));
        let fate = fate(state, group_of(integration), key, vanishing, now);
        let is_held = fate == Fate::Unknown && state.mass_vanishing.contains_key(&key.integration);
        let is_gone = match fate {
            Fate::There => false,
            Fate::Settled => true,
            Fate::Planned | Fate::NeverListed | Fate::Unknown => vanishing.listings >= LISTINGS_WITHOUT && !is_held,
        };
        if is_gone && !is_named {
            gone.push(key.clone());
            if fate == Fate::Unknown {
                unexplained.push((key.clone(), now - integration.thresholds.loss_window));
            }
        } else if fate == Fate::Unknown {
            *unsettled.entry(&key.integration).or_default() += 1;
        }
    }
    let still: BTreeSet<IntegrationName> = unsettled.into_keys().cloned().collect();
    state.mass_vanishing.retain(|name, _| still.contains(name));
    for (key, from) in unexplained {
        let group = state.integrations.get_mut(&IntegrationKey::group(key.integration));
        let (Some(group), Some(organization)) = (group, key.organization) else { continue };
        group.group.unexplained_organizations.retain(|_, at| *at > from);
        group.group.unexplained_organizations.insert(organization, now);
    }
    for key in &gone {
        state.integrations.remove(key);
        state.evidence.organizations.remove(key);
        state.vanishing.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_are_no_deletion() {
        let table = [
            // One of many, and the only one.
            (1, 15, false),
            (1, 2, false),
            (1, 1, true),
            // A few of many.
            (2, 15, false),
            (4, 30, false),
            (5, 50, true),
            (5, 51, false),
            // Half of a few.
            (2, 4, true),
            (2, 5, false),
            (3, 3, true),
            // Many, whatever the share.
            (24, 1_000, false),
            (25, 1_000, true),
            (0, 0, false),
        ];
        for (missing, watched, expected) in table {
            assert_eq!(is_mass(missing, watched, 0.1), expected, "{missing} of {watched}");
        }
    }
}
