//! What a file says, before anything is checked: one type per section, every key optional that may be left out.
//!
//! These types are private to `config`. They know the words and the shape of the file, no more; their doc comments are
//! the descriptions in the JSON Schema. A key that must be there is an `Option` all the same, marked `required` for the
//! schema: it is missed when references are resolved, so that one missing key hides no other problem.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod alerts;
pub(crate) mod daemon;
pub(crate) mod integration;
pub(crate) mod receivers;
pub(crate) mod spanned;
pub(crate) mod value;

use super::conditions::RawConditionSettings;
use account::{RawCredential, RawSnyk};
use alerts::RawAlerts;
use daemon::{RawHttp, RawMetrics, RawSchedule, RawServer, RawStorage};
use integration::{RawIntegration, RawPermissionSet};
use spanned::Spanned;
use value::RawZone;

/// Named entries of a section.
pub(crate) type Named<T> = BTreeMap<Spanned<String>, Spanned<T>>;

/// The configuration of snykwatch: which Snyk Groups and Organizations are watched, with which credentials, how often,
/// when a problem becomes an incident, and who is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "snykwatch configuration")]
pub(crate) struct RawConfig {
    /// Snyk tokens, by name.
    pub(crate) snyk: Named<RawSnyk>,
    /// Credentials at Git hosts, by name.
    pub(crate) credentials: Named<RawCredential>,
    /// Lists of permissions, by name: the built-in `pilot-guide`, `group` and `organization` anew, or others.
    pub(crate) permission_sets: Named<RawPermissionSet>,
    /// What is watched, by name. Files in `conf.d` beside this one may define further integrations, and nothing else.
    pub(crate) integrations: Named<RawIntegration>,
    /// How often each probe runs.
    pub(crate) schedule: RawSchedule,
    /// How APIs are reached. Snyk tokens and credentials may override any part of it.
    pub(crate) http: Option<Spanned<RawHttp>>,
    /// Thresholds of conditions. Integrations may override any of them.
    pub(crate) conditions: Option<Spanned<RawConditionSettings>>,
    /// Incidents: when they open, and who is told.
    pub(crate) alerts: RawAlerts,
    /// Where the state is kept, and for how long its history.
    pub(crate) storage: RawStorage,
    /// The `/metrics` page.
    pub(crate) metrics: RawMetrics,
    /// The daemon's own pages.
    pub(crate) server: RawServer,
    /// The time zone in which times are shown to people, and of cron schedules without a `zone`. Default UTC.
    pub(crate) timezone: Option<RawZone>,
}

/// A file of `conf.d`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawFragment {
    /// What is watched, by name.
    pub(crate) integrations: Named<RawIntegration>,
}
