//! Projects that nobody ever tests, or whose repository is gone: worth tidying up, nobody's emergency.

use super::{Row, When};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::OrphanedProjects,
    when: When::Orphans,
    wrong: "Some projects are never tested",
    next_step: "(Organization Admin) Delete or deactivate the projects whose repository is gone, and test the others by hand \
                to see their error; or accept them as they are.",
    resolution: "no project is left that nobody tests",
};
