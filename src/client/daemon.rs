//! A running snykwatch, asked by the commands that talk to one. Loopback or wherever it listens. No secret is sent but the
//! password of whoever asks; a redirect is not followed, so it goes nowhere else.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
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
    /// A password is not sent without TLS but to this machine.
    #[error("a password would be sent in the clear to {0}; use an https:// address")]
    InTheClear(Url),
    /// The URL cannot be asked.
    #[error("{0} is not the address of a daemon")]
    NotAnAddress(Url),
}

/// Who asks a daemon, and whom that one trusts.
#[derive(Debug, Clone, Default)]
pub struct DaemonCredentials {
    /// User and password.
    pub login: Option<(String, SecretString)>,
    /// PEM file of the certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of our own certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Asks a running daemon.
#[derive(Debug)]
pub struct DaemonClient {
    http: reqwest::Client,
    root: Url,
    login: Option<(String, SecretString)>,
}

impl DaemonClient {
    /// A client of the daemon at `root`.
    ///
    /// # Errors
    /// When a certificate cannot be used, a password would be sent in the clear, or the HTTP library refuses to start.
    pub fn new(root: Url, credentials: &DaemonCredentials) -> Result<Self, DaemonError> {
        if credentials.login.is_some() && root.scheme() != "https" && !is_loopback(&root) {
            return Err(DaemonError::InTheClear(root));
        }
        let certificate =
            credentials.certificate.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        let http = daemon_client(TIMEOUT, credentials.ca_file.clone(), certificate).map_err(DaemonError::NoClient)?;
        Ok(Self { http, root, login: credentials.login.clone() })
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
        let request = match &self.login {
            None => request,
            Some((user, password)) => request.basic_auth(user, Some(password.expose_secret())),
        };
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
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
        let daemon = DaemonClient::new(server.uri().parse().unwrap(), &DaemonCredentials::default()).unwrap();
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
