//! A notification as an e-mail message.
//!
//! Everything from outside is hostile: a header is one line without control characters, whatever a name holds; the HTML
//! part is escaped, and only web addresses become links.

use std::fmt::Write as _;
use std::time::SystemTime;

use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use maud::{DOCTYPE, html};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::ReceiverBuildError;
use crate::deliver::receiver::Message;
use crate::domain::notification::Notification;
use crate::domain::text::{Effect, effects, spaced};

/// Mail programs show some eighty characters of a subject; more than this is no subject. Characters.
const SUBJECT_LIMIT: usize = 200;

/// As in identities of notifications: collisions are out of reach. Bytes of the digest.
const THREAD_BYTES: usize = 16;

/// Who writes to whom.
#[derive(Debug)]
pub(super) struct Correspondents {
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Correspondents {
    /// Reads the addresses, each with or without a name before it.
    pub(super) fn try_new(from: &str, to: &[String]) -> Result<Self, ReceiverBuildError> {
        let to: Vec<_> = to.iter().map(|text| mailbox(text)).collect::<Result<_, _>>()?;
        if to.is_empty() {
            let reason = "there is no recipient".to_owned();
            return Err(ReceiverBuildError::Address { address: String::new(), reason });
        }
        Ok(Self { from: mailbox(from)?, to })
    }

    pub(super) fn sender(&self) -> &Address {
        &self.from.email
    }

    pub(super) fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().map(|mailbox| &mailbox.email)
    }

    /// The sender's domain: the one name that is ours for sure.
    pub(super) fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

fn mailbox(text: &str) -> Result<Mailbox, ReceiverBuildError> {
    let unusable = |reason: String| ReceiverBuildError::Address { address: text.to_owned(), reason };
    let mailbox: Mailbox = text.parse().map_err(|error: lettre::address::AddressError| unusable(error.to_string()))?;
    let is_ascii = AsRef::<str>::as_ref(&mailbox.email).is_ascii();
    if is_ascii { Ok(mailbox) } else { Err(unusable("only ASCII addresses are reached everywhere".to_owned())) }
}

/// Writes the message: header and body, as it leaves.
pub(super) fn compose(message: &Message, correspondents: &Correspondents) -> Result<Vec<u8>, lettre::error::Error> {
    let notification = &message.notification;
    let domain = correspondents.domain();
    let thread = format!("<{}@{domain}>", thread_id(notification));
    let mut builder = lettre::Message::builder()
        .from(correspondents.from.clone())
        .subject(subject(message))
        .date(SystemTime::from(notification.created_at))
        .message_id(Some(format!("<{}@{domain}>", notification.id)))
        .in_reply_to(thread.clone())
        .references(thread);
    for recipient in &correspondents.to {
        builder = builder.to(recipient.clone());
    }
    let text = lines(&message.text);
    let mut letter = builder.multipart(MultiPart::alternative_plain_html(text, html(message)))?;
    let headers = letter.headers_mut();
    headers.insert_raw(raw("Auto-Submitted", "auto-generated".to_owned()));
    headers.insert_raw(raw("X-Snykwatch-Key", line(&notification.key())));
    Ok(letter.formatted())
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// What all messages of an episode refer to. It is nobody's own id: a severity that changes makes a second trigger, and
/// two messages of one id are one message to many servers.
fn thread_id(notification: &Notification) -> String {
    let text = format!("{}\n{}", notification.about, notification.opened_at.timestamp_millis());
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(THREAD_BYTES).fold("thread-".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn subject(message: &Message) -> String {
    let subject = line(&message.title);
    let subject = if subject.is_empty() { line(&message.notification.key()) } else { subject };
    if subject.chars().count() <= SUBJECT_LIMIT {
        return subject;
    }
    let short: String = subject.chars().take(SUBJECT_LIMIT - 1).collect();
    format!("{}…", short.trim_end())
}

/// One line of visible characters.
fn line(text: &str) -> String {
    spaced(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines of visible characters.
fn lines(text: &str) -> String {
    let is_seen = |(character, effect): &(char, Effect)| matches!(character, '\n' | '\t') || *effect == Effect::Shown;
    let mut visible: String = effects(text).filter(is_seen).map(|(character, _)| character).collect();
    if !visible.ends_with('\n') {
        visible.push('\n');
    }
    visible
}

fn html(message: &Message) -> String {
    let links = message.notification.page.links.iter().filter(|link| is_web_address(&link.url));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (subject(message)) } }
            body style="font-family: sans-serif; max-width: 48em" {
                h2 style="font-size: 1.1em" { (line(&message.title)) }
                div style="white-space: pre-wrap" { (lines(&message.text)) }
                @for link in links {
                    p { a href=(link.url) { (line(&link.title)) } }
                }
            }
        }
    };
    page.into_string()
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests;
