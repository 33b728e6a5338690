use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use insta::assert_snapshot;
use tempfile::TempDir;

use super::alerts::AlertRules;
use super::conditions::ConditionSettings;
use super::problem::Style;
use super::schedule::ScheduleSettings;
use super::secrets::{SecretSource, TokenVersion};
use super::*;

mod alerts;
mod changes;
mod corpus;
mod generated;
mod hostile;
mod problems;
mod secret;
mod sizes;
mod web;

/// A directory with configuration files.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(main: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("snykwatch.yaml", main);
        files
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn main(&self) -> PathBuf {
        self.path("snykwatch.yaml")
    }

    /// What becomes of the files. That we fail over them is the failure of any test.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        let read = on_its_thread(|| try_load(&self.main(), Secrets::Skip, now())).unwrap();
        read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The text without the directory's own, ever different name.
    pub(crate) fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// The problems, one a line: `file:line:column: message`.
    pub(crate) fn problems(&self) -> String {
        match self.load() {
            Ok(loaded) => self.plain(&loaded.warnings.to_string()),
            Err(problems) => self.plain(&problems.to_string()),
        }
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

/// A small configuration without problems; `more` is appended.
pub(crate) fn small(more: &str) -> String {
    format!(
        r#"
snyk: {{ acme-us: {{ token: {{ file: snyk }} }} }}
credentials:
  bitbucket-acme:
    bitbucket_cloud: {{ api_token: {{ email: bot@acme.example, token: {{ env: BITBUCKET_TOKEN }} }} }}
    role: integration
integrations:
  acme:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: 0d3728ec-eebf-484d-9907-ba238019f10b
      profiles: {{ main: {{ credential: bitbucket-acme, workspaces: [Acme] }} }}
    organizations: {{ credential: bitbucket-acme, exclude: ["sandbox-*"] }}
{more}"#
    )
}

#[test]
fn a_small_configuration_has_every_default() {
    let files = Files::new(&small(""));
    let Loaded { config, warnings } = files.load().unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(config.schedule, ScheduleSettings::default());
    assert_eq!(config.rules, AlertRules::default());
    assert_eq!(config.conditions, ConditionSettings::default());
    let acme = config.integrations.get(&IntegrationName::new("acme")).unwrap();
    let group = acme.group.as_ref().unwrap();
    assert_eq!(group.permissions.name, "group");
    assert_eq!(group.snyk.api.root(), "https://api.snyk.io");
    let organizations = acme.organizations.as_ref().unwrap();
    assert_eq!(organizations.snyk.name, group.snyk.name);
    assert_eq!(organizations.permissions.name, "organization");
    let id = crate::domain::names::OrganizationId(uuid::Uuid::nil());
    assert!(organizations.excludes(id, "Sandbox-7") && !organizations.excludes(id, "payments"));
}

#[test]
fn settings_are_laid_over_each_other() {
    let files = Files::new(&small(
        r"    rules: { partially_connected: { profiles_failed: 20m } }
    conditions: { late_canaries: 5 }
alerts: { rules: { partially_connected: { awaiting_first_sync: 14h } } }
conditions: { max_lag: 30h }
",
    ));
    let config = files.load().unwrap().config;
    let acme = config.integrations.values().next().unwrap();
    let minutes = |duration: std::time::Duration| duration.as_secs() / 60;
    assert_eq!(minutes(acme.rules.partially_connected.awaiting_first_sync), 14 * 60);
    assert_eq!(minutes(acme.rules.partially_connected.profiles_failed), 20);
    assert_eq!(minutes(config.rules.partially_connected.profiles_failed), 10);
    assert_eq!((minutes(acme.conditions.max_lag), acme.conditions.late_canaries), (30 * 60, 5));
    assert_eq!(config.conditions.late_canaries, 3);
}

#[test]
fn only_what_differs_counts_as_changed() {
    let config = |text: &str| Files::new(text).load().unwrap().config;
    // Two directories would differ in the secrets' paths.
    let files = Files::new(&small(""));
    let old = files.load().unwrap().config;
    files.write("snykwatch.yaml", &small("schedule: { inventory: { every: 10m } }\n"));
    let new = files.load().unwrap().config;
    let change = change::ConfigChange::between(&old, &new);
    assert!(change.integrations.is_empty() && change.credentials.is_empty() && change.snyk.is_empty());
    assert_eq!(change.schedules.into_iter().collect::<Vec<_>>(), [schedule::ScheduledProbe::Inventory]);

    files.write("snykwatch.yaml", &small("").replace("BITBUCKET_TOKEN", "OTHER_TOKEN"));
    let change = change::ConfigChange::between(&old, &files.load().unwrap().config);
    assert_eq!(change.credentials.altered.len(), 1);
    assert_eq!(change.integrations.altered.len(), 1, "it rests on the credential");
    assert!(change.snyk.is_empty() && change.global.is_empty());
    assert!(change::ConfigChange::between(&config(&small("")), &config(&small(""))).schedules.is_empty());
}

#[test]
fn durations_are_read_as_they_are_written() {
    use super::duration::{format_duration, parse_duration};
    let check = |text: &str, expected: &str| {
        let found = parse_duration(text).map_or_else(|error| error.to_string(), format_duration);
        assert_eq!(found, expected, "{text}");
    };
    check("90s", "1m30s");
    check("14d", "14d");
    check("1h30m", "1h30m");
    check("250ms", "250ms");
    check("0s", "0s");
    check("30", "a duration needs a unit: `30s`, `30m`, `30h` or `30d`?");
    check("5 m", "`5 m` is no duration; write for example 90s, 5m, 6h or 14d");
    check("5min", "`min` is no unit of time; write ms, s, m, h or d");
    check("-5m", "`-5m` is no duration; write for example 90s, 5m, 6h or 14d");
    check("", "`` is no duration; write for example 90s, 5m, 6h or 14d");
    check("5000d", "`5000d` is longer than ten years");
    check("99999999999999999999d", "`99999999999999999999d` is longer than ten years");
}
