//! The crash run: snykwatch is killed with SIGKILL at random moments while problems come and go, and what its memory
//! holds and its receivers got is compared at the end.
//!
//! The sandbox and four receivers live in this process; the daemon is the real binary with a state file and short
//! intervals. Prints its counts, and every breach of these promises; exits with 1 on any:
//!
//! - each incident opened and resolved in turn, without a hole, and at the end it is as it really is;
//! - each of these changes became a notification for every receiver, and each ended: delivered, or collapsed because
//!   it was over before it was sent;
//! - what the store calls delivered was received; a repetition carried the same identity, and there is at most one for
//!   each kill; a receiver that knows identities woke somebody once for each episode.
//!
//! `cargo bench --bench crashes -- --kills 100 --seed 7`; without a seed it takes one and prints it.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a run that cannot be set up is broken")]

mod crashes {
    pub(crate) mod daemon;
    pub(crate) mod dice;
    pub(crate) mod ledger;
    pub(crate) mod receivers;
    pub(crate) mod stage;
}

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use crashes::dice::Dice;
use crashes::ledger::Ledger;
use crashes::stage::{Problem, Stage};

/// A daemon lives so long, in milliseconds: from the first line of its log to a few rounds of probes.
const SHORTEST_LIFE: u64 = 20;
const LONGEST_LIFE: u64 = 3_500;

/// A problem comes or goes after so many milliseconds.
const SHORTEST_PEACE: u64 = 600;
const LONGEST_PEACE: u64 = 2_500;

/// Receivers answer after this.
const ANSWER: Duration = Duration::from_millis(200);

/// What is not settled by then never will be.
const SETTLING: Duration = Duration::from_mins(2);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(place + 1)?.parse::<u64>().expect("a number"))
    };
    let kills = number("--kills").unwrap_or(100);
    let seed = number("--seed").unwrap_or_else(|| u64::from(std::process::id()));
    println!("{kills} kills, seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(kills, seed))
}

async fn run(kills: u64, seed: u64) -> ExitCode {
    let mut dice = Dice::new(seed);
    let stage = Stage::set().await;
    // So that a kill often comes between the receipt and its answer.
    stage.receivers.answer_late(Some(ANSWER));
    let begin = Instant::now();
    let mut breaches = Vec::new();
    let flips = live_and_die(&stage, &mut dice, kills, &mut breaches).await;
    println!("{flips} problems came or went; {:.0} s with kills", begin.elapsed().as_secs_f64());

    stage.receivers.answer_late(None);
    // What is really the case in the end: one problem lasts.
    for problem in Problem::ALL {
        stage.set_problem(problem, problem == Problem::SnykDown);
    }
    let ledger = settle(&stage).await;
    breaches.extend(ledger.breaches(&stage, kills));
    ledger.print(&stage);
    for breach in &breaches {
        println!("BREACH {breach}");
    }
    println!("{:.0} s, {} breaches", begin.elapsed().as_secs_f64(), breaches.len());
    if !breaches.is_empty() {
        println!("{}", stage.last_words());
    }
    if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts and kills the daemon while problems come and go, whether it lives or not. Gives how often they did.
async fn live_and_die(stage: &Stage, dice: &mut Dice, kills: u64, breaches: &mut Vec<String>) -> u64 {
    let mut flips = 0;
    let mut next_flip = Instant::now();
    for kill in 1..=kills {
        let mut daemon = stage.start_daemon();
        let death = Instant::now() + Duration::from_millis(dice.between(SHORTEST_LIFE, LONGEST_LIFE));
        while next_flip < death {
            tokio::time::sleep_until(next_flip).await;
            let problem = Problem::ALL[usize::try_from(dice.between(0, Problem::ALL.len() as u64 - 1)).unwrap()];
            stage.set_problem(problem, !stage.has_problem(problem));
            flips += 1;
            next_flip += Duration::from_millis(dice.between(SHORTEST_PEACE, LONGEST_PEACE));
        }
        tokio::time::sleep_until(death).await;
        if let Some(status) = daemon.has_ended() {
            breaches.push(format!("the daemon ended by itself before kill {kill}: {status}"));
            break;
        }
        daemon.kill();
        if kill % 20 == 0 {
            println!("  {kill} kills");
        }
    }
    flips
}

/// Lets it live until everything is as it really is and nothing is pending, and reads its memory.
async fn settle(stage: &Stage) -> Ledger {
    let deadline = Instant::now() + SETTLING;
    loop {
        let mut daemon = stage.start_daemon();
        let quiet_after = Instant::now() + Duration::from_secs(8);
        while Instant::now() < deadline && daemon.has_ended().is_none() {
            let is_settled = stage.receivers.agree_on(&stage.open_problems());
            if is_settled && Instant::now() >= quiet_after {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        daemon.terminate().await;
        let ledger = Ledger::read(&stage.store_path()).await;
        if ledger.pending() == 0 || Instant::now() >= deadline {
            return ledger;
        }
    }
}
