//! One Alertmanager.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Duration, Instant};
use url::Url;

use super::super::answer;
use super::Owned;
use super::ReceiverBuildError;
use crate::client::answer::{KnownSecrets, Redactor};
use crate::client::post::{Post, PostAnswer, PostClient, PostFailure};
use crate::config::receivers::{AlertmanagerSettings, HttpAuth};
use crate::deliver::receiver::{Retry, SendFailure};
use crate::domain::notification::{FailureReason, NotificationId, Reach};

/// Alerts in one request, as Prometheus does it.
const BATCH: usize = 64;

/// An alert that a peer calls invalid is offered again after this: an update may have taught it better.
const PAUSE_AFTER_INVALID: Duration = Duration::from_hours(1);

/// So far a peer's clock and ours may differ, where reminders are seldom: a quarter of the shortest lease then. Its `Date`
/// is to the second, and comes when the whole answer has.
const TOLERANCE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(1));

/// What is added to the root.
const PATH: &str = "api/v2/alerts";

/// One Alertmanager.
pub(super) struct Peer {
    /// Host and port, for people.
    name: String,
    url: SecretString,
    authorization: Option<SecretString>,
    redactor: Redactor,
    client: PostClient,
    /// A smaller difference of the clocks is none.
    tolerance: TimeDelta,
    memory: Mutex<Memory>,
}

/// What is known of a peer.
#[derive(Debug, Default)]
struct Memory {
    /// Alerts that it called invalid, and when.
    invalid: BTreeMap<NotificationId, Instant>,
    /// How far its clock is ahead of ours, by the date of its last answers.
    ahead: TimeDelta,
    /// Whether the last request failed: a failure is logged when it begins, not with every reminder.
    is_failing: bool,
}

