//! Probe `catalog`: do repositories that carry the Backstage catalog file have application context on their asset.
//!
//! One SCM request per sampled repository. Sampled are repositories that have an asset: up to half of the sample those
//! that carried the file last time, the rest by rotation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::round::Round;
use super::sample::rotating;
use super::scm::{CredentialScope, ScmProbes};
use crate::domain::evidence::GroupEvidence;
use crate::domain::facts::{Asset, CatalogCheck, CatalogSample, Repository, normalised_url};
use crate::domain::names::{IntegrationName, RepositoryId};
use crate::domain::work::Finding;

/// One credential's part of the sample.
pub(super) struct Part<'a> {
    pub(super) probes: &'a dyn ScmProbes,
    pub(super) scope: CredentialScope<'a>,
    pub(super) repositories: Vec<&'a Repository>,
}

/// Runs the probe over the parts of all profiles. A part that does not conclude makes no finding at all: half a sample
/// would make repositories look unlinked that were never asked.
pub(super) async fn run(
    integration: &IntegrationName,
    known: &GroupEvidence,
    parts: Vec<Part<'_>>,
    file: &str,
    sample_size: usize,
    host: &str,
    round: &mut Round,
) {
    let Some(assets) = &known.assets else { return };
    let assets = AssetIndex::new(&assets.value.live);
    let earlier = known.catalog.iter().flat_map(|evidence| &evidence.value.checks);
    let carried: BTreeSet<_> = earlier.filter(|check| check.has_file).map(|check| &check.repository).collect();
    let mut checks = Vec::new();
    for part in parts {
        let candidates = part.repositories.into_iter().filter(|repository| !repository.empty);
        let candidates = candidates.filter(|repository| assets.of(repository, host).is_some()).collect();
        let sample = choose(candidates, &carried, sample_size, round.started_at);
        let by_id: BTreeMap<_, _> = sample.iter().map(|repository| (repository.id.clone(), *repository)).collect();
        let Some(found) = part.probes.check_file(part.scope, sample, file, round).await else { return };
        checks.extend(found.into_iter().filter_map(|check| {
            let repository = by_id.get(&check.repository)?;
            Some(CatalogCheck {
                repository: check.repository,
                full_name: repository.full_name.clone(),
                has_file: check.is_there,
                linked: assets.of(repository, host).and_then(|asset| asset.application_context),
            })
        }));
    }
    round.find(Finding::Catalog(integration.clone(), CatalogSample { checks }));
}

fn choose<'a>(
    candidates: Vec<&'a Repository>,
    carried: &BTreeSet<&RepositoryId>,
    size: usize,
    at: DateTime<Utc>,
) -> Vec<&'a Repository> {
    let (known, others): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|repository| carried.contains(&repository.id));
    let mut sample = pick(&known, size / 2, at);
    let rest = size - sample.len();
    sample.extend(pick(&others, rest, at));
    sample
}

fn pick<'a>(from: &[&'a Repository], size: usize, at: DateTime<Utc>) -> Vec<&'a Repository> {
    rotating(from, |repository| repository.id.as_str(), size, at).into_iter().copied().collect()
}

/// Live assets by everything that may identify their repository.
struct AssetIndex<'a> {
    by_id: BTreeMap<&'a RepositoryId, &'a Asset>,
    by_url: BTreeMap<&'a str, &'a Asset>,
}

impl<'a> AssetIndex<'a> {
    fn new(live: &'a [Asset]) -> Self {
        Self {
            by_id: live.iter().filter_map(|asset| Some((asset.scm_id.as_ref()?, asset))).collect(),
            by_url: live.iter().filter_map(|asset| Some((asset.url.as_deref()?, asset))).collect(),
        }
    }

    fn of(&self, repository: &Repository, host: &str) -> Option<&'a Asset> {
        let url = || normalised_url(&format!("https://{host}/{}", repository.full_name));
        self.by_id.get(&repository.id).copied().or_else(|| self.by_url.get(url()?.as_str()).copied())
    }
}
