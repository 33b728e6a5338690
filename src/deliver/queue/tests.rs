use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::deliver::testing::{begin, event, row, what};
use crate::domain::incident::Severity::{Critical, Warning};
use crate::domain::notification::NotificationKind::{
    Acknowledgement, Digest, Growth, Reminder, Resolve, Standing, Test, Trigger,
};

/// How far a scripted row has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Come {
    Fresh,
    Failed,
    Unclear,
    InFlight,
}

type Event = (&'static str, Severity, NotificationKind, Come);

/// What becomes of these rows, oldest first, one word each: `send`, `wait`, `drop`, `dead`.
fn fates(events: &[Event], age: TimeDelta, takes: impl Fn(NotificationKind) -> bool) -> Vec<&'static str> {
    fates_with(events, &BTreeSet::new(), age, takes)
}

#[test]
fn nothing_is_given_up_for_the_time_in_which_nobody_could_try() {
    let page = event("bitbucket-acme", Critical, Trigger, 1, TimeDelta::zero());
    let rows = [row(1, &page)];
    let none = BTreeSet::new();
    let fate = |age: TimeDelta, gaps: &[Gap]| {
        let decision = decide(&rows, &BTreeSet::new(), &BTreeSet::new(), begin() + age, gaps, &none, |_| true);
        (decision.send.len(), decision.settle.len())
    };
    let month = Gap { from: begin() + TimeDelta::hours(1), to: begin() + TimeDelta::days(30) };
    assert_eq!(fate(TimeDelta::days(30), &[]), (0, 1));
    assert_eq!(fate(TimeDelta::days(30), &[month]), (1, 0));
    assert_eq!(fate(TimeDelta::days(33) - TimeDelta::minutes(61), &[month]), (1, 0));
    assert_eq!(fate(TimeDelta::days(33), &[month]), (0, 1), "three days in which it could be tried");
    let revived = BTreeSet::from([DeliveryId(1)]);
    let decision =
        decide(&rows, &BTreeSet::new(), &BTreeSet::new(), begin() + TimeDelta::days(33), &[], &revived, |_| true);
    assert_eq!((decision.send.len(), decision.settle.len(), decision.next_due), (1, 0, None));
}

/// The same, at a receiver that may hold these keys open.
fn fates_with(
    events: &[Event],
    held_open: &BTreeSet<String>,
    age: TimeDelta,
    takes: impl Fn(NotificationKind) -> bool,
) -> Vec<&'static str> {
    let mut pending = Vec::new();
    let mut in_flight = BTreeSet::new();
    for (number, (name, severity, kind, come)) in (1..).zip(events) {
        let mut row = row(i64::from(number), &event(name, *severity, *kind, number, TimeDelta::zero()));
        match come {
            Come::Fresh => {}
            Come::Failed => row.next_attempt_at = begin() + age + TimeDelta::minutes(5),
            Come::Unclear => row.reach = Reach::Unclear,
            Come::InFlight => {
                row.reach = Reach::Unclear;
                in_flight.insert(row.id);
            }
        }
        pending.push(row);
    }
    let decision = decide(&pending, &in_flight, held_open, begin() + age, &[], &BTreeSet::new(), takes);
    let fate = |row: &Delivery| {
        let settled = decision.settle.iter().find(|settled| settled.delivery == row.id);
        match settled.map(|settled| settled.state) {
            Some(DeliveryState::Collapsed) => "drop",
            Some(_) => "dead",
            None if decision.send.contains(&row.id) => "send",
            None => "wait",
        }
    };
    pending.iter().map(fate).collect()
}

fn check(events: &[Event], expected: &[&str]) {
    assert_eq!(fates(events, TimeDelta::zero(), |_| true), expected, "{events:?}");
}

#[test]
fn a_later_event_waits_for_the_earlier_ones_of_its_problem_alone() {
    use Come::{Failed, Fresh, InFlight};
    check(&[("a", Warning, Trigger, Fresh), ("b", Warning, Trigger, Fresh)], &["send", "send"]);
    check(&[("a", Warning, Trigger, Failed), ("b", Warning, Trigger, Fresh)], &["wait", "send"]);
    check(&[("a", Warning, Resolve, Fresh), ("a", Critical, Trigger, Fresh)], &["send", "wait"]);
    check(&[("a", Warning, Resolve, Failed), ("a", Critical, Trigger, Fresh)], &["wait", "wait"]);
    check(&[("a", Warning, Resolve, InFlight), ("a", Critical, Trigger, Fresh)], &["wait", "wait"]);
    check(&[("a", Warning, Trigger, Fresh), ("a", Warning, Growth, Fresh)], &["send", "wait"]);
}

