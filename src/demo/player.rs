//! The player: lets time run, does the deeds, and checks what the daemon says.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use super::narrator::Narrator;
use super::scenario::{Deed, Expectation, Scenario, Who, organization_id};
use super::stage::{INTEGRATION, Stage};
use crate::clock::{Clock, Pace};
use crate::domain::condition::Condition;
use crate::domain::incident::{IncidentKey, Rule, Severity};
use crate::domain::names::{IntegrationKey, OrganizationId};
use crate::domain::state::{Change, Transition};
use crate::snapshot::{IntegrationView, Phase, Snapshot};
use crate::web::ReloadOutcome;

/// When every scenario begins: far enough from any daylight-saving change to be a plain day.
pub const START: &str = "2026-11-23T09:00:00Z";

/// How a scenario is played.
#[derive(Debug, Clone, Copy)]
pub struct Performance {
    /// How fast time runs.
    pub pace: Pace,
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

/// Plays `scenario` to its end.
pub async fn play(scenario: &Scenario, performance: Performance, narrator: &Narrator) -> anyhow::Result<Ending> {
    let start: DateTime<Utc> = START.parse().context("the start of time is no time")?;
    let clock = Clock::scaled(start, performance.pace);
    // Held while the stage is set: the daemon's first probe and the story begin at the same instant.
    let mut participant = clock.participant();
    let story = (scenario.story)(start);
    narrator.begin(scenario, start);
    let stage = Stage::set(&clock, story.world, &story.setup, performance.listen).await?;
    narrator.stage_is_set(&stage);
    let watching = narrator.watch(stage.daemon.transitions(), stage.daemon.snapshots(), start);
    let mut heard = stage.daemon.transitions();
    let mut opened = Vec::new();
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
                if let ReloadOutcome::Rejected(problems) | ReloadOutcome::Failed(problems) = stage.daemon.reload().await
                {
                    anyhow::bail!("the daemon did not take the new secret: {problems}");
                }
            }
            Deed::Expect(expectations) => {
                hear(&mut heard, &mut opened)?;
                let snapshot = latest(&stage)?;
                let court = Court { stage: &stage, snapshot: &snapshot, opened: &opened };
                for expectation in expectations {
                    checked += 1;
                    if let Err(found) = court.judge(expectation) {
                        let expected = format!("{expectation:?}");
                        disappointments.push(Disappointment { after: step.after, expected, found });
                    }
                }
            }
        }
    }
    drop(participant);
    watching.abort();
    Ok(Ending { stage, disappointments, checked })
}

/// Steps are played so long after their time.
const BREATH: TimeDelta = TimeDelta::seconds(31);

/// Takes in what the daemon did since the last step.
fn hear(heard: &mut broadcast::Receiver<Transition>, opened: &mut Vec<IncidentKey>) -> anyhow::Result<()> {
    loop {
        match heard.try_recv() {
            Ok(Transition { change: Change::Opened { incident, .. }, .. }) => opened.push(incident),
            Ok(_) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            Err(TryRecvError::Lagged(missed)) => anyhow::bail!("{missed} transitions were missed; the verdict is void"),
        }
    }
}

fn latest(stage: &Stage) -> anyhow::Result<Arc<Snapshot>> {
    let published = stage.daemon.snapshots().latest().context("the daemon has not published a snapshot")?;
    Ok(published.snapshot)
}

/// Judges expectations by what the daemon publishes.
struct Court<'a> {
    stage: &'a Stage,
    snapshot: &'a Snapshot,
    /// Every incident that was opened since the start.
    opened: &'a [IncidentKey],
}

