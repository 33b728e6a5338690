//! `/-/log-filter`: which log messages are written, changed while the daemon runs. Until the next start: the command line
//! is what lasts.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Shared, problem};

/// A filter that cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum LogFilterError {
    /// It means nothing.
    #[error("`{filter}` is no log filter: {reason}")]
    Invalid {
        /// What was asked for.
        filter: String,
        /// Why not.
        reason: String,
    },
    /// There is no log any more.
    #[error("the log filter could not be changed: {0}")]
    Gone(String),
}

/// What a log lets us do with its filter.
pub trait LogFilter: Send + Sync {
    /// The filter in force, as it is written.
    ///
    /// # Errors
    /// When there is no log any more.
    fn filter(&self) -> Result<String, LogFilterError>;

    /// Takes another one over, tells the log, and gives the one before.
    ///
    /// # Errors
    /// When it means nothing; then nothing changes.
    fn set_filter(&self, filter: &str) -> Result<String, LogFilterError>;
}

/// The filter of the process's log.
#[derive(Clone)]
pub struct LogHandle(Arc<dyn LogFilter>);

impl fmt::Debug for LogHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LogHandle").field(&self.0.filter()).finish()
    }
}

impl LogHandle {
    /// A handle on a log's filter.
    pub fn new(log: impl LogFilter + 'static) -> Self {
        Self(Arc::new(log))
    }
}

pub(super) async fn filter(State(shared): State<Arc<Shared>>) -> Response {
    match shared.log.as_ref().map(|log| log.0.filter()) {
        Some(Ok(filter)) => problem::text(StatusCode::OK, &filter),
        Some(Err(error)) => problem::text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        None => nothing_here(),
    }
}

/// The body is the filter, as `--log` has it.
pub(super) async fn set_filter(State(shared): State<Arc<Shared>>, wanted: String) -> Response {
    let wanted = wanted.trim();
    match shared.log.as_ref().map(|log| log.0.set_filter(wanted)) {
        Some(Ok(before)) => problem::text(StatusCode::OK, &format!("{wanted}, after {before}")),
        Some(Err(error @ LogFilterError::Invalid { .. })) => problem::text(StatusCode::BAD_REQUEST, &error.to_string()),
        Some(Err(error)) => problem::text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        None => nothing_here(),
    }
}

fn nothing_here() -> Response {
    problem::text(StatusCode::NOT_FOUND, "Nobody listens to a log here.")
}
