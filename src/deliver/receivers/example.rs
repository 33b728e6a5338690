//! Messages as the tests of receivers send them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::deliver::receiver::Message;
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::{Level, Scm};
use crate::domain::notification::{About, Notification, NotificationId, NotificationKind};
use crate::domain::page::{Link, Page, PageLabels};

/// The instant of all tests.
pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// What the token of `acme` is a problem of.
pub(crate) fn token() -> About {
    About::Incident(IncidentKey {
        rule: Rule::CredentialInvalid,
        subject: Subject::Credential("bitbucket-acme".into()),
    })
}

/// A message about something that opened at noon, sent a minute later.
pub(crate) fn message(about: About, severity: Severity, kind: NotificationKind) -> Message {
    let opened_at = noon();
    let attempted_at = opened_at + TimeDelta::minutes(1);
    let page = Page {
        title: "CredentialInvalid: bitbucket-acme".to_owned(),
        summary: "Bitbucket rejects the token.".to_owned(),
        next_step: "Save a new token in Snyk.".to_owned(),
        links: vec![
            Link { title: "Status page".to_owned(), url: "https://snykwatch.example.com/".to_owned() },
            Link { title: "Runbook".to_owned(), url: "https://snykwatch.example.com/runbooks/x".to_owned() },
        ],
        labels: PageLabels {
            integration: Some("acme-bitbucket".into()),
            credential: Some("bitbucket-acme".into()),
            level: Some(Level::Group),
            scm: Some(Scm::BitbucketCloud),
            owner: Some("platform team".to_owned()),
        },
        ..Page::default()
    };
    let notification = Notification {
        id: NotificationId::of(&about, severity, opened_at, kind, 1),
        kind,
        about,
        severity,
        since: opened_at - TimeDelta::minutes(10),
        opened_at,
        created_at: attempted_at,
        page,
    };
    Message {
        title: notification.page.title.clone(),
        text: "Bitbucket rejects the token.\n\nNext: save a new token in Snyk.".to_owned(),
        notification: Arc::new(notification),
        attempted_at,
    }
}

/// The same message with other texts.
pub(crate) fn with_texts(mut message: Message, title: &str, text: &str) -> Message {
    message.title = title.to_owned();
    message.text = text.to_owned();
    message
}

/// The same message with a notification that differs.
pub(crate) fn with(mut message: Message, change: impl FnOnce(&mut Notification)) -> Message {
    change(Arc::make_mut(&mut message.notification));
    message
}
