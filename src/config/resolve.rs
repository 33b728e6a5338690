//! From raw to [`Config`]: references, cross-checks, defaults.
//!
//! Nothing stops at a problem: what cannot be resolved is left out, noted, and the rest is checked as well. A name that
//! is defined but has problems of its own counts as defined, so that one mistake is reported once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;

use super::alerts::AlertRules;
use super::conditions::ConditionSettings;
use super::load::Documents;
use super::problem::{Gravity, Place, Problem, ProblemKind};
use super::raw::account::RawSecret;
use super::raw::spanned::Spanned;
use super::raw::{Named, RawConfig, RawFragment};
use super::secrets::{Exposure, SecretReadError, SecretSource};
use super::settings::Setting;
use super::token::TokenKind;
use super::web_config::WebConfig;
use super::{Config, Secrets, suggest};
use crate::domain::names::CredentialName;
use crate::domain::permission::PermissionSet;

mod account;
mod daemon;
mod email;
mod integration;
mod matcher;
mod receivers;
mod routing;
mod thresholds;

/// The longest name; names become metric labels. Characters.
const LONGEST_NAME: usize = 100;

/// The state of resolving one configuration.
struct Resolver<'a> {
    problems: RefCell<Vec<Problem>>,
    now: DateTime<Utc>,
    secrets: Secrets<'a>,
    /// The main file's directory: relative names start here.
    directory: PathBuf,
    /// The zone of cron schedules without one.
    timezone: Tz,
    /// Credentials (of Git hosts and of Snyk) that something refers to.
    used: RefCell<BTreeSet<&'a str>>,
    /// Every key that is written, by the place of its mapping, whatever the state of its value.
    written: HashSet<(Place, &'a str)>,
}

/// Names of one section: those that resolved, and those that are there but did not.
struct Index<'a, T> {
    section: &'static str,
    resolved: BTreeMap<CredentialName, Arc<T>>,
    declared: BTreeSet<&'a str>,
}

/// Checks the meaning of what was read. Gives the configuration if nothing stops it.
pub(crate) fn resolve(
    raw: &RawConfig,
    fragments: &[RawFragment],
    documents: &Documents,
    secrets: Secrets<'_>,
    now: DateTime<Utc>,
    web_config: Option<Arc<WebConfig>>,
    problems: &mut Vec<Problem>,
) -> Config {
    let main_path = documents.files.first().map(|file| file.path.clone()).unwrap_or_default();
    let mut written = HashSet::new();
    for root in documents.main.iter().chain(&documents.fragments) {
        root.collect_keys(&mut written);
    }
    let resolver = Resolver {
        problems: RefCell::default(),
        now,
        secrets,
        directory: main_path.parent().map(PathBuf::from).unwrap_or_default(),
        timezone: raw.timezone.as_ref().map_or(Tz::UTC, |zone| zone.0),
        used: RefCell::default(),
        written,
    };
    let declared = |section: &[&str]| -> BTreeSet<&str> {
        documents.main.iter().flat_map(|root| root.names_of(section)).collect()
    };

    let http = resolver.http(raw.http.as_ref(), &super::http::HttpSettings::default());
    let snyk =
        Index { section: "snyk", resolved: resolver.snyk_entries(&raw.snyk, &http), declared: declared(&["snyk"]) };
    let credentials = Index {
        section: "credentials",
        resolved: resolver.credentials(&raw.credentials, &http),
        declared: declared(&["credentials"]),
    };
    resolver.check_shared_names(raw);
    let permission_sets = resolver.permission_sets(&raw.permission_sets);
    let conditions = resolver.conditions(raw.conditions.as_ref(), &ConditionSettings::default());
    let rules = resolver.rules(raw.alerts.rules.as_ref(), &AlertRules::default());

    let scope = integration::Scope { snyk: &snyk, credentials: &credentials, permission_sets: &permission_sets };
    let mut integrations = BTreeMap::new();
    let sections = std::iter::once(&raw.integrations).chain(fragments.iter().map(|fragment| &fragment.integrations));
    let mut places: BTreeMap<&str, Place> = BTreeMap::new();
    for (name, integration) in sections.flatten() {
        if let Some(first) = places.insert(&name.value, name.place) {
            let file = documents.files.get(first.file).map(|file| file.path.display().to_string()).unwrap_or_default();
            resolver.note(
                Problem::error(
                    ProblemKind::DuplicateName,
                    name.place,
                    format!("the integration `{}` is there twice", name.value),
                )
                .help(format!("the other one stands in {file}")),
            );
        }
        resolver.check_name(name);
        if let Some(resolved) = resolver.integration(name, integration, &scope, &conditions, &rules) {
            integrations.insert(resolved.name.clone(), Arc::new(resolved));
        }
    }
    let nothing_written =
        raw.integrations.is_empty() && fragments.iter().all(|fragment| fragment.integrations.is_empty());
    if nothing_written && documents.main.as_ref().is_some_and(|root| root.names_of(&["integrations"]).is_empty()) {
        resolver.note(
            Problem::error(
                ProblemKind::MissingKey,
                None,
                format!("nothing is watched: {} configures no integration", main_path.display()),
            )
            .help("add one to `integrations`"),
        );
    }
    let all_integrations =
        raw.integrations.values().chain(fragments.iter().flat_map(|fragment| fragment.integrations.values()));
    let watched = documents.main.iter().chain(&documents.fragments).flat_map(|root| root.names_of(&["integrations"]));
    let names = matcher::Names {
        receivers: declared(&["alerts", "receivers"]),
        times: declared(&["alerts", "times"]),
        integrations: watched.collect(),
        credentials: snyk.declared.union(&credentials.declared).copied().collect(),
        owners: all_integrations.filter_map(|integration| integration.value.owner.as_deref()).collect(),
    };
    let receivers = resolver.receivers(&raw.alerts.receivers, &http);
    let mut routing = resolver.routing(&raw.alerts, &names);
    let keep_open = receivers.iter().filter(|(_, receiver)| receiver.kind.keeps_open());
    routing.keep_open = keep_open.map(|(name, _)| name.clone()).collect();
    let heartbeat = raw.alerts.heartbeat.as_ref().and_then(|heartbeat| resolver.heartbeat(heartbeat, &http));
    resolver.warn_of_unused(raw, documents);

    let config = Config {
        schedule: resolver.schedule(&raw.schedule),
        routing,
        receivers,
        heartbeat,
        storage: resolver.storage(&raw.storage),
        metrics: resolver.metrics(&raw.metrics),
        server: resolver.server(&raw.server, web_config),
        timezone: resolver.timezone,
        files: documents.files.iter().map(|file| file.path.clone()).collect(),
        snyk: snyk.resolved,
        credentials: credentials.resolved,
        permission_sets,
        integrations,
        http,
        conditions,
        rules,
    };
    problems.extend(resolver.problems.into_inner());
    config
}

