//! Commits, and the state that they left.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::SqliteConnection;

use super::failure::{broken, failed};
use super::rows::{count, instant, millis};
use super::writer::Writer;
use super::{history, outbox};
use crate::domain::notification::Outgoing;
use crate::domain::state::State;
use crate::store::parts::{Assembly, Changes};
use crate::store::{Commit, Revision, StoreError, Stored};

const COMMIT: &str = "commit the state";
const LOAD: &str = "load the state";

/// Rows of one statement: enough that its cost does not count, few enough that its text stays small.
const ROWS: usize = 500;

impl Writer {
    pub(super) async fn commit(&mut self, commit: Commit) -> Result<Revision, StoreError> {
        // Found out before anything is locked; a refusal writes nothing.
        let Commit { based_on, at, state, transitions, notifications } = commit;
        self.begin(COMMIT).await?;
        let outcome = async {
            let found = latest(&mut self.connection).await?.map_or(Revision::NONE, |(revision, _)| revision);
            if based_on != found {
                return Err(StoreError::Conflict { based_on, found });
            }
            let before = base(&mut self.connection, self.committed.as_ref(), found).await?;
            let changes = difference(before, Arc::clone(&state)).await?;
            write_parts(&mut self.connection, &changes).await?;
            let revision = found.next();
            note_commit(&mut self.connection, revision, millis(at)).await?;
            history::append(&mut self.connection, &transitions).await?;
            for outgoing in &notifications {
                outbox::add(&mut self.connection, outgoing).await?;
            }
            Ok(revision)
        }
        .await;
        let revision = self.end(COMMIT, outcome).await?;
        self.committed = Some((revision, state));
        self.committed_at = millis(at);
        Ok(revision)
    }

    /// Writes the latest commit into a file that has none, as far as it is remembered, with `pending` deliveries.
    pub(super) async fn write_anew(&mut self, pending: &[Outgoing]) -> Result<(), StoreError> {
        let Some((revision, state)) = self.committed.clone() else { return Ok(()) };
        let committed_at = self.committed_at;
        self.begin(COMMIT).await?;
        let outcome = async {
            let changes = difference(Arc::default(), state).await?;
            write_parts(&mut self.connection, &changes).await?;
            note_commit(&mut self.connection, revision, committed_at).await?;
            for outgoing in pending {
                outbox::add(&mut self.connection, outgoing).await?;
            }
            Ok(())
        }
        .await;
        self.end(COMMIT, outcome).await
    }

    /// Whether what `reader` reads is the latest commit, as far as it is known here, or came after it. With `thoroughly`, it
    /// is that commit part by part too.
    pub(super) async fn is_read_by(&self, reader: &mut SqliteConnection, thoroughly: bool) -> Result<bool, StoreError> {
        let Some((revision, state)) = &self.committed else { return Ok(true) };
        let found = latest(reader).await?;
        if found.is_some_and(|(found, _)| found > *revision) {
            return Ok(true);
        }
        if found != Some((*revision, self.committed_at)) || !thoroughly {
            return Ok(found == Some((*revision, self.committed_at)));
        }
        let stored = Arc::new(stored_state(reader).await?);
        let Changes { written, removed } = difference(stored, Arc::clone(state)).await?;
        Ok(written.is_empty() && removed.is_empty())
    }

    pub(super) async fn load(&mut self) -> Result<Option<Stored>, StoreError> {
        self.roll_back_interrupted().await;
        let Some((revision, committed_at)) = latest(&mut self.connection).await? else { return Ok(None) };
        let state = base(&mut self.connection, self.committed.as_ref(), revision).await?;
        self.committed = Some((revision, Arc::clone(&state)));
        self.committed_at = committed_at;
        let committed_at = instant(committed_at).map_err(broken(LOAD))?;
        Ok(Some(Stored { revision, committed_at, state }))
    }
}

/// The latest commit's revision, and when it was.
pub(super) async fn latest(connection: &mut SqliteConnection) -> Result<Option<(Revision, i64)>, StoreError> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT revision, committed_at FROM latest_commit")
        .fetch_optional(connection)
        .await
        .map_err(failed(LOAD))?;
    let Some((revision, committed_at)) = row else { return Ok(None) };
    Ok(Some((Revision(count(revision).map_err(broken(LOAD))?), committed_at)))
}

/// The state of the latest commit: the one that is kept, unless it is that of another.
async fn base(
    connection: &mut SqliteConnection,
    kept: Option<&(Revision, Arc<State>)>,
    found: Revision,
) -> Result<Arc<State>, StoreError> {
    match kept {
        Some((revision, state)) if *revision == found => Ok(Arc::clone(state)),
        _ if found == Revision::NONE => Ok(Arc::default()),
        _ => stored_state(connection).await.map(Arc::new),
    }
}

async fn stored_state(connection: &mut SqliteConnection) -> Result<State, StoreError> {
    let mut rows = sqlx::query_as::<_, (String, String, String)>("SELECT kind, key, json FROM part").fetch(connection);
    let mut assembly = Assembly::default();
    while let Some((kind, key, json)) = rows.try_next().await.map_err(failed(LOAD))? {
        assembly.add(&kind, &key, &json).map_err(broken(LOAD))?;
    }
    assembly.finish().map_err(broken(LOAD))
}

/// Compared on a thread where it may take its time: the first commit of a large fleet is all of it.
async fn difference(before: Arc<State>, after: Arc<State>) -> Result<Changes, StoreError> {
    if Arc::ptr_eq(&before, &after) {
        return Ok(Changes::default());
    }
    let compared = tokio::task::spawn_blocking(move || Changes::between(&before, &after)).await;
    compared.map_err(broken(COMMIT))?.map_err(broken(COMMIT))
}

async fn write_parts(connection: &mut SqliteConnection, changes: &Changes) -> Result<(), StoreError> {
    for removed in changes.removed.chunks(ROWS) {
        let rows: Vec<_> = removed.iter().map(|(kind, key)| (kind.as_str(), key)).collect();
        sqlx::query("DELETE FROM part WHERE (kind, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))")
            .bind(serde_json::to_string(&rows).map_err(broken(COMMIT))?)
            .execute(&mut *connection)
            .await
            .map_err(failed(COMMIT))?;
    }
    for written in changes.written.chunks(ROWS) {
        let rows: Vec<_> = written.iter().map(|part| (part.kind.as_str(), &part.key, &part.json)).collect();
        sqlx::query(
            "INSERT INTO part (kind, key, json) \
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true \
             ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json",
        )
        .bind(serde_json::to_string(&rows).map_err(broken(COMMIT))?)
        .execute(&mut *connection)
        .await
        .map_err(failed(COMMIT))?;
    }
    Ok(())
}

async fn note_commit(
    connection: &mut SqliteConnection,
    revision: Revision,
    committed_at: i64,
) -> Result<(), StoreError> {
    let revision = i64::try_from(revision.0).map_err(broken(COMMIT))?;
    sqlx::query(
        "INSERT INTO latest_commit (only, revision, committed_at) VALUES (1, ?1, ?2) \
         ON CONFLICT (only) DO UPDATE SET revision = excluded.revision, committed_at = excluded.committed_at",
    )
    .bind(revision)
    .bind(committed_at)
    .execute(connection)
    .await
    .map_err(failed(COMMIT))?;
    Ok(())
}
