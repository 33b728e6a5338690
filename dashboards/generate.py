#!/usr/bin/env python3
"""Writes the Grafana dashboards from what stands below: python3 dashboards/generate.py

One function makes one kind of panel; each dashboard is a list of rows of panels. The JSON beside this file is committed and
compared with what this makes. Only Grafana's own panels, Grafana 10 or later.
"""

import json
import pathlib

STATUSES = [  # worst last; the numbers are those of the state timelines
    ("connected", "Connected", "green"),
    ("setup_in_progress", "Setup in progress", "blue"),
    ("partially_connected", "Partially connected", "yellow"),
    ("stalled", "Stalled", "orange"),
    ("not_configured", "Not configured", "purple"),
    ("unknown", "Unknown", "text"),
    ("connection_failed", "Connection failed", "red"),
]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
REPLICA = 'job=~"$job",instance=~"$instance"'
ONE = REPLICA + ',integration=~"$integration"'


def series(name, more="", own=REPLICA):
    """A selector of one of our families, always with the job and the instance."""
    return f"snykwatch_{name}{{{own}{',' if more else ''}{more}}}"


def status_number(more, by, own=REPLICA):
    """The one-hot status as one number for each integration, by its place in STATUSES."""
    parts = [
        f'{series("integration_status", more + (chr(44) if more else "") + f"status={json.dumps(word)}", own)} * {number}'
        for number, (word, _, _) in enumerate(STATUSES, 1)
    ]
    return f"max by ({by}) (" + " or ".join(parts) + ")"


def mapping(pairs):
    options = {str(value): {"index": index, "text": text, "color": colour} for index, (value, text, colour) in enumerate(pairs)}
    return [{"type": "value", "options": options}]


STATUS_MAPPING = mapping([(number, text, colour) for number, (_, text, colour) in enumerate(STATUSES, 1)])
TRUTH_MAPPING = mapping([(1, "true", "green"), (0, "false", "red"), (-1, "unknown", "text")])
YES_MAPPING = mapping([(1, "yes", "green"), (0, "no", "red")])


def steps(*pairs):
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in pairs]}


PLAIN = steps((None, "text"))


def target(expr, legend="", instant=False, form="time_series", ref="A"):
    found = {"datasource": SOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend or "__auto", "refId": ref}
    found.update({"instant": True, "range": False} if instant else {"range": True})
    return found | ({"format": form} if form != "time_series" else {})


def panel(kind, title, description, targets, unit="short", width=12, height=8, mappings=(), thresholds=PLAIN, options=None, custom=None, overrides=(), links=(), transformations=(), decimals=None, maximum=None, minimum=None):
    letters = "ABCDEFGH"
    targets = [one | {"refId": letters[index]} for index, one in enumerate(targets)]
    defaults = {"unit": unit, "mappings": list(mappings), "thresholds": thresholds, "color": {"mode": "thresholds" if thresholds is not PLAIN or mappings else "palette-classic"}, "custom": custom or {}, "links": list(links)}
    for key, value in (("decimals", decimals), ("max", maximum), ("min", minimum)):
        if value is not None:
            defaults[key] = value
    found = {"type": kind, "title": title, "description": description, "datasource": SOURCE, "targets": targets, "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}, "options": options or {}, "gridPos": {"w": width, "h": height}}
    return found | ({"transformations": list(transformations)} if transformations else {})


def stat(title, description, expr, unit="short", thresholds=PLAIN, mappings=(), width=4, height=4, links=(), decimals=None):
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "background" if thresholds is not PLAIN or mappings else "value", "graphMode": "none", "justifyMode": "center", "textMode": "value"}
    return panel("stat", title, description, [target(expr, instant=True)], unit, width, height, mappings, thresholds, options, links=links, decimals=decimals)