#[test]
fn what_was_never_told_needs_no_end() {
    use Come::{Failed, Fresh, InFlight, Unclear};
    let trigger = |come| ("a", Warning, Trigger, come);
    let resolve = ("a", Warning, Resolve, Fresh);
    let growth = ("a", Warning, Growth, Fresh);
    check(&[trigger(Fresh), resolve], &["drop", "drop"]);
    check(&[trigger(Failed), growth, resolve], &["drop", "drop", "drop"]);
    check(&[trigger(Unclear), resolve], &["drop", "send"]);
    check(&[trigger(Unclear), growth, resolve], &["drop", "drop", "send"]);
    check(&[trigger(InFlight), resolve], &["wait", "wait"]);
    check(&[trigger(InFlight), growth, resolve], &["wait", "drop", "wait"]);
    check(&[growth, resolve], &["drop", "send"]);
    check(&[resolve, trigger(Fresh)], &["send", "wait"]);
    check(&[trigger(Fresh), resolve, trigger(Fresh)], &["drop", "drop", "send"]);
    check(&[trigger(Fresh), trigger(Fresh), resolve], &["drop", "drop", "drop"]);
}

#[test]
fn an_end_that_was_given_up_is_told_by_the_next_one() {
    use Come::{Failed, Fresh, InFlight};
    let (trigger, resolve) = (("a", Warning, Trigger, Failed), ("a", Warning, Resolve, Fresh));
    let held_open = BTreeSet::from([event("a", Warning, Trigger, 1, TimeDelta::zero()).key()]);
    let check_held = |events: &[Event], expected: &[&str]| {
        assert_eq!(fates_with(events, &held_open, TimeDelta::zero(), |_| true), expected, "{events:?}");
    };
    check_held(&[trigger, resolve], &["drop", "send"]);
    check_held(&[trigger, resolve, trigger], &["drop", "send", "wait"]);
    check_held(&[trigger, resolve, trigger, resolve], &["drop", "send", "wait", "wait"]);
    // Another key, though of the same problem.
    check_held(&[("a", Critical, Trigger, Failed), ("a", Critical, Resolve, Fresh)], &["drop", "drop"]);

    // Whether the first end arrives is not known yet.
    let is_held = [resolve, trigger, resolve];
    check(&is_held, &["send", "wait", "wait"]);
    check(&[("a", Warning, Resolve, InFlight), trigger, resolve], &["wait", "wait", "wait"]);
    check(&[trigger, resolve, trigger, resolve], &["drop", "drop", "drop", "drop"]);
}

