//! Holds the dashboards to the rules that Grafana's own linter has, to our list of metrics, and to what Grafana shows of
//! them.
//!
//! Each rule is tried on a dashboard that breaks it, so that its silence means something. That Grafana knows every option
//! is a step of `.ci/run`, with Grafana's own types; that every query has an answer is a test of `tests/monitoring`.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test's helper fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};
use snykwatch::metrics::families;

mod dashboards {
    pub(crate) mod panel;
    pub(crate) mod promql;
}

use dashboards::panel::problems_of_a_panel;
use dashboards::promql::{family_of, problems_of_a_query};

/// A variable of the dashboard; Grafana's own begin with an underscore.
static ASKED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{?([a-z]+)").unwrap());

/// The first schema of Grafana 10.
const SCHEMA_OF_GRAFANA_10: u64 = 38;

/// Where people reach snykwatch, until they put their own address.
const ADDRESS: &str = "https://snykwatch.example.com";

/// The dashboards, and so the last parts of their uids.
const NAMES: [&str; 4] = ["credentials", "daemon", "integration", "overview"];

/// What annotations mark, and how their query can begin or go on.
const MARKED: [(&str, &[&str]); 4] = [
    ("loads of the configuration", &["changes(snykwatch_config_last_reload_success_timestamp_seconds{"]),
    ("changes of version", &["unless count by (version) (snykwatch_build_info{"]),
    ("alerts or incidents", &["(snykwatch_incident_open{", "(ALERTS{"]),
    ("changes of status", &["changes(snykwatch_integration_status{"]),
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn all() -> Vec<(String, Value)> {
    let mut found: Vec<_> = std::fs::read_dir(path("dashboards"))
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

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Every value below a key of this name, however deep.
fn everywhere<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, inner)| if key == name { vec![inner] } else { everywhere(inner, name) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|inner| everywhere(inner, name)).collect(),
        _ => Vec::new(),
    }
}

/// Every rule that a dashboard breaks.
fn problems(dashboard: &Value) -> Vec<String> {
    let mut found = problems_of_the_whole(dashboard);
    found.extend(problems_of_sources(dashboard));
    found.extend(problems_of_variables(dashboard));
    found.extend(problems_of_annotations(dashboard));
    found.extend(problems_of_the_grid(dashboard));
    found.extend(everywhere(dashboard, "url").into_iter().filter_map(|url| problem_of_a_link(url.as_str().unwrap())));
    let mut ids = BTreeSet::new();
    for panel in list(dashboard, "/panels") {
        let title = text(panel, "/title");
        if panel["id"].as_u64().is_none() || !ids.insert(panel["id"].as_u64()) {
            found.push(format!("{title}: it needs an id of its own"));
        }
        found.extend(problems_of_a_panel(panel).into_iter().map(|problem| format!("{title}: {problem}")));
    }
    found
}

fn problems_of_the_whole(dashboard: &Value) -> Vec<String> {
    let kinds: Vec<_> = list(dashboard, "/links").iter().map(|link| text(link, "/type")).collect();
    let checks = [
        (text(dashboard, "/title").is_empty(), "it has no title"),
        (text(dashboard, "/description").is_empty(), "it has no description"),
        (!NAMES.iter().any(|name| text(dashboard, "/uid") == format!("snykwatch-{name}")), "its uid is not ours"),
        (!list(dashboard, "/tags").contains(&json!("snykwatch")), "its sisters do not find it by its tag"),
        (dashboard["editable"] != json!(false), "it is editable"),
        (dashboard["schemaVersion"].as_u64() < Some(SCHEMA_OF_GRAFANA_10), "it is older than Grafana 10"),
        (dashboard["graphTooltip"] != json!(1), "its crosshair is not shared"),
        (text(dashboard, "/refresh").is_empty(), "it does not refresh itself"),
        (text(dashboard, "/time/from").is_empty(), "it has no time range"),
        (kinds != ["dashboards", "link", "link"], "it lacks links to its sisters, the status page and the runbooks"),
        (dashboard.get("id") != Some(&Value::Null), "it has the id of somebody's Grafana"),
        (dashboard.get("__inputs").is_some(), "it asks for a data source twice"),
    ];
    checks.into_iter().filter(|(is_broken, _)| *is_broken).map(|(_, problem)| problem.to_owned()).collect()
}

fn problems_of_sources(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let chosen = json!({ "type": "prometheus", "uid": "${datasource}" });
    found.extend(
        everywhere(dashboard, "datasource")
            .into_iter()
            .filter(|source| **source != chosen)
            .map(|source| format!("{source} is not the data source that was chosen")),
    );
    let asking = ["/panels", "/annotations/list"].into_iter().flat_map(|pointer| list(dashboard, pointer));
    for part in asking.filter(|part| part["type"] != "row") {
        if [part].into_iter().chain(list(part, "/targets")).any(|asks| asks["datasource"].is_null()) {
            found.push("it does not say which data source it asks".to_owned());
        }
    }
    found
}

