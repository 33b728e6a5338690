"""A dashboard as a whole: where panels stand, and what all dashboards share (variables, annotations, links)."""

from .panels import SOURCE
from .queries import metric

# Where people reach snykwatch; docs/dashboards.md says how to put your own.
ADDRESS = "https://snykwatch.example.com"

KEPT = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
TO_INTEGRATION = {
    "title": "This integration",
    "url": f"/d/snykwatch-integration?{KEPT}&var-integration=${{__data.fields.Integration}}",
}
TO_CREDENTIALS = {"title": "Credentials", "url": f"/d/snykwatch-credentials?{KEPT}"}


def runbook(name, title="What to do"):
    return {"title": title, "url": f"{ADDRESS}/runbooks/{name}", "targetBlank": True}


def annotation(name, expr, colour, text):
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "step": "60s",
        "titleFormat": name,
        "textFormat": text,
        "useValueForTime": False,
    }


def changed(selector):
    return f"changes({selector}[$__rate_interval]) > 0"


STATUS_CHANGED = annotation(
    "Status changed",
    f"max by (integration, status) ({changed(metric('integration_status', level='group'))}"
    f" and {metric('integration_status', level='group')} == 1)",
    "blue",
    "{{integration}} is {{status}}",
)
INCIDENT_OPEN = annotation(
    "Critical incident",
    f"max by (incident, integration, credential) ({metric('incident_open', severity='critical')}) == 1",
    "red",
    "{{incident}} {{integration}}{{credential}}",
)
# What rules make has the labels that they keep: mostly neither a job nor an instance.
ALERT_FIRING = annotation(
    "Alert firing",
    'max by (alertname, severity, integration, credential)'
    ' (ALERTS{alertstate="firing",alertname=~"Snykwatch.+",alertname!="SnykwatchWatchdog"})',
    "red",
    "{{alertname}} ({{severity}}) {{integration}}{{credential}}",
)
CONFIGURATION_LOADED = annotation(
    "Configuration loaded",
    f"max by (instance) ({changed(metric('config_last_reload_success_timestamp_seconds'))})",
    "purple",
    "{{instance}}",
)
BUILD = metric("build_info")
VERSION_CHANGED = annotation(
    "Version changed",
    f"count by (version) ({BUILD}) unless count by (version) ({BUILD} offset 5m)",
    "green",
    "{{version}}",
)


def variable(name, label, query, several=True):
    """A choice among the values of a label."""
    found = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "multi": several,
        "includeAll": several,
        "current": {},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "options": [],
        "regex": "",
    }
    if several:
        found |= {"allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}}
    return found


CHOICE_OF_SOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "current": {},
    "hide": 0,
    "includeAll": False,
    "multi": False,
    "options": [],
    "refresh": 1,
    "regex": "",
}
CHOICE_OF_DAEMONS = (
    variable("job", "Job", "label_values(snykwatch_build_info, job)"),
    variable("instance", "Instance", 'label_values(snykwatch_build_info{job=~"$job"}, instance)'),
)
CHOICE_OF_INTEGRATION = variable(
    "integration",
    "Integration",
    f"label_values({metric('integration_info')}, integration)",
    several=False,
)


def link(title, url, icon, tooltip):
    return {
        "type": "link",
        "title": title,
        "url": url,
        "icon": icon,
        "tooltip": tooltip,
        "targetBlank": True,
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
    }


TO_SISTERS = {
    "type": "dashboards",
    "title": "snykwatch",
    "url": "",
    "icon": "external link",
    "tooltip": "The other dashboards",
    "targetBlank": False,
    "tags": ["snykwatch"],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
}
LINKS = [
    TO_SISTERS,
    link("Status page", f"{ADDRESS}/", "dashboard", "Evidence and the next step"),
    link("Runbooks", f"{ADDRESS}/runbooks", "doc", "What to do about each incident"),
]


def laid_out(rows):
    """Panels side by side, row below row; a text among the rows is a heading."""
    panels, y = [], 0
    for row in rows:
        if isinstance(row, str):
            row = [{"type": "row", "title": row, "collapsed": False, "panels": [], "gridPos": {"w": 24, "h": 1}}]
        x = 0
        for panel in row:
            size = panel["gridPos"]
            panels.append({"id": len(panels) + 1} | panel | {"gridPos": {"x": x, "y": y} | size})
            x += size["w"]
        y += max(panel["gridPos"]["h"] for panel in row)
    return panels


def page(uid, title, description, rows, *, annotations, variables=()):
    return {
        "id": None,
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["snykwatch", "snyk"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "version": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": LINKS,
        "annotations": {"list": list(annotations)},
        "templating": {"list": [CHOICE_OF_SOURCE, *CHOICE_OF_DAEMONS, *variables]},
        "panels": laid_out(rows),
    }
