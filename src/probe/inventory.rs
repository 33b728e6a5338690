//! Probe `inventory`: the Group's repository assets of this SCM, live and removed.
//!
//! **How it works.** Two endpoints of Snyk know assets, and neither knows everything (`docs/apis/snyk.md`):
//! `inventory/assets` has `last_sync` and the SCM's id but no `sources`; `assets/search` has `sources` and removed assets
//! but no `last_sync`. The walk begins with the first; the second's live list is asked only for what the first leaves
//! open (an asset without `last_sync`, missing application context, no repositories at all), its removed list always.
//! When the first is gone or has lost its fields, the second stands in and the walk says `has_last_sync: false`, which
//! makes verdicts weak. What could not be had is named by a failure; the rest goes on.
//!
//! Aliases are read first, because an asset may be ours by its alias alone.
//!
//! Assets are selected here, by host and workspace, because Snyk's `sources` words are unverified; once one word was
//! seen on every discovered asset, the search is narrowed by it.
//!
//! Requests: one per 100 assets of each list that is asked; with 5,000 repositories at most some 200 an hour at the
//! default interval, 0.2 % of what Snyk allows a token.
//!
//! An asset that both lists of one round hold counts as removed. Where that were most of them the API has not told the two
//! apart, and nothing is concluded.
//!
//! **What it does not do.** It does not match assets to repositories and judges nothing.

mod merge;
mod selection;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

pub(super) use self::merge::repository_id;
use self::merge::{complete_with, from_inventory, from_search, learned_source, removed_from_search, take_out};
pub(super) use self::selection::Selection;
use super::assumptions::Assumption;
use super::judgement::{Verdict, is_whole_api};
use super::round::Round;
use super::snyk_session::SnykSession;
use crate::client::answer::{BodyKind, Failure, FailureClass};
use crate::client::snyk::{InventoryAsset, RepositoryAlias, SearchedAsset};
use crate::domain::evidence::Part;
use crate::domain::facts::{Asset, AssetWalk, RemovedAsset, normalised_url};
use crate::domain::names::{GroupId, IntegrationName};
use crate::domain::work::Finding;

/// Aliases are made by people, one at a time.
const ALIASES_EVERY: TimeDelta = TimeDelta::hours(6);

/// Which assets are asked for, and what was known of them.
pub(super) struct InventoryScope<'a> {
    pub(super) integration: &'a IntegrationName,
    pub(super) group: GroupId,
    pub(super) selection: Selection,
    /// Snyk's word for the SCM, as configured.
    pub(super) configured_source: Option<&'a str>,
    /// The word we assume.
    pub(super) assumed_source: &'a str,
    /// Whether application context is judged.
    pub(super) needs_context: bool,
    /// The last complete walk.
    pub(super) previous: Option<&'a AssetWalk>,
}

/// What `inventory/assets` gave.
enum Listed {
    /// Repositories; whether any of them carries `last_sync`.
    Repositories(Vec<Asset>, bool),
    /// A complete walk without repositories: there are none, or this Snyk does not list them here.
    Nothing,
    /// Unusable; the failure is taken down.
    Lost,
}