fn problems_of_variables(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let variables = list(dashboard, "/templating/list");
    let sources: Vec<_> = variables.iter().filter(|variable| variable["type"] == "datasource").collect();
    let is_right = |source: &&Value| {
        source["name"] == "datasource" && source["label"] == "Data source" && source["query"] == "prometheus"
    };
    if sources.len() != 1 || !sources.iter().all(is_right) {
        found.push("it needs exactly one variable `datasource`, labelled `Data source`".to_owned());
    }
    for name in ["job", "instance"] {
        let is_right = |variable: &Value| {
            variable["name"] == name && variable["multi"] == json!(true) && variable["includeAll"] == json!(true)
        };
        if !variables.iter().any(is_right) {
            found.push(format!("it needs a multiple variable `{name}`"));
        }
    }
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        if variable["refresh"] != json!(2) || variable["datasource"].is_null() {
            found.push(format!("variable `{}` does not follow the time range", text(variable, "/name")));
        }
    }
    let known: BTreeSet<_> = variables.iter().map(|variable| text(variable, "/name")).collect();
    let written = dashboard.to_string();
    let unknown: BTreeSet<_> = ASKED
        .captures_iter(&written)
        .map(|asked| asked[1].to_owned())
        .filter(|name| !known.contains(&name[..]))
        .collect();
    found.extend(unknown.iter().map(|name| format!("there is no variable `{name}`")));
    found
}

fn problems_of_annotations(dashboard: &Value) -> Vec<String> {
    let queries: Vec<_> =
        list(dashboard, "/annotations/list").iter().map(|annotation| text(annotation, "/expr")).collect();
    let of_the_daemon = dashboard["uid"] == "snykwatch-daemon";
    let unmarked = MARKED
        .iter()
        .filter(|(what, _)| !(of_the_daemon && *what == "changes of status"))
        .filter(|(_, pieces)| !queries.iter().any(|query| pieces.iter().any(|piece| query.contains(piece))));
    let mut found: Vec<_> = unmarked.map(|(what, _)| format!("its annotations do not mark {what}")).collect();
    let wrong = queries.iter().flat_map(|query| problems_of_a_query(query));
    found.extend(wrong.map(|problem| format!("annotation: {problem}")));
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

/// A link that leads nowhere: to no sister, no runbook, no section of one.
fn problem_of_a_link(url: &str) -> Option<String> {
    let leads_somewhere = if let Some(dashboard) = url.strip_prefix("/d/snykwatch-") {
        NAMES.contains(&dashboard.split('?').next().unwrap())
    } else if let Some(runbook) = url.strip_prefix(ADDRESS).and_then(|path| path.strip_prefix("/runbooks/")) {
        let (name, section) = runbook.split_once('#').unwrap_or((runbook, ""));
        let page = std::fs::read_to_string(path(&format!("docs/runbooks/{name}.md"))).unwrap_or_default();
        let mut headings = page.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase);
        !page.is_empty() && (section.is_empty() || headings.any(|heading| heading == section))
    } else {
        // Sisters by their tag, the status page, the list of runbooks.
        ["", "/", "/runbooks"].contains(&url.strip_prefix(ADDRESS).unwrap_or(url))
    };
    (!leads_somewhere).then(|| format!("{url} leads nowhere"))
}

#[test]
fn every_dashboard_keeps_every_rule() {
    let found = all();
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, NAMES);
    for (name, dashboard) in &found {
        assert_eq!(problems(dashboard), Vec::<String>::new(), "{name}");
        assert_eq!(text(dashboard, "/uid"), format!("snykwatch-{name}"), "links lead to it by its uid");
    }
}

#[test]
fn every_family_is_shown() {
    let series = Regex::new(r"(snykwatch_[a-z0-9_]+)\{").unwrap();
    let found = all();
    let queries = found.iter().flat_map(|(_, dashboard)| everywhere(&dashboard["panels"], "expr"));
    let shown: BTreeSet<_> = queries
        .flat_map(|query| {
            series.captures_iter(query.as_str().unwrap()).map(|found| found[1].to_owned()).collect::<Vec<_>>()
        })
        .filter_map(|name| family_of(&name).map(|family| family.name))
        .collect();
    let unseen: Vec<_> = families::ALL.iter().map(|family| family.name).filter(|name| !shown.contains(name)).collect();
    assert_eq!(unseen, Vec::<&str>::new(), "no panel shows these");
}

