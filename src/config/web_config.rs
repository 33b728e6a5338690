//! The web-config file: TLS, users and headers of our own pages, in the form that Prometheus' exporters share
//! (`docs/access.md`). A key of that form that we do not have is an error, never ignored: it is about safety.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::document::Node;
use super::files;
use super::problem::{Place, Problem, ProblemKind, SourceFile};
use super::raw::spanned::Spanned;
use super::secrets::SecretSource;
use super::shape::{self, FileKind};
use super::{Secrets, load};

/// Headers that a file may set, as in the exporters' common form.
const SETTABLE_HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

/// bcrypt hashes begin with one of these.
const BCRYPT_MARKS: [&str; 3] = ["$2a$", "$2b$", "$2y$"];

/// The length of a bcrypt hash. Characters.
const BCRYPT_LENGTH: usize = 60;

/// Costs of a bcrypt hash. The dearest takes about a second; each one more doubles that, and 31 takes days: nobody could
/// log in, and whoever tries would keep the others waiting.
const BCRYPT_COSTS: RangeInclusive<u32> = 4..=14;

/// Keys of the common form that mean nothing here, and what to do about them.
const NOT_HERE: [(&str, &str); 9] = [
    ("cert", "write it to a file, and name that as `cert_file`"),
    ("key", "write it to a file, and name that as `key_file`"),
    ("client_ca", "write it to a file, and name that as `client_ca_file`"),
    ("max_version", "remove it: the newest version that both sides speak is taken"),
    ("cipher_suites", "remove it: only suites with forward secrecy are spoken here, and they cannot be chosen"),
    ("curve_preferences", "remove it: curves cannot be chosen here"),
    ("prefer_server_cipher_suites", "remove it: suites cannot be chosen here"),
    ("http2", "remove it: HTTP/1.1 is spoken here, as every client can"),
    ("rate_limit", "remove it: connections and passwords are limited here without being told"),
];

/// What a web-config file says.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// The file.
    pub path: PathBuf,
    /// TLS; `None`: plain HTTP.
    pub tls: Option<TlsSettings>,
    /// bcrypt hashes of passwords, by user.
    pub users: BTreeMap<String, SecretString>,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
}

impl PartialEq for WebConfig {
    fn eq(&self, other: &Self) -> bool {
        fn hashes(config: &WebConfig) -> Vec<(&str, &str)> {
            config.users.iter().map(|(user, hash)| (user.as_str(), hash.expose_secret())).collect()
        }
        self.path == other.path
            && self.tls == other.tls
            && hashes(self) == hashes(other)
            && self.headers == other.headers
    }
}

impl Eq for WebConfig {}

impl WebConfig {
    /// Whether everybody who asks is known: by a password, or by a verified certificate.
    pub fn authenticates(&self) -> bool {
        !self.users.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.clients == ClientCertificates::Required)
    }

    /// Whether certificates of clients are verified, needed or not.
    pub fn verifies_clients(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.clients != ClientCertificates::Ignored)
    }

    /// Every file that it names, itself included.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let of_tls = self.tls.iter().flat_map(|tls| {
            [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()].into_iter().flatten()
        });
        std::iter::once(self.path.as_path()).chain(of_tls.map(PathBuf::as_path))
    }
}

/// TLS of our own pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate with its chain, PEM.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// Certificates of clients.
    pub clients: ClientCertificates,
    /// Who vouches for them, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// Names and addresses of which a client's certificate must have one; empty: any.
    pub client_allowed_sans: Vec<String>,
    /// The oldest version that is spoken.
    pub minimum: TlsVersion,
}

