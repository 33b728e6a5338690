use super::*;

const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
const DAY: i64 = 86_400;
const LOOK_EVERY: i64 = 30;

fn start() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

/// A machine whose clocks a test sets.
struct Machine {
    readings: Readings,
    system: System,
}

impl Machine {
    fn new() -> Self {
        let readings = Readings { wall: start(), monotonic: TimeDelta::zero(), boot: TimeDelta::hours(5) };
        Self { readings, system: System::new(readings) }
    }

    /// Time in which we look at the clocks as often as the watcher does.
    fn pass(&mut self, seconds: i64) -> &mut Self {
        for _ in 0..seconds / LOOK_EVERY {
            self.freeze(LOOK_EVERY);
            self.follow();
        }
        self.freeze(seconds % LOOK_EVERY)
    }

    /// The clocks run, and we do not.
    fn freeze(&mut self, seconds: i64) -> &mut Self {
        self.readings.monotonic += TimeDelta::seconds(seconds);
        self.sleep(seconds)
    }

    /// The monotonic clock stands still meanwhile.
    fn sleep(&mut self, seconds: i64) -> &mut Self {
        self.readings.boot += TimeDelta::seconds(seconds);
        self.set(seconds)
    }

    fn set(&mut self, seconds: i64) -> &mut Self {
        self.readings.wall += TimeDelta::seconds(seconds);
        self
    }

    fn follow(&mut self) -> ClockStep {
        self.system.follow(self.readings)
    }

    /// An API that shows this time is asked, and answers.
    fn hear(&mut self, date: DateTime<Utc>) {
        self.hear_of("snyk", Testimony::Date(self.now() - date));
    }

    fn hear_of(&mut self, api: &str, testimony: Testimony) {
        self.system.hear(&api.into(), testimony, self.now(), TOLERANCE);
    }

    /// An API shows domain time, or the wall clock's.
    fn is_told(&mut self, api: &str, date: DateTime<Utc>) -> ClockStep {
        self.hear_of(api, Testimony::Date(self.now() - date));
        self.follow()
    }

    fn now(&self) -> DateTime<Utc> {
        self.system.now(self.readings.monotonic)
    }

    fn unset(&self) -> DateTime<Utc> {
        self.system.unset(self.readings.monotonic)
    }

    /// An API bears the wall clock out.
    fn confirm(&mut self) -> ClockStep {
        self.hear(self.readings.wall);
        self.follow()
    }
}

fn offset(seconds: i64) -> ClockStep {
    ClockStep::InDoubt { offset: TimeDelta::seconds(seconds) }
}

fn gap(from: i64, to: i64) -> ClockStep {
    ClockStep::Gap { from: at(from), to: at(to) }
}

#[test]
fn clocks_that_disagree_tell_what_happened() {
    use ClockStep::{Nothing, Rebase};
    let step = |seconds| Rebase(TimeDelta::seconds(seconds));
    // Seconds that the machine was awake, asleep, and by which its wall clock was set; what is seen, what the clock
    // says once an API has borne it out.
    for (what, awake, asleep, set, seen, followed) in [
        ("time passes", 30, 0, 0, Nothing, Nothing),
        ("it is slewed", 30, 0, 59, Nothing, Nothing),
        ("a nap", 30, 270, 0, Nothing, Nothing),
        ("a sleep of 30 h", 30, 108_000, 0, gap(30, 108_030), Nothing),
        ("a sleep of 30 h whose clock stood still", 30, 108_000, -108_000, gap(30, 108_030), offset(-108_000)),
        ("a small step forward", 30, 0, 90, offset(90), step(90)),
        ("the longest small step forward", 30, 0, 300, offset(300), step(300)),
        ("a day forward", 30, 0, DAY, offset(DAY), gap(30, DAY + 30)),
        ("a small step back", 30, 0, -90, offset(-90), step(-90)),
        ("a day back", 30, 0, -DAY, offset(-DAY), step(-DAY)),
        ("a nap, and a step back", 30, 200, -200, offset(-200), step(-200)),
    ] {
        let mut machine = Machine::new();
        machine.pass(awake).sleep(asleep).set(set);
        assert_eq!(machine.follow(), seen, "{what}");
        assert_eq!(machine.confirm(), followed, "{what}");
        machine.confirm();
        assert_eq!(machine.follow(), Nothing, "{what}: it is told once");
        assert_eq!(machine.now(), machine.readings.wall, "{what}");
    }
}

