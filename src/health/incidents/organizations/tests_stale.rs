//! Scheduled tests do not run.

use super::{Row, When};
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::TestsStale,
    when: When::False {
        condition: Condition::TestsCurrent,
        reason: Some(Reason::TestsStale),
        judged_before: &[Reason::TestsUnscheduled, Reason::ProjectsInactive],
    },
    wrong: "Scheduled tests no longer run",
    next_step: "(Organization Admin) Test one late project of each listed Organization by hand: its error says whether Snyk \
                can still read the repository. What is meant to be so can be accepted.",
    resolution: "scheduled tests run again",
};