/// Runs the probe.
pub(super) async fn run(session: &mut SnykSession<'_>, mut scope: InventoryScope<'_>, round: &mut Round) {
    let aliases = aliases(session, &scope, round).await;
    let aliases = scope.selection.take_aliases(aliases);
    let Some(listed) = list(session, &scope, round).await else { return };
    let (mut live, has_last_sync, is_proved) = match listed {
        Listed::Repositories(live, has_last_sync) => (live, has_last_sync, true),
        Listed::Nothing => (Vec::new(), true, false),
        Listed::Lost => (Vec::new(), false, false),
    };
    let is_open =
        |asset: &Asset| asset.last_sync.is_none() || (scope.needs_context && asset.application_context.is_none());
    if !is_proved || live.iter().any(is_open) {
        match search_live(session, &scope, round).await {
            Some(found) => live = complete_with(live, found),
            // What `inventory/assets` listed stands without its sources; nothing listed proves nothing. Where none has
            // `last_sync` either, nobody tells which of them discovery found.
            None if !is_proved || !has_last_sync => return,
            None => {}
        }
    }
    // Both empty: there are none, and nothing is weak about that. Found by the search alone: it was not listed.
    let has_last_sync = if is_proved { has_last_sync } else { has_last_sync && live.is_empty() };
    observe_sources(&live, scope.assumed_source, round);
    let removed = match removed(session, &scope, &live, round).await {
        Some(removed) => match take_out(live, &removed) {
            Ok(left) => {
                live = left;
                removed
            }
            Err(failure) => {
                round.fail(session.api, Part::Assets, "tell live assets from removed ones", &failure);
                return;
            }
        },
        // What was removed an earlier time may be there again, and says nothing against today's list.
        None => scope.previous.map(|walk| walk.removed.clone()).unwrap_or_default(),
    };
    let walk = AssetWalk { live, removed, has_last_sync, aliases };
    round.find(Finding::Assets(scope.integration.clone(), Arc::new(walk)));
}

/// `None` when the round is over: Snyk does not answer, or rejects the token.
async fn list(session: &mut SnykSession<'_>, scope: &InventoryScope<'_>, round: &mut Round) -> Option<Listed> {
    const ATTEMPT: &str = "read `inventory/assets`, the source of `last_sync`";
    let walk = match round.hear(session.api, session.client().inventory_assets(scope.group.0).await) {
        Ok(walk) => walk,
        Err(failure) if is_whole_api(&failure) => {
            round.fail(session.api, Part::Assets, ATTEMPT, &failure);
            return None;
        }
        Err(failure) => {
            let verdict = session.concede(round, Part::Assets, ATTEMPT, &failure).await;
            return (verdict != Verdict::CredentialRejected).then_some(Listed::Lost);
        }
    };
    let repositories: Vec<_> = walk.items.into_iter().filter(is_repository).collect();
    if repositories.is_empty() {
        return Some(Listed::Nothing);
    }
    round.observe(Assumption::InventoryListsRepositories, true);
    if repositories.iter().all(|asset| asset.url.is_none() && asset.scm_id.is_none()) {
        round.fail(session.api, Part::Assets, ATTEMPT, &lost_field("repositories carry neither `url` nor `scm_id`"));
        return Some(Listed::Lost);
    }
    let has_last_sync = repositories.iter().any(|asset| asset.last_sync.is_some());
    round.observe(Assumption::InventoryHasLastSync, has_last_sync);
    round.observe(
        Assumption::InventoryHasApplicationContext,
        repositories.iter().any(|asset| asset.has_application_context.is_some()),
    );
    if !has_last_sync && scope.previous.is_some_and(|walk| walk.has_last_sync && !walk.live.is_empty()) {
        round.fail(session.api, Part::Assets, ATTEMPT, &lost_field("no repository carries `last_sync` any more"));
    }
    let assets: Vec<_> = repositories.into_iter().map(from_inventory).filter(|one| scope.selection.has(one)).collect();
    if let Some(is_known) = scope.selection.knows_any_id(&assets) {
        round.observe(Assumption::InventoryScmIdIsRepositoryId, is_known);
    }
    Some(Listed::Repositories(assets, has_last_sync))
}

fn is_repository(asset: &InventoryAsset) -> bool {
    asset.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("repositories"))
}

