//! Transitions by subject.

use sqlx::{SqliteConnection, SqlitePool};

use super::failure::{broken, failed};
use super::rows::{limit, millis};
use crate::domain::incident::Subject;
use crate::domain::state::Transition;
use crate::store::{StoreError, subject_of};

const APPEND: &str = "write the history";
const READ: &str = "read the history";

/// Rows of one statement.
const ROWS: usize = 500;

/// Appends in order. A subject is stored as its text: configuration keys have no slash in them, so it is unambiguous.
pub(super) async fn append(connection: &mut SqliteConnection, transitions: &[Transition]) -> Result<(), StoreError> {
    for chunk in transitions.chunks(ROWS) {
        let rows = chunk.iter().map(|transition| {
            let json = serde_json::to_string(transition)?;
            Ok((millis(transition.at), subject_of(transition).to_string(), json))
        });
        let rows: Vec<_> = rows.collect::<Result<_, serde_json::Error>>().map_err(broken(APPEND))?;
        sqlx::query(
            "INSERT INTO transition (at, subject, json) \
             SELECT each.value ->> 0, each.value ->> 1, each.value ->> 2 FROM json_each(?1) AS each ORDER BY each.key",
        )
        .bind(serde_json::to_string(&rows).map_err(broken(APPEND))?)
        .execute(&mut *connection)
        .await
        .map_err(failed(APPEND))?;
    }
    Ok(())
}

/// The latest of a subject, newest first.
pub(super) async fn latest(
    readers: &SqlitePool,
    subject: &Subject,
    at_most: usize,
) -> Result<Vec<Transition>, StoreError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT json FROM transition WHERE subject = ?1 ORDER BY id DESC LIMIT ?2")
            .bind(subject.to_string())
            .bind(limit(at_most))
            .fetch_all(readers)
            .await
            .map_err(failed(READ))?;
    rows.iter().map(|(json,)| serde_json::from_str(json).map_err(broken(READ))).collect()
}
