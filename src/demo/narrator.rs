//! The narrator: tells the story as it happens, a line for each deed, verdict and incident.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::pager::{self, Pager, Ring};
use super::scenario::Scenario;
use super::stage::Stage;
use crate::domain::incident::Severity;
use crate::domain::names::IntegrationKey;
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;
use crate::sandbox::receivers::PagerIncident;
use crate::snapshot::Snapshot;

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

/// How often the narrator looks at the progress, in real time.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// A progress line is told at every such step of coverage.
const PROGRESS_STEP: f64 = 0.1;

/// A page stands below the text of its time.
const PAGE_INDENT: &str = "          ";

/// Characters of a line of a page.
const PAGE_WIDTH: usize = 88;

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
    pub(super) fn watch(&self, stage: &Stage, start: DateTime<Utc>) -> JoinHandle<()> {
        let narrator = self.clone();
        let (mut transitions, snapshots) = (stage.daemon.transitions(), stage.daemon.snapshots());
        let pager = stage.pager.clone();
        tokio::spawn(async move {
            let mut told_ratio = 0.0;
            let mut looks = tokio::time::interval(LOOK_INTERVAL);
            loop {
                let mut heard = Vec::new();
                tokio::select! {
                    transition = transitions.recv() => match transition {
                        Ok(transition) => heard.push(transition),
                        Err(RecvError::Lagged(_)) => continue,
                        Err(RecvError::Closed) => return,
                    },
                    _ = looks.tick() => {}
                }
                while let Ok(transition) = transitions.try_recv() {
                    heard.push(transition);
                }
                let Some(published) = snapshots.latest() else { continue };
                narrator.on_transitions(&heard, &published.snapshot, start);
                narrator.on_pager(&pager, start);
                narrator.on_snapshot(&published.snapshot, start, &mut told_ratio);
            }
        })
    }

    /// Tells what changed; Organizations to which the same happened at once are told of together.
    fn on_transitions(&self, heard: &[Transition], snapshot: &Snapshot, start: DateTime<Utc>) {
        let mut told: Vec<&Transition> = Vec::new();
        for transition in heard {
            if told.iter().any(|other| is_alike(transition, other)) {
                continue;
            }
            let many = heard.iter().filter(|other| is_alike(transition, other)).count();
            self.on_transition(transition, many, snapshot, start);
            told.push(transition);
        }
    }

    fn on_transition(&self, transition: &Transition, many: usize, snapshot: &Snapshot, start: DateTime<Utc>) {
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
                let (who, verb) = match many {
                    0 | 1 => (called(integration, snapshot), "is"),
                    many => (format!("{many} Organizations"), "are"),
                };
                self.tell(mood, &format!("{at}  {who} {verb} {status}{why}: {cause}"));
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

    /// Tells what the pager received since the last time, as it arrived.
    pub(super) fn on_pager(&self, pager: &Pager, start: DateTime<Utc>) {
        // Without an audience the news waits for one.
        if self.sink.is_none() {
            return;
        }
        for (at, ring) in pager.news() {
            let at = stamp(at - start);
            match ring {
                Ring::Page(page) => {
                    self.tell(Mood::Bad, &format!("{at}  the pager rings"));
                    self.show_page(&page);
                }
                Ring::Escalation(page, before) => {
                    let severity = &page.severity;
                    self.tell(Mood::Bad, &format!("{at}  the pager rings again: {severity}, no longer {before}"));
                    self.show_page(&page);
                }
                Ring::Update(page) => {
                    self.tell(Mood::Doubtful, &format!("{at}  the page on the pager has another text"));
                    self.show_page(&page);
                }
                Ring::Acknowledgement(page) => {
                    self.tell(Mood::Quiet, &format!("{at}  acknowledged on the pager: {}", page.summary));
                }
                Ring::Resolve(page) => {
                    self.tell(Mood::Good, &format!("{at}  resolved on the pager: {}", page.summary));
                }
            }
        }
    }

    /// The page in an indented box. It is open to the right: how wide the letters of a foreign name are, only the
    /// terminal knows.
    fn show_page(&self, page: &PagerIncident) {
        let lines: Vec<String> = pager::text(page).iter().flat_map(|line| broken(line)).collect();
        self.tell(Mood::Quiet, &format!("{PAGE_INDENT}┌{}", "─".repeat(PAGE_WIDTH)));
        for line in lines {
            self.tell(Mood::Quiet, format!("{PAGE_INDENT}│ {line}").trim_end());
        }
        self.tell(Mood::Quiet, &format!("{PAGE_INDENT}└{}", "─".repeat(PAGE_WIDTH)));
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
            let (from, by) = (from.trim_start(), by.trim_start());
            line = if from == by {
                format!("{line}, complete expected at {by}")
            } else {
                format!("{line}, complete expected between {from} and {by}")
            };
        }
        self.tell(Mood::Quiet, &line);
    }
}

/// Breaks a line at spaces; what follows an item of a list stands below its text.
fn broken(line: &str) -> Vec<String> {
    let indent = if line.starts_with("- ") { "  " } else { "" };
    let mut lines = Vec::new();
    let mut present = String::new();
    let mut length = 0;
    for word in line.split_whitespace() {
        let more = word.chars().count();
        if length > 0 && length + 1 + more > PAGE_WIDTH {
            lines.push(std::mem::replace(&mut present, indent.to_owned()));
            length = indent.len();
        } else if length > 0 {
            present.push(' ');
            length += 1;
        }
        present.push_str(word);
        length += more;
    }
    lines.push(present);
    lines
}

/// Whether two Organizations came to the same status at the same time.
fn is_alike(one: &Transition, other: &Transition) -> bool {
    match (&one.change, &other.change) {
        (Change::Status { integration: first, to, .. }, Change::Status { integration: second, to: same, .. }) => {
            one.at == other.at && to == same && first.organization.is_some() && second.organization.is_some()
        }
        _ => false,
    }
}

/// An integration by the names that people know.
fn called(key: &IntegrationKey, snapshot: &Snapshot) -> String {
    let name = snapshot.integration(key).and_then(|view| view.identity.organization_name.clone());
    match name {
        Some(name) => format!("Organization \"{name}\""),
        None if key.organization.is_some() => key.to_string(),
        None => format!("the Group integration {}", key.integration),
    }
}

/// Time since the start of the story, such as `+13:05` or `+2d 01:00`.
pub(super) fn stamp(after: TimeDelta) -> String {
    let minutes = after.num_minutes();
    let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    if days > 0 { format!("+{days}d {hours:02}:{minutes:02}") } else { format!("   +{hours:02}:{minutes:02}") }
}
