//! The planner: what is due, and when next.
//!
//! Each planned work has one next instant. It comes from the work's cadence; an inconclusive outcome brings it forward
//! (with growing delays, never later than the cadence), the API's own `Retry-After` puts it off, and a confirming probe
//! is an instant beside it. A work that runs has no instant until it ends, so it never runs twice at once; and since
//! the next instant is always computed from the present, ticks that were slept through are not made up for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::names::CredentialName;
use crate::domain::work::{Outcome, ProbeKind, Work};

use super::cadence::{Cadence, Jitter};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// Between two works of one budget that run at once (at start, after a reload), at least. A round is some six requests,
/// so this stays below the narrower of Snyk's limits (1,620 requests in a minute; see `docs/apis/snyk.md`); how many
/// may follow each other so closely is in [`Draw`].
pub const AT_ONCE_SPACING: TimeDelta = TimeDelta::milliseconds(200);

/// The first retry after an inconclusive outcome waits a quarter of the cadence, and at least this: an API in trouble
/// is not helped by haste. Where nothing was ever learned it waits just this, since all there is to show is ignorance;
/// not so for works of which there are many.
pub const SHORTEST_RETRY: TimeDelta = TimeDelta::seconds(30);

/// An API may ask us to stay away for as long as the cadence or this, whichever is longer. The longest honest wish is
/// the rolling hour of Bitbucket Cloud (see `docs/apis/bitbucket-cloud.md`); beyond that it would blind us.
pub const LONGEST_RETRY_AFTER: TimeDelta = TimeDelta::hours(1);

/// A work with its cadence.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWork {
    /// What is to be done; at most once in a plan.
    pub work: Work,
    /// How often.
    pub cadence: Cadence,
    /// The credential whose request budget it draws on.
    pub budget: CredentialName,
    /// What a round of it takes from that budget.
    pub draw: Draw,
    /// Tells installations apart, so that two of them do not ask in step.
    pub jitter_seed: u64,
}

/// What one round of a work takes from a request budget, in the time in which the budget refills it. Works of which
/// there are many must not begin faster than that, or most of them would be turned away in the middle of their round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Draw {
    /// How long the budget takes to refill one round. Zero for the few works on which all others lean: they wait for
    /// none.
    pub round: TimeDelta,
    /// How much may be taken at once from a budget that is full.
    pub burst: TimeDelta,
}

impl Draw {
    fn is_paced(&self) -> bool {
        self.round > TimeDelta::zero()
    }
}

/// All that the planner wants to know of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeClass {
    /// It brought what was asked for.
    Conclusive,
    /// It has to be asked again.
    Inconclusive {
        /// The API's own wish when.
        retry_after: Option<TimeDelta>,
    },
}

impl OutcomeClass {
    /// The class of an outcome. A failure of one endpoint beside conclusive findings (a removed one, say) is no reason
    /// to ask everything again sooner; a failure of the whole API is.
    pub fn of(outcome: &Outcome) -> Self {
        let failed = outcome.failures.iter().any(|failure| failure.failed_at.hides_whole_api());
        let empty = outcome.findings.is_empty() && !outcome.failures.is_empty();
        if failed || empty {
            let retry_after = outcome.failures.iter().filter_map(|failure| failure.retry_after).max();
            Self::Inconclusive { retry_after }
        } else {
            Self::Conclusive
        }
    }
}

/// Why a work may not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefused {
    /// Never two runs of one work at once.
    #[error("{work} runs already, since {since}")]
    Running {
        /// Which.
        work: Work,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It is not, or no longer, part of the plan.
    #[error("{work} is not planned")]
    NotPlanned {
        /// Which.
        work: Work,
    },
}

/// Knows what is planned, what runs and what came of it.
#[derive(Debug, Default)]
pub struct Planner {
    entries: BTreeMap<Work, Entry>,
    /// Since when each running work runs; one that left the plan stays here until it ends.
    running: BTreeMap<Work, DateTime<Utc>>,
    /// Planned works that do not run, by when they are due.
    queue: BTreeSet<(DateTime<Utc>, Work)>,
    /// When each budget will have refilled what was planned to be taken from it at once.
    refilled_at: BTreeMap<CredentialName, DateTime<Utc>>,
}

