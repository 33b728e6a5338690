//! `incidents` and `ack`: what is wrong now, worst first, and who takes care of it.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::arguments::{AcknowledgeOptions, IncidentsOptions};
use super::daemon::{connect, entries, field, paragraph, printed_as_json, text, time, unanswered};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal};
use crate::clock::Clock;
use crate::notify::hearing::Hearing;

/// What whoever looks at incidents of an observing daemon should know.
pub(super) const OBSERVING: &str = "observing: nothing is sent";

/// Open incidents, worst first, with their next steps.
pub(super) async fn incidents(config: &Path, options: &IncidentsOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let answer: Value = match daemon.get(&["api", "v1", "incidents"], &[]).await {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    let wanted = |incident: &&Value| options.pending || field(incident, "phase") == "open";
    let shown: Vec<&Value> = entries(&answer, "incidents").filter(wanted).collect();
    let delivery = field(&answer, "delivery");
    if printed_as_json(&json!({ "delivery": delivery, "incidents": shown }), options.ask.output, terminal)? {
        return Ok(Exit::Ok);
    }
    if delivery == "observing" {
        terminal.note(OBSERVING);
    }
    let taken_at = instant(field(&answer, "taken_at"));
    for incident in &shown {
        print(incident, taken_at, terminal);
    }
    if shown.is_empty() {
        terminal.note(if options.pending { "no incident is open or pending" } else { "no incident is open" });
    }
    Ok(Exit::Ok)
}

fn print(incident: &Value, taken_at: DateTime<Utc>, terminal: &Terminal) {
    let word = |name| text(field(incident, name));
    let tone = match field(incident, "severity").as_str() {
        Some("critical") => Tone::Bad,
        Some("warning") => Tone::Doubtful,
        _ => Tone::Quiet,
    };
    let severity = terminal.tone(tone, &format!("{:8}", word("severity")));
    terminal.data(&format!("{severity} {}", terminal.tone(Tone::Strong, &word("id"))));
    terminal
        .data(&terminal.tone(Tone::Quiet, &format!("    {} since {}", word("phase"), time(field(incident, "since")))));
    paragraph(terminal, "    ", &word("summary"));
    paragraph(terminal, "    next: ", &word("next_step"));
    if field(incident, "cause").is_string() {
        paragraph(terminal, "    caused by: ", &word("cause"));
    }
    for (lead, told) in people(incident, taken_at) {
        paragraph(terminal, &format!("    {lead}: "), &told);
    }
}

/// What people have to do with an incident, line by line: who cares, what silences it, who was told and who was not.
pub(super) fn people(incident: &Value, taken_at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let acknowledgement = field(incident, "acknowledgement");
    if acknowledgement.is_object() {
        let (author, comment) = (text(field(acknowledgement, "author")), text(field(acknowledgement, "comment")));
        let colon = if comment.is_empty() { "" } else { ": " };
        let at = time(field(acknowledgement, "at"));
        lines.push(("acknowledged", format!("by {author} at {at}{colon}{comment}")));
    }
    for silence in entries(incident, "silences") {
        let part = |name| text(field(silence, name));
        lines.push((
            "silenced",
            format!("until {} by {}: {}", time(field(silence, "until")), part("author"), part("reason")),
        ));
    }
    for hearing in entries(incident, "hearings") {
        // A daemon of another version may know more reasons: then its own word is shown.
        let words = serde_json::from_value::<Hearing>(hearing.clone())
            .map_or_else(|_| text(field(hearing, "kept_by")), |hearing| printable(&hearing.in_words(taken_at)));
        lines.push(("receiver", format!("{} {words}", text(field(hearing, "receiver")))));
    }
    lines
}

/// When an answer was true; now, where it does not say.
pub(super) fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| Clock::system().now())
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
        terminal.note(&format!("{}: {done}", printable(incident)));
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_come_with_who_takes_care_and_who_was_told() {
        let hearing = |receiver: &str, told: Value, kept_by: Value| {
            json!({ "receiver": receiver, "route": 1, "told": told, "kept_by": kept_by, "acknowledged": null,
                    "next_reminder_at": "2026-11-23T13:12:00Z" })
        };
        let told = json!({ "severity": "critical", "at": "2026-11-23T09:12:00Z", "dispatch": "deliver" });
        let incident = json!({
            "acknowledgement": { "author": "alex\u{1b}[2J", "comment": "on it", "at": "2026-11-23T09:20:00Z" },
            "silences": [{ "id": "1", "until": "2026-11-23T14:00:00Z", "author": "kim", "reason": "migration" }],
            "hearings": [
                hearing("on-call", told, json!([])),
                hearing("chat", Value::Null, json!([{ "by": "cause", "incident": "A/\u{1b}[2J" }])),
                hearing("mail", Value::Null, json!([{ "by": "the_moon" }])),
            ],
        });
        let taken_at = "2026-11-23T10:00:00Z".parse().unwrap();
        let lines: Vec<String> =
            people(&incident, taken_at).into_iter().map(|(lead, told)| format!("{lead}: {told}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        acknowledged: by alex�[2J at 2026-11-23T09:20:00Z: on it
        silenced: until 2026-11-23T14:00:00Z by kim: migration
        receiver: on-call told 09:12 UTC, next reminder 13:12 UTC
        receiver: chat not told: quiet, since A/�[2J is its cause
        receiver: mail [{"by":"the_moon"}]
        "#);
    }
}
