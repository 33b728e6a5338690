//! Scheduled tests or pull request checks were switched off.

use super::{Row, When};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::TestsUnscheduled,
    when: When::False {
        condition: Condition::TestsCurrent,
        reason: Some(Reason::TestsUnscheduled),
        judged_before: &[],
    },
    wrong: "Tests or pull request checks were switched off",
    next_step: "(Organization Admin) Switch the test frequency of the projects and the pull request checks of the \
                integration on again in each listed Organization, or accept that they are off.",
    resolution: "tests and pull request checks are on again",
};