def lines(title, description, *queries, unit="short", width=12, height=8, thresholds=PLAIN, stack=False, maximum=None, minimum=0):
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if stack else 5, "showPoints": "never", "spanNulls": False, "stacking": {"mode": "normal" if stack else "none", "group": "A"}, "thresholdsStyle": {"mode": "line" if thresholds is not PLAIN else "off"}}
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}
    found = panel("timeseries", title, description, [target(expr, legend) for expr, legend in queries], unit, width, height, (), thresholds, options, custom, maximum=maximum, minimum=minimum)
    found["fieldConfig"]["defaults"]["color"] = {"mode": "palette-classic"}
    return found


def timeline(title, description, expr, legend, mappings, width=24, height=8, links=()):
    options = {"mergeValues": True, "showValue": "auto", "alignValue": "left", "rowHeight": 0.85, "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "single", "sort": "none"}}
    return panel("state-timeline", title, description, [target(expr, legend)], "short", width, height, mappings, PLAIN, options, {"fillOpacity": 80, "lineWidth": 0}, links=links)


def table(title, description, queries, names, unit="short", width=24, height=9, overrides=(), hidden=(), sort=None):
    """A table of instant queries; `names` maps columns to titles, in their order."""
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}} | ({"sortBy": [{"displayName": sort, "desc": True}]} if sort else {})
    order = {name: index for index, name in enumerate(names)}
    excluded = {name: True for name in ("Time", "__name__", "job", "instance", *hidden)}
    changes = ([{"id": "merge", "options": {}}] if len(queries) > 1 else []) + [{"id": "organize", "options": {"excludeByName": excluded, "indexByName": order, "renameByName": names}}]
    return panel("table", title, description, [target(expr, instant=True, form="table") for expr in queries], unit, width, height, options=options, overrides=overrides, transformations=changes, custom={"align": "auto", "filterable": True})


def column(name, **properties):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]}


def coloured(name, mappings):
    return column(name, mappings=mappings, custom__cellOptions={"type": "color-background", "mode": "basic"})


TO_INTEGRATION = {"title": "This integration", "url": "/d/snykwatch-integration?${__url_time_range}&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&var-integration=${__data.fields.Integration}"}
TO_CREDENTIALS = {"title": "Credentials", "url": "/d/snykwatch-credentials?${__url_time_range}&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"}
SINCE = {"unit": "dateTimeFromNow"}


def counts(status, level=""):
    more = f'status="{status}"' + (f',level="{level}"' if level else "")
    return f'sum(max by (level, scm) ({series("integrations", more)}))'


def incident_table(own=REPLICA, width=24):
    since = f'max by (incident, integration, credential) ({series("incident_since_timestamp_seconds", own=own)}) * 1000 and on (incident, integration, credential) max by (incident, integration, credential) ({series("incident_open", own=own)}) == 1'
    severity = f'max by (incident, severity, integration, credential) ({series("incident_open", own=own)}) == 1'
    names = {"incident": "Incident", "severity": "Severity", "integration": "Integration", "credential": "Credential", "Value #A": "Since"}
    colours = mapping([("critical", "critical", "red"), ("warning", "warning", "orange"), ("info", "info", "blue")])
    overrides = [column("Since", **SINCE), coloured("Severity", colours), column("Integration", links=[TO_INTEGRATION])]
    return table("Open incidents", "One row is one cause: what it breaks has no row of its own. The status page and the notification have the evidence and the next step.", [since, severity], names, width=width, overrides=overrides, hidden=["Value #B"], sort="Since")