/// Certificates of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None is asked for.
    Ignored,
    /// One is verified if it is there.
    Optional,
    /// One is needed.
    Required,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawWebConfig {
    tls_server_config: Option<Spanned<RawTls>>,
    http_server_config: Option<Spanned<RawHttpServer>>,
    basic_auth_users: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    cert_file: Option<Spanned<String>>,
    key_file: Option<Spanned<String>>,
    client_auth_type: Option<Spanned<String>>,
    client_ca_file: Option<Spanned<String>>,
    client_allowed_sans: Vec<Spanned<String>>,
    min_version: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawHttpServer {
    headers: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// Reads the web-config file that `main` names. What it cannot be is noted; the file joins `files`, so that problems can
/// be shown. Where secrets are left alone, a file that cannot be read is left alone too: it holds hashes of passwords.
pub(crate) fn read(
    name: &Spanned<String>,
    main: &Path,
    secrets: Secrets<'_>,
    files: &mut Vec<SourceFile>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<WebConfig>> {
    let path = beside(main, &name.value);
    match (files::open(&path), secrets) {
        (Err(_), Secrets::Skip | Secrets::LookUp) => return None,
        (Err(error), _) => {
            let message = format!("could not read {}: {error}", path.display());
            problems.push(Problem::error(ProblemKind::UnreadableFile, name.place, message));
            return None;
        }
        (Ok(_), _) => {}
    }
    let before = problems.len();
    let root = load::read_single(&path, files, problems)?;
    let raw: RawWebConfig = shape::read(&root, FileKind::Main, problems).ok()?;
    explain_what_is_not_here(&root, problems);
    let mut reader = Reader { path: &path, secrets, problems };
    let tls = raw.tls_server_config.as_ref().and_then(|tls| reader.tls(&tls.value, tls.place));
    let users = raw.basic_auth_users.iter().filter_map(|(user, hash)| reader.user(user, hash)).collect();
    let headers = raw.http_server_config.iter().flat_map(|http| &http.value.headers);
    let headers = headers.filter_map(|(name, value)| reader.header(name, value)).collect();
    (problems.len() == before).then(|| Arc::new(WebConfig { path, tls, users, headers }))
}

/// Says what to do about the keys of the common form that are unknown here.
fn explain_what_is_not_here(root: &Node, problems: &mut [Problem]) {
    let sections = root.entries().iter().flat_map(|section| section.value.entries());
    for entry in root.entries().iter().chain(sections) {
        let at_its_key =
            |problem: &&mut Problem| problem.kind == ProblemKind::UnknownKey && problem.place == Some(entry.key_place);
        let known = NOT_HERE.iter().find(|(key, _)| *key == entry.key);
        if let (Some((_, help)), Some(problem)) = (known, problems.iter_mut().find(at_its_key)) {
            problem.help = Some((*help).to_owned());
        }
    }
}

/// Whether a text is a bcrypt hash, and the cost that it names.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let is_whole = hash.len() == BCRYPT_LENGTH && BCRYPT_MARKS.iter().any(|mark| hash.starts_with(mark));
    let (cost, rest) = hash.get(4..).filter(|_| is_whole)?.split_once('$')?;
    let is_written = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
    let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    cost.parse().ok().filter(|_| is_number && is_written)
}

/// The file of this name: absolute as it is; relative among systemd's credentials if it is there, else beside `file`.
fn beside(file: &Path, name: &str) -> PathBuf {
    let directory = file.parent().unwrap_or(Path::new(""));
    match SecretSource::in_directory(name, directory) {
        SecretSource::File(path) => path,
        SecretSource::Env(_) => directory.join(name),
    }
}

struct Reader<'a> {
    path: &'a Path,
    secrets: Secrets<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn note(&mut self, place: Place, message: String, help: &str) {
        self.problems.push(Problem::error(ProblemKind::InvalidValue, place, message).help(help));
    }

    fn file(&mut self, name: Option<&Spanned<String>>, key: &str, place: Place) -> Option<PathBuf> {
        let Some(name) = name else {
            let message = format!("the key `{key}` is missing here");
            self.problems.push(Problem::error(ProblemKind::MissingKey, place, message));
            return None;
        };
        let path = beside(self.path, &name.value);
        if self.secrets.are_read()
            && let Err(error) = files::open(&path)
        {
            let message = format!("could not read {}: {error}", path.display());
            self.problems.push(Problem::error(ProblemKind::UnreadableFile, name.place, message));
        }
        Some(path)
    }

    fn tls(&mut self, raw: &RawTls, place: Place) -> Option<TlsSettings> {
        let cert_file = self.file(raw.cert_file.as_ref(), "cert_file", place);
        let key_file = self.file(raw.key_file.as_ref(), "key_file", place);
        let clients = raw.client_auth_type.as_ref().map_or(Some(ClientCertificates::Ignored), |kind| {
            let found = match kind.value.as_str() {
                "" | "NoClientCert" => Some(ClientCertificates::Ignored),
                "VerifyClientCertIfGiven" => Some(ClientCertificates::Optional),
                "RequireAndVerifyClientCert" => Some(ClientCertificates::Required),
                _ => None,
            };
            if found.is_none() {
                let help = "possible: NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert; a certificate \
                            that nobody verifies proves nothing";
                self.note(kind.place, format!("`{}` is not possible here", kind.value), help);
            }
            found
        });
        let wants_ca = clients.is_some_and(|clients| clients != ClientCertificates::Ignored);
        let client_ca_file = match &raw.client_ca_file {
            Some(name) => self.file(Some(name), "client_ca_file", place),
            None if wants_ca => self.file(None, "client_ca_file", place),
            None => None,
        };
        if clients == Some(ClientCertificates::Ignored) {
            let files = raw.client_ca_file.iter().map(|file| (file.place, "client_ca_file"));
            let names = raw.client_allowed_sans.first().map(|name| (name.place, "client_allowed_sans"));
            for (place, key) in files.chain(names) {
                let help = "say `client_auth_type: RequireAndVerifyClientCert`, or remove it";
                self.note(place, format!("`{key}` says whom to let in, and no certificate is asked for"), help);
            }
        }
        for name in &raw.client_allowed_sans {
            let is_address = name.value.parse::<IpAddr>().is_ok();
            if !is_address && name.value.contains(['@', ':', '/']) {
                let help = "names and addresses can be checked; e-mail addresses and URIs cannot";
                self.note(name.place, format!("`{}` cannot be checked", name.value), help);
            }
        }
        let minimum =
            raw.min_version.as_ref().map_or(Some(TlsVersion::Tls12), |version| match version.value.as_str() {
                "TLS12" => Some(TlsVersion::Tls12),
                "TLS13" => Some(TlsVersion::Tls13),
                other => {
                    self.note(version.place, format!("`{other}` is not spoken here"), "possible: TLS12, TLS13");
                    None
                }
            });
        let client_allowed_sans = raw.client_allowed_sans.iter().map(|name| name.value.clone()).collect();
        Some(TlsSettings {
            cert_file: cert_file?,
            key_file: key_file?,
            clients: clients?,
            client_ca_file,
            client_allowed_sans,
            minimum: minimum?,
        })
    }

    fn user(&mut self, user: &Spanned<String>, hash: &Spanned<String>) -> Option<(String, SecretString)> {
        let help = "make one with: snykwatch hash-password";
        let cost = bcrypt_cost(&hash.value);
        match cost {
            // The value is not shown: it may be the password itself.
            None => self.note(hash.place, format!("the password of `{}` is no bcrypt hash", user.value), help),
            Some(cost) if !BCRYPT_COSTS.contains(&cost) => {
                let (least, most) = BCRYPT_COSTS.into_inner();
                let message = format!("the hash of `{}` has cost {cost}; possible: {least} to {most}", user.value);
                self.note(hash.place, message, help);
            }
            Some(_) => {}
        }
        if user.value.is_empty() || user.value.contains(':') {
            self.note(user.place, "a user's name is not empty and has no colon".to_owned(), "choose another name");
            return None;
        }
        cost.map(|_| (user.value.clone(), SecretString::from(hash.value.as_str())))
    }

    fn header(&mut self, name: &Spanned<String>, value: &Spanned<String>) -> Option<(String, String)> {
        let known = SETTABLE_HEADERS.iter().find(|known| known.eq_ignore_ascii_case(&name.value));
        if known.is_none() {
            let help = format!("possible: {}", SETTABLE_HEADERS.join(", "));
            self.note(name.place, format!("the header `{}` cannot be set here", name.value), &help);
        }
        if value.value.chars().any(|character| character.is_control() || !character.is_ascii()) {
            self.note(value.place, "this cannot be written in a header".to_owned(), "use printable ASCII characters");
            return None;
        }
        known.map(|known| ((*known).to_owned(), value.value.clone()))
    }
}
