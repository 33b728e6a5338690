//! What differs between two configurations, so that a reload leaves alone what stayed the same.
//!
//! An integration counts as changed when anything it rests on has changed, its credentials included.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use super::Config;
use super::schedule::ScheduledProbe;
use super::server::Access;
use super::web_config::WebConfig;
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

/// Whether a setting of the whole daemon differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GlobalSetting {
    /// The addresses the daemon listens on: takes a restart.
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
    /// Where the state is kept: takes a restart.
    Storage,
}

fn listens(config: &Config) -> (SocketAddr, Option<SocketAddr>) {
    (config.server.listen, config.server.metrics_listen)
}

fn access(config: &Config) -> (Access, Option<&WebConfig>, &BTreeSet<String>) {
    (config.server.access, config.server.web_config.as_deref(), &config.server.actors)
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
        let global = [
            (GlobalSetting::Server, listens(old) != listens(new)),
            (GlobalSetting::Access, access(old) != access(new)),
            (GlobalSetting::Metrics, old.metrics != new.metrics),
            (GlobalSetting::Rules, old.rules != new.rules),
            (GlobalSetting::Conditions, old.conditions != new.conditions),
            (GlobalSetting::Timezone, old.timezone != new.timezone),
            (GlobalSetting::ExternalUrl, old.server.external_url != new.server.external_url),
            (GlobalSetting::Routing, old.routing != new.routing),
            (GlobalSetting::Heartbeat, old.heartbeat != new.heartbeat),
            (GlobalSetting::Storage, old.storage != new.storage),
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
            parts.push(match setting {
                GlobalSetting::Server => {
                    ("server", "another address takes a restart, the one before stays in use".to_owned())
                }
                GlobalSetting::Access => ("access", "changed".to_owned()),
                GlobalSetting::Metrics => ("metrics", "changed".to_owned()),
                GlobalSetting::Rules => ("alerts.rules", "changed".to_owned()),
                GlobalSetting::Conditions => ("conditions", "changed".to_owned()),
                GlobalSetting::Timezone => ("timezone", "changed".to_owned()),
                GlobalSetting::ExternalUrl => ("server.external_url", "changed".to_owned()),
                GlobalSetting::Routing => ("alerts.routes", "changed".to_owned()),
                GlobalSetting::Heartbeat => ("alerts.heartbeat", "changed".to_owned()),
                GlobalSetting::Storage => ("storage", "takes a restart, the one before stays in use".to_owned()),
            });
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
