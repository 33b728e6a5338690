//! Recomputes every verdict.

use chrono::{DateTime, Utc};

use crate::domain::fleet::Fleet;
use crate::domain::state::{State, Transition};

/// Recomputes every condition and status at `now`.
pub fn evaluate(_state: &mut State, _fleet: &Fleet, _now: DateTime<Utc>) -> Vec<Transition> {
    Vec::new()
}
