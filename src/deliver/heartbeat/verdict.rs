//! Whether we are well. Pure.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

/// The scheduler and the evaluator tick at least twice in this time, whatever the fleet.
const TICK_LIMIT: Duration = Duration::from_mins(1);

/// Every evaluation commits; a full disk or a locked file is a failure when it lasts.
const COMMIT_LIMIT: Duration = Duration::from_mins(5);

/// What the verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// How long ago the scheduler ticked. Real time.
    pub since_scheduled: Duration,
    /// How long ago everything was evaluated. Real time.
    pub since_evaluated: Duration,
    /// How long ago the store took a commit. Real time.
    pub since_committed: Duration,
    /// What was stored is not where it was put, or not whole.
    pub store_is_astray: bool,
    /// Our own clock stays wrong.
    pub clock_is_wrong: bool,
    /// For how long a critical notification has waited, beyond what is allowed, that no receiver has taken.
    pub critical_waits: Option<TimeDelta>,
    /// There are receivers, and each of them rejects what it is sent: nobody can report it.
    pub all_receivers_reject: bool,
}

/// Why we are not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ailment {
    /// The scheduler has not ticked for so long.
    SchedulerStands(Duration),
    /// The evaluator has not ticked for so long.
    EvaluatorStands(Duration),
    /// The store has not taken a commit for so long.
    StoreStands(Duration),
    /// What was stored is not where it was put, or not whole.
    StoreIsAstray,
    /// Our own clock stays wrong.
    ClockIsWrong,
    /// A critical notification has waited for so long, and nobody has taken it.
    CriticalWaits(TimeDelta),
    /// Every receiver rejects what it is sent.
    EveryReceiverRejects,
}

impl fmt::Display for Ailment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchedulerStands(since) => {
                write!(formatter, "the scheduler has stood still for {} s", since.as_secs())
            }
            Self::EvaluatorStands(since) => write!(formatter, "nothing was evaluated for {} s", since.as_secs()),
            Self::StoreStands(since) => write!(formatter, "the store has taken no commit for {} s", since.as_secs()),
            Self::StoreIsAstray => {
                formatter.write_str("the state file was removed, replaced or damaged while snykwatch runs")
            }
            Self::ClockIsWrong => {
                formatter.write_str("the clock of this machine is wrong, and nothing is told because of time alone")
            }
            Self::CriticalWaits(waits) => {
                write!(
                    formatter,
                    "a critical notification has waited for {} min, and no receiver took it",
                    waits.num_minutes()
                )
            }
            Self::EveryReceiverRejects => formatter.write_str("every receiver rejects what it is sent"),
        }
    }
}

/// Whether we are well, or every reason why not.
pub fn verdict(vitals: &Vitals) -> Result<(), Vec<Ailment>> {
    let beyond = |since: Duration, limit: Duration| (since > limit).then_some(since);
    let ailments: Vec<Ailment> = [
        beyond(vitals.since_scheduled, TICK_LIMIT).map(Ailment::SchedulerStands),
        beyond(vitals.since_evaluated, TICK_LIMIT).map(Ailment::EvaluatorStands),
        beyond(vitals.since_committed, COMMIT_LIMIT).map(Ailment::StoreStands),
        vitals.store_is_astray.then_some(Ailment::StoreIsAstray),
        vitals.clock_is_wrong.then_some(Ailment::ClockIsWrong),
        vitals.critical_waits.map(Ailment::CriticalWaits),
        vitals.all_receivers_reject.then_some(Ailment::EveryReceiverRejects),
    ]
    .into_iter()
    .flatten()
    .collect();
    if ailments.is_empty() { Ok(()) } else { Err(ailments) }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const WELL: Vitals = Vitals {
        since_scheduled: Duration::from_mins(1),
        since_evaluated: Duration::from_mins(1),
        since_committed: Duration::from_mins(5),
        store_is_astray: false,
        clock_is_wrong: false,
        critical_waits: None,
        all_receivers_reject: false,
    };

    #[test]
    fn within_every_limit_all_is_well() {
        assert_eq!(verdict(&WELL), Ok(()));
    }

    #[test]
    fn each_limit_has_its_reason() {
        let check = |vitals: Vitals, expected: Ailment| assert_eq!(verdict(&vitals), Err(vec![expected]));
        let (tick, commit) = (Duration::from_secs(61), Duration::from_secs(301));
        check(Vitals { since_scheduled: tick, ..WELL }, Ailment::SchedulerStands(tick));
        check(Vitals { since_evaluated: tick, ..WELL }, Ailment::EvaluatorStands(tick));
        check(Vitals { since_committed: commit, ..WELL }, Ailment::StoreStands(commit));
        check(Vitals { store_is_astray: true, ..WELL }, Ailment::StoreIsAstray);
        check(Vitals { clock_is_wrong: true, ..WELL }, Ailment::ClockIsWrong);
        let waits = TimeDelta::minutes(11);
        check(Vitals { critical_waits: Some(waits), ..WELL }, Ailment::CriticalWaits(waits));
        check(Vitals { all_receivers_reject: true, ..WELL }, Ailment::EveryReceiverRejects);
    }

    #[test]
    fn all_reasons_are_told() {
        let hour = Duration::from_hours(1);
        let vitals = Vitals {
            since_scheduled: hour,
            since_evaluated: hour,
            since_committed: hour,
            store_is_astray: true,
            clock_is_wrong: true,
            critical_waits: Some(TimeDelta::hours(1)),
            all_receivers_reject: true,
        };
        let ailments = verdict(&vitals).unwrap_err();
        let lines: Vec<String> = ailments.iter().map(ToString::to_string).collect();
        assert_snapshot!(lines.join("\n"), @r"
        the scheduler has stood still for 3600 s
        nothing was evaluated for 3600 s
        the store has taken no commit for 3600 s
        the state file was removed, replaced or damaged while snykwatch runs
        the clock of this machine is wrong, and nothing is told because of time alone
        a critical notification has waited for 60 min, and no receiver took it
        every receiver rejects what it is sent
        ");
    }
}
