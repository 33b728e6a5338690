//! The texts of messages, made so that no wording delays anybody.
//!
//! The operator's templates are bounded before they are used ([`crate::config::template`]), but a page does not rest on
//! that: they are rendered on a thread of their own, for which a message waits a few seconds. Then it goes out in our
//! text, and so does what follows it while that thread has not come back. A thread cannot be ended from outside; so there
//! is at most one such for each message that was on its way together, and the end of the daemon waits for none.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::receiver::Message;
use super::telemetry::DeliveryTelemetry;
use super::text::{PlainWording, Wording};
use crate::domain::names::ReceiverName;
use crate::domain::notification::Notification;

/// So long a message waits for its texts, a reminder for all of its. Rendering takes milliseconds. Real time.
const LIMIT: Duration = Duration::from_secs(5);

/// Makes the texts of one receiver's messages.
#[derive(Debug)]
pub(super) struct Worder {
    receiver: ReceiverName,
    wording: Arc<dyn Wording>,
    telemetry: Arc<dyn DeliveryTelemetry>,
    limit: Duration,
    /// Threads that were given up, while they have not come back.
    given_up: Mutex<Vec<Weak<()>>>,
}

/// Title and text.
type Words = (String, String);

impl Worder {
    pub(super) fn new(
        receiver: ReceiverName,
        wording: Arc<dyn Wording>,
        telemetry: Arc<dyn DeliveryTelemetry>,
    ) -> Self {
        Self { receiver, wording, telemetry, limit: LIMIT, given_up: Mutex::default() }
    }

    /// The messages about these notifications, in their order.
    pub(super) async fn messages(
        &self,
        notifications: &[Arc<Notification>],
        attempted_at: DateTime<Utc>,
    ) -> Vec<Message> {
        let words = self.words(notifications).await;
        let worded = notifications.iter().zip(words);
        worded.map(|(notification, words)| message(notification, words, attempted_at)).collect()
    }

    /// The message about one.
    pub(super) async fn message(&self, notification: &Arc<Notification>, attempted_at: DateTime<Utc>) -> Message {
        let words = self.words(std::slice::from_ref(notification)).await.into_iter().next();
        message(notification, words.unwrap_or_else(|| of(&PlainWording, notification)), attempted_at)
    }

    async fn words(&self, notifications: &[Arc<Notification>]) -> Vec<Words> {
        let plain = || notifications.iter().map(|notification| of(&PlainWording, notification)).collect();
        if self.wording.is_ours() || self.has_given_up() {
            return plain();
        }
        let (done, words) = oneshot::channel();
        let (sign, end) = (Arc::new(()), Instant::now() + self.limit / 2);
        let lives = Arc::downgrade(&sign);
        let (wording, about) = (Arc::clone(&self.wording), notifications.to_vec());
        let rendering = move || {
            // Many texts may take too long although each does not: the last of them are ours then.
            let one = |notification: &Arc<Notification>| {
                if Instant::now() < end { of(&*wording, notification) } else { of(&PlainWording, notification) }
            };
            // Whoever waited may have given up.
            let _ = done.send(about.iter().map(one).collect());
            drop(sign);
        };
        let receiver = &self.receiver;
        if let Err(error) = std::thread::Builder::new().name("wording".to_owned()).spawn(rendering) {
            tracing::warn!(%receiver, error = &error as &dyn std::error::Error, "no thread for a template: sending our text");
            return plain();
        }
        match timeout(self.limit, words).await {
            Ok(Ok(words)) => words,
            Ok(Err(_)) => {
                self.telemetry.on_panic();
                tracing::error!(%receiver, "a template of {receiver} made us fail; sending our text");
                plain()
            }
            Err(_) => {
                self.given_up.lock().unwrap_or_else(PoisonError::into_inner).push(lives);
                tracing::error!(
                    %receiver,
                    "a template of {receiver} does not come to its end; sending our text until it does"
                );
                plain()
            }
        }
    }

