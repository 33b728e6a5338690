"""PromQL. Every selector has the job and the instance that were chosen, and every query aggregates replicas away."""

from .looks import MINUTE, SEVERITIES, STATUSES

# Which series a panel is about: those of the chosen daemons, or of these those of the chosen integration.
FLEET = 'job=~"$job",instance=~"$instance"'
CHOSEN = FLEET + ',integration=~"$integration"'
# An incident about a credential or an API names no integration, and may still be the cause of what is wrong with it.
CHOSEN_OR_SHARED = FLEET + ',integration=~"($integration)?"'

INTEGRATION = "integration, level, organization"
INCIDENT = "incident, integration, credential"

# Where a cause is looked for: what stands higher explains what stands lower. The last ones change no status.
CAUSES = (
    "SnykAccessible|CredentialValid|IntegrationPresent",
    "PermissionsGranted|RepositoriesVisible|CredentialInStep",
    "InventoryPopulated|RepositoriesImported",
    "InventoryComplete|SyncCurrent|TestsCurrent",
    "CredentialFresh|CatalogLinked|WebhooksInstalled",
)


def metric(name, scope=FLEET, **labels):
    """A selector of one of our families; a label's value with a `|` in it is a choice."""
    matchers = [scope] + [f'{label}{"=~" if "|" in value else "="}"{value}"' for label, value in labels.items()]
    return f"snykwatch_{name}{{{','.join(matchers)}}}"


def current(selector):
    """What a daemon says whose snapshot is fresh: one that hangs goes on saying what it last knew, good news too."""
    age = f"time() - {metric('snapshot_timestamp_seconds')}"
    return f"({selector} and on (job, instance) {age} < {5 * MINUTE})"


def over(aggregation, by, selector):
    return f"{aggregation} by ({by}) ({selector})" if by else f"{aggregation}({selector})"


def most(name, by="", scope=FLEET, **labels):
    """The highest value over replicas, of which at most one says anything about integrations."""
    return over("max", by, metric(name, scope, **labels))


def least(name, by="", scope=FLEET, **labels):
    return over("min", by, metric(name, scope, **labels))


def instant(name, by="", scope=FLEET, **labels):
    """A point in time, in the milliseconds that Grafana's units of time expect."""
    return f"{most(name + '_timestamp_seconds', by, scope, **labels)} * 1000"


def rate(name, by):
    return over("sum", by, f"rate({metric(name)}[$__rate_interval])")


def increase(name, by="", window="$__range"):
    return over("sum", by, f"increase({metric(name)}[{window}])")


def percentile95(name, by, window="$__rate_interval"):
    buckets = f"rate({metric(name + '_bucket')}[{window}])"
    return f"histogram_quantile(0.95, {over('sum', f'le, {by}', buckets)})"


def either(queries):
    return " or ".join(queries)


def status(by, scope=FLEET, worst_within="", **labels):
    """The one-hot status as one number, its place in STATUSES; the worst one within a window, where one is given."""
    def one(word):
        selector = metric("integration_status", scope, **labels, status=word)
        return f"max_over_time({selector}[{worst_within}])" if worst_within else current(selector)

    numbered = [f"{one(word)} * {number}" for number, (word, _, _) in enumerate(STATUSES, 1)]
    return over("max", by, either(numbered))


def integrations_by(by, **labels):
    """How many integrations there are, by these labels."""
    return over("max", by, current(metric("integrations", **labels)))


def integrations_of(status_word):
    return f"sum({integrations_by('level, scm', status=status_word)})"


def all_integrations():
    return f"sum({integrations_by('level, scm, status')})"


def condition_not_met(scope=FLEET, **labels):
    """For each integration the condition that is false and explains most, as a label; no label where all hold."""
    by = f"{INTEGRATION}, condition"
    conditions = [most("integration_condition", by, scope, **labels, condition=names) for names in CAUSES]
    # Organizations do not repeat what is said of their credential.
    user = most("integration_info", f"{INTEGRATION}, credential", scope, **labels)
    refused = f"{user} and on (credential) {most('credential_valid', 'credential')} == 0"
    credential = f'max by ({by}) (label_replace({refused}, "condition", "CredentialValid", "", ""))'
    ranked = [f"({query} == 0) * 0 + {len(CAUSES) - place}" for place, query in enumerate(conditions)]
    ranked.append(f"{credential} * {len(CAUSES)}")
    ranked.append(f"{most('integration_info', INTEGRATION, scope, **labels)} * 0")
    return f"topk by ({INTEGRATION}) (1, {either(ranked)})"


def open_incidents(scope=FLEET):
    """The severity of each open incident as a number, its place in SEVERITIES."""
    def one(severity):
        return f"({most('incident_open', INCIDENT, scope, severity=severity)} == 1)"

    return either([f"{one(word)} * {number}" for number, (word, _, _) in reversed(list(enumerate(SEVERITIES, 1)))])


def open_incidents_since(scope=FLEET):
    is_open = f"{most('incident_open', INCIDENT, scope)} == 1"
    return f"{instant('incident_since', INCIDENT, scope)} and on ({INCIDENT}) {is_open}"


def known_cause(scope=FLEET):
    """The incident that is known to be the cause of each, as a label; no label where none is."""
    told = most("incident_cause_info", f"{INCIDENT}, cause", scope)
    return f"{told} or on ({INCIDENT}) {most('incident_open', INCIDENT, scope)} * 0"
