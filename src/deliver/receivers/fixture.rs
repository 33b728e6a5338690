//! Messages and settings for the tests of receivers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::config::http::HttpSettings;
use crate::config::receivers::{ReceiverKind, ReceiverSettings, Templates};
use crate::config::secrets::SecretSource;
use crate::deliver::receiver::Message;
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::{Level, Scm, Source};
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Notification, NotificationId, NotificationKind};
use crate::domain::page::{Claim, Link, Page, PageLabels};
use crate::domain::text::first_hostile;

/// A name that tries everything: a forged line, mail headers, mentions, links, direction, a terminal, length.
pub(super) const HOSTILE: &str = "acme\r\nBcc: x@example.com\n<!everyone> <!channel|x> @here @channel <@U0123> \
     <https://evil.example|acme> ](https://evil.example) `code` & \u{202e}kcatta\u{2066}\u{200b} \u{1b}[2J\u{7}\0\u{2028}end";

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn page() -> Page {
    Page {
        title: "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)".to_owned(),
        summary: "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.".to_owned(),
        evidence: vec![Claim {
            text: "GET /2.0/user was answered with 401, twice.".to_owned(),
            source: Source::Measured,
            observed_at: Some(at("2026-11-23T03:05:30Z")),
        }],
        ruled_out: vec!["Bitbucket Cloud is reachable.".to_owned()],
        last_change: Some("The secret was changed on 2026-11-20.".to_owned()),
        next_step: "Create a token and save it in Snyk (Group Admin).".to_owned(),
        noticed: Some("within 5 minutes".to_owned()),
        members: vec!["acme-bitbucket".to_owned()],
        more_members: 50,
        links: vec![
            Link { title: "Status page".to_owned(), url: "https://snykwatch.example.com/".to_owned() },
            Link {
                title: "Runbook".to_owned(),
                url: "https://snykwatch.example.com/runbooks/CredentialInvalid".to_owned(),
            },
        ],
        labels: PageLabels {
            integration: Some("acme-bitbucket".into()),
            credential: Some("bitbucket-acme".into()),
            level: Some(Level::Group),
            scm: Some(Scm::BitbucketCloud),
            owner: Some("platform".to_owned()),
        },
        ..Page::default()
    }
}

pub(super) fn message(kind: NotificationKind) -> Message {
    let key = IncidentKey { rule: Rule::CredentialInvalid, subject: Subject::Credential("bitbucket-acme".into()) };
    about(About::Incident(key), kind, page())
}

pub(super) fn about(about: About, kind: NotificationKind, page: Page) -> Message {
    let opened_at = at("2026-11-23T03:05:30Z");
    let notification = Notification {
        id: NotificationId::of(&about, Severity::Critical, opened_at, kind, 1),
        kind,
        about,
        severity: Severity::Critical,
        since: at("2026-11-23T03:05:00Z"),
        opened_at,
        created_at: at("2026-11-23T03:05:31Z"),
        page,
    };
    let text = format!("{}\nNext: {}", notification.page.summary, notification.page.next_step);
    // The real time: receivers refuse what is signed for another.
    let attempted_at = Clock::system().now();
    Message { title: notification.page.title.clone(), text, notification: Arc::new(notification), attempted_at }
}

/// A message in which every text that others may set is hostile.
pub(super) fn hostile(kind: NotificationKind) -> Message {
    let mut page = page();
    for text in [&mut page.title, &mut page.summary, &mut page.next_step] {
        *text = HOSTILE.to_owned();
    }
    page.members = vec![HOSTILE.to_owned(), "x".repeat(100_000)];
    page.last_change = Some(HOSTILE.to_owned());
    page.ruled_out = vec![HOSTILE.to_owned()];
    page.evidence[0].text = HOSTILE.to_owned();
    page.labels.owner = Some(HOSTILE.to_owned());
    page.links = vec![
        Link { title: HOSTILE.to_owned(), url: "https://snykwatch.example.com/a|b>c".to_owned() },
        Link { title: "run".to_owned(), url: "javascript:alert(1)".to_owned() },
    ];
    let key =
        IncidentKey { rule: Rule::NamespaceNotFound, subject: Subject::Workspace(HOSTILE.into(), HOSTILE.into()) };
    about(About::Incident(key), kind, page)
}

pub(super) fn settings(kind: ReceiverKind) -> ReceiverSettings {
    crate::client::http::install_tls_provider();
    let http = HttpSettings { request_timeout: Duration::from_secs(5), ..HttpSettings::default() };
    ReceiverSettings { name: ReceiverName::new("on-call"), kind, http, templates: Templates::default() }
}

/// A secret in a file.
#[derive(Debug)]
pub(super) struct Secret {
    file: tempfile::NamedTempFile,
}

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Self { file }
    }

    pub(super) fn source(&self) -> SecretSource {
        SecretSource::File(self.file.path().to_owned())
    }
}

/// Whether a text could still forge a line, drive a terminal or show something else than is there.
pub(super) fn is_harmless(text: &str) -> bool {
    // The word joiner is ours: it keeps a name from calling a crowd.
    text.replace('\u{2060}', "").split('\n').all(|line| first_hostile(line).is_none())
}

/// Every string of a JSON value.
pub(super) fn strings(value: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
