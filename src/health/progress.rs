//! Synchronisation progress of a Group integration: counts, rate, expected completion, lag.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::kinds::Truth;
use crate::domain::state::{Arrival, GroupMemory, MissingRepository, SyncProgress};

use super::survey::Survey;

/// Missing repositories and laggards are listed up to this many; the counts are always complete.
const LISTED: usize = 1_000;

/// What progress is computed from.
pub(super) struct Progressed<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) memory: &'a GroupMemory,
    pub(super) walked_at: DateTime<Utc>,
    pub(super) sync_cycle: TimeDelta,
    pub(super) set_up_at: DateTime<Utc>,
    pub(super) current: Truth,
    pub(super) now: DateTime<Utc>,
}

impl Progressed<'_> {
    pub(super) fn progress(&self) -> SyncProgress {
        let survey = self.survey;
        let filling = self.memory.first_fill_completed_at.is_none();
        let rates = filling
            .then(|| arrival_rates(&self.memory.arrivals, self.walked_at, self.sync_cycle * PAUSES_AT_MOST))
            .flatten();
        let mut laggards: Vec<_> = survey.profiles.iter().flat_map(|profile| &profile.laggards).collect();
        laggards.sort_by_key(|laggard| (laggard.changed_at, laggard.id));
        laggards.dedup_by_key(|laggard| laggard.id);
        let seconds = |lag: TimeDelta| u64::try_from(lag.num_seconds()).unwrap_or_default();
        // Nearest rank; the list is worst first.
        let beyond_p95 = laggards.len() - (laggards.len() * 95).div_ceil(100);
        SyncProgress {
            found: survey.found,
            missing: survey.missing.len(),
            removed: survey.removed,
            ignored: survey.ignored,
            ratio: survey.coverage(),
            arrivals_per_hour: rates.map(|(slow, fast)| f64::midpoint(slow, fast)),
            completion_expected: rates.and_then(|(slow, fast)| {
                let missing = survey.missing.len() as f64;
                let after = |rate: f64| {
                    let hours = (rate > 0.0 && missing > 0.0).then(|| missing / rate)?;
                    // Beyond a year the rate says nothing.
                    let wait = Duration::try_from_secs_f64(hours * 3600.0).ok().filter(|_| hours < 24.0 * 365.0)?;
                    Some(self.walked_at + TimeDelta::from_std(wait).ok()?)
                };
                Some((after(fast)?, after(slow)?))
            }),
            lag_seconds: Some(laggards.first().map_or(0, |worst| seconds(worst.late.lag))),
            lag_p95_seconds: Some(laggards.get(beyond_p95).map_or(0, |one| seconds(one.late.lag))),
            last_seen_at: self.memory.last_asset_moved_at,
            next_expected_at: Some(self.next_expected_at()),
            missing_repositories: survey
                .missing
                .iter()
                .take(LISTED)
                .map(|(repository, why)| MissingRepository {
                    id: repository.id.clone(),
                    full_name: repository.full_name.clone(),
                    since: self
                        .memory
                        .repository_ages
                        .get(&repository.id)
                        .map(|age| age.seen_at)
                        .filter(|seen_at| *seen_at > DateTime::UNIX_EPOCH),
                    why: why.and_then(|why| serde_json::to_value(why).ok()?.as_str().map(str::to_owned)),
                })
                .collect(),
            laggards: laggards
                .iter()
                .take(LISTED)
                .map(|laggard| MissingRepository {
                    id: laggard.id.clone(),
                    full_name: laggard.full_name.to_owned(),
                    since: Some(laggard.changed_at),
                    why: None,
                })
                .collect(),
        }
    }

    /// The next sync by Snyk's cycle. An overdue one stays overdue while something waits for it; beside an idle
    /// workspace, where a sync leaves no trace, the cycle just goes on.
    fn next_expected_at(&self) -> DateTime<Utc> {
        let Some(last) = self.memory.last_asset_moved_at else { return self.set_up_at + self.sync_cycle };
        let next = last + self.sync_cycle;
        let cycle = self.sync_cycle.num_seconds();
        if self.current != Truth::True || next >= self.now || cycle <= 0 {
            return next;
        }
        let cycles = (self.now - last).num_seconds() / cycle + 1;
        last + TimeDelta::seconds(cycle * cycles)
    }
}

/// For how many of Snyk's cycles a first fill may pause and still go on.
const PAUSES_AT_MOST: i32 = 2;

/// Whether repositories arrived so recently that the first fill, which is not complete, goes on by itself.
pub(super) fn is_filling(memory: &GroupMemory, sync_cycle: TimeDelta, now: DateTime<Utc>) -> bool {
    let last = memory.arrivals.last().filter(|arrival| arrival.found > 0);
    memory.first_fill_completed_at.is_none() && last.is_some_and(|last| now - last.at <= sync_cycle * PAUSES_AT_MOST)
}

/// Repositories per hour, slowest and fastest estimate: over the whole fill up to the walk, and over its last arrivals.
/// A fill that paused for longer has no rate.
fn arrival_rates(arrivals: &[Arrival], walked_at: DateTime<Utc>, longest_pause: TimeDelta) -> Option<(f64, f64)> {
    const RECENT: usize = 4;
    let rate = |from: &Arrival, found: usize, until: DateTime<Utc>| {
        let hours = (until - from.at).num_seconds() as f64 / 3600.0;
        (hours > 0.0 && found > from.found).then(|| (found - from.found) as f64 / hours)
    };
    let (first, last) = (arrivals.first()?, arrivals.last()?);
    if walked_at - last.at > longest_pause {
        return None;
    }
    let recent = arrivals.iter().rev().take(RECENT).next_back()?;
    let overall = rate(first, last.found, walked_at.max(last.at))?;
    let latest = rate(recent, last.found, last.at)?;
    Some((overall.min(latest), overall.max(latest)))
}