#[test]
fn only_what_may_collapse_is_asked_about() {
    let rows = |kinds: &[(&str, Severity, NotificationKind)]| {
        let rows = (1..).zip(kinds).map(|(number, (name, severity, kind))| {
            row(i64::from(number), &event(name, *severity, *kind, number, TimeDelta::zero()))
        });
        doubtful_keys(&rows.collect::<Vec<_>>()).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(rows(&[("a", Warning, Resolve), ("a", Warning, Trigger), ("b", Warning, Resolve)]), [""; 0]);
    assert_eq!(rows(&[("a", Warning, Trigger), ("a", Critical, Resolve)]), [""; 0]);
    let key = event("a", Critical, Trigger, 1, TimeDelta::zero()).key();
    assert_eq!(rows(&[("a", Critical, Trigger), ("b", Warning, Trigger), ("a", Critical, Resolve)]), [key]);
}

#[test]
fn an_escalation_on_its_way_is_told_as_one() {
    use Come::{Failed, Fresh, Unclear};
    let escalation = [("a", Warning, Resolve, Fresh), ("a", Critical, Trigger, Fresh)];
    let after = |come| [&[("a", Warning, Trigger, come)], escalation.as_slice()].concat();
    check(&after(Failed), &["drop", "drop", "send"]);
    check(&after(Unclear), &["drop", "send", "wait"]);
}

#[test]
fn updates_collapse_to_the_latest_event_of_their_key() {
    use Come::{Fresh, Unclear};
    for kind in [Reminder, Growth, Standing] {
        check(&[("a", Warning, kind, Fresh), ("a", Warning, Reminder, Fresh)], &["drop", "send"]);
        check(&[("a", Warning, kind, Unclear), ("a", Warning, Acknowledgement, Fresh)], &["drop", "send"]);
        check(&[("a", Warning, kind, Fresh), ("b", Warning, kind, Fresh)], &["send", "send"]);
        check(&[("a", Warning, kind, Fresh), ("a", Critical, kind, Fresh)], &["send", "wait"]);
    }
    let acknowledgement = ("a", Warning, Acknowledgement, Fresh);
    check(&[acknowledgement, ("a", Warning, Growth, Fresh)], &["send", "wait"]);
    check(&[acknowledgement, acknowledgement], &["drop", "send"]);
    check(&[acknowledgement, ("a", Warning, Resolve, Fresh)], &["drop", "send"]);
    check(&[("a", Warning, Test, Fresh), ("a", Warning, Test, Fresh)], &["send", "wait"]);
    check(&[("a", Warning, Digest, Fresh), ("a", Warning, Digest, Fresh)], &["send", "wait"]);
}

#[test]
fn what_a_receiver_does_not_take_is_not_sent() {
    let events = [("a", Warning, Trigger, Come::Unclear), ("a", Warning, Resolve, Come::Fresh)];
    assert_eq!(fates(&events, TimeDelta::zero(), |kind| kind != Resolve), ["drop", "drop"]);
    assert_eq!(fates(&events[..1], TimeDelta::zero(), |kind| kind != Trigger), ["drop"]);
}

#[test]
fn what_nobody_has_use_for_any_more_is_dead_lettered() {
    let check = |kind, come, age, expected| {
        assert_eq!(fates(&[("a", Warning, kind, come)], age, |_| true), [expected], "{kind} {come:?} {age}");
    };
    let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
    check(Trigger, Come::Fresh, day * 3 - hour, "send");
    check(Trigger, Come::Fresh, day * 3, "dead");
    check(Resolve, Come::Failed, day * 3, "dead");
    check(Resolve, Come::InFlight, day * 9, "wait");
    check(Reminder, Come::Fresh, day - hour, "send");
    check(Growth, Come::Fresh, day, "dead");
    check(Digest, Come::Fresh, day * 3 - hour, "send");
    check(Test, Come::Fresh, hour, "dead");
    let both = [("a", Warning, Trigger, Come::Fresh), ("a", Warning, Resolve, Come::Fresh)];
    assert_eq!(fates(&both, day * 9, |_| true), ["drop", "drop"], "nobody needs to know");
}

#[test]
fn the_next_moment_is_the_next_attempt_or_the_end_of_use() {
    let (a, b) = (
        row(1, &event("a", Warning, Trigger, 1, TimeDelta::zero())),
        row(2, &event("b", Warning, Reminder, 1, TimeDelta::zero())),
    );
    let later = |row: &Delivery, hours| Delivery { next_attempt_at: begin() + TimeDelta::hours(hours), ..row.clone() };
    let next = |pending: &[Delivery]| {
        let due =
            decide(pending, &BTreeSet::new(), &BTreeSet::new(), begin(), &[], &BTreeSet::new(), |_| true).next_due;
        due.map(|due| (due - begin()).num_hours())
    };
    assert_eq!(next(&[]), None);
    assert_eq!(next(&[later(&a, 5), later(&b, 2)]), Some(2));
    assert_eq!(next(&[later(&a, 500), later(&b, 200)]), Some(24));
}

/// A problem as it really goes: which key is open after each event, and the events that tell so.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// It opens, escalates or is milder.
    Open(Severity),
    /// It is told again.
    Update(NotificationKind),
    /// It is over.
    End,
    /// The receiver treats the next message so.
    Attempt(Answer),
    /// Time passes.
    Wait,
}

/// How a receiver treats a message.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Takes,
    Refuses,
    TakesSilently,
    LosesIt,
    RejectsForGood,
}

fn turn() -> impl Strategy<Value = (usize, Turn)> {
    let turn = prop_oneof![
        3 => prop_oneof![Just(Warning), Just(Critical)].prop_map(Turn::Open),
        2 => prop_oneof![Just(Reminder), Just(Growth), Just(Standing), Just(Acknowledgement)]
            .prop_map(Turn::Update),
        2 => Just(Turn::End),
        4 => prop_oneof![
            Just(Answer::Takes),
            Just(Answer::Refuses),
            Just(Answer::TakesSilently),
            Just(Answer::LosesIt),
            Just(Answer::RejectsForGood),
        ].prop_map(Turn::Attempt),
        1 => Just(Turn::Wait),
    ];
    (0..3_usize, turn)
}

