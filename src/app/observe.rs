//! `run --observe`: once a day, and at the end, a list of what people would have been told.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::notification::{Delivery, DeliveryState};
use crate::store::{DeliveryFilter, Store, StoreError};

/// How often it is listed, in domain time.
const LIST_EVERY: TimeDelta = TimeDelta::hours(24);

/// Deliveries in one list; more are counted as "at least".
const LISTED: usize = 500;

/// Lists until `stop`, and once more then.
pub(super) async fn list_what_is_withheld(store: Arc<dyn Store>, clock: Clock, stop: CancellationToken) {
    let mut participant = clock.participant();
    let mut since = clock.now();
    loop {
        let is_over = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = participant.sleep_until(since + LIST_EVERY) => false,
        };
        let now = clock.now();
        match withheld(&*store, since).await {
            Ok(deliveries) => lines(&deliveries, since).iter().for_each(|line| tracing::info!("{line}")),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "could not list what would have been sent");
            }
        }
        if is_over {
            return;
        }
        since = now;
    }
}

/// What was withheld since then, oldest first.
async fn withheld(store: &dyn Store, since: DateTime<Utc>) -> Result<Vec<Delivery>, StoreError> {
    let state = Some(DeliveryState::Withheld);
    let filter = DeliveryFilter { receiver: None, about: None, state, limit: LISTED };
    let mut deliveries = store.deliveries(filter).await?;
    deliveries.retain(|delivery| delivery.notification.created_at >= since);
    deliveries.reverse();
    Ok(deliveries)
}

fn lines(deliveries: &[Delivery], since: DateTime<Utc>) -> Vec<String> {
    const FORM: &str = "%Y-%m-%d %H:%M UTC";
    let count = deliveries.len();
    let at_least = if count == LISTED { "at least " } else { "" };
    let what = if count == 1 { "1 notification".to_owned() } else { format!("{at_least}{count} notifications") };
    let head = format!("observing: since {}, {what} would have been sent", since.format(FORM));
    let line = |delivery: &Delivery| {
        let notification = &delivery.notification;
        format!(
            "would have told {} at {}: {} ({}) {}",
            delivery.receiver,
            notification.created_at.format(FORM),
            notification.kind,
            notification.severity,
            notification.page.title,
        )
    };
    std::iter::once(head).chain(deliveries.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
    use crate::domain::notification::{About, Dispatch, Notification, NotificationId, NotificationKind, Outgoing};
    use crate::domain::page::Page;
    use crate::domain::state::State;
    use crate::store::memory::MemoryStore;
    use crate::store::{Commit, Revision};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn outgoing(sequence: u32, created_at: DateTime<Utc>, dispatch: Dispatch) -> Outgoing {
        let subject = Subject::Credential("bitbucket-acme".into());
        let about = About::Incident(IncidentKey { rule: Rule::CredentialInvalid, subject });
        let (severity, kind) = (Severity::Critical, NotificationKind::Trigger);
        let title = format!("CredentialInvalid: bitbucket-acme, number {sequence}");
        let notification = Notification {
            id: NotificationId::of(&about, severity, created_at, kind, sequence),
            kind,
            about,
            severity,
            since: created_at,
            opened_at: created_at,
            created_at,
            page: Page { title, ..Page::default() },
        };
        let receivers = vec!["chat".into(), "on-call".into()];
        Outgoing { notification: Arc::new(notification), receivers, dispatch }
    }

    #[tokio::test]
    async fn what_was_withheld_lately_is_listed_and_nothing_else() {
        let store = MemoryStore::default();
        let since = at("2026-11-23T09:00:00Z");
        let empty = withheld(&store, since).await.unwrap();
        assert_eq!(
            lines(&empty, since),
            ["observing: since 2026-11-23 09:00 UTC, 0 notifications would have been sent"]
        );
        let notifications = vec![
            outgoing(1, at("2026-11-23T08:59:00Z"), Dispatch::Withhold),
            outgoing(2, at("2026-11-23T09:12:00Z"), Dispatch::Withhold),
            outgoing(3, at("2026-11-23T09:13:00Z"), Dispatch::Deliver),
        ];
        let (state, transitions) = (Arc::new(State::default()), Vec::new());
        store.commit(Commit { based_on: Revision::NONE, at: since, state, transitions, notifications }).await.unwrap();
        let found = withheld(&store, since).await.unwrap();
        insta::assert_snapshot!(lines(&found, since).join("\n"), @"
        observing: since 2026-11-23 09:00 UTC, 2 notifications would have been sent
        would have told chat at 2026-11-23 09:12 UTC: trigger (critical) CredentialInvalid: bitbucket-acme, number 2
        would have told on-call at 2026-11-23 09:12 UTC: trigger (critical) CredentialInvalid: bitbucket-acme, number 2
        ");
    }
}
