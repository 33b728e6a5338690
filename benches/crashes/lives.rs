//! The lives of the daemon, and how each ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use snykwatch::clock::Clock;
use tokio::time::{Instant, sleep};

use super::breaches::{Breach, Fault};
use super::daemon::{Birth, Daemon};
use super::dice::Dice;
use super::problems::{LASTING, OPENINGS, Problem};
use super::receivers::late;
use super::stage::Stage;

/// The longest life, in milliseconds: from the start to a few rounds of probes.
const LONGEST_LIFE: u64 = 2_500;

/// So soon it dies that dies right after its start, in milliseconds: while it opens its store, or restores its state.
const YOUNG: u64 = 250;

/// A problem comes or goes after so many milliseconds.
const SHORTEST_PEACE: u64 = 700;
const LONGEST_PEACE: u64 = 3_500;

/// Receivers answer after this.
const ANSWER: Duration = Duration::from_millis(200);

/// What is waited for before the first kill comes within this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// When a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// At any moment.
    Random,
    /// When a receiver has got a message and not answered.
    Unanswered,
    /// Right after the start.
    Young,
    /// While it shuts down.
    ShuttingDown,
    /// Right after it answered a person.
    Promised,
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Random => "at random",
            Self::Unanswered => "between receipt and answer",
            Self::Young => "right after the start",
            Self::ShuttingDown => "while shutting down",
            Self::Promised => "right after an answer to a person",
        })
    }
}

/// What happened to the daemon.
#[derive(Default)]
pub(crate) struct Lives {
    /// When it was killed, and at which kind of moment; oldest first.
    pub(crate) deaths: Vec<(DateTime<Utc>, Moment)>,
    /// Ends that came in an orderly way before the kill did.
    orderly: usize,
    pub(crate) breaches: Vec<Breach>,
}

impl Lives {
    pub(crate) fn kills(&self) -> u64 {
        self.deaths.len() as u64
    }

    pub(crate) fn summary(&self) -> String {
        let mut by_moment: BTreeMap<Moment, usize> = BTreeMap::new();
        for (_, moment) in &self.deaths {
            *by_moment.entry(*moment).or_default() += 1;
        }
        let counts: Vec<String> = by_moment.iter().map(|(moment, count)| format!("{count} {moment}")).collect();
        format!("{} kills ({}), {} orderly ends", self.deaths.len(), counts.join(", "), self.orderly)
    }

    /// Somebody takes care of what lasts, and somebody silences a problem. After each answer it is killed at once.
    pub(crate) async fn acknowledge_and_silence(&mut self, stage: &Stage) {
        let acknowledge = ["ack", LASTING, "--author", "anna", "--comment", "the owner knows"];
        self.promise(stage, "acknowledged", &acknowledge).await;
        let silence =
            ["silence", "add", "--rule", "PermissionsMissing", "--credential", "bitbucket-acme", "--for", "2h"];
        self.promise(stage, "silenced", &[&silence[..], &["--author", "anna", "--reason", "being repaired"]].concat())
            .await;
    }

    async fn promise(&mut self, stage: &Stage, what: &str, command: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        let daemon = stage.start_daemon(Birth::default());
        let lasting = BTreeSet::from([LASTING.to_owned()]);
        while !stage.receivers.agree_on(&lasting) && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
        }
        while !stage.command(command) {
            if Instant::now() >= deadline {
                self.breaches.push(Breach::new(Fault::Loss, format!("{LASTING} could not be {what}")));
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        self.kill(daemon, Moment::Promised);
    }

    /// One life and its end.
    pub(crate) async fn live_and_die(&mut self, stage: &Stage, dice: &mut Dice) {
        let moment = match dice.between(0, 9) {
            0..=4 => Moment::Random,
            5..=7 => Moment::Unanswered,
            8 => Moment::Young,
            _ => Moment::ShuttingDown,
        };
        // What is taken late must be taken first where the kill is to come between receipt and answer.
        let taken_first = moment == Moment::Unanswered || dice.between(0, 2) > 0;
        stage.receivers.set_trouble(Some(&late(taken_first, ANSWER)));
        let span = Duration::from_millis(dice.between(0, LONGEST_LIFE));
        let letters = stage.receivers.letters();
        let mut daemon = stage.start_daemon(Birth::default());
        match moment {
            Moment::Random | Moment::Promised => sleep(span).await,
            Moment::Unanswered => {
                let deadline = Instant::now() + Duration::from_millis(LONGEST_LIFE);
                while stage.receivers.letters() == letters && Instant::now() < deadline {
                    sleep(Duration::from_millis(5)).await;
                }
                sleep(ANSWER * u32::try_from(dice.between(0, 80)).unwrap() / 100).await;
            }
            Moment::Young => sleep(Duration::from_millis(dice.between(0, YOUNG))).await,
            Moment::ShuttingDown => {
                sleep(span).await;
                self.check_alive(daemon.has_ended());
                daemon.signal("TERM");
                sleep(Duration::from_millis(dice.between(0, 100))).await;
            }
        }
        self.kill(daemon, moment);
    }

    fn kill(&mut self, daemon: Daemon, moment: Moment) {
        let ended = daemon.kill();
        // Noted after the kill: what came from this life came before.
        match ended {
            Some(status) if moment == Moment::ShuttingDown && status.success() => self.orderly += 1,
            // It had not yet heard how to end in an orderly way.
            Some(status) if moment == Moment::ShuttingDown && status.code().is_none() => self.orderly += 1,
            ended => {
                self.check_alive(ended);
                self.deaths.push((Clock::system().now(), moment));
            }
        }
    }

    fn check_alive(&mut self, ended: Option<ExitStatus>) {
        if let Some(status) = ended {
            let what = format!("the daemon ended by itself after {} kills: {status}", self.deaths.len());
            self.breaches.push(Breach::new(Fault::Exit, what));
        }
    }
}

/// Lets problems come and go, whether the daemon lives or not. What began too often would be flapping: each may begin
/// once more afterwards.
pub(crate) async fn make_trouble(stage: Arc<Stage>, mut dice: Dice) {
    loop {
        let problem = *Problem::ALL.get(dice.below(Problem::ALL.len())).unwrap();
        if stage.has_problem(problem) {
            stage.set_problem(problem, false);
        } else if stage.may_begin(problem, OPENINGS - 1) {
            stage.set_problem(problem, true);
        }
        sleep(dice.milliseconds(SHORTEST_PEACE, LONGEST_PEACE)).await;
    }
}
