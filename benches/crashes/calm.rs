//! Events one by one, in a calm: whatever is told then was told because of the event, or because of the one thing that
//! changed meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::breaches::{Breach, Fault, Table};
use super::daemon::{Birth, Daemon};
use super::dice::Dice;
use super::events::Kind;
use super::problems::{OPENINGS, Problem};
use super::stage::{Stage, is_panic};
use super::told::{Mark, Memory, Told, Truth};
use super::wall_clock::WallClock;

/// What is not told by then never will be: two failed attempts pause for 5 s and 30 s.
const SETTLING: Duration = Duration::from_secs(75);

/// After everything was told, nothing more is for so long: some rounds of probes.
const QUIET: Duration = Duration::from_millis(1_500);

/// A daemon that was born has looked at everything, more than once, when the dead man's switch has heard so often from it,
const BEATS_OF_A_LOOK: usize = 4;

/// which it does within this time.
const LOOKS_WITHIN: Duration = Duration::from_secs(20);

/// An orderly end takes no longer: attempts get five seconds, a last commit as many.
const PATIENCE: Duration = Duration::from_secs(15);

/// Trouble with the state file, or the clock, is told within this time.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);

/// It lives no longer: the budget of an hour is spent in two minutes.
const LONGEST_LIFE: Duration = Duration::from_mins(1);

/// Ends a start in a documented way: the state file cannot be used.
const CANNOT_BE_USED: i32 = 74;

/// A copy of the state file, and what was open then.
#[derive(Clone)]
pub(super) struct Copy {
    pub(super) path: PathBuf,
    pub(super) open: BTreeSet<String>,
}

/// A stage on which nothing happens but what is made to happen.
pub(crate) struct Calm<'a> {
    pub(super) stage: &'a Stage,
    pub(super) dice: Dice,
    pub(super) clock: Option<WallClock>,
    daemon: Option<Daemon>,
    /// Of this event.
    pub(super) breaches: Vec<Breach>,
    /// In the log, when the daemon was started.
    pub(super) born: u64,
    /// So often the dead man's switch had heard, when the daemon was started.
    beats: usize,
    /// In the log, when this event began.
    log: u64,
    mark: Mark,
    before: BTreeMap<String, &'static str>,
    pub(super) copies: usize,
    /// Was open when the memory was lost, or is in the one that was fallen back to, and was not told again since: that waits
    /// until it is seen to last, whatever hides it meanwhile.
    held: BTreeSet<String>,
}

impl<'a> Calm<'a> {
    pub(crate) fn on(stage: &'a Stage, dice: Dice) -> Self {
        let clock = WallClock::of(&stage.binary, stage.directory());
        let (log, mark, before) = (stage.log_length(), Mark::now(&stage.receivers), stage.truth());
        let beats = stage.receivers.beats();
        Self {
            stage,
            dice,
            clock,
            daemon: None,
            breaches: Vec::new(),
            born: log,
            beats,
            log,
            mark,
            before,
            copies: 0,
            held: BTreeSet::new(),
        }
    }

    /// Plays one event of each of these kinds. Ends at the first breach: what comes after it would be blamed twice.
    pub(crate) async fn play(&mut self, kinds: &[Kind], table: &mut Table) -> Vec<String> {
        self.start(Birth::default());
        for kind in kinds {
            if self.is_impossible(*kind) {
                table.on_skipped(*kind);
                continue;
            }
            self.begin().await;
            let memory = if self.breaches.is_empty() { self.happen(*kind).await } else { Memory::Kept };
            self.judge(*kind, memory, table).await;
            if !self.breaches.is_empty() {
                let told = |breach: &Breach| format!("{kind}: {}: {}", breach.fault, breach.what);
                return self.breaches.iter().map(told).collect();
            }
        }
        self.stop().await;
        Vec::new()
    }

    fn is_impossible(&self, kind: Kind) -> bool {
        match kind {
            Kind::ClockForward | Kind::ClockBackward | Kind::ClockAtStart => self.clock.is_none(),
            Kind::Full | Kind::FullAtStart => !std::path::Path::new("/usr/bin/prlimit").exists(),
            _ => false,
        }
    }

