//! Resolves the sections about the daemon itself: `schedule`, `http`, `metrics`, `server`, `storage`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Resolver;
use crate::config::cron::CronSchedule;
use crate::config::duration::{DAY, format_duration};
use crate::config::files;
use crate::config::http::HttpSettings;
use crate::config::load::state_directory;
use crate::config::problem::{Problem, ProblemKind};
use crate::config::raw::daemon::{
    RawCadence, RawHttp, RawMetrics, RawOrganizationDetail, RawSampling, RawSchedule, RawServer, RawStorage,
};
use crate::config::raw::spanned::Spanned;
use crate::config::raw::value::HumanDuration;
use crate::config::schedule::{
    Cadence, LEAST_MAX_AGE_FACTOR, ProbeSchedule, SHORTEST_INTERVAL, ScheduleSettings, ScheduledProbe,
};
use crate::config::secrets::SecretSource;
use crate::config::server::{
    Access, DEFAULT_LISTEN, DEFAULT_MAXIMUM_SERIES, MetricsSettings, OrganizationDetail, ServerSettings,
};
use crate::config::storage::{DEFAULT_PATH, DEFAULT_RETENTION, StorageBackend, StorageSettings, placed};
use crate::config::web_config::WebConfig;

/// What happened yesterday must still be there: a day, in seconds.
const SHORTEST_RETENTION: Duration = Duration::from_secs(DAY);

/// Fewer series than this would not even hold the daemon's own health. Series.
const LEAST_SERIES: u32 = 1_000;

