//! Most projects are inactive.

use super::{Row, When};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::ProjectsInactive,
    when: When::False {
        condition: Condition::TestsCurrent,
        reason: Some(Reason::ProjectsInactive),
        judged_before: &[Reason::TestsUnscheduled],
    },
    wrong: "Most projects are inactive, so that nothing is tested there,",
    next_step: "(Organization Admin) Activate the projects of each listed Organization again, delete them, or accept that \
                they are inactive.",
    resolution: "the projects are active again",
};