    /// Waits for the calm, and remembers how everything is.
    pub(super) async fn begin(&mut self) {
        if self.daemon.as_ref().is_some_and(|daemon| daemon.age() > LONGEST_LIFE) {
            self.stop().await;
            self.start(Birth::default());
        }
        self.settle().await;
        self.mark = Mark::now(&self.stage.receivers);
        self.before = self.stage.truth();
        self.log = self.stage.log_length();
    }

    async fn judge(&mut self, kind: Kind, memory: Memory, table: &mut Table) {
        self.stage.receivers.set_trouble(None);
        let has_lost = matches!(&memory, Memory::FellBack(open) if open.is_empty());
        if let Memory::FellBack(open) = &memory {
            self.held = open.iter().chain(self.before.keys()).cloned().collect();
        }
        let held_before = if memory == Memory::Kept { self.held.clone() } else { BTreeSet::new() };
        let truth = Truth { before: self.before.clone(), after: self.stage.truth(), memory, held_before };
        // A message may still wait for its retry when pagers have got theirs.
        let deadline = Instant::now() + SETTLING;
        let (told, (breaches, anew)) = loop {
            self.settle().await;
            self.check_alive();
            let told = Told::since(self.mark, &self.stage.receivers);
            let verdict = truth.judge(&told);
            let is_missing = verdict.0.iter().any(|breach| breach.fault == Fault::Loss);
            if !is_missing || !self.breaches.is_empty() || Instant::now() >= deadline {
                break (told, verdict);
            }
        };
        self.held.retain(|incident| !told.has_begun(incident));
        self.breaches.extend(breaches);
        for line in self.stage.errors_since(self.log) {
            if is_panic(&line) || !kind.may_say(&line) {
                self.breaches.push(Breach::new(Fault::Other, line));
            }
        }
        if has_lost {
            self.stage.forget_beginnings();
        }
        table.on_events(kind, 1);
        table.on_legal(kind, told.repeats, anew);
        table.on_breaches(kind, &self.breaches);
    }

    /// Waits until everything that is so was told, and nothing more is. Not before a daemon that was born meanwhile has
    /// looked at everything: receivers show all that its forebear told, and what it tells anew, it tells because of what
    /// happened to it and not because of the next event.
    pub(super) async fn settle(&mut self) {
        let (stage, beats) = (self.stage, self.beats + BEATS_OF_A_LOOK);
        self.until(LOOKS_WITHIN, || stage.receivers.beats() >= beats).await;
        loop {
            self.agree().await;
            let mark = Mark::now(&self.stage.receivers);
            sleep(QUIET).await;
            if mark == Mark::now(&self.stage.receivers) || !self.breaches.is_empty() {
                return;
            }
        }
    }

    async fn agree(&mut self) {
        let wanted: BTreeSet<String> =
            self.stage.truth().into_iter().map(|(incident, severity)| format!("{incident}/{severity}")).collect();
        let stage = self.stage;
        if !self.until(SETTLING, || stage.receivers.show(&wanted)).await {
            for (name, shown) in [("pagerduty", stage.receivers.paged()), ("alertmanager", stage.receivers.firing())] {
                let missing: Vec<_> = wanted.difference(&shown).collect();
                let surplus: Vec<_> = shown.difference(&wanted).collect();
                if !missing.is_empty() || !surplus.is_empty() {
                    let what = format!("{name} does not show {missing:?}, and shows {surplus:?}");
                    self.breaches.push(Breach::new(Fault::Loss, what));
                }
            }
        }
    }

    /// Waits for something, as long as the daemon lives.
    pub(super) async fn until(&mut self, patience: Duration, is_so: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + patience;
        while !is_so() {
            if Instant::now() >= deadline || !self.check_alive() {
                return false;
            }
            sleep(Duration::from_millis(50)).await;
        }
        true
    }

    /// Waits until the log says this, since the event began.
    pub(super) async fn until_noticed(&mut self, text: &str) {
        let (stage, log) = (self.stage, self.log);
        if !self.until(NOTICED_WITHIN, || stage.said_since(log).contains(text)).await {
            self.breaches.push(Breach::new(Fault::Unnoticed, format!("the log does not say \"{text}\"")));
        }
    }

