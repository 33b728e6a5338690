//! Rules for a panel: it explains itself, asks something, and Grafana shows what was meant.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::promql::problems_of_a_query;
use crate::{list, text};

/// Panels that Grafana brings with it; everything else would be a plugin to install.
const PANELS: [&str; 10] =
    ["stat", "table", "timeseries", "state-timeline", "status-history", "bargauge", "gauge", "heatmap", "text", "row"];

/// Unit ids of Grafana's list that the dashboards use.
const UNITS: [&str; 9] =
    ["short", "none", "s", "percentunit", "bytes", "ops", "reqps", "dateTimeFromNow", "dateTimeAsIso"];

/// Labels that an aggregation keeps, and one that is made.
static KEPT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"by \(([^)]*)\)").unwrap());
static MADE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"label_replace\(.*?, "(\w+)", "#).unwrap());

/// Every rule that a panel breaks.
pub(crate) fn problems_of_a_panel(panel: &Value) -> Vec<String> {
    if panel["type"] == "row" {
        let is_heading = panel["panels"] == json!([]) && panel["collapsed"] == json!(false);
        return (!is_heading).then(|| "a heading hides panels".to_owned()).into_iter().collect();
    }
    let mut found = Vec::new();
    if text(panel, "/title").is_empty() || text(panel, "/description").is_empty() {
        found.push("it needs a title and a description".to_owned());
    }
    if !PANELS.contains(&text(panel, "/type")) {
        found.push(format!("`{}` is a plugin", text(panel, "/type")));
    }
    let overrides = list(panel, "/fieldConfig/overrides").iter().flat_map(|change| list(change, "/properties"));
    let of_columns = overrides.filter(|property| property["id"] == "unit").map(|property| text(property, "/value"));
    for unit in of_columns.chain([text(panel, "/fieldConfig/defaults/unit")]) {
        if !UNITS.contains(&unit) {
            found.push(format!("`{unit}` is no unit"));
        }
    }
    found.extend(problems_of_queries(panel));
    found.extend(problems_of_looks(panel));
    if panel["type"] == "table" {
        found.extend(problems_of_columns(panel));
    }
    found
}

fn problems_of_queries(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let targets = list(panel, "/targets");
    if targets.is_empty() {
        found.push("it asks nothing".to_owned());
    }
    let mut letters = BTreeSet::new();
    for target in targets {
        if !letters.insert(text(target, "/refId")) {
            found.push("two queries have one letter".to_owned());
        }
        // One answer for a number, a bar or a row; many for a line.
        let is_instant = ["stat", "bargauge", "gauge", "table"].contains(&text(panel, "/type"));
        if target["instant"] != json!(is_instant) || target["range"] != json!(!is_instant) {
            found.push("a query asks for the wrong kind of answer".to_owned());
        }
        found.extend(problems_of_a_query(text(target, "/expr")));
        found.extend(problem_of_stale_news(text(target, "/expr")));
    }
    found
}

/// A daemon that hangs goes on saying what it last knew: a status of now needs a snapshot of now. What was worst in a time
/// that has passed is history.
fn problem_of_stale_news(query: &str) -> Option<String> {
    let tells =
        ["snykwatch_integrations{", "snykwatch_integration_status{"].iter().any(|series| query.contains(series));
    let is_of_now = query.contains("snykwatch_snapshot_timestamp_seconds{") || query.contains("max_over_time(");
    (tells && !is_of_now).then(|| "a status is shown however old the snapshot is".to_owned())
}

/// Colours, words and limits that Grafana would not show as they are meant.
fn problems_of_looks(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    // Grafana shows thresholds there instead of words.
    let has_states = ["state-timeline", "status-history"].contains(&text(panel, "/type"));
    if has_states && text(panel, "/fieldConfig/defaults/color/mode") == "thresholds" {
        found.push("its states are coloured by thresholds".to_owned());
    }
    if has_states && list(panel, "/fieldConfig/defaults/mappings").is_empty() {
        found.push("its states have no words".to_owned());
    }
    for mapping in list(panel, "/fieldConfig/defaults/mappings") {
        // Without an end nothing is mapped.
        if mapping["type"] == "range" && !mapping["options"]["to"].is_number() {
            found.push("a range of values has no end".to_owned());
        }
    }
    let steps = list(panel, "/fieldConfig/defaults/thresholds/steps");
    let values: Vec<_> = steps.iter().map(|step| step["value"].as_f64()).collect();
    if values.first() != Some(&None) || !values.is_sorted() || values.iter().skip(1).any(Option::is_none) {
        found.push(format!("its thresholds do not rise: {values:?}"));
    }
    found
}

/// A column that is named and does not exist.
fn problems_of_columns(panel: &Value) -> Vec<String> {
    let targets = list(panel, "/targets");
    let organize = list(panel, "/transformations").iter().find(|change| change["id"] == "organize");
    let Some(organize) = organize.map(|change| &change["options"]) else {
        return vec!["its columns are as they come".to_owned()];
    };
    let keys = |name: &str| organize[name].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let headings: BTreeSet<_> = organize["renameByName"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, heading)| heading.as_str())
        .collect();
    // Grafana calls a value after its query, unless there is only one; labels are what queries keep.
    let mut columns = BTreeSet::from(["Time".to_owned()]);
    for target in targets {
        let (letter, expression) = (text(target, "/refId"), text(target, "/expr"));
        columns.insert(if targets.len() > 1 { format!("Value #{letter}") } else { "Value".to_owned() });
        let labels = KEPT.captures_iter(expression).chain(MADE.captures_iter(expression));
        columns.extend(labels.flat_map(|found| found[1].split(", ").map(str::to_owned).collect::<Vec<_>>()));
    }
    let mut found = Vec::new();
    for name in ["renameByName", "indexByName", "excludeByName"] {
        let unknown = keys(name).filter(|column| !columns.contains(*column));
        found.extend(unknown.map(|column| format!("`{column}` is no column")));
    }
    let values = columns.iter().filter(|column| column.starts_with("Value") || *column == "Time");
    let arranged: BTreeSet<_> = keys("renameByName").chain(keys("excludeByName")).collect();
    let forgotten = values.filter(|column| !arranged.contains(column.as_str()));
    found.extend(forgotten.map(|column| format!("`{column}` has no heading and is not hidden")));
    let changed = list(panel, "/fieldConfig/overrides").iter().map(|change| text(change, "/matcher/options"));
    let sorted = list(panel, "/options/sortBy").iter().map(|by| text(by, "/displayName"));
    let unknown = changed.chain(sorted).filter(|heading| !headings.contains(heading));
    found.extend(unknown.map(|heading| format!("`{heading}` is no heading")));
    if targets.len() > 1 && list(panel, "/transformations")[0]["id"] != "merge" {
        found.push("its queries are not merged".to_owned());
    }
    found
}
