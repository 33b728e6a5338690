//! `silence`: what nobody wants to hear of for a while.

use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::arguments::{NewSilenceOptions, SilenceCommand};
use super::daemon::{connect, entries, field, printed_as_json, text, time, unanswered};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal};

const PATH: [&str; 3] = ["api", "v1", "silences"];

/// Makes, lists or ends silences.
pub(super) async fn silence(config: &Path, command: &SilenceCommand, terminal: &Terminal) -> anyhow::Result<Exit> {
    let ask = match command {
        SilenceCommand::Add(options) => &options.ask,
        SilenceCommand::List { ask, .. } | SilenceCommand::Expire { ask, .. } => ask,
    };
    let daemon = match connect(config, ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let answer = match command {
        SilenceCommand::Add(options) => daemon.post(&PATH, &body(options, Uuid::new_v4())).await,
        SilenceCommand::List { .. } => daemon.get(&PATH, &[]).await,
        SilenceCommand::Expire { id, .. } => {
            let [api, version, silences] = PATH;
            daemon.delete(&[api, version, silences, id], &json!({})).await
        }
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if printed_as_json(&answer, ask.output, terminal)? {
        return Ok(Exit::Ok);
    }
    match command {
        SilenceCommand::Add(_) => print(field(&answer, "silence"), terminal),
        SilenceCommand::Expire { id, .. } => terminal.note(&format!("the silence {} is over", printable(id))),
        SilenceCommand::List { all, .. } => {
            let mut shown = entries(&answer, "silences").filter(|one| *all || field(one, "active") == true).peekable();
            if shown.peek().is_none() {
                terminal.note("no silence is in force");
            }
            shown.for_each(|silence| print(silence, terminal));
        }
    }
    Ok(Exit::Ok)
}

fn body(options: &NewSilenceOptions, id: Uuid) -> Value {
    let matcher = json!({
        "rules": options.rules, "severities": options.severities, "levels": options.levels, "scms": options.scms,
        "integrations": options.integrations, "owners": options.owners, "credentials": options.credentials,
        "incident": options.incident,
    });
    let mut body = json!({
        "id": id, "matcher": matcher, "everything": options.everything,
        "author": options.author, "reason": options.reason,
    });
    if let Some(body) = body.as_object_mut() {
        if let Some(length) = options.length {
            body.insert("duration_seconds".to_owned(), json!(length.as_secs()));
        }
        for (name, at) in [("starts_at", options.from), ("ends_at", options.until)] {
            if let Some(at) = at {
                body.insert(name.to_owned(), json!(at));
            }
        }
    }
    body
}

fn print(silence: &Value, terminal: &Terminal) {
    let word = |name| text(field(silence, name));
    let state = if field(silence, "active") == true { "in force" } else { "not in force" };
    terminal.data(&format!("{} {state}", terminal.tone(Tone::Strong, &word("id"))));
    terminal.data(&format!("    from {} until {}", time(field(silence, "starts_at")), time(field(silence, "ends_at"))));
    terminal.data(&format!("    by {}: {}", word("author"), word("reason")));
    terminal.data(&format!("    {}", covered(field(silence, "matcher"))));
    for incident in entries(silence, "covers") {
        terminal.data(&format!("    covers {}", text(incident)));
    }
}

/// What a matcher says, in words.
fn covered(matcher: &Value) -> String {
    let fields = matcher.as_object().into_iter().flatten();
    let said = fields.filter_map(|(name, value)| match value {
        Value::Array(words) if !words.is_empty() => {
            Some(format!("{name} {}", words.iter().map(text).collect::<Vec<_>>().join(", ")))
        }
        Value::String(_) => Some(format!("{name} {}", text(value))),
        _ => None,
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "everything".to_owned() } else { said.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_is_told_in_words() {
        let table = [
            (json!({ "rules": [], "incident": null }), "everything"),
            (
                json!({ "rules": ["SyncStalled"], "integrations": ["acme-*", "b"] }),
                "integrations acme-*, b; rules SyncStalled",
            ),
            (json!({ "incident": "A/b/c" }), "incident A/b/c"),
        ];
        for (matcher, expected) in table {
            assert_eq!(covered(&matcher), expected);
        }
    }
}
