//! The conditions of a Group integration, from its fresh evidence and its memory.

mod inventory;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::{Evidence, GroupEvidence, Part, ProfileEvidence};
use crate::domain::facts::{AssetWalk, RepositorySet, WorkspaceFact};
use crate::domain::fleet::{Thresholds, WatchedGroup, WatchedIntegration};
use crate::domain::kinds::Confidence;
use crate::domain::names::{ProfileName, WorkspaceSlug};
use crate::domain::state::{GroupMemory, SyncProgress};

use super::credential::{Claims, Movement};
use super::in_step;
use super::matching::is_discovered;
use super::progress::Progressed;
use super::status::{Ever, ProfileTruths};
use super::survey::{Survey, Surveyed};
use super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::words::{listed, repositories};

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
    pub(super) now: DateTime<Utc>,
}

/// One profile's signals.
pub(super) struct ProfileVerdicts {
    pub(super) name: ProfileName,
    pub(super) credential_valid: Verdict,
    pub(super) group_permissions: Verdict,
    pub(super) repositories_visible: Verdict,
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
            partly_hidden: false,
            still_exists: self.still_exists.signal(),
        }
    }
}

/// What a Group integration's memory becomes by being judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered {
    pub(super) populated: Ever,
    pub(super) first_fill_completed_at: Option<DateTime<Utc>>,
    pub(super) is_incomplete: bool,
}

/// The verdicts on a Group integration.
pub(super) struct GroupVerdicts {
    pub(super) conditions: Vec<(Condition, Verdict)>,
    pub(super) profiles: Vec<ProfileVerdicts>,
    /// `None` when the Inventory or every repository list is unknown: what was last known still stands.
    pub(super) progress: Option<SyncProgress>,
    pub(super) remembered: Remembered,
}

