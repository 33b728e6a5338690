//! Holds the dashboards to the rules that Grafana's own linter has, and to our list of metrics.
//!
//! Each rule is tried on a dashboard that breaks it, so that its silence means something.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test's helper fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Value, json};
use snykwatch::metrics::families;

/// Panels that Grafana brings with it; everything else would be a plugin to install.
const PANELS: [&str; 10] =
    ["stat", "table", "timeseries", "state-timeline", "status-history", "bargauge", "gauge", "heatmap", "text", "row"];

/// Unit ids of Grafana's list that the dashboards use.
const UNITS: [&str; 9] = ["short", "s", "percentunit", "bytes", "ops", "reqps", "dateTimeFromNow", "none", "percent"];

/// Functions that make something of a counter.
const OF_COUNTERS: [&str; 4] = ["rate(", "irate(", "increase(", "histogram_quantile("];

/// The first schema of Grafana 10.
const SCHEMA_OF_GRAFANA_10: u64 = 38;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn dashboards() -> Vec<(String, Value)> {
    let mut found: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Every rule that a dashboard breaks.
fn problems(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(problems_of_the_whole(dashboard));
    found.extend(problems_of_variables(dashboard));
    found.extend(problems_of_the_grid(dashboard));
    let mut ids = BTreeSet::new();
    for panel in list(dashboard, "/panels") {
        let title = text(panel, "/title");
        if !ids.insert(panel["id"].as_u64()) {
            found.push(format!("{title}: its id is taken"));
        }
        found.extend(problems_of_a_panel(panel).into_iter().map(|problem| format!("{title}: {problem}")));
    }
    for annotation in list(dashboard, "/annotations/list") {
        found.extend(
            problems_of_a_query(text(annotation, "/expr")).into_iter().map(|problem| format!("annotation: {problem}")),
        );
    }
    found
}

fn problems_of_the_whole(dashboard: &Value) -> Vec<String> {
    let checks = [
        (text(dashboard, "/title").is_empty(), "it has no title"),
        (text(dashboard, "/description").is_empty(), "it has no description"),
        (!text(dashboard, "/uid").starts_with("snykwatch-"), "its uid is not ours"),
        (dashboard["editable"] != json!(false), "it is editable"),
        (dashboard["schemaVersion"].as_u64() < Some(SCHEMA_OF_GRAFANA_10), "it is older than Grafana 10"),
        (dashboard["graphTooltip"] != json!(1), "its crosshair is not shared"),
        (list(dashboard, "/links").len() < 3, "it lacks links to its sisters, the status page and the runbooks"),
        (list(dashboard, "/annotations/list").is_empty(), "it has no annotations"),
        (!dashboard["id"].is_null(), "it has the id of somebody's Grafana"),
    ];
    checks.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, problem)| problem.to_owned()).collect()
}

fn problems_of_variables(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let variables = list(dashboard, "/templating/list");
    let sources: Vec<_> = variables.iter().filter(|variable| variable["type"] == "datasource").collect();
    let is_right = |source: &&Value| source["name"] == "datasource" && source["label"] == "Data source";
    if sources.len() != 1 || !sources.iter().all(is_right) {
        found.push("it needs exactly one variable `datasource`, labelled `Data source`".to_owned());
    }
    for name in ["job", "instance"] {
        let is_right = |variable: &&Value| {
            variable["name"] == name
                && variable["multi"] == json!(true)
                && variable["refresh"] == json!(2)
                && text(variable, "/datasource/uid") == "${datasource}"
        };
        if !variables.iter().any(|variable| is_right(&variable)) {
            found.push(format!("it needs a multiple variable `{name}` that follows the time range"));
        }
    }
    found
}

fn problems_of_the_grid(dashboard: &Value) -> Vec<String> {
    let number = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap_or(u64::MAX / 4);
    let area = |panel: &Value| (number(panel, "x"), number(panel, "y"), number(panel, "w"), number(panel, "h"));
    let mut found = Vec::new();
    let panels = list(dashboard, "/panels");
    for (index, panel) in panels.iter().enumerate() {
        let (x, y, width, height) = area(panel);
        if x + width > 24 {
            found.push(format!("{}: it is wider than the page", text(panel, "/title")));
        }
        for other in panels.iter().skip(index + 1) {
            let (left, top, wide, high) = area(other);
            if x < left + wide && left < x + width && y < top + high && top < y + height {
                found.push(format!("{} lies over {}", text(panel, "/title"), text(other, "/title")));
            }
        }
    }
    found
}

fn problems_of_a_panel(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if text(panel, "/title").is_empty() || text(panel, "/description").is_empty() {
        found.push("it needs a title and a description".to_owned());
    }
    if !PANELS.contains(&text(panel, "/type")) {
        found.push(format!("`{}` is a plugin", text(panel, "/type")));
    }
    let unit = text(panel, "/fieldConfig/defaults/unit");
    if !UNITS.contains(&unit) && list(panel, "/fieldConfig/defaults/mappings").is_empty() {
        found.push(format!("`{unit}` is no unit, and it maps no values"));
    }
    if text(panel, "/datasource/uid") != "${datasource}" {
        found.push("it does not use the data source that was chosen".to_owned());
    }
    let targets = list(panel, "/targets");
    if targets.is_empty() {
        found.push("it asks nothing".to_owned());
    }
    for target in targets {
        if text(target, "/datasource/uid") != "${datasource}" {
            found.push("a query does not use the data source that was chosen".to_owned());
        }
        found.extend(problems_of_a_query(text(target, "/expr")));
    }
    found
}

