//! The shipped rules say what the code says: every incident has its alert, every name exists, every link leads somewhere.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};
use snykwatch::domain::incident::Rule;
use snykwatch::metrics::families::{self, Family};

use crate::support::{file, installed, list, path, text, yaml};

pub(crate) const RULES: &str = "deploy/prometheus/snykwatch.rules.yaml";
const RUNBOOKS: &str = "https://snykwatch.example.com/runbooks/";
const DASHBOARDS: &str = "https://grafana.example.com/d/";

/// A missed scrape or a moved pod starts a `for` anew, so none may be long.
const LONGEST_FOR_MINUTES: u64 = 15;

/// What people read in a list, as monitoring mixins have it.
const LONGEST_NAME: usize = 40;
/// The same, so that a group is evaluated in time.
const MOST_RULES_OF_A_GROUP: usize = 20;

/// Labels that Prometheus gives to what it scrapes.
const OF_TARGETS: [&str; 2] = ["job", "instance"];

/// A label as annotations use it.
static USED_LABEL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$labels\.(\w+)").unwrap());
/// The labels that an aggregation keeps.
static GROUPING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bby \(([^)]*)\)").unwrap());
/// A series of ours, with its matchers.
static SELECTOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:[a-z_]+:)?snykwatch[a-z_:]+(?:\{([^}]*)\})?").unwrap());
/// The label of a matcher.
static MATCHER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\w+)\s*(?:=~|!~|!=|=)").unwrap());

pub(crate) fn rules(shipped: &Value) -> Vec<&Value> {
    list(shipped, "/groups").iter().flat_map(|group| list(group, "/rules")).collect()
}