/// The asset walk and what is fresh about the repositories beside it.
struct Looked<'a> {
    walk: &'a Evidence<Arc<AssetWalk>>,
    survey: Survey<'a>,
    basis: Basis,
    /// A profile whose repositories are not known.
    gap: Option<(ProfileName, Gap)>,
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
        read(slot(self.evidence, Part::Assets, |book| &book.assets), self.now)
    }

    fn repositories(&self, name: &ProfileName) -> Result<&'a Evidence<Arc<RepositorySet>>, Gap> {
        read(slot(self.profile_evidence(name), Part::Repositories, |book| &book.repositories), self.now)
    }

    /// Every verdict.
    pub(super) fn judge(self) -> GroupVerdicts {
        let looked = self.look();
        let movement = |position| looked.as_ref().ok().and_then(|looked| self.movement(looked, position));
        let profiles: Vec<ProfileVerdicts> = self
            .claims
            .keys()
            .enumerate()
            .map(|(position, name)| self.judge_profile(name, movement(position)))
            .collect();
        let visible = over_profiles(profiles.iter().map(|profile| &profile.repositories_visible));
        let populated = self.populated(&looked, &visible);
        let remembered = self.remember(&looked, &populated);
        let current = self.current(&looked, &populated);
        let progress = looked.as_ref().ok().filter(|looked| looked.gap.is_none()).map(|looked| {
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
            (Condition::InventoryComplete, Self::complete(&looked, remembered.is_incomplete)),
            (Condition::InventoryPopulated, populated),
            (Condition::SyncCurrent, current),
        ];
        if self.group.catalog_file.is_some() {
            conditions.push((Condition::CatalogLinked, self.catalog()));
        }
        GroupVerdicts { conditions, profiles, progress, remembered }
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
        let mut gap = None;
        let mut sets = Vec::new();
        for name in self.claims.keys() {
            match self.repositories(name) {
                Ok(evidence) => {
                    basis = basis.and(Basis::of(evidence));
                    sets.push(Some(&*evidence.value));
                }
                Err(found) => {
                    gap = gap.or(Some(((*name).clone(), found)));
                    sets.push(None);
                }
            }
        }
        let surveyed = Surveyed {
            scm: self.integration.scm,
            group: self.group,
            thresholds: self.thresholds(),
            memory: self.memory,
            walk: &walk.value,
            walked_at: walk.observed_at,
        };
        let confidence = if walk.value.has_last_sync { Confidence::Strong } else { Confidence::Weak };
        Ok(Looked { walk, survey: surveyed.survey(&sets), basis, gap, confidence })
    }

    /// The last movement of an asset of the profile in this place.
    fn movement(&self, looked: &Looked<'_>, position: usize) -> Option<Movement> {
        let profile = looked.survey.profiles.get(position)?;
        let worst_lag = profile.laggards.iter().map(|(lag, ..)| *lag).max();
        let (at, walked_at) = (profile.last_moved_at?, looked.walk.observed_at);
        Some(Movement::seen(at, walked_at, worst_lag, self.thresholds(), looked.basis))
    }

    fn judge_profile(&self, name: &ProfileName, movement: Option<Movement>) -> ProfileVerdicts {
        let moved = movement.as_ref();
        let unknown = || Verdict::unknown(Reason::NotObserved, "the credential is not configured");
        let claims = self.claims.get(name);
        ProfileVerdicts {
            name: name.clone(),
            credential_valid: claims.map_or_else(unknown, |claims| claims.valid(moved)),
            group_permissions: claims
                .map_or_else(unknown, |claims| claims.group_permissions(&self.group.group_permissions.required, moved)),
            repositories_visible: self.visible(name),
            still_exists: self.still_exists(name),
            movement,
        }
    }

    fn visible(&self, name: &ProfileName) -> Verdict {
        let evidence =
            match read(slot(self.profile_evidence(name), Part::Workspaces, |book| &book.workspaces), self.now) {
                Ok(evidence) => evidence,
                Err(gap) => return gap.verdict(&format!("the workspaces of profile {name}")),
            };
        let basis = Basis::of(evidence);
        let workspaces = &evidence.value;
        let gone = |slug: &WorkspaceSlug, fact: &WorkspaceFact| match fact {
            WorkspaceFact::NotFound => {
                Some((Reason::NamespaceNotVisible, format!("workspace {slug} is hidden from this PAT or deleted")))
            }
            WorkspaceFact::NotMember => {
                Some((Reason::NotAMember, format!("the account behind the PAT is not a member of workspace {slug}")))
            }
            WorkspaceFact::ShutOut { why } => {
                Some((Reason::ShutOut, format!("the account is shut out of workspace {slug}: {why}")))
            }
            WorkspaceFact::Member { .. } | WorkspaceFact::Renamed { .. } | WorkspaceFact::Contradicted => None,
        };
        if let Some((reason, message)) = workspaces.iter().find_map(|(slug, fact)| gone(slug, fact)) {
            return Verdict::fails(reason, message, basis);
        }
        if workspaces.is_empty() {
            let message = "the account behind the PAT is not a member of any workspace";
            return Verdict::fails(Reason::NotAMember, message, basis);
        }
        let renamed = workspaces.iter().find_map(|(slug, fact)| match fact {
            WorkspaceFact::Renamed { to } => Some((slug, to)),
            _ => None,
        });
        if let Some((slug, to)) = renamed {
            let message = format!("workspace {slug} is called {to} now: the configuration is out of date");
            return Verdict::unknown(Reason::NamespaceRenamed, message);
        }
        let repositories_known = match self.repositories(name) {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict(&format!("the repositories of profile {name}")),
        };
        let basis = basis.and(Basis::of(repositories_known));
        let seen = repositories_known.value.repositories.len();
        if let Some(proven) = Proven::counted(basis, seen, seen) {
            return Verdict::holds(Reason::Ok, format!("the PAT sees {}", repositories(seen)), proven);
        }
        let walk = match self.assets() {
            Ok(walk) => walk,
            Err(gap) => return gap.verdict("the PAT sees no repository; whether the Inventory has any"),
        };
        let basis = basis.and(Basis::of(walk));
        let in_workspaces = walk.value.live.iter().filter(|asset| is_discovered(asset)).filter(|asset| {
            let workspace = asset.url.as_deref().and_then(|url| url.split('/').nth(1));
            workspace
                .is_none_or(|workspace| workspaces.keys().any(|slug| slug.as_str().eq_ignore_ascii_case(workspace)))
        });
        match in_workspaces.count() {
            0 => Verdict::unknown(Reason::NothingToDiscover, "no repository, neither in the SCM nor in Snyk"),
            assets => Verdict::fails(
                Reason::RepositoriesVanished,
                format!("the PAT sees no repository; the Inventory has {assets}"),
                basis,
            ),
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
        let evidence = match read(slot(self.evidence, Part::Catalog, |book| &book.catalog), self.now) {
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