impl Court<'_> {
    /// `Err` says what the daemon said instead.
    fn judge(&self, expectation: &Expectation) -> Result<(), String> {
        match expectation {
            Expectation::Status(who, status, reason) => self.each(*who, |view| {
                let shown = (view.status.status, view.status.reason);
                (shown == (*status, *reason)).then_some(()).ok_or_else(|| describe(view))
            }),
            Expectation::Condition(who, condition, truth, reason) => self.each(*who, |view| {
                let state = view.conditions.iter().find(|shown| shown.condition == *condition);
                let shown = state.map(|shown| (shown.state.truth, shown.state.reason));
                let found = || describe_condition(view, *condition);
                (shown == Some((*truth, *reason))).then_some(()).ok_or_else(found)
            }),
            Expectation::Open(expected) => self.judge_open(expected),
            Expectation::NothingEverOpened => self.judge_opened_never(),
            Expectation::Says(who, text) => self.each(*who, |view| {
                let said = everything_said(view);
                said.contains(text).then_some(()).ok_or(said)
            }),
            Expectation::IncidentSays(rule, text) => {
                let incidents = self.snapshot.incidents.iter().filter(|incident| incident.key.rule == *rule);
                let said: Vec<String> =
                    incidents.map(|incident| format!("{} {}", incident.summary, incident.next_step)).collect();
                said.iter().any(|said| said.contains(text)).then_some(()).ok_or_else(|| said.join(" | "))
            }
            Expectation::Affects(rule, count) => {
                let open = self.snapshot.incidents.iter().find(|incident| incident.key.rule == *rule);
                let affected = open.map(|incident| incident.affected.len());
                (affected == Some(*count)).then_some(()).ok_or_else(|| format!("{affected:?}"))
            }
            Expectation::Progress { found, missing } => self.each(Who::Group, |view| {
                let shown = view.progress.as_ref().map(|progress| (progress.found, progress.missing));
                (shown == Some((*found, *missing))).then_some(()).ok_or_else(|| format!("(found, missing) = {shown:?}"))
            }),
            Expectation::CompletionExpected => self.each(Who::Group, |view| {
                let expected = view.progress.as_ref().and_then(|progress| progress.completion_expected_by);
                expected.map(|_| ()).ok_or_else(|| "no expected completion".to_owned())
            }),
            Expectation::KnownBelowUnknown(who, known) => self.each(*who, |view| {
                let status = &view.status;
                let kept = status.known.as_ref().map(|known| known.status);
                let unknown = status.status == crate::domain::status::Status::Unknown;
                (unknown && kept == Some(*known)).then_some(()).ok_or_else(|| format!("{} {kept:?}", describe(view)))
            }),
            Expectation::WeakConfidence(who) => self.each(*who, |view| {
                let weak = view.status.confidence == crate::domain::kinds::Confidence::Weak;
                weak.then_some(()).ok_or_else(|| describe(view))
            }),
        }
    }

    fn judge_open(&self, expected: &[(Rule, &str, Severity)]) -> Result<(), String> {
        let open = self.snapshot.incidents.iter().filter(|incident| matches!(incident.phase, Phase::Open));
        let mut open: Vec<_> = open
            .map(|incident| (incident.key.rule, self.subject(&incident.key.subject.to_string()), incident.severity))
            .collect();
        let mut expected: Vec<_> =
            expected.iter().map(|(rule, subject, severity)| (*rule, (*subject).to_owned(), *severity)).collect();
        open.sort();
        expected.sort();
        (open == expected).then_some(()).ok_or_else(|| format!("{open:?}"))
    }

    fn judge_opened_never(&self) -> Result<(), String> {
        let opened: Vec<String> = self.opened.iter().map(ToString::to_string).collect();
        opened.is_empty().then_some(()).ok_or_else(|| format!("opened: {}", opened.join(", ")))
    }

    /// Organizations are written by their number in the sandbox, so that expectations need no UUID.
    fn subject(&self, subject: &str) -> String {
        self.stage.sandbox.world(|world| {
            let mut text = subject.to_owned();
            for (number, organization) in world.snyk.organizations.iter().enumerate() {
                text = text.replace(&organization.id.to_string(), &format!("#{number}"));
            }
            text
        })
    }

    fn each(&self, who: Who, judge: impl Fn(&IntegrationView) -> Result<(), String>) -> Result<(), String> {
        let keys = match who {
            Who::Group => vec![IntegrationKey::group(INTEGRATION.into())],
            Who::Organization(number) => {
                let id = self.stage.sandbox.world(|world| organization_id(world, number));
                let id = id.ok_or_else(|| format!("the sandbox has no Organization {number}"))?;
                vec![IntegrationKey::organization(INTEGRATION.into(), OrganizationId(id))]
            }
            Who::EveryOrganization => {
                let views = self.snapshot.integrations.iter().map(|view| view.key());
                views.filter(|key| key.organization.is_some()).collect()
            }
        };
        if keys.is_empty() {
            return Err("no Organization is watched".to_owned());
        }
        for key in keys {
            let view = self.snapshot.integration(&key).ok_or_else(|| format!("{key} is not watched"))?;
            judge(view)?;
        }
        Ok(())
    }
}

fn describe(view: &IntegrationView) -> String {
    let status = &view.status;
    let conditions: Vec<String> = view
        .conditions
        .iter()
        .map(|shown| format!("{}={}/{}", shown.condition, shown.state.truth, shown.state.reason))
        .collect();
    format!("{} / {} ({}) [{}]", status.status, status.reason, status.message, conditions.join(" "))
}

fn describe_condition(view: &IntegrationView, condition: Condition) -> String {
    let state = view.conditions.iter().find(|shown| shown.condition == condition);
    state.map_or_else(
        || "no such condition".to_owned(),
        |shown| format!("{} / {} ({})", shown.state.truth, shown.state.reason, shown.state.message),
    )
}

fn everything_said(view: &IntegrationView) -> String {
    let status = &view.status;
    let conditions = view.conditions.iter().map(|shown| shown.state.message.clone());
    let mut said: Vec<String> = vec![status.message.clone(), status.next_step.clone().unwrap_or_default()];
    said.extend(conditions);
    if let Some(progress) = &view.progress {
        said.extend(progress.missing_repositories.iter().map(|missing| missing.full_name.clone()));
    }
    said.join(" ")
}
