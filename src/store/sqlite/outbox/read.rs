//! Reads deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqlitePool};

use crate::domain::names::ReceiverName;
use crate::domain::notification::{
    AttemptFailure, Delivery, DeliveryId, DeliveryState, FailureReason, Notification, NotificationId, Reach,
};
use crate::store::sqlite::failure::{broken, failed};
use crate::store::sqlite::rows::{UnreadableValue, count, instant, limit, millis, word};
use crate::store::{Backlog, DeliveryFilter, StoreError};

const READ: &str = "read the deliveries";
const COUNT: &str = "count the deliveries";

#[derive(FromRow)]
struct Row {
    id: i64,
    receiver: String,
    state: String,
    attempts: i64,
    reach: String,
    next_attempt_at: i64,
    ended_at: Option<i64>,
    failure_reason: Option<String>,
    failure_detail: Option<String>,
    notification: String,
    json: String,
}

pub(crate) async fn pending(
    readers: &SqlitePool,
    receiver: &ReceiverName,
    at_most: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT delivery.id, receiver, state, attempts, reach, next_attempt_at, ended_at, failure_reason, \
         failure_detail, notification.id AS notification, notification.json \
         FROM delivery JOIN notification ON notification.number = delivery.notification \
         WHERE receiver = ?1 AND state = 'pending' ORDER BY delivery.id LIMIT ?2",
    )
    .bind(receiver.as_str())
    .bind(limit(at_most))
    .fetch_all(readers)
    .await
    .map_err(failed(READ))?;
    decode(rows)
}

pub(crate) async fn deliveries(readers: &SqlitePool, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT delivery.id, receiver, state, attempts, reach, next_attempt_at, ended_at, failure_reason, \
         failure_detail, notification.id AS notification, notification.json \
         FROM delivery JOIN notification ON notification.number = delivery.notification \
         WHERE (?1 IS NULL OR receiver = ?1) AND (?2 IS NULL OR state = ?2) \
         AND (?3 IS NULL OR notification.about = ?3) ORDER BY delivery.id DESC LIMIT ?4",
    )
    .bind(filter.receiver.as_ref().map(ReceiverName::as_str))
    .bind(filter.state.map(DeliveryState::as_str))
    .bind(filter.about.as_ref().map(ToString::to_string))
    .bind(limit(filter.limit))
    .fetch_all(readers)
    .await
    .map_err(failed(READ))?;
    decode(rows)
}

/// A notification that went to several receivers is read once.
fn decode(rows: Vec<Row>) -> Result<Vec<Delivery>, StoreError> {
    let mut notifications: BTreeMap<NotificationId, Arc<Notification>> = BTreeMap::new();
    let mut deliveries = Vec::with_capacity(rows.len());
    for mut row in rows {
        let id = NotificationId(std::mem::take(&mut row.notification));
        let notification = if let Some(known) = notifications.get(&id) {
            Arc::clone(known)
        } else {
            let read: Arc<Notification> = Arc::new(serde_json::from_str(&row.json).map_err(broken(READ))?);
            notifications.insert(id, Arc::clone(&read));
            read
        };
        deliveries.push(delivery(row, notification).map_err(broken(READ))?);
    }
    Ok(deliveries)
}

fn delivery(row: Row, notification: Arc<Notification>) -> Result<Delivery, UnreadableValue> {
    Ok(Delivery {
        id: DeliveryId(row.id),
        receiver: ReceiverName::new(row.receiver),
        notification,
        state: word(DeliveryState::ALL, DeliveryState::as_str, "state of a delivery", &row.state)?,
        attempts: count(row.attempts)?,
        reach: word(Reach::ALL, Reach::as_str, "reach", &row.reach)?,
        next_attempt_at: instant(row.next_attempt_at)?,
        ended_at: row.ended_at.map(instant).transpose()?,
        last_failure: failure(row.failure_reason, row.failure_detail)?,
    })
}

fn failure(reason: Option<String>, detail: Option<String>) -> Result<Option<AttemptFailure>, UnreadableValue> {
    let (Some(reason), Some(detail)) = (reason, detail) else { return Ok(None) };
    let reason = word(FailureReason::ALL, FailureReason::as_str, "reason of a failure", &reason)?;
    Ok(Some(AttemptFailure { reason, detail }))
}

