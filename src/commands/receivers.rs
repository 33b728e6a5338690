//! `test-receiver`: whether a message arrives; and `status`: how everything does, in a few lines.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::arguments::{AskOptions, TestReceiverOptions};
use super::daemon::{connect, entries, field, printed_as_json, text, time, unanswered};
use super::terminal::{Tone, printable};
use super::{Exit, Terminal};
use crate::client::daemon::{DaemonClient, DaemonError};

/// A test that is not over by then is told as it stands. Longer than one attempt may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// How often it is looked whether a test is over.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Sends a test and tells what became of it.
pub(super) async fn test_receiver(
    config: &Path,
    options: &TestReceiverOptions,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let daemon = match connect(config, &options.ask, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let delivery = match tested(&daemon, &options.receiver).await {
        Ok(delivery) => delivery,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    let exit = if field(&delivery, "state") == "delivered" { Exit::Ok } else { Exit::Problems };
    if printed_as_json(&delivery, options.ask.output, terminal)? {
        return Ok(exit);
    }
    let receiver = printable(&options.receiver);
    let failure = field(&delivery, "last_failure");
    let why = format!("{}: {}", text(field(failure, "reason")), text(field(failure, "detail")));
    match field(&delivery, "state").as_str() {
        Some("delivered") => terminal.data(&terminal.tone(Tone::Good, &format!("{receiver} accepted the test"))),
        Some("pending") if failure.is_null() => terminal.error(&format!("{receiver} has not answered yet")),
        Some("pending") => terminal.error(&format!("{receiver} failed and is tried again: {why}")),
        _ if failure.is_null() => terminal.error(&format!("the test was not sent to {receiver}")),
        _ => terminal.error(&format!("{receiver} rejected the test: {why}")),
    }
    Ok(exit)
}

/// The delivery of a test: over, failed at least once, or still on its way when patience ended.
async fn tested(daemon: &DaemonClient, receiver: &str) -> Result<Value, DaemonError> {
    let made = daemon.post(&["api", "v1", "receivers", receiver, "test"], &json!({})).await?;
    let id = field(&made, "notification").clone();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer: Value = daemon.get(&["api", "v1", "notifications"], &[("receiver", receiver)]).await?;
        let found = entries(&answer, "notifications").find(|one| *field(one, "notification") == id).cloned();
        let is_over = |one: &Value| field(one, "state") != "pending" || !field(one, "last_failure").is_null();
        match found {
            Some(delivery) if is_over(&delivery) || Instant::now() >= deadline => return Ok(delivery),
            None if Instant::now() >= deadline => return Ok(json!({ "notification": id, "state": "pending" })),
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

/// How everything does, in a few lines.
pub(super) async fn status(config: &Path, options: &AskOptions, terminal: &Terminal) -> anyhow::Result<Exit> {
    let daemon = match connect(config, options, terminal) {
        Ok(daemon) => daemon,
        Err(exit) => return Ok(exit),
    };
    let answer = match overview(&daemon).await {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error, terminal)),
    };
    if !printed_as_json(&answer, options.output, terminal)? {
        for (tone, line) in lines(&answer) {
            terminal.data(&terminal.tone(tone, &line));
        }
    }
    Ok(Exit::Ok)
}

async fn overview(daemon: &DaemonClient) -> Result<Value, DaemonError> {
    const PAGE: usize = 5_000;
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    let mut offset = 0;
    let taken_at = loop {
        let (skipped, limit) = (offset.to_string(), PAGE.to_string());
        let query = [("offset", skipped.as_str()), ("limit", limit.as_str())];
        let page: Value = daemon.get(&["api", "v1", "integrations"], &query).await?;
        for integration in entries(&page, "integrations") {
            *statuses.entry(text(field(field(integration, "status"), "status"))).or_default() += 1;
            offset += 1;
        }
        let total = field(&page, "total").as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
        // The snapshot may change between two pages; a page without entries ends it in any case.
        if offset >= total || entries(&page, "integrations").next().is_none() {
            break field(&page, "taken_at").clone();
        }
    };
    let incidents: Value = daemon.get(&["api", "v1", "incidents"], &[]).await?;
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    for incident in entries(&incidents, "incidents").filter(|incident| field(incident, "phase") == "open") {
        *open.entry(text(field(incident, "severity"))).or_default() += 1;
    }
    let receivers: Value = daemon.get(&["api", "v1", "receivers"], &[]).await?;
    Ok(json!({
        "taken_at": taken_at, "integrations": statuses, "open_incidents": open,
        "delivery": field(&incidents, "delivery"),
        "receivers": field(&receivers, "receivers"),
    }))
}

fn lines(overview: &Value) -> Vec<(Tone, String)> {
    let counts = |name: &str, of: &str| {
        let counts = field(overview, name).as_object().into_iter().flatten();
        let counted: Vec<String> = counts.map(|(word, count)| format!("{count} {}", printable(word))).collect();
        if counted.is_empty() { format!("{of}: none") } else { format!("{of}: {}", counted.join(", ")) }
    };
    let count = |name: &str, word: &str| field(field(overview, name), word).as_u64().unwrap_or_default();
    let incidents = match (count("open_incidents", "critical"), count("open_incidents", "warning")) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Doubtful,
        _ => Tone::Bad,
    };
    let mut lines = vec![
        (Tone::Quiet, format!("as of {}", time(field(overview, "taken_at")))),
        (Tone::Strong, counts("integrations", "integrations")),
        (incidents, counts("open_incidents", "open incidents")),
    ];
    if field(overview, "delivery") == "observing" {
        lines.push((Tone::Doubtful, super::incidents::OBSERVING.to_owned()));
    }
    for receiver in entries(overview, "receivers") {
        let name = format!("receiver {} ({})", text(field(receiver, "receiver")), text(field(receiver, "kind")));
        let (failing, last) = (field(receiver, "failing"), field(receiver, "last_failure"));
        let (failure, tone, fails) = if failing.is_null() {
            (last, Tone::Doubtful, "its last attempt failed and is repeated, at")
        } else {
            (failing, Tone::Bad, "takes nothing since")
        };
        let pending = text(field(receiver, "pending"));
        lines.push(if failure.is_null() {
            (Tone::Good, format!("{name}: works, {pending} pending"))
        } else {
            let why = format!("{}: {}", text(field(failure, "reason")), text(field(failure, "detail")));
            (tone, format!("{name}: {fails} {}, {pending} pending ({why})", time(field(failure, "at"))))
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_few_lines() {
        let overview = json!({
            "taken_at": "2026-11-23T09:00:00Z",
            "integrations": { "connected": 50, "partially_connected": 1 },
            "open_incidents": { "critical": 1 },
            "delivery": "observing",
            "receivers": [
                { "receiver": "hook", "kind": "webhook", "pending": 1, "failing": null,
                  "last_failure": { "at": "2026-11-23T08:59:00Z", "reason": "timeout", "detail": "no answer" } },
                { "receiver": "on-call", "kind": "pagerduty", "pending": 0, "last_failure": null },
                { "receiver": "chat\u{1b}[2J", "kind": "slack", "pending": 3,
                  "failing": { "at": "2026-11-23T08:00:00Z", "reason": "rejected", "detail": "it answered 404" } },
            ],
        });
        let shown: Vec<String> = lines(&overview).into_iter().map(|(tone, line)| format!("{tone:?} {line}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        Quiet as of 2026-11-23T09:00:00Z
        Strong integrations: 50 connected, 1 partially_connected
        Bad open incidents: 1 critical
        Doubtful observing: nothing is sent
        Doubtful receiver hook (webhook): its last attempt failed and is repeated, at 2026-11-23T08:59:00Z, 1 pending (timeout: no answer)
        Good receiver on-call (pagerduty): works, 0 pending
        Bad receiver chat�[2J (slack): takes nothing since 2026-11-23T08:00:00Z, 3 pending (rejected: it answered 404)
        ");
    }
}