    fn has_given_up(&self) -> bool {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.retain(|lives| lives.strong_count() > 0);
        !given_up.is_empty()
    }
}

fn of(wording: &dyn Wording, notification: &Notification) -> Words {
    (wording.title(notification), wording.text(notification))
}

fn message(notification: &Arc<Notification>, (title, text): Words, attempted_at: DateTime<Utc>) -> Message {
    Message { notification: Arc::clone(notification), title, text, attempted_at }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chrono::TimeDelta;

    use super::*;
    use crate::deliver::testing::{begin, event};
    use crate::deliver::text;
    use crate::domain::incident::Severity;
    use crate::domain::notification::{FailureReason, NotificationKind};

    #[derive(Debug, Default)]
    struct Panics(AtomicUsize);

    impl DeliveryTelemetry for Panics {
        fn on_attempt(&self, _receiver: &ReceiverName, _end: Result<(), FailureReason>) {}
        fn on_dead_letter(&self, _receiver: &ReceiverName) {}
        fn on_store_error(&self) {}
        fn on_heartbeat(&self, _at: DateTime<Utc>) {}

        fn on_panic(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A template that comes to its end when the gate is opened.
    #[derive(Debug, Default)]
    struct Gate {
        is_open: Mutex<bool>,
        opened: Condvar,
        panics: bool,
    }

    impl Gate {
        fn open(&self) {
            *self.is_open.lock().unwrap() = true;
            self.opened.notify_all();
        }
    }

    impl Wording for Gate {
        fn title(&self, _notification: &Notification) -> String {
            assert!(!self.panics, "as scripted");
            drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
            "theirs".to_owned()
        }

        fn text(&self, notification: &Notification) -> String {
            self.title(notification)
        }

        fn is_ours(&self) -> bool {
            false
        }
    }

    fn worder(gate: &Arc<Gate>, limit: Duration) -> (Worder, Arc<Panics>) {
        let panics = Arc::new(Panics::default());
        let worder = Worder::new("chat".into(), Arc::clone(gate) as Arc<dyn Wording>, Arc::clone(&panics) as _);
        (Worder { limit, ..worder }, panics)
    }

    fn notification() -> Arc<Notification> {
        event("a", Severity::Critical, NotificationKind::Trigger, 1, TimeDelta::zero())
    }

    #[tokio::test]
    async fn a_template_that_does_not_end_delays_a_page_by_its_limit_and_no_second_one() {
        let gate = Arc::new(Gate::default());
        let (worder, _) = worder(&gate, Duration::from_millis(20));
        let notification = notification();
        let message = worder.message(&notification, begin()).await;
        assert_eq!((message.title, message.text), (text::title(&notification), text::text(&notification)));
        assert!(worder.has_given_up());
        // Now nobody waits, and no second thread is begun.
        let worder = Worder { limit: Duration::from_hours(1), ..worder };
        assert_eq!(worder.message(&notification, begin()).await.title, text::title(&notification));
        gate.open();
        let deadline = Instant::now() + Duration::from_secs(20);
        while worder.has_given_up() {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(worder.message(&notification, begin()).await.title, "theirs", "what came back is used again");
    }

    #[tokio::test]
    async fn a_template_in_time_is_used_for_each_in_order() {
        let gate = Arc::new(Gate::default());
        gate.open();
        let (worder, panics) = worder(&gate, Duration::from_hours(1));
        let messages = worder.messages(&[notification(), notification()], begin()).await;
        assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["theirs", "theirs"]);
        assert!(worder.messages(&[], begin()).await.is_empty());
        assert_eq!(panics.0.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_template_that_makes_us_fail_is_counted_and_our_text_goes_out() {
        let gate = Arc::new(Gate { panics: true, ..Gate::default() });
        let (worder, panics) = worder(&gate, Duration::from_hours(1));
        let notification = notification();
        assert_eq!(worder.message(&notification, begin()).await.title, text::title(&notification));
        assert_eq!(panics.0.load(Ordering::SeqCst), 1);
        assert!(!worder.has_given_up(), "it came to an end");
    }
}