impl<'a> Resolver<'a> {
    fn note(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The value of a key that must be there. One that is written but could not be read is noted already.
    fn need<'r, T>(&self, value: Option<&'r T>, parent: Place, key: &'static str) -> Option<&'r T> {
        if value.is_none() && !self.written.contains(&(parent, key)) {
            let message = format!("the key `{key}` is missing here");
            self.note(Problem::error(ProblemKind::MissingKey, parent, message));
        }
        value
    }

    /// Names become metric labels, parts of incident keys and file names.
    fn check_name(&self, name: &Spanned<String>) {
        let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        let text = &name.value;
        if text.is_empty() || text.len() > LONGEST_NAME || !text.chars().all(allowed) {
            let message = format!("`{}` cannot be a name", text.escape_debug());
            let help = format!("a name is made of up to {LONGEST_NAME} ASCII letters, digits, `.`, `_` and `-`");
            self.note(Problem::error(ProblemKind::InvalidValue, name.place, message).help(help));
        }
    }

    /// Metrics and incidents name Snyk tokens and credentials alike, so the two sections share their names.
    fn check_shared_names(&self, raw: &'a RawConfig) {
        for name in raw.credentials.keys() {
            if raw.snyk.contains_key(name) {
                let message = format!("`{}` is the name of a Snyk token already", name.value);
                let help = "metrics and incidents name both alike; choose another name";
                self.note(Problem::error(ProblemKind::DuplicateName, name.place, message).help(help));
            }
        }
    }

    /// The thing that a name refers to.
    fn look_up<T>(&self, name: &'a Spanned<String>, index: &Index<'_, T>) -> Option<Arc<T>> {
        self.used.borrow_mut().insert(name.value.as_str());
        let found = index.resolved.get(&CredentialName::new(&name.value));
        if found.is_none() && !index.declared.contains(name.value.as_str()) {
            let declared: Vec<_> = index.declared.iter().copied().collect();
            let message = format!("`{}` is not defined in `{}`", name.value, index.section);
            let help = suggest::help(&name.value, &declared);
            let help = help.unwrap_or_else(|| format!("`{}` is empty", index.section));
            self.note(Problem::error(ProblemKind::UnknownReference, name.place, message).help(help));
        }
        found.map(Arc::clone)
    }

    fn permission_set(
        &self,
        name: Option<&Spanned<String>>,
        default: PermissionSet,
        sets: &BTreeMap<String, Arc<PermissionSet>>,
    ) -> Arc<PermissionSet> {
        let wanted = name.map_or(default.name.as_str(), |name| name.value.as_str());
        if let (Some(name), None) = (name, sets.get(wanted)) {
            let known: Vec<_> = sets.keys().map(String::as_str).collect();
            let message = format!("there is no permission set `{wanted}`");
            self.note(
                Problem::error(ProblemKind::UnknownReference, name.place, message)
                    .maybe_help(suggest::help(wanted, &known)),
            );
        }
        sets.get(wanted).map_or_else(|| Arc::new(default), Arc::clone)
    }

    /// Where a secret is; whether it can be read is checked on the way.
    fn secret(&self, raw: &Spanned<RawSecret>) -> SecretSource {
        self.checked_secret(raw, SecretSource::read, secret_problem)
    }

    /// Where a token of the entry `owner` is; whether it can be one is checked on the way.
    fn token(&self, raw: &Spanned<RawSecret>, kind: TokenKind, owner: &CredentialName) -> SecretSource {
        let may_be_refused = self.secrets.may_be_refused(owner);
        let problem = |error: &SecretReadError, raw: &Spanned<RawSecret>| match error {
            // Nobody but a restart with another configuration can set it.
            SecretReadError::Unset(_) => secret_problem(error, raw),
            _ if may_be_refused => not_asked_with(secret_problem(error, raw), owner),
            _ => secret_problem(error, raw),
        };
        self.checked_secret(raw, |source| source.read_token(kind), problem)
    }

    fn checked_secret(
        &self,
        raw: &Spanned<RawSecret>,
        read: impl Fn(&SecretSource) -> Result<SecretString, SecretReadError>,
        problem: impl Fn(&SecretReadError, &Spanned<RawSecret>) -> Problem,
    ) -> SecretSource {
        let source = match &raw.value {
            RawSecret::File(name) => SecretSource::in_directory(name, &self.directory),
            RawSecret::Env(variable) => SecretSource::Env(variable.clone()),
        };
        if self.secrets.are_read() {
            if let Err(error) = read(&source) {
                self.note(problem(&error, raw));
            } else if source.exposure() == Exposure::WorldReadable {
                let message = format!("every user of this machine can read the secret in {source}");
                let help = "take the right to read it from others (chmod o-r)";
                self.note(Problem::warning(ProblemKind::ExposedSecret, raw.place, message).help(help));
            }
        }
        source
    }

    fn conditions(
        &self,
        raw: Option<&Spanned<super::conditions::RawConditionSettings>>,
        base: &ConditionSettings,
    ) -> ConditionSettings {
        let Some(raw) = raw else { return base.clone() };
        let settings = base.overlaid(&raw.value);
        for message in thresholds::conditions_problems(&settings) {
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message));
        }
        settings
    }

    fn rules(&self, raw: Option<&Spanned<super::alerts::RawAlertRules>>, base: &AlertRules) -> AlertRules {
        let Some(raw) = raw else { return base.clone() };
        let rules = base.overlaid(&raw.value);
        for message in thresholds::rules_problems(&rules) {
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message));
        }
        rules
    }

    /// Warns of what nobody refers to: a slip, or a secret that is read for nothing.
    fn warn_of_unused(&self, raw: &RawConfig, documents: &Documents) {
        // A reference that could not be read may be the missing one.
        let faulty = !self.problems.borrow().is_empty() || documents.main.is_none();
        if faulty {
            return;
        }
        let used = self.used.borrow();
        let names = names(&raw.snyk, "Snyk token").chain(names(&raw.credentials, "credential"));
        for (name, what) in names.filter(|(name, _)| !used.contains(name.value.as_str())) {
            let message = format!("the {what} `{}` is used by no integration", name.value);
            self.note(Problem::warning(ProblemKind::Unused, name.place, message));
        }
    }
}