def overview():
    stats = [stat(text, f"Integrations at both levels whose status is {word}.", counts(word), thresholds=steps((None, "text"), (1, colour)), width=3) for word, text, colour in STATUSES]
    ratio = f'{counts("connected")} / sum(sum by (level, scm) (max by (level, scm, status) ({series("integrations")})))'
    stats.append(stat("Connected share", "Share of all watched integrations that are connected now.", ratio, "percentunit", steps((None, "red"), (0.8, "orange"), (0.95, "green")), width=3, decimals=1))
    worst = status_number("", "integration, level, organization")
    info = f'max by (integration, level, organization, group_name, organization_name, owner, credential) ({series("integration_info")})'
    since = f'max by (integration, level, organization) ({series("integration_status_since_timestamp_seconds")}) * 1000'
    names = {"integration": "Integration", "level": "Level", "organization_name": "Organization", "group_name": "Group", "Value #A": "Status", "Value #B": "Since", "owner": "Owner", "credential": "Credential"}
    integrations = table("Integrations, worst first", "Every watched integration with its status as background probes last proved it.", [worst, since, info], names, overrides=[coloured("Status", STATUS_MAPPING), column("Since", **SINCE), column("Integration", links=[TO_INTEGRATION])], hidden=["Value #C", "organization"], sort="Status", height=10)
    return [
        stats,
        [incident_table()],
        [integrations],
        [timeline("Status of Group integrations", "One row for each Group integration; unknown is a state of its own.", status_number('level="group"', "integration"), "{{integration}}", STATUS_MAPPING)],
        [
            lines("Organization integrations by status", "How many Organization integrations have each status.", (f'sum by (status) (max by (scm, status) ({series("integrations", "level=" + chr(34) + "organization" + chr(34))}))', "{{status}}"), stack=True),
            lines("Incidents by severity", "Open incidents.", (f'sum by (severity) (max by (severity, state) ({series("incidents", "state=" + chr(34) + "open" + chr(34))}))', "{{severity}}"), stack=True),
        ],
        [
            lines("Synchronisation progress", "Share of the eligible repositories that are in the Inventory.", (f'max by (integration) ({series("sync_progress_ratio")})', "{{integration}}"), unit="percentunit", maximum=1, thresholds=steps((None, "red"), (0.95, "green"))),
            lines("Time until credentials expire", "Days are left until the SCM or Snyk refuses the token.", (f'max by (credential) ({series("credential_expiry_timestamp_seconds")}) - time()', "{{credential}}"), unit="s", thresholds=steps((None, "red"), (86400 * 14, "green"))),
        ],
    ]


def integration():
    group = ONE + ',level="group"'
    organizations = ONE + ',level="organization"'

    def one(name, more=""):
        return series(name, more, ONE)

    condition = f'max by (integration, condition) ({series("integration_condition", own=group)})'
    status = status_number("", "organization", organizations)
    name = f'max by (organization, organization_name, credential) ({series("integration_info", own=organizations)})'
    since = f'max by (organization) ({series("integration_status_since_timestamp_seconds", own=organizations)}) * 1000'
    names = {"organization_name": "Organization", "organization": "Id", "Value #A": "Status", "Value #B": "Since", "credential": "Credential"}
    return [
        [
            stat("Status", "Status of the Group integration.", status_number("", "integration", group), mappings=STATUS_MAPPING, width=6),
            stat("Last connected", "When the Group integration was last connected.", f'max({series("integration_last_connected_timestamp_seconds", own=group)}) * 1000', "dateTimeFromNow", width=4),
            stat("Evidence valid until", "When the first piece of evidence that the status rests on goes stale.", f'min({series("integration_evidence_valid_until_timestamp_seconds", own=group)}) * 1000', "dateTimeFromNow", width=4),
            stat("Progress", "Share of the eligible repositories that are in the Inventory.", f'max({one("sync_progress_ratio")})', "percentunit", steps((None, "red"), (0.95, "orange"), (0.97, "green")), width=4, decimals=1),
            stat("Missing", "Eligible repositories without an asset; the API and the status page list them.", f'max({one("sync_repositories", "state=" + chr(34) + "missing" + chr(34))})', thresholds=steps((None, "green"), (2, "orange")), width=3),
            stat("Next sync expected", "When the next synchronisation is expected.", f'max({one("sync_next_expected_timestamp_seconds")}) * 1000', "dateTimeFromNow", width=3),
        ],
        [timeline("Status", "Status of the Group integration over time.", status_number("", "integration", group), "{{integration}}", STATUS_MAPPING, height=4)],
        [timeline("Conditions", "What the status rests on: true, false, or unknown.", condition, "{{condition}}", TRUTH_MAPPING, height=9)],
        [incident_table(ONE)],
        [
            lines("Repositories", "What became of the repositories in the Inventory.", (f'max by (state) ({one("sync_repositories")})', "{{state}}"), stack=True),
            lines("Last synchronisation", "Time since the last synchronisation that was seen. A quiet workspace has none and is well.", (f'time() - max by (integration) ({one("sync_last_seen_timestamp_seconds")})', "{{integration}}"), unit="s", thresholds=steps((None, "green"), (26 * 3600, "red"))),
        ],
        [table("Organizations", "Organization integrations of this entry, with their status.", [status, since, name], names, overrides=[coloured("Status", STATUS_MAPPING), column("Since", **SINCE)], hidden=["Value #C"], sort="Status")],
        [
            lines("Projects", "Projects of the Organizations.", (f'sum by (state) (max by (organization, state) ({one("organization_projects")}))', "{{state}}"), stack=True, width=8),
            lines("Targets", "Imported repositories of the Organizations: with projects, or empty.", (f'sum by (state) (max by (organization, state) ({one("organization_targets")}))', "{{state}}"), stack=True, width=8),
            lines("Webhooks", "Sampled repositories by their Snyk webhook.", (f'sum by (state) (max by (organization, state) ({one("organization_webhooks")}))', "{{state}}"), stack=True, width=8),
        ],
    ]


