//! A Group that answers our token, and shows neither Organizations nor assets, though it had some: that is what an account
//! without a role sees. One that never had any is new.
//!
//! The two lists are asked for at different times, so that one of them that is empty for the first time asks for the other
//! before anything is concluded.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{EvidenceBook, fresh};
use crate::domain::facts::AssetWalk;
use crate::domain::names::{IntegrationKey, IntegrationName};
use crate::domain::state::{GroupMemory, State, Vanishing};
use crate::domain::work::{Finding, ProbeKind, ProbeRun, Work, WorkSubject};

use super::FollowUp;
use super::verdict::Verdict;

/// What the two lists of a Group say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Something, or nothing that is known to be empty.
    Something,
    /// No assets; the Organizations were last listed before that.
    NoAssetsYetListed,
    /// No Organizations; the assets were last walked before that.
    NotListedYetAssets,
    /// Neither.
    Nothing,
}

/// Remembers since when one of the lists is empty.
pub(super) fn note(since: &mut Option<DateTime<Utc>>, is_empty: bool, at: DateTime<Utc>) {
    *since = if is_empty { since.or(Some(at)) } else { None };
}

/// Whether a walk found nothing at all: an asset that was removed is something to see.
pub(super) fn is_bare(walk: &AssetWalk) -> bool {
    walk.live.is_empty() && walk.removed.is_empty()
}

/// What the Group `name` shows, where it showed something before.
fn sight_of(known: &Known<'_>, name: &IntegrationName, now: DateTime<Utc>) -> Sight {
    let Some(book) = known.evidence.groups.get(name) else { return Sight::Something };
    let group = IntegrationKey::group(name.clone());
    let mut missing = known.vanishing.range(group..).take_while(|(key, _)| key.integration == *name);
    let had_some = known.memory.was_populated || missing.any(|(_, vanishing)| vanishing.listed_at.is_some());
    let (no_organizations, no_assets) = (known.memory.no_organizations_since, known.memory.no_assets_since);
    if had_some && no_organizations.is_some() && no_assets.is_some() {
        // So it stays until one of them shows something: a list that fails afterwards proves nothing else.
        return Sight::Nothing;
    }
    let (Some(listing), Some(assets)) = (fresh(&book.organizations, now), fresh(&book.assets, now)) else {
        return Sight::Something;
    };
    match (no_organizations, no_assets) {
        _ if !had_some => Sight::Something,
        (None, Some(since)) if listing.observed_at < since => Sight::NoAssetsYetListed,
        (Some(since), None) if assets.observed_at < since => Sight::NotListedYetAssets,
        _ => Sight::Something,
    }
}

/// What is known of a Group.
pub(super) struct Known<'a> {
    pub(super) evidence: &'a EvidenceBook,
    pub(super) vanishing: &'a BTreeMap<IntegrationKey, Vanishing>,
    pub(super) memory: &'a GroupMemory,
}

/// What is unknown of a Group because it shows nothing; `None` where it shows something.
pub(super) fn verdict(known: &Known<'_>, name: &IntegrationName, now: DateTime<Utc>) -> Option<Verdict> {
    let (is_asked, message) = match sight_of(known, name, now) {
        Sight::Something => return None,
        Sight::Nothing => (false, "shows neither Organizations nor assets, though it had some"),
        Sight::NoAssetsYetListed => (true, "shows no assets, though it had some"),
        Sight::NotListedYetAssets => (true, "lists no Organizations, though it had some"),
    };
    let mut verdict =
        Verdict::unknown(Reason::GroupAnswersEmpty, format!("the Group answers our token, and {message}"));
    verdict.confirming |= is_asked;
    Some(verdict)
}

/// The other list, where a first look at one of them found it empty.
pub(super) fn follow_ups(state: &State, run: &ProbeRun) -> Vec<FollowUp> {
    let lists = run.outcome.findings.iter().filter_map(|finding| match finding {
        Finding::Organizations(name, _) | Finding::Assets(name, _) => Some(name),
        _ => None,
    });
    let other = lists.filter_map(|name| {
        let memory = &state.integrations.get(&IntegrationKey::group(name.clone()))?.group;
        let known = Known { evidence: &state.evidence, vanishing: &state.vanishing, memory };
        let kind = match sight_of(&known, name, run.started_at) {
            Sight::NoAssetsYetListed => ProbeKind::OrganizationList,
            Sight::NotListedYetAssets => ProbeKind::Inventory,
            Sight::Something | Sight::Nothing => return None,
        };
        Some(FollowUp::Confirm(Work { kind, subject: WorkSubject::Group(name.clone()) }))
    });
    other.collect()
}
