//! `RepositoriesImported`: targets exist and have projects.

use std::sync::Arc;

use crate::domain::condition::Reason;
use crate::domain::evidence::Evidence;
use crate::domain::facts::{OrganizationImports, Target};
use crate::domain::fleet::Thresholds;
use crate::domain::incident::Rule;
use crate::domain::state::{Extent, ImportMemory};

use super::super::many::is_many;
use super::super::matching::past;
use super::super::verdict::{Basis, Gap, Proven, Verdict};
use super::super::words::{count, listed, span};
use super::accepted::Accepted;
use super::{Judged, OrganizationCase};

/// Imported repositories by what is to be said of them; each is in one group.
#[derive(Default)]
pub(in crate::health) struct TargetGroups<'a> {
    /// Have projects.
    pub(in crate::health) with_projects: usize,
    /// Had projects and lost them all, and nothing says why.
    pub(in crate::health) lost: Vec<&'a Target>,
    /// Never had any, and were imported long enough ago.
    pub(in crate::health) empty: Vec<&'a Target>,
    /// Have none yet.
    pub(in crate::health) young: Vec<&'a Target>,
    /// Are rightly without: proved, or accepted.
    pub(in crate::health) excused: usize,
}

impl<'a> TargetGroups<'a> {
    pub(in crate::health) fn new(
        evidence: &'a Evidence<Arc<OrganizationImports>>,
        memory: &ImportMemory,
        accepted: Accepted<'_>,
        thresholds: &Thresholds,
    ) -> Self {
        let OrganizationImports { targets, projects } = &*evidence.value;
        // Sorted rather than hashed: most Organizations have few, and there are many Organizations.
        let mut used: Vec<&str> = projects.iter().filter_map(|project| project.target.as_deref()).collect();
        used.sort_unstable();
        let judged_before = evidence.observed_at - thresholds.import_grace;
        let mut groups = Self::default();
        for target in targets {
            let lost = memory.lost.get(&target.id);
            if used.binary_search(&target.id.as_str()).is_ok() {
                groups.with_projects += 1;
            } else if lost.is_some_and(|lost| lost.settled.is_some())
                || accepted.has_target(&target.id, lost.map(|lost| lost.since))
            {
                groups.excused += 1;
            } else if lost.is_some() {
                groups.lost.push(target);
            } else if past(target.created_at, evidence.observed_at).is_none_or(|at| at < judged_before) {
                groups.empty.push(target);
            } else {
                groups.young.push(target);
            }
        }
        groups
    }

    /// Without projects and not excused.
    fn bad(&self) -> usize {
        self.lost.len() + self.empty.len()
    }
}

impl OrganizationCase<'_> {
    pub(super) fn imported(&self, imports: Result<&Evidence<Arc<OrganizationImports>>, &Gap>) -> Judged {
        let evidence = match imports {
            Ok(evidence) => evidence,
            Err(gap) => return gap.verdict("imported repositories").into(),
        };
        let basis = Basis::of(evidence);
        let memory = &self.memory.imports;
        let targets = evidence.value.targets.len();
        if targets == 0 {
            return self.no_target(basis);
        }
        let groups = TargetGroups::new(evidence, memory, self.accepted, self.thresholds);
        let judged = groups.with_projects + groups.bad();
        let imported = count(targets, "imported repository", "imported repositories");
        if groups.with_projects == 0 && groups.bad() + groups.young.len() == 0 {
            let message = format!("{imported}, of which none is expected to have projects");
            return nothing(message, basis);
        }
        let empty = groups.empty.len();
        if groups.with_projects == 0 && groups.bad() == 0 && !self.memory.tests.was_scheduled {
            let grace = span(self.thresholds.import_grace);
            return nothing(format!("{imported}, within the last {grace}: no project is expected yet"), basis);
        }
        if groups.with_projects == 0 {
            let message = format!("none of {imported} has a project");
            let extent = Extent::new(groups.bad() + groups.young.len(), judged + groups.young.len());
            return Judged::from(Verdict::fails(Reason::NothingImported, message, basis))
                .with(Rule::NothingImported, extent);
        }
        let extent = Extent::new(groups.bad(), judged);
        if !groups.lost.is_empty() {
            let names: Vec<&str> = groups.lost.iter().map(|target| target.name.as_str()).collect();
            let many = count(names.len(), "imported repository", "imported repositories");
            let message = format!("{many} lost all projects: {}", listed(&names));
            return Judged::from(Verdict::fails(Reason::SomeImportsFailed, message, basis))
                .with(Rule::ImportsIncomplete, extent);
        }
        if is_many(empty, judged, self.thresholds.empty_targets_up_to, self.thresholds.empty_targets_at_least) {
            let message = format!("{empty} of {judged} imported repositories have no project");
            return Judged::from(Verdict::fails(Reason::SomeImportsFailed, message, basis))
                .with(Rule::ImportsIncomplete, extent);
        }
        let message = format!("{imported}, {} without a project", targets - groups.with_projects);
        match Proven::counted(basis, groups.with_projects, judged) {
            Some(proven) => Verdict::holds(Reason::Ok, message, proven).into(),
            None => Verdict::unknown(Reason::NothingImported, message).into(),
        }
    }

    /// Nothing is imported: it never was, or no longer is.
    fn no_target(&self, basis: Basis) -> Judged {
        let memory = &self.memory.imports;
        let gone = memory.gone.len();
        let is_accepted = gone > 0 && memory.gone.iter().all(|id| self.accepted.has_target(id, None));
        if memory.had_targets && !is_accepted {
            let message = "no imported repository is left";
            return Judged::from(Verdict::fails(Reason::NothingImported, message, basis))
                .with(Rule::NothingImported, Extent::new(gone.max(1), gone.max(1)));
        }
        if self.is_required && !memory.had_targets {
            return Judged::from(Verdict::fails(Reason::NothingImported, "no repository was imported", basis))
                .with(Rule::NothingImported, Extent::new(1, 1));
        }
        nothing("no repository was imported".to_owned(), basis)
    }
}

/// The integration is not used.
fn nothing(message: String, basis: Basis) -> Judged {
    Verdict { basis, ..Verdict::unknown(Reason::Unused, message) }.into()
}
