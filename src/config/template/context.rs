//! What a template can use.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::domain::notification::{About, Notification};
use crate::domain::page::{Link, PageLabels};

/// What a template can use; described in docs/templates.md. Times are texts (`2026-11-23T09:00:00Z`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateContext {
    /// What happened: `trigger`, `resolve`, `reminder` and so on.
    kind: &'static str,
    /// Whether the problem lasts: everything but a `resolve`.
    firing: bool,
    /// The rule, such as `CredentialInvalid`.
    rule: &'static str,
    /// The cause, such as `credential/bitbucket-acme`.
    subject: String,
    /// The key on the wire: `rule/subject/severity`.
    key: String,
    severity: &'static str,
    title: String,
    summary: String,
    evidence: Vec<ClaimContext>,
    ruled_out: Vec<String>,
    last_change: Option<String>,
    next_step: String,
    noticed: Option<String>,
    members: Vec<String>,
    more_members: usize,
    cause: Option<String>,
    gap: Option<GapContext>,
    links: Vec<Link>,
    labels: PageLabels,
    since: String,
    opened_at: String,
    created_at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ClaimContext {
    text: String,
    source: &'static str,
    observed_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct GapContext {
    from: String,
    to: String,
}

impl TemplateContext {
    /// That of a made-up notification in which nothing is missing: to see what there is.
    pub fn example() -> Option<Self> {
        super::sample::notifications().next().map(|(_, full)| Self::of(&full))
    }

    /// What a template can use of this notification.
    pub fn of(notification: &Notification) -> Self {
        let page = &notification.page;
        let claims = page.evidence.iter().map(|claim| ClaimContext {
            text: claim.text.clone(),
            source: claim.source.as_str(),
            observed_at: claim.observed_at.map(instant),
        });
        Self {
            kind: notification.kind.as_str(),
            firing: notification.is_firing(),
            rule: notification.about.rule(),
            subject: match &notification.about {
                About::Incident(key) => key.subject.to_string(),
                About::Receiver(name) | About::Test(name) => format!("receiver/{name}"),
                About::Digest(route) => format!("route/{route}"),
            },
            key: notification.key(),
            severity: notification.severity.as_str(),
            title: page.title.clone(),
            summary: page.summary.clone(),
            evidence: claims.collect(),
            ruled_out: page.ruled_out.clone(),
            last_change: page.last_change.clone(),
            next_step: page.next_step.clone(),
            noticed: page.noticed.clone(),
            members: page.members.clone(),
            more_members: page.more_members,
            cause: page.cause.clone(),
            gap: page.gap.map(|gap| GapContext { from: instant(gap.from), to: instant(gap.to) }),
            links: page.links.clone(),
            labels: page.labels.clone(),
            since: instant(notification.since),
            opened_at: instant(notification.opened_at),
            created_at: instant(notification.created_at),
        }
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
