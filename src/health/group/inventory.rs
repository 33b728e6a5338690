//! What the Inventory has of each namespace: populated, complete.

use crate::domain::condition::Reason;
use crate::domain::kinds::Truth;
use crate::domain::loss::NamespaceMemory;
use crate::domain::names::ProfileName;

use super::super::matching::is_discovered;
use super::super::status::{Ever, Signal};
use super::super::survey::{Missing, NamespaceSurvey, has_old, is_incomplete};
use super::super::verdict::{Basis, Gap, Proven, Verdict};
use super::super::words::{listed, repositories};
use super::{GroupCase, Looked, NamespaceRemembered, NamespaceVerdicts, Remembered};

/// What is judged of the Inventory of one namespace. `None`: it takes no part.
pub(super) struct Judged {
    pub(super) populated: Option<Verdict>,
    pub(super) complete: Option<Verdict>,
    pub(super) remembered: NamespaceRemembered,
}

impl<'a> GroupCase<'a> {
    /// `is_further`: the profile has live assets, and saw this namespace later.
    pub(super) fn judge_inventory(
        &self,
        profile: &ProfileName,
        looked: &Result<Looked<'a>, Gap>,
        survey: Option<&NamespaceSurvey<'a>>,
        memory: &NamespaceMemory,
        visible: &Verdict,
        is_further: bool,
    ) -> Judged {
        let mut remembered = NamespaceRemembered {
            was_eligible: memory.was_eligible,
            was_populated: memory.was_populated,
            is_incomplete: memory.is_incomplete,
            inventory_lost_at: memory.inventory_lost_at,
        };
        let (looked, survey) = match (looked, survey) {
            (Ok(looked), Some(survey)) => (looked, survey),
            (Err(gap), _) => {
                let verdict = Some(gap.verdict("the Inventory"));
                return Judged { populated: verdict.clone(), complete: verdict, remembered };
            }
            (Ok(_), None) => return Judged { populated: None, complete: None, remembered },
        };
        if visible.signal() == Signal::Nothing {
            // What there is to discover later is judged anew.
            (remembered.is_incomplete, remembered.inventory_lost_at) = (false, None);
            return Judged { populated: None, complete: None, remembered };
        }
        if visible.truth != Truth::True {
            let unknown = |what: &str| {
                let message = format!("{what} cannot be told: {}", visible.message);
                Some(Verdict::unknown(Reason::DependsOnUnknown, message))
            };
            let populated = unknown("whether the Inventory has what there is");
            let complete = unknown("what is missing from the Inventory");
            return Judged { populated, complete, remembered };
        }
        let basis =
            self.repositories(profile).map_or(looked.basis, |known| Basis::of(looked.walk).and(Basis::of(known)));
        remembered.was_eligible |= survey.eligible > 0;
        remembered.was_populated |= survey.live > 0;
        self.note_completeness(looked, survey, memory, &mut remembered);
        let populated = self.namespace_populated(looked, survey, memory, &remembered, basis, is_further);
        let complete = Self::namespace_complete(survey, &remembered, basis);
        Judged { populated, complete, remembered }
    }

    fn note_completeness(
        &self,
        looked: &Looked<'a>,
        survey: &NamespaceSurvey<'a>,
        memory: &NamespaceMemory,
        remembered: &mut NamespaceRemembered,
    ) {
        let thresholds = self.thresholds();
        let walked_at = looked.walk.observed_at;
        // What was missing did not arrive by being lost from sight, nor by a new name or id that would excuse it.
        let unseen = if memory.is_incomplete { survey.lost_without_asset + survey.excused } else { 0 };
        let missing = Missing {
            count: survey.missing.len() + unseen,
            is_old: has_old(&survey.missing, memory.first_seen_at, walked_at, thresholds.missing_alone_after),
        };
        remembered.is_incomplete = is_incomplete(memory.is_incomplete, survey.found, missing, thresholds);
        let share = thresholds.inventory_lost_share;
        let is_lost = survey.no_longer_live > 0
            && (survey.live == 0 || survey.no_longer_live as f64 > share * survey.once_live as f64);
        let eligible = survey.eligible + survey.lost_without_asset;
        let is_back = eligible == 0 || survey.found as f64 >= thresholds.coverage_complete_from * eligible as f64;
        remembered.inventory_lost_at = match memory.inventory_lost_at {
            Some(_) if is_back => None,
            None if is_lost => Some(self.memory.walked_before.unwrap_or(walked_at).min(walked_at)),
            lost_at => lost_at,
        };
    }

