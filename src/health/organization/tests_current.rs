//! `TestsCurrent`: the flow of tests goes on, over the projects that are active and scheduled.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::condition::Reason;
use crate::domain::evidence::{Evidence, Part};
use crate::domain::facts::OrganizationImports;
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::state::Extent;

use super::super::many::{MANY_AT_LEAST, is_many};
use super::super::verdict::{Basis, Gap, Proven, Verdict, read, slot};
use super::super::words::{count, moment};
use super::imported::TargetGroups;
use super::projects::{ProjectGroups, is_scheduled};
use super::{Judged, OrganizationCase};

/// Pull request checks that were on and are off.
enum ChecksOff {
    No,
    Since(DateTime<Utc>, Basis),
    /// They were off when they were last told, and that is too long ago.
    NotTold(Verdict),
}

impl OrganizationCase<'_> {
    pub(super) fn tests_current(
        &self,
        imports: Result<&Evidence<Arc<OrganizationImports>>, &Gap>,
        disconnected: Truth,
    ) -> Judged {
        let evidence = match imports {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("tests of projects").into(),
        };
        let groups = ProjectGroups::new(evidence, &self.memory.tests, self.accepted, self.thresholds);
        let basis = Basis::of(evidence);
        let checks = self.checks_off();
        let orphans = groups.orphans.len();
        let judged = self
            .never_scheduled(evidence, &groups)
            .or_else(|| self.unscheduled(&groups, &checks, basis))
            .or_else(|| self.inactive(evidence, &groups, disconnected))
            .unwrap_or_else(|| self.flow(&groups, basis));
        let judged = match (checks, self.lost_projects(evidence, basis), judged.verdict.truth) {
            // What was off and was not asked since is not well, nor is what is not there any more.
            (ChecksOff::NotTold(verdict), _, Truth::True) | (_, Some(verdict), Truth::True) => {
                Judged { verdict, ..judged }
            }
            _ => judged,
        };
        if orphans > 0 { judged.with(Rule::OrphanedProjects, Extent::new(orphans, groups.scheduled())) } else { judged }
    }

    /// Nothing is scheduled, and nothing ever was: there is no flow to be judged.
    fn never_scheduled(
        &self,
        evidence: &Evidence<Arc<OrganizationImports>>,
        groups: &ProjectGroups<'_>,
    ) -> Option<Judged> {
        let basis = Basis::of(evidence);
        let projects = &evidence.value.projects;
        let is_one_scheduled = projects.iter().any(is_scheduled);
        if is_one_scheduled || self.memory.tests.was_scheduled {
            // Whatever was scheduled was accepted as it is now.
            let others = groups.scheduled() + groups.unscheduled.len() + groups.inactive.len() + groups.schedule_untold;
            return (groups.accepted > 0 && others == 0)
                .then(|| nothing("no project is left whose tests are expected".to_owned(), basis));
        }
        if groups.schedule_untold > 0 {
            let message = format!(
                "whether {} scheduled for tests: Snyk does not say",
                count(groups.schedule_untold, "project is", "projects are")
            );
            return Some(Verdict { basis, ..Verdict::unknown(Reason::NoTestTold, message) }.into());
        }
        // RepositoriesImported says what is wrong.
        if self.is_required && projects.is_empty() {
            return Some(Verdict { basis, ..Verdict::unknown(Reason::NoTestTold, "there is no project") }.into());
        }
        let message = match projects.len() {
            0 => "there is no project".to_owned(),
            many => format!("none of {} is scheduled for tests", count(many, "project", "projects")),
        };
        if self.is_required {
            let verdict = Verdict::fails(Reason::TestsUnscheduled, message, basis);
            return Some(Judged::from(verdict).with(Rule::TestsUnscheduled, Extent::new(1, 1)));
        }
        Some(nothing(message, basis))
    }

    /// Projects that went without a reason: late or inactive ones do not get well by going.
    fn lost_projects(&self, evidence: &Evidence<Arc<OrganizationImports>>, basis: Basis) -> Option<Verdict> {
        let groups = TargetGroups::new(evidence, &self.memory.imports, self.accepted, self.thresholds);
        let lost = count(groups.lost.len(), "imported repository", "imported repositories");
        let message = format!("the projects of {lost} are gone, and nothing says why");
        let verdict = Verdict { basis, ..Verdict::unknown(Reason::SomeImportsFailed, message) };
        (!groups.lost.is_empty()).then_some(verdict)
    }

    fn checks_off(&self) -> ChecksOff {
        let off = self.memory.tests.checks_off.values().filter(|since| !self.accepted.has_checks_off(**since));
        let Some(since) = off.min() else { return ChecksOff::No };
        match read(&slot(self.evidence, Part::PullRequestChecks, |book| &book.pull_request_checks), self.now) {
            Ok(evidence) => ChecksOff::Since(*since, Basis::of(evidence)),
            Err(gap) => ChecksOff::NotTold(gap.verdict("pull request checks")),
        }
    }

    fn unscheduled(&self, groups: &ProjectGroups<'_>, checks: &ChecksOff, basis: Basis) -> Option<Judged> {
        let (off, were_on) = (groups.unscheduled.len(), groups.unscheduled.len() + groups.scheduled());
        let mut basis = basis;
        let mut said = Vec::new();
        if is_many(off, were_on, self.late_share(), MANY_AT_LEAST) {
            said.push(format!("tests of {off} of {were_on} projects are switched off"));
        }
        if let ChecksOff::Since(since, of_checks) = checks {
            basis = basis.and(*of_checks);
            said.push(format!("pull request checks are switched off (seen {})", moment(*since)));
        }
        let extent = if matches!(checks, ChecksOff::Since(..)) {
            Extent::new(were_on.max(1), were_on.max(1))
        } else {
            Extent::new(off, were_on)
        };
        let verdict = Verdict::fails(Reason::TestsUnscheduled, said.join("; "), basis);
        (!said.is_empty()).then(|| Judged::from(verdict).with(Rule::TestsUnscheduled, extent))
    }

    fn inactive(
        &self,
        evidence: &Evidence<Arc<OrganizationImports>>,
        groups: &ProjectGroups<'_>,
        disconnected: Truth,
    ) -> Option<Judged> {
        let (inactive, of) = (groups.inactive.len(), groups.inactive.len() + groups.active);
        let is_news = self.memory.tests.activity.risen_from.is_some() || disconnected == Truth::True;
        let are_all = inactive > 0 && groups.active == 0;
        if !(are_all || (is_news && self.is_mostly(inactive, of))) {
            return None;
        }
        let message = format!("{inactive} of {of} projects are inactive");
        let verdict = Verdict::fails(Reason::ProjectsInactive, message, Basis::of(evidence));
        Some(Judged::from(verdict).with(Rule::ProjectsInactive, Extent::new(inactive, of)))
    }

    fn flow(&self, groups: &ProjectGroups<'_>, basis: Basis) -> Judged {
        if self.is_skewed {
            let message = "our clock is too far off to judge when projects were tested";
            return Verdict::unknown(Reason::ClockSkewed, message).into();
        }
        let (orphans, scheduled) = (groups.orphans.len(), groups.scheduled());
        if orphans * 2 > scheduled {
            let message = format!("{orphans} of {scheduled} scheduled projects were not tested for 14 d or more");
            return Judged::from(Verdict::fails(Reason::TestsStale, message, basis))
                .with(Rule::TestsStale, Extent::new(orphans, scheduled));
        }
        let (late, judged) = (groups.late.len(), groups.judged());
        let beside = beside(groups);
        if is_many(late, judged, self.late_share(), MANY_AT_LEAST) {
            let in_time = judged - late;
            let message = format!("{in_time} of {judged} scheduled projects were tested in time{beside}");
            return Judged::from(Verdict::fails(Reason::TestsStale, message, basis))
                .with(Rule::TestsStale, Extent::new(late, judged));
        }
        if let Some(proven) = Proven::counted(basis, groups.tested, judged) {
            let message = format!("{} of {judged} scheduled projects were tested in time{beside}", judged - late);
            Verdict::holds(Reason::Ok, message, proven).into()
        } else {
            let message = match scheduled {
                0 => "no active project is scheduled for tests any more".to_owned(),
                _ if groups.due > 0 => {
                    format!("none of {} was tested yet", count(scheduled, "project", "projects"))
                }
                _ => format!("when {} tested: Snyk does not say", count(scheduled, "project was", "projects were")),
            };
            Verdict { basis, ..Verdict::unknown(Reason::NoTestTold, message) }.into()
        }
    }

    /// More than half, as the operator defines it.
    pub(super) fn is_mostly(&self, inactive: usize, of: usize) -> bool {
        inactive as f64 > self.thresholds.inactive_share * of as f64
    }

    /// The share of projects that may be late.
    fn late_share(&self) -> f64 {
        1.0 - self.thresholds.tests_current_from
    }
}

/// Those that the flow is not judged by.
fn beside(groups: &ProjectGroups<'_>) -> String {
    let others = [(groups.orphans.len(), "tested by nobody"), (groups.untold, "not told")];
    let others = others.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let others: Vec<_> = others.collect();
    if others.is_empty() { String::new() } else { format!(" (beside {})", others.join(", ")) }
}

/// There is no flow of tests.
fn nothing(message: String, basis: Basis) -> Judged {
    Verdict { basis, ..Verdict::unknown(Reason::NothingScheduled, message) }.into()
}
