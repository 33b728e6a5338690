//! Which asset of the Inventory is which repository of the SCM.
//!
//! By the SCM's id where Snyk gives it. By any URL that the id ever had only where nothing contradicts: the asset is not
//! older than the repository, and has no id, or ids were proved not to match on this host. Names are reused, ids are
//! not: an asset of a repository that was deleted says nothing about the one that has its name now. An address that
//! people linked to an asset (an alias) counts as said. Of two assets of one repository the one that moved last is meant.
//! Facts: `docs/apis/snyk.md`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::facts::{Asset, AssetWalk, RemovedAsset, Repository, RepositorySet};
use crate::domain::kinds::Scm;
use crate::domain::names::RepositoryId;
use crate::domain::state::GroupMemory;

/// The clocks of Snyk and of a Git host may differ so much.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// So many repositories found by URL, none of them by its id, prove that ids do not match (fewer, where there are not so
/// many).
const MISMATCHES: usize = 3;

/// Whether the Group integration discovered the asset, rather than an Organization's import or a command line.
pub(super) fn is_discovered(asset: &Asset) -> bool {
    asset.last_sync.is_some() || asset.sources.iter().any(|source| !source.eq_ignore_ascii_case("snyk"))
}

/// When the asset last moved: its `last_sync`, or, where the walk has none, the weak `updated_at`. What lies ahead of the
/// walk is no instant.
pub(super) fn moved_at(asset: &Asset, walk: &AssetWalk, walked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if walk.has_last_sync { past(asset.last_sync, walked_at) } else { synced_at(asset, walked_at) }
}

/// Until when the asset has what happened to its repository: one without `last_sync` among others is not left out, though
/// its `updated_at` proves no movement.
pub(super) fn synced_at(asset: &Asset, walked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    past(asset.last_sync, walked_at).or_else(|| past(asset.updated_at, walked_at))
}

/// An instant of an API, unless it lies in the future.
pub(super) fn past(at: Option<DateTime<Utc>>, looked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.filter(|at| *at <= looked_at + CLOCKS_DIFFER)
}

/// The latest movement of any discovered asset.
pub(super) fn last_moved_at(walk: &AssetWalk, walked_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    walk.live.iter().filter(|asset| is_discovered(asset)).filter_map(|asset| moved_at(asset, walk, walked_at)).max()
}

fn host(scm: Scm) -> &'static str {
    match scm {
        Scm::BitbucketCloud => "bitbucket.org",
    }
}

/// A repository's normalised URL under its present name.
pub(super) fn repository_url(scm: Scm, full_name: &str) -> String {
    format!("{}/{}", host(scm), full_name.to_lowercase())
}

/// The `workspace/slug` of a repository's normalised URL on this host.
pub(super) fn name_in_url(scm: Scm, url: &str) -> Option<&str> {
    url.strip_prefix(host(scm))?.strip_prefix('/')
}

/// What the Inventory knows of one repository.
#[derive(Debug, Clone, Copy)]
pub(super) enum Match<'a> {
    /// A live asset that the Group discovered.
    Live(&'a Asset),
    /// Only a removed one.
    Removed(&'a RemovedAsset),
    /// Nothing.
    Nothing,
}

impl<'a> Match<'a> {
    pub(super) fn live(self) -> Option<&'a Asset> {
        match self {
            Self::Live(asset) => Some(asset),
            Self::Removed(_) | Self::Nothing => None,
        }
    }
}

/// Assets by what identifies them.
pub(super) struct Matcher<'a> {
    scm: Scm,
    memory: &'a GroupMemory,
    sets: Vec<&'a RepositorySet>,
    live: Index<'a, Asset>,
    removed: Index<'a, RemovedAsset>,
    aliases: &'a BTreeMap<String, String>,
    ids_differ: OnceCell<bool>,
}

struct Index<'a, A> {
    assets: Vec<&'a A>,
    by_id: HashMap<&'a str, &'a A>,
    /// Built when a repository is first looked for by URL: where Snyk gives ids, that is seldom.
    by_url: OnceCell<HashMap<&'a str, &'a A>>,
}

trait Identified {
    fn scm_id(&self) -> Option<&RepositoryId>;
    fn url(&self) -> Option<&str>;
    fn created_at(&self) -> Option<DateTime<Utc>>;
    /// When it was last synchronised.
    fn synced_at(&self) -> Option<DateTime<Utc>>;
}

impl Identified for Asset {
    fn scm_id(&self) -> Option<&RepositoryId> {
        self.scm_id.as_ref()
    }

    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    fn synced_at(&self) -> Option<DateTime<Utc>> {
        self.last_sync
    }
}

impl Identified for RemovedAsset {
    fn scm_id(&self) -> Option<&RepositoryId> {
        self.scm_id.as_ref()
    }

    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn created_at(&self) -> Option<DateTime<Utc>> {
        None
    }