    fn namespace_populated(
        &self,
        looked: &Looked<'a>,
        survey: &NamespaceSurvey<'a>,
        memory: &NamespaceMemory,
        remembered: &NamespaceRemembered,
        basis: Basis,
        is_further: bool,
    ) -> Option<Verdict> {
        let of = repositories(survey.eligible);
        if remembered.inventory_lost_at.is_some() {
            let message = match survey.live {
                0 => format!("0 of {of} reached the Inventory"),
                _ => format!("{} of {of} lost their asset", survey.no_longer_live),
            };
            return Some(Verdict::fails(Reason::InventoryLost, message, basis));
        }
        if let Some(proven) = Proven::counted(basis, survey.live, survey.visible) {
            let message = format!("the Inventory has {}", repositories(survey.live));
            return Some(Verdict::holds(Reason::Ok, message, proven));
        }
        if survey.eligible == 0 {
            let message = "no repository is left that the Inventory should have";
            return Some(Verdict::unknown(Reason::NothingToCompare, message));
        }
        if is_further && looked.walk.observed_at - memory.first_seen_at <= self.thresholds().eligible_after {
            return None;
        }
        let reason = if remembered.was_populated { Reason::InventoryLost } else { Reason::AwaitingFirstSync };
        // They may be what an earlier integration left: that Snyk removed them is told, and not called a loss.
        let message = match survey.removed {
            0 => format!("0 of {of} reached the Inventory"),
            removed => format!("0 of {of} are in the Inventory; it had {removed} of them and removed them"),
        };
        Some(Verdict::fails(reason, message, basis))
    }

    fn namespace_complete(
        survey: &NamespaceSurvey<'a>,
        remembered: &NamespaceRemembered,
        basis: Basis,
    ) -> Option<Verdict> {
        let eligible = survey.found + survey.missing.len();
        let of = repositories(eligible);
        let message = format!("{} of {of} reached the Inventory", survey.found);
        if remembered.is_incomplete {
            let names: Vec<&str> = survey.missing.iter().map(|repository| repository.full_name.as_str()).collect();
            let message = match (survey.lost_without_asset, survey.excused) {
                (0, 0) => format!("{message}; missing: {}", listed(&names)),
                (0, young) => {
                    format!("{message}, and {young} that came lately did not; missing before: {}", listed(&names))
                }
                (lost, _) => format!("{message}; {lost} that are seen no more were missing"),
            };
            return Some(Verdict::fails(Reason::InventoryIncomplete, message, basis));
        }
        if eligible == 0 {
            return None;
        }
        let proven = Proven::counted(basis, survey.found, eligible);
        Some(match proven {
            Some(proven) => Verdict::holds(Reason::Ok, message, proven),
            None => Verdict::unknown(Reason::NothingToCompare, format!("{message}; it is not due yet")),
        })
    }

    /// `InventoryPopulated` of the whole: the worst namespace. What was there and is lost is worse than what never came.
    pub(super) fn populated(namespaces: &[(ProfileName, Vec<NamespaceVerdicts>)]) -> Verdict {
        let parts = namespaces.iter().flat_map(|(_, namespaces)| namespaces).filter_map(|one| one.populated.as_ref());
        let lost = parts.clone().find(|part| part.truth == Truth::False && part.reason == Reason::InventoryLost);
        lost.cloned()
            .or_else(|| Verdict::all_of(parts))
            .unwrap_or_else(|| nothing(namespaces, Reason::NothingToDiscover))
    }

    /// `InventoryComplete` of the whole: the worst namespace, and how many have arrived in all.
    pub(super) fn complete(namespaces: &[(ProfileName, Vec<NamespaceVerdicts>)]) -> Verdict {
        let parts = namespaces.iter().flat_map(|(_, namespaces)| namespaces).filter_map(|one| one.complete.as_ref());
        let mut verdict =
            Verdict::all_of(parts.clone()).unwrap_or_else(|| nothing(namespaces, Reason::NothingToCompare));
        if verdict.truth == Truth::True
            && parts.count() > 1
            && let Some(proof) = verdict.proof
        {
            verdict.message = format!("{} of {} reached the Inventory", proof.seen(), repositories(proof.of()));
        }
        verdict
    }

    pub(super) fn remember(&self, looked: &Result<Looked<'a>, Gap>, complete: &Verdict) -> Remembered {
        let mut remembered = Remembered {
            populated: if self.memory.was_populated { Ever::Once } else { Ever::Never },
            first_fill_completed_at: self.memory.first_fill_completed_at,
        };
        let Ok(looked) = looked else { return remembered };
        let discovered = || looked.walk.value.live.iter().filter(|asset| is_discovered(asset));
        if !looked.survey.profiles.iter().any(|profile| profile.namespaces.values().any(|one| one.live > 0)) {
            return remembered;
        }
        // An Inventory first seen with old assets was filled before we came.
        let oldest = discovered().filter_map(|asset| asset.created_at).min();
        let is_old = oldest.is_some_and(|oldest| looked.walk.observed_at - oldest > self.thresholds().fill_proof_age);
        let without_history = remembered.populated == Ever::Never && is_old;
        remembered.populated = Ever::Once;
        if without_history || complete.truth == Truth::True {
            remembered.first_fill_completed_at.get_or_insert(self.now);
        }
        remembered
    }
}

/// The verdict where no namespace takes part.
fn nothing(namespaces: &[(ProfileName, Vec<NamespaceVerdicts>)], reason: Reason) -> Verdict {
    let mut all = namespaces.iter().flat_map(|(_, namespaces)| namespaces);
    match all.next() {
        Some(first) => Verdict::unknown(reason, first.visible.message.clone()),
        None => Verdict::unknown(Reason::NotObserved, "no namespace is known yet"),
    }
}
