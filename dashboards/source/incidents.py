"""The table of open incidents, which two dashboards have."""

from . import queries
from .looks import SEVERITY
from .page import TO_INTEGRATION
from .panels import label, table, value


def open_incidents(description, scope=queries.FLEET):
    return table(
        "Open incidents",
        description,
        [
            value("Severity", queries.open_incidents(scope), mappings=[SEVERITY], width=110),
            label("incident", "Incident"),
            label("integration", "Integration", links=[TO_INTEGRATION]),
            label("credential", "Credential"),
            value("Since", queries.open_incidents_since(scope), unit="dateTimeFromNow"),
            label("cause", "Known cause"),
        ],
        names=[queries.known_cause(scope)],
        sort="Severity",
        height=6,
    )
