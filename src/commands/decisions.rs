//! `accept` and `plan`: what people say of what is gone, afterwards and beforehand.

use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::arguments::{AcceptOptions, AskOptions, NewPlanOptions, PlanCommand};
use super::daemon::{connect, entries, field, paragraph, printed_as_json, text, time, unanswered};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal};
use crate::client::daemon::DaemonClient;
use crate::config::globs::Globs;

const DECISIONS: [&str; 3] = ["api", "v1", "decisions"];

/// Accepts or rejects what open incidents compare with the past, lists what was decided, or takes it back.
pub(super) async fn accept(config: &Path, options: &AcceptOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    if options.list {
        return list(&daemon, "answers", &options.ask, terminal).await;
    }
    if let Some(id) = &options.undo {
        return undo(&daemon, id, terminal).await;
    }
    let (Some(incident), Some(author), Some(reason)) = (&options.incident, &options.author, &options.reason) else {
        terminal.error("name the incident, who decides (--author) and why (--reason)");
        return Ok(Exit::Usage);
    };
    let meant = match incidents(&daemon, incident).await {
        Ok(meant) => meant,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    let verdict = if options.reject { "rejected" } else { "accepted" };
    let mut exit = Exit::Ok;
    let mut answers = Vec::new();
    for incident in meant {
        let body = json!({
            "id": Uuid::new_v4(), "incident": incident, "verdict": verdict, "author": author, "reason": reason,
        });
        match daemon.post(&["api", "v1", "incidents", "answer"], &body).await {
            Ok(answer) => answers.push(field(&answer, "answer").clone()),
            Err(error) => exit = unanswered(&error, terminal),
        }
    }
    if !printed_as_json(&json!({ "answers": answers }), options.ask.output, terminal)? {
        for answer in &answers {
            print_answer(answer, terminal);
        }
    }
    Ok(exit)
}

/// The open incidents that are meant: the one that is named, or all that a pattern matches.
async fn incidents(daemon: &DaemonClient, incident: &str) -> Result<Vec<String>, crate::client::daemon::DaemonError> {
    if !incident.contains(['*', '?']) {
        return Ok(vec![incident.to_owned()]);
    }
    let answer: Value = daemon.get(&["api", "v1", "incidents"], &[]).await?;
    let globs = Globs::try_new(vec![incident.to_owned()]).unwrap_or_default();
    let open = entries(&answer, "incidents").filter(|one| field(one, "phase") == "open");
    let ids = open.filter_map(|one| field(one, "id").as_str().map(str::to_owned));
    Ok(ids.filter(|id| globs.matches(id)).collect())
}

/// Says beforehand what is going to go, move or be rotated.
pub(super) async fn plan(config: &Path, command: &PlanCommand, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (kind, options) = match command {
        PlanCommand::Retire(options) => ("retire", options),
        PlanCommand::Move(options) => ("move", options),
        PlanCommand::Rotate(options) => ("rotate", options),
        PlanCommand::List { ask } | PlanCommand::End { ask, .. } => {
            let daemon = match connect(config, ask, terminal) {
                Ok(daemon) => daemon,
                Err(exit) => return Ok(exit),
            };
            return match command {
                PlanCommand::End { id, .. } => undo(&daemon, id, terminal).await,
                _ => list(&daemon, "plans", ask, terminal).await,
            };
        }
    };
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let answer = match daemon.post(&["api", "v1", "plans"], &body(kind, options)).await {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if !printed_as_json(&answer, options.ask.output, terminal)? {
        print_plan(field(&answer, "plan"), terminal);
    }
    Ok(Exit::Ok)
}

fn body(kind: &str, options: &NewPlanOptions) -> Value {
    json!({
        "id": Uuid::new_v4(), "kind": kind, "pattern": options.pattern, "until": options.until,
        "revoked": options.revoked, "count": options.count, "author": options.author, "reason": options.reason,
    })
}

async fn list(daemon: &DaemonClient, what: &str, ask: &AskOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let answer: Value = match daemon.get(&DECISIONS, &[]).await {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if printed_as_json(&json!({ what: field(&answer, what) }), ask.output, terminal)? {
        return Ok(Exit::Ok);
    }
    let mut shown = entries(&answer, what).peekable();
    if shown.peek().is_none() {
        terminal.note(if what == "plans" { "nothing is planned" } else { "nothing was accepted or rejected" });
    }
    shown.for_each(|one| if what == "plans" { print_plan(one, terminal) } else { print_answer(one, terminal) });
    Ok(Exit::Ok)
}

async fn undo(daemon: &DaemonClient, id: &str, terminal: &Terminal) -> anyhow::Result<Exit> {
    let [api, version, decisions] = DECISIONS;
    Ok(match daemon.delete(&[api, version, decisions, id], &json!({})).await {
        Ok(_) => {
            terminal.note(&format!("the decision {} is taken back", printable(id)));
            Exit::Ok
        }
        Err(error) => unanswered(&error, terminal),
    })
}

fn print_answer(answer: &Value, terminal: &Terminal) {
    let word = |name| text(field(answer, name));
    terminal.data(&format!("{} {}", terminal.tone(Tone::Strong, &word("id")), word("verdict")));
    paragraph(terminal, "    ", &word("incident"));
    let items: Vec<String> = entries(answer, "items").map(text).collect();
    paragraph(terminal, &format!("    covers {}: ", items.len()), &items.join(", "));
    paragraph(terminal, "    ", &format!("by {} at {}: {}", word("author"), time(field(answer, "at")), word("reason")));
}

fn print_plan(plan: &Value, terminal: &Terminal) {
    let word = |name| text(field(plan, name));
    let state = if field(plan, "active") == true { "in force" } else { "ended" };
    let id = terminal.tone(Tone::Strong, &word("id"));
    terminal.data(&format!("{id} {} {} ({state})", word("kind"), word("pattern")));
    let number = |name| field(plan, name).as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
    let mut covered = crate::health::decisions::counted(number("repositories"), number("organizations"));
    if covered.is_empty() {
        covered = entries(plan, "credentials").map(text).collect::<Vec<_>>().join(", ");
    }
    terminal.data(&format!("    covers {covered} until {}", time(field(plan, "until"))));
    paragraph(terminal, "    ", &format!("by {}: {}", word("author"), word("reason")));
}