    fn synced_at(&self) -> Option<DateTime<Utc>> {
        None
    }
}

impl<'a, A: Identified> Index<'a, A> {
    fn new(assets: impl Iterator<Item = &'a A>) -> Self {
        let assets: Vec<&'a A> = assets.collect();
        let by_id = Self::by(&assets, |asset| asset.scm_id().map(RepositoryId::as_str));
        Self { assets, by_id, by_url: OnceCell::new() }
    }

    fn by(assets: &[&'a A], key: impl Fn(&'a A) -> Option<&'a str>) -> HashMap<&'a str, &'a A> {
        let mut index: HashMap<&str, &A> = HashMap::with_capacity(assets.len());
        for asset in assets {
            let Some(key) = key(asset) else { continue };
            let known = index.entry(key).or_insert(asset);
            if asset.synced_at() >= known.synced_at() {
                *known = asset;
            }
        }
        index
    }

    fn find_url(&self, url: &str) -> Option<&'a A> {
        self.by_url.get_or_init(|| Self::by(&self.assets, |asset| asset.url())).get(url).copied()
    }
}

impl<'a> Matcher<'a> {
    /// Indexes the assets of `walk`; `sets` are all repositories that are visible.
    pub(super) fn new(scm: Scm, memory: &'a GroupMemory, sets: Vec<&'a RepositorySet>, walk: &'a AssetWalk) -> Self {
        Self {
            scm,
            memory,
            sets,
            live: Index::new(walk.live.iter().filter(|asset| is_discovered(asset))),
            removed: Index::new(walk.removed.iter()),
            aliases: &walk.aliases,
            ids_differ: OnceCell::new(),
        }
    }

    /// What the Inventory knows of `repository`.
    pub(super) fn find(&self, repository: &Repository) -> Match<'a> {
        if let Some(asset) = self.live.by_id.get(repository.id.as_str()) {
            return Match::Live(asset);
        }
        let url = repository_url(self.scm, &repository.full_name);
        if let Some(asset) = self.by_alias(&url).or_else(|| self.by_url(&self.live, repository, &url)) {
            return Match::Live(asset);
        }
        let removed = self.removed.by_id.get(repository.id.as_str()).copied();
        match removed.or_else(|| self.by_url(&self.removed, repository, &url)) {
            Some(asset) => Match::Removed(asset),
            None => Match::Nothing,
        }
    }

    /// The live asset of a repository that is not visible, by its id alone.
    pub(super) fn find_id(&self, id: &RepositoryId) -> Option<&'a Asset> {
        self.live.by_id.get(id.as_str()).copied()
    }

    /// Whether a repository was judged at some time.
    pub(super) fn was_eligible(&self, id: &RepositoryId) -> bool {
        self.memory.repository_ages.get(id).is_some_and(|age| age.was_eligible)
    }

    fn by_alias(&self, url: &str) -> Option<&'a Asset> {
        self.live.find_url(self.aliases.get(url)?)
    }

    fn by_url<A: Identified>(&self, index: &Index<'a, A>, repository: &Repository, url: &str) -> Option<&'a A> {
        let former = self.memory.repository_ages.get(&repository.id).map(|age| &age.urls);
        std::iter::once(url)
            .chain(former.into_iter().flatten().map(String::as_str))
            .filter_map(|url| index.find_url(url))
            .find(|asset| !is_older(*asset, repository) && (asset.scm_id().is_none() || self.ids_differ()))
    }

    /// Whether the SCM ids of assets are proved to be other ids than the host's.
    fn ids_differ(&self) -> bool {
        *self.ids_differ.get_or_init(|| !self.memory.ids_match && !self.has_matching_id() && self.has_mismatches())
    }

    /// Whether an asset's SCM id is that of a visible repository.
    pub(super) fn has_matching_id(&self) -> bool {
        let mut ids = self.sets.iter().flat_map(|set| set.repositories.keys());
        ids.any(|id| self.live.by_id.contains_key(id.as_str()))
    }

    fn has_mismatches(&self) -> bool {
        let repositories = self.sets.iter().flat_map(|set| set.repositories.values());
        let mismatches = repositories.clone().filter(|repository| {
            let asset = self.live.find_url(&repository_url(self.scm, &repository.full_name));
            asset.is_some_and(|asset| asset.scm_id.is_some() && !is_older(asset, repository))
        });
        mismatches.take(MISMATCHES).count() >= repositories.take(MISMATCHES).count().max(1)
    }
}

/// Whether the asset was there before the repository, so that it is another one's.
fn is_older(asset: &impl Identified, repository: &Repository) -> bool {
    let ages = asset.created_at().zip(repository.created_at);
    ages.is_some_and(|(asset, repository)| asset + CLOCKS_DIFFER < repository)
}
