//! `notifications`: what was told to whom, and what became of it.

use std::path::Path;

use serde_json::Value;

use super::arguments::NotificationsOptions;
use super::daemon::{connect, entries, field, paragraph, printed_as_json, text, time, unanswered};
use super::terminal::Tone;
use super::{Exit, Terminal};

/// Lists notifications, newest first.
pub(super) async fn notifications(
    config: &Path,
    options: &NotificationsOptions,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let limit = options.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(options.state.as_deref().map(|state| ("state", state)));
    query.extend(options.receiver.as_deref().map(|receiver| ("receiver", receiver)));
    let answer: Value = match daemon.get(&["api", "v1", "notifications"], &query).await {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if printed_as_json(&answer, options.ask.output, terminal)? {
        return Ok(Exit::Ok);
    }
    let mut shown = entries(&answer, "notifications").peekable();
    if shown.peek().is_none() {
        let is_narrow = options.state.is_some() || options.receiver.is_some();
        terminal.note(if is_narrow { "there is no such notification" } else { "nobody was told of anything yet" });
    }
    for notification in shown {
        let (tone, head) = head(notification);
        terminal.data(&terminal.tone(tone, &head));
        paragraph(terminal, "    ", &text(field(notification, "title")));
        if let Some(why) = why(notification) {
            paragraph(terminal, "    ", &why);
        }
    }
    Ok(Exit::Ok)
}

fn head(notification: &Value) -> (Tone, String) {
    let word = |name| text(field(notification, name));
    let tone = match field(notification, "state").as_str() {
        Some("delivered") => Tone::Good,
        Some("dead_lettered") => Tone::Bad,
        Some("pending") => Tone::Doubtful,
        _ => Tone::Quiet,
    };
    let (made, state, receiver) = (time(field(notification, "created_at")), word("state"), word("receiver"));
    (tone, format!("{made} {state:13} {receiver}: {} ({})", word("kind"), word("severity")))
}

/// Why it did not arrive, and when it is tried again.
fn why(notification: &Value) -> Option<String> {
    let failure = field(notification, "last_failure");
    let word = |name| text(field(failure, name));
    let failed = failure.is_object().then(|| format!("{}: {}", word("reason"), word("detail")))?;
    let attempts = text(field(notification, "attempts"));
    let next = field(notification, "next_attempt_at");
    let next = if next.is_string() { format!("; tried again at {}", time(next)) } else { String::new() };
    Some(format!("after {attempts} attempts: {failed}{next}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_has_its_line_and_what_went_wrong() {
        let of = |state: &str, failure: Value, next: Value| {
            let notification = json!({
                "created_at": "2026-11-23T09:12:00Z", "state": state, "receiver": "chat\u{1b}[2J", "kind": "trigger",
                "severity": "critical", "attempts": 3, "last_failure": failure, "next_attempt_at": next,
            });
            let (tone, head) = head(&notification);
            format!("{tone:?} {head} {}", why(&notification).unwrap_or_default()).trim_end().to_owned()
        };
        let failure = json!({ "reason": "unauthorized", "detail": "it answered 401" });
        insta::assert_snapshot!(
            [
                of("delivered", Value::Null, Value::Null),
                of("withheld", Value::Null, Value::Null),
                of("pending", failure.clone(), json!("2026-11-23T09:20:00Z")),
                of("dead_lettered", failure, Value::Null),
            ]
            .join("\n"),
            @"
        Good 2026-11-23T09:12:00Z delivered     chat�[2J: trigger (critical)
        Quiet 2026-11-23T09:12:00Z withheld      chat�[2J: trigger (critical)
        Doubtful 2026-11-23T09:12:00Z pending       chat�[2J: trigger (critical) after 3 attempts: unauthorized: it answered 401; tried again at 2026-11-23T09:20:00Z
        Bad 2026-11-23T09:12:00Z dead_lettered chat�[2J: trigger (critical) after 3 attempts: unauthorized: it answered 401
        "
        );
    }
}