/// The rows of one receiver, the receiver, and the truth.
struct Model {
    now: DateTime<Utc>,
    sequence: u32,
    truth: [Option<Severity>; 3],
    pending: Vec<Delivery>,
    ended: BTreeSet<DeliveryId>,
    /// The keys that the receiver holds open.
    view: BTreeSet<String>,
    /// The keys that it may hold open, as far as we can know.
    held_open: BTreeSet<String>,
    /// The keys whose latest begin or end it rejected.
    untold: BTreeSet<String>,
    /// The latest delivery that it got of each problem.
    latest: BTreeMap<About, DeliveryId>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Model {
    fn new() -> Self {
        Self {
            now: begin(),
            sequence: 0,
            truth: [None; 3],
            pending: Vec::new(),
            ended: BTreeSet::new(),
            view: BTreeSet::new(),
            held_open: BTreeSet::new(),
            untold: BTreeSet::new(),
            latest: BTreeMap::new(),
        }
    }

    fn add(&mut self, problem: usize, severity: Severity, kind: NotificationKind) {
        self.sequence += 1;
        let event = event(NAMES[problem], severity, kind, self.sequence, self.now - begin());
        if matches!(kind, Trigger | Resolve) {
            self.untold.remove(&event.key());
        }
        self.pending.push(row(i64::from(self.sequence), &event));
    }

    fn turn(&mut self, problem: usize, turn: Turn) {
        match (turn, self.truth[problem]) {
            (Turn::Open(severity), before) if before != Some(severity) => {
                if let Some(before) = before {
                    self.add(problem, before, Resolve);
                }
                self.add(problem, severity, Trigger);
                self.truth[problem] = Some(severity);
            }
            (Turn::Update(kind), Some(severity)) => self.add(problem, severity, kind),
            (Turn::End, Some(severity)) => {
                self.add(problem, severity, Resolve);
                self.truth[problem] = None;
            }
            (Turn::Attempt(answer), _) => self.attempt(problem, answer),
            (Turn::Wait, _) => self.now += TimeDelta::minutes(7),
            _ => {}
        }
    }

    /// Decides, settles, and sends the `choice`th of what is due (the others are sent another time).
    fn attempt(&mut self, choice: usize, answer: Answer) {
        let doubtful = doubtful_keys(&self.pending);
        let held_open = doubtful.intersection(&self.held_open).cloned().collect();
        let decision = decide(&self.pending, &BTreeSet::new(), &held_open, self.now, &[], &BTreeSet::new(), |_| true);
        for settled in &decision.settle {
            assert_eq!(settled.state, DeliveryState::Collapsed, "nothing gets old here");
            self.end(settled.delivery);
        }
        let Some(id) = decision.send.get(choice.min(decision.send.len().saturating_sub(1))) else { return };
        let place = self.pending.iter().position(|row| row.id == *id).expect("what is sent is pending");
        let notification = Arc::clone(&self.pending[place].notification);
        if matches!(answer, Answer::Takes | Answer::TakesSilently) {
            let before = self.latest.insert(notification.about.clone(), *id);
            assert!(before <= Some(*id), "{} came after a later one", what(&notification));
            if notification.is_firing() {
                self.view.insert(notification.key());
            } else {
                self.view.remove(&notification.key());
            }
        }
        if notification.is_firing() && !matches!(answer, Answer::Refuses | Answer::RejectsForGood) {
            self.held_open.insert(notification.key());
        } else if matches!(answer, Answer::Takes) && !notification.is_firing() {
            self.held_open.remove(&notification.key());
        }
        match answer {
            Answer::Takes => self.end(*id),
            Answer::RejectsForGood => {
                self.end(*id);
                let is_latest = |row: &Delivery| {
                    row.notification.key() != notification.key() || !matches!(row.notification.kind, Trigger | Resolve)
                };
                if matches!(notification.kind, Trigger | Resolve) && self.pending.iter().all(is_latest) {
                    self.untold.insert(notification.key());
                }
            }
            Answer::Refuses => self.pending[place].next_attempt_at = self.now + TimeDelta::minutes(5),
            Answer::TakesSilently | Answer::LosesIt => {
                self.pending[place].reach = Reach::Unclear;
                self.pending[place].next_attempt_at = self.now + TimeDelta::minutes(5);
            }
        }
    }

    fn end(&mut self, id: DeliveryId) {
        assert!(self.ended.insert(id), "{id:?} ended twice");
        self.pending.retain(|row| row.id != id);
    }

    fn truth(&self) -> BTreeSet<String> {
        let open = NAMES.iter().zip(self.truth);
        open.filter_map(|(name, severity)| Some(event(name, severity?, Trigger, 0, TimeDelta::zero()).key())).collect()
    }
}

proptest! {
    /// Whatever happened, a receiver that has taken all there is knows the truth, in order: but of that whose last
    /// message it rejected for good.
    #[test]
    fn in_the_end_the_receiver_knows_the_truth(turns in prop::collection::vec(turn(), 0..60)) {
        let mut model = Model::new();
        for (problem, turn) in turns {
            model.turn(problem, turn);
        }
        for _ in 0..200 {
            model.now += TimeDelta::minutes(5);
            model.attempt(0, Answer::Takes);
        }
        prop_assert!(model.pending.is_empty(), "everything ends");
        let told = |keys: &BTreeSet<String>| keys.difference(&model.untold).cloned().collect::<BTreeSet<_>>();
        prop_assert_eq!(told(&model.view), told(&model.truth()));
    }
}