def credentials():
    left = f'max by (credential) ({series("credential_expiry_timestamp_seconds")}) - time()'
    valid = f'max by (credential) ({series("credential_valid")})'
    info = f'max by (credential, scm, kind, role, expiry_source) ({series("credential_info")})'
    names = {"credential": "Credential", "scm": "SCM", "kind": "Kind", "role": "Role", "Value #B": "Accepted", "Value #A": "Time left", "expiry_source": "Who says so"}
    days = steps((None, "red"), (86400, "orange"), (14 * 86400, "yellow"), (30 * 86400, "green"))
    used = f'count by (credential, integration, level) (max by (credential, integration, level, organization) ({series("integration_info")}))'
    runbook = {"title": "How to rotate", "url": "https://snykwatch.example.com/runbooks/CredentialExpiring"}
    return [
        [table("Credentials", "Every token with the time until it expires. A Snyk token has scm snyk.", [left, valid, info], names, overrides=[coloured("Accepted", TRUTH_MAPPING), column("Time left", unit="s", thresholds=days, custom__cellOptions={"type": "color-text"}, links=[runbook])], hidden=["Value #C"], height=8)],
        [timeline("Accepted", "Whether each credential is accepted: true, false, or unknown.", valid, "{{credential}}", TRUTH_MAPPING, height=7)],
        [timeline("Permissions", "Whether each needed permission is granted; unknown cannot be verified and lowers nothing.", f'max by (credential, permission) ({series("credential_permission_granted")})', "{{credential}}: {{permission}}", TRUTH_MAPPING, height=10)],
        [
            lines("Time until expiry", "It jumps up at a rotation.", (left, "{{credential}}"), unit="s", thresholds=steps((None, "red"), (14 * 86400, "green"))),
            table("Used by", "How many integrations use each credential: what a rotation has to visit.", [used], {"credential": "Credential", "integration": "Integration", "level": "Level", "Value": "Integrations"}, width=12, height=8),
        ],
    ]


