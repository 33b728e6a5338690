//! The scenarios.

use super::Scenario;

pub(super) fn all() -> Vec<Scenario> {
    Vec::new()
}
