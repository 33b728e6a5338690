//! What holds for every audit log of Snyk's.

use chrono::TimeDelta;

/// Snyk keeps a log for so long.
pub(super) const KEPT_FOR: TimeDelta = TimeDelta::days(90);
/// A log is read on from this long before the last reading, because an event may be written late.
pub(super) const OVERLAP: TimeDelta = TimeDelta::hours(1);
