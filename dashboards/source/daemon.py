"""Is snykwatch itself well? For whoever runs it."""

from .looks import MINUTE, NEVER, QUIET, YES, steps, words
from .page import ALERT_FIRING, CONFIGURATION_LOADED, VERSION_CHANGED, page, runbook
from .panels import BUSIEST_FIRST, heatmap, label, lines, stat, table, timeline, value
from .queries import FLEET, increase, instant, least, metric, most, over, percentile95, rate

GOOD_IF_NONE = steps("green", (1, "red"))


def process(name):
    return f"process_{name}{{{FLEET}}}"


def age(timestamp):
    return f"time() - {timestamp}"


def now():
    return [
        stat(
            "Version",
            "What is running. Two versions are an upgrade under way.",
            most("build_info", "version"),
            # The label says it; the value is always 1.
            legend="{{version}}",
            show="name",
            width=3,
        ),
        stat(
            "Started",
            "When the youngest process was started.",
            f"max({process('start_time_seconds')}) * 1000",
            unit="dateTimeFromNow",
            width=3,
        ),
        stat(
            "Snapshot age",
            "Time since the newest snapshot was taken; past two minutes the daemon is restarted.",
            age(most("snapshot_timestamp_seconds")),
            unit="s",
            thresholds=steps("green", (MINUTE, "orange"), (2 * MINUTE, "red")),
            width=3,
        ),
        stat(
            "Configuration",
            "Whether every daemon took over its configuration.",
            least("config_last_reload_successful"),
            mappings=[YES],
            links=[runbook("daemon#configreloadfailed")],
            width=3,
        ),
        stat(
            "Configuration loaded",
            "When the configuration in force was loaded.",
            instant("config_last_reload_success"),
            unit="dateTimeFromNow",
            width=3,
        ),
        stat(
            "Heartbeat",
            "Time since the dead man's switch last took a sign of life.",
            age(most("heartbeat_last_success_timestamp_seconds")),
            unit="s",
            thresholds=steps("green", (5 * MINUTE, "orange"), (10 * MINUTE, "red")),
            mappings=[NEVER],
            noValue="none configured",
            links=[runbook("daemon#heartbeatmissed")],
            width=3,
        ),
        stat(
            "Store errors",
            "Times in the shown range that the store could not do what was asked.",
            increase("store_errors_total"),
            decimals=0,
            thresholds=GOOD_IF_NONE,
            links=[runbook("daemon#storefailing")],
            width=3,
        ),
        stat(
            "Panics",
            "Panics that were caught in the shown range; each is a defect.",
            increase("panics_total"),
            decimals=0,
            thresholds=GOOD_IF_NONE,
            links=[runbook("daemon#panicked")],
            width=3,
        ),
    ]


def probes():
    runs, concluded = increase("probes_total", "probe"), increase("probes_concluded_total", "probe")
    lateness = steps("green", (5 * MINUTE, "orange"))
    return table(
        "Probes",
        "What each kind of probe did in the shown range. One of which a part failed has concluded the rest.",
        [
            label("probe", "Probe"),
            value("Runs", runs, decimals=0),
            value(
                "Concluded",
                f"{concluded} / {runs}",
                unit="percentunit",
                decimals=1,
                thresholds=steps("red", (0.5, "orange"), (0.95, "green")),
            ),
            value("Duration (95th percentile)", percentile95("probe_duration_seconds", "probe", "$__range"), unit="s"),
            value("Every", most("schedule_interval_seconds", "probe"), unit="s"),
            value("Late by", most("schedule_lag_seconds", "probe"), unit="s", thresholds=lateness),
        ],
        width=14,
    )


def durations():
    return heatmap(
        "Probe durations",
        "How many probes took how long. Under a request budget a walk may take minutes.",
        over("sum", "le", f"increase({metric('probe_duration_seconds_bucket')}[$__rate_interval])"),
        unit="s",
        width=10,
        height=9,
    )


def schedule():
    return [
        lines(
            "Probe failures by reason",
            "Probes a second that had a part without a conclusion.",
            {"{{reason}}": rate("probe_failures_total", "reason")},
            legend=BUSIEST_FIRST,
            unit="ops",
        ),
        lines(
            "Schedule lag",
            "How late probes begin.",
            {"{{probe}}": most("schedule_lag_seconds", "probe")},
            unit="s",
        ),
    ]


