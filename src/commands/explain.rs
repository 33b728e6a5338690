//! `explain` and `missing`: questions to a running daemon.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::arguments::{DaemonOptions, Output};
use super::daemon::{self, field, paragraph, text, time};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal, incidents};
use crate::client::daemon::{DaemonClient, DaemonError};

/// Why an integration is what it is: its status, its conditions, its incidents, and what to do.
pub(super) async fn explain(config: &Path, options: DaemonOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (daemon, mut view) = match ask(config, &options, terminal).await {
        Ok(asked) => asked,
        Err(exit) => return Ok(exit),
    };
    let (incidents, taken_at, is_observing) = match daemon.get::<Value>(&["api", "v1", "incidents"], &[]).await {
        Ok(answer) => (
            incidents_about(&view, &answer),
            incidents::instant(field(&answer, "taken_at")),
            field(&answer, "delivery") == "observing",
        ),
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if options.ask.output == Output::Json {
        if let Some(shown) = view.as_object_mut() {
            shown.insert("incidents".to_owned(), Value::Array(incidents));
        }
        terminal.data(&serde_json::to_string_pretty(&view)?);
        return Ok(Exit::Ok);
    }
    let view = &view;
    let status = field(view, "status");
    let title = format!("{} ({})", text(field(view, "integration")), text(field(view, "level")));
    terminal.data(&terminal.tone(Tone::Strong, &title));
    terminal.data(&format!(
        "{} ({}) since {}",
        text(field(status, "status")),
        text(field(status, "reason")),
        time(field(status, "since"))
    ));
    paragraph(terminal, "", &text(field(status, "message")));
    if field(status, "next_step").is_string() {
        paragraph(terminal, "next: ", &text(field(status, "next_step")));
    }
    if field(status, "status") == "unknown" && field(status, "known").is_object() {
        let known = field(status, "known");
        paragraph(
            terminal,
            "last known: ",
            &format!("{} since {}", text(field(known, "status")), time(field(known, "since"))),
        );
    }
    for condition in field(view, "conditions").as_array().into_iter().flatten() {
        let (mark, tone) = match field(condition, "truth").as_str() {
            Some("true") => ("yes", Tone::Good),
            Some("false") => ("NO ", Tone::Bad),
            _ => ("?  ", Tone::Doubtful),
        };
        let name = format!("{:20}", text(field(condition, "condition")));
        terminal.data(&format!("  {} {name} {}", terminal.tone(tone, mark), text(field(condition, "reason"))));
        paragraph(terminal, "        ", &text(field(condition, "message")));
        let source =
            format!("{}, {} confidence", text(field(condition, "source")), text(field(condition, "confidence")));
        let observed = field(condition, "observed_at");
        let observed = if observed.is_null() { String::new() } else { format!(", observed {}", time(observed)) };
        terminal.data(
            &terminal
                .tone(Tone::Quiet, &format!("        {source}{observed}, since {}", time(field(condition, "since")))),
        );
    }
    for incident in &incidents {
        print_incident(incident, taken_at, terminal);
    }
    if is_observing {
        terminal.note(incidents::OBSERVING);
    }
    Ok(Exit::Ok)
}

/// The incidents that affect the integration of `view`, pending ones too: they say why nothing is open yet.
fn incidents_about(view: &Value, answer: &Value) -> Vec<Value> {
    let is_about =
        |key: &Value| ["integration", "organization"].iter().all(|part| field(key, part) == field(view, part));
    let affects = |incident: &&Value| field(incident, "affected").as_array().into_iter().flatten().any(is_about);
    field(answer, "incidents").as_array().into_iter().flatten().filter(affects).cloned().collect()
}

fn print_incident(incident: &Value, taken_at: DateTime<Utc>, terminal: &Terminal) {
    let word = |name| text(field(incident, name));
    let title = format!(
        "incident {} ({}, {}) since {}",
        word("rule"),
        word("severity"),
        word("phase"),
        time(field(incident, "since"))
    );
    terminal.data(&terminal.tone(Tone::Strong, &title));
    paragraph(terminal, "  ", &word("summary"));
    paragraph(terminal, "  next: ", &word("next_step"));
    if field(incident, "cause").is_string() {
        paragraph(terminal, "  held back by: ", &word("cause"));
    }
    for (lead, told) in incidents::people(incident, taken_at) {
        paragraph(terminal, &format!("  {lead}: "), &told);
    }
}

/// Which repositories are missing from the Inventory, one a line.
pub(super) async fn missing(config: &Path, options: DaemonOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (_, view) = match ask(config, &options, terminal).await {
        Ok(asked) => asked,
        Err(exit) => return Ok(exit),
    };
    let progress = field(&view, "progress");
    if progress.is_null() {
        terminal.note("nothing is known yet of this integration's repositories (only a Group has an Inventory)");
        return Ok(Exit::CouldNotTell);
    }
    if options.ask.output == Output::Json {
        terminal.data(&serde_json::to_string_pretty(field(progress, "missing_repositories"))?);
        return Ok(Exit::Ok);
    }
    let mut lines: Vec<String> =
        field(progress, "missing_repositories").as_array().into_iter().flatten().map(line_of).collect();
    lines.sort();
    for line in lines {
        terminal.data(&line);
    }
    let (missing, found) = (text(field(progress, "missing")), text(field(progress, "found")));
    terminal.note(&format!("{missing} missing, {found} found"));
    Ok(Exit::Ok)
}

/// A missing repository, and why where Snyk says so.
fn line_of(repository: &Value) -> String {
    let why = field(repository, "why").as_str().map_or_else(String::new, |why| format!("  ({})", printable(why)));
    format!("{}{why}", text(field(repository, "full_name")))
}

/// The daemon and the integration's view, or the exit code after what is wrong was said.
async fn ask(config: &Path, options: &DaemonOptions, terminal: &Terminal) -> Result<(DaemonClient, Value), Exit> {
    let failed = |error: DaemonError| unanswered(&error, terminal);
    let daemon = daemon::connect(config, &options.ask, terminal)?;
    let organization = options.organization.map(|id| id.to_string());
    let query: Vec<(&str, &str)> = organization.iter().map(|id| ("organization", id.as_str())).collect();
    let answer: Value =
        daemon.get(&["api", "v1", "integrations", &options.integration], &query).await.map_err(failed)?;
    let Some(view) = answer.get("integration").cloned() else {
        terminal
            .error("the daemon answered with something else than an integration; is it a snykwatch of this version?");
        return Err(Exit::Unavailable);
    };
    Ok((daemon, view))
}

fn unanswered(error: &DaemonError, terminal: &Terminal) -> Exit {
    if let DaemonError::Refused { status: 404, .. } = error {
        terminal.error("the daemon watches no such integration");
        terminal.note(
            "\nhint: the names are the keys under `integrations` in the configuration; an Organization is named by \
             --organization UUID",
        );
        return Exit::Usage;
    }
    daemon::unanswered(error, terminal)
}
