//! Who may read and who may act: users and passwords, client certificates, and TLS for our own pages.
//!
//! Words: an *identity* is who asks (a user, or the holder of a verified certificate); *reading* is every safe request,
//! *acting* every other (reload, silence, acknowledge, test).
//!
//! - Without a web-config file nobody is known. On loopback whoever is on this machine may read and act; elsewhere
//!   (`allow_unauthenticated`) everybody may read and nobody may act.
//! - With one, every page needs a password or a verified certificate, as the file says. Acting needs a name of
//!   `server.actors` on top.
//! - `/-/healthy` and `/-/ready` tell nothing and are open: whoever restarts us has no password.
//!
//! A reload replaces the rules as a whole. A connection that was made under the rules before is served under the new
//! ones, and closed after its next answer: who holds it shakes hands anew.
//!
//! A password is checked off the async threads, two at a time and one of each address, and the verdict is remembered by a keyed hash.

mod passwords;
mod tls;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use self::passwords::Passwords;
use self::tls::CertifiedNames;
pub(super) use self::tls::accept;
use super::{Shared, problem};
use crate::config::web_config::{ClientCertificates, WebConfig};

pub use self::tls::TlsError;

/// Paths that are open to everybody: they say "yes" or "no".
const OPEN: [&str; 2] = ["/-/healthy", "/-/ready"];

/// What is in force: replaced as a whole by a reload.
#[derive(Debug, Clone)]
pub struct AccessHandle(Arc<Mutex<Arc<Access>>>);

impl AccessHandle {
    /// A handle on these rules.
    pub fn new(access: Access) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(access))))
    }

    /// Takes other rules over, for every request from now on, and says what is new. The same rules again change nothing:
    /// who holds a connection keeps it, and passwords that were right are still known.
    pub fn replace(&self, access: Access) -> AccessChange {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let change = current.change_to(&access);
        if change != AccessChange::Nothing {
            *current = Arc::new(access);
        }
        change
    }

    pub(super) fn current(&self) -> Arc<Access> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is new about the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessChange {
    /// Nothing.
    Nothing,
    /// The content of a certificate or key file alone.
    TlsFiles,
    /// What the configuration says.
    Rules,
    /// The configuration says something that only a restart can put in force.
    AwaitsRestart,
}

/// The rules of access.
#[derive(Debug)]
pub struct Access {
    /// What they were made of.
    web_config: Option<WebConfig>,
    /// Whether only this machine can reach us.
    on_loopback: bool,
    passwords: Passwords,
    needs_certificate: bool,
    actors: BTreeSet<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    tls: Option<tls::Server>,
}

impl Access {
    /// The rules of a listener. `actors` are the users and certificate names that may act.
    ///
    /// # Errors
    /// When a certificate, key or authority cannot be used.
    pub fn new(web_config: Option<&WebConfig>, on_loopback: bool, actors: BTreeSet<String>) -> Result<Self, TlsError> {
        let tls_settings = web_config.and_then(|config| config.tls.as_ref());
        let tls = tls_settings.map(tls::Server::try_new).transpose()?;
        let headers = web_config.iter().flat_map(|config| &config.headers);
        let headers = headers.filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
        });
        Ok(Self {
            web_config: web_config.cloned(),
            on_loopback,
            passwords: Passwords::new(web_config.map(|config| config.users.clone()).unwrap_or_default()),
            needs_certificate: tls_settings.is_some_and(|tls| tls.clients == ClientCertificates::Required),
            actors,
            headers: headers.collect(),
            tls,
        })
    }

    pub(super) fn tls(&self) -> Option<&tls::Server> {
        self.tls.as_ref()
    }

    fn change_to(&self, other: &Self) -> AccessChange {
        let print = |access: &Self| access.tls.as_ref().map(|tls| tls.print);
        let is_same = self.web_config == other.web_config && self.actors == other.actors;
        match (is_same, print(self) == print(other)) {
            (true, true) => AccessChange::Nothing,
            (true, false) => AccessChange::TlsFiles,
            (false, _) => AccessChange::Rules,
        }
    }

    /// Whether nobody is known.
    fn is_open(&self) -> bool {
        self.passwords.is_empty() && !self.needs_certificate
    }

    /// What the operator wants to stand in every answer.
    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    async fn judge(&self, asker: Asker) -> Verdict {
        if asker.wants == Wants::SignOfLife {
            return Verdict::Welcome;
        }
        // A handshake asks for one; this is a connection from before one was needed.
        if self.needs_certificate && asker.certified.is_none() {
            return Verdict::ShowACertificate;
        }
        let user = if self.passwords.is_empty() {
            None
        } else {
            match asker.given {
                Some((user, password)) if self.passwords.are_right(&user, &password, asker.turn.as_ref()).await => {
                    Some(user)
                }
                _ => return Verdict::WhoAreYou,
            }
        };
        if asker.wants == Wants::Read {
            return Verdict::Welcome;
        }
        let mut names = user.iter().chain(asker.certified.iter().flat_map(|certified| certified.0.iter()));
        let may_act = (self.is_open() && self.on_loopback) || names.any(|name| self.actors.contains(name));
        if may_act { Verdict::Welcome } else { Verdict::MayOnlyRead }
    }
}

/// A connection, as its handshake left it.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// The rules in force when it was made.
    pub(super) under: Arc<Access>,
    /// The names of a client that showed a certificate.
    pub(super) certified: Option<CertifiedNames>,
    /// The turn of its address to have a password checked.
    pub(super) turn: Arc<Semaphore>,
}

/// Who asks for what.
struct Asker {
    wants: Wants,
    given: Option<(String, SecretString)>,
    certified: Option<CertifiedNames>,
    turn: Option<Arc<Semaphore>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    SignOfLife,
    Read,
    Act,
}

impl Asker {
    fn of(request: &Request) -> Self {
        let wants = if !request.method().is_safe() {
            Wants::Act
        } else if OPEN.contains(&request.uri().path()) {
            Wants::SignOfLife
        } else {
            Wants::Read
        };
        let connection = request.extensions().get::<Connection>();
        let certified = connection.and_then(|connection| connection.certified.clone());
        let turn = connection.map(|connection| Arc::clone(&connection.turn));
        Self { wants, given: given(request.headers()), certified, turn }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Welcome,
    WhoAreYou,
    ShowACertificate,
    MayOnlyRead,
}

/// User and password of a request.
fn given(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), SecretString::from(password)))
}

/// Lets through whom the rules in force let through.
pub(super) async fn check(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let access = shared.access.current();
    let is_outdated =
        request.extensions().get::<Connection>().is_some_and(|connection| !Arc::ptr_eq(&connection.under, &access));
    let mut response = match access.judge(Asker::of(&request)).await {
        Verdict::Welcome => next.run(request).await,
        Verdict::WhoAreYou => {
            let detail = "A user and a password are needed here.";
            let mut response = problem::error(request.uri(), StatusCode::UNAUTHORIZED, detail);
            let scheme = HeaderValue::from_static("Basic realm=\"snykwatch\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
        Verdict::ShowACertificate => {
            problem::error(request.uri(), StatusCode::FORBIDDEN, "A client's certificate is needed here: connect anew.")
        }
        Verdict::MayOnlyRead => {
            let detail = "Reading is allowed here, acting is not: name the user, or a name of the client's certificate, \
                          in `server.actors`.";
            problem::error(request.uri(), StatusCode::FORBIDDEN, detail)
        }
    };
    if is_outdated {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests;
