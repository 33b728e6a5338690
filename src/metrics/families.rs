//! Every metric as data: name, type, labels, help. The page and `docs/metrics.md` are both made from this list.

use crate::domain::kinds::closed_list;

closed_list! {
    /// The type of a family.
    Kind {
        /// Goes up and down.
        Gauge => "gauge",
        /// Only goes up.
        Counter => "counter",
        /// Buckets, sum and count.
        Histogram => "histogram",
    }
}

closed_list! {
    /// What a family is about: a chapter of the reference.
    Chapter {
        /// Status and conditions.
        Integrations => "Integrations",
        /// Synchronisation of Group integrations.
        Synchronisation => "Synchronisation",
        /// Imports of Organizations.
        Organizations => "Organizations",
        /// Incidents.
        Incidents => "Incidents",
        /// Credentials.
        Credentials => "Credentials",
        /// Upstream APIs.
        Apis => "Upstream APIs",
        /// Delivery to receivers.
        Notifications => "Notifications",
        /// The daemon itself.
        Own => "Own health",
    }
}

/// One metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its full name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says: the HELP text.
    pub help: &'static str,
    /// What it is about.
    pub chapter: Chapter,
}

macro_rules! families {
    ($($chapter:ident { $($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+ })+) => {
        $($(
            #[doc = concat!("The family `snykwatch_", $name, "`.")]
            pub const $constant: Family = Family {
                name: concat!("snykwatch_", $name),
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                chapter: Chapter::$chapter,
            };
        )+)+

        /// Every family, in the order of the reference.
        pub const ALL: &[Family] = &[$($($constant),+),+];
    };
}

families! {
    Integrations {
        INTEGRATION_STATUS: Gauge "integration_status" ["integration", "level", "organization", "scm", "status"]
            "Status as background probes last proved it: 1 for the current status, 0 for every other one.";
        INTEGRATION_STATUS_SINCE: Gauge "integration_status_since_timestamp_seconds" ["integration", "level", "organization"]
            "Since when the current status holds.";
        INTEGRATION_LAST_CONNECTED: Gauge "integration_last_connected_timestamp_seconds" ["integration", "level", "organization"]
            "Last time the integration was connected. Absent until it was for connected_hold (30 minutes).";
        INTEGRATION_EVIDENCE_VALID_UNTIL: Gauge "integration_evidence_valid_until_timestamp_seconds" ["integration", "level", "organization"]
            "Earliest expiry of the evidence that the status rests on. Absent when it rests on none.";
        INTEGRATION_CONDITION: Gauge "integration_condition" ["integration", "level", "organization", "condition"]
            "Condition: 1 true, 0 false, -1 unknown. Compare it with == and never average it. Conditions of credentials are at Group level only; for Organizations see snykwatch_credential_valid.";
        INTEGRATION_INFO: Gauge "integration_info" ["integration", "level", "organization", "group_id", "group_name", "organization_name", "credential", "owner"]
            "Names and references of an integration, to join with. Several credentials are separated by commas. Always 1.";
        INTEGRATIONS: Gauge "integrations" ["level", "scm", "status"]
            "Number of integrations by status, whatever detail of Organizations is exported.";
    }
    Synchronisation {
        SYNC_REPOSITORIES: Gauge "sync_repositories" ["integration", "state"]
            "Repositories by what became of them in the Snyk Inventory: found, missing, removed, ignored.";
        SYNC_PROGRESS_RATIO: Gauge "sync_progress_ratio" ["integration"]
            "Share of the eligible repositories that are in the Inventory, 0 to 1. Absent with nothing eligible.";
        SYNC_LAG: Gauge "sync_lag_seconds" ["integration"]
            "Worst time between a change in the Git host and its arrival in Snyk, of changes that have not arrived. Absent when unknown.";
        SYNC_LAG_P95: Gauge "sync_lag_p95_seconds" ["integration"]
            "95th percentile of the same.";
        SYNC_LAST_SEEN: Gauge "sync_last_seen_timestamp_seconds" ["integration"]
            "Last synchronisation seen. Absent when none was.";
        SYNC_NEXT_EXPECTED: Gauge "sync_next_expected_timestamp_seconds" ["integration"]
            "When the next synchronisation is expected.";
        SYNC_COMPLETION_EXPECTED: Gauge "sync_completion_expected_timestamp_seconds" ["integration"]
            "Latest time by which the first fill is expected to be complete. Absent when no fill is in progress.";
    }
    Organizations {
        ORGANIZATION_TARGETS: Gauge "organization_targets" ["integration", "organization", "state"]
            "Imported repositories: with projects, or empty. Absent until observed.";
        ORGANIZATION_PROJECTS: Gauge "organization_projects" ["integration", "organization", "state"]
            "Projects: active or inactive. Absent until observed.";
        ORGANIZATION_WEBHOOKS: Gauge "organization_webhooks" ["integration", "organization", "state"]
            "Sampled repositories by their Snyk webhook: installed, inactive, missing. What cannot be seen is in none.";
    }
    Incidents {
        INCIDENT_OPEN: Gauge "incident_open" ["incident", "severity", "integration", "credential"]
            "1 while an incident is open, 0 while it is pending. The integration or the credential it is about is named, the other is empty.";
        INCIDENT_SINCE: Gauge "incident_since_timestamp_seconds" ["incident", "integration", "credential"]
            "When the cause of a pending or open incident began. It outlasts times of unknown and restarts.";
        INCIDENT_CAUSE: Gauge "incident_cause_info" ["incident", "integration", "credential", "cause"]
            "Which incident turned out to be the cause of an open one, which is quiet since and still resolves by itself. Absent where none is known. Always 1.";
        INCIDENTS: Gauge "incidents" ["severity", "state"]
            "Number of incidents, pending and open.";
    }
    Credentials {
        CREDENTIAL_VALID: Gauge "credential_valid" ["credential"]
            "Whether the credential is accepted: 1 yes, 0 no, -1 unknown.";
        CREDENTIAL_PERMISSION_GRANTED: Gauge "credential_permission_granted" ["credential", "permission"]
            "Whether a permission that somebody needs is granted: 1 yes, 0 no, -1 cannot be verified.";
        CREDENTIAL_EXPIRY: Gauge "credential_expiry_timestamp_seconds" ["credential"]
            "When the credential expires. Absent when nobody tells or it never does.";
        CREDENTIAL_INFO: Gauge "credential_info" ["credential", "scm", "kind", "role", "expiry_source"]
            "What a credential is, to join with. A Snyk token has scm=\"snyk\" and no role. Always 1.";
    }
    Apis {
        UPSTREAM_UP: Gauge "upstream_up" ["api"]
            "1 while an API gives conclusive answers, 0 while all its outcomes are inconclusive. Absent before the first.";
        API_VERSION_SUNSET: Gauge "api_version_sunset_timestamp_seconds" ["api"]
            "Announced end of the API version in use. Absent without an announcement.";
        CLOCK_SKEW: Gauge "clock_skew_seconds" ["api"]
            "Our clock minus the API's Date header. Absent until observed.";
        API_REQUESTS: Counter "api_requests_total" ["api", "code"]
            "Requests by HTTP status code; code=\"none\" is a request without an answer.";
        API_REQUEST_DURATION: Histogram "api_request_duration_seconds" ["api"]
            "Duration of requests, to the end of the answer's body.";
        API_BUDGET_REMAINING: Gauge "api_budget_remaining_requests" ["credential"]
            "Requests that the budget of a credential still allows in its current window.";
    }
    Notifications {
        NOTIFICATIONS: Counter "notifications_total" ["receiver"]
            "Attempts to deliver a notification.";
        NOTIFICATIONS_FAILED: Counter "notifications_failed_total" ["receiver", "reason"]
            "Attempts that failed, by reason. They are tried again, unless the receiver rejects them for good.";
        NOTIFICATIONS_DEAD_LETTERED: Counter "notifications_dead_lettered_total" ["receiver"]
            "Deliveries given up: rejected for good, or too old. Another receiver is told.";
        NOTIFICATIONS_PENDING: Gauge "notifications_pending" ["receiver"]
            "Deliveries that wait to be sent.";
        NOTIFICATION_OLDEST_PENDING: Gauge "notification_oldest_pending_timestamp_seconds" ["receiver"]
            "When the oldest waiting delivery was made. Absent when none waits.";
        HEARTBEAT_LAST_SUCCESS: Gauge "heartbeat_last_success_timestamp_seconds" []
            "When the dead man's switch last took a sign of life from this process; 0 before the first. Absent without a heartbeat in the configuration.";
    }
    Own {
        SNAPSHOT_TIMESTAMP: Gauge "snapshot_timestamp_seconds" []
            "When the snapshot behind this page was taken.";
        PROBES: Counter "probes_total" ["probe"]
            "Finished probes.";
        PROBES_CONCLUDED: Counter "probes_concluded_total" ["probe"]
            "Finished probes that concluded something, whatever part of them failed. Those without any conclusion are asked again.";
        PROBE_FAILURES: Counter "probe_failures_total" ["probe", "reason"]
            "Probes that had a part without a conclusion, by reason; a probe counts once for each of its reasons.";
        PROBE_DURATION: Histogram "probe_duration_seconds" ["probe"]
            "Duration of probes.";
        SCHEDULE_INTERVAL: Gauge "schedule_interval_seconds" ["probe"]
            "Longest planned time from one run of a probe to the next.";
        SCHEDULE_LAG: Gauge "schedule_lag_seconds" ["probe"]
            "How late the latest run of a probe began.";
        CONFIG_LAST_RELOAD_SUCCESSFUL: Gauge "config_last_reload_successful" []
            "Whether the last load of the configuration succeeded.";
        CONFIG_LAST_RELOAD_SUCCESS: Gauge "config_last_reload_success_timestamp_seconds" []
            "When the configuration in force was loaded.";
        STORE_ERRORS: Counter "store_errors_total" []
            "Times that the store could not do what was asked. Monitoring goes on; what was not stored is tried again.";
        STORE_DROPPED: Counter "store_dropped_total" []
            "Transitions and notifications that were dropped, since the store took nothing for too long.";
        STORE_SIZE: Gauge "store_size_bytes" []
            "Room that the store takes, its log included.";
        PANICS: Counter "panics_total" []
            "Panics that were caught. Each is a defect of snykwatch.";
        SERIES_DROPPED: Gauge "series_dropped" []
            "Series of Organizations left out of this page because it would have passed max_series.";
        BUILD_INFO: Gauge "build_info" ["version", "revision", "rustc"]
            "What is running. Always 1.";
    }
}

/// Families that the `prometheus` crate adds about our process, with their meaning.
pub const PROCESS: &[(&str, Kind, &str)] = &[
    ("process_cpu_seconds_total", Kind::Counter, "User and system CPU time spent."),
    ("process_max_fds", Kind::Gauge, "Limit of open file descriptors."),
    ("process_open_fds", Kind::Gauge, "Open file descriptors."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory."),
    ("process_start_time_seconds", Kind::Gauge, "Start of the process."),
    ("process_threads", Kind::Gauge, "OS threads."),
    ("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory."),
];