pub(crate) fn alerts(shipped: &Value) -> Vec<&Value> {
    rules(shipped).into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

/// Everything that is wrong with the rules.
fn problems(shipped: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let daemon = file("docs/runbooks/daemon.md");
    let sections: Vec<String> =
        daemon.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect();
    for group in list(shipped, "/groups") {
        let (name, rules) = (text(group, "/name"), list(group, "/rules").len());
        if name.len() > LONGEST_NAME || rules > MOST_RULES_OF_A_GROUP {
            found.push(format!("the group {name} is too long"));
        }
    }
    for rule in rules(shipped) {
        let name = rule["alert"].as_str().or(rule["record"].as_str()).unwrap_or("a rule without a name");
        let wrong = problems_of_an_expression(text(rule, "/expr"));
        found.extend(wrong.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    for alert in alerts(shipped) {
        let mut wrong = problems_of_an_alert(alert);
        if !leads_to_a_runbook(text(alert, "/annotations/runbook_url"), &sections) {
            wrong.push("its runbook_url leads nowhere".to_owned());
        }
        if !leads_to_a_dashboard(text(alert, "/annotations/dashboard_url")) {
            wrong.push("its dashboard_url leads nowhere".to_owned());
        }
        found.extend(wrong.into_iter().map(|problem| format!("{}: {problem}", text(alert, "/alert"))));
    }
    for rule in Rule::ALL {
        let wanted = format!(r#"incident="{}""#, rule.as_str());
        let own: Vec<_> = alerts(shipped).into_iter().filter(|alert| text(alert, "/expr").contains(&wanted)).collect();
        let [alert] = own.as_slice() else {
            found.push(format!("{} has {} alerts", rule.as_str(), own.len()));
            continue;
        };
        if text(alert, "/alert") != format!("Snykwatch{}", rule.as_str()) {
            found.push(format!("{} is named otherwise", rule.as_str()));
        }
        if text(alert, "/annotations/runbook_url") != format!("{RUNBOOKS}{}", rule.as_str()) {
            found.push(format!("{} has another runbook", rule.as_str()));
        }
        // The daemon delays and suppresses by itself.
        if alert.get("for").is_some() {
            found.push(format!("{} is delayed twice", rule.as_str()));
        }
    }
    found
}

/// A page of Grafana's whose uid one of our dashboards has.
fn leads_to_a_dashboard(url: &str) -> bool {
    let uid = url.strip_prefix(DASHBOARDS).map(|page| page.split('?').next().unwrap_or_default());
    let name = uid.and_then(|uid| uid.strip_prefix("snykwatch-"));
    name.is_some_and(|name| path(&format!("dashboards/{name}.json")).is_file())
}

fn leads_to_a_runbook(url: &str, sections: &[String]) -> bool {
    match url.strip_prefix(RUNBOOKS).map(|name| name.split_once('#').unwrap_or((name, ""))) {
        Some(("daemon", section)) => sections.iter().any(|known| known == section),
        Some((name, "")) => Rule::ALL.iter().any(|rule| rule.as_str() == name),
        _ => false,
    }
}

fn problems_of_an_alert(alert: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for annotation in ["summary", "description", "runbook_url", "dashboard_url", "status_page_url"] {
        if text(alert, &format!("/annotations/{annotation}")).is_empty() {
            found.push(format!("it has no {annotation}"));
        }
    }
    if text(alert, "/alert").len() > LONGEST_NAME {
        found.push("its name is too long".to_owned());
    }
    let summary = text(alert, "/annotations/summary");
    if summary.contains("{{") || !summary.ends_with('.') {
        found.push("its summary is no sentence that always stands".to_owned());
    }
    let expression = text(alert, "/expr");
    let severity = text(alert, "/labels/severity");
    let is_from_the_incident = severity.is_empty() && grouping(expression).contains("severity");
    if !is_from_the_incident && !["info", "warning", "critical", "none"].contains(&severity) {
        found.push(format!("`{severity}` is no severity"));
    }
    let waits = text(alert, "/for");
    if !waits.is_empty() {
        let minutes = waits.strip_suffix('m').and_then(|minutes| minutes.parse::<u64>().ok());
        if minutes.is_none_or(|minutes| minutes > LONGEST_FOR_MINUTES) {
            found.push(format!("{waits} is too long a time to wait"));
        }
    }
    let mut labels = grouping(expression);
    if labels.is_empty() {
        labels.extend(OF_TARGETS.map(str::to_owned));
    }
    for annotation in alert["annotations"].as_object().into_iter().flat_map(|annotations| annotations.values()) {
        for label in USED_LABEL.captures_iter(annotation.as_str().unwrap_or_default()).map(|found| found[1].to_owned())
        {
            if !labels.contains(&label) {
                found.push(format!("an annotation uses the label `{label}`, which the expression does not keep"));
            }
        }
    }
    found
}

/// Every label that an expression groups by.
pub(crate) fn grouping(expression: &str) -> BTreeSet<String> {
    let labels = GROUPING
        .captures_iter(expression)
        .flat_map(|found| found[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    labels.collect()
}

fn problems_of_an_expression(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut known: BTreeSet<&str> = OF_TARGETS.into();
    for captures in SELECTOR.captures_iter(expression) {
        let name = captures.get(0).map_or("", |found| found.as_str()).split('{').next().unwrap_or_default();
        // A recorded series, whose own rule is looked at; what it has is in its name.
        if let Some((labels, _)) = name.split_once(':') {
            known.extend(labels.split('_'));
            continue;
        }
        let Some(family) = family(name) else {
            found.push(format!("there is no metric `{name}`"));
            continue;
        };
        known.extend(family.labels);
        for label in MATCHER.captures_iter(captures.get(1).map_or("", |matchers| matchers.as_str())) {
            if !family.labels.contains(&&label[1]) && !OF_TARGETS.contains(&&label[1]) {
                found.push(format!("`{name}` has no label `{}`", &label[1]));
            }
        }
    }
    let unknown = grouping(expression).into_iter().filter(|label| !known.contains(label.as_str()));
    found.extend(unknown.map(|label| format!("nothing in it has the label `{label}`")));
    found
}

fn family(name: &str) -> Option<&'static Family> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
    families::ALL.iter().find(|family| family.name == name || Some(family.name) == base)
}

/// Where the alerts' runbooks are, below the address of snykwatch: paths and, on a page of several, the section.
pub(crate) fn runbooks() -> BTreeSet<(String, Option<String>)> {
    let shipped = yaml(RULES);
    let link = |alert: &Value| {
        let url: url::Url = text(alert, "/annotations/runbook_url").parse().unwrap();
        (url.path().to_owned(), url.fragment().map(str::to_owned))
    };
    alerts(&shipped).into_iter().map(link).collect()
}

#[test]
fn the_rules_keep_to_the_code() {
    assert_eq!(problems(&yaml(RULES)), Vec::<String>::new());
}

#[test]
fn a_broken_rule_is_told() {
    let shipped = yaml(RULES);
    let check = |what: &str, key: &str, value: Value, expected: &str| {
        let mut broken = shipped.clone();
        *broken.pointer_mut("/groups/0/rules/0").unwrap().pointer_mut(key).unwrap() = value;
        let told = problems(&broken);
        assert!(told.iter().any(|problem| problem.contains(expected)), "{what}: {told:?}");
    };
    let expression = |of: &str| json!(format!("max by (severity, integration, credential) ({of}) == 1"));
    check("no alert of a rule", "/expr", expression("snykwatch_build_info"), "SnykTokenInvalid has 0 alerts");
    check("name", "/alert", json!("SnykwatchOther"), "is named otherwise");
    check("runbook of another", "/annotations/runbook_url", json!(format!("{RUNBOOKS}Baseline")), "another runbook");
    check("section", "/annotations/runbook_url", json!(format!("{RUNBOOKS}daemon#nonsense")), "leads nowhere");
    check("summary", "/annotations/summary", json!(""), "no summary");
    check("dashboard", "/annotations/dashboard_url", json!(""), "no dashboard_url");
    check(
        "no such dashboard",
        "/annotations/dashboard_url",
        json!(format!("{DASHBOARDS}snykwatch-x")),
        "leads nowhere",
    );
    check("status page", "/annotations/status_page_url", json!(""), "no status_page_url");
    check("metric", "/expr", expression(r#"snykwatch_nonsense{incident="SnykTokenInvalid"}"#), "no metric");
    check("label", "/expr", expression(r#"snykwatch_incident_open{rule="SnykTokenInvalid"}"#), "no label `rule`");
    check(
        "severity",
        "/expr",
        json!(r#"max by (integration, credential) (snykwatch_incident_open{incident="SnykTokenInvalid"}) == 1"#),
        "no severity",
    );
    check("annotation", "/annotations/description", json!("{{ $labels.owner }}"), "uses the label `owner`");
    check("long name", "/alert", json!("Snykwatch".repeat(5)), "name is too long");
    check("template", "/annotations/summary", json!("{{ $labels.credential }} is bad."), "no sentence");
    check("no full stop", "/annotations/summary", json!("It is bad"), "no sentence");
    check("grouping", "/expr", json!("max by (severity, team) (snykwatch_incident_open)"), "has the label `team`");
    let mut large = shipped.clone();
    let rule = large["groups"][0]["rules"][0].clone();
    large["groups"][0]["rules"] = Value::Array(vec![rule; MOST_RULES_OF_A_GROUP + 1]);
    assert!(problems(&large).contains(&"the group snykwatch-credentials is too long".to_owned()));
    let mut slow = shipped.clone();
    slow["groups"][0]["rules"][0]["for"] = json!("20m");
    let told = problems(&slow);
    assert!(told.iter().any(|problem| problem.contains("too long")), "{told:?}");
    assert!(told.iter().any(|problem| problem.contains("delayed twice")), "{told:?}");
}

/// The columns of the tables below the second-level headings.
fn rows(page: &str) -> Vec<Vec<String>> {
    let rows = page.lines().filter(|line| line.starts_with("| ["));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The severities that the page about alerts tells of an alert.
pub(crate) fn severities_on_the_page(alert: &str) -> BTreeSet<String> {
    let rows = rows(&file("docs/alerts.md"));
    let row = rows.iter().find(|row| row[0].starts_with(&format!("[{alert}]")));
    row.map(|row| row[2].split(", ").map(str::to_owned).collect()).unwrap_or_default()
}

#[test]
fn the_page_about_alerts_has_each_with_its_severity() {
    let shipped = yaml(RULES);
    let rows = rows(&file("docs/alerts.md"));
    let named: Vec<_> = rows.iter().map(|row| row[0].split(']').next().unwrap().trim_start_matches('[')).collect();
    let expected: Vec<_> = alerts(&shipped).into_iter().map(|alert| text(alert, "/alert")).collect();
    assert_eq!(named, expected);
    for (row, alert) in rows.iter().zip(alerts(&shipped)) {
        let runbook = text(alert, "/annotations/runbook_url").trim_start_matches(RUNBOOKS);
        let page = runbook.replacen("daemon#", "daemon.md#", 1);
        let page = if runbook.contains('#') { page } else { format!("{page}.md") };
        assert!(row[0].ends_with(&format!("(runbooks/{page})")), "{}", row[0]);
        let severity = text(alert, "/labels/severity");
        assert!(severity.is_empty() || row[2] == severity, "{}: {} is not {severity}", row[0], row[2]);
        let rule = text(alert, "/alert").trim_start_matches("Snykwatch").to_lowercase();
        let is_tuned_by_its_key = row[3].trim_matches('`').replace('_', "") == rule;
        assert!(!severity.is_empty() || is_tuned_by_its_key, "{} is tuned by {}", row[0], row[3]);
    }
}

#[test]
fn kubernetes_gets_the_same_rules() {
    let resource = yaml("deploy/kubernetes/components/prometheus-rule/prometheus-rule.yaml");
    assert_eq!(resource["kind"], "PrometheusRule");
    assert_eq!(resource["spec"]["groups"], yaml(RULES)["groups"]);
}

/// Runs a peer's own check on a file of ours.
fn check_by(program: &'static str, arguments: &[&str], name: &str) {
    if installed(&[program]).is_none() {
        return;
    }
    let output = Command::new(program).args(arguments).arg(path(name)).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn promtool_and_amtool_have_nothing_to_say() {
    check_by("promtool", &["check", "rules", "--lint=all", "--lint-fatal"], RULES);
    check_by("promtool", &["test", "rules"], "deploy/prometheus/snykwatch.tests.yaml");
    check_by("amtool", &["check-config"], "deploy/alertmanager/alertmanager.example.yaml");
}
