//! Hands messages to a mail server, by SMTP. The server is one that the operator chose; these rules apply:
//!
//! - TLS from the first byte, or STARTTLS, is required and verified; a server that does not offer it gets neither the
//!   password nor the message. Without TLS only loopback is spoken to;
//! - link-local and metadata addresses are refused, after the name was resolved;
//! - the connection and the whole conversation have time limits, in real time;
//! - each step has the one code that means success: an answer that an attacker slipped in before TLS began would shift
//!   all that follow, and is noticed at the next step of another code.
//!
//! A failure says at which step it happened ([`SmtpStep`]): the same code means something else at the login than at a
//! recipient. It is for the caller to judge. What the server says at the login is never passed on, since some servers
//! repeat what they were sent.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use lettre::address::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::answer::safe_text;
use super::http::{self, HttpBuildError};
use super::post;
use crate::config::http::HttpSettings;
use crate::config::receivers::SmtpTls;

/// How long we wait for the server's good-bye: the message is accepted by then. Seconds.
const PATIENCE_WITH_GOODBYE: Duration = Duration::from_secs(2);

/// A mail server, as it is reached. Each message has a connection of its own: pages are rare.
pub struct SmtpClient {
    server: SmtpServer,
    hello: ClientId,
    tls: TlsParameters,
    connect_timeout: Duration,
    conversation_timeout: Duration,
}

/// Which server, and how we log in there.
#[derive(Debug, Clone)]
pub struct SmtpServer {
    /// Its name; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Name and password, where it wants them.
    pub login: Option<(String, SecretString)>,
    /// The name by which we greet it.
    pub hello: String,
}

/// A message, ready to leave.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// The sender, for the envelope.
    pub from: &'a Address,
    /// The recipients, for the envelope.
    pub to: &'a [Address],
    /// Header and body.
    pub content: &'a [u8],
}

/// A recipient that the server refused while it took others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// Who.
    pub address: Address,
    /// The server's code.
    pub code: u16,
    /// What it said.
    pub text: String,
}

/// A step of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpStep {
    /// The connection, TLS from the first byte, the greeting.
    Connect,
    /// STARTTLS.
    StartTls,
    /// The login.
    Login,
    /// The sender.
    Sender,
    /// The recipients: all were refused.
    Recipients,
    /// The request to send the content.
    Data,
    /// The content, until it is accepted.
    Content,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmtpTrouble {
    /// The name could not be resolved, or leads to an address that we never speak to.
    Address(String),
    /// No trusted connection.
    Tls(String),
    /// No answer in time.
    Timeout,
    /// The connection failed or broke.
    Connection(String),
    /// The server refused, with its code and what it said.
    Refused {
        /// The code: 4xx for now, 5xx for good.
        code: u16,
        /// What it said, one line.
        text: String,
    },
    /// An answer that is none, or not the one that belongs to this step.
    Nonsense(String),
}

/// A message that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpFailure {
    /// At which step.
    pub step: SmtpStep,
    /// What went wrong.
    pub trouble: SmtpTrouble,
}

impl fmt::Debug for SmtpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SmtpClient").field("server", &self.server).finish_non_exhaustive()
    }
}

impl SmtpClient {
    /// Makes a client. Certificates of the system and of the CA file are trusted.
    ///
    /// # Errors
    /// When the CA file cannot be used, or TLS cannot be set up.
    pub fn build(server: SmtpServer, settings: &HttpSettings) -> Result<Self, HttpBuildError> {
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(path) = &settings.ca_file {
            for certificate in http::read_ca_file(path)? {
                let certificate = Certificate::from_der(certificate.to_vec());
                tls = tls.add_root_certificate(certificate.map_err(|error| HttpBuildError::Smtp(Box::new(error)))?);
            }
        }
        let tls = tls.build().map_err(|error| HttpBuildError::Smtp(Box::new(error)))?;
        Ok(Self {
            hello: ClientId::Domain(server.hello.clone()),
            server,
            tls,
            connect_timeout: settings.connect_timeout,
            conversation_timeout: settings.request_timeout,
        })
    }

    /// Hands a message over. It is accepted when the server takes it for at least one recipient; those that it refused
    /// are given back.
    ///
    /// # Errors
    /// When it was not accepted for anybody.
    pub async fn deliver(&self, letter: Letter<'_>) -> Result<Vec<RefusedRecipient>, SmtpFailure> {
        let deadline = Instant::now() + self.conversation_timeout;
        let connected_by = deadline.min(Instant::now() + self.connect_timeout);
        let mut connection = self.connect(connected_by).await?;
        let refused = self.converse(&mut connection, letter, deadline).await;
        // The message is accepted or not by now; the server may be left without a good-bye.
        let _ = timeout(PATIENCE_WITH_GOODBYE, connection.abort()).await;
        refused
    }

