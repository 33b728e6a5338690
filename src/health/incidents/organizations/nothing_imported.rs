//! No repository is imported.

use super::{Row, When};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::NothingImported,
    when: When::False {
        condition: Condition::RepositoriesImported,
        reason: Some(Reason::NothingImported),
        judged_before: &[],
    },
    wrong: "No imported repository has a project",
    next_step: "(Organization Admin) Import repositories in each listed Organization, or exclude it in the configuration.",
    resolution: "repositories were imported",
};
