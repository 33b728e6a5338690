//! `/-/healthy`, `/-/ready` and `/-/reload`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Shared, problem};

/// A daemon that publishes nothing for so long is not alive. Evaluation publishes every few seconds, whatever the
/// upstream APIs do.
pub const SNAPSHOT_MAX_AGE: Duration = Duration::from_mins(2);

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The new configuration is in force; what changed, as text.
    Applied(String),
    /// It has these problems; the configuration before stays in force.
    Rejected(String),
    /// It is valid and could not be put in force; the configuration before stays in force.
    Failed(String),
}

/// Somebody's wish to reload.
#[derive(Debug)]
pub struct ReloadRequest {
    /// To be told what became of it.
    pub answer: oneshot::Sender<ReloadOutcome>,
}

/// Asks the daemon to reload.
#[derive(Debug, Clone)]
pub struct ReloadHandle(mpsc::Sender<ReloadRequest>);

impl ReloadHandle {
    /// A handle and the end at which the daemon listens. Wishes beyond a few wait.
    pub fn new() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (sender, receiver) = mpsc::channel(4);
        (Self(sender), receiver)
    }

    /// Asks, and waits for what became of it. `None` when the daemon no longer listens.
    pub async fn reload(&self) -> Option<ReloadOutcome> {
        let (answer, outcome) = oneshot::channel();
        self.0.send(ReloadRequest { answer }).await.ok()?;
        outcome.await.ok()
    }
}

pub(super) async fn healthy(State(shared): State<Arc<Shared>>) -> Response {
    let published = shared.snapshots.latest();
    let latest = published.as_ref().map_or(shared.began_at, |published| published.published_at);
    let age = Instant::now().saturating_duration_since(latest);
    if age < SNAPSHOT_MAX_AGE {
        return problem::text(StatusCode::OK, "Healthy.");
    }
    let what = if published.is_some() { "The last snapshot is old" } else { "There is no snapshot yet" };
    problem::text(StatusCode::SERVICE_UNAVAILABLE, &format!("{what}: nothing was published for {} s.", age.as_secs()))
}

/// The daemon listens only once its configuration is valid and its state restored; what is left is the first snapshot.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.snapshots.latest().is_none() {
        return problem::text(StatusCode::SERVICE_UNAVAILABLE, "The first snapshot is not published yet.");
    }
    problem::text(StatusCode::OK, "Ready.")
}

pub(super) async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    match shared.reload.reload().await {
        Some(ReloadOutcome::Applied(changes)) => problem::text(StatusCode::OK, &changes),
        Some(ReloadOutcome::Rejected(problems)) => problem::text(StatusCode::BAD_REQUEST, &problems),
        Some(ReloadOutcome::Failed(reason)) => problem::text(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        None => problem::text(StatusCode::INTERNAL_SERVER_ERROR, "The daemon is stopping and does not reload."),
    }
}
