"""What is wrong with this one? For whoever was paged."""

from .incidents import open_incidents
from .looks import HOUR, QUIET, STATUS, TRUTH, steps, words
from .page import (
    CHOICE_OF_INTEGRATION, CONFIGURATION_LOADED, INCIDENT_OPEN, STATUS_CHANGED, VERSION_CHANGED, page,
)
from .panels import bars, hidden, label, lines, stat, table, timeline, value
from .queries import (
    CHOSEN, CHOSEN_OR_SHARED, INTEGRATION, condition_not_met, current, instant, least, metric, most, over, status,
)

# Where SyncCurrent and InventoryComplete draw the line, unless the configuration says otherwise.
MAX_LAG = 26 * HOUR
COVERAGE = steps("red", (0.95, "orange"), (0.97, "green"))


def of_sync(name, by="", **labels):
    return most(f"sync_{name}", by, CHOSEN, **labels)


def completion():
    """Zero where nothing is being filled for the first time."""
    expected = instant("sync_completion_expected", scope=CHOSEN)
    return f"{expected} or {of_sync('next_expected_timestamp_seconds')} * 0"


def now():
    return [
        stat(
            "Status",
            "Status of the Group integration.",
            status("integration", CHOSEN, level="group"),
            mappings=[STATUS],
            noValue="nobody watches it",
            width=6,
        ),
        stat(
            "Last connected",
            "When the Group integration was last connected.",
            instant("integration_last_connected", scope=CHOSEN, level="group"),
            unit="dateTimeFromNow",
            noValue="never",
            width=5,
        ),
        stat(
            "Evidence valid until",
            "When the first piece of evidence that the status rests on goes stale.",
            f"{least('integration_evidence_valid_until_timestamp_seconds', '', CHOSEN, level='group')} * 1000",
            unit="dateTimeFromNow",
            noValue="no evidence",
            width=5,
        ),
        stat(
            "Missing",
            "Eligible repositories without an asset in the Inventory; the status page lists them.",
            of_sync("repositories", state="missing"),
            thresholds=steps("green", (2, "orange")),
            noValue="unknown",
        ),
        stat(
            "Worst lag",
            "The oldest change at the Git host that has not arrived in Snyk.",
            of_sync("lag_seconds"),
            unit="s",
            thresholds=steps("green", (MAX_LAG / 2, "yellow"), (MAX_LAG, "red")),
            noValue="unknown",
        ),
    ]


def synchronisation():
    return [
        bars(
            "Progress",
            "Share of the eligible repositories that are in the Inventory.",
            of_sync("progress_ratio", "integration"),
            "{{integration}}",
            unit="percentunit",
            decimals=1,
            min=0,
            max=1,
            thresholds=COVERAGE,
            height=4,
        ),
        stat(
            "Last synchronisation",
            "When a synchronisation was last seen. A quiet workspace has none and is well.",
            instant("sync_last_seen", scope=CHOSEN),
            unit="dateTimeFromNow",
            noValue="never",
        ),
        stat(
            "Next one expected",
            "When the next synchronisation is expected.",
            instant("sync_next_expected", scope=CHOSEN),
            unit="dateTimeFromNow",
            noValue="unknown",
        ),
        stat(
            "First fill complete",
            "Latest time by which the first fill is expected to be complete.",
            completion(),
            unit="dateTimeFromNow",
            mappings=[words((0, "no fill in progress", QUIET))],
            noValue="unknown",
        ),
    ]


def repositories_and_lag():
    return [
        lines(
            "Repositories",
            "What became of the repositories: found in the Inventory, missing, removed, or ignored.",
            {"{{state}}": of_sync("repositories", "state")},
            stack=True,
        ),
        lines(
            "Lag",
            "How long changes at the Git host have waited to arrive in Snyk. From the line on, synchronisation counts "
            "as stalled if nothing moves.",
            {"worst": of_sync("lag_seconds"), "95th percentile": of_sync("lag_p95_seconds")},
            unit="s",
            limits=steps("green", (MAX_LAG, "red")),
        ),
    ]


def organizations():
    organization = {"scope": CHOSEN, "level": "organization"}
    names = "organization_name, owner, credential"
    since = instant("integration_status_since", INTEGRATION, **organization)
    last_connected = instant("integration_last_connected", INTEGRATION, **organization)
    return table(
        "Organizations",
        "Organization integrations of this entry, worst first.",
        [
            value("Status", status(INTEGRATION, **organization), mappings=[STATUS], width=160),
            label("organization_name", "Organization"),
            label("condition", "Condition not met"),
            value("Since", since, unit="dateTimeFromNow"),
            value("Last connected", last_connected, unit="dateTimeFromNow"),
            label("owner", "Owner"),
            label("credential", "Credential"),
            label("organization", "Id"),
            hidden("integration"),
            hidden("level"),
        ],
        names=[
            most("integration_info", f"{INTEGRATION}, {names}", **organization),
            condition_not_met(**organization),
        ],
        sort="Status",
    )


def imports():
    def by_state(title, description, name):
        each = most(name, "organization, state", CHOSEN)
        return lines(title, description, {"{{state}}": f"sum by (state) ({each})"}, stack=True, width=8)

    return [
        by_state("Projects", "Active and inactive projects.", "organization_projects"),
        by_state("Targets", "Imported repositories: with projects, or empty.", "organization_targets"),
        by_state("Webhooks", "Sampled repositories by their Snyk webhook.", "organization_webhooks"),
    ]


def dashboard():
    return page(
        "snykwatch-integration",
        "snykwatch / Integration",
        "One integration: status, conditions, synchronisation, Organizations.",
        variables=[CHOICE_OF_INTEGRATION],
        annotations=[STATUS_CHANGED, INCIDENT_OPEN, CONFIGURATION_LOADED, VERSION_CHANGED],
        rows=[
            now(),
            synchronisation(),
            [
                open_incidents(
                    "Incidents of this integration, and those of credentials and APIs, which may be its cause.",
                    CHOSEN_OR_SHARED,
                ),
            ],
            [
                timeline(
                    "Status over time",
                    "Status of the Group integration.",
                    status("integration", CHOSEN, level="group"),
                    "{{integration}}",
                    STATUS,
                    height=4,
                ),
            ],
            [
                timeline(
                    "Conditions",
                    "What the status of the Group integration rests on: true, false, or unknown.",
                    over("max", "condition", current(metric("integration_condition", CHOSEN, level="group"))),
                    "{{condition}}",
                    TRUTH,
                    height=9,
                ),
            ],
            "Synchronisation",
            repositories_and_lag(),
            "Organizations",
            [organizations()],
            imports(),
        ],
    )
