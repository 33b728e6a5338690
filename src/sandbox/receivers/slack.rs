//! A Slack incoming webhook: every message is shown, none can be changed, and about one a second is taken.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Effect, Letter, Protocol, Reply};

/// The secret part of the address.
const PATH: &str = "/services/T0ACME000/B0ACME000/fakefakefakefakefakefake";
/// Messages that are taken at once after a pause.
const BURST: u32 = 5;
/// One more message is taken after this.
const REFILL: TimeDelta = TimeDelta::seconds(1);
/// Blocks of a message.
const MOST_BLOCKS: usize = 50;
/// Characters of a section's text.
const LONGEST_SECTION: usize = 3000;
/// Characters of a header.
const LONGEST_HEADER: usize = 150;
/// Fields of a section.
const MOST_FIELDS: usize = 10;
/// Characters of a field.
const LONGEST_FIELD: usize = 2000;
/// Characters of the text beside the blocks.
const LONGEST_TEXT: usize = 40_000;

const MESSAGE_KEYS: [&str; 9] = [
    "text",
    "blocks",
    "attachments",
    "mrkdwn",
    "unfurl_links",
    "unfurl_media",
    "username",
    "icon_emoji",
    "response_type",
];

/// A channel behind an incoming webhook.
#[derive(Debug)]
pub struct Slack {
    /// Messages as they were shown, oldest first.
    messages: Vec<Value>,
    /// The bodies that were shown: Slack shows one twice, a human sees that it is the same.
    shown: BTreeSet<Vec<u8>>,
    /// How many messages are taken at once, and since when that is so.
    allowance: Option<(u32, DateTime<Utc>)>,
}

impl Default for Slack {
    fn default() -> Self {
        Self::new()
    }
}

impl Slack {
    /// An empty channel.
    pub fn new() -> Self {
        Self { messages: Vec::new(), shown: BTreeSet::new(), allowance: None }
    }

    /// Messages as they were shown, oldest first.
    pub fn messages(&self) -> &[Value] {
        &self.messages
    }

    /// Takes one from the allowance; `Err` is how long to wait.
    fn spend(&mut self, now: DateTime<Utc>) -> Result<(), TimeDelta> {
        let (mut left, mut since) = self.allowance.unwrap_or((BURST, now));
        while left < BURST && now - since >= REFILL {
            left += 1;
            since += REFILL;
        }
        if left == BURST {
            since = now;
        }
        let wait = REFILL - (now - since);
        self.allowance = Some((left.saturating_sub(1), since));
        if left == 0 { Err(wait) } else { Ok(()) }
    }
}

impl Protocol for Slack {
    fn path(&self) -> String {
        PATH.to_owned()
    }

    fn receive(&mut self, letter: &Letter, now: DateTime<Utc>) -> Reply {
        if letter.path != PATH {
            return Reply::refused(404, "no_service");
        }
        let message = match letter.posted_json(PATH) {
            Ok(message) => message,
            Err(refusal) if refusal.status == 400 => return Reply::refused(400, "invalid_payload"),
            Err(refusal) => return refusal,
        };
        if let Err(wait) = self.spend(now) {
            let seconds = wait.num_seconds().max(1).to_string();
            return Reply { headers: vec![("retry-after", seconds)], ..Reply::refused(429, "rate_limited") };
        }
        if let Err(why) = judge(&message) {
            return Reply::refused(400, why);
        }
        let breaches = breaches(&message);
        let is_new = self.shown.insert(letter.body.to_vec());
        self.messages.push(message);
        let effect = if is_new { Effect::Page } else { Effect::Repeat };
        Reply { breaches, ..Reply::taken(200, "ok", vec![effect]) }
    }
}

fn judge(message: &Value) -> Result<(), String> {
    let object = message.as_object().ok_or("invalid_payload")?;
    if let Some(unknown) = object.keys().find(|key| !MESSAGE_KEYS.contains(&key.as_str())) {
        return Err(format!("invalid_payload: `{unknown}`"));
    }
    match object.get("text") {
        None if object.contains_key("blocks") => {}
        Some(Value::String(text)) if text.chars().count() > LONGEST_TEXT => return Err("msg_too_long".to_owned()),
        Some(Value::String(text)) if !text.trim().is_empty() => {}
        _ => return Err("no_text".to_owned()),
    }
    let Some(blocks) = object.get("blocks") else { return Ok(()) };
    let blocks = blocks.as_array().ok_or("invalid_blocks_format")?;
    if blocks.is_empty() || blocks.len() > MOST_BLOCKS {
        return Err(format!("invalid_blocks: {} of them", blocks.len()));
    }
    blocks.iter().try_for_each(judge_block)
}

fn judge_block(block: &Value) -> Result<(), String> {
    match block.get("type").and_then(Value::as_str) {
        Some("divider") => Ok(()),
        Some("header") => judge_text(block.get("text"), LONGEST_HEADER, &["plain_text"]),
        Some("section") => {
            let fields = block.get("fields").map(|fields| fields.as_array().ok_or("invalid_blocks: fields"));
            let fields = fields.transpose()?;
            if fields.is_none() || block.get("text").is_some() {
                judge_text(block.get("text"), LONGEST_SECTION, &["mrkdwn", "plain_text"])?;
            }
            let fields = fields.map(Vec::as_slice).unwrap_or_default();
            if fields.len() > MOST_FIELDS {
                return Err(format!("invalid_blocks: {} fields", fields.len()));
            }
            fields.iter().try_for_each(|field| judge_text(Some(field), LONGEST_FIELD, &["mrkdwn", "plain_text"]))
        }
        Some("context") => {
            let elements = block.get("elements").and_then(Value::as_array).ok_or("invalid_blocks: elements")?;
            if elements.is_empty() || elements.len() > MOST_FIELDS {
                return Err(format!("invalid_blocks: {} elements", elements.len()));
            }
            elements.iter().try_for_each(|one| judge_text(Some(one), LONGEST_SECTION, &["mrkdwn", "plain_text"]))
        }
        Some("actions") => {
            let elements = block.get("elements").and_then(Value::as_array).ok_or("invalid_blocks: elements")?;
            elements.iter().try_for_each(|one| judge_text(one.get("text"), 75, &["plain_text"]))
        }
        other => Err(format!("invalid_blocks: type {other:?}")),
    }
}

fn judge_text(text: Option<&Value>, longest: usize, kinds: &[&str]) -> Result<(), String> {
    let text = text.ok_or("invalid_blocks: no text")?;
    let kind = text.get("type").and_then(Value::as_str).unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(format!("invalid_blocks: text of type `{kind}`"));
    }
    match text.get("text").and_then(Value::as_str).map(|text| text.chars().count()) {
        Some(1..) if text.get("text").and_then(Value::as_str).is_some_and(|t| t.chars().count() <= longest) => Ok(()),
        length => Err(format!("invalid_blocks: a text of {length:?} characters")),
    }
}

/// What would call people, or let names be read as mentions: anything that only the sender's carelessness puts there.
fn breaches(message: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for switch in ["link_names", "parse"] {
        if message.get(switch).is_some() {
            found.push(format!("`{switch}` turns names into mentions"));
        }
    }
    find_mentions(message, &mut found);
    found
}

fn find_mentions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mention = ["<!", "<@", "<#"].into_iter().find(|mention| text.contains(mention));
            found.extend(mention.map(|mention| format!("`{mention}` in: {text}")));
        }
        Value::Array(items) => items.iter().for_each(|item| find_mentions(item, found)),
        Value::Object(object) => object.values().for_each(|item| find_mentions(item, found)),
        _ => {}
    }
}
