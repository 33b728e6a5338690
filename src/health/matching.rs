//! Which asset of the Inventory is which repository of the SCM.
//!
//! By the SCM's id where Snyk gives it, else by any URL that the id ever had. An asset that carries the id of another
//! visible repository is never taken by URL: names are reused, ids are not. Facts: `docs/apis/snyk.md`.

use std::cell::OnceCell;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::facts::{Asset, AssetWalk, RemovedAsset, Repository, RepositorySet};
use crate::domain::kinds::Scm;
use crate::domain::names::RepositoryId;
use crate::domain::state::GroupMemory;

/// Whether the Group integration discovered the asset, rather than an Organization's import or a command line.
pub(super) fn is_discovered(asset: &Asset) -> bool {
    asset.last_sync.is_some() || asset.sources.iter().any(|source| !source.eq_ignore_ascii_case("snyk"))
}

/// When the asset last moved: its `last_sync`, or, where the walk has none, the weak `updated_at`.
pub(super) fn moved_at(asset: &Asset, walk: &AssetWalk) -> Option<DateTime<Utc>> {
    if walk.has_last_sync { asset.last_sync } else { asset.last_sync.or(asset.updated_at) }
}

/// The latest movement of any discovered asset.
pub(super) fn last_moved_at(walk: &AssetWalk) -> Option<DateTime<Utc>> {
    walk.live.iter().filter(|asset| is_discovered(asset)).filter_map(|asset| moved_at(asset, walk)).max()
}

/// A repository's normalised URL under its present name.
pub(super) fn repository_url(scm: Scm, full_name: &str) -> String {
    let host = match scm {
        Scm::BitbucketCloud => "bitbucket.org",
    };
    format!("{host}/{}", full_name.to_lowercase())
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

/// Assets by what identifies them.
pub(super) struct Matcher<'a> {
    scm: Scm,
    memory: &'a GroupMemory,
    sets: Vec<&'a RepositorySet>,
    live: Index<'a, Asset>,
    removed: Index<'a, RemovedAsset>,
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
}

impl Identified for Asset {
    fn scm_id(&self) -> Option<&RepositoryId> {
        self.scm_id.as_ref()
    }

    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl Identified for RemovedAsset {
    fn scm_id(&self) -> Option<&RepositoryId> {
        self.scm_id.as_ref()
    }

    fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

impl<'a, A: Identified> Index<'a, A> {
    fn new(assets: impl Iterator<Item = &'a A>) -> Self {
        let assets: Vec<&'a A> = assets.collect();
        let mut by_id = HashMap::with_capacity(assets.len());
        by_id.extend(assets.iter().filter_map(|asset| Some((asset.scm_id()?.as_str(), *asset))));
        Self { assets, by_id, by_url: OnceCell::new() }
    }

    fn find_url(&self, url: &str) -> Option<&'a A> {
        let index =
            self.by_url.get_or_init(|| self.assets.iter().filter_map(|asset| Some((asset.url()?, *asset))).collect());
        index.get(url).copied()
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
        }
    }

    /// What the Inventory knows of `repository`.
    pub(super) fn find(&self, repository: &Repository) -> Match<'a> {
        if let Some(asset) = self.live.by_id.get(repository.id.as_str()) {
            return Match::Live(asset);
        }
        let url = repository_url(self.scm, &repository.full_name);
        if let Some(asset) = self.by_url(&self.live, repository, &url) {
            return Match::Live(asset);
        }
        let removed = self.removed.by_id.get(repository.id.as_str()).copied();
        match removed.or_else(|| self.by_url(&self.removed, repository, &url)) {
            Some(asset) => Match::Removed(asset),
            None => Match::Nothing,
        }
    }

    fn by_url<A: Identified>(&self, index: &Index<'a, A>, repository: &Repository, url: &str) -> Option<&'a A> {
        let former = self.memory.repository_ages.get(&repository.id).map(|age| &age.urls);
        std::iter::once(url)
            .chain(former.into_iter().flatten().map(String::as_str))
            .filter_map(|url| index.find_url(url))
            .find(|asset| asset.scm_id().is_none_or(|id| *id == repository.id || !self.is_visible(id)))
    }

    fn is_visible(&self, id: &RepositoryId) -> bool {
        self.sets.iter().any(|set| set.repositories.contains_key(id))
    }
}