fn problems_of_a_query(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let selector = Regex::new(r"([a-z_]+)\{([^}]*)\}").unwrap();
    let mut selected = 0;
    for captures in selector.captures_iter(query) {
        selected += 1;
        let (name, matchers) = (&captures[1], &captures[2]);
        for label in [r#"job=~"$job""#, r#"instance=~"$instance""#] {
            if !matchers.contains(label) {
                found.push(format!("`{name}` is asked for without {label}"));
            }
        }
        found.extend(problems_of_a_selector(name, matchers));
        let before = &query[..captures.get(0).unwrap().start()];
        if name.ends_with("_total") && !OF_COUNTERS.iter().any(|function| before.ends_with(function)) {
            found.push(format!("the counter `{name}` is shown as it is"));
        }
    }
    if selected == 0 {
        found.push(format!("`{query}` selects nothing"));
    }
    let ranges = Regex::new(r"(?:rate|increase)\([^\[]*\[([^\]]+)\]").unwrap();
    for captures in ranges.captures_iter(query) {
        if !["$__rate_interval", "$__range"].contains(&&captures[1]) {
            found.push(format!("[{}] fits one scrape interval only; use $__rate_interval", &captures[1]));
        }
    }
    found
}

/// A metric and labels that we do not have.
fn problems_of_a_selector(name: &str, matchers: &str) -> Vec<String> {
    if families::PROCESS.iter().any(|(known, _, _)| *known == name) {
        return Vec::new();
    }
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    let family = families::ALL.iter().find(|family| family.name == name || Some(family.name) == base);
    let Some(family) = family else { return vec![format!("there is no metric `{name}`")] };
    let label = Regex::new(r"([a-z_]+)(?:=~|!~|!=|=)").unwrap();
    let labels = label.captures_iter(matchers).map(|captures| captures[1].to_owned());
    let unknown = labels.filter(|label| {
        !["job", "instance", "le"].contains(&label.as_str()) && !family.labels.contains(&label.as_str())
    });
    unknown.map(|label| format!("`{name}` has no label `{label}`")).collect()
}

#[test]
fn every_dashboard_keeps_every_rule() {
    let found = dashboards();
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["credentials", "daemon", "integration", "overview"]);
    let mut uids = BTreeSet::new();
    for (name, dashboard) in &found {
        assert_eq!(problems(dashboard), Vec::<String>::new(), "{name}");
        assert!(uids.insert(text(dashboard, "/uid").to_owned()), "{name}: its uid is taken");
    }
}

#[test]
fn a_broken_dashboard_is_told() {
    let (_, good) = dashboards().remove(0);
    let check = |what: &str, breaks: &dyn Fn(&mut Value), expected: &str| {
        let mut broken = good.clone();
        breaks(&mut broken);
        let told = problems(&broken);
        assert!(told.iter().any(|problem| problem.contains(expected)), "{what}: {told:?}");
    };
    let query =
        |text: &'static str| move |dashboard: &mut Value| dashboard["panels"][0]["targets"][0]["expr"] = json!(text);
    check("title", &|dashboard| dashboard["title"] = json!(""), "no title");
    check("uid", &|dashboard| dashboard["uid"] = json!("x"), "uid");
    check("editable", &|dashboard| dashboard["editable"] = json!(true), "editable");
    check("schema", &|dashboard| dashboard["schemaVersion"] = json!(30), "older");
    check("links", &|dashboard| dashboard["links"] = json!([]), "links");
    check("id", &|dashboard| dashboard["id"] = json!(7), "somebody's");
    check("source", &|dashboard| dashboard["templating"]["list"][0]["label"] = json!("x"), "Data source");
    check("job", &|dashboard| dashboard["templating"]["list"][1]["multi"] = json!(false), "`job`");
    check(
        "overlap",
        &|dashboard| dashboard["panels"][1]["gridPos"] = dashboard["panels"][0]["gridPos"].clone(),
        "lies over",
    );
    check("width", &|dashboard| dashboard["panels"][0]["gridPos"]["w"] = json!(30), "wider");
    check("panel id", &|dashboard| dashboard["panels"][1]["id"] = dashboard["panels"][0]["id"].clone(), "taken");
    check("description", &|dashboard| dashboard["panels"][0]["description"] = json!(""), "description");
    check("plugin", &|dashboard| dashboard["panels"][0]["type"] = json!("flant-statusmap-panel"), "plugin");
    check("unit", &|dashboard| dashboard["panels"][0]["fieldConfig"]["defaults"]["unit"] = json!("parsec"), "parsec");
    check("panel source", &|dashboard| dashboard["panels"][0]["datasource"]["uid"] = json!("prom"), "chosen");
    check("no query", &|dashboard| dashboard["panels"][0]["targets"] = json!([]), "asks nothing");
    check("matcher", &query(r#"snykwatch_credential_valid{job=~"$job"}"#), "instance");
    check("metric", &query(r#"snykwatch_nonsense{job=~"$job",instance=~"$instance"}"#), "no metric");
    check(
        "label",
        &query(r#"snykwatch_credential_valid{job=~"$job",instance=~"$instance",team="a"}"#),
        "no label `team`",
    );
    check("counter", &query(r#"sum(snykwatch_panics_total{job=~"$job",instance=~"$instance"})"#), "counter");
    check("range", &query(r#"rate(snykwatch_panics_total{job=~"$job",instance=~"$instance"}[5m])"#), "[5m]");
    check("nothing", &query("vector(1)"), "selects nothing");
}