#[derive(Debug)]
struct Entry {
    cadence: Cadence,
    budget: CredentialName,
    draw: Draw,
    jitter: Jitter,
    /// The cadence's next instant, or an earlier retry; while it runs, the instant by which it should have ended.
    next_at: DateTime<Utc>,
    confirmation_at: Option<DateTime<Utc>>,
    /// The API asked not to be asked earlier.
    not_before: Option<DateTime<Utc>>,
    last_started_at: Option<DateTime<Utc>>,
    /// It once brought what was asked for.
    was_conclusive: bool,
    inconclusive_in_a_row: u32,
}

impl Entry {
    fn due_at(&self) -> DateTime<Utc> {
        let wanted = self.confirmation_at.map_or(self.next_at, |confirmation| confirmation.min(self.next_at));
        self.not_before.map_or(wanted, |earliest| earliest.max(wanted))
    }

    fn tick_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
        self.cadence.next_after(instant, self.jitter)
    }

    /// The first tick after the last run, unless that was missed or there was none.
    fn tick_not_missed(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = self.last_started_at.filter(|last| *last <= now)?;
        Some(self.tick_after(last)).filter(|tick| *tick > now)
    }

    fn retry_delay(&self) -> TimeDelta {
        let longest = self.cadence.longest_gap();
        let is_pressing = !self.was_conclusive && !self.draw.is_paced();
        let mut delay = if is_pressing { SHORTEST_RETRY } else { (longest / 4).max(SHORTEST_RETRY) };
        for _ in 1..self.inconclusive_in_a_row {
            if delay >= longest {
                break;
            }
            delay = delay * 2;
        }
        delay.min(longest)
    }

    fn on_finished(&mut self, class: OutcomeClass, now: DateTime<Utc>) {
        self.next_at = self.tick_after(now);
        match class {
            OutcomeClass::Conclusive => {
                self.was_conclusive = true;
                self.inconclusive_in_a_row = 0;
                self.not_before = None;
            }
            OutcomeClass::Inconclusive { retry_after } => {
                self.inconclusive_in_a_row = self.inconclusive_in_a_row.saturating_add(1);
                self.next_at = self.next_at.min(now + self.retry_delay());
                let longest = self.cadence.longest_gap().max(LONGEST_RETRY_AFTER);
                self.not_before = retry_after.map(|wish| now + wish.clamp(TimeDelta::zero(), longest));
            }
        }
    }
}

impl Planner {
    /// The plan of a daemon that starts at `now`. Works that were never done, or whose last tick was missed, run at
    /// once; `last_observed` tells when each was last done (see [`super::last_observed`]).
    pub fn new(
        plan: Vec<PlannedWork>,
        last_observed: impl Fn(&Work) -> Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut planner = Self::default();
        planner.adopt(plan, |_, work| last_observed(work), now);
        planner
    }

    /// Takes over a new plan. What did not change keeps its next instant; what has a new cadence follows it from its
    /// last run on; what is new runs at once; what is gone is forgotten (if it runs, when it ends).
    pub fn replan(&mut self, plan: Vec<PlannedWork>, now: DateTime<Utc>) {
        self.adopt(plan, |known, _| known.and_then(|entry| entry.last_started_at), now);
    }

