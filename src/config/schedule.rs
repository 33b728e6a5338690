//! The `schedule` section: how often each probe runs, and for how long its evidence counts.

use std::time::Duration;

use super::cron::CronSchedule;
use super::duration::{DAY, HOUR, MINUTE};
use crate::domain::work::ProbeKind;

/// Evidence counts for so many times the longest planned gap between two probes: two may fail.
pub const MAX_AGE_FACTOR: u32 = 3;
/// An operator's own `max_age` must be at least so many times the longest gap: one may fail.
pub const LEAST_MAX_AGE_FACTOR: u32 = 2;
/// Evidence counts for at least this long after the next probe was due, however often it is looked for: as long as
/// `UpstreamUnreachable` waits, so that nothing is unknown before its cause may be told.
pub const LEAST_BEYOND_GAP: Duration = Duration::from_secs(HOUR);
/// Probes more often than this would use up the APIs' budgets. Outside of tests nothing changes this fast. In seconds,
/// and below one only for runs on a sandbox.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// No single pass takes longer.
const LONGEST_PASS: Duration = Duration::from_secs(DAY);

/// What is scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScheduledProbe {
    /// The Snyk tokens: are they accepted, when do they end.
    Snyk,
    /// The PATs: are they accepted, what may they do, when do they end.
    Credentials,
    /// Workspaces and repositories at the Git host, assets in Snyk's Inventory.
    Inventory,
    /// Organizations: integrations, targets, projects, audit log.
    Organizations,
    /// Webhooks on imported repositories.
    Webhooks,
    /// Catalog files and what became of them in Snyk.
    Catalog,
}

impl ScheduledProbe {
    /// Everything that is scheduled.
    pub const ALL: [Self; 6] =
        [Self::Snyk, Self::Credentials, Self::Inventory, Self::Organizations, Self::Webhooks, Self::Catalog];

    /// Its key in the `schedule` section.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snyk => "snyk",
            Self::Credentials => "credentials",
            Self::Inventory => "inventory",
            Self::Organizations => "organizations",
            Self::Webhooks => "webhooks",
            Self::Catalog => "catalog",
        }
    }

    /// The entry that schedules this kind of probe.
    pub const fn of_kind(kind: ProbeKind) -> Self {
        match kind {
            ProbeKind::SnykToken => Self::Snyk,
            ProbeKind::ScmCredential => Self::Credentials,
            ProbeKind::GroupAccess | ProbeKind::Profile | ProbeKind::Inventory => Self::Inventory,
            ProbeKind::Catalog => Self::Catalog,
            ProbeKind::OrganizationList | ProbeKind::Organization => Self::Organizations,
            ProbeKind::Webhooks => Self::Webhooks,
        }
    }

    /// How often it runs unless told otherwise. A revoked token shows within five minutes; everything else follows the
    /// pace of what it looks at and the APIs' budgets.
    pub const fn default_interval(self) -> Duration {
        Duration::from_secs(match self {
            Self::Snyk | Self::Credentials => 5 * MINUTE,
            Self::Inventory => 30 * MINUTE,
            Self::Organizations => HOUR,
            Self::Webhooks | Self::Catalog => DAY,
        })
    }

    /// How many repositories it looks at in one run unless told otherwise; `None` for a probe that looks at all.
    pub const fn default_sample(self) -> Option<u32> {
        match self {
            Self::Webhooks => Some(50),
            Self::Catalog => Some(20),
            _ => None,
        }
    }
}

/// How often one probe runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeSchedule {
    /// When it runs.
    pub cadence: Cadence,
    /// Evidence older than this is stale.
    pub max_age: Duration,
    /// How many repositories one run looks at; `None` for a probe that looks at all.
    pub sample: Option<u32>,
}

/// When a probe runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Cadence {
    /// Again and again after this time.
    Every(Duration),
    /// At the times of a cron expression.
    Cron(Box<CronSchedule>),
}

impl Cadence {
    /// The longest time between two runs.
    pub fn longest_gap(&self) -> Duration {
        match self {
            Self::Every(interval) => *interval,
            Self::Cron(cron) => cron.longest_gap(),
        }
    }

    /// The age up to which evidence counts unless told otherwise.
    pub fn default_max_age(&self) -> Duration {
        let gap = self.longest_gap();
        gap.saturating_mul(MAX_AGE_FACTOR).max(gap.saturating_add(LEAST_BEYOND_GAP))
    }
}

/// The schedules of all probes.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSettings {
    /// The Snyk tokens.
    pub snyk: ProbeSchedule,
    /// The PATs.
    pub credentials: ProbeSchedule,
    /// Repositories and assets.
    pub inventory: ProbeSchedule,
    /// Organizations.
    pub organizations: ProbeSchedule,
    /// Webhooks.
    pub webhooks: ProbeSchedule,
    /// Catalog files.
    pub catalog: ProbeSchedule,
}

impl ScheduleSettings {
    /// The schedule of one probe.
    pub const fn of(&self, probe: ScheduledProbe) -> &ProbeSchedule {
        match probe {
            ScheduledProbe::Snyk => &self.snyk,
            ScheduledProbe::Credentials => &self.credentials,
            ScheduledProbe::Inventory => &self.inventory,
            ScheduledProbe::Organizations => &self.organizations,
            ScheduledProbe::Webhooks => &self.webhooks,
            ScheduledProbe::Catalog => &self.catalog,
        }
    }

    /// The schedules of a single pass: every probe runs once, however long the pass takes, and what it finds counts to
    /// the end.
    #[must_use]
    pub fn for_one_pass(self) -> Self {
        let once = |schedule: ProbeSchedule| ProbeSchedule {
            cadence: Cadence::Every(LONGEST_PASS),
            max_age: schedule.max_age.max(LONGEST_PASS),
            ..schedule
        };
        Self {
            snyk: once(self.snyk),
            credentials: once(self.credentials),
            inventory: once(self.inventory),
            organizations: once(self.organizations),
            webhooks: once(self.webhooks),
            catalog: once(self.catalog),
        }
    }
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        let schedule = |probe: ScheduledProbe| {
            let cadence = Cadence::Every(probe.default_interval());
            ProbeSchedule { max_age: cadence.default_max_age(), cadence, sample: probe.default_sample() }
        };
        Self {
            snyk: schedule(ScheduledProbe::Snyk),
            credentials: schedule(ScheduledProbe::Credentials),
            inventory: schedule(ScheduledProbe::Inventory),
            organizations: schedule(ScheduledProbe::Organizations),
            webhooks: schedule(ScheduledProbe::Webhooks),
            catalog: schedule(ScheduledProbe::Catalog),
        }
    }
}
