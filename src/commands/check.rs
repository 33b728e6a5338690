//! `check`: one pass over everything now, and what is wrong with what to do.

mod problems;
mod report;
mod unproved;
mod verdict;

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use report::Report;
use verdict::Verdict;

use super::arguments::{CheckOptions, Output};
use super::terminal::{printable, wrap};
use super::{Exit, Terminal, configuration};
use crate::app::{Daemon, DaemonOptions, PassProgress};
use crate::clock::Clock;
use crate::config::{Config, Secrets};
use crate::domain::names::IntegrationName;
use crate::probe::assumptions::{Assumption, Tally};
use crate::snapshot::{IntegrationView, Snapshot};

/// A person waits: a rejection is confirmed after this, not after the daemon's half minute.
const CONFIRM_AFTER: TimeDelta = TimeDelta::seconds(2);

/// How often the progress line is redrawn.
const REDRAW: Duration = Duration::from_millis(100);

/// Looks at everything once.
pub(super) async fn check(path: &Path, options: CheckOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let clock = Clock::system();
    let Some(config) = configuration::usable(path, Secrets::Start, clock.now(), terminal) else {
        return Ok(Exit::Config);
    };
    let undated = undated_groups(&config);
    let daemon_options = DaemonOptions { confirm_after: CONFIRM_AFTER, ..DaemonOptions::new(path, clock) };
    let pass = match Daemon::one_pass(config, daemon_options, &progress(terminal)).await {
        Ok(pass) => pass,
        Err(error) => {
            terminal.error(&super::chain(&error));
            return Ok(Exit::CouldNotTell);
        }
    };
    let verdict = Verdict::of(&pass.snapshot);
    match options.output {
        Output::Json => {
            let assumptions = options.assumptions.then(|| assumptions_json(&pass.assumptions));
            let report = json!({ "verdict": verdict.word(), "snapshot": &*pass.snapshot, "assumptions": assumptions });
            terminal.data(&serde_json::to_string_pretty(&report)?);
        }
        Output::Table => {
            Report::new(&pass.snapshot, terminal).print();
            if options.assumptions {
                print_assumptions(&pass.assumptions, terminal);
            }
            terminal.note(&format!("\n{}", verdict.sentence()));
            note_undated(&undated, &pass.snapshot, terminal);
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

/// Groups of which nobody said when they were set up.
fn undated_groups(config: &Config) -> Vec<IntegrationName> {
    let groups = config
        .integrations
        .values()
        .filter(|integration| integration.group.as_ref().is_some_and(|group| group.configured_at.is_none()));
    groups.map(|integration| integration.name.clone()).collect()
}

/// One pass cannot know for how long a first sync has been awaited, unless the configuration says since when.
fn note_undated(undated: &[IntegrationName], snapshot: &Snapshot, terminal: &Terminal) {
    let awaits = |view: &IntegrationView| {
        undated.contains(&view.identity.integration) && verdict::is_young_set_up(snapshot, view)
    };
    for view in snapshot.integrations.iter().filter(|view| awaits(view)) {
        let name = &view.identity.integration;
        terminal
            .note(&format!("hint: set `configured_at` in the group of {name}, so that `check` sees an overdue sync"));
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