def daemon():
    def rate(name, by, more=""):
        return f'sum by ({by}) (rate({series(name, more)}[$__rate_interval]))'

    def quantile(name, by):
        return f'histogram_quantile(0.95, sum by (le, {by}) (rate({series(name + "_bucket")}[$__rate_interval])))'

    version = stat("Version", "What is running.", f'max by (version) ({series("build_info")})', thresholds=steps((None, "green")), width=3)
    # The label says it, not the value, which is always 1.
    version["options"]["textMode"] = "name"
    version["targets"][0]["legendFormat"] = "{{version}}"
    return [
        [
            version,
            stat("Snapshot age", "Time since the newest snapshot was taken.", f'time() - max({series("snapshot_timestamp_seconds")})', "s", steps((None, "green"), (120, "orange"), (300, "red")), width=4),
            stat("Configuration", "Whether the last load of the configuration succeeded.", f'min({series("config_last_reload_successful")})', mappings=YES_MAPPING, width=3),
            stat("Configuration loaded", "When the configuration in force was loaded.", f'max({series("config_last_reload_success_timestamp_seconds")}) * 1000', "dateTimeFromNow", width=4),
            stat("Waiting notifications", "Deliveries that wait to be sent, to all receivers.", f'sum(max by (receiver) ({series("notifications_pending")}))', thresholds=steps((None, "green"), (1, "orange"), (20, "red")), width=4),
            stat("Panics", "Panics that were caught in the shown time; each is a defect.", f'sum(increase({series("panics_total")}[$__range]))', thresholds=steps((None, "green"), (1, "red")), width=3),
            stat("Series left out", "Series of Organizations that the page leaves out.", f'max({series("series_dropped")})', thresholds=steps((None, "green"), (1, "orange")), width=3),
        ],
        [
            lines("Probes", "Finished probes a second.", (rate("probes_total", "probe"), "{{probe}}"), unit="ops", width=8),
            lines("Probe failures", "Probes that had a part without a conclusion, by reason.", (rate("probe_failures_total", "reason"), "{{reason}}"), unit="ops", width=8),
            lines("Probe duration, 95th percentile", "Under a request budget a walk may take minutes.", (quantile("probe_duration_seconds", "probe"), "{{probe}}"), unit="s", width=8),
        ],
        [
            lines("Schedule lag", "How late probes begin.", (f'max by (probe) ({series("schedule_lag_seconds")})', "{{probe}}"), unit="s", width=8),
            lines("API requests", "Requests a second by status code; none is a request without an answer.", (rate("api_requests_total", "api, code"), "{{api}} {{code}}"), unit="reqps", width=8),
            lines("API latency, 95th percentile", "To the end of the answer's body.", (quantile("api_request_duration_seconds", "api"), "{{api}}"), unit="s", width=8),
        ],
        [
            timeline("Upstream APIs", "Whether each API gives conclusive answers.", f'max by (api) ({series("upstream_up")})', "{{api}}", YES_MAPPING, width=12, height=7),
            lines("Request budget", "Requests that the budget of a credential still allows.", (f'min by (credential) ({series("api_budget_remaining_requests")})', "{{credential}}"), width=6, height=7),
            lines("Clock skew", "Our clock minus the API's.", (f'max by (api) ({series("clock_skew_seconds")})', "{{api}}"), unit="s", width=6, height=7, minimum=None),
        ],
        [
            lines("Notifications", "Attempts a second.", (rate("notifications_total", "receiver"), "{{receiver}}"), unit="ops", width=8),
            lines("Failed notifications", "Failed attempts a second, by reason.", (rate("notifications_failed_total", "receiver, reason"), "{{receiver}} {{reason}}"), unit="ops", width=8),
            lines("Notifications given up", "Deliveries that were rejected for good or grew too old.", (f'sum by (receiver) (increase({series("notifications_dead_lettered_total")}[$__rate_interval]))', "{{receiver}}"), width=8),
        ],
        [
            lines("Memory", "Resident memory.", (f'max by (instance) (process_resident_memory_bytes{{{REPLICA}}})', "{{instance}}"), unit="bytes", width=6),
            lines("CPU", "Cores used.", (f'max by (instance) (rate(process_cpu_seconds_total{{{REPLICA}}}[$__rate_interval]))', "{{instance}}"), width=6),
            lines("Files", "Open file descriptors.", (f'max by (instance) (process_open_fds{{{REPLICA}}})', "{{instance}}"), width=6),
            lines("Store", "Room that the store takes, its log included.", (f'max by (instance) ({series("store_size_bytes")})', "{{instance}}"), unit="bytes", width=6),
        ],
    ]


def annotation(name, expr, colour, text):
    return {"name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": colour, "expr": expr, "step": "60s", "titleFormat": name, "textFormat": text, "useValueForTime": False}


