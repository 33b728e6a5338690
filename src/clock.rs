//! The one domain clock: schedule, evidence age, states, alerts and the sandbox's data all ask it.
//!
//! Two kinds behind one handle:
//!
//! - [`Clock::system`]: wall time read once, then carried forward by the monotonic clock, so that a stepped wall clock
//!   changes no age. [`Clock::follow`] tells of a jump, and of time in which the machine slept. A sleep is taken over at
//!   once, a jump when an API's date bears it out ([`Clock::hear`]).
//! - [`Clock::scaled`]: virtual time for the demo and the tests. It stands still while anybody works (a [`Participant`]
//!   that is awake, a [`Hold`] that is held) and runs, at a pace, only while all participants sleep. No probe is ever
//!   late because the machine is slow.
//!
//! I/O timeouts and connections never ask this clock: they run on real time.

mod step;
mod system;
mod witnesses;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use step::ClockStep;
use system::{Readings, System};
pub use witnesses::Testimony;

use crate::domain::names::ApiName;

/// How fast virtual time runs while everybody sleeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many virtual seconds to one real second.
    Factor(f64),
    /// Straight to the next deadline, in no real time.
    Immediate,
}

/// A cheap handle on the domain clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System(Machine),
    Scaled(Scaled),
}

#[derive(Debug)]
struct Machine {
    origin: Instant,
    system: Mutex<System>,
    /// Told of a gap.
    passed: Notify,
}

impl Machine {
    fn new() -> Self {
        let origin = Instant::now();
        Self { origin, system: Mutex::new(System::new(readings(origin))), passed: Notify::new() }
    }

    fn now(&self) -> DateTime<Utc> {
        lock(&self.system).now(since(self.origin))
    }

    async fn wait(&self, deadline: DateTime<Utc>) {
        // A span, whatever the clock is set to meanwhile; but what a gap has made due is due.
        loop {
            let passed = self.passed.notified();
            tokio::pin!(passed);
            passed.as_mut().enable();
            let now = lock(&self.system).unset(since(self.origin));
            let Ok(remaining) = (deadline - now).to_std() else { return };
            // Whichever comes first, the loop looks again.
            let _ = tokio::time::timeout(remaining, passed).await;
        }
    }
}

#[derive(Debug)]
struct Scaled {
    pace: Pace,
    timeline: Mutex<Timeline>,
    /// Told whenever the timeline stops, starts, or gains or loses a deadline.
    changed: Notify,
}

#[derive(Debug)]
struct Timeline {
    /// Virtual time at `running_since`, or now when the timeline stands still.
    base: DateTime<Utc>,
    /// Set while virtual time runs.
    running_since: Option<Instant>,
    /// Participants and holds that keep virtual time still.
    awake: usize,
    /// How many sleepers wait for each instant.
    deadlines: BTreeMap<DateTime<Utc>, usize>,
    /// How far domain time was set: what sleeps, sleeps in a time that never is.
    set_by: TimeDelta,
}

impl Timeline {
    fn now(&self, pace: Pace) -> DateTime<Utc> {
        let Some(since) = self.running_since else { return self.base };
        let Some((&earliest, _)) = self.deadlines.first_key_value() else { return self.base };
        match pace {
            Pace::Immediate => earliest.max(self.base),
            Pace::Factor(factor) => {
                let elapsed = since.elapsed().mul_f64(factor);
                let reached = self.base + TimeDelta::from_std(elapsed).unwrap_or(TimeDelta::MAX);
                reached.min(earliest).max(self.base)
            }
        }
    }

    fn settle(&mut self, pace: Pace) {
        self.base = self.now(pace);
        self.running_since = (self.awake == 0).then(Instant::now);
    }
}