#[test]
fn a_clock_that_is_wrong_for_a_moment_moves_nothing() {
    for day in [DAY, -DAY] {
        let mut machine = Machine::new();
        machine.pass(3_600).set(day);
        assert_eq!(machine.follow(), offset(day));
        assert_eq!((machine.now(), machine.system.doubt()), (at(3_600), Some((at(3_600), TimeDelta::seconds(day)))));
        machine.pass(8);
        assert_eq!(machine.follow(), ClockStep::Nothing);
        machine.set(-day);
        assert_eq!(machine.follow(), ClockStep::SetRight);
        assert_eq!((machine.now(), machine.system.doubt()), (at(3_608), None));
        assert_eq!(machine.follow(), ClockStep::Nothing);
    }
}

#[test]
fn an_api_that_agrees_with_domain_time_ends_the_doubt_and_the_wall_is_not_followed() {
    let mut machine = Machine::new();
    machine.pass(3_600).set(DAY);
    machine.follow();
    machine.hear(at(3_600));
    assert_eq!((machine.follow(), machine.system.doubt()), (ClockStep::Nothing, None));
    // It goes on being wrong.
    machine.pass(7_200);
    assert_eq!((machine.follow(), machine.now()), (ClockStep::Nothing, at(10_800)));
    // Another jump is another doubt.
    machine.set(-DAY / 2);
    assert_eq!(machine.follow(), offset(DAY / 2));
    // Set right, it is as ever.
    machine.set(-DAY / 2);
    assert_eq!((machine.follow(), machine.now()), (ClockStep::SetRight, at(10_800)));
}

#[test]
fn only_answers_to_what_was_asked_since_tell_anything() {
    let mut machine = Machine::new();
    machine.pass(60).set(DAY);
    machine.follow();
    machine.pass(5);
    for asked_at in [0, 59] {
        machine.system.hear(&"snyk".into(), Testimony::Date(TimeDelta::seconds(-DAY)), at(asked_at), TOLERANCE);
        assert!(machine.system.doubt().is_some(), "asked at {asked_at} s");
    }
    // An API whose own clock is wrong bears out neither.
    machine.hear(at(5 * DAY));
    assert!(machine.system.doubt().is_some());
    assert_eq!(machine.confirm(), gap(65, DAY + 65));
}

#[test]
fn an_api_whose_own_clock_is_wrong_confirms_no_jump() {
    let mut machine = Machine::new();
    machine.pass(60).set(3_600);
    machine.follow();
    // Nearer to the wall, and right about neither.
    machine.hear(at(DAY));
    assert_eq!((machine.follow(), machine.now()), (ClockStep::Nothing, at(60)));
}

#[test]
fn without_any_date_the_machine_is_believed_in_the_end() {
    let mut machine = Machine::new();
    machine.pass(60).set(DAY);
    machine.follow();
    let hear = |machine: &mut Machine| {
        machine.hear_of("bitbucket", Testimony::NoDate);
        machine.follow()
    };
    machine.pass(899);
    assert_eq!(hear(&mut machine), ClockStep::Nothing);
    machine.pass(1);
    assert_eq!(hear(&mut machine), gap(960, DAY + 960));
    // Where one API has told, another that does not has no word.
    machine.set(DAY);
    machine.follow();
    machine.hear(machine.now());
    machine.pass(3_600);
    assert_eq!(hear(&mut machine), ClockStep::Nothing);
    // While no API answers, nothing is believed, however long it lasts.
    machine.set(DAY).follow();
    machine.pass(10 * DAY);
    assert_eq!(machine.follow(), ClockStep::Nothing);
    assert!(machine.system.doubt().is_some());
}

#[test]
fn what_was_wrongly_believed_is_taken_back() {
    let mut machine = Machine::new();
    machine.pass(60).set(DAY);
    machine.follow();
    assert_eq!(machine.confirm(), gap(60, DAY + 60));
    machine.pass(8).set(-DAY);
    assert_eq!(machine.follow(), offset(-DAY));
    let back = ClockStep::TakeBack { set_at: at(60), step: TimeDelta::seconds(-DAY) };
    assert_eq!(machine.confirm(), back);
    // Another step back is none of that.
    machine.set(DAY);
    machine.follow();
    machine.confirm();
    machine.set(-DAY / 2);
    machine.follow();
    assert_eq!(machine.confirm(), ClockStep::Rebase(TimeDelta::seconds(-DAY / 2)));
}

#[test]
fn a_clock_is_wrong_while_it_is_contradicted_or_in_doubt() {
    let mut machine = Machine::new();
    assert!(machine.system.is_wrong(), "nobody has confirmed it since the start");
    machine.hear(machine.now());
    assert!(!machine.system.is_wrong(), "nobody says so");
    machine.pass(5);
    machine.hear(at(DAY));
    assert!(machine.system.is_wrong(), "it was behind at the start");
    machine.set(DAY);
    machine.follow();
    assert_eq!((machine.confirm(), machine.system.is_wrong()), (gap(5, DAY + 5), false));
    machine.set(-DAY);
    machine.follow();
    assert!(machine.system.is_wrong(), "it jumped");
    machine.hear(machine.now());
    assert!(!machine.system.is_wrong(), "the wall clock is wrong, domain time is not");
}

