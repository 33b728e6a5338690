//! Deliveries and attempts.

mod read;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

pub(super) use self::read::{backlogs, deliveries, held_open, pending, standing};
use super::failure::{broken, failed};
use super::rows::millis;
use super::writer::Writer;
use crate::domain::notification::{
    AttemptFailure, DeliveryId, DeliveryState, Dispatch, NotificationKind, Outgoing, Reach,
};
use crate::store::{AttemptEnd, Settled, StoreError};

const ADD: &str = "write a notification";
const BEGIN: &str = "note the begin of an attempt";
const FINISH: &str = "note the end of an attempt";
const SETTLE: &str = "end deliveries";
const REVIVE: &str = "revive dead letters";

/// Makes a delivery for each receiver, unless the notification is known.
pub(super) async fn add(connection: &mut SqliteConnection, outgoing: &Outgoing) -> Result<(), StoreError> {
    let notification = &*outgoing.notification;
    let created_at = millis(notification.created_at);
    let made: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO notification (id, about, key, severity, firing, created_at, json) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING RETURNING number",
    )
    .bind(&notification.id.0)
    .bind(notification.about.to_string())
    .bind(notification.key())
    .bind(notification.severity.as_str())
    .bind(notification.is_firing())
    .bind(created_at)
    .bind(serde_json::to_string(notification).map_err(broken(ADD))?)
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed(ADD))?;
    let Some((number,)) = made else { return Ok(()) };
    let (state, ended_at) = match outgoing.dispatch {
        Dispatch::Deliver => (DeliveryState::Pending, None),
        Dispatch::Withhold => (DeliveryState::Withheld, Some(created_at)),
    };
    for receiver in &outgoing.receivers {
        sqlx::query(
            "INSERT INTO delivery (notification, receiver, state, attempts, reach, next_attempt_at, ended_at) \
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6)",
        )
        .bind(number)
        .bind(receiver.as_str())
        .bind(state.as_str())
        .bind(Reach::NotReceived.as_str())
        .bind(created_at)
        .bind(ended_at)
        .execute(&mut *connection)
        .await
        .map_err(failed(ADD))?;
        if !notification.is_firing() {
            // What fires under its key stands no more, whatever becomes of this resolve.
            sqlx::query("DELETE FROM standing WHERE receiver = ?1 AND key = ?2 AND firing = 1")
                .bind(receiver.as_str())
                .bind(notification.key())
                .execute(&mut *connection)
                .await
                .map_err(failed(ADD))?;
        }
    }
    Ok(())
}

pub(super) async fn begin(writer: &mut Writer, delivery: DeliveryId, at: DateTime<Utc>) -> Result<(), StoreError> {
    writer.begin(BEGIN).await?;
    let outcome = note_begin(&mut writer.connection, delivery, at).await.map_err(failed(BEGIN));
    writer.end(BEGIN, outcome).await
}

