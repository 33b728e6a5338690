//! `check`: one pass over everything now, and what is wrong with what to do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::arguments::{CheckOptions, Output};
use super::terminal::{Tone, printable, wrap};
use super::{Exit, Terminal, configuration};
use crate::app::{Daemon, DaemonOptions, PassProgress};
use crate::clock::Clock;
use crate::domain::condition::{Condition, Reason};
use crate::domain::incident::Rule;
use crate::domain::kinds::{Level, Truth};
use crate::domain::status::Status;
use crate::probe::assumptions::{Assumption, Tally};
use crate::snapshot::{ApiView, ConditionView, IntegrationView, Phase, Snapshot};

/// A person waits: a rejection is confirmed after this, not after the daemon's half minute.
const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(2);

/// How often the progress line is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Looks at everything once.
pub(super) async fn check(path: &Path, options: CheckOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    let Some(config) = configuration::usable(path, clock.now(), terminal) else { return Ok(Exit::Config) };
    let daemon_options = DaemonOptions { confirm_after: CONFIRM_AFTER, ..DaemonOptions::new(path, clock) };
    let pass = match Daemon::one_pass(config, daemon_options, &progress(terminal)).await {
        Ok(pass) => pass,
        Err(error) => {
            terminal.error(&super::chain(&error));
            return Ok(Exit::CouldNotTell);
        }
    };
    let verdict = verdict(&pass.snapshot);
    match options.output {
        Output::Json => {
            let assumptions = options.assumptions.then(|| assumptions_json(&pass.assumptions));
            let report = json!({ "verdict": verdict.word(), "snapshot": &*pass.snapshot, "assumptions": assumptions });
            terminal.data(&serde_json::to_string_pretty(&report)?);
        }
        Output::Table => {
            Report { terminal, snapshot: &pass.snapshot }.print();
            if options.assumptions {
                print_assumptions(&pass.assumptions, terminal);
            }
            terminal.note(&format!("\n{}", verdict.sentence()));
        }
    }
    Ok(verdict.exit())
}

/// A progress line on stderr, where a person watches.
fn progress(terminal: &Terminal) -> impl Fn(PassProgress) + use<> {
    let bar = if terminal.is_interactive() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} probes, {elapsed}: {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(REDRAW);
    move |progress| match progress {
        PassProgress::Probed { done, planned, last } => {
            bar.set_length(planned as u64);
            bar.set_position(done as u64);
            bar.set_message(printable(&last));
        }
        PassProgress::Done => bar.finish_and_clear(),
    }
}

/// What the pass comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Healthy,
    Problems,
    CouldNotTell,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Problems => "problems",
            Self::CouldNotTell => "could_not_tell",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Problems => "there are problems: see NO above and what to do next",
            Self::CouldNotTell => "could not tell: see ? above",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Healthy => Exit::Ok,
            Self::Problems => Exit::Problems,
            Self::CouldNotTell => Exit::CouldNotTell,
        }
    }
}

/// A problem anywhere wins over what is not known; a set-up that is not yet overdue is neither.
fn verdict(snapshot: &Snapshot) -> Verdict {
    let has_problem = snapshot.integrations.iter().any(|view| {
        let is_excused = is_young_set_up(snapshot, view);
        view.conditions.iter().any(|shown| shown.state.truth == Truth::False && !(is_excused && waits(shown.condition)))
            || (!is_excused && is_bad(view.status.status))
    });
    let is_unknown = snapshot.integrations.is_empty()
        || snapshot.integrations.iter().any(|view| view.status.status == Status::Unknown);
    match (has_problem, is_unknown) {
        (true, _) => Verdict::Problems,
        (false, true) => Verdict::CouldNotTell,
        (false, false) => Verdict::Healthy,
    }
}

fn is_bad(status: Status) -> bool {
    matches!(status, Status::ConnectionFailed | Status::Stalled | Status::PartiallyConnected | Status::NotConfigured)
}

/// A Group that awaits its first sync, and whose incident's time has not come.
fn is_young_set_up(snapshot: &Snapshot, view: &IntegrationView) -> bool {
    let awaits = view.status.status == Status::SetupInProgress
        || (view.status.status == Status::PartiallyConnected && view.status.reason == Reason::AwaitingFirstSync);
    let is_overdue = snapshot.incidents.iter().any(|incident| {
        incident.phase == Phase::Open
            && incident.key.rule == Rule::PartiallyConnected
            && incident.affected.contains(&view.key())
    });
    awaits && !is_overdue
}

/// Conditions that a first sync makes true.
fn waits(condition: Condition) -> bool {
    matches!(
        condition,
        Condition::InventoryPopulated
            | Condition::InventoryComplete
            | Condition::SyncCurrent
            | Condition::CatalogLinked
    )
}

/// What is printed for a person.
struct Report<'a> {
    terminal: &'a Terminal,
    snapshot: &'a Arc<Snapshot>,
}

