//! A Slack incoming webhook.
//!
//! The message is a line (also the text of the notification on a phone) and an attachment whose colour is the severity;
//! the text stands in its sections. An incoming webhook can neither edit nor answer a message, so each event is one.
//!
//! Names are escaped as Slack wants it (`&`, `<`, `>`), every text is `verbatim` (Slack makes no links and no mentions
//! of it), and words that some clients read as mentions are broken. So no name can call a channel.
//!
//! Taken is what was answered with `ok`. Slack allows about one message in a second.

mod escape;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use self::escape::{escape, sections};
use super::text::{clean_line, clean_lines, cut_characters, web_address};
use super::{Protection, ReceiverBuildError, address, answer, post_client};
use crate::client::answer::{KnownSecrets, Redactor};
use crate::client::post::{Post, PostClient};
use crate::config::http::HttpSettings;
use crate::config::receivers::{AddressSource, SlackSettings};
use crate::deliver::receiver::{Message, Receiver, SendFailure};
use crate::domain::incident::Severity;
use crate::domain::notification::{Notification, NotificationKind};
use crate::domain::page::Link;

/// Slack's rate for incoming webhooks.
const PAUSE: Duration = Duration::from_secs(1);

/// Characters of the title before it is escaped: it is one line on a phone.
const TITLE_LENGTH: usize = 500;

/// Sections of text. Slack takes fifty blocks; nobody reads fifty sections.
const SECTIONS: usize = 10;

/// Links below the text.
const LINKS: usize = 8;

/// A Slack incoming webhook.
#[derive(Debug)]
pub(super) struct Slack {
    http: PostClient,
    url: SecretString,
    redactor: Redactor,
}

impl Slack {
    /// Reads the address.
    pub(super) fn build(
        kind: &SlackSettings,
        http: &HttpSettings,
        secrets: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        let url = address(&AddressSource::Secret(kind.webhook_url.clone()), Protection::Required)?;
        Ok(Self { http: post_client(http)?, redactor: secrets.redactor_of_address(&url), url })
    }

    async fn post(&self, message: &Message) -> Result<(), SendFailure> {
        let body = serde_json::to_vec(&payload(message)).map_err(|error| answer::unwritable(&error))?;
        let url = SecretString::from(self.url.expose_secret());
        let sent = self.http.post(Post { url, headers: Vec::new(), content_type: "application/json", body }).await;
        let answer = answer::judge(sent, &self.redactor)?;
        if answer.body.trim() == "ok" { Ok(()) } else { Err(answer::no_acceptance(&answer, "`ok`", &self.redactor)) }
    }
}

impl Receiver for Slack {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendFailure>> {
        Box::pin(self.post(message))
    }

    fn takes(&self, _kind: NotificationKind) -> bool {
        true
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}

/// What Slack is sent.
#[derive(Debug, Serialize)]
struct Payload {
    /// The line above the attachment.
    text: String,
    attachments: [Attachment; 1],
}

#[derive(Debug, Serialize)]
struct Attachment {
    color: &'static str,
    fallback: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Section { text: Words },
    Context { elements: [Words; 1] },
}

#[derive(Debug, Serialize)]
struct Words {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    /// Slack makes neither links nor mentions of it.
    verbatim: bool,
}

impl Words {
    fn new(text: String) -> Self {
        Self { kind: "mrkdwn", text, verbatim: true }
    }
}

fn payload(message: &Message) -> Payload {
    let notification = &message.notification;
    let line = escape(&cut_characters(&title(message), TITLE_LENGTH));
    let text = sections(&clean_lines(&message.text), SECTIONS);
    let mut blocks: Vec<Block> = text.into_iter().map(|text| Block::Section { text: Words::new(text) }).collect();
    let links: Vec<String> = notification.page.links.iter().filter_map(link).take(LINKS).collect();
    if !links.is_empty() {
        blocks.push(Block::Section { text: Words::new(links.join(" · ")) });
    }
    let key = escape(&cut_characters(&clean_line(&notification.key()), TITLE_LENGTH));
    let foot = format!("since {} · {key}", instant(notification.since));
    blocks.push(Block::Context { elements: [Words::new(foot)] });
    Payload { text: line.clone(), attachments: [Attachment { color: colour(notification), fallback: line, blocks }] }
}

/// Slack rejects a message without text: a template that renders nothing must not lose a page.
fn title(message: &Message) -> String {
    let title = clean_line(&message.title);
    if title.is_empty() { clean_line(&message.notification.key()) } else { title }
}

fn colour(notification: &Notification) -> &'static str {
    match (notification.kind, notification.severity) {
        (NotificationKind::Resolve, _) => "#12a150",
        (NotificationKind::Acknowledgement | NotificationKind::Digest | NotificationKind::Test, _) => "#667085",
        (_, Severity::Critical) => "#d92d20",
        (_, Severity::Warning) => "#f79009",
        (_, Severity::Info) => "#1570ef",
    }
}

fn link(link: &Link) -> Option<String> {
    /// Characters of a link's title.
    const LENGTH: usize = 80;
    /// A longer address makes a section too long; it is not worth a click.
    const ADDRESS: usize = 250;
    let address = web_address(&link.url).filter(|address| address.len() <= ADDRESS)?.replace('|', "%7C");
    // A bar would end the title.
    let title = cut_characters(&clean_line(&link.title), LENGTH).replace('|', "/");
    Some(format!("<{}|{}>", escape(&address), escape(&title)))
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
