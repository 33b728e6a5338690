//! Imported repositories have no project.

use super::{Row, When};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::ImportsIncomplete,
    when: When::False {
        condition: Condition::RepositoriesImported,
        reason: Some(Reason::SomeImportsFailed),
        judged_before: &[Reason::NothingImported],
    },
    wrong: "Imported repositories have no project",
    next_step: "(Organization Admin) Look at the import log of each listed Organization and import the failed \
                repositories again, or accept that they have no projects.",
    resolution: "the imports have projects, or need none",
};
