//! Notifications on which templates are tried out.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::{Level, Scm, Source};
use crate::domain::names::{CredentialName, IntegrationName, ReceiverName};
use crate::domain::notification::{About, Notification, NotificationId, NotificationKind, RouteId};
use crate::domain::page::{Claim, Gap, Link, Page, PageLabels};

/// A full and a bare notification of every kind, each with the words for which one it is.
pub(super) fn notifications() -> impl Iterator<Item = (String, Notification)> {
    NotificationKind::ALL.iter().flat_map(|kind| {
        [
            (format!("tried with a full `{kind}`"), notification(*kind, full())),
            (
                format!("tried with a bare `{kind}`, in which what may be missing is missing"),
                notification(*kind, bare()),
            ),
        ]
    })
}

fn notification(kind: NotificationKind, page: Page) -> Notification {
    let since = DateTime::<Utc>::UNIX_EPOCH;
    let opened_at = since + TimeDelta::minutes(10);
    let about = match kind {
        NotificationKind::Test => About::Test(ReceiverName::new("example")),
        NotificationKind::Digest => About::Digest(RouteId("example".to_owned())),
        _ => About::Incident(IncidentKey {
            rule: Rule::CredentialInvalid,
            subject: Subject::Credential(CredentialName::new("bitbucket-example")),
        }),
    };
    let id = NotificationId::of(&about, Severity::Critical, opened_at, kind, 1);
    Notification { id, kind, about, severity: Severity::Critical, since, opened_at, created_at: opened_at, page }
}

fn bare() -> Page {
    Page {
        title: "CredentialInvalid: bitbucket-example".to_owned(),
        summary: "The PAT is rejected.".to_owned(),
        next_step: "Make a new API token.".to_owned(),
        ..Page::default()
    }
}

fn full() -> Page {
    let observed_at = DateTime::<Utc>::UNIX_EPOCH;
    Page {
        evidence: vec![Claim {
            text: "Bitbucket answered 401.".to_owned(),
            source: Source::Measured,
            observed_at: Some(observed_at),
        }],
        ruled_out: vec!["Bitbucket answers others.".to_owned()],
        last_change: Some("The token was renewed.".to_owned()),
        noticed: Some("Within 5 minutes.".to_owned()),
        members: vec!["Payments".to_owned()],
        more_members: 49,
        cause: Some("CredentialInvalid/credential/bitbucket-example".to_owned()),
        gap: Some(Gap { from: observed_at, to: observed_at + TimeDelta::hours(1) }),
        links: vec![Link { title: "Status page".to_owned(), url: "https://snykwatch.example.com/".to_owned() }],
        labels: PageLabels {
            integration: Some(IntegrationName::new("example")),
            credential: Some(CredentialName::new("bitbucket-example")),
            level: Some(Level::Group),
            scm: Some(Scm::BitbucketCloud),
            owner: Some("platform".to_owned()),
        },
        ..bare()
    }
}
