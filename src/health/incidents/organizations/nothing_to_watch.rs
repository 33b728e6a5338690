//! An Organization that the configuration demands has nothing to watch.

use super::{Row, When};
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::NothingToWatch,
    when: When::NothingToWatch,
    wrong: "Nothing is imported or scheduled that could be watched, though the configuration requires it,",
    next_step: "(Organization Admin) Import repositories and schedule their tests in each listed Organization; or, \
                (snykwatch operator) take it out of `require`.",
    resolution: "there is something to watch",
};