impl Clock {
    /// The clock of a daemon at work.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System(Machine::new())))
    }

    /// A virtual clock that starts at `start`.
    pub fn scaled(start: DateTime<Utc>, pace: Pace) -> Self {
        let (deadlines, set_by) = (BTreeMap::new(), TimeDelta::zero());
        let timeline = Timeline { base: start, running_since: None, awake: 0, deadlines, set_by };
        Self(Arc::new(Kind::Scaled(Scaled { pace, timeline: Mutex::new(timeline), changed: Notify::new() })))
    }

    /// The domain time.
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Kind::System(machine) => machine.now(),
            Kind::Scaled(scaled) => scaled.now() + scaled.set_by(),
        }
    }

    /// Domain time as if it had never been set. It passes evenly through every step, and gaps pass in it too: pauses,
    /// retries and resends are counted in it. Only differences of it mean something.
    pub fn unset(&self) -> DateTime<Utc> {
        match &*self.0 {
            Kind::System(machine) => lock(&machine.system).unset(since(machine.origin)),
            Kind::Scaled(scaled) => scaled.now(),
        }
    }

    /// Whether this is virtual time.
    pub fn is_scaled(&self) -> bool {
        matches!(&*self.0, Kind::Scaled(_))
    }

    /// Compares domain time with the machine's clocks and follows them. Tells what happened, so that the caller can log
    /// it and bring what it remembers into line. One call tells of one thing: call again until it was nothing.
    pub fn follow(&self) -> ClockStep {
        let Kind::System(machine) = &*self.0 else { return ClockStep::Nothing };
        lock(&machine.system).follow(readings(machine.origin))
    }

    /// Time passed that nobody waited for: whoever sleeps looks again whether it is due.
    pub fn wake_sleepers(&self) {
        if let Kind::System(machine) = &*self.0 {
            machine.passed.notify_waiters();
        }
    }

    /// Takes in what became of asking an API, about our clock; [`Clock::follow`] acts on it. `tolerance`: what agrees.
    pub fn hear(&self, api: &ApiName, testimony: Testimony, asked_at: DateTime<Utc>, tolerance: TimeDelta) {
        if let Kind::System(machine) = &*self.0 {
            lock(&machine.system).hear(api, testimony, asked_at, tolerance);
        }
    }

    /// Whether no API has confirmed this clock since it was made: what was stored may be by another one.
    pub fn is_unconfirmed(&self) -> bool {
        let Kind::System(machine) = &*self.0 else { return false };
        lock(&machine.system).is_unconfirmed()
    }

    /// Since when, and how far, the wall clock is ahead while nobody has told which of the two is right.
    pub fn doubt(&self) -> Option<(DateTime<Utc>, TimeDelta)> {
        let Kind::System(machine) = &*self.0 else { return None };
        lock(&machine.system).doubt()
    }

    /// Whether this is not the right time, or may not be: then nothing is thrown away for its age.
    pub fn is_wrong(&self) -> bool {
        let Kind::System(machine) = &*self.0 else { return false };
        lock(&machine.system).is_wrong()
    }

    /// Sets virtual time, as a time server sets a wall clock: spans stay what they are.
    #[cfg(test)]
    pub(crate) fn set(&self, by: TimeDelta) {
        if let Kind::Scaled(scaled) = &*self.0 {
            scaled.change(|timeline| timeline.set_by += by);
        }
    }

    /// Keeps virtual time still until the hold is dropped. On the system clock it does nothing.
    pub fn hold(&self) -> Hold {
        if let Kind::Scaled(scaled) = &*self.0 {
            scaled.change(|timeline| timeline.awake += 1);
        }
        Hold(self.clone())
    }

    /// A task that takes part in virtual time: the time stands still whenever it is not asleep.
    pub fn participant(&self) -> Participant {
        Participant { clock: self.clone(), hold: Some(self.hold()) }
    }

    /// What is never set: the time in which sleepers sleep.
    fn in_unset_time(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let set_by = match &*self.0 {
            Kind::System(machine) => lock(&machine.system).set_by(),
            Kind::Scaled(scaled) => scaled.set_by(),
        };
        at.checked_sub_signed(set_by).unwrap_or(at)
    }

    /// `deadline` is in [`Self::in_unset_time`].
    async fn wait(&self, deadline: DateTime<Utc>) {
        match &*self.0 {
            Kind::System(machine) => machine.wait(deadline).await,
            Kind::Scaled(scaled) => scaled.wait(deadline).await,
        }
    }
}

impl Scaled {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.timeline).now(self.pace)
    }

    fn set_by(&self) -> TimeDelta {
        lock(&self.timeline).set_by
    }

    fn change(&self, change: impl FnOnce(&mut Timeline)) {
        let mut timeline = lock(&self.timeline);
        timeline.settle(self.pace);
        change(&mut timeline);
        timeline.settle(self.pace);
        drop(timeline);
        self.changed.notify_waiters();
    }

    async fn wait(&self, deadline: DateTime<Utc>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let (now, running) = {
                let timeline = lock(&self.timeline);
                (timeline.now(self.pace), timeline.running_since.is_some())
            };
            if now >= deadline {
                return;
            }
            match self.pace {
                Pace::Factor(factor) if running => {
                    let virtual_rest = (deadline - now).to_std().unwrap_or(Duration::ZERO);
                    let real_rest = virtual_rest.div_f64(factor).max(Duration::from_micros(100));
                    // Whichever comes first, the loop looks again.
                    let _ = tokio::time::timeout(real_rest, changed).await;
                }
                _ => changed.await,
            }
        }
    }
}

/// Virtual time stands still while this lives.
#[derive(Debug)]
pub struct Hold(Clock);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Kind::Scaled(scaled) = &*self.0.0 {
            scaled.change(|timeline| timeline.awake = timeline.awake.saturating_sub(1));
        }
    }
}

