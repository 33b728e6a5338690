//! What differs between two configurations, so that a reload leaves alone what stayed the same.
//!
//! An integration counts as changed when anything it rests on has changed, its credentials included.
//!
//! Every setting is compared, which the compiler sees to: a new one is not known here until somebody says whether a reload
//! puts it in force ([`Effect`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Config;
use super::schedule::ScheduledProbe;
use super::server::ServerSettings;
use super::storage::StorageSettings;
use crate::domain::names::{CredentialName, IntegrationName, ReceiverName};

/// What differs in one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionChange<N: Ord> {
    /// There now, and not before.
    pub added: BTreeSet<N>,
    /// There before, and not now.
    pub removed: BTreeSet<N>,
    /// There both times, and not the same.
    pub altered: BTreeSet<N>,
}

impl<N: Ord + Clone> SectionChange<N> {
    fn between<T: PartialEq>(old: &BTreeMap<N, T>, new: &BTreeMap<N, T>) -> Self {
        let missing = |from: &BTreeMap<N, T>, other: &BTreeMap<N, T>| {
            from.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
        };
        let altered = old.iter().filter(|(name, value)| new.get(*name).is_some_and(|now| now != *value));
        Self {
            added: missing(new, old),
            removed: missing(old, new),
            altered: altered.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.altered.is_empty()
    }
}

/// A setting of the whole daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GlobalSetting {
    /// The addresses the daemon listens on.
    Server,
    /// Who may read and who may act.
    Access,
    /// How much is exported.
    Metrics,
    /// Timing and severity of incidents.
    Rules,
    /// Thresholds of conditions.
    Conditions,
    /// The zone in which times are shown.
    Timezone,
    /// Where people reach the daemon.
    ExternalUrl,
    /// Who is told of what.
    Routing,
    /// The sign of life for a dead man's switch.
    Heartbeat,
    /// Where the state is kept.
    Storage,
    /// For how long the history is kept.
    Retention,
}

/// When a changed setting is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// With the reload that read it.
    AtOnce,
    /// With the next start; until then the value before is.
    AfterRestart,
}

impl GlobalSetting {
    /// When it is in force once it was changed.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Server | Self::Storage | Self::Retention => Effect::AfterRestart,
            Self::Access
            | Self::Metrics
            | Self::Rules
            | Self::Conditions
            | Self::Timezone
            | Self::ExternalUrl
            | Self::Routing
            | Self::Heartbeat => Effect::AtOnce,
        }
    }

    /// Its key in the file, or what several keys have in common.
    const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Access => "access",
            Self::Metrics => "metrics",
            Self::Rules => "alerts.rules",
            Self::Conditions => "conditions",
            Self::Timezone => "timezone",
            Self::ExternalUrl => "server.external_url",
            Self::Routing => "alerts.routes",
            Self::Heartbeat => "alerts.heartbeat",
            Self::Storage => "storage",
            Self::Retention => "storage.retention",
        }
    }
}

/// What differs between two configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// Snyk tokens.
    pub snyk: SectionChange<CredentialName>,
    /// Credentials at Git hosts.
    pub credentials: SectionChange<CredentialName>,
    /// Integrations.
    pub integrations: SectionChange<IntegrationName>,
    /// Receivers of notifications.
    pub receivers: SectionChange<ReceiverName>,
    /// Probes with another schedule.
    pub schedules: BTreeSet<ScheduledProbe>,
    /// Settings of the whole daemon.
    pub global: BTreeSet<GlobalSetting>,
}

impl ConfigChange {
    /// Compares two configurations.
    pub fn between(old: &Config, new: &Config) -> Self {
        let schedules =
            ScheduledProbe::ALL.into_iter().filter(|probe| old.schedule.of(*probe) != new.schedule.of(*probe));
        // Taken apart, so that a setting more does not compile before it is compared here.
        let Config {
            snyk: _,
            credentials: _,
            integrations: _,
            receivers: _,
            schedule: _,
            // What uses a set or these settings holds them, and is compared itself.
            permission_sets: _,
            http: _,
            conditions,
            rules,
            routing,
            heartbeat,
            storage: StorageSettings { backend, retention },
            metrics,
            server: ServerSettings { listen, metrics_listen, access, web_config, actors, external_url },
            timezone,
            // Another file is no other configuration.
            files: _,
        } = new;
        let server = &old.server;
        let ports = (server.listen, server.metrics_listen) != (*listen, *metrics_listen);
        let doors = (server.access, &server.web_config, &server.actors) != (*access, web_config, actors);
        let global = [
            (GlobalSetting::Server, ports),
            (GlobalSetting::Access, doors),
            (GlobalSetting::Metrics, old.metrics != *metrics),
            (GlobalSetting::Rules, old.rules != *rules),
            (GlobalSetting::Conditions, old.conditions != *conditions),
            (GlobalSetting::Timezone, old.timezone != *timezone),
            (GlobalSetting::ExternalUrl, server.external_url != *external_url),
            (GlobalSetting::Routing, old.routing != *routing),
            (GlobalSetting::Heartbeat, old.heartbeat != *heartbeat),
            (GlobalSetting::Storage, old.storage.backend != *backend),
            (GlobalSetting::Retention, old.storage.retention != *retention),
        ];
        Self {
            snyk: SectionChange::between(&old.snyk, &new.snyk),
            credentials: SectionChange::between(&old.credentials, &new.credentials),
            integrations: SectionChange::between(&old.integrations, &new.integrations),
            receivers: SectionChange::between(&old.receivers, &new.receivers),
            schedules: schedules.collect(),
            global: global.into_iter().filter(|(_, differs)| *differs).map(|(setting, _)| setting).collect(),
        }
    }

    /// Compares what is read now with what is in force: what takes a restart is that which the daemon was started with,
    /// however often something else was read since.
    pub fn of_reload(started: &Config, in_force: &Config, new: &Config) -> Self {
        let mut change = Self::between(in_force, new);
        let takes_restart = |setting: &GlobalSetting| setting.effect() == Effect::AfterRestart;
        change.global.retain(|setting| !takes_restart(setting));
        change.global.extend(Self::between(started, new).global.into_iter().filter(takes_restart));
        change
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.snyk.is_empty()
            && self.credentials.is_empty()
            && self.integrations.is_empty()
            && self.receivers.is_empty()
            && self.schedules.is_empty()
            && self.global.is_empty()
    }
}

impl fmt::Display for ConfigChange {
    /// One line for a person, such as `integrations: +acme-github ~acme-bitbucket; schedules: inventory`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![
            ("snyk", self.snyk.describe()),
            ("credentials", self.credentials.describe()),
            ("integrations", self.integrations.describe()),
            ("receivers", self.receivers.describe()),
            ("schedules", self.schedules.iter().map(|probe| probe.name()).collect::<Vec<_>>().join(" ")),
        ];
        for setting in &self.global {
            let what = match setting.effect() {
                Effect::AtOnce => "changed",
                Effect::AfterRestart => "takes a restart, what was before stays in force",
            };
            parts.push((setting.name(), what.to_owned()));
        }
        let told = parts.into_iter().filter(|(_, what)| !what.is_empty());
        formatter.write_str(&told.map(|(section, what)| format!("{section}: {what}")).collect::<Vec<_>>().join("; "))
    }
}

impl<N: Ord + fmt::Display> SectionChange<N> {
    /// `+` added, `-` removed, `~` altered.
    fn describe(&self) -> String {
        let signed =
            |sign: char, names: &BTreeSet<N>| names.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>();
        [signed('+', &self.added), signed('-', &self.removed), signed('~', &self.altered)].concat().join(" ")
    }
}
