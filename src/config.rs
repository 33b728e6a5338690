//! The configuration: files, environment and secret files in, a [`Config`] or every problem with its place out.
//!
//! Words: a *document* is the tree of one YAML file in which every node knows its place; *raw* types say what a file
//! may say; *resolving* checks the meaning and turns raw into [`Config`], in which every reference is a shared pointer
//! to the thing meant and every setting has a value.
//!
//! How it works: `load` reads the main file and `conf.d/*.yaml` beside it into documents; `shape` reads documents into
//! raw types, noting every wrong key and value and going on without it; `resolve` checks what is left. So one run
//! reports all problems of shape and of meaning at once; only broken YAML hides what comes after it. A [`Config`] is
//! never changed: a reload makes a new one, and [`change::ConfigChange`] tells what differs.
//!
//! What it does not do: it asks no API whether a name or token is right, and it keeps no secret: it knows where
//! secrets are, and reads them when asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub mod alerts;
pub mod change;
pub mod conditions;
pub mod credential;
pub mod cron;
mod diagnose;
mod document;
pub mod duration;
pub(crate) mod files;
pub mod globs;
mod hidden;
pub mod http;
pub mod integration;
mod load;
mod mask;
pub mod problem;
mod raw;
pub mod receivers;
mod resolve;
pub mod routing;
pub mod schedule;
pub mod secrets;
pub mod server;
mod settings;
mod shape;
mod show;
pub mod snyk;
pub mod storage;
mod suggest;
pub mod template;
pub mod token;
pub mod watch;
pub mod web_config;

use alerts::AlertRules;
use conditions::ConditionSettings;
use credential::Credential;
use http::HttpSettings;
use integration::Integration;
use load::MainFile;
use problem::{Problem, ProblemKind, Problems};
use raw::{RawConfig, RawFragment};
use receivers::{HeartbeatSettings, ReceiverSettings};
use routing::Routing;
use schedule::ScheduleSettings;
use secrets::SecretSource;
use server::{MetricsSettings, ServerSettings};
pub use show::Endpoint;
use snyk::SnykEntry;
use storage::StorageSettings;

use crate::domain::names::{CredentialName, IntegrationName, ReceiverName};
use crate::domain::permission::PermissionSet;

/// A configuration without any problem: every reference resolved, every setting with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The Snyk tokens.
    pub snyk: BTreeMap<CredentialName, Arc<SnykEntry>>,
    /// The credentials at Git hosts.
    pub credentials: BTreeMap<CredentialName, Arc<Credential>>,
    /// The built-in permission sets and the file's own.
    pub permission_sets: BTreeMap<String, Arc<PermissionSet>>,
    /// What is watched.
    pub integrations: BTreeMap<IntegrationName, Arc<Integration>>,
    /// When probes run.
    pub schedule: ScheduleSettings,
    /// How APIs are reached unless an entry says otherwise.
    pub http: HttpSettings,
    /// Thresholds of conditions unless an integration says otherwise.
    pub conditions: ConditionSettings,
    /// When incidents open, unless an integration says otherwise.
    pub rules: AlertRules,
    /// Who is told of which incident.
    pub routing: Routing,
    /// Where notifications go.
    pub receivers: BTreeMap<ReceiverName, Arc<ReceiverSettings>>,
    /// The sign of life for a dead man's switch.
    pub heartbeat: Option<HeartbeatSettings>,
    /// Where the state is kept.
    pub storage: StorageSettings,
    /// How much is exported.
    pub metrics: MetricsSettings,
    /// Where the daemon listens.
    pub server: ServerSettings,
    /// The zone in which times are shown to people.
    pub timezone: Tz,
    /// The files it was read from: the main file first.
    pub files: Vec<PathBuf>,
}

impl Config {
    /// Where every secret is that it names.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretSource> {
        let snyk = self.snyk.values().flat_map(|entry| entry.auth.secrets());
        let credentials = self.credentials.values().flat_map(|credential| credential.secrets());
        let receivers = self.receivers.values().flat_map(|receiver| receiver.secrets());
        snyk.chain(credentials).chain(receivers).chain(self.heartbeat.iter().flat_map(HeartbeatSettings::secrets))
    }

    /// How everybody is reached.
    pub fn transports(&self) -> impl Iterator<Item = &HttpSettings> {
        let snyk = self.snyk.values().map(|entry| &entry.http);
        let credentials = self.credentials.values().map(|credential| &credential.http);
        let receivers = self.receivers.values().map(|receiver| &receiver.http);
        snyk.chain(credentials).chain(receivers).chain(self.heartbeat.iter().map(|heartbeat| &heartbeat.http))
    }
}

/// Whether secrets are read while a configuration is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets<'a> {
    /// Every secret must be there and readable, and every token must look like one.
    Check,
    /// The same, but a token that is refused is no reason not to start: its credential alone is not asked with.
    Start,
    /// The same, but what is refused already may stay refused. Who mends one file must not have to mend them all.
    Reload(&'a BTreeSet<CredentialName>),
    /// Secrets are left alone: for checking a configuration on another machine than the daemon's.
    Skip,
    /// The same, for whoever only looks up where the daemon or its store is: what is wrong by the clock alone stops nobody.
    LookUp,
}

