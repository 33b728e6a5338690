"""Are Snyk and the Git host connected? For everybody, and for a screen on the wall."""

from .incidents import open_incidents
from .looks import DAY, DAYS_LEFT, QUIET, SEVERITIES, STATUS, STATUSES, steps
from .page import (
    CONFIGURATION_LOADED, INCIDENT_OPEN, STATUS_CHANGED, TO_CREDENTIALS, TO_INTEGRATION, VERSION_CHANGED, page,
)
from .panels import bars, coloured, hidden, history, label, lines, stat, table, timeline, value
from .queries import (
    INTEGRATION, all_integrations, condition_not_met, instant, integrations_by, integrations_of, most, status,
)


def count(word, text, colour):
    return stat(
        text,
        f"Integrations, at both levels, whose status is {word}.",
        integrations_of(word),
        thresholds=steps(QUIET, (1, colour)),
        noValue="nobody watches",
        width=3,
    )


def connected_share():
    return stat(
        "Connected share",
        "Share of all watched integrations that are connected now.",
        f"{integrations_of('connected')} / {all_integrations()}",
        unit="percentunit",
        decimals=1,
        thresholds=steps("red", (0.8, "orange"), (0.95, "green")),
        noValue="nobody watches",
        width=3,
    )


def integrations():
    names = "group_name, organization_name, owner, credential"
    return table(
        "Integrations, worst first",
        "Every watched integration with its status as background probes last proved it, and the condition that is not "
        "met and explains most.",
        [
            value("Status", status(INTEGRATION), mappings=[STATUS], width=160),
            label("integration", "Integration", links=[TO_INTEGRATION]),
            label("level", "Level", width=110),
            label("group_name", "Group"),
            label("organization_name", "Organization"),
            label("condition", "Condition not met"),
            value("Since", instant("integration_status_since", INTEGRATION), unit="dateTimeFromNow"),
            label("owner", "Owner"),
            label("credential", "Credential", links=[TO_CREDENTIALS]),
            hidden("organization"),
        ],
        names=[most("integration_info", f"{INTEGRATION}, {names}"), condition_not_met()],
        sort="Status",
        height=10,
    )


def dashboard():
    return page(
        "snykwatch-overview",
        "snykwatch / Overview",
        "Are Snyk and the Git host connected? Every integration, worst first, with open incidents.",
        annotations=[STATUS_CHANGED, INCIDENT_OPEN, CONFIGURATION_LOADED, VERSION_CHANGED],
        rows=[
            [*(count(*one) for one in STATUSES), connected_share()],
            [
                open_incidents(
                    "One row is one cause: what it breaks has no row of its own. The status page and the notification "
                    "have the evidence and the next step."
                ),
            ],
            [integrations()],
            [
                timeline(
                    "Status of Group integrations",
                    "One row for each Group integration; unknown is a state of its own.",
                    status("integration", level="group"),
                    "{{integration}}",
                    STATUS,
                    width=12,
                ),
                history(
                    "The last 30 days",
                    "The worst status of each Group integration in each half day.",
                    status("integration", worst_within="$__interval", level="group"),
                    "{{integration}}",
                    STATUS,
                    span="30d",
                    samples=60,
                    width=12,
                ),
            ],
            [
                lines(
                    "Organization integrations by status",
                    "How many Organization integrations have each status.",
                    {"{{status}}": f"sum by (status) ({integrations_by('scm, status', level='organization')})"},
                    overrides=coloured(STATUSES),
                    stack=True,
                ),
                lines(
                    "Open incidents by severity",
                    "How many incidents are open.",
                    {"{{severity}}": most("incidents", "severity", state="open")},
                    overrides=coloured(SEVERITIES),
                    stack=True,
                ),
            ],
            [
                bars(
                    "Synchronisation progress",
                    "Share of the eligible repositories that are in the Inventory.",
                    most("sync_progress_ratio", "integration"),
                    "{{integration}}",
                    unit="percentunit",
                    min=0,
                    max=1,
                    thresholds=steps("red", (0.95, "orange"), (0.97, "green")),
                ),
                bars(
                    "Days until credentials expire",
                    "Days until the Git host or Snyk refuses the token; without a bar nobody knows, or it never does.",
                    f"({most('credential_expiry_timestamp_seconds', 'credential')} - time()) / {DAY}",
                    "{{credential}}",
                    unit="none",
                    decimals=0,
                    min=0,
                    thresholds=DAYS_LEFT,
                    links=[TO_CREDENTIALS],
                ),
            ],
        ],
    )
