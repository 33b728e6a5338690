//! Drops what is too old, a little at a time.

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::failure::failed;
use super::rows::millis;
use super::writer::Writer;
use crate::store::{Pruned, StoreError};

const PRUNE: &str = "drop what is too old";

/// Rows of one transaction: a commit never waits for more than this.
const BATCH: u64 = 1_000;

const TRANSITIONS: &str = "DELETE FROM transition WHERE id IN (SELECT id FROM transition WHERE at < ?1 LIMIT ?2)";

/// What a receiver is still to be reminded of stays.
const DELIVERIES: &str = "DELETE FROM delivery WHERE id IN ( \
    SELECT id FROM delivery WHERE ended_at < ?1 \
    AND NOT EXISTS (SELECT 1 FROM standing WHERE standing.delivery = delivery.id AND standing.firing = 1) LIMIT ?2)";

const NOTIFICATIONS: &str = "DELETE FROM notification WHERE number IN ( \
    SELECT number FROM notification WHERE created_at < ?1 \
    AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.notification = notification.number) LIMIT ?2)";

pub(super) async fn prune(writer: &Mutex<Writer>, before: DateTime<Utc>) -> Result<Pruned, StoreError> {
    let transitions = delete(writer, TRANSITIONS, before).await?;
    let deliveries = delete(writer, DELIVERIES, before).await?;
    delete(writer, NOTIFICATIONS, before).await?;
    give_room_back(writer).await?;
    Ok(Pruned { transitions, deliveries })
}

/// Deletes in batches; between two of them, a commit may pass.
async fn delete(writer: &Mutex<Writer>, statement: &'static str, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let mut writer = writer.lock().await;
        writer.begin(PRUNE).await?;
        let batch = sqlx::query(statement)
            .bind(millis(before))
            .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
            .execute(&mut writer.connection)
            .await;
        let batch = batch.map(|result| result.rows_affected()).map_err(failed(PRUNE));
        let batch = writer.end(PRUNE, batch).await?;
        deleted += batch;
        if batch < BATCH {
            return Ok(deleted);
        }
    }
}

/// Free pages go back to the file system, and the write-ahead log is merged.
async fn give_room_back(writer: &Mutex<Writer>) -> Result<(), StoreError> {
    let mut before = i64::MAX;
    loop {
        let mut writer = writer.lock().await;
        let (free,): (i64,) =
            sqlx::query_as("PRAGMA freelist_count").fetch_one(&mut writer.connection).await.map_err(failed(PRUNE))?;
        // A file that was made without the setting keeps its free pages, and uses them again.
        if free == 0 || free >= before {
            break;
        }
        before = free;
        writer.refuse_adrift(PRUNE)?;
        sqlx::query("PRAGMA incremental_vacuum(1000)").execute(&mut writer.connection).await.map_err(failed(PRUNE))?;
        writer.note_own_write();
    }
    let mut writer = writer.lock().await;
    writer.refuse_adrift(PRUNE)?;
    // A reader may be at work: then it is done next time.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut writer.connection).await.map_err(failed(PRUNE))?;
    writer.note_own_write();
    writer.refuse_adrift(PRUNE)
}
