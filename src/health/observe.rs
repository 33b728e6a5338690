//! Applies a probe's outcome to the evidence book.

use chrono::TimeDelta;

use crate::domain::fleet::Fleet;
use crate::domain::state::State;
use crate::domain::work::{ProbeRun, Work};

/// What an observation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowUp {
    /// Ask again after [`Policy::confirm_after`]: a credential was rejected for the first time.
    Confirm(Work),
}

/// How observations are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A second rejection this long after the first confirms it.
    pub confirm_after: TimeDelta,
}

impl Default for Policy {
    fn default() -> Self {
        Self { confirm_after: TimeDelta::seconds(30) }
    }
}

/// Applies `run` to the evidence and the memory of `state`.
pub fn observe(_state: &mut State, _fleet: &Fleet, _policy: Policy, _run: &ProbeRun) -> Vec<FollowUp> {
    Vec::new()
}
