//! The planner against a slow and obvious model: after any sequence of events both say the same.
//!
//! The model keeps a plain list, looks through all of it for every question, and finds a tick by counting up from the
//! epoch. The stories therefore play in January 1970.

use proptest::prelude::*;

use super::*;
use crate::domain::work::WorkSubject;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn work(index: usize) -> Work {
    Work { kind: ProbeKind::ScmCredential, subject: WorkSubject::Credential(NAMES[index].into()) }
}

fn epoch() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(1)
}

#[derive(Debug, Clone)]
enum Event {
    Advance(i64),
    StartDue,
    Finish(usize, Ending),
    Confirm(usize, i64),
    Replan([Option<i64>; 4]),
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Conclusive,
    Inconclusive(Option<i64>),
}

impl Ending {
    fn class(self) -> OutcomeClass {
        match self {
            Self::Conclusive => OutcomeClass::Conclusive,
            Self::Inconclusive(wish) => OutcomeClass::Inconclusive { retry_after: wish.map(TimeDelta::seconds) },
        }
    }
}

fn intervals() -> impl Strategy<Value = [Option<i64>; 4]> {
    prop::array::uniform4(prop::option::weighted(0.8, prop::sample::select(vec![20_i64, 60, 300, 7200])))
}

fn event() -> impl Strategy<Value = Event> {
    let ending =
        prop_oneof![Just(Ending::Conclusive), prop::option::of(-10_i64..10_000).prop_map(Ending::Inconclusive),];
    prop_oneof![
        3 => (0_i64..200_000).prop_map(Event::Advance),
        1 => (0_i64..20_000_000).prop_map(Event::Advance),
        4 => Just(Event::StartDue),
        5 => (0_usize..4, ending).prop_map(|(index, ending)| Event::Finish(index, ending)),
        1 => (0_usize..4, 0_i64..60).prop_map(|(index, seconds)| Event::Confirm(index, seconds)),
        1 => intervals().prop_map(Event::Replan),
    ]
}

/// All that is known of one work, as a list would tell it.
#[derive(Debug, Clone, Default)]
struct Line {
    interval: Option<i64>,
    next: DateTime<Utc>,
    confirmation: Option<DateTime<Utc>>,
    not_before: Option<DateTime<Utc>>,
    last_start: Option<DateTime<Utc>>,
    bad_in_a_row: u32,
    was_good: bool,
    runs: bool,
}

fn tick_after(index: usize, interval: i64, instant: DateTime<Utc>) -> DateTime<Utc> {
    let step = TimeDelta::seconds(interval);
    let mut tick = DateTime::UNIX_EPOCH + Jitter::of(&work(index), 0).within(step);
    while tick <= instant {
        tick += step;
    }
    tick
}

#[derive(Debug, Default)]
struct Model([Line; 4]);

impl Model {
    fn due_at(line: &Line) -> Option<DateTime<Utc>> {
        if line.runs || line.interval.is_none() {
            return None;
        }
        let mut at = line.next;
        if line.confirmation.is_some_and(|confirmation| confirmation < at) {
            at = line.confirmation.unwrap();
        }
        if line.not_before.is_some_and(|earliest| earliest > at) {
            at = line.not_before.unwrap();
        }
        Some(at)
    }

    fn plan(&mut self, intervals: [Option<i64>; 4], now: DateTime<Utc>) {
        let mut at_once = Vec::new();
        for (index, interval) in intervals.into_iter().enumerate() {
            let line = &mut self.0[index];
            let Some(seconds) = interval else {
                *line = Line { runs: line.runs, ..Line::default() };
                continue;
            };
            if line.interval == interval {
                continue;
            }
            line.interval = interval;
            line.bad_in_a_row = 0;
            match line.last_start.map(|last| tick_after(index, seconds, last)) {
                Some(tick) if tick > now => line.next = tick,
                _ => at_once.push((Jitter::of(&work(index), 0), index)),
            }
        }
        at_once.sort();
        for (slot, (_, index)) in (0_i32..).zip(at_once) {
            self.0[index].next = now + AT_ONCE_SPACING * slot;
        }
    }

    fn start(&mut self, index: usize, now: DateTime<Utc>) {
        let line = &mut self.0[index];
        line.runs = true;
        line.last_start = Some(now);
        line.next = tick_after(index, line.interval.unwrap(), now);
        if line.confirmation.is_some_and(|at| at <= now) {
            line.confirmation = None;
        }
    }

