//! The crash run: snykwatch is killed with SIGKILL while problems come and go, and what its memory holds and its
//! receivers got is compared at the end.
//!
//! The sandbox, four receivers and a dead man's switch live in this process; the daemon is the real binary with a state
//! file and short intervals. It dies at random moments and at aimed ones: when a receiver has got a message and not
//! answered, right after its start, and while it shuts down. Prints its counts, and every breach of these promises;
//! exits with 1 on any:
//!
//! - the history has no hole: each incident opened and resolved in turn, each status and condition continues where it
//!   was, and at the end everything is as the state says and as it really is;
//! - each opening, escalation and end became one notification for every receiver, and each ended: delivered, or collapsed
//!   because it was over before it was sent. What is silenced reached nobody;
//! - what the store calls delivered was received; a repetition carried the same identity, had a kill before it, and there
//!   are no more of them than kills; a receiver that knows identities woke somebody once for each episode;
//! - an acknowledgement and a silence outlive a kill right after their answer; the dead man's switch heard of no failure.
//!
//! `cargo bench --bench crashes -- --kills 100 --seed 7`; without a seed it takes one and prints it. `--binary FILE`
//! runs another binary than the one that was built with it.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a run that cannot be set up is broken")]

mod crashes {
    pub(crate) mod daemon;
    pub(crate) mod dice;
    pub(crate) mod episodes;
    pub(crate) mod ledger;
    pub(crate) mod lives;
    pub(crate) mod receivers;
    pub(crate) mod stage;
}

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crashes::dice::Dice;
use crashes::ledger::Ledger;
use crashes::lives::{Lives, make_trouble};
use crashes::stage::{Problem, Stage};

/// What is not settled by then never will be.
const SETTLING: Duration = Duration::from_secs(90);

/// After everything has been as it should for so long, nothing more is expected.
const QUIET: Duration = Duration::from_secs(8);

/// An orderly end takes no longer: attempts get five seconds, a last commit as many.
const PATIENCE: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(place + 1).expect("each option wants a value").clone())
    };
    let number = |name: &str| value(name).map(|text| text.parse::<u64>().expect("a number"));
    let kills = number("--kills").unwrap_or(100);
    let seed = number("--seed").unwrap_or_else(|| u64::from(std::process::id()));
    let binary = value("--binary").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_snykwatch")), PathBuf::from);
    let binary = binary.canonicalize().expect("there is such a binary");
    println!("{kills} kills, seed {seed}, {}", binary.display());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(kills, seed, binary))
}

async fn run(kills: u64, seed: u64, binary: PathBuf) -> ExitCode {
    let mut dice = Dice::new(seed);
    let stage = Arc::new(Stage::set(binary).await);
    let begin = Instant::now();
    let mut lives = Lives::default();
    lives.acknowledge_and_silence(&stage).await;
    let trouble = tokio::spawn(make_trouble(Arc::clone(&stage), Dice::new(seed ^ 0xb10c)));
    while lives.kills() < kills && lives.breaches.is_empty() {
        lives.live_and_die(&stage, &mut dice).await;
    }
    trouble.abort();
    println!("{}; {:.0} s with kills", lives.summary(), begin.elapsed().as_secs_f64());

    stage.receivers.set_trouble(None);
    // What is really the case in the end: one outage lasts.
    for problem in Problem::ALL {
        stage.set_problem(problem, problem == Problem::SnykDown);
    }
    let mut breaches = lives.breaches.clone();
    let ledger = settle(&stage, &mut breaches).await;
    breaches.extend(ledger.breaches(&stage, &lives));
    ledger.print(&stage, &lives);
    for breach in &breaches {
        println!("BREACH {breach}");
    }
    println!("{:.0} s, {} breaches", begin.elapsed().as_secs_f64(), breaches.len());
    if !breaches.is_empty() {
        println!("{}", stage.last_words());
    }
    if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets it live until everything is as it really is and nothing is pending, and reads its memory.
async fn settle(stage: &Stage, breaches: &mut Vec<String>) -> Ledger {
    let deadline = Instant::now() + SETTLING;
    loop {
        let mut daemon = stage.start_daemon();
        let quiet_after = Instant::now() + QUIET;
        while Instant::now() < deadline && daemon.has_ended().is_none() {
            let is_settled = stage.receivers.agree_on(&stage.open_problems());
            if is_settled && Instant::now() >= quiet_after {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        match daemon.terminate(PATIENCE).await {
            Some(status) if status.success() => {}
            Some(status) => breaches.push(format!("asked to end, it ended with {status}")),
            None => breaches.push("asked to end, it did not".to_owned()),
        }
        let ledger = Ledger::read(&stage.store_path()).await;
        if ledger.pending() == 0 || Instant::now() >= deadline {
            return ledger;
        }
    }
}