impl Report<'_> {
    fn print(&self) {
        for api in &self.snapshot.apis {
            self.print_api(api);
        }
        for credential in &self.snapshot.credentials {
            let (mark, tone) = mark(credential.valid.truth);
            let line = format!("credential {}: {}", credential.credential, printable(&credential.valid.message));
            self.terminal.data(&format!("{} {line}", self.terminal.tone(tone, mark)));
        }
        let healthy = |view: &&Arc<IntegrationView>| {
            view.identity.level == Level::Organization && view.status.status == Status::Connected && !has_false(view)
        };
        for view in self.snapshot.integrations.iter().filter(|view| !healthy(view)) {
            self.print_integration(view);
        }
        let healthy = self.snapshot.integrations.iter().filter(healthy).count();
        if healthy > 0 {
            self.terminal.data(&format!("\n{healthy} organizations are connected and have no problem"));
        }
    }

    fn print_api(&self, api: &ApiView) {
        if api.up != Some(false) {
            return;
        }
        let reason = api.failure_reason.as_deref().unwrap_or("no_answer");
        let line = format!("api {} does not answer ({reason})", api.api);
        self.terminal.data(&format!("{} {line}", self.terminal.tone(Tone::Bad, "NO ")));
        self.paragraph("    ", &printable(api.failure_detail.as_deref().unwrap_or_default()));
        self.paragraph("    next: ", next_step_for(reason));
    }

    fn print_integration(&self, view: &IntegrationView) {
        let status = &view.status;
        let tone = match status.status {
            Status::Connected => Tone::Good,
            status if is_bad(status) => Tone::Bad,
            _ => Tone::Doubtful,
        };
        let title = format!("{} ({})", printable(&view.title()), view.identity.level);
        let word = self.terminal.tone(tone, status.status.as_str());
        let reason = if status.reason == Reason::Ok { String::new() } else { format!(" / {}", status.reason) };
        self.terminal.data(&format!("\n{}: {word}{reason}", self.terminal.tone(Tone::Strong, &title)));
        self.paragraph("  ", &printable(&status.message));
        if let Some(next_step) = &status.next_step {
            self.paragraph("  next: ", &printable(next_step));
        }
        for shown in &view.conditions {
            self.print_condition(shown);
        }
    }

    fn print_condition(&self, shown: &ConditionView) {
        let (mark, tone) = mark(shown.state.truth);
        let mark = self.terminal.tone(tone, mark);
        let reason = if shown.state.truth == Truth::True { "" } else { shown.state.reason.as_str() };
        let lead = format!("{:20} ", shown.condition);
        let body = printable(&shown.state.message);
        let body = if reason.is_empty() { body } else { format!("{reason}: {body}") };
        let width = self.terminal.width().saturating_sub(lead.len() + 6);
        for (number, line) in wrap(&body, width).into_iter().enumerate() {
            if number == 0 {
                self.terminal.data(&format!("  {mark} {lead}{line}"));
            } else {
                self.terminal.data(&format!("{:1$}{line}", "", lead.len() + 6));
            }
        }
    }

    fn paragraph(&self, lead: &str, body: &str) {
        for (number, line) in wrap(body, self.terminal.width().saturating_sub(lead.len())).into_iter().enumerate() {
            let lead = if number == 0 { lead.to_owned() } else { " ".repeat(lead.len()) };
            self.terminal.data(&format!("{lead}{line}"));
        }
    }
}

fn has_false(view: &IntegrationView) -> bool {
    view.conditions.iter().any(|shown| shown.state.truth == Truth::False)
}

fn mark(truth: Truth) -> (&'static str, Tone) {
    match truth {
        Truth::True => ("yes", Tone::Good),
        Truth::False => ("NO ", Tone::Bad),
        Truth::Unknown => ("?  ", Tone::Doubtful),
    }
}

/// What to do about an API that does not answer, by the kind of trouble.
fn next_step_for(reason: &str) -> &'static str {
    match reason {
        "dns" => "check the host name in the configuration and this machine's name servers",
        "proxy" => "check http.proxy: the proxy is not reachable or refuses",
        "tls" => "if a proxy or firewall signs certificates here, name its authority in http.ca_file",
        "connection_refused" | "network" | "timeout" => {
            "check that this machine may reach the host (`snykwatch config show --egress` lists every host and port)"
        }
        "unexpected_body" | "redirected" => {
            "something between here and the API answers in its place (a login page, a proxy); check api_url and http.proxy"
        }
        "rate_limited" => "wait; another user of the same credential may be using up its request budget",
        "maintenance" | "server_error" => "look at the vendor's status page; nothing is to be done here",
        _ => "look at the detail above; `snykwatch run --log debug` shows every request",
    }
}

fn print_assumptions(assumptions: &[(Assumption, Tally)], terminal: &Terminal) {
    terminal.data("\nassumptions about the outside APIs (safe to publish):");
    for (assumption, tally) in assumptions {
        terminal.data(&format!("  {:9} {assumption}", tally.observed()));
        for line in wrap(assumption.statement(), terminal.width().saturating_sub(12)) {
            terminal.data(&format!("            {line}"));
        }
    }
}

fn assumptions_json(assumptions: &[(Assumption, Tally)]) -> serde_json::Value {
    let one = |(assumption, tally): &(Assumption, Tally)| {
        json!({ "id": assumption, "statement": assumption.statement(), "matters": assumption.matters(),
                "observed": tally.observed(), "held": tally.held, "refuted": tally.refuted })
    };
    assumptions.iter().map(one).collect()
}