def reachability():
    announced = instant("api_version_sunset", "api")
    return [
        timeline(
            "Upstream APIs",
            "Whether each API gives conclusive answers.",
            most("upstream_up", "api"),
            "{{api}}",
            YES,
            width=18,
            height=7,
        ),
        stat(
            "End of API versions",
            "When the version in use of each API ends, as far as that was announced.",
            f"{announced} or {most('upstream_up', 'api')} * 0",
            legend="{{api}}",
            show="value_and_name",
            unit="dateTimeFromNow",
            mappings=[words((0, "not announced", QUIET))],
            width=6,
            height=7,
        ),
    ]


def requests():
    return [
        lines(
            "Requests",
            "Requests a second by status code; none is a request without an answer.",
            {"{{api}} {{code}}": rate("api_requests_total", "api, code")},
            unit="reqps",
            width=6,
        ),
        lines(
            "Latency, 95th percentile",
            "To the end of the answer's body.",
            {"{{api}}": percentile95("api_request_duration_seconds", "api")},
            unit="s",
            width=6,
        ),
        lines(
            "Request budget",
            "Requests that the budget of a credential still allows in its current window.",
            {"{{credential}}": least("api_budget_remaining_requests", "credential")},
            limits=steps("red", (1, "green")),
            width=6,
        ),
        lines(
            "Clock skew",
            "Our clock minus the API's. Past five minutes nothing is said about expiry and lag.",
            {"{{api}}": most("clock_skew_seconds", "api")},
            unit="s",
            limits=steps("red", (-5 * MINUTE, "green"), (5 * MINUTE, "red")),
            lowest=None,
            width=6,
        ),
    ]


def attempts():
    given_up = increase("notifications_dead_lettered_total", "receiver", "$__rate_interval")
    return [
        lines(
            "Attempts",
            "Attempts a second to deliver a notification.",
            {"{{receiver}}": rate("notifications_total", "receiver")},
            unit="ops",
            width=8,
        ),
        lines(
            "Failed attempts",
            "Failed attempts a second, by reason. Most are tried again.",
            {"{{receiver}} {{reason}}": rate("notifications_failed_total", "receiver, reason")},
            legend=BUSIEST_FIRST,
            unit="ops",
            width=8,
        ),
        lines(
            "Given up",
            "Deliveries that were rejected for good or grew too old, and what was dropped since the store took nothing.",
            {"{{receiver}}": given_up, "not stored": increase("store_dropped_total", window="$__rate_interval")},
            width=8,
        ),
    ]


def waiting():
    pending = most("notifications_pending", "receiver")
    oldest = least("notification_oldest_pending_timestamp_seconds", "receiver")
    return [
        lines("Waiting", "Deliveries that wait to be sent.", {"{{receiver}}": pending}),
        lines(
            "Longest wait",
            "Since when the oldest waiting delivery has waited.",
            {"{{receiver}}": f"time() - {oldest} or {pending} * 0"},
            unit="s",
            limits=steps("green", (10 * MINUTE, "red")),
        ),
    ]


def resources():
    def by_instance(selector):
        return {"{{instance}}": over("max", "instance", selector)}

    memory = by_instance(process("resident_memory_bytes"))
    cores = by_instance(f"rate({process('cpu_seconds_total')}[$__rate_interval])")
    return [
        lines("Memory", "Resident memory.", memory, unit="bytes", width=5),
        lines("CPU", "Cores used.", cores, width=5),
        lines(
            "Open files",
            "Open file descriptors, as a share of the limit.",
            by_instance(f"{process('open_fds')} / {process('max_fds')}"),
            unit="percentunit",
            limits=steps("green", (0.8, "red")),
            width=5,
        ),
        lines(
            "Store",
            "Room that the store takes, its log included.",
            by_instance(metric("store_size_bytes")),
            unit="bytes",
            width=5,
        ),
        stat(
            "Series left out",
            "Series of Organizations that the page of metrics leaves out, because it would have passed max_series.",
            most("series_dropped"),
            thresholds=steps("green", (1, "orange")),
            links=[runbook("daemon#seriesdropped")],
            height=8,
        ),
    ]


def dashboard():
    return page(
        "snykwatch-daemon",
        "snykwatch / Daemon",
        "snykwatch itself: probes, requests, notifications, resources.",
        annotations=[ALERT_FIRING, CONFIGURATION_LOADED, VERSION_CHANGED],
        rows=[
            now(),
            "Probes",
            [probes(), durations()],
            schedule(),
            "Upstream APIs",
            reachability(),
            requests(),
            "Notifications",
            attempts(),
            waiting(),
            "Resources",
            resources(),
        ],
    )
