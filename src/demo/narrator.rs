//! The narrator: tells the story as it happens, a line for each deed, verdict and incident.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::scenario::Scenario;
use super::stage::Stage;
use crate::domain::incident::Severity;
use crate::domain::names::IntegrationKey;
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;
use crate::snapshot::{Snapshot, SnapshotReader};

/// How a line is meant; the terminal turns it into colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// What happens in the world.
    Deed,
    /// Good news from the daemon.
    Good,
    /// A problem the daemon found.
    Bad,
    /// Something worth a look.
    Doubtful,
    /// What goes on meanwhile.
    Quiet,
}

/// Writes a line of the story.
pub type Sink = Arc<dyn Fn(Mood, &str) + Send + Sync>;

/// Tells a story to a sink, or to nobody.
#[derive(Clone, Default)]
pub struct Narrator {
    sink: Option<Sink>,
}

/// A progress line is told at every such step of coverage.
const PROGRESS_STEP: f64 = 0.1;

impl Narrator {
    /// A narrator with an audience.
    pub fn to(sink: Sink) -> Self {
        Self { sink: Some(sink) }
    }

    fn tell(&self, mood: Mood, line: &str) {
        if let Some(sink) = &self.sink {
            sink(mood, line);
        }
    }

    pub(super) fn begin(&self, scenario: &Scenario, start: DateTime<Utc>) {
        self.tell(Mood::Quiet, &format!("scenario {}: {}", scenario.name, scenario.title));
        self.tell(Mood::Quiet, &format!("it is {} in the sandbox", start.format("%Y-%m-%d %H:%M UTC")));
    }

    pub(super) fn stage_is_set(&self, stage: &Stage) {
        self.tell(Mood::Quiet, &format!("status page  http://{}/", stage.daemon.address()));
        self.tell(Mood::Quiet, &format!("metrics      http://{}/metrics", stage.daemon.address()));
        self.tell(Mood::Quiet, &format!("configured   {}", stage.configuration_file().display()));
    }

    pub(super) fn deed(&self, after: TimeDelta, text: &str) {
        self.tell(Mood::Deed, &format!("{}  {text}", stamp(after)));
    }

    /// Tells what the daemon says from now on, until the handle is aborted.
    pub(super) fn watch(
        &self,
        mut transitions: broadcast::Receiver<Transition>,
        mut snapshots: SnapshotReader,
        start: DateTime<Utc>,
    ) -> JoinHandle<()> {
        let narrator = self.clone();
        tokio::spawn(async move {
            let mut told_ratio = 0.0;
            loop {
                // What changed is told before the numbers that follow from it.
                tokio::select! {
                    biased;
                    heard = transitions.recv() => match heard {
                        Ok(transition) => narrator.on_transition(&transition, &snapshots, start),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    published = snapshots.next() => match published {
                        Some(published) => narrator.on_snapshot(&published.snapshot, start, &mut told_ratio),
                        None => return,
                    },
                }
            }
        })
    }

    fn on_transition(&self, transition: &Transition, snapshots: &SnapshotReader, start: DateTime<Utc>) {
        let at = stamp(transition.at - start);
        let cause = &transition.cause;
        match &transition.change {
            Change::Status { integration, to: (status, reason), .. } => {
                let mood = match status {
                    Status::Connected => Mood::Good,
                    Status::ConnectionFailed | Status::Stalled => Mood::Bad,
                    _ => Mood::Doubtful,
                };
                let why = if status.as_str() == reason.as_str() || *status == Status::Connected {
                    String::new()
                } else {
                    format!(" / {reason}")
                };
                let name = title(integration, snapshots);
                self.tell(mood, &format!("{at}  {name} is {status}{why}: {cause}"));
            }
            Change::Opened { incident, severity } => {
                let mood = if *severity == Severity::Info { Mood::Doubtful } else { Mood::Bad };
                self.tell(mood, &format!("{at}  incident {} ({severity}) opened: {cause}", incident.rule));
            }
            Change::SeverityChanged { incident, from, to } => {
                self.tell(Mood::Bad, &format!("{at}  incident {} went from {from} to {to}: {cause}", incident.rule));
            }
            Change::Grew { incident, from, to } => {
                self.tell(Mood::Bad, &format!("{at}  incident {} grew from {from} to {to}: {cause}", incident.rule));
            }
            Change::Resolved { incident, .. } => {
                self.tell(Mood::Good, &format!("{at}  incident {} resolved: {cause}", incident.rule));
            }
            Change::Condition { .. } => {}
        }
    }

    fn on_snapshot(&self, snapshot: &Snapshot, start: DateTime<Utc>, told_ratio: &mut f64) {
        let progress = snapshot.integrations.iter().find_map(|view| view.progress.as_ref());
        let Some((progress, ratio)) = progress.and_then(|progress| Some((progress, progress.ratio?))) else { return };
        if (ratio - *told_ratio).abs() < PROGRESS_STEP {
            return;
        }
        *told_ratio = ratio;
        let all = progress.found + progress.missing;
        let mut line =
            format!("{}  {} of {all} repositories in the Inventory", stamp(snapshot.taken_at - start), progress.found);
        if let (Some(from), Some(by)) = (progress.completion_expected_from, progress.completion_expected_by) {
            let (from, by) = (stamp(from - start), stamp(by - start));
            line = format!("{line}, expected to be complete between {} and {}", from.trim(), by.trim());
        }
        self.tell(Mood::Quiet, &line);
    }
}

/// The integration as the status page calls it; its key where no snapshot shows it yet.
fn title(key: &IntegrationKey, snapshots: &SnapshotReader) -> String {
    let latest = snapshots.latest();
    let view = latest.as_ref().and_then(|published| published.snapshot.integration(key));
    view.map_or_else(|| key.to_string(), |view| format!("{} ({})", view.title(), view.identity.level))
}

/// Time since the start of the story, such as `+13:05` or `+2d 01:00`.
pub(super) fn stamp(after: TimeDelta) -> String {
    let minutes = after.num_minutes();
    let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    if days > 0 { format!("+{days}d {hours:02}:{minutes:02}") } else { format!("   +{hours:02}:{minutes:02}") }
}
