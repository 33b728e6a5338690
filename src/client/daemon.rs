//! A running snykwatch, asked by the commands that talk to one. Loopback or wherever it listens; no secret is sent.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
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

    /// Posts JSON, and gets what is answered; `Null` where nothing is.
    ///
    /// # Errors
    /// When the daemon does not answer, or does not do what was asked for.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, DaemonError> {
        self.change(reqwest::Method::POST, path, body).await
    }

    /// Deletes; with a body where the path alone does not say what.
    ///
    /// # Errors
    /// When the daemon does not answer, or does not do what was asked for.
    pub async fn delete(&self, path: &[&str], body: &Value) -> Result<Value, DaemonError> {
        self.change(reqwest::Method::DELETE, path, body).await
    }

    async fn change(&self, method: reqwest::Method, path: &[&str], body: &Value) -> Result<Value, DaemonError> {
        let request = self.http.request(method, self.url(path, &[])?).json(body);
        let answer = self.answered(request).await?;
        if answer.status() == reqwest::StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        answer.json().await.map_err(|source| self.unreachable(source))
    }

    async fn ask(&self, path: &[&str], query: &[(&str, &str)]) -> Result<reqwest::Response, DaemonError> {
        self.answered(self.http.get(self.url(path, query)?)).await
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, DaemonError> {
        let mut url = self.root.clone();
        url.path_segments_mut().map_err(|()| DaemonError::NotAnAddress(self.root.clone()))?.pop_if_empty().extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, DaemonError> {
        let answer = request.send().await.map_err(|source| self.unreachable(source))?;
        let status = answer.status();
        if !status.is_success() {
            let url = answer.url().clone();
            let body = answer.text().await.unwrap_or_default();
            return Err(DaemonError::Refused { url, status: status.as_u16(), message: detail(&body) });
        }
        Ok(answer)
    }
}

/// What a problem body says, or the body as it is.
fn detail(body: &str) -> String {
    let problem: Option<Value> = serde_json::from_str(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")).and_then(Value::as_str);
    detail.unwrap_or(body).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{body_json, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn changes_carry_json_and_refusals_say_why() {
        crate::client::http::install_tls_provider();
        let server = MockServer::start().await;
        let problem = json!({ "type": "about:blank", "title": "Conflict", "status": 409, "detail": "it exists" });
        for (verb, at, answer) in [
            ("POST", "/api/v1/silences", ResponseTemplate::new(201).set_body_json(json!({ "silence": {} }))),
            ("DELETE", "/api/v1/silences/a%2Fb", ResponseTemplate::new(204)),
            ("POST", "/api/v1/taken", ResponseTemplate::new(409).set_body_json(problem)),
            ("POST", "/api/v1/plain", ResponseTemplate::new(500).set_body_string("broken\n")),
        ] {
            let mock = Mock::given(method(verb)).and(path(at)).and(body_json(json!({ "id": "1" })));
            mock.respond_with(answer).mount(&server).await;
        }
        let daemon = DaemonClient::new(server.uri().parse().unwrap()).unwrap();
        let body = json!({ "id": "1" });
        assert_eq!(daemon.post(&["api", "v1", "silences"], &body).await.unwrap(), json!({ "silence": {} }));
        assert_eq!(daemon.delete(&["api", "v1", "silences", "a/b"], &body).await.unwrap(), Value::Null);
        for (last, expected) in [("taken", (409, "it exists")), ("plain", (500, "broken"))] {
            let Err(DaemonError::Refused { status, message, .. }) = daemon.post(&["api", "v1", last], &body).await
            else {
                panic!("{last} was not refused")
            };
            assert_eq!((status, message.as_str()), expected);
        }
    }
}