/// What Grafana is told to read is where the stack puts it.
#[test]
fn the_stack_brings_the_dashboards_and_their_data_source() {
    let provider = yaml("deploy/grafana/provisioning/dashboards/snykwatch.yaml");
    let folder = text(&provider, "/providers/0/options/path");
    assert_eq!(provider["providers"][0]["allowUiUpdates"], json!(false), "a change belongs into the source");
    let compose = yaml("deploy/compose/compose.yaml");
    let mounts: Vec<_> =
        list(&compose, "/services/grafana/volumes").iter().map(|mount| mount.as_str().unwrap()).collect();
    for (from, to) in [("../../dashboards", folder), ("../grafana/provisioning", "/etc/grafana/provisioning")] {
        let mount = format!("{from}:{to}:ro");
        assert!(mounts.contains(&mount.as_str()), "{mount} is not among {mounts:?}");
        assert!(path("deploy/compose").join(from).is_dir(), "{from}");
    }
    let home = text(&compose, "/services/grafana/environment/GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH");
    let file = home.strip_prefix(folder).unwrap().trim_start_matches('/');
    assert!(path("dashboards").join(file).is_file(), "{home}");
    let sources = yaml("deploy/grafana/provisioning/datasources/prometheus.yaml");
    let [source] = list(&sources, "/datasources") else { unreachable!("one data source") };
    assert_eq!((text(source, "/type"), &source["isDefault"]), ("prometheus", &json!(true)));
    let host = text(source, "/url").strip_prefix("http://").and_then(|url| url.split(':').next()).unwrap();
    assert!(compose["services"].get(host).is_some(), "{host} is no service of the stack");
}

fn check(name: &str, breaks: &dyn Fn(&mut Value), expected: &str) {
    let (_, mut dashboard) = all().into_iter().find(|(found, _)| found == name).unwrap();
    breaks(&mut dashboard);
    let told = problems(&dashboard);
    assert!(told.iter().any(|problem| problem.contains(expected)), "{expected}: {told:?}");
}

#[test]
fn a_broken_dashboard_is_told() {
    let check = |breaks: &dyn Fn(&mut Value), expected: &str| check("credentials", breaks, expected);
    check(&|dashboard| dashboard["title"] = json!(""), "no title");
    check(&|dashboard| dashboard["description"] = json!(""), "no description");
    check(&|dashboard| dashboard["uid"] = json!("x"), "uid");
    check(&|dashboard| dashboard["tags"] = json!([]), "tag");
    check(&|dashboard| dashboard["editable"] = json!(true), "editable");
    check(&|dashboard| dashboard["schemaVersion"] = json!(30), "older");
    check(&|dashboard| dashboard["graphTooltip"] = json!(0), "crosshair");
    check(&|dashboard| dashboard["refresh"] = json!(""), "refresh");
    check(&|dashboard| dashboard["time"] = json!({}), "time range");
    check(&|dashboard| dashboard["links"] = json!([]), "links");
    check(&|dashboard| dashboard["id"] = json!(7), "somebody's");
    check(&|dashboard| dashboard["__inputs"] = json!([]), "twice");
    check(&|dashboard| dashboard["links"][1]["url"] = json!("https://elsewhere.example.com"), "leads nowhere");
    check(&|dashboard| dashboard["links"][1]["url"] = json!(format!("{ADDRESS}/runbooks/Nonsense")), "leads nowhere");
    check(&|dashboard| dashboard["links"][1]["url"] = json!(format!("{ADDRESS}/runbooks/daemon#x")), "leads nowhere");
    check(&|dashboard| dashboard["links"][1]["url"] = json!("/d/snykwatch-nonsense?x"), "leads nowhere");
    check(&|dashboard| dashboard["panels"][0]["datasource"]["uid"] = json!("prom"), "chosen");
    check(&|dashboard| dashboard["panels"][0]["datasource"] = json!(null), "which data source");
    check(&|dashboard| dashboard["templating"]["list"][0]["label"] = json!("x"), "`Data source`");
    check(
        &|dashboard| {
            let second = dashboard["templating"]["list"][0].clone();
            dashboard["templating"]["list"].as_array_mut().unwrap().push(second);
        },
        "exactly one",
    );
    check(&|dashboard| dashboard["templating"]["list"][1]["multi"] = json!(false), "`job`");
    check(&|dashboard| dashboard["templating"]["list"][2]["refresh"] = json!(1), "`instance`");
    check(&|dashboard| dashboard["panels"][0]["title"] = json!("Of $team"), "`team`");
    for (place, what) in ["changes of status", "alerts", "loads", "changes of version"].into_iter().enumerate() {
        let forgets =
            |dashboard: &mut Value| drop(dashboard["annotations"]["list"].as_array_mut().unwrap().remove(place));
        check(&forgets, &format!("do not mark {what}"));
    }
    check(&|dashboard| dashboard["annotations"]["list"][0]["expr"] = json!("up"), "annotation: `up`");
    check(&|dashboard| dashboard["panels"][1]["gridPos"] = dashboard["panels"][0]["gridPos"].clone(), "lies over");
    check(&|dashboard| dashboard["panels"][0]["gridPos"]["w"] = json!(30), "wider");
    check(&|dashboard| dashboard["panels"][1]["id"] = dashboard["panels"][0]["id"].clone(), "id of its own");
}

