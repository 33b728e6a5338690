//! `SyncCurrent`: what the lag canaries of each profile say.

use crate::domain::condition::Reason;
use crate::domain::kinds::Truth;
use crate::domain::names::ProfileName;

use super::super::canary::{Flow, Late, flow};
use super::super::status::Signal;
use super::super::survey::ProfileSurvey;
use super::super::verdict::{Gap, Proven, Verdict};
use super::super::words::{moment, repositories, span};
use super::{GroupCase, Looked, ProfileVerdicts};

impl<'a> GroupCase<'a> {
    pub(super) fn current(&self, looked: &Result<Looked<'a>, Gap>, profiles: &[ProfileVerdicts]) -> Verdict {
        let looked = match looked {
            Ok(looked) => looked,
            Err(gap) => return gap.verdict("the Inventory"),
        };
        if self.is_skewed || self.claims.values().any(|claims| claims.skew.is_some()) {
            return Verdict::unknown(Reason::ClockSkewed, "our clock is too far off to judge lag");
        }
        let parts = profiles.iter().zip(&looked.survey.profiles);
        let parts = parts.filter(|(profile, _)| profile.repositories_visible.signal() != Signal::Nothing);
        let verdicts: Vec<Verdict> =
            parts.map(|(profile, survey)| self.profile_current(profile, survey, looked)).collect();
        let nothing = || Verdict::unknown(Reason::NothingToDiscover, "nothing to sync");
        Verdict::all_of(verdicts.iter()).unwrap_or_else(nothing)
    }

    fn profile_current(&self, profile: &ProfileVerdicts, survey: &ProfileSurvey<'a>, looked: &Looked<'a>) -> Verdict {
        let thresholds = self.thresholds();
        let name = &profile.name;
        let late: Vec<Late> = survey.laggards.iter().map(|laggard| laggard.late).collect();
        let moves = survey.moving > 0 || self.moved_lately(survey, looked);
        let found = flow(&late, survey.assets, survey.comparable, moves, thresholds);
        if self.repositories(name).is_ok() && found != Flow::Good {
            return stalled(name, survey, found, looked);
        }
        // What cannot be seen is never in time, be it one namespace of several.
        let unseen = Some(&profile.repositories_visible).filter(|visible| visible.truth != Truth::True);
        if let Some(unseen) = unseen.or(profile.hidden.as_ref()) {
            let message = format!("whether changes arrive cannot be told: {}", unseen.message);
            return Verdict::unknown(Reason::DependsOnUnknown, message);
        }
        if survey.assets == 0 {
            return Verdict::unknown(Reason::NothingToCompare, "no asset whose sync could be judged");
        }
        // A field that is gone must not look like an idle workspace.
        if survey.comparable == 0 {
            let many = repositories(survey.assets);
            let message = format!("no time of change and of sync to compare, for any of {many} of profile {name}");
            return Verdict::unknown(Reason::NothingToCompare, message);
        }
        let late = match survey.laggards.len() {
            0 => "every change reached the Inventory".to_owned(),
            late => format!("{} changed and not synced yet", repositories(late)),
        };
        match Proven::counted(looked.basis, survey.moving, survey.comparable) {
            Some(proven) => Verdict::holds(Reason::Ok, late, proven).with_confidence(looked.confidence),
            // Nothing moves: only what can be compared tells that nothing had to.
            None if survey.comparable * 2 < survey.assets => {
                let (some, of) = (survey.comparable, repositories(survey.assets));
                let message =
                    format!("times of change and of sync to compare for {some} of {of} only, of profile {name}");
                Verdict::unknown(Reason::NotObserved, message)
            }
            None if survey.laggards.is_empty() => {
                Verdict::idle("nothing changed in the SCM that is not in the Inventory", looked.basis)
            }
            None => Verdict::idle(late, looked.basis),
        }
    }

    /// Whether any asset of the profile moved within `max_lag`, one that is not judged too.
    fn moved_lately(&self, survey: &ProfileSurvey<'a>, looked: &Looked<'a>) -> bool {
        survey.last_moved_at.is_some_and(|at| looked.walk.observed_at - at <= self.thresholds().max_lag)
    }
}

fn stalled(name: &ProfileName, survey: &ProfileSurvey<'_>, found: Flow, looked: &Looked<'_>) -> Verdict {
    let worst = survey.laggards.iter().map(|laggard| laggard.late.lag).max().unwrap_or_default();
    let late = repositories(survey.laggards.len());
    let (reason, message) = match (found, survey.last_moved_at) {
        (Flow::PartlyStalled, _) => {
            let of = survey.comparable;
            let message = format!("{late} of {of} changed and not synced for up to {}; others move", span(worst));
            (Reason::PartialStall, message)
        }
        (_, Some(at)) => {
            let moved = format!("the last asset of profile {name} moved {}", moment(at));
            (Reason::SyncLagging, format!("{late} changed and not synced for up to {}; {moved}", span(worst)))
        }
        (_, None) => {
            let moved = format!("no asset of profile {name} ever moved");
            (Reason::SyncLagging, format!("{late} changed and not synced for up to {}; {moved}", span(worst)))
        }
    };
    Verdict::fails(reason, message, looked.basis).with_confidence(looked.confidence)
}
