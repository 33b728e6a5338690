//! A notification as plain text: what is sent where the operator has no templates of their own. Pure.
//!
//! Names in it may be hostile. Here they are kept on one line, so that none of them looks like a line of ours; what a
//! receiver's own format makes of other characters is for the receiver to escape.

use std::fmt::{self, Write as _};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::notification::{Notification, NotificationKind};
use crate::domain::page::{Claim, Page};
use crate::domain::text::spaced;

/// Makes the two texts of a message.
pub trait Wording: fmt::Debug + Send + Sync {
    /// One line.
    fn title(&self, notification: &Notification) -> String;

    /// The whole text, in lines.
    fn text(&self, notification: &Notification) -> String;

    /// Whether these texts are ours. Those of others are waited for no longer than is reasonable.
    fn is_ours(&self) -> bool;
}

/// The texts of this page.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainWording;

impl Wording for PlainWording {
    fn title(&self, notification: &Notification) -> String {
        title(notification)
    }

    fn text(&self, notification: &Notification) -> String {
        text(notification)
    }

    fn is_ours(&self) -> bool {
        true
    }
}

/// One line: what happened, how bad, to whom.
pub fn title(notification: &Notification) -> String {
    let title = one_line(&notification.page.title);
    let severity = notification.severity.as_str().to_uppercase();
    match notification.kind {
        NotificationKind::Trigger => format!("[{severity}] {title}"),
        NotificationKind::Resolve => format!("[RESOLVED] {title}"),
        NotificationKind::Reminder => format!("[{severity}] Reminder: {title}"),
        NotificationKind::Growth => format!("[{severity}] Growing: {title}"),
        NotificationKind::Digest => format!("[DIGEST] {title}"),
        NotificationKind::Standing => format!("[{severity}] Standing: {title}"),
        NotificationKind::Acknowledgement => format!("[ACKNOWLEDGED] {title}"),
        NotificationKind::Test => format!("[TEST] {title}"),
    }
}

/// Everything a person needs, in lines; no line is longer than what it says.
pub fn text(notification: &Notification) -> String {
    let page = &notification.page;
    let mut text = Text::default();
    text.line(&opening(notification));
    text.line(&one_line(&page.summary));
    if !matches!(notification.kind, NotificationKind::Test | NotificationKind::Digest) {
        text.line(&times(notification));
    }
    text.list("Evidence", page.evidence.iter().map(claim));
    text.list("Ruled out", page.ruled_out.iter().map(|cause| one_line(cause)));
    let listed = if notification.kind == NotificationKind::Digest { "Problems" } else { "Affected" };
    text.list(listed, members(page));
    text.section();
    text.labelled("Last change", page.last_change.as_deref());
    text.labelled("Next step", Some(&page.next_step));
    text.labelled("Noticed", page.noticed.as_deref());
    text.labelled("Caused by", page.cause.as_deref());
    if let Some(gap) = page.gap {
        let (from, to, span) = (moment(gap.from), moment(gap.to), span(gap.to - gap.from));
        text.line(&format!("Not watched: from {from} to {to} ({span})"));
    }
    text.list("Links", page.links.iter().map(|link| format!("{}: {}", one_line(&link.title), one_line(&link.url))));
    text.0
}

/// What kind of message this is; a trigger begins with its summary.
fn opening(notification: &Notification) -> String {
    let lasted = span(notification.created_at - notification.since);
    match notification.kind {
        NotificationKind::Trigger | NotificationKind::Digest => String::new(),
        NotificationKind::Resolve => format!("RESOLVED after {lasted}."),
        NotificationKind::Reminder => format!("Reminder: this has lasted for {lasted}."),
        NotificationKind::Growth => match notification.page.members.len() + notification.page.more_members {
            0 => "Now affects more than before.".to_owned(),
            all => format!("Now affects {all}."),
        },
        NotificationKind::Standing => format!("Standing: this has lasted for {lasted}, and nothing changed recently."),
        NotificationKind::Acknowledgement => "ACKNOWLEDGED: somebody takes care of it.".to_owned(),
        NotificationKind::Test => "This is a test. Nothing is wrong.".to_owned(),
    }
}

fn times(notification: &Notification) -> String {
    let (severity, since) = (notification.severity, moment(notification.since));
    if notification.is_firing() {
        format!("Severity {severity}, since {since}.")
    } else {
        format!("It was of severity {severity}, since {since}.")
    }
}

fn claim(claim: &Claim) -> String {
    let observed = claim.observed_at.map(|at| format!(", {}", moment(at))).unwrap_or_default();
    format!("{} ({}{observed})", one_line(&claim.text), claim.source)
}

fn members(page: &Page) -> impl Iterator<Item = String> {
    let more = (page.more_members > 0).then(|| format!("and {} more", page.more_members));
    page.members.iter().map(|name| one_line(name)).chain(more)
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A span as people say it, in its two largest units.
fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes().max(0);
    let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Without line breaks and other control characters, and without those that turn the direction of writing: they could
/// make a name look like a line of ours.
fn one_line(text: &str) -> String {
    spaced(text).trim().to_owned()
}

/// Lines in sections; what is empty leaves no trace.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        if !line.is_empty() {
            self.0.push_str(line);
            self.0.push('\n');
        }
    }

    fn section(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    fn labelled(&mut self, label: &str, value: Option<&str>) {
        let value = one_line(value.unwrap_or_default());
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(self.0, "{label}: {value}");
        }
    }

    fn list(&mut self, label: &str, items: impl Iterator<Item = String>) {
        let mut items = items.peekable();
        if items.peek().is_none() {
            return;
        }
        self.section();
        self.line(label);
        for item in items {
            self.line(&format!("- {item}"));
        }
    }
}

#[cfg(test)]
mod tests;