    fn adopt(
        &mut self,
        plan: Vec<PlannedWork>,
        last_done: impl Fn(Option<&Entry>, &Work) -> Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let mut known = std::mem::take(&mut self.entries);
        let mut at_once = Vec::new();
        for PlannedWork { work, cadence, budget, draw, jitter_seed } in plan {
            let jitter = Jitter::of(&work, jitter_seed);
            let entry = match known.remove(&work) {
                Some(entry) if entry.cadence == cadence && entry.jitter == jitter => Entry { budget, draw, ..entry },
                changed => {
                    let last_started_at = last_done(changed.as_ref(), &work);
                    let mut entry = Entry {
                        cadence,
                        budget,
                        draw,
                        jitter,
                        next_at: now,
                        confirmation_at: changed.as_ref().and_then(|entry| entry.confirmation_at),
                        not_before: changed.as_ref().and_then(|entry| entry.not_before),
                        last_started_at,
                        was_conclusive: changed.map_or(last_started_at.is_some(), |entry| entry.was_conclusive),
                        inconclusive_in_a_row: 0,
                    };
                    match entry.tick_not_missed(now) {
                        Some(tick) => entry.next_at = tick,
                        None => at_once.push(work.clone()),
                    }
                    entry
                }
            };
            self.entries.insert(work, entry);
        }
        self.spread(at_once, now);
        self.queue = (self.entries.iter())
            .filter(|(work, _)| !self.running.contains_key(work))
            .map(|(work, entry)| (entry.due_at(), work.clone()))
            .collect();
    }

    fn spread(&mut self, works: Vec<Work>, now: DateTime<Utc>) {
        for (work, slot) in self.slots(works, now) {
            if let Some(entry) = self.entries.get_mut(&work) {
                entry.next_at = slot;
            }
        }
    }

    /// When each of these works may begin, if all are wanted at `now`: within its budget, and not all in one instant.
    /// Credentials first, since every other verdict leans on them; then by jitter, which is the same every time.
    fn slots(&mut self, works: Vec<Work>, now: DateTime<Utc>) -> Vec<(Work, DateTime<Utc>)> {
        let known = works.into_iter().filter_map(|work| {
            let entry = self.entries.get(&work)?;
            Some((
                entry.budget.clone(),
                entry.draw.is_paced(),
                work.kind,
                entry.jitter,
                work,
                entry.draw.round,
                entry.draw.burst,
            ))
        });
        let mut known: Vec<_> = known.collect();
        known.sort();
        let mut next_slot: BTreeMap<CredentialName, DateTime<Utc>> = BTreeMap::new();
        let slots = known.into_iter().map(|(budget, is_paced, _, _, work, round, burst)| {
            let mut slot = next_slot.get(&budget).copied().unwrap_or(now);
            if is_paced {
                let refilled_at = self.refilled_at.entry(budget.clone()).or_insert(now);
                slot = slot.max(*refilled_at + round - burst);
                *refilled_at = slot.max(*refilled_at) + round;
            }
            next_slot.insert(budget, slot + AT_ONCE_SPACING);
            (work, slot)
        });
        slots.collect()
    }