impl Resolver<'_> {
    pub(super) fn http(&self, raw: Option<&Spanned<RawHttp>>, base: &HttpSettings) -> HttpSettings {
        let Some(Spanned { value: raw, .. }) = raw else { return base.clone() };
        HttpSettings {
            proxy: raw.proxy.as_ref().map_or_else(|| base.proxy.clone(), |proxy| Some(proxy.0.clone())),
            no_proxy: raw.no_proxy.clone().unwrap_or_else(|| base.no_proxy.clone()),
            ca_file: raw.ca_file.as_ref().map_or_else(|| base.ca_file.clone(), |file| Some(self.ca_file(file))),
            connect_timeout: self.timeout(raw.connect_timeout.as_ref(), base.connect_timeout),
            request_timeout: self.timeout(raw.request_timeout.as_ref(), base.request_timeout),
        }
    }

    fn ca_file(&self, file: &Spanned<String>) -> std::path::PathBuf {
        let SecretSource::File(path) = SecretSource::in_directory(&file.value, &self.directory) else {
            return self.directory.join(&file.value);
        };
        if self.secrets.are_read()
            && let Err(error) = files::read(&path, files::LONGEST_CERTIFICATES)
        {
            let message = format!("could not read {}: {error}", path.display());
            self.note(Problem::error(ProblemKind::UnreadableFile, file.place, message));
        }
        path
    }

    fn timeout(&self, raw: Option<&Spanned<HumanDuration>>, base: Duration) -> Duration {
        let Some(raw) = raw else { return base };
        if raw.value.0.is_zero() {
            let message = "a timeout of nothing lets no request through";
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message));
        }
        raw.value.0
    }

    pub(super) fn schedule(&self, raw: &RawSchedule) -> ScheduleSettings {
        let base = ScheduleSettings::default();
        ScheduleSettings {
            snyk: self.probe(raw.snyk.as_ref(), ScheduledProbe::Snyk, base.snyk),
            credentials: self.probe(raw.credentials.as_ref(), ScheduledProbe::Credentials, base.credentials),
            inventory: self.probe(raw.inventory.as_ref(), ScheduledProbe::Inventory, base.inventory),
            organizations: self.probe(raw.organizations.as_ref(), ScheduledProbe::Organizations, base.organizations),
            webhooks: self.sampling(raw.webhooks.as_ref(), ScheduledProbe::Webhooks, base.webhooks),
            catalog: self.sampling(raw.catalog.as_ref(), ScheduledProbe::Catalog, base.catalog),
        }
    }

    fn sampling(
        &self,
        raw: Option<&Spanned<RawSampling>>,
        probe: ScheduledProbe,
        base: ProbeSchedule,
    ) -> ProbeSchedule {
        let Some(raw) = raw else { return base };
        let cadence = Spanned { value: raw.value.cadence(), place: raw.place };
        let default_sample = base.sample;
        let schedule = self.probe(Some(&cadence), probe, base);
        if let Some(sample) = &raw.value.sample
            && sample.value == 0
        {
            self.note(Problem::error(ProblemKind::InvalidValue, sample.place, "a sample has at least one repository"));
        }
        ProbeSchedule { sample: raw.value.sample.as_ref().map(|sample| sample.value).or(default_sample), ..schedule }
    }

    fn probe(&self, raw: Option<&Spanned<RawCadence>>, probe: ScheduledProbe, base: ProbeSchedule) -> ProbeSchedule {
        let Some(Spanned { value: raw, .. }) = raw else { return base };
        let cadence = self.cadence(raw).unwrap_or_else(|| Cadence::Every(probe.default_interval()));
        let mut max_age = cadence.default_max_age();
        if let Some(wanted) = &raw.max_age {
            let least = cadence.longest_gap().saturating_mul(LEAST_MAX_AGE_FACTOR);
            if wanted.value.0 < least {
                let message = format!("`max_age` is too short: {}", format_duration(wanted.value.0));
                let help = format!(
                    "up to {} pass between two runs; with less than {} one failed run would make evidence stale",
                    format_duration(cadence.longest_gap()),
                    format_duration(least)
                );
                self.note(Problem::error(ProblemKind::ImpossibleSchedule, wanted.place, message).help(help));
            }
            max_age = wanted.value.0;
        }
        ProbeSchedule { cadence, max_age, sample: base.sample }
    }

    fn cadence(&self, raw: &RawCadence) -> Option<Cadence> {
        if let (Some(_), Some(cron)) = (&raw.every, &raw.cron) {
            self.conflict(cron.place, &["every", "cron"]);
        }
        if let (None, Some(zone)) = (&raw.cron, &raw.zone) {
            let message = "`zone` belongs to `cron`";
            let help = "`every` knows no calendar; remove it";
            self.note(Problem::error(ProblemKind::ConflictingKeys, zone.place, message).help(help));
        }
        if let Some(every) = &raw.every {
            if every.value.0 < SHORTEST_INTERVAL {
                let message = format!("an interval of {} is too short", format_duration(every.value.0));
                let help = format!("the shortest is {}", format_duration(SHORTEST_INTERVAL));
                self.note(Problem::error(ProblemKind::ImpossibleSchedule, every.place, message).help(help));
            }
            return Some(Cadence::Every(every.value.0));
        }
        let cron = raw.cron.as_ref()?;
        let zone = raw.zone.as_ref().map_or(self.timezone, |zone| zone.value.0);
        match CronSchedule::try_new(&cron.value, zone) {
            Ok(schedule) => Some(Cadence::Cron(Box::new(schedule))),
            Err(error) => {
                self.note(Problem::error(ProblemKind::ImpossibleSchedule, cron.place, error.to_string()));
                None
            }
        }
    }

    pub(super) fn metrics(&self, raw: &RawMetrics) -> MetricsSettings {
        if let Some(series) = &raw.max_series
            && series.value < LEAST_SERIES
        {
            let message = format!("`max_series` must be at least {LEAST_SERIES}");
            self.note(Problem::error(ProblemKind::InvalidValue, series.place, message));
        }
        MetricsSettings {
            organizations: raw.organizations.map(|detail| match detail {
                RawOrganizationDetail::Full => OrganizationDetail::Full,
                RawOrganizationDetail::Status => OrganizationDetail::Status,
                RawOrganizationDetail::Summary => OrganizationDetail::Summary,
            }),
            max_series: raw.max_series.as_ref().map_or(DEFAULT_MAXIMUM_SERIES, |series| series.value),
        }
    }

    pub(super) fn storage(&self, raw: &RawStorage) -> StorageSettings {
        let path = raw.sqlite.path.as_ref();
        if let Some(path) = path
            && (path.value.is_empty() || path.value.ends_with('/'))
        {
            let message = format!("`{}` names no file", path.value.escape_debug());
            self.note(Problem::error(ProblemKind::InvalidValue, path.place, message));
        }
        let path = Path::new(path.map_or(DEFAULT_PATH, |path| path.value.as_str()));
        let path = placed(path, state_directory().as_deref(), &self.directory);
        let retention = raw.retention.as_ref().map_or(DEFAULT_RETENTION, |retention| {
            if retention.value.0 < SHORTEST_RETENTION {
                let message = format!("`retention` must be at least {}", format_duration(SHORTEST_RETENTION));
                self.note(Problem::error(ProblemKind::InvalidValue, retention.place, message));
            }
            chrono::TimeDelta::from_std(retention.value.0).unwrap_or(DEFAULT_RETENTION)
        });
        StorageSettings { backend: StorageBackend::Sqlite { path }, retention }
    }

    /// `web_config` is what the web-config file says, if one is named and could be read.
    pub(super) fn server(&self, raw: &RawServer, web_config: Option<Arc<WebConfig>>) -> ServerSettings {
        let external_url = raw.external_url.as_ref().map(|url| url.0.clone());
        let listen = raw.listen.as_ref().map_or(DEFAULT_LISTEN, |listen| listen.value.0);
        let metrics_listen = raw.metrics_listen.as_ref().map(|listen| listen.value.0);
        let written = [raw.listen.as_ref(), raw.metrics_listen.as_ref()].into_iter().flatten();
        let beyond: Vec<_> = written.filter(|listen| !listen.value.0.ip().is_loopback()).collect();
        let allowed = raw.allow_unauthenticated.as_ref().is_some_and(|allow| allow.value);
        // A file that could not be read is a problem of its own, or left alone on purpose.
        let asks = web_config.as_ref().map_or(raw.web_config_file.is_some(), |web_config| web_config.authenticates());
        let access = match (asks, beyond.is_empty()) {
            (true, _) => Access::Authenticated,
            (false, true) => Access::LoopbackOnly,
            (false, false) => Access::Unauthenticated,
        };
        for listen in beyond.iter().filter(|_| access == Access::Unauthenticated && !allowed) {
            let message =
                format!("{} can be reached from other machines, and nobody is asked for a password", listen.value.0);
            let help = "listen on loopback (127.0.0.1:9979), or name a `web_config_file` with users or client \
                        certificates (docs/access.md), or say `allow_unauthenticated: true` if everybody who reaches \
                        the port may read";
            self.note(Problem::error(ProblemKind::InvalidValue, listen.place, message).help(help));
        }
        if let Some(second) = &raw.metrics_listen
            && second.value.0 == listen
            && listen.port() != 0
        {
            let message = "`metrics_listen` is the same as `listen`";
            let help = "`/metrics` is there already; choose another port, or leave it out";
            self.note(Problem::error(ProblemKind::ConflictingKeys, second.place, message).help(help));
        }
        self.warn_of_strangers(raw, web_config.as_deref());
        let actors = raw.actors.iter().map(|actor| actor.value.clone()).collect();
        ServerSettings { listen, metrics_listen, access, web_config, actors, external_url }
    }

    /// Warns of actors that nobody can be.
    fn warn_of_strangers(&self, raw: &RawServer, web_config: Option<&WebConfig>) {
        let knows_nobody = raw.web_config_file.is_none();
        for actor in &raw.actors {
            // Whom an authority vouches for is not known here.
            let may_be_certified = web_config.is_none_or(WebConfig::verifies_clients);
            let is_user = web_config.is_some_and(|config| config.users.contains_key(&actor.value));
            if knows_nobody || !(may_be_certified || is_user) {
                let message = format!("`{}` is no user of the web-config file", actor.value);
                let help = "name a user of `basic_auth_users`, or a DNS name in clients' certificates";
                self.note(Problem::warning(ProblemKind::Unused, actor.place, message).help(help));
            }
        }
    }
}