ANNOTATIONS = [
    annotation("Status changed", f'changes(snykwatch_integration_status{{{REPLICA},level="group",status="connected"}}[2m]) > 0', "blue", "{{integration}}"),
    annotation("Incident open", f'max by (incident, severity, integration, credential) (snykwatch_incident_open{{{REPLICA},severity="critical"}}) == 1', "red", "{{incident}} {{integration}}{{credential}}"),
    annotation("Configuration loaded", f'changes(snykwatch_config_last_reload_success_timestamp_seconds{{{REPLICA}}}[2m]) > 0', "purple", "{{instance}}"),
    annotation("Version changed", f'count by (version) (snykwatch_build_info{{{REPLICA}}}) unless count by (version) (snykwatch_build_info{{{REPLICA}}} offset 5m)', "green", "{{version}}"),
]


def variable(name, label, query):
    return {"type": "query", "name": name, "label": label, "datasource": SOURCE, "definition": query, "query": {"query": query, "refId": "variable"}, "multi": True, "includeAll": True, "allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}, "refresh": 2, "sort": 1, "hide": 0, "options": [], "regex": ""}


def dashboard(uid, title, description, rows, variables=()):
    panels, y = [], 0
    for row in rows:
        x, tallest = 0, 0
        for one in row:
            width, height = one["gridPos"]["w"], one["gridPos"]["h"]
            one["gridPos"] = {"x": x, "y": y, "w": width, "h": height}
            panels.append({"id": len(panels) + 1} | one)
            x, tallest = x + width, max(tallest, height)
        y += tallest
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {}, "hide": 0, "includeAll": False, "multi": False, "options": [], "refresh": 1, "regex": ""}
    listed = [source, variable("job", "Job", "label_values(snykwatch_build_info, job)"), variable("instance", "Instance", 'label_values(snykwatch_build_info{job=~"$job"}, instance)'), *variables]
    links = [{"type": "dashboards", "title": "snykwatch", "tags": ["snykwatch"], "asDropdown": True, "includeVars": True, "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}, {"type": "link", "title": "Status page", "url": "https://snykwatch.example.com/", "icon": "dashboard", "targetBlank": True, "tags": [], "asDropdown": False, "includeVars": False, "keepTime": False, "tooltip": "snykwatch's own page"}, {"type": "link", "title": "Runbooks", "url": "https://snykwatch.example.com/runbooks", "icon": "doc", "targetBlank": True, "tags": [], "asDropdown": False, "includeVars": False, "keepTime": False, "tooltip": "What to do about each incident"}]
    return {"uid": uid, "title": title, "description": description, "tags": ["snykwatch", "snyk"], "editable": False, "graphTooltip": 1, "schemaVersion": 39, "version": 1, "refresh": "1m", "time": {"from": "now-24h", "to": "now"}, "timezone": "", "weekStart": "", "fiscalYearStartMonth": 0, "liveNow": False, "id": None, "links": links, "annotations": {"list": ANNOTATIONS}, "templating": {"list": listed}, "panels": panels}


def main():
    here = pathlib.Path(__file__).parent
    chosen = variable("integration", "Integration", 'label_values(snykwatch_integration_info{job=~"$job"}, integration)') | {"multi": False, "includeAll": False, "current": {}}
    chosen.pop("allValue")
    made = [
        dashboard("snykwatch-overview", "snykwatch / Overview", "Are Snyk and the Git host connected? Every integration, worst first, with open incidents.", overview()),
        dashboard("snykwatch-integration", "snykwatch / Integration", "One integration: status, conditions, synchronisation, Organizations.", integration(), [chosen]),
        dashboard("snykwatch-credentials", "snykwatch / Credentials", "Tokens: accepted, permitted, and for how long.", credentials()),
        dashboard("snykwatch-daemon", "snykwatch / Daemon", "snykwatch itself: probes, requests, notifications, resources.", daemon()),
    ]
    for one in made:
        name = one["uid"].removeprefix("snykwatch-") + ".json"
        (here / name).write_text(json.dumps(one, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
