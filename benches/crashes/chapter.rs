//! A stage from its beginning to its end: a storm of kills, judged by the store's own history, and then a calm in which
//! each event is judged by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::breaches::{Breach, Fault, Table};
use super::calm::Calm;
use super::daemon::Birth;
use super::dice::Dice;
use super::events::Kind;
use super::ledger::{Ledger, repeated};
use super::lives::{Lives, make_trouble};
use super::problems::Problem;
use super::stage::{Pace, Stage};

/// What is not settled by then never will be.
const SETTLING: Duration = Duration::from_secs(90);

/// After everything has been as it should for so long, nothing more is expected.
const QUIET: Duration = Duration::from_secs(5);

/// An orderly end takes no longer: attempts get five seconds, a last commit as many.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is to happen.
pub(crate) struct Plan {
    pub(crate) number: u64,
    pub(crate) seed: u64,
    pub(crate) kills: u64,
    /// One after the other.
    pub(crate) kinds: Vec<Kind>,
}

/// What came of it.
pub(crate) struct Report {
    pub(crate) number: u64,
    pub(crate) table: Table,
    pub(crate) lines: Vec<String>,
}

pub(crate) async fn play(binary: PathBuf, plan: Plan) -> Report {
    let Plan { number, seed, kills, kinds } = plan;
    let begin = Instant::now();
    let mut dice = Dice::new(seed);
    let stage = Arc::new(Stage::set(binary, Pace::Hurried).await);
    let mut table = Table::default();
    let mut lines = Vec::new();
    if kills > 0 {
        lines.extend(storm(&stage, &mut dice, kills, &mut table).await);
    }
    if table.breaches() == 0 {
        lines.extend(Calm::on(&stage, dice).play(&kinds, &mut table).await.into_iter().map(breach));
    }
    if table.breaches() > 0 {
        lines.push(stage.last_words(number));
    }
    let (events, seconds) = (table.events(), begin.elapsed().as_secs_f64());
    lines.push(format!("{events} events, {seconds:.0} s, {} breaches", table.breaches()));
    Report { number, table, lines }
}

async fn storm(stage: &Arc<Stage>, dice: &mut Dice, kills: u64, table: &mut Table) -> Vec<String> {
    let mut lives = Lives::default();
    lives.acknowledge_and_silence(stage).await;
    let trouble = tokio::spawn(make_trouble(Arc::clone(stage), Dice::new(dice.between(0, u64::MAX - 1))));
    while lives.kills() < kills && lives.breaches.is_empty() {
        lives.live_and_die(stage, dice).await;
    }
    trouble.abort();
    stage.receivers.set_trouble(None);
    // What is really the case in the end: one outage lasts, unless that would be one too many, and all can be seen.
    for problem in Problem::ALL {
        let lasts = problem == Problem::SnykDown && (stage.has_problem(problem) || stage.may_begin(problem, 2));
        stage.set_problem(problem, lasts);
    }
    let mut breaches = lives.breaches.clone();
    let ledger = settle(stage, &mut breaches).await;
    breaches.extend(ledger.breaches(stage, &lives));
    table.on_events(Kind::Storm, lives.deaths.len());
    table.on_legal(Kind::Storm, repeated(stage), 0);
    table.on_breaches(Kind::Storm, &breaches);
    let mut report = vec![lives.summary()];
    report.extend(ledger.lines(stage));
    report.extend(breaches.iter().map(|told| breach(format!("{}: {}", told.fault, told.what))));
    report
}

fn breach(what: impl std::fmt::Display) -> String {
    format!("BREACH {what}")
}

/// Lets it live until everything is as it really is and nothing is pending, and reads its memory.
async fn settle(stage: &Stage, breaches: &mut Vec<Breach>) -> Ledger {
    let deadline = Instant::now() + SETTLING;
    loop {
        let mut daemon = stage.start_daemon(Birth::default());
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
            Some(status) => breaches.push(Breach::new(Fault::Exit, format!("asked to end, it ended with {status}"))),
            None => breaches.push(Breach::new(Fault::Exit, "asked to end, it did not")),
        }
        let ledger = Ledger::read(&stage.store_path()).await;
        if ledger.pending() == 0 || Instant::now() >= deadline {
            return ledger;
        }
    }
}
