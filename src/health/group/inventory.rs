//! What the Inventory shows: populated, complete, current.

use crate::domain::condition::Reason;
use crate::domain::kinds::Truth;

use super::super::canary::canaries_fail;
use super::super::matching::is_discovered;
use super::super::status::Ever;
use super::super::survey::{ProfileSurvey, is_incomplete};
use super::super::verdict::{Basis, Gap, Proven, Verdict};
use super::super::words::{listed, moment, repositories, span};
use super::{GroupCase, Looked, Remembered};

impl<'a> GroupCase<'a> {
    pub(super) fn populated(&self, looked: &Result<Looked<'a>, Gap>, visible: &Verdict) -> Verdict {
        let looked = match looked {
            Ok(looked) => looked,
            Err(gap) => return gap.verdict("the Inventory"),
        };
        let walk = looked.walk;
        let assets = walk.value.live.iter().filter(|asset| is_discovered(asset)).count();
        if let Some(proven) = Proven::counted(Basis::of(walk), assets, assets) {
            return Verdict::holds(Reason::Ok, format!("the Inventory has {}", repositories(assets)), proven);
        }
        if let Some((profile, gap)) = &looked.gap {
            return gap.verdict(&format!("the Inventory is empty; the repositories of profile {profile}"));
        }
        let eligible = looked.survey.eligible();
        if eligible > 0 {
            let of = repositories(eligible);
            let reason = if self.memory.was_populated { Reason::InventoryLost } else { Reason::AwaitingFirstSync };
            return Verdict::fails(reason, format!("0 of {of} reached the Inventory"), looked.basis);
        }
        match visible.truth {
            Truth::True => Verdict::unknown(
                Reason::NothingToDiscover,
                format!("nothing to discover: {} not judged", repositories(looked.survey.ignored)),
            ),
            Truth::False | Truth::Unknown | Truth::NotApplicable => {
                Verdict::unknown(Reason::DependsOnUnknown, "the Inventory is empty, and so is what the PAT sees")
            }
        }
    }

    pub(super) fn remember(&self, looked: &Result<Looked<'a>, Gap>, populated: &Verdict) -> Remembered {
        let mut remembered = Remembered {
            populated: if self.memory.was_populated { Ever::Once } else { Ever::Never },
            first_fill_completed_at: self.memory.first_fill_completed_at,
            is_incomplete: self.memory.incomplete,
        };
        let Ok(looked) = looked else { return remembered };
        let survey = &looked.survey;
        if looked.gap.is_none() {
            remembered.is_incomplete =
                is_incomplete(self.memory.incomplete, survey.found, survey.missing.len(), self.thresholds());
        }
        if populated.truth != Truth::True || populated.reason != Reason::Ok {
            return remembered;
        }
        // An Inventory first seen with old assets was filled before we came.
        let oldest =
            looked.walk.value.live.iter().filter(|asset| is_discovered(asset)).filter_map(|a| a.created_at).min();
        let is_old = oldest.is_some_and(|oldest| looked.walk.observed_at - oldest > self.thresholds().fill_proof_age);
        let without_history = remembered.populated == Ever::Never && is_old;
        let is_complete = looked.gap.is_none() && survey.found > 0 && !remembered.is_incomplete;
        remembered.populated = Ever::Once;
        if without_history || is_complete {
            remembered.first_fill_completed_at.get_or_insert(self.now);
        }
        remembered
    }

    pub(super) fn complete(looked: &Result<Looked<'a>, Gap>, is_incomplete: bool) -> Verdict {
        let looked = match looked {
            Ok(looked) => looked,
            Err(gap) => return gap.verdict("the Inventory"),
        };
        if let Some((profile, gap)) = &looked.gap {
            return gap.verdict(&format!("the repositories of profile {profile}"));
        }
        let survey = &looked.survey;
        if survey.eligible() == 0 {
            let ignored = repositories(survey.ignored);
            let message = format!("nothing to discover: {ignored} not judged");
            return Verdict::unknown(Reason::NothingToCompare, message);
        }
        let message = format!("{} of {} reached the Inventory", survey.found, repositories(survey.eligible()));
        if !is_incomplete && let Some(proven) = Proven::counted(looked.basis, survey.found, survey.eligible()) {
            return Verdict::holds(Reason::Ok, message, proven);
        }
        let names: Vec<&str> = survey.missing.iter().map(|(repository, _)| repository.full_name.as_str()).collect();
        let message = format!("{message}; missing: {}", listed(&names));
        Verdict::fails(Reason::InventoryIncomplete, message, looked.basis)
    }

    pub(super) fn current(&self, looked: &Result<Looked<'a>, Gap>, populated: &Verdict) -> Verdict {
        let looked = match looked {
            Ok(looked) => looked,
            Err(gap) => return gap.verdict("the Inventory"),
        };
        if self.is_skewed || self.claims.values().any(|claims| claims.skew.is_some()) {
            return Verdict::unknown(Reason::ClockSkewed, "our clock is too far off to judge lag");
        }
        match (populated.truth, populated.reason) {
            (Truth::False, reason) => {
                return Verdict::unknown(reason, "no asset whose sync could be judged");
            }
            (Truth::Unknown, Reason::NothingToDiscover) => {
                return Verdict::unknown(Reason::NothingToDiscover, "nothing to sync");
            }
            _ => {}
        }
        let thresholds = self.thresholds();
        let walked_at = looked.walk.observed_at;
        let moved_recently =
            |profile: &ProfileSurvey<'_>| profile.last_moved_at.is_some_and(|at| walked_at - at <= thresholds.max_lag);
        let stalled = self.claims.keys().zip(&looked.survey.profiles).find(|(_, profile)| {
            let lags: Vec<_> = profile.laggards.iter().map(|(lag, _, _)| *lag).collect();
            canaries_fail(&lags, profile.assets, thresholds) && !moved_recently(profile)
        });
        if let Some((name, profile)) = stalled {
            let worst = profile.laggards.iter().map(|(lag, _, _)| *lag).max().unwrap_or_default();
            let moved = match profile.last_moved_at {
                Some(at) => format!("the last asset of profile {name} moved {}", moment(at)),
                None => format!("no asset of profile {name} ever moved"),
            };
            let late = repositories(profile.laggards.len());
            let message = format!("{late} changed and not synced for up to {}; {moved}", span(worst));
            return Verdict::fails(Reason::SyncLagging, message, looked.basis).with_confidence(looked.confidence);
        }
        if let Some((profile, gap)) = &looked.gap {
            return gap.verdict(&format!("the repositories of profile {profile}"));
        }
        // A field that is gone must not look like an idle workspace.
        let blind =
            self.claims.keys().zip(&looked.survey.profiles).find(|(_, one)| one.assets > 0 && one.comparable == 0);
        if let Some((profile, survey)) = blind {
            let many = repositories(survey.assets);
            let message = format!("no time of change and of sync to compare, for any of {many} of profile {profile}");
            return Verdict::unknown(Reason::NotObserved, message);
        }
        let laggards: usize = looked.survey.profiles.iter().map(|profile| profile.laggards.len()).sum();
        let verdict = if laggards > 0 {
            let message = format!("{} changed and not synced yet", repositories(laggards));
            Verdict::holds(Reason::Ok, message, Proven::at(looked.basis))
        } else if looked.survey.profiles.iter().any(moved_recently) {
            Verdict::holds(Reason::Ok, "every change reached the Inventory", Proven::at(looked.basis))
        } else {
            return Verdict::idle("nothing changed in the SCM that is not in the Inventory", looked.basis);
        };
        verdict.with_confidence(looked.confidence)
    }
}
