//! The conditions of a Group integration, from its fresh evidence and its memory: judged for each namespace of each
//! profile, of which the worst counts and is named.

mod inventory;
mod lost_assets;
mod namespaces;
mod sync;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::{Evidence, GroupEvidence, Part, ProfileEvidence};
use crate::domain::facts::{AssetWalk, RepositorySet};
use crate::domain::fleet::{Thresholds, WatchedGroup, WatchedIntegration};
use crate::domain::kinds::Confidence;
use crate::domain::names::{ProfileName, RepositoryId, WorkspaceSlug};
use crate::domain::state::{GroupMemory, SyncProgress};

use super::credential::{Claims, Movement};
use super::in_step;
use super::progress::Progressed;
use super::status::{Ever, ProfileTruths};
use super::survey::{ProfileSet, Survey, Surveyed};
use super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::words::{listed, repositories};

pub(super) use lost_assets::items_of;

/// What a Group integration is judged by.
pub(super) struct GroupCase<'a> {
    pub(super) integration: &'a WatchedIntegration,
    pub(super) group: &'a WatchedGroup,
    pub(super) evidence: Option<&'a GroupEvidence>,
    pub(super) memory: &'a GroupMemory,
    /// `SnykAccessible`.
    pub(super) accessible: Verdict,
    /// The credential of each profile.
    pub(super) claims: BTreeMap<&'a ProfileName, Claims<'a>>,
    /// Our clock is too far off Snyk's for verdicts about lag.
    pub(super) is_skewed: bool,
    pub(super) set_up_at: DateTime<Utc>,
    /// Repositories of which somebody accepted that their asset is gone, and when.
    pub(super) accepted: BTreeMap<&'a RepositoryId, DateTime<Utc>>,
    pub(super) now: DateTime<Utc>,
}

/// One profile's signals.
pub(super) struct ProfileVerdicts {
    pub(super) name: ProfileName,
    pub(super) credential_valid: Verdict,
    pub(super) group_permissions: Verdict,
    /// False only when it is in each namespace that takes part.
    pub(super) repositories_visible: Verdict,
    /// The namespace in which it is false, where it is not in all.
    pub(super) hidden: Option<Verdict>,
    pub(super) still_exists: Verdict,
    /// The last movement of one of its assets.
    pub(super) movement: Option<Movement>,
}

impl ProfileVerdicts {
    pub(super) fn truths(&self) -> ProfileTruths {
        ProfileTruths {
            credential_valid: self.credential_valid.signal(),
            group_permissions: self.group_permissions.signal(),
            repositories_visible: self.repositories_visible.signal(),
            partly_hidden: self.hidden.is_some(),
            still_exists: self.still_exists.signal(),
        }
    }
}

/// One namespace of a profile.
pub(super) struct NamespaceVerdicts {
    pub(super) slug: WorkspaceSlug,
    pub(super) visible: Verdict,
    /// `None`: it takes no part.
    pub(super) populated: Option<Verdict>,
    pub(super) complete: Option<Verdict>,
    pub(super) remembered: NamespaceRemembered,
}

/// What the memory of a namespace becomes by being judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct NamespaceRemembered {
    pub(super) was_eligible: bool,
    pub(super) was_populated: bool,
    pub(super) is_incomplete: bool,
    pub(super) inventory_lost_at: Option<DateTime<Utc>>,
}

/// What a Group integration's memory becomes by being judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered {
    pub(super) populated: Ever,
    pub(super) first_fill_completed_at: Option<DateTime<Utc>>,
}

/// The verdicts on a Group integration.
pub(super) struct GroupVerdicts {
    pub(super) conditions: Vec<(Condition, Verdict)>,
    pub(super) profiles: Vec<ProfileVerdicts>,
    /// By profile.
    pub(super) namespaces: Vec<(ProfileName, Vec<NamespaceVerdicts>)>,
    /// `None` when the Inventory or a repository list is unknown: what was last known still stands.
    pub(super) progress: Option<SyncProgress>,
    pub(super) remembered: Remembered,
}

/// The asset walk and what is known about the repositories beside it.
struct Looked<'a> {
    walk: &'a Evidence<Arc<AssetWalk>>,
    survey: Survey<'a>,
    /// Every profile's repositories are known, and fresh.
    is_whole: bool,
    basis: Basis,
    confidence: Confidence,
}