async fn note_begin(
    connection: &mut SqliteConnection,
    delivery: DeliveryId,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let attempt: Option<(i64,)> = sqlx::query_as(
        "UPDATE delivery SET attempts = attempts + 1, reach = CASE reach WHEN ?2 THEN ?3 ELSE reach END \
         WHERE id = ?1 AND state = 'pending' RETURNING attempts",
    )
    .bind(delivery.0)
    .bind(Reach::NotReceived.as_str())
    .bind(Reach::Unclear.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((number,)) = attempt {
        sqlx::query("INSERT INTO attempt (delivery, number, began_at) VALUES (?1, ?2, ?3)")
            .bind(delivery.0)
            .bind(number)
            .bind(millis(at))
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn finish(writer: &mut Writer, end: AttemptEnd) -> Result<(), StoreError> {
    writer.begin(FINISH).await?;
    let outcome = note_end(&mut writer.connection, &end).await.map_err(failed(FINISH));
    writer.end(FINISH, outcome).await
}

async fn note_end(connection: &mut SqliteConnection, end: &AttemptEnd) -> Result<(), sqlx::Error> {
    let ended_at = (end.state != DeliveryState::Pending).then(|| millis(end.at));
    let (reason, detail) = columns(end.failure.as_ref());
    let was_pending: Option<(i64,)> = sqlx::query_as(
        "UPDATE delivery SET reach = ?2, state = ?3, next_attempt_at = ?4, ended_at = ?5, failure_reason = ?6, \
         failure_detail = ?7 WHERE id = ?1 AND state = 'pending' RETURNING attempts",
    )
    .bind(end.delivery.0)
    .bind(end.reach.as_str())
    .bind(end.state.as_str())
    .bind(millis(end.next_attempt_at))
    .bind(ended_at)
    .bind(reason)
    .bind(detail)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((attempt,)) = was_pending else { return Ok(()) };
    sqlx::query(
        "UPDATE attempt SET ended_at = ?3, failure_reason = ?4, failure_detail = ?5 \
         WHERE delivery = ?1 AND number = ?2",
    )
    .bind(end.delivery.0)
    .bind(attempt)
    .bind(millis(end.at))
    .bind(reason)
    .bind(detail)
    .execute(&mut *connection)
    .await?;
    if end.state == DeliveryState::Delivered {
        note_standing(connection, end.delivery).await?;
    }
    Ok(())
}

/// The receiver took it. Deliveries may end in another order than they were made: the latest made one counts, and what
/// fires counts only without a later resolve. A test and a digest are over when they are sent.
async fn note_standing(connection: &mut SqliteConnection, delivery: DeliveryId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO standing (receiver, key, delivery, firing) \
         SELECT delivery.receiver, notification.key, delivery.id, notification.firing \
         FROM delivery JOIN notification ON notification.number = delivery.notification \
         WHERE delivery.id = ?1 AND notification.json ->> 'kind' NOT IN (?2, ?3) \
         AND (notification.firing = 0 OR NOT EXISTS ( \
           SELECT 1 FROM notification AS ending JOIN delivery AS later ON later.notification = ending.number \
           WHERE ending.key = notification.key AND ending.firing = 0 \
           AND later.receiver = delivery.receiver AND later.id > delivery.id)) \
         ON CONFLICT (receiver, key) DO UPDATE SET delivery = excluded.delivery, firing = excluded.firing \
         WHERE excluded.delivery > standing.delivery",
    )
    .bind(delivery.0)
    .bind(NotificationKind::Test.as_str())
    .bind(NotificationKind::Digest.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn settle(writer: &mut Writer, settled: Vec<Settled>, at: DateTime<Utc>) -> Result<(), StoreError> {
    writer.begin(SETTLE).await?;
    let outcome = async {
        for settled in &settled {
            settle_one(&mut writer.connection, settled, at).await?;
        }
        Ok(())
    }
    .await;
    writer.end(SETTLE, outcome.map_err(failed(SETTLE))).await
}

async fn settle_one(
    connection: &mut SqliteConnection,
    settled: &Settled,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (reason, detail) = columns(settled.failure.as_ref());
    let ended_at = (settled.state != DeliveryState::Pending).then(|| millis(at));
    let was_pending = sqlx::query(
        "UPDATE delivery SET state = ?2, ended_at = ?3, failure_reason = coalesce(?4, failure_reason), \
         failure_detail = coalesce(?5, failure_detail) WHERE id = ?1 AND state = 'pending'",
    )
    .bind(settled.delivery.0)
    .bind(settled.state.as_str())
    .bind(ended_at)
    .bind(reason)
    .bind(detail)
    .execute(&mut *connection)
    .await?;
    if was_pending.rows_affected() > 0 && settled.state == DeliveryState::Delivered {
        note_standing(connection, settled.delivery).await?;
    }
    Ok(())
}

pub(super) async fn revive(
    writer: &mut Writer,
    deliveries: Vec<DeliveryId>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    writer.begin(REVIVE).await?;
    let outcome = async {
        for delivery in deliveries {
            sqlx::query(
                "UPDATE delivery SET state = 'pending', next_attempt_at = ?2, ended_at = NULL \
                 WHERE id = ?1 AND state = 'dead_lettered'",
            )
            .bind(delivery.0)
            .bind(millis(at))
            .execute(&mut writer.connection)
            .await?;
        }
        Ok(())
    }
    .await;
    writer.end(REVIVE, outcome.map_err(failed(REVIVE))).await
}

fn columns(failure: Option<&AttemptFailure>) -> (Option<&str>, Option<&str>) {
    (failure.map(|failure| failure.reason.as_str()), failure.map(|failure| failure.detail.as_str()))
}