/// What became of a request.
enum Posted {
    Accepted {
        /// What its clock shows.
        date: Option<DateTime<Utc>>,
    },
    /// It says that something in it is invalid.
    Invalid(String),
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Peer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Peer {
    pub(super) fn try_new(
        root: &Url,
        settings: &AlertmanagerSettings,
        client: &PostClient,
        known: &KnownSecrets,
    ) -> Result<Self, ReceiverBuildError> {
        let host = root.host_str().unwrap_or_default();
        let name = root.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if !matches!(root.scheme(), "http" | "https") || host.is_empty() {
            let reason = "only http and https addresses are reached".to_owned();
            return Err(ReceiverBuildError::Address { address: name, reason });
        }
        let mut url = root.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(&format!("{}/{PATH}", root.path().trim_end_matches('/')));
        let mut secrets: Vec<SecretString> = root.password().map(SecretString::from).into_iter().collect();
        let authorization = match settings.auth.as_ref() {
            None => None,
            Some(HttpAuth::Bearer(token)) => {
                let token = token.read()?;
                let header = format!("Bearer {}", token.expose_secret());
                secrets.push(token);
                Some(header)
            }
            Some(HttpAuth::Basic { username, password }) => {
                let password = password.read()?;
                let encoded = STANDARD.encode(format!("{username}:{}", password.expose_secret()));
                let header = format!("Basic {encoded}");
                secrets.extend([password, SecretString::from(encoded)]);
                Some(header)
            }
        };
        Ok(Self {
            name,
            url: SecretString::from(String::from(url)),
            authorization: authorization.map(SecretString::from),
            redactor: known.redactor_of_receiver(secrets),
            client: client.clone(),
            tolerance: TimeDelta::from_std(settings.resend_every.clamp(TOLERANCE.0, TOLERANCE.1)).unwrap_or_default(),
            memory: Mutex::default(),
        })
    }

    /// Brings alerts to this peer, in batches. One that it calls invalid is left out from then on, for a while; where
    /// there is no other, that is the failure.
    pub(super) async fn post(&self, alerts: &[Owned]) -> Result<(), SendFailure> {
        let posted = self.post_all(alerts).await;
        self.note(posted.as_ref().err());
        posted
    }

    /// Notes that a request was given up, since another peer was faster.
    pub(super) fn note_slowness(&self) {
        self.note(Some(&SendFailure {
            reason: FailureReason::Timeout,
            detail: self.says("far slower than another one"),
            reach: Reach::Unclear,
            retry: Retry::Later,
        }));
    }

    async fn post_all(&self, alerts: &[Owned]) -> Result<(), SendFailure> {
        let now = Instant::now();
        let offered: Vec<&Owned> = {
            let mut memory = self.memory();
            memory.invalid.retain(|_, at| now.duration_since(*at) < PAUSE_AFTER_INVALID);
            // An alert that is alone is asked about whatever was said before: somebody waits for the answer.
            let is_offered = |(id, _): &&Owned| alerts.len() == 1 || !memory.invalid.contains_key(id);
            alerts.iter().filter(is_offered).collect()
        };
        for batch in offered.chunks(BATCH) {
            match self.post_batch(batch, now).await? {
                Posted::Accepted { .. } => {}
                Posted::Invalid(said) if alerts.len() == 1 => return Err(self.rejected(&said)),
                // The valid ones were stored all the same; each is asked about alone to find the others.
                Posted::Invalid(_) => self.post_singly(batch, now).await?,
            }
        }
        Ok(())
    }

    async fn post_singly(&self, batch: &[&Owned], begun: Instant) -> Result<(), SendFailure> {
        for alert in batch {
            if let Posted::Invalid(said) = self.post_batch(std::slice::from_ref(alert), begun).await? {
                let (id, _) = alert;
                tracing::error!(peer = self.name, notification = %id, said, "an Alertmanager calls an alert invalid");
                self.memory().invalid.insert(id.clone(), Instant::now());
            }
        }
        Ok(())
    }

    /// `begun`: when they were made.
    async fn post_batch(&self, batch: &[&Owned], begun: Instant) -> Result<Posted, SendFailure> {
        let ahead = self.memory().ahead;
        let posted = self.post_by(ahead, batch, begun).await?;
        let heard = self.memory().ahead;
        if heard == ahead || matches!(posted, Posted::Invalid(_)) {
            return Ok(posted);
        }
        // By its own clock, what it took may have been over when it came, and nobody was told.
        self.post_by(heard, batch, begun).await
    }

    async fn post_by(&self, ahead: TimeDelta, batch: &[&Owned], begun: Instant) -> Result<Posted, SendFailure> {
        let alerts: Vec<_> = batch.iter().map(|(_, alert)| alert.by_clock_ahead(ahead)).collect();
        let body = serde_json::to_vec(&alerts).map_err(|error| self.rejected(&error.to_string()))?;
        let headers = self.authorization.iter().map(|value| ("authorization", value.clone())).collect();
        let post = Post { url: self.url.clone(), headers, content_type: "application/json", body };
        let posted = self.judge(self.client.post(post).await)?;
        if let (Posted::Accepted { date: Some(date) }, Some((_, alert))) = (&posted, batch.first()) {
            self.hear(*date - alert.made_at - TimeDelta::from_std(begun.elapsed()).unwrap_or_default());
        }
        Ok(posted)
    }

    /// Takes in how far its clock is ahead, by the last answer.
    fn hear(&self, ahead: TimeDelta) {
        let mut memory = self.memory();
        if (ahead - memory.ahead).abs() <= self.tolerance {
            return;
        }
        let ahead_seconds = ahead.num_seconds();
        if ahead.abs() > self.tolerance {
            memory.ahead = ahead;
            tracing::warn!(
                peer = self.name,
                ahead_seconds,
                "the clock of an Alertmanager differs from ours: alerts are sent so that they fire and end by both"
            );
        } else {
            memory.ahead = TimeDelta::zero();
            tracing::info!(peer = self.name, ahead_seconds, "the clock of an Alertmanager and ours agree again");
        }
    }

    /// Alertmanager calls single alerts invalid; everything else means what it means with every receiver.
    fn judge(&self, sent: Result<PostAnswer, PostFailure>) -> Result<Posted, SendFailure> {
        if let Ok(PostAnswer { status: 400 | 413 | 422, body, .. }) = &sent {
            return Ok(Posted::Invalid(self.redactor.clean(body.trim())));
        }
        let judged = answer::judge(sent, &self.redactor).and_then(|answer| {
            // Alertmanager's own answer is empty; a page to read comes from something before it.
            let is_own = !answer.body.trim_start().starts_with('<');
            if is_own {
                Ok(Posted::Accepted { date: answer.date })
            } else {
                Err(answer::no_acceptance(&answer, "no page", &self.redactor))
            }
        });
        judged.map_err(|failure| SendFailure { detail: self.says(&failure.detail), ..failure })
    }

    fn rejected(&self, said: &str) -> SendFailure {
        SendFailure {
            reason: FailureReason::Rejected,
            detail: self.says(&format!("the alert is invalid: {said}")),
            reach: Reach::NotReceived,
            retry: Retry::Never,
        }
    }

    fn says(&self, what: &str) -> String {
        self.redactor.clean(&format!("{}: {what}", self.name))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs when failing begins and when it ends.
    fn note(&self, failure: Option<&SendFailure>) {
        let was_failing = std::mem::replace(&mut self.memory().is_failing, failure.is_some());
        match failure {
            Some(failure) if !was_failing => {
                let SendFailure { reason, detail, .. } = failure;
                tracing::warn!(peer = self.name, %reason, detail, "an Alertmanager does not take alerts");
            }
            None if was_failing => tracing::info!(peer = self.name, "an Alertmanager takes alerts again"),
            _ => {}
        }
    }
}