    async fn connect(&self, deadline: Instant) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let failed = |trouble| SmtpFailure { step: SmtpStep::Connect, trouble };
        let addresses = match timeout_at(deadline, self.addresses()).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(detail)) => return Err(failed(SmtpTrouble::Address(detail))),
            Err(_) => return Err(failed(SmtpTrouble::Timeout)),
        };
        let tls = (self.server.tls == SmtpTls::Implicit).then(|| self.tls.clone());
        let connecting =
            AsyncSmtpConnection::connect_tokio1(&*addresses, Some(self.connect_timeout), &self.hello, tls, None);
        let mut connection = step(SmtpStep::Connect, deadline, connecting).await?;
        if self.server.tls == SmtpTls::StartTls {
            if !connection.can_starttls() {
                let detail = "the server does not offer STARTTLS, so it gets nothing from us".to_owned();
                return Err(SmtpFailure { step: SmtpStep::StartTls, trouble: SmtpTrouble::Tls(detail) });
            }
            step(SmtpStep::StartTls, deadline, connection.starttls(self.tls.clone(), &self.hello)).await?;
        }
        Ok(connection)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let found = post::lookup(&self.server.host, self.server.port).await?;
        if self.server.tls == SmtpTls::None && !found.iter().all(|address| address.ip().is_loopback()) {
            return Err("without TLS only a server on this machine is spoken to".to_owned());
        }
        Ok(found)
    }

    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: Letter<'_>,
        deadline: Instant,
    ) -> Result<Vec<RefusedRecipient>, SmtpFailure> {
        if let Some((name, password)) = &self.server.login {
            let credentials = Credentials::new(name.clone(), password.expose_secret().to_owned());
            let login = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            expect(SmtpStep::Login, &step(SmtpStep::Login, deadline, login).await?, 235)?;
        }
        let sender = connection.command(Mail::new(Some(letter.from.clone()), Vec::new()));
        expect(SmtpStep::Sender, &step(SmtpStep::Sender, deadline, sender).await?, 250)?;
        let mut refused = Vec::new();
        let mut last_refusal = None;
        for address in letter.to {
            let recipient = connection.command(Rcpt::new(address.clone(), Vec::new()));
            match step(SmtpStep::Recipients, deadline, recipient).await {
                Ok(_) => {}
                Err(SmtpFailure { trouble: SmtpTrouble::Refused { code, text }, .. }) => {
                    refused.push(RefusedRecipient { address: address.clone(), code, text: text.clone() });
                    // What may pass later is worth a later attempt.
                    if last_refusal.as_ref().is_none_or(|(known, _)| code < *known) {
                        last_refusal = Some((code, text));
                    }
                }
                Err(other) => return Err(other),
            }
        }
        if let Some((code, text)) = last_refusal.filter(|_| refused.len() == letter.to.len()) {
            let trouble = SmtpTrouble::Refused { code, text };
            return Err(SmtpFailure { step: SmtpStep::Recipients, trouble });
        }
        expect(SmtpStep::Data, &step(SmtpStep::Data, deadline, connection.command(Data)).await?, 354)?;
        expect(SmtpStep::Content, &step(SmtpStep::Content, deadline, connection.message(letter.content)).await?, 250)?;
        Ok(refused)
    }
}

/// One step, within the time that is left.
async fn step<T>(
    step: SmtpStep,
    deadline: Instant,
    doing: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, SmtpFailure> {
    match timeout_at(deadline, doing).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(SmtpFailure { step, trouble: trouble(step, &error) }),
        Err(_) => Err(SmtpFailure { step, trouble: SmtpTrouble::Timeout }),
    }
}

/// The one code that means success.
fn expect(step: SmtpStep, answer: &Response, code: u16) -> Result<(), SmtpFailure> {
    if answer.has_code(code) {
        return Ok(());
    }
    let detail = format!("answered {} where {code} belongs", answer.code());
    Err(SmtpFailure { step, trouble: SmtpTrouble::Nonsense(detail) })
}

fn trouble(step: SmtpStep, error: &lettre::transport::smtp::Error) -> SmtpTrouble {
    if let Some(code) = error.status() {
        let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let text = if step == SmtpStep::Login { String::new() } else { safe_text(&text) };
        return SmtpTrouble::Refused { code: code.into(), text };
    }
    if let Some(detail) = http::tls_trouble(error) {
        return SmtpTrouble::Tls(safe_text(&detail));
    }
    if error.is_timeout() {
        return SmtpTrouble::Timeout;
    }
    if step == SmtpStep::Login && (error.is_client() || error.is_response()) {
        return SmtpTrouble::Nonsense("offers no login with name and password".to_owned());
    }
    let detail = safe_text(&http::innermost(error));
    if error.is_response() { SmtpTrouble::Nonsense(detail) } else { SmtpTrouble::Connection(detail) }
}