fn names<'n, T>(
    section: &'n Named<T>,
    what: &'static str,
) -> impl Iterator<Item = (&'n Spanned<String>, &'static str)> {
    section.keys().map(move |name| (name, what))
}

fn secret_problem(error: &SecretReadError, raw: &Spanned<RawSecret>) -> Problem {
    let kind = match error {
        SecretReadError::Unset(_) => ProblemKind::UnsetVariable,
        _ => ProblemKind::UnreadableSecret,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let is_relative = matches!(&raw.value, RawSecret::File(name) if Path::new(name).is_relative());
    let is_missing = matches!(error, SecretReadError::File { source, .. } if source.kind() == ErrorKind::NotFound);
    let help =
        "it is looked for in CREDENTIALS_DIRECTORY, which systemd sets for the daemon, then beside the configuration";
    let help = (is_relative && is_missing).then(|| help.to_owned());
    Problem::error(kind, raw.place, format!("{error}{cause}")).maybe_help(help)
}

/// What is refused, where everything else goes on.
fn not_asked_with(problem: Problem, owner: &CredentialName) -> Problem {
    let help = format!("`{owner}` is not asked with until this is mended; everything else is watched");
    Problem { gravity: Gravity::Warning, help: problem.help.or(Some(help)), ..problem }
}