impl<'a> GroupCase<'a> {
    fn thresholds(&self) -> &'a Thresholds {
        &self.integration.thresholds
    }

    fn profile_evidence(&self, name: &ProfileName) -> Option<&'a ProfileEvidence> {
        self.evidence.and_then(|book| book.profiles.get(name))
    }

    fn assets(&self) -> Result<&'a Evidence<Arc<AssetWalk>>, Gap> {
        read(&slot(self.evidence, Part::Assets, |book| &book.assets), self.now)
    }

    fn repositories(&self, name: &ProfileName) -> Result<&'a Evidence<Arc<RepositorySet>>, Gap> {
        read(&slot(self.profile_evidence(name), Part::Repositories, |book| &book.repositories), self.now)
    }

    /// Every verdict.
    pub(super) fn judge(self) -> GroupVerdicts {
        let looked = self.look();
        let survey_of = |position: usize| looked.as_ref().ok().and_then(|looked| looked.survey.profiles.get(position));
        let namespaces: Vec<(ProfileName, Vec<NamespaceVerdicts>)> = self
            .claims
            .keys()
            .enumerate()
            .map(|(position, name)| ((*name).clone(), self.judge_namespaces(name, &looked, survey_of(position))))
            .collect();
        let profiles: Vec<ProfileVerdicts> = self
            .claims
            .keys()
            .enumerate()
            .zip(&namespaces)
            .map(|((position, name), (_, namespaces))| {
                let movement = looked.as_ref().ok().and_then(|looked| self.movement(looked, position));
                self.judge_profile(name, namespaces, movement)
            })
            .collect();
        let visible = Self::visible(&namespaces, &profiles);
        let populated = Self::populated(&namespaces);
        let complete = Self::complete(&namespaces);
        let remembered = self.remember(&looked, &complete);
        let current = self.current(&looked, &profiles);
        let progress = looked.as_ref().ok().filter(|looked| looked.is_whole).map(|looked| {
            let memory =
                GroupMemory { first_fill_completed_at: remembered.first_fill_completed_at, ..self.slim_memory() };
            Progressed {
                survey: &looked.survey,
                memory: &memory,
                walked_at: looked.walk.observed_at,
                sync_cycle: self.thresholds().sync_cycle,
                set_up_at: self.set_up_at,
                current: current.truth,
                now: self.now,
            }
            .progress()
        });
        let each = |judge: &dyn Fn(&Claims<'a>) -> Verdict| {
            let verdicts: Vec<Verdict> = self.claims.values().map(judge).collect();
            over_profiles(verdicts.iter())
        };
        let mut conditions = vec![
            (Condition::SnykAccessible, self.accessible.clone()),
            (Condition::CredentialValid, over_profiles(profiles.iter().map(|profile| &profile.credential_valid))),
            (Condition::CredentialFresh, each(&|claims| claims.fresh(self.thresholds()))),
            (Condition::PermissionsGranted, each(&|claims| claims.permissions(&self.group.permissions.required))),
            (Condition::CredentialInStep, self.in_step(&looked)),
            (Condition::RepositoriesVisible, visible),
            (Condition::InventoryComplete, complete),
            (Condition::InventoryPopulated, populated),
            (Condition::SyncCurrent, current),
        ];
        if self.group.catalog_file.is_some() {
            conditions.push((Condition::CatalogLinked, self.catalog()));
        }
        GroupVerdicts { conditions, profiles, namespaces, progress, remembered }
    }

    /// The memory that progress needs, without the long lists that it can read where they are.
    fn slim_memory(&self) -> GroupMemory {
        GroupMemory {
            arrivals: self.memory.arrivals.clone(),
            last_asset_moved_at: self.memory.last_asset_moved_at,
            ..GroupMemory::default()
        }
    }

    fn look(&self) -> Result<Looked<'a>, Gap> {
        let walk = self.assets()?;
        let mut basis = Basis::of(walk);
        let mut is_whole = true;
        let mut sets = Vec::new();
        for (name, claims) in &self.claims {
            let known = self.profile_evidence(name).and_then(|book| book.repositories.as_ref());
            match known.filter(|known| known.is_fresh(self.now)) {
                Some(known) => {
                    basis = basis.and(Basis::of(known));
                    let mut unread = known.value.unread.keys();
                    is_whole &= !unread.any(|slug| known.value.unread_at(slug, known.max_age, self.now).is_some());
                }
                None => is_whole = false,
            }
            // Which repositories are a profile's is known from an old list too; what it says of them is not used.
            let set = known.map(|known| &*known.value);
            sets.push(ProfileSet { name, credential: claims.name, set });
        }
        let surveyed = Surveyed {
            scm: self.integration.scm,
            group: self.group,
            thresholds: self.thresholds(),
            memory: self.memory,
            walk: &walk.value,
            walked_at: walk.observed_at,
            accepted: &self.accepted,
        };
        let confidence = if walk.value.has_last_sync { Confidence::Strong } else { Confidence::Weak };
        Ok(Looked { walk, survey: surveyed.survey(&sets), is_whole, basis, confidence })
    }

    /// The last movement of an asset of the profile in this place that only its credential can have moved. Which
    /// repositories are the profile's, an old list tells too.
    fn movement(&self, looked: &Looked<'_>, position: usize) -> Option<Movement> {
        let profile = looked.survey.profiles.get(position)?;
        let worst_lag = profile.laggards.iter().map(|laggard| laggard.late.lag).max();
        let (at, walked_at) = (profile.last_moved_at?, looked.walk.observed_at);
        Some(Movement::seen(at, walked_at, worst_lag, self.thresholds(), Basis::of(looked.walk)))
    }

    fn judge_profile(
        &self,
        name: &ProfileName,
        namespaces: &[NamespaceVerdicts],
        movement: Option<Movement>,
    ) -> ProfileVerdicts {
        let moved = movement.as_ref();
        let unknown = || Verdict::unknown(Reason::NotObserved, "the credential is not configured");
        let claims = self.claims.get(name);
        let (repositories_visible, hidden) = self.profile_visible(name, namespaces);
        ProfileVerdicts {
            name: name.clone(),
            credential_valid: claims.map_or_else(unknown, |claims| claims.valid(moved)),
            group_permissions: claims
                .map_or_else(unknown, |claims| claims.group_permissions(&self.group.group_permissions.required, moved)),
            repositories_visible,
            hidden,
            still_exists: self.still_exists(name),
            movement,
        }
    }

    fn still_exists(&self, name: &ProfileName) -> Verdict {
        let walk = match self.assets() {
            Ok(walk) => walk,
            Err(gap) => return gap.verdict("the Inventory"),
        };
        let basis = Basis::of(walk);
        match self.memory.deleted_profiles.get(name) {
            None => {
                Verdict::holds(Reason::Ok, format!("nothing says that profile {name} was deleted"), Proven::by(walk))
                    .inferred()
            }
            Some(deleted) => Verdict::fails(
                Reason::ProfileDeleted,
                format!(
                    "profile {name} was deleted in Snyk: {} of its {} assets were removed with that reason",
                    deleted.gone, deleted.of
                ),
                basis,
            ),
        }
    }

    fn in_step(&self, looked: &Result<Looked<'a>, Gap>) -> Verdict {
        let verdicts: Vec<Verdict> = self
            .claims
            .iter()
            .enumerate()
            .map(|(position, (name, claims))| {
                let looked = looked.as_ref().map(|looked| in_step::Looked {
                    moved_at: looked.survey.profiles.get(position).and_then(|profile| profile.last_moved_at),
                    basis: looked.basis,
                    confidence: looked.confidence,
                });
                in_step::of_profile(claims, name, looked)
            })
            .collect();
        over_profiles(verdicts.iter())
    }

    fn catalog(&self) -> Verdict {
        let evidence = match read(&slot(self.evidence, Part::Catalog, |book| &book.catalog), self.now) {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("catalog files"),
        };
        let basis = Basis::of(evidence);
        let sampled = evidence.value.checks.len();
        let with_file: Vec<_> = evidence.value.checks.iter().filter(|check| check.has_file).collect();
        if with_file.is_empty() {
            let message = format!("none of {} carries a catalog file", repositories(sampled));
            return Verdict::unknown(Reason::NoCatalogFiles, message);
        }
        let unlinked: Vec<&str> = with_file
            .iter()
            .filter(|check| check.linked == Some(false))
            .map(|check| check.full_name.as_str())
            .collect();
        let linked = with_file.iter().filter(|check| check.linked == Some(true)).count();
        let of = repositories(with_file.len());
        if !unlinked.is_empty() {
            let message = format!(
                "{} of {of} with a catalog file have no application context: {}",
                unlinked.len(),
                listed(&unlinked)
            );
            return Verdict::fails(Reason::CatalogNotLinked, message, basis);
        }
        match Proven::counted(basis, linked, with_file.len()) {
            Some(proven) => {
                let message = format!("{linked} of {of} with a catalog file have application context");
                Verdict::holds(Reason::Ok, message, proven)
            }
            None => Verdict::unknown(Reason::NotObserved, format!("{of} with a catalog file have no readable asset")),
        }
    }
}

fn over_profiles<'v>(verdicts: impl Iterator<Item = &'v Verdict> + Clone) -> Verdict {
    Verdict::all_of(verdicts).unwrap_or_else(|| Verdict::unknown(Reason::NotObserved, "no profile is configured"))
}
