//! What an Organization's integration remembers from one observation to the next: a reference for what is seen later,
//! and the exceptions to it. What is as it should be is not listed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;
use crate::domain::kinds::closed_list;
use crate::domain::rotation::Saved;

/// What an Organization's integration remembers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationMemory {
    /// An integration was once seen here: the Organization is watched.
    pub was_present: bool,
    /// Snyk's id of the integration that was seen last: events of others in the Organization are not its own.
    pub integration_id: Option<String>,
    /// The last event of the audit log by which its token was saved: what was seen once stays seen.
    pub saved: Option<Saved>,
    /// Nothing is there to be judged, by the last evidence that could tell: it is in no blast radius.
    pub nothing_to_watch: bool,
    /// Imported repositories.
    pub imports: ImportMemory,
    /// Projects and their tests.
    pub tests: TestMemory,
    /// Webhooks.
    pub webhooks: WebhookMemory,
    /// Readings in a row in which a condition was false, for rules that wait for two.
    pub false_readings: BTreeMap<Condition, FalseReadings>,
    /// How many of how many are bad, by the rule that would tell it.
    pub extents: BTreeMap<Rule, Extent>,
}

/// What is remembered of imported repositories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportMemory {
    /// When targets and projects were first observed: what was found then was so at first sight.
    pub seen_since: Option<DateTime<Utc>>,
    /// A target was once seen.
    pub had_targets: bool,
    /// The last targets, where none is left.
    pub gone: BTreeSet<String>,
    /// Targets that had projects at the last observation.
    pub with_projects: BTreeSet<String>,
    /// Targets that had projects and lost them all.
    pub lost: BTreeMap<String, LostTarget>,
}

/// An imported repository that had projects and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostTarget {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The projects that it had last.
    pub projects: BTreeSet<String>,
    /// What proved that it is rightly without.
    pub settled: Option<LossProof>,
}

closed_list! {
    /// What proves that an imported repository is rightly without projects.
    LossProof {
        /// The audit log names who deleted them.
        Deleted => "deleted",
        /// The Git host says that the repository is gone.
        RepositoryGone => "repository_gone",
    }
}

/// What is remembered of projects and their tests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestMemory {
    /// A project was once scheduled for tests.
    pub was_scheduled: bool,
    /// Projects whose schedule was on and is off, since when.
    pub unscheduled: BTreeMap<String, DateTime<Utc>>,
    /// Projects whose schedule was on when Snyk last told it; now it does not.
    pub schedule_untold: BTreeSet<String>,
    /// Pull request checks that were on when they were last told.
    pub checks_on: BTreeSet<CheckSwitch>,
    /// Pull request checks that were on and are off, since when.
    pub checks_off: BTreeMap<CheckSwitch, DateTime<Utc>>,
    /// Projects that were activated or scheduled again and not tested since, from when on.
    pub resumed: BTreeMap<String, DateTime<Utc>>,
    /// Scheduled projects whose tests are late, since when.
    pub late: BTreeMap<String, DateTime<Utc>>,
    /// Scheduled projects that nobody ever tests, or whose repository is gone, since when.
    pub orphans: BTreeMap<String, DateTime<Utc>>,
    /// How many projects are inactive.
    pub activity: ActivityMemory,
}

closed_list! {
    /// A switch of pull request checks.
    CheckSwitch {
        /// Of Open Source.
        OpenSource => "open_source",
        /// Of Snyk Code.
        Code => "code",
    }
}

/// What is remembered of the share of inactive projects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivityMemory {
    /// The lowest share of each day of the last week, oldest first.
    pub lowest: Vec<DayShare>,
    /// When at most half of the projects were last seen inactive.
    pub mostly_active_at: Option<DateTime<Utc>>,
    /// Since when more than half are.
    pub mostly_inactive_since: Option<DateTime<Utc>>,
    /// More than half are inactive and the share rose at once: from this.
    pub risen_from: Option<f64>,
    /// More than half are inactive, and were active before this change of the integration.
    pub follows: Option<DateTime<Utc>>,
}

/// The lowest share of inactive projects of a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DayShare {
    /// When it was first seen that day.
    pub at: DateTime<Utc>,
    /// The lowest share since.
    pub share: f64,
}