/// A task whose work virtual time waits for.
#[derive(Debug)]
pub struct Participant {
    clock: Clock,
    hold: Option<Hold>,
}

impl Participant {
    /// Sleeps until the domain time `deadline`; virtual time may run meanwhile. Cancel-safe: when the future is dropped
    /// the participant counts as awake again.
    pub async fn sleep_until(&mut self, deadline: DateTime<Utc>) {
        let clock = self.clock.clone();
        let deadline = clock.in_unset_time(deadline);
        let _nap = Nap::new(self, deadline);
        clock.wait(deadline).await;
    }

    /// Sleeps without a deadline of its own: virtual time runs as the other participants need it. Never returns; to be
    /// used as one arm of a `select!`.
    pub async fn sleep_forever(&mut self) {
        let _nap = Nap::new(self, DateTime::<Utc>::MAX_UTC);
        std::future::pending::<()>().await;
    }
}

/// The time between going to sleep and waking, kept right even when the sleep is cancelled.
struct Nap<'a> {
    participant: &'a mut Participant,
    deadline: DateTime<Utc>,
}

impl<'a> Nap<'a> {
    fn new(participant: &'a mut Participant, deadline: DateTime<Utc>) -> Self {
        if let Kind::Scaled(scaled) = &*participant.clock.0
            && deadline != DateTime::<Utc>::MAX_UTC
        {
            scaled.change(|timeline| *timeline.deadlines.entry(deadline).or_default() += 1);
        }
        participant.hold = None;
        Self { participant, deadline }
    }
}

impl Drop for Nap<'_> {
    fn drop(&mut self) {
        // Awake first, then forget the deadline: time must not run on in between.
        self.participant.hold = Some(self.participant.clock.hold());
        if let Kind::Scaled(scaled) = &*self.participant.clock.0 {
            scaled.change(|timeline| {
                if let Some(sleepers) = timeline.deadlines.get_mut(&self.deadline) {
                    *sleepers -= 1;
                    if *sleepers == 0 {
                        timeline.deadlines.remove(&self.deadline);
                    }
                }
            });
        }
    }
}

fn readings(origin: Instant) -> Readings {
    Readings { wall: wall_clock(), monotonic: since(origin), boot: span(boot_clock()) }
}

fn since(origin: Instant) -> TimeDelta {
    span(origin.elapsed())
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place where wall time enters")]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}

/// Time since the machine started, its sleep included. Where no clock tells, a sleep shows as a step of the wall clock.
fn boot_clock() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

/// Nothing in this module panics while it holds the lock, so a poisoned lock holds a sound value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn virtual_time_stands_still_while_a_participant_works() {
        let clock = Clock::scaled(start(), Pace::Immediate);
        let mut worker = clock.participant();
        let mut script = clock.participant();
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = order.clone();
        let worker_clock = clock.clone();
        let task = async move {
            for hour in 1..=3 {
                worker.sleep_until(start() + TimeDelta::hours(hour)).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                lock(&seen).push(worker_clock.now());
            }
        };
        let script_clock = clock.clone();
        let script_order = order.clone();
        // Moved in, so that a script that is done no longer keeps time still.
        let script = async move {
            script.sleep_until(start() + TimeDelta::minutes(150)).await;
            lock(&script_order).push(script_clock.now());
        };
        tokio::join!(task, script);
        let minutes: Vec<_> = lock(&order).iter().map(|at| (*at - start()).num_minutes()).collect();
        assert_eq!(minutes, [60, 120, 150, 180]);
    }

    #[tokio::test]
    async fn a_cancelled_sleep_leaves_its_participant_awake() {
        let clock = Clock::scaled(start(), Pace::Immediate);
        let mut waiting = clock.participant();
        let hold = clock.hold();
        tokio::select! {
            () = waiting.sleep_until(start() + TimeDelta::hours(1)) => unreachable!("time is held"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        drop(hold);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(clock.now(), start());
    }

    #[tokio::test]
    async fn a_paced_clock_never_overshoots_a_deadline() {
        let clock = Clock::scaled(start(), Pace::Factor(1_000_000.0));
        let mut participant = clock.participant();
        let deadline = start() + TimeDelta::hours(5);
        participant.sleep_until(deadline).await;
        assert_eq!(clock.now(), deadline);
    }

    #[tokio::test]
    async fn the_system_clock_moves_forward_and_sees_no_jump_of_its_own() {
        let clock = Clock::system();
        let before = clock.now();
        let mut participant = clock.participant();
        participant.sleep_until(before + TimeDelta::milliseconds(2)).await;
        assert!(clock.now() >= before + TimeDelta::milliseconds(2));
        assert_eq!(clock.follow(), ClockStep::Nothing);
    }
}
