//! `incidents` and `ack`: what is wrong now, worst first, and who takes care of it.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{AcknowledgeOptions, IncidentsOptions};
use super::daemon::{connect, entries, field, paragraph, printed_as_json, text, unanswered};
use super::terminal::Tone;
use super::{Exit, Terminal};
use crate::client::daemon::{DaemonClient, DaemonError};

/// Open incidents, worst first, with their next steps.
pub(super) async fn incidents(config: &Path, options: &IncidentsOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let (incidents, attention) = match asked(&daemon).await {
        Ok(answers) => answers,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    let shown = annotated(&incidents, &attention, options.pending);
    if printed_as_json(&json!({ "incidents": shown }), options.ask.output, terminal)? {
        return Ok(Exit::Ok);
    }
    for incident in &shown {
        print(incident, terminal);
    }
    if shown.is_empty() {
        terminal.note(if options.pending { "no incident is open or pending" } else { "no incident is open" });
    }
    Ok(Exit::Ok)
}

async fn asked(daemon: &DaemonClient) -> Result<(Value, Value), DaemonError> {
    let incidents = daemon.get(&["api", "v1", "incidents"], &[]).await?;
    let attention = daemon.get(&["api", "v1", "silences"], &[]).await?;
    Ok((incidents, attention))
}

/// The incidents in the daemon's order, each with its acknowledgement and the silences that cover it.
fn annotated(incidents: &Value, attention: &Value, with_pending: bool) -> Vec<Value> {
    let wanted = |incident: &&Value| with_pending || field(incident, "phase") == "open";
    let annotate = |incident: &Value| {
        let id = field(incident, "id");
        let acknowledgement = entries(attention, "acknowledgements").find(|one| field(one, "incident") == id);
        let covers = |silence: &&Value| entries(silence, "covers").any(|covered| covered == id);
        let silences: Vec<&Value> = entries(attention, "silences").filter(covers).collect();
        let mut incident = incident.clone();
        if let Some(incident) = incident.as_object_mut() {
            incident.insert("acknowledgement".to_owned(), json!(acknowledgement));
            incident.insert("silences".to_owned(), json!(silences));
        }
        incident
    };
    entries(incidents, "incidents").filter(wanted).map(annotate).collect()
}

fn print(incident: &Value, terminal: &Terminal) {
    let word = |name| text(field(incident, name));
    let tone = match field(incident, "severity").as_str() {
        Some("critical") => Tone::Bad,
        Some("warning") => Tone::Doubtful,
        _ => Tone::Quiet,
    };
    let severity = terminal.tone(tone, &format!("{:8}", word("severity")));
    terminal.data(&format!("{severity} {}", terminal.tone(Tone::Strong, &word("id"))));
    terminal.data(&terminal.tone(Tone::Quiet, &format!("    {} since {}", word("phase"), word("since"))));
    paragraph(terminal, "    ", &word("summary"));
    paragraph(terminal, "    next: ", &word("next_step"));
    if field(incident, "cause").is_string() {
        paragraph(terminal, "    caused by: ", &word("cause"));
    }
    let acknowledgement = field(incident, "acknowledgement");
    if acknowledgement.is_object() {
        let author = text(field(acknowledgement, "author"));
        let comment = text(field(acknowledgement, "comment"));
        let colon = if comment.is_empty() { "" } else { ": " };
        paragraph(terminal, "    acknowledged by ", &format!("{author}{colon}{comment}"));
    }
    for silence in entries(incident, "silences") {
        let part = |name| text(field(silence, name));
        let told = format!("until {} by {}: {}", part("ends_at"), part("author"), part("reason"));
        paragraph(terminal, "    silenced ", &told);
    }
}

/// Takes care of an incident, or takes that back.
pub(super) async fn acknowledge(
    config: &Path,
    options: &AcknowledgeOptions,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    const PATH: [&str; 4] = ["api", "v1", "incidents", "acknowledgement"];
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let incident = &options.incident;
    let answer = match &options.author {
        Some(author) => {
            let comment = options.comment.as_deref().unwrap_or_default();
            let body = json!({ "incident": incident, "author": author, "comment": comment });
            daemon.post(&PATH, &body).await
        }
        None => daemon.delete(&PATH, &json!({ "incident": incident })).await,
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if !printed_as_json(&answer, options.ask.output, terminal)? {
        let done = if answer.is_null() { "no longer acknowledged" } else { "acknowledged until it resolves" };
        terminal.note(&format!("{}: {done}", super::terminal::printable(incident)));
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_come_with_who_takes_care_and_what_keeps_them_quiet() {
        let incidents = json!({ "incidents": [
            { "id": "A/x", "phase": "open" }, { "id": "B/y", "phase": "open" }, { "id": "C/z", "phase": "pending" },
        ] });
        let attention = json!({
            "acknowledgements": [{ "incident": "B/y", "author": "alex" }],
            "silences": [{ "id": "1", "covers": ["A/x", "C/z"] }, { "id": "2", "covers": [] }],
        });
        let told = |with_pending| {
            let shown = annotated(&incidents, &attention, with_pending);
            let line = |one: &Value| {
                let silences: Vec<String> =
                    entries(one, "silences").map(|silence| text(field(silence, "id"))).collect();
                let author = text(field(field(one, "acknowledgement"), "author"));
                format!("{} [{author}] {silences:?}", text(field(one, "id")))
            };
            shown.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(told(false), ["A/x [] [\"1\"]", "B/y [alex] []"]);
        assert_eq!(told(true), ["A/x [] [\"1\"]", "B/y [alex] []", "C/z [] [\"1\"]"]);
    }
}
