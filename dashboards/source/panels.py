"""One function for each kind of panel: from a title, a description and queries to what Grafana reads."""

from .looks import PLAIN

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True}
# For many lines, of which most are zero.
BUSIEST_FIRST = LEGEND | {
    "displayMode": "table",
    "placement": "right",
    "calcs": ["max"],
    "sortBy": "Max",
    "sortDesc": True,
}


def target(place, expr, legend="", instant=False, form="time_series"):
    return {
        "refId": "ABCDEFGH"[place],
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend or "__auto",
        "format": form,
        "instant": instant,
        "range": not instant,
    }


def panel(
    kind, title, description, targets, options, *, width, height,
    unit="short", color="thresholds", mappings=(), thresholds=PLAIN, custom=None, overrides=(), **more,
):
    """`more` goes to the field's defaults (decimals, min, max, noValue, links) or to the panel itself."""
    defaults = {
        "unit": unit,
        "color": color if isinstance(color, dict) else {"mode": color},
        "mappings": list(mappings),
        "thresholds": thresholds,
        "custom": custom or {},
    }
    of_field = {"decimals", "min", "max", "noValue", "links"}
    defaults |= {key: value for key, value in more.items() if key in of_field}
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        "gridPos": {"w": width, "h": height},
        **{key: value for key, value in more.items() if key not in of_field},
    }


def last_value():
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(title, description, expr, *, legend="", show="value", width=4, height=4, **more):
    """One number, or one for each series, on a background that says how good it is."""
    options = {
        "reduceOptions": last_value(),
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "textMode": show,
    }
    targets = [target(0, expr, legend, instant=True)]
    return panel("stat", title, description, targets, options, width=width, height=height, **more)


def bars(title, description, expr, legend, *, width=12, height=8, **more):
    """One bar for each series."""
    options = {
        "reduceOptions": last_value(),
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "namePlacement": "auto",
    }
    targets = [target(0, expr, legend, instant=True)]
    return panel("bargauge", title, description, targets, options, width=width, height=height, **more)


def lines(
    title, description, queries, *,
    stack=False, limits=None, legend=LEGEND, lowest=0, width=12, height=8, **more,
):
    """Lines over time; `queries` maps legends to queries, `limits` draws thresholds as lines."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 20 if stack else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if limits else "off"},
    }
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    targets = [target(place, expr, legend) for place, (legend, expr) in enumerate(queries.items())]
    return panel(
        "timeseries", title, description, targets, options, width=width, height=height,
        color="palette-classic", custom=custom, thresholds=limits or PLAIN,
        **({} if lowest is None else {"min": lowest}), **more,
    )


# The colour is that of the word. Coloured by thresholds, Grafana would show the thresholds instead of the words.
BY_WORD = {"mode": "fixed", "fixedColor": "text"}


def timeline(title, description, expr, legend, mapping, *, width=24, height=8):
    """States over time, one row for each series."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel(
        "state-timeline", title, description, [target(0, expr, legend)], options, width=width, height=height,
        color=BY_WORD, mappings=[mapping], custom={"fillOpacity": 80, "lineWidth": 0},
    )


def history(title, description, expr, legend, mapping, *, span, samples, width=24, height=8):
    """States over a span of its own, one row for each series and one box for each of the samples."""
    options = {
        "showValue": "never",
        "rowHeight": 0.85,
        "colWidth": 0.9,
        "legend": LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel(
        "status-history", title, description, [target(0, expr, legend)], options, width=width, height=height,
        color=BY_WORD, mappings=[mapping], custom={"fillOpacity": 80, "lineWidth": 0},
        timeFrom=span, maxDataPoints=samples,
    )


def heatmap(title, description, expr, *, unit, width=12, height=8):
    """How a histogram moves: `expr` gives its buckets, by `le`."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5,
            "steps": 64, "reverse": False, "fill": "dark-blue",
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    return panel(
        "heatmap", title, description, [target(0, expr, "{{le}}", form="heatmap")], options,
        width=width, height=height,
    )


def label(name, heading, **look):
    """A column of a table: a label of its queries."""
    return {"field": name, "heading": heading, "look": look}


def value(heading, expr, **look):
    """A column of a table: the value of a query."""
    return {"expr": expr, "heading": heading, "look": look}


def hidden(name):
    """A label that only joins the queries."""
    return {"field": name, "heading": None, "look": {}}


def table(title, description, columns, *, names=(), sort=None, descending=True, width=24, height=9):
    """A table whose rows are joined by the labels that all queries have; `names` are queries that only add labels."""
    exprs = [column["expr"] for column in columns if "expr" in column] + list(names)
    # Grafana calls a value after its query, unless there is only one.
    fields = [f"Value #{'ABCDEFGH'[place]}" for place in range(len(exprs))] if len(exprs) > 1 else ["Value"]
    of_values = iter(fields)
    columns = [column if "field" in column else column | {"field": next(of_values)} for column in columns]
    shown = [column for column in columns if column["heading"]]
    unseen = ["Time", *(column["field"] for column in columns if not column["heading"]), *of_values]
    organize = {
        "excludeByName": {name: True for name in unseen},
        "indexByName": {column["field"]: place for place, column in enumerate(shown)},
        "renameByName": {column["field"]: column["heading"] for column in shown},
    }
    merge = [{"id": "merge", "options": {}}] if len(exprs) > 1 else []
    options = {"showHeader": True, "cellHeight": "sm"}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": descending}]
    return panel(
        "table", title, description,
        [target(place, expr, instant=True, form="table") for place, expr in enumerate(exprs)], options,
        width=width, height=height, custom={"align": "auto", "filterable": True},
        overrides=[looking(column) for column in shown if column["look"]],
        transformations=[*merge, {"id": "organize", "options": organize}],
    )


def looking(column):
    """Grafana's override for how a column looks: words fill the cell, thresholds colour the number."""
    look = dict(column["look"])
    properties = [{"id": "custom.width", "value": look.pop("width")}] if "width" in look else []
    if "mappings" in look:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
    elif "thresholds" in look:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    properties += [{"id": name, "value": value} for name, value in look.items()]
    return {"matcher": {"id": "byName", "options": column["heading"]}, "properties": properties}


def coloured(meanings):
    """Overrides that give lines, named after a word, the colour and the text of that word."""
    return [
        {
            "matcher": {"id": "byName", "options": word},
            "properties": [
                {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}},
                {"id": "displayName", "value": text},
            ],
        }
        for word, text, colour in meanings
    ]
