"""Which token ends when, may it do what it must, and who still has the old one? For whoever rotates."""

from .looks import DAY, DAYS_LEFT, GREY, TRUTH, steps, words
from .page import CONFIGURATION_LOADED, INCIDENT_OPEN, STATUS_CHANGED, TO_INTEGRATION, VERSION_CHANGED, page, runbook
from .panels import hidden, label, lines, table, timeline, value
from .queries import INTEGRATION, instant, most

EXPIRY = most("credential_expiry_timestamp_seconds", "credential")
ACCEPTED = most("credential_valid", "credential")


def credentials():
    days_left = f"({EXPIRY} - time()) / {DAY}"
    rotate = [runbook("CredentialExpiring", "How to rotate")]
    return table(
        "Credentials",
        "Every token with the time until it expires. A Snyk token has the SCM snyk and no role.",
        [
            label("credential", "Credential"),
            label("scm", "SCM"),
            label("kind", "Kind"),
            label("role", "Role"),
            value("Accepted", ACCEPTED, mappings=[TRUTH], width=110),
            value("Days left", days_left, unit="none", decimals=0, thresholds=DAYS_LEFT, links=rotate),
            value("Expires", instant("credential_expiry", "credential"), unit="dateTimeAsIso"),
            label("expiry_source", "Who says so"),
        ],
        names=[most("credential_info", "credential, scm, kind, role, expiry_source")],
        sort="Days left",
        descending=False,
        height=8,
    )


def in_step():
    """2 where the copy in Snyk is older than the last rotation, 1 where nobody knows, 0 where it is not."""
    condition = most("integration_condition", INTEGRATION, condition="CredentialInStep")
    return f"({condition} == bool 0) * 2 + ({condition} == bool -1)"


def rotation():
    copies = words((2, "out of step", "red"), (1, "unknown", GREY), (0, "in step", "green"))
    names = "group_name, organization_name, credential"
    return table(
        "Who is in step with the last rotation",
        "Whether the copy of the token in Snyk was saved after its last rotation. Who is out of step stops when "
        "the old token does.",
        [
            value("Copy", in_step(), mappings=[copies], width=110, links=[runbook("CredentialOutOfStep")]),
            label("integration", "Integration", links=[TO_INTEGRATION]),
            label("level", "Level", width=110),
            label("group_name", "Group"),
            label("organization_name", "Organization"),
            label("credential", "Credential"),
            hidden("organization"),
        ],
        names=[most("integration_info", f"{INTEGRATION}, {names}")],
        sort="Copy",
        width=15,
    )


def users():
    each = most("integration_info", f"credential, {INTEGRATION}")
    return table(
        "Used by",
        "How many integrations use each credential: what a rotation has to visit.",
        [
            label("credential", "Credential"),
            label("integration", "Integration", links=[TO_INTEGRATION]),
            label("level", "Level"),
            value("Integrations", f"count by (credential, integration, level) ({each})"),
        ],
        width=9,
    )


def dashboard():
    return page(
        "snykwatch-credentials",
        "snykwatch / Credentials",
        "Tokens: accepted, permitted, for how long, and who still has the old one.",
        annotations=[STATUS_CHANGED, INCIDENT_OPEN, CONFIGURATION_LOADED, VERSION_CHANGED],
        rows=[
            [credentials()],
            [
                timeline(
                    "Accepted over time",
                    "Whether each credential is accepted: true, false, or unknown.",
                    ACCEPTED,
                    "{{credential}}",
                    TRUTH,
                    height=7,
                ),
            ],
            [
                timeline(
                    "Permissions",
                    "Whether each needed permission is granted; unknown cannot be verified and lowers nothing.",
                    most("credential_permission_granted", "credential, permission"),
                    "{{credential}}: {{permission}}",
                    TRUTH,
                    height=10,
                ),
            ],
            "Rotation",
            [rotation(), users()],
            [
                lines(
                    "Time until expiry",
                    "It jumps up at a rotation.",
                    {"{{credential}}": f"{EXPIRY} - time()"},
                    unit="s",
                    limits=steps("red", (14 * DAY, "green")),
                    width=24,
                ),
            ],
        ],
    )