    fn check_alive(&mut self) -> bool {
        let ended = self.daemon.as_mut().and_then(Daemon::has_ended);
        if let Some(status) = ended {
            self.daemon = None;
            self.breaches.push(Breach::new(Fault::Exit, format!("it ended by itself: {status}")));
        }
        ended.is_none()
    }

    pub(super) fn start(&mut self, birth: Birth<'_>) {
        (self.born, self.beats) = (self.stage.log_length(), self.stage.receivers.beats());
        self.daemon = Some(self.stage.start_daemon(birth));
    }

    /// With the wall clock that can be set.
    pub(super) fn start_by_clock(&mut self) {
        (self.born, self.beats) = (self.stage.log_length(), self.stage.receivers.beats());
        let birth = Birth { clock: self.clock.as_ref(), ..Birth::default() };
        self.daemon = Some(self.stage.start_daemon(birth));
    }

    /// What was open when the event began.
    pub(super) fn opened_before(&self) -> BTreeSet<String> {
        self.before.keys().cloned().collect()
    }

    pub(super) fn daemon(&self) -> Option<&Daemon> {
        self.daemon.as_ref()
    }

    /// Starts on a state file that is cut. When it says that it cannot be used, it is moved away, as it asks for.
    pub(super) async fn start_or_start_anew(&mut self) {
        self.start(Birth::default());
        let Some(mut daemon) = self.daemon.take() else { return };
        match daemon.end(Duration::from_secs(3)).await {
            None => self.daemon = Some(daemon),
            Some(status) if status.code() == Some(CANNOT_BE_USED) => {
                self.remove_store();
                self.start(Birth::default());
            }
            Some(status) => self.breaches.push(Breach::new(Fault::Exit, format!("it ended by itself: {status}"))),
        }
    }

    /// SIGTERM.
    pub(super) async fn stop(&mut self) {
        if !self.check_alive() {
            return;
        }
        let Some(daemon) = self.daemon.take() else { return };
        match daemon.terminate(PATIENCE).await {
            Some(status) if status.success() => {}
            // It had not yet heard how to end in an orderly way.
            Some(status) if status.code().is_none() => {}
            ended => self.breaches.push(Breach::new(Fault::Exit, format!("asked to end, it ended with {ended:?}"))),
        }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        if self.check_alive()
            && let Some(daemon) = self.daemon.take()
        {
            // It lived a moment ago.
            let _ = daemon.kill();
        }
    }

    pub(super) async fn end_somehow(&mut self) {
        if self.dice.one_in(2) { self.kill() } else { self.stop().await }
    }

    /// Something begins or ends, or nothing does. What cannot be seen since the Git host is down stays as it is.
    pub(super) fn change(&mut self) -> Option<(Problem, bool)> {
        let is_blind = self.stage.has_problem(Problem::BitbucketDown);
        let possible: Vec<Problem> = Problem::ALL
            .into_iter()
            .filter(|problem| *problem != Problem::ScopeMissing)
            .filter(|problem| !is_blind || matches!(problem, Problem::SnykDown | Problem::BitbucketDown))
            .collect();
        let lasting: Vec<Problem> =
            possible.iter().copied().filter(|problem| self.stage.has_problem(*problem)).collect();
        let others: Vec<Problem> = possible
            .iter()
            .copied()
            .filter(|problem| !self.stage.has_problem(*problem) && self.stage.may_begin(*problem, OPENINGS))
            .collect();
        // Half of the time something begins, else something ends; now and then nothing happens.
        let from = match self.dice.between(0, 9) {
            0..=1 => return None,
            2..=5 if !others.is_empty() => others,
            _ if !lasting.is_empty() => lasting,
            _ => others,
        };
        if from.is_empty() {
            return None;
        }
        let problem = *from.get(self.dice.below(from.len())).unwrap();
        let lasts = !self.stage.has_problem(problem);
        self.stage.set_problem(problem, lasts);
        Some((problem, lasts))
    }

    pub(super) async fn pause(&mut self, least: u64, most: u64) {
        sleep(self.dice.milliseconds(least, most)).await;
    }
}