/// The live assets as the search tells them; `None` when that failed.
async fn search_live(
    session: &mut SnykSession<'_>,
    scope: &InventoryScope<'_>,
    round: &mut Round,
) -> Option<Vec<Asset>> {
    let learned = || scope.previous.and_then(|walk| learned_source(&walk.live));
    let source = scope.configured_source.map(str::to_owned).or_else(learned);
    let mut found = search(session, scope, source.as_deref(), round).await?;
    if found.is_empty() && source.is_some() {
        // The word may be wrong, or no longer Snyk's.
        found = search(session, scope, None, round).await?;
    }
    if !found.is_empty() && found.iter().all(|asset| asset.repository_url.is_none() && asset.browse_url.is_none()) {
        let failure = lost_field("assets carry neither `repository_url` nor `browse_url`");
        round.fail(session.api, Part::Assets, "search the Group's assets", &failure);
        return None;
    }
    let assets = found.into_iter().filter(|asset| !asset.is_removed).map(from_search);
    Some(assets.filter(|asset| scope.selection.has(asset)).collect())
}

async fn search(
    session: &mut SnykSession<'_>,
    scope: &InventoryScope<'_>,
    source: Option<&str>,
    round: &mut Round,
) -> Option<Vec<SearchedAsset>> {
    match round.hear(session.api, session.client().repository_assets(scope.group.0, source).await) {
        Ok(walk) => Some(walk.items),
        Err(failure) => {
            session.concede(round, Part::Assets, "search the Group's assets", &failure).await;
            None
        }
    }
}

/// The removed assets that are ours: by their own words, or because we know them as `live`.
async fn removed(
    session: &mut SnykSession<'_>,
    scope: &InventoryScope<'_>,
    live: &[Asset],
    round: &mut Round,
) -> Option<Vec<RemovedAsset>> {
    match round.hear(session.api, session.client().removed_repository_assets(scope.group.0).await) {
        Ok(walk) => {
            let removed = walk.items.into_iter().filter_map(|asset| removed_from_search(asset, round));
            let known: BTreeSet<&str> = live.iter().map(|asset| asset.id.as_str()).collect();
            let is_ours =
                |asset: &RemovedAsset| known.contains(asset.id.as_str()) || scope.selection.has_removed(asset);
            Some(removed.filter(is_ours).collect())
        }
        Err(failure) => {
            session.concede(round, Part::Assets, "read removed assets and why they were removed", &failure).await;
            None
        }
    }
}

/// Other addresses of the Group's assets, from a walk of them every six hours; between walks, and where the endpoint is missing
/// (early access: 403, 404), what is known of them. They only help to find an asset, so nothing is lost with them.
async fn aliases(session: &SnykSession<'_>, scope: &InventoryScope<'_>, round: &mut Round) -> BTreeMap<String, String> {
    let known = || scope.previous.map(|walk| walk.aliases.clone()).unwrap_or_default();
    let answered_at = round.memory.aliases_answered_at(scope.integration, scope.group);
    if scope.previous.is_some() && answered_at.is_some_and(|at| round.started_at - at < ALIASES_EVERY) {
        return known();
    }
    match round.hear(session.api, session.client().repository_aliases(scope.group.0).await) {
        Ok(walk) => {
            round.memory.aliases_answered(scope.integration, scope.group, round.started_at);
            let both = |one: RepositoryAlias| Some((normalised_url(&one.alias)?, normalised_url(&one.url)?));
            walk.items.into_iter().filter_map(both).collect()
        }
        Err(failure) => {
            // Whether the API answers at all, the list of assets tells next.
            if !is_whole_api(&failure) {
                round.memory.aliases_answered(scope.integration, scope.group, round.started_at);
            }
            known()
        }
    }
}

fn observe_sources(live: &[Asset], assumed: &str, round: &Round) {
    for source in
        live.iter().flat_map(|asset| &asset.sources).filter(|source| !source.eq_ignore_ascii_case(merge::SNYK_ITSELF))
    {
        round.observe(Assumption::AssetSourceIsBitbucket, source == assumed);
    }
}

/// An answer that is well formed and no longer carries what we read.
fn lost_field(what: &str) -> Failure {
    let mut failure = Failure::without_answer(FailureClass::UnexpectedBody, what);
    failure.body = BodyKind::Json;
    failure
}