/// Stopped and continued, or paused in its container: no clock of the machine tells it from work.
#[test]
fn a_time_in_which_we_were_not_let_to_look_is_a_gap() {
    let mut machine = Machine::new();
    machine.pass(60).freeze(300);
    assert_eq!(machine.follow(), ClockStep::Nothing, "a slow look");
    machine.pass(60).freeze(7_200);
    assert_eq!((machine.follow(), machine.now()), (gap(420, 7_620), at(7_620)));
    assert_eq!(machine.follow(), ClockStep::Nothing, "it is told once");
    // However long it lasts, what is looked at all the time has no gap.
    for _ in 0..1_000 {
        machine.freeze(LOOK_EVERY);
        assert_eq!(machine.follow(), ClockStep::Nothing);
    }
    // What the wall clock did meanwhile is another matter.
    machine.freeze(7_200).set(DAY);
    assert!(matches!(machine.follow(), ClockStep::Gap { .. }));
    assert_eq!(machine.follow(), offset(DAY));
}

#[test]
fn apis_that_contradict_each_other_leave_a_jump_in_doubt() {
    let mut machine = Machine::new();
    for api in ["snyk", "bitbucket"] {
        machine.hear_of(api, Testimony::Date(TimeDelta::zero()));
    }
    machine.pass(60).set(3_600);
    assert_eq!(machine.follow(), offset(3_600));
    machine.pass(1);
    // One is wrong in the same way, and answers first.
    assert_eq!(machine.is_told("bitbucket", machine.readings.wall), ClockStep::Nothing);
    machine.pass(1);
    assert_eq!(machine.is_told("snyk", machine.now()), ClockStep::Nothing);
    machine.pass(3_600);
    assert_eq!((machine.follow(), machine.now()), (ClockStep::Nothing, at(3_662)));
    assert!(machine.system.doubt().is_some());
    // Once they agree it is settled.
    assert_eq!(machine.is_told("snyk", machine.readings.wall), gap(3_662, 7_262));
}

#[test]
fn a_jump_that_is_right_waits_for_no_api_that_does_not_answer() {
    let begin = || {
        let mut machine = Machine::new();
        for api in ["snyk", "bitbucket"] {
            machine.hear_of(api, Testimony::Date(TimeDelta::zero()));
        }
        machine.pass(60).set(3_600).follow();
        assert_eq!(machine.is_told("bitbucket", machine.readings.wall), ClockStep::Nothing);
        machine
    };
    // It was asked in vain.
    let mut machine = begin();
    machine.hear_of("snyk", Testimony::NoAnswer);
    assert_eq!(machine.follow(), gap(60, 3_660));
    // Nothing is heard of it.
    let mut machine = begin();
    machine.pass(59);
    assert_eq!(machine.follow(), ClockStep::Nothing);
    machine.pass(1);
    assert_eq!(machine.follow(), gap(120, 3_720));
    // It agrees.
    let mut machine = begin();
    assert_eq!(machine.is_told("snyk", machine.readings.wall), gap(60, 3_660));
}

#[test]
fn the_clock_of_the_start_is_confirmed_by_a_date_that_agrees_with_it() {
    let mut machine = Machine::new();
    machine.hear_of("snyk", Testimony::NoAnswer);
    machine.hear(at(DAY));
    assert!(machine.system.is_unconfirmed());
    machine.hear(at(300));
    assert!(!machine.system.is_unconfirmed());
    // Where no API ever tells a date, the machine is believed.
    let mut machine = Machine::new();
    machine.pass(899);
    machine.hear_of("snyk", Testimony::NoDate);
    assert!(machine.system.is_unconfirmed());
    machine.pass(1);
    machine.hear_of("snyk", Testimony::NoDate);
    assert!(!machine.system.is_unconfirmed());
}

#[test]
fn what_is_never_set_runs_evenly_and_through_every_gap() {
    let mut machine = Machine::new();
    let mut passed = 0;
    for (awake, asleep, set) in [(60, 0, -600), (60, 0, 120), (0, 7_200, 0), (60, 0, -DAY), (1, 0, 0)] {
        let before = machine.unset();
        machine.pass(awake).sleep(asleep).set(set);
        machine.follow();
        machine.confirm();
        machine.confirm();
        passed += awake + asleep;
        assert_eq!(machine.unset() - before, TimeDelta::seconds(awake + asleep), "set by {set}");
    }
    assert_eq!(machine.unset(), at(passed));
    // A step forward that leaves a gap is time that passed: what waits for it is due.
    machine.set(DAY);
    machine.follow();
    machine.confirm();
    assert_eq!(machine.unset(), at(passed + DAY));
}
