//! The player: lets time run, does the deeds, and checks what the daemon says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::court::Court;
use super::narrator::Narrator;
use super::scenario::{Deed, Scenario, Story};
use super::stage::Stage;
use super::witness::told_alike;
use crate::clock::{Clock, Pace};
use crate::domain::state::Transition;
use crate::snapshot::Snapshot;
use crate::web::ReloadOutcome;

/// When every scenario begins: far enough from any daylight-saving change to be a plain day.
pub const START: &str = "2026-11-23T09:00:00Z";

/// How fast time runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    /// As fast as the machine can.
    Fast,
    /// As fast as a person can follow, however long the story is.
    Told,
}

impl Tempo {
    fn pace(self, story: &Story) -> Pace {
        let lasts = story.steps.last().map_or(TimeDelta::zero(), |step| step.after);
        match self {
            Self::Fast => Pace::Immediate,
            Self::Told => Pace::Factor((lasts.as_seconds_f64() / TELLING.as_secs_f64()).max(SLOWEST)),
        }
    }
}

/// A story takes so long to be told, in real time; what the daemon needs for its work comes on top.
const TELLING: Duration = Duration::from_secs(30);

/// Virtual seconds to a real one, at least: nobody wants to watch nothing happen.
const SLOWEST: f64 = 3600.0;

/// How a scenario is played.
#[derive(Debug, Clone, Copy)]
pub struct Performance {
    /// How fast time runs.
    pub tempo: Tempo,
    /// Where the daemon listens.
    pub listen: SocketAddr,
}

/// An expectation that was not met.
#[derive(Debug, Clone)]
pub struct Disappointment {
    /// When, after the start.
    pub after: TimeDelta,
    /// What was expected.
    pub expected: String,
    /// What the daemon said.
    pub found: String,
}

/// How it went.
pub struct Ending {
    /// The stage as it is at the end, still running.
    pub stage: Stage,
    /// What was not as it must be; empty when all was.
    pub disappointments: Vec<Disappointment>,
    /// How many expectations were checked.
    pub checked: usize,
}

async fn reload(stage: &Stage, what: &str) -> anyhow::Result<()> {
    match stage.daemon.reload().await {
        ReloadOutcome::Rejected(problems) | ReloadOutcome::Failed(problems) => {
            anyhow::bail!("the daemon did not take the new {what}: {problems}")
        }
        ReloadOutcome::Applied(_) => Ok(()),
    }
}

/// Plays `scenario` to its end.
pub async fn play(scenario: &Scenario, performance: Performance, narrator: &Narrator) -> anyhow::Result<Ending> {
    let start: DateTime<Utc> = START.parse().context("the start of time is no time")?;
    let story = (scenario.story)(start);
    let clock = Clock::scaled(start, performance.tempo.pace(&story));
    // Held while the stage is set: the daemon's first probe and the story begin at the same instant.
    let mut participant = clock.participant();
    narrator.begin(scenario, start);
    let mut stage = Box::pin(Stage::set(&clock, story.world, &story.setup, performance.listen)).await?;
    narrator.stage_is_set(&stage);
    let mut watching = narrator.watch(&stage, start);
    let mut heard = stage.daemon.transitions();
    let mut past = Vec::new();
    let mut disappointments = Vec::new();
    let mut checked = 0;
    for step in &story.steps {
        // A breath after the full minute, so that probes planned for it are done.
        participant.sleep_until(start + step.after + BREATH).await;
        match &step.deed {
            Deed::Change(text, change) => {
                narrator.deed(step.after, text);
                stage.sandbox.world(|world| change(world));
            }
            Deed::WriteSecret(credential, secret_of) => {
                narrator.deed(step.after, &format!("the operator gives snykwatch the new secret of {credential}"));
                stage.write_secret(credential, secret_of)?;
                reload(&stage, "secret").await?;
            }
            Deed::Reconfigure(text, change) => {
                narrator.deed(step.after, text);
                stage.reconfigure(change)?;
                reload(&stage, "configuration").await?;
            }
            Deed::Accept(incident) => {
                narrator.deed(step.after, &format!("somebody accepts {incident}"));
                let body = json!({ "incident": incident, "verdict": "accepted", "author": "alex", "reason": "meant" });
                stage.decide(&["api", "v1", "incidents", "answer"], &body).await?;
            }
            Deed::Plan { kind, pattern, lasts, count, revoked } => {
                let text = if *revoked {
                    format!("somebody says that the old token of {pattern} was revoked")
                } else {
                    format!("somebody plans to {kind} {pattern}")
                };
                narrator.deed(step.after, &text);
                let until = start + step.after + *lasts;
                let body = json!({
                    "kind": kind, "pattern": pattern, "until": until, "count": count, "revoked": revoked,
                    "author": "alex", "reason": "reorganisation",
                });
                stage.decide(&["api", "v1", "plans"], &body).await?;
            }
            Deed::StopDaemon => {
                hear(&mut heard, &mut past)?;
                narrator.deed(step.after, "snykwatch goes down");
                stage.stop_daemon().await;
                watching.abort();
            }
            Deed::StartDaemon => {
                stage.start_daemon().await?;
                heard = stage.daemon.transitions();
                watching = narrator.watch(&stage, start);
                let up = format!("snykwatch is up again, its status page on http://{}/", stage.daemon.address());
                narrator.deed(step.after, &up);
            }
            Deed::Expect(expectations) => {
                hear(&mut heard, &mut past)?;
                let snapshot = latest(&stage)?;
                let court = Court { stage: &stage, snapshot: &snapshot, past: &past };
                let judged = expectations.iter().map(|wanted| (format!("{wanted:?}"), court.judge(wanted)));
                let always =
                    ("the pager shows what is open, and had nothing to complain of".to_owned(), court.judge_pager());
                for (expected, verdict) in judged.chain([always]) {
                    checked += 1;
                    if let Err(found) = verdict {
                        disappointments.push(Disappointment { after: step.after, expected, found });
                    }
                }
            }
        }
    }
    checked += 1;
    // Time still stands still: what HTTP tells must be the snapshot that was judged.
    if let Err(found) = told_alike(stage.daemon.address(), &*latest(&stage)?).await? {
        let after = story.steps.last().map_or(TimeDelta::zero(), |step| step.after);
        let expected = "HTTP tells what the snapshot says".to_owned();
        disappointments.push(Disappointment { after, expected, found });
    }
    checked += 1;
    let court = Court { stage: &stage, snapshot: &*latest(&stage)?, past: &past };
    if let Err(found) = court.judge_all_pages(scenario.pages) {
        let after = story.steps.last().map_or(TimeDelta::zero(), |step| step.after);
        disappointments.push(Disappointment { after, expected: format!("pages {:?}", scenario.pages), found });
    }
    drop(participant);
    watching.abort();
    narrator.on_pager(&stage.pager, start);
    Ok(Ending { stage, disappointments, checked })
}

/// Steps are played so long after their time.
const BREATH: TimeDelta = TimeDelta::seconds(31);

/// Takes in what the daemon did since the last step.
fn hear(heard: &mut broadcast::Receiver<Transition>, past: &mut Vec<Transition>) -> anyhow::Result<()> {
    loop {
        match heard.try_recv() {
            Ok(transition) => past.push(transition),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            Err(TryRecvError::Lagged(missed)) => anyhow::bail!("{missed} transitions were missed; the verdict is void"),
        }
    }
}

fn latest(stage: &Stage) -> anyhow::Result<Arc<Snapshot>> {
    let published = stage.daemon.snapshots().latest().context("the daemon has not published a snapshot")?;
    Ok(published.snapshot)
}
