"""Words and colours of values, and the limits at which a colour changes."""

GREY = "#808080"
# No colour: the value has nothing to say.
QUIET = "transparent"

# Worst last; the place in the list, from 1, is the number that stands for the status.
STATUSES = (
    ("connected", "Connected", "green"),
    ("setup_in_progress", "Setup in progress", "blue"),
    ("partially_connected", "Partially connected", "yellow"),
    ("stalled", "Stalled", "orange"),
    ("not_configured", "Not configured", "purple"),
    ("unknown", "Unknown", GREY),
    ("connection_failed", "Connection failed", "red"),
)
SEVERITIES = (("info", "Info", "blue"), ("warning", "Warning", "orange"), ("critical", "Critical", "red"))

MINUTE, HOUR, DAY = 60, 3600, 86400


def words(*meanings):
    """Words and colours for single values."""
    options = {
        str(value): {"index": index, "text": text, "color": colour}
        for index, (value, text, colour) in enumerate(meanings)
    }
    return {"type": "value", "options": options}


def places(meanings):
    """Words and colours for places in a list."""
    return words(*((place, text, colour) for place, (_, text, colour) in enumerate(meanings, 1)))


def above(limit, text, colour):
    """A word and a colour for every value from a limit on. Grafana needs an end: without one it maps nothing."""
    result = {"index": 0, "text": text, "color": colour}
    return {"type": "range", "options": {"from": limit, "to": 10**12, "result": result}}


def steps(first, *others):
    """A colour, and the ones that follow from a value on: steps("green", (2, "orange"))."""
    pairs = [(None, first), *others]
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in pairs]}


PLAIN = steps(QUIET)
STATUS = places(STATUSES)
SEVERITY = places(SEVERITIES)
TRUTH = words((1, "true", "green"), (0, "false", "red"), (-1, "unknown", GREY))
YES = words((1, "yes", "green"), (0, "no", "red"))
# More than thirty years ago means that the time is 0: it never was.
NEVER = above(1_000_000_000, "never", "red")
DAYS_LEFT = steps("red", (1, "orange"), (14, "yellow"), (30, "green"))
