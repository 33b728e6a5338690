#!/usr/bin/env python3
"""Prints the dashboards as TypeScript that claims Grafana's own types for them.

A compiler with the npm package @grafana/schema then says what Grafana does not know. `.ci/run` asks it about two versions.
"""

import json
import pathlib

PACKAGE = "@grafana/schema/dist/esm/raw"
PANELS = {
    "bargauge": "bargauge/panelcfg/x/BarGaugePanelCfg_types.gen",
    "heatmap": "heatmap/panelcfg/x/HeatmapPanelCfg_types.gen",
    "stat": "stat/panelcfg/x/StatPanelCfg_types.gen",
    "state-timeline": "statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen",
    "status-history": "statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen",
    "table": "table/panelcfg/x/TablePanelCfg_types.gen",
    "timeseries": "timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen",
}
# Their fields have no settings of their own.
WITHOUT_CUSTOM = {"bargauge", "stat"}
# What the data source adds to Grafana's own model of annotations and variables.
OF_PROMETHEUS = {"expr", "step", "titleFormat", "textFormat", "useValueForTime", "definition"}

# In JSON a value of an enumeration is its plain value, and what is left out has its default.
JSON_OF = """
type Json<T> =
  T extends string ? `${T}`
  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T)
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]?: Json<T[K]> }
  : T;
"""


def imports():
    yield f'import type {{ Dashboard, Panel, RowPanel }} from "{PACKAGE}/dashboard/x/dashboard_types.gen";'
    for kind, module in PANELS.items():
        yield f'import type * as {module_name(kind)} from "{PACKAGE}/composable/{module}";'


def module_name(kind):
    return kind.replace("-", "_")


def claims(value, kind, place):
    yield f"// {place}"
    yield f"({json.dumps(value)}) satisfies Json<{kind}>;"


def of_panel(panel, place):
    place = f"{place} / {panel['title']}"
    if panel["type"] == "row":
        yield from claims(panel, "RowPanel", place)
        return
    types = module_name(panel["type"])
    options, custom = panel.pop("options"), panel["fieldConfig"]["defaults"].pop("custom")
    yield from claims(panel, "Panel", place)
    yield from claims(options, f"{types}.Options", f"{place}: options")
    if panel["type"] in WITHOUT_CUSTOM:
        assert not custom, f"{place} has no settings of its own: {custom}"
    else:
        yield from claims(custom, f"{types}.FieldConfig", f"{place}: settings of fields")


def of_dashboard(path):
    dashboard = json.loads(path.read_text())
    panels = dashboard.pop("panels")
    for model in dashboard["annotations"]["list"] + dashboard["templating"]["list"]:
        for key in OF_PROMETHEUS & model.keys():
            del model[key]
    yield from claims(dashboard, "Dashboard", path.stem)
    for panel in panels:
        yield from of_panel(panel, path.stem)


def main():
    print("\n".join(imports()), JSON_OF)
    for path in sorted(pathlib.Path(__file__).parent.glob("*.json")):
        print("\n".join(of_dashboard(path)))


if __name__ == "__main__":
    main()
