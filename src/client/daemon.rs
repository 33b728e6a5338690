//! A running snykwatch, asked by the commands that talk to one. Loopback or wherever it listens; no secret is sent.

use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use super::http::{HttpBuildError, daemon_client};

/// A daemon that does not answer within this is not answering.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a daemon gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It cannot be reached.
    #[error("could not reach a running snykwatch at {url}")]
    Unreachable {
        /// Where it was looked for.
        url: Url,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It answered, and not with what was asked for.
    #[error("{url} answered with status {status}: {message}")]
    Refused {
        /// What was asked.
        url: Url,
        /// The status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// No client could be made.
    #[error("could not set up the HTTP client")]
    NoClient(#[source] HttpBuildError),
    /// The URL cannot be asked.
    #[error("{0} is not the address of a daemon")]
    NotAnAddress(Url),
}

/// Asks a running daemon.
#[derive(Debug)]
pub struct DaemonClient {
    http: reqwest::Client,
    root: Url,
}

impl DaemonClient {
    /// A client of the daemon at `root`.
    ///
    /// # Errors
    /// When the HTTP library refuses to start.
    pub fn new(root: Url) -> Result<Self, DaemonError> {
        let http = daemon_client(TIMEOUT).map_err(DaemonError::NoClient)?;
        Ok(Self { http, root })
    }

    /// Gets JSON from a path such as `["api", "v1", "integrations"]`.
    ///
    /// # Errors
    /// When the daemon does not answer, or not with what was asked for.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, DaemonError> {
        self.ask(path, query).await?.json().await.map_err(|source| self.unreachable(source))
    }

    /// Gets text, such as the metrics page.
    ///
    /// # Errors
    /// When the daemon does not answer, or not with what was asked for.
    pub async fn get_text(&self, path: &[&str]) -> Result<String, DaemonError> {
        self.ask(path, &[]).await?.text().await.map_err(|source| self.unreachable(source))
    }

    fn unreachable(&self, source: reqwest::Error) -> DaemonError {
        DaemonError::Unreachable { url: self.root.clone(), source }
    }

    async fn ask(&self, path: &[&str], query: &[(&str, &str)]) -> Result<reqwest::Response, DaemonError> {
        let mut url = self.root.clone();
        url.path_segments_mut().map_err(|()| DaemonError::NotAnAddress(self.root.clone()))?.pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self.http.get(url.clone()).send().await.map_err(|source| self.unreachable(source))?;
        let status = answer.status();
        if !status.is_success() {
            let message = answer.text().await.unwrap_or_default();
            return Err(DaemonError::Refused { url, status: status.as_u16(), message });
        }
        Ok(answer)
    }
}