#[test]
fn a_broken_panel_is_told() {
    let check = |breaks: &dyn Fn(&mut Value), expected: &str| {
        check("credentials", &|dashboard| breaks(&mut dashboard["panels"][0]), expected);
    };
    check(&|panel| panel["description"] = json!(""), "description");
    check(&|panel| panel["type"] = json!("flant-statusmap-panel"), "plugin");
    check(&|panel| panel["fieldConfig"]["defaults"]["unit"] = json!("parsec"), "parsec");
    check(&|panel| *panel = json!({ "type": "row", "panels": [{}], "collapsed": true }), "hides panels");
    check(&|panel| panel["targets"] = json!([]), "asks nothing");
    check(&|panel| panel["targets"][1]["refId"] = json!("A"), "one letter");
    check(&|panel| panel["targets"][0]["instant"] = json!(false), "wrong kind");
    check(&|panel| panel["type"] = json!("state-timeline"), "coloured by thresholds");
    check(&|panel| panel["type"] = json!("state-timeline"), "no words");
    let range = json!([{ "type": "range", "options": { "from": 1, "to": null } }]);
    check(&|panel| panel["fieldConfig"]["defaults"]["mappings"] = range.clone(), "no end");
    let steps = json!([{ "value": null }, { "value": 2 }, { "value": 1 }]);
    check(&|panel| panel["fieldConfig"]["defaults"]["thresholds"]["steps"] = steps.clone(), "do not rise");
    let status = r#"max(snykwatch_integrations{job=~"$job",instance=~"$instance",status="connected"})"#;
    check(&|panel| panel["targets"][0]["expr"] = json!(status), "however old the snapshot is");
    check(&|panel| panel["transformations"][0]["id"] = json!("limit"), "not merged");
    check(&|panel| panel["transformations"] = json!([]), "as they come");
    check(
        &|panel| panel["transformations"][1]["options"]["renameByName"]["team"] = json!("Team"),
        "`team` is no column",
    );
    check(
        &|panel| panel["transformations"][1]["options"]["renameByName"]["Value"] = json!("A"),
        "`Value` is no column",
    );
    check(&|panel| panel["transformations"][1]["options"]["excludeByName"] = json!({}), "not hidden");
    check(&|panel| panel["options"]["sortBy"][0]["displayName"] = json!("Age"), "`Age` is no heading");
    check(&|panel| panel["fieldConfig"]["overrides"][0]["matcher"]["options"] = json!("Age"), "`Age` is no heading");
}

#[test]
fn a_broken_query_is_told() {
    let chosen = r#"job=~"$job",instance=~"$instance""#;
    let check = |query: &str, expected: &str| {
        let told = problems_of_a_query(&query.replace("CHOSEN", chosen));
        assert!(told.iter().any(|problem| problem.contains(expected)), "{query}: {told:?}");
    };
    check(r#"snykwatch_credential_valid{job=~"$job"}"#, "instance");
    check(r#"snykwatch_credential_valid{instance=~"$instance"}"#, "job");
    check("snykwatch_nonsense{CHOSEN}", "no metric");
    check("snykwatch_store_size_bytes_count{CHOSEN}", "no metric");
    check(r#"snykwatch_credential_valid{CHOSEN,team="a"}"#, "no label `team`");
    check("sum(snykwatch_panics_total{CHOSEN})", "counter");
    check("sum by (le) (snykwatch_probe_duration_seconds_bucket{CHOSEN})", "counter");
    check("rate(snykwatch_panics_total{CHOSEN}[5m])", "rate[5m]");
    check("rate(snykwatch_panics_total{CHOSEN}[$__interval])", "rate[$__interval]");
    check("changes(snykwatch_build_info{CHOSEN}[2m]) > 0", "changes[2m]");
    check("sum(rate(snykwatch_panics_total{CHOSEN}[$__range])) / snykwatch_build_info{CHOSEN}[1m]", "no function's");
    check("vector(1)", "selects nothing");
    check("sum(snykwatch_panics)", "`snykwatch_panics` is asked for without braces");
    check("snykwatch_build_info{CHOSEN} and on (job) up", "`up` is asked for without braces");
    check("max(snykwatch_build_info{CHOSEN}) * scalar(up)", "`up` is asked for without braces");
    let good = "topk by (integration) (1, max_over_time(snykwatch_integration_condition{CHOSEN}[$__interval]) == bool 0) \
                unless snykwatch_build_info{CHOSEN} offset 5m > 1e9";
    assert_eq!(problems_of_a_query(&good.replace("CHOSEN", chosen)), Vec::<String>::new());
}
