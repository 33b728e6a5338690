//! What the stories are told with: programs that are peers, patience with an end, and notifications made by hand.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use snykwatch::clock::Clock;
use snykwatch::deliver::receiver::Message;
use snykwatch::domain::incident::{IncidentKey, Rule, Severity, Subject};
use snykwatch::domain::kinds::{Level, Scm};
use snykwatch::domain::names::IntegrationKey;
use snykwatch::domain::notification::{About, Notification, NotificationId, NotificationKind};
use snykwatch::domain::page::{Link, Page, PageLabels};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// A condition that does not come true within this time never will. Far longer than any of them takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Waits until `look` sees something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Says that a test is skipped, or fails where the peer was asked for.
pub(crate) fn skip(what: &str) {
    let is_required = std::env::var_os("SNYKWATCH_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!is_required, "{what} is not installed");
    println!("skipped: {what} is not installed");
}

/// Starts a program that is killed when its test ends, however it ends.
pub(crate) fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().unwrap()
}

/// An address of this machine where nobody listens.
pub(crate) async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    Clock::system().now()
}

/// An incident whose notifications a test makes.
#[derive(Debug, Clone)]
pub(crate) struct Episode {
    pub(crate) about: About,
    pub(crate) opened_at: DateTime<Utc>,
}

impl Episode {
    /// The integration `name` fails from now on.
    pub(crate) fn of(name: &str) -> Self {
        let subject = Subject::Integration(IntegrationKey::group(name.into()));
        let about = About::Incident(IncidentKey { rule: Rule::ConnectionFailed, subject });
        Self { about, opened_at: now() }
    }

    /// A notification of it, made now.
    pub(crate) fn notification(&self, severity: Severity, kind: NotificationKind) -> Arc<Notification> {
        let title = format!("{} [{severity}] {kind}", self.about);
        Arc::new(Notification {
            id: NotificationId::of(&self.about, severity, self.opened_at, kind, 1),
            kind,
            about: self.about.clone(),
            severity,
            since: self.opened_at,
            opened_at: self.opened_at,
            created_at: now(),
            page: Page {
                title,
                summary: "Bitbucket rejects the token.".to_owned(),
                next_step: "Save a new token in Snyk.".to_owned(),
                links: vec![Link { title: "Status page".to_owned(), url: "https://snykwatch.example.com/".to_owned() }],
                labels: PageLabels {
                    level: Some(Level::Group),
                    scm: Some(Scm::BitbucketCloud),
                    ..PageLabels::default()
                },
                ..Page::default()
            },
        })
    }

    /// A message with a notification of it.
    pub(crate) fn message(&self, severity: Severity, kind: NotificationKind) -> Message {
        message(self.notification(severity, kind))
    }
}

/// A notification on its way, now.
pub(crate) fn message(notification: Arc<Notification>) -> Message {
    let text = format!("{}\n\nNext: {}", notification.page.summary, notification.page.next_step);
    Message { title: notification.page.title.clone(), text, notification, attempted_at: now() }
}