    fn finish(&mut self, index: usize, ending: Ending, now: DateTime<Utc>) {
        let line = &mut self.0[index];
        if !line.runs {
            return;
        }
        line.runs = false;
        let Some(interval) = line.interval else { return };
        line.next = tick_after(index, interval, now);
        line.not_before = None;
        match ending {
            Ending::Conclusive => {
                line.bad_in_a_row = 0;
                line.was_good = true;
            }
            Ending::Inconclusive(wish) => {
                line.bad_in_a_row += 1;
                let mut delay = if line.was_good { 30_000.max(interval * 250) } else { 30_000 };
                for _ in 1..line.bad_in_a_row.min(20) {
                    delay *= 2;
                }
                let retry = now + TimeDelta::milliseconds(delay.min(interval * 1000));
                line.next = line.next.min(retry);
                line.not_before = wish.map(|wish| now + TimeDelta::seconds(wish.max(0).min(interval.max(3600))));
            }
        }
    }
}

fn plan_of(intervals: [Option<i64>; 4]) -> Vec<PlannedWork> {
    let planned = |(index, interval): (usize, Option<i64>)| {
        Some(PlannedWork {
            work: work(index),
            cadence: Cadence::Every(TimeDelta::seconds(interval?)),
            budget: "budget".into(),
            draw: Draw::default(),
            jitter_seed: 0,
        })
    };
    intervals.into_iter().enumerate().filter_map(planned).collect()
}

fn compare(planner: &Planner, model: &Model, now: DateTime<Utc>) -> Result<(), TestCaseError> {
    let mut dues: Vec<(DateTime<Utc>, Work)> =
        (model.0.iter().enumerate()).filter_map(|(index, line)| Some((Model::due_at(line)?, work(index)))).collect();
    dues.sort();
    prop_assert_eq!(planner.next_due(), dues.first().map(|(at, _)| *at));
    let due: Vec<Work> = dues.iter().filter(|(at, _)| *at <= now).map(|(_, work)| work.clone()).collect();
    prop_assert_eq!(planner.due(now), due);
    let expected = model.0.iter().filter(|line| line.interval.is_some());
    let lag = expected.map(|line| now - Model::due_at(line).unwrap_or(line.next)).max();
    prop_assert_eq!(planner.lag(now), lag.unwrap_or_default().max(TimeDelta::zero()));
    Ok(())
}

proptest! {
    #[test]
    fn planner_and_model_agree(first in intervals(), events in prop::collection::vec(event(), 1..60)) {
        let mut now = epoch();
        let mut planner = Planner::new(plan_of(first), |_| None, now);
        let mut model = Model::default();
        model.plan(first, now);
        compare(&planner, &model, now)?;
        for event in events {
            match event {
                Event::Advance(milliseconds) => now += TimeDelta::milliseconds(milliseconds),
                Event::StartDue => {
                    for due in planner.due(now) {
                        prop_assert_eq!(planner.on_started(&due, now), Ok(()));
                        let index = (0..4).find(|index| work(*index) == due).unwrap();
                        prop_assert!(!model.0[index].runs, "two runs at once");
                        model.start(index, now);
                    }
                }
                Event::Finish(index, ending) => {
                    planner.on_finished(&work(index), ending.class(), now);
                    model.finish(index, ending, now);
                }
                Event::Confirm(index, seconds) => {
                    let at = now + TimeDelta::seconds(seconds);
                    planner.schedule_confirmation(&work(index), at);
                    let line = &mut model.0[index];
                    if line.interval.is_some() && line.confirmation.is_none_or(|earlier| at < earlier) {
                        line.confirmation = Some(at);
                    }
                }
                Event::Replan(intervals) => {
                    planner.replan(plan_of(intervals), now);
                    model.plan(intervals, now);
                }
            }
            compare(&planner, &model, now)?;
        }
    }

    /// The promise that the evidence's maximal age rests on: a driver that keeps up leaves no gap longer than planned.
    #[test]
    fn no_gap_is_longer_than_planned(first in intervals(), seconds in prop::collection::vec(0_i64..20, 200)) {
        let mut now = epoch();
        let mut planner = Planner::new(plan_of(first), |_| None, now);
        let mut starts: BTreeMap<Work, DateTime<Utc>> = BTreeMap::new();
        for duration in seconds {
            let Some(next) = planner.next_due() else { break };
            now = now.max(next);
            for due in planner.due(now) {
                planner.on_started(&due, now).unwrap();
                if let Some(before) = starts.insert(due.clone(), now) {
                    let interval = planner.entries[&due].cadence.longest_gap();
                    prop_assert!(now - before <= interval, "{due}: {}", now - before);
                }
                // Ends at once in domain time, but the answer may be anything.
                let class = if duration % 3 == 0 { Ending::Inconclusive(None) } else { Ending::Conclusive };
                planner.on_finished(&due, class.class(), now);
            }
        }
    }
}