    /// What is to be started now, longest overdue first.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<Work> {
        self.queue.iter().take_while(|(at, _)| *at <= now).map(|(_, work)| work.clone()).collect()
    }

    /// When something is due next; `None` while everything runs or nothing is planned.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// A work was started.
    ///
    /// # Errors
    /// It must not be: the caller lets it be.
    pub fn on_started(&mut self, work: &Work, now: DateTime<Utc>) -> Result<(), StartRefused> {
        if let Some(since) = self.running.get(work) {
            return Err(StartRefused::Running { work: work.clone(), since: *since });
        }
        let Some(entry) = self.entries.get_mut(work) else {
            return Err(StartRefused::NotPlanned { work: work.clone() });
        };
        self.queue.remove(&(entry.due_at(), work.clone()));
        entry.last_started_at = Some(now);
        entry.next_at = entry.tick_after(now);
        entry.confirmation_at = entry.confirmation_at.filter(|at| *at > now);
        self.running.insert(work.clone(), now);
        Ok(())
    }

    /// A work ended. One whose task died is reported as inconclusive, else it would never run again.
    pub fn on_finished(&mut self, work: &Work, class: OutcomeClass, now: DateTime<Utc>) {
        if self.running.remove(work).is_none() {
            return;
        }
        self.reschedule(work, |entry| entry.on_finished(class, now));
    }

    /// Wants one more run of `work` at `at`, beside its cadence: a confirming probe, or (with `at` now) a credential
    /// whose secret has just changed. Of two wishes the earlier one stands. Gives nothing to do for unplanned work.
    pub fn schedule_confirmation(&mut self, work: &Work, at: DateTime<Utc>) {
        self.reschedule(work, |entry| {
            entry.confirmation_at = Some(entry.confirmation_at.map_or(at, |earlier| earlier.min(at)));
        });
    }

    /// Wants every work that draws on `budget` at `at`, or as soon after as the budget allows: its credential works
    /// again, and what it could not tell is old.
    pub fn hasten(&mut self, budget: &CredentialName, at: DateTime<Utc>) {
        let drawing = self.entries.iter().filter(|(_, entry)| entry.budget == *budget);
        let works: Vec<Work> = drawing.map(|(work, _)| work.clone()).collect();
        self.run_soon(works, at);
    }

    /// Wants one more run of each of these works at `at`, or as soon after as the budget allows.
    pub fn run_soon(&mut self, works: impl IntoIterator<Item = Work>, at: DateTime<Utc>) {
        let (paced, others): (Vec<_>, Vec<_>) = works.into_iter().partition(|work| self.is_paced(work));
        for work in others {
            self.schedule_confirmation(&work, at);
        }
        for (work, slot) in self.slots(paced, at) {
            self.schedule_confirmation(&work, slot);
        }
    }

    fn is_paced(&self, work: &Work) -> bool {
        self.entries.get(work).is_some_and(|entry| entry.draw.is_paced())
    }

    /// The wall clock jumped by `step` and now shows `now`: what was due in a minute is still due in a minute.
    pub fn on_clock_jump(&mut self, step: TimeDelta, now: DateTime<Utc>) {
        for since in self.running.values_mut() {
            *since += step;
        }
        for refilled_at in self.refilled_at.values_mut() {
            *refilled_at += step;
        }
        let works: Vec<Work> = self.entries.keys().cloned().collect();
        for work in works {
            self.reschedule(&work, |entry| {
                entry.next_at = (entry.next_at + step).min(entry.tick_after(now));
                for instant in [&mut entry.confirmation_at, &mut entry.not_before, &mut entry.last_started_at] {
                    *instant = instant.map(|instant| instant + step);
                }
            });
        }
    }

    fn reschedule(&mut self, work: &Work, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(work) else { return };
        self.queue.remove(&(entry.due_at(), work.clone()));
        change(entry);
        if !self.running.contains_key(work) {
            self.queue.insert((entry.due_at(), work.clone()));
        }
    }

    /// How far the most overdue work is behind, whether it waits or runs too long; zero when nothing is.
    pub fn lag(&self, now: DateTime<Utc>) -> TimeDelta {
        self.lags(now).into_values().max().unwrap_or_default()
    }

    /// [`Self::lag`] by kind of probe, for every planned kind.
    pub fn lags(&self, now: DateTime<Utc>) -> BTreeMap<ProbeKind, TimeDelta> {
        let mut lags = BTreeMap::new();
        for (work, entry) in &self.entries {
            let expected = if self.running.contains_key(work) { entry.next_at } else { entry.due_at() };
            let lag: &mut TimeDelta = lags.entry(work.kind).or_default();
            *lag = (*lag).max(now - expected);
        }
        lags
    }

    /// The longest planned time between two runs of any work of `kind`; `None` when none is planned.
    pub fn longest_gap(&self, kind: ProbeKind) -> Option<TimeDelta> {
        let planned = self.entries.iter().filter(|(work, _)| work.kind == kind);
        planned.map(|(_, entry)| entry.cadence.longest_gap()).max()
    }

    /// Everything that is planned.
    pub fn works(&self) -> impl Iterator<Item = &Work> {
        self.entries.keys()
    }

    /// How many works are planned.
    pub fn planned(&self) -> usize {
        self.entries.len()
    }

    /// How many works run.
    pub fn running(&self) -> usize {
        self.running.len()
    }
}
