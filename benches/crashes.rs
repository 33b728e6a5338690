//! The crash run: everything that a machine and people can do to a daemon is done to snykwatch while problems come and
//! go, and what its memory holds and its receivers got is compared with what really happened.
//!
//! The sandbox, four receivers and a dead man's switch live in this process; the daemon is the real binary with a state
//! file and short intervals. The run has chapters, each on a stage of its own:
//!
//! - a **storm**: it dies again and again while problems come and go, at random moments and at aimed ones: when a receiver
//!   has got a message and not answered, right after its start, and while it shuts down. In the end its own history is
//!   read. It has no hole: each incident opened and resolved in turn, each status and condition continues where it was,
//!   and at the end everything is as the state says and as it really is. Each opening, escalation and end became one
//!   notification for every receiver, and each ended: delivered, or collapsed because it was over before it was sent.
//!   What is silenced reached nobody. What the store calls delivered was received; a repetition carried the same identity
//!   and had a kill before it. An acknowledgement and a silence outlive a kill right after their answer; the dead man's
//!   switch heard of no failure.
//! - a **calm**: one event after the other, in an order of the dice, and while each happens one problem begins or ends.
//!   Exactly that is told, whatever happened ([`crashes::breaches`] says what counts).
//!
//! Prints a table of what happened and what went wrong, and exits with 1 on any breach.
//!
//! `cargo bench --bench crashes -- --events 300 --seed 7`; without a seed it takes one and prints it. `--binary FILE`
//! runs another binary than the one that was built with it, `--only KIND` events of that kind alone, `--except KIND,KIND`
//! all but those, `--at-once N` so many chapters beside each other. `--soak MINUTES` lets one daemon live in changing moods instead, and looks for what
//! grows.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, reason = "a run that cannot be set up is broken")]

mod crashes {
    pub(crate) mod breaches;
    pub(crate) mod calm;
    pub(crate) mod chapter;
    pub(crate) mod daemon;
    pub(crate) mod dice;
    pub(crate) mod episodes;
    pub(crate) mod events;
    pub(crate) mod files;
    pub(crate) mod happenings;
    pub(crate) mod ledger;
    pub(crate) mod lives;
    pub(crate) mod problems;
    pub(crate) mod receivers;
    pub(crate) mod soak;
    pub(crate) mod stage;
    pub(crate) mod told;
    pub(crate) mod wall_clock;
}

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;

use crashes::breaches::Table;
use crashes::chapter::{self, Plan};
use crashes::dice::Dice;
use crashes::events::{Kind, shuffled};
use crashes::soak;

/// A chapter has so many kills in its storm, two of them right after an answer to a person,
const KILLS: u64 = 5;

/// and so many events in its calm: all kinds in two chapters.
const CALM: u64 = 9;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(place + 1).expect("each option wants a value").clone())
    };
    let number = |name: &str| value(name).map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("--seed").unwrap_or_else(|| u64::from(std::process::id()));
    let binary = value("--binary").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_snykwatch")), PathBuf::from);
    let binary = binary.canonicalize().expect("there is such a binary");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(minutes) = number("--soak") {
        println!("a soak of {minutes} min, seed {seed}, {}", binary.display());
        return runtime.block_on(soak::run(binary, Duration::from_mins(minutes), Dice::new(seed)));
    }
    let events = number("--events").unwrap_or(100);
    let kind = |word: &str| {
        let known = [Kind::Storm].into_iter().chain(Kind::ALONE).find(|kind| kind.word() == word);
        known.expect("a kind, such as storm, kill, suspend, full, removed, older-while-down")
    };
    let only = value("--only").map(|word| kind(&word));
    let except: Vec<Kind> = value("--except").iter().flat_map(|words| words.split(',')).map(kind).collect();
    let kinds: Vec<Kind> = match only {
        Some(only) => vec![only],
        None => Kind::ALONE.into_iter().filter(|kind| !except.contains(kind)).chain([Kind::Storm]).collect(),
    };
    println!("{events} events, seed {seed}, {}", binary.display());
    runtime.block_on(run(events, &kinds, Dice::new(seed), number("--at-once").unwrap_or(1), binary))
}

async fn run(events: u64, kinds: &[Kind], mut dice: Dice, at_once: u64, binary: PathBuf) -> ExitCode {
    let begin = Instant::now();
    let mut table = Table::default();
    let mut chapters = FuturesUnordered::new();
    let (mut planned, mut number) = (0, 0);
    let mut deck = Vec::new();
    loop {
        while planned < events && (chapters.len() as u64) < at_once {
            number += 1;
            let plan = plan(number, events - planned, kinds, &mut deck, &mut dice);
            planned += plan.kills + plan.kinds.len() as u64;
            chapters.push(Box::pin(chapter::play(binary.clone(), plan)));
        }
        let Some(report) = chapters.next().await else { break };
        println!("chapter {}:", report.number);
        for line in &report.lines {
            println!("  {line}");
        }
        table.add(&report.table);
    }
    println!("{table}");
    println!("{} events, {:.0} s, {} breaches", table.events(), begin.elapsed().as_secs_f64(), table.breaches());
    if table.breaches() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The next chapter, of `left` events at most.
fn plan(number: u64, left: u64, kinds: &[Kind], deck: &mut Vec<Kind>, dice: &mut Dice) -> Plan {
    let seed = dice.between(0, u64::MAX - 1);
    let kills = if kinds.contains(&Kind::Storm) { KILLS.min(left) } else { 0 };
    let alone: Vec<Kind> = kinds.iter().copied().filter(|kind| *kind != Kind::Storm).collect();
    let mut calm = Vec::new();
    while !alone.is_empty() && (calm.len() as u64) < CALM.min(left - kills) {
        if deck.is_empty() {
            *deck = shuffled(alone.clone(), dice);
        }
        calm.extend(deck.pop());
    }
    Plan { number, seed, kills, kinds: calm }
}