#[derive(FromRow)]
struct BacklogRow {
    receiver: String,
    pending: i64,
    oldest_pending: Option<i64>,
    oldest_critical: Option<i64>,
    last_delivered_at: Option<i64>,
    dead_lettered_at: Option<i64>,
    failure_reason: Option<String>,
    failure_detail: Option<String>,
}

/// However long the history is, this looks up a few rows for each receiver.
pub(crate) async fn backlogs(readers: &SqlitePool) -> Result<BTreeMap<ReceiverName, Backlog>, StoreError> {
    let rows: Vec<BacklogRow> = sqlx::query_as(
        "WITH RECURSIVE \
         known (receiver) AS ( \
           SELECT min(receiver) FROM delivery \
           UNION ALL SELECT (SELECT min(receiver) FROM delivery WHERE receiver > known.receiver) FROM known \
           WHERE known.receiver IS NOT NULL), \
         waiting (receiver, pending, oldest, critical) AS ( \
           SELECT receiver, count(*), min(created_at), min(CASE severity WHEN 'critical' THEN created_at END) \
           FROM delivery JOIN notification ON notification.number = delivery.notification \
           WHERE state = 'pending' GROUP BY receiver) \
         SELECT known.receiver, coalesce(waiting.pending, 0) AS pending, waiting.oldest AS oldest_pending, \
           waiting.critical AS oldest_critical, \
           (SELECT max(ended_at) FROM delivery WHERE receiver = known.receiver AND state = 'delivered') \
             AS last_delivered_at, \
           dead.ended_at AS dead_lettered_at, dead.failure_reason, dead.failure_detail \
         FROM known LEFT JOIN waiting ON waiting.receiver = known.receiver \
         LEFT JOIN delivery AS dead ON dead.id = ( \
           SELECT id FROM delivery WHERE receiver = known.receiver AND state = 'dead_lettered' \
           AND failure_reason IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT 1) \
         WHERE known.receiver IS NOT NULL",
    )
    .fetch_all(readers)
    .await
    .map_err(failed(COUNT))?;
    let backlogs = rows.into_iter().map(|row| Ok((ReceiverName::new(&row.receiver), backlog(row)?)));
    backlogs.collect::<Result<_, UnreadableValue>>().map_err(broken(COUNT))
}

fn backlog(row: BacklogRow) -> Result<Backlog, UnreadableValue> {
    let died_at = row.dead_lettered_at.map(instant).transpose()?;
    Ok(Backlog {
        pending: count(row.pending)?,
        oldest_pending: row.oldest_pending.map(instant).transpose()?,
        oldest_critical: row.oldest_critical.map(instant).transpose()?,
        last_delivered_at: row.last_delivered_at.map(instant).transpose()?,
        last_dead_lettered: died_at.zip(failure(row.failure_reason, row.failure_detail)?),
    })
}

pub(crate) async fn standing(
    readers: &SqlitePool,
    receiver: &ReceiverName,
    resolved_since: DateTime<Utc>,
) -> Result<Vec<Arc<Notification>>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT notification.json FROM standing \
         JOIN delivery ON delivery.id = standing.delivery \
         JOIN notification ON notification.number = delivery.notification \
         WHERE standing.receiver = ?1 AND (standing.firing = 1 OR delivery.ended_at > ?2) ORDER BY standing.key",
    )
    .bind(receiver.as_str())
    .bind(millis(resolved_since))
    .fetch_all(readers)
    .await
    .map_err(failed(READ))?;
    rows.iter().map(|(json,)| serde_json::from_str(json).map(Arc::new).map_err(broken(READ))).collect()
}

pub(crate) async fn held_open(
    readers: &SqlitePool,
    receiver: &ReceiverName,
    keys: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "WITH event (key, firing, id, state, reach) AS ( \
           SELECT key, firing, delivery.id, state, reach \
           FROM notification JOIN delivery ON delivery.notification = notification.number \
           WHERE key IN (SELECT value FROM json_each(?2)) AND receiver = ?1) \
         SELECT key FROM event GROUP BY key \
         HAVING max(CASE WHEN firing = 1 AND reach <> ?3 THEN id END) \
           > coalesce(max(CASE WHEN firing = 0 AND state = ?4 THEN id END), 0)",
    )
    .bind(receiver.as_str())
    .bind(serde_json::to_string(keys).map_err(broken(READ))?)
    .bind(Reach::NotReceived.as_str())
    .bind(DeliveryState::Delivered.as_str())
    .fetch_all(readers)
    .await
    .map_err(failed(READ))?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}