impl Secrets<'_> {
    fn are_read(self) -> bool {
        !matches!(self, Self::Skip | Self::LookUp)
    }

    /// Whether an instant may lie in the future that cannot be there. A machine whose clock is behind when it starts must
    /// be watched all the same; who writes such an instant is told.
    fn may_be_early(self) -> bool {
        matches!(self, Self::Start | Self::LookUp)
    }

    /// What the main file may be. A pipe says what it has to say once, as a shell makes one of what a command says: a
    /// reload would wait for a word that nobody is going to say.
    fn main_file(self) -> MainFile {
        match self {
            Self::Reload(_) => MainFile::Ordinary,
            Self::Start | Self::Check | Self::Skip | Self::LookUp => MainFile::OrPipe,
        }
    }

    /// Whether the configuration can be used although a token of this entry is refused.
    fn may_be_refused(self, name: &CredentialName) -> bool {
        match self {
            Self::Start => true,
            Self::Reload(refused) => refused.contains(name),
            Self::Check | Self::Skip | Self::LookUp => false,
        }
    }
}

/// A configuration that can be used.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What somebody should look at all the same.
    pub warnings: Problems,
}

/// Reads the configuration at `path`, with the fragments beside it. Blocking, but short, unless a file is on a disk that
/// does not answer, or the main one is a pipe that nobody writes to.
///
/// # Errors
/// Every problem that was found, warnings included, each with its place. That we fail ourselves is such a problem too:
/// whatever is in a file, it may be refused and can do no more.
pub fn load(path: &Path, secrets: Secrets<'_>, now: DateTime<Utc>) -> Result<Loaded, Problems> {
    guarded(path, || try_load(path, secrets, now))
}

/// Makes a panic of `load` a problem of the configuration.
fn guarded(path: &Path, load: impl FnOnce() -> Result<Loaded, Problems> + Send) -> Result<Loaded, Problems> {
    let (message, help) = match on_its_thread(load) {
        Ok(Ok(result)) => return result,
        Ok(Err(_)) => (
            format!("snykwatch failed while it read {}: this is a fault of snykwatch", path.display()),
            "please report it with the file, secrets left out; until it is mended, take back what was changed last",
        ),
        Err(error) => (
            format!("there is no thread to read {}: {error}", path.display()),
            "look at the limits of processes and memory, and try again",
        ),
    };
    let problem = Problem::error(ProblemKind::OurFault, None, message).help(help);
    Err(Problems::new(vec![problem], Vec::new()))
}

/// What the thread that reads a configuration has for its calls. Each level of nesting is a call of the parser within
/// another; as deep as the parser goes, they take more than a thread has otherwise. Bytes.
const STACK: usize = 16 * 1024 * 1024;

/// Runs `read` where nesting has room; a panic in it is the inner error.
fn on_its_thread<T: Send>(read: impl FnOnce() -> T + Send) -> std::io::Result<std::thread::Result<T>> {
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new().name("configuration".to_owned()).stack_size(STACK);
        Ok(reading.spawn_scoped(scope, read)?.join())
    })
}

fn try_load(path: &Path, secrets: Secrets<'_>, now: DateTime<Utc>) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut documents = load::read(path, secrets.main_file(), &mut problems);
    let main = documents.main.as_ref().map(|root| shape::read(root, shape::FileKind::Main, &mut problems));
    let fragments = documents.fragments.iter();
    let fragments: Vec<Result<RawFragment, _>> =
        fragments.map(|root| shape::read(root, shape::FileKind::Fragment, &mut problems)).collect();
    let read = (main.unwrap_or_else(|| Ok(RawConfig::default())), fragments.into_iter().collect::<Result<Vec<_>, _>>());
    let (Ok(raw), Ok(fragments)) = read else { return Err(Problems::new(problems, documents.files)) };
    let named = raw.server.web_config_file.as_ref();
    let web_config = named.and_then(|name| web_config::read(name, path, secrets, &mut documents.files, &mut problems));
    let config = resolve::resolve(&raw, &fragments, &documents, secrets, now, web_config, &mut problems);
    let problems = Problems::new(problems, documents.files);
    if problems.errors() > 0 { Err(problems) } else { Ok(Loaded { config, warnings: problems }) }
}

/// The JSON Schema of the main file, for editors: made from the types that read it.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(RawConfig).to_value();
    forbid_null(&mut schema);
    plain_names(&mut schema);
    schema
}

/// Definitions are named as people would: `Raw` says something about our types, nothing about the file.
fn plain_names(schema: &mut serde_json::Value) {
    const DEFINITIONS: &str = "$defs";
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(definitions)) = map.get_mut(DEFINITIONS) {
                let named = std::mem::take(definitions).into_iter();
                *definitions =
                    named.map(|(name, value)| (name.strip_prefix("Raw").unwrap_or(&name).to_owned(), value)).collect();
            }
            if let Some(serde_json::Value::String(reference)) = map.get_mut("$ref") {
                *reference = reference.replace("#/$defs/Raw", "#/$defs/");
            }
            map.values_mut().for_each(plain_names);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(plain_names),
        _ => {}
    }
}

/// A key may be left out, but not be there without a value; the derived schema would allow that.
fn forbid_null(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Array(types)) = map.get_mut("type") {
                types.retain(|one| one != "null");
            }
            if let Some(serde_json::Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|one| one != "null"));
            }
            map.values_mut().for_each(forbid_null);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forbid_null),
        _ => {}
    }
}

#[cfg(test)]
pub(crate) mod tests;