/// What is remembered of webhooks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookMemory {
    /// One matched the pattern once: missing ones can be judged.
    pub pattern_proved: bool,
    /// Repositories without an active webhook when they were last looked at, by their id, else their name.
    pub missing: BTreeMap<String, MissingWebhook>,
}

/// A repository without an active webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingWebhook {
    /// `workspace/slug`; hostile text.
    pub full_name: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Readings in a row, each on new evidence of its own, in which a condition was false for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FalseReadings {
    /// The reason.
    pub reason: Reason,
    /// The evidence that was counted last.
    pub last_at: DateTime<Utc>,
    /// How many.
    pub count: u32,
}

/// How many of how many are bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// So many are bad.
    pub bad: usize,
    /// Of so many.
    pub of: usize,
}

/// So many more make an old problem a new one.
const WORSE_BY: usize = 3;
/// So many percent more make an old problem a new one.
const WORSE_BY_PERCENT: usize = 10;

impl Extent {
    /// So many of so many.
    pub fn new(bad: usize, of: usize) -> Self {
        Self { bad, of }
    }

    /// Whether it is much worse than `before`: three more, ten points more, or all.
    pub fn is_worse_than(self, before: Self) -> bool {
        let is_all = |extent: Self| extent.bad > 0 && extent.bad >= extent.of;
        let points = self.bad * 100 * before.of.max(1) >= (before.bad * 100 + WORSE_BY_PERCENT * before.of) * self.of;
        self.bad >= before.bad + WORSE_BY || (self.bad > before.bad && points) || (is_all(self) && !is_all(before))
    }
}

impl OrganizationMemory {
    /// Every time that our own clock gave.
    pub fn times(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let Self {
            was_present: _,
            integration_id: _,
            // When it was saved is the audit log's word.
            saved: _,
            nothing_to_watch: _,
            imports: ImportMemory { seen_since, had_targets: _, gone: _, with_projects: _, lost },
            tests:
                TestMemory {
                    was_scheduled: _,
                    unscheduled,
                    schedule_untold: _,
                    checks_on: _,
                    checks_off,
                    resumed,
                    late,
                    orphans,
                    activity:
                        ActivityMemory { lowest, mostly_active_at, mostly_inactive_since, risen_from: _, follows: _ },
                },
            webhooks: WebhookMemory { pattern_proved: _, missing },
            false_readings,
            extents: _,
        } = self;
        let options = [seen_since, mostly_active_at, mostly_inactive_since].into_iter().filter_map(Option::as_mut);
        let of_projects = [unscheduled, resumed, late, orphans].into_iter().flat_map(BTreeMap::values_mut);
        options
            .chain(of_projects)
            .chain(lost.values_mut().map(|LostTarget { since, projects: _, settled: _ }| since))
            .chain(checks_off.values_mut())
            .chain(lowest.iter_mut().map(|DayShare { at, share: _ }| at))
            .chain(missing.values_mut().map(|MissingWebhook { full_name: _, since }| since))
            .chain(false_readings.values_mut().map(|FalseReadings { reason: _, last_at, count: _ }| last_at))
    }
}

#[cfg(test)]
mod tests {
    use super::Extent;

    #[test]
    fn much_worse_is_three_more_or_ten_points_more_or_all() {
        for (before, now, expected) in [
            ((2, 40), (2, 40), false),
            ((2, 40), (4, 40), false),
            ((2, 40), (5, 40), true),
            ((2, 40), (40, 40), true),
            ((1, 10), (2, 10), true),
            ((1, 11), (2, 11), false),
            ((1, 2), (2, 2), true),
            // Others went: the share rose, the number did not.
            ((2, 40), (2, 10), false),
            ((2, 40), (2, 2), true),
            ((40, 40), (40, 40), false),
            ((1, 1), (1, 1), false),
            ((40, 40), (41, 41), false),
            ((0, 0), (0, 0), false),
        ] {
            let extent = |(bad, of)| Extent::new(bad, of);
            assert_eq!(extent(now).is_worse_than(extent(before)), expected, "{before:?} {now:?}");
        }
    }
}
