//! No rule without its tests: what `promtool` is given for each of them has every situation that a rule must stand.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::rules::{RULES, alerts, grouping, rules, severities_on_the_page};
use crate::support::{list, text, yaml};

const TESTS: &str = "deploy/prometheus/snykwatch.tests.yaml";

/// A value of promtool's notation, with how often it comes again.
static VALUE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(_|stale|[-+.\d]+)(?:x(\d+))?$").unwrap());
/// The label of a series that tells replicas apart.
static INSTANCE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"instance="(\w+)""#).unwrap());

/// What a test feeds: a series of one replica.
struct Series {
    metric: String,
    instance: String,
    /// Of each minute, whether it was scraped.
    scraped: Vec<bool>,
}

impl Series {
    fn of(fed: &Value) -> Self {
        let series = text(fed, "/series");
        let mut scraped = Vec::new();
        for value in text(fed, "/values").split_whitespace() {
            let parts = VALUE.captures(value).unwrap_or_else(|| panic!("{value} is no value"));
            let is_sample = !["_", "stale"].contains(&&parts[1]);
            let times = parts.get(2).map_or(0, |times| times.as_str().parse().unwrap());
            // `1x2` is a value and two more of it, `_x2` are two gaps.
            let minutes = if &parts[1] == "_" { times.max(1) } else { times + 1 };
            scraped.extend(std::iter::repeat_n(is_sample, minutes));
        }
        let instance = INSTANCE.captures(series).map(|found| found[1].to_owned()).unwrap_or_default();
        Self { metric: series.split('{').next().unwrap().to_owned(), instance, scraped }
    }

    fn is_scraped_at(&self, minute: usize) -> bool {
        self.scraped.get(minute).is_some_and(|scraped| *scraped)
    }
}

/// Which alerts a test expects in a minute, by their labels.
struct Expected {
    minute: usize,
    alerts: Vec<Value>,
}

impl Expected {
    fn of(expected: &Value) -> Self {
        let minute = text(expected, "/eval_time").trim_end_matches('m').parse().unwrap();
        let alerts = list(expected, "/exp_alerts").iter().map(|alert| alert["exp_labels"].clone()).collect();
        Self { minute, alerts }
    }

    fn fires(&self) -> bool {
        !self.alerts.is_empty()
    }
}

/// Every situation that the tests of an alert lack.
fn lacking(alert: &Value, tests: &Value) -> Vec<&'static str> {
    let (name, expression) = (text(alert, "/alert"), text(alert, "/expr"));
    let own: Vec<_> =
        list(tests, "/tests").iter().filter(|test| format!("Snykwatch{}", text(test, "/name")) == name).collect();
    let [test] = own.as_slice() else { return vec!["one test of its name"] };
    let told = list(test, "/alert_rule_test").iter().filter(|expected| text(expected, "/alertname") == name);
    let told: Vec<_> = told.map(Expected::of).collect();
    let Some(first) = told.iter().position(Expected::fires) else { return vec!["that it fires"] };
    if expression == "vector(1)" {
        return Vec::new();
    }
    let is_used = |series: &Series| Regex::new(&format!(r"\b{}\b", series.metric)).unwrap().is_match(expression);
    let fed = list(test, "/input_series").iter().map(Series::of).filter(is_used);
    let fed: Vec<_> = fed.collect();
    // What an alert says of one replica is measured by that one's series alone.
    let instance = text(&told[first].alerts[0], "/instance").to_owned();
    let about: Vec<_> = fed.iter().filter(|series| instance.is_empty() || series.instance == instance).collect();

    let mut lacking = Vec::new();
    if fed.iter().map(|series| &series.instance).collect::<BTreeSet<_>>().len() < 2 {
        lacking.push("a second replica");
    }
    if told[first].alerts.len() != 1 {
        lacking.push("that it fires once");
    }
    if !told[..first].iter().any(|expected| !expected.fires()) {
        lacking.push("when it does not fire yet");
    }
    if told.last().is_some_and(Expected::fires) {
        lacking.push("that it resolves");
    }
    let is_unseen = |minute| !about.iter().any(|series| series.is_scraped_at(minute));
    let firing = || told.iter().filter(|expected| expected.fires()).map(|expected| expected.minute);
    if alert.get("keep_firing_for").is_some() && !firing().any(is_unseen) {
        lacking.push("a missed scrape");
    }
    let begun = told[first].minute;
    let has_moved = |minute| {
        let is_other = |series: &Series| series.is_scraped_at(minute) && !series.is_scraped_at(begun);
        let is_left = |series: &Series| series.is_scraped_at(minute) && series.is_scraped_at(begun);
        fed.iter().any(is_other) && !fed.iter().any(is_left)
    };
    let is_of_one = !instance.is_empty() || grouping(expression).contains("instance");
    if !is_of_one && !expression.starts_with("absent(") && !firing().any(has_moved) {
        lacking.push("a pod that moved");
    }
    let severities: BTreeSet<_> =
        told.iter().flat_map(|expected| &expected.alerts).map(|labels| text(labels, "/severity").to_owned()).collect();
    if severities != severities_on_the_page(name) {
        lacking.push("each severity");
    }
    lacking
}

/// Every situation that the tests of a recorded series lack.
fn lacking_of_a_record(record: &str, tests: &Value) -> Vec<&'static str> {
    let mut lacking = vec!["two replicas", "where it is absent"];
    for test in list(tests, "/tests") {
        let instances: BTreeSet<_> = list(test, "/input_series").iter().map(|fed| Series::of(fed).instance).collect();
        for expected in list(test, "/promql_expr_test") {
            let samples = list(expected, "/exp_samples");
            if samples.iter().any(|sample| text(sample, "/labels").split('{').next() == Some(record))
                && instances.len() > 1
            {
                lacking.retain(|situation| *situation != "two replicas");
            }
            if samples.is_empty() && text(expected, "/expr").split('{').next() == Some(record) {
                lacking.retain(|situation| *situation != "where it is absent");
            }
        }
    }
    lacking
}

fn problems(tests: &Value) -> Vec<String> {
    let shipped = yaml(RULES);
    let of_alerts = alerts(&shipped).into_iter().map(|alert| (text(alert, "/alert").to_owned(), lacking(alert, tests)));
    let records = rules(&shipped).into_iter().filter_map(|rule| rule["record"].as_str());
    let of_records = records.map(|record| (record.to_owned(), lacking_of_a_record(record, tests)));
    let all = of_alerts.chain(of_records);
    all.flat_map(|(name, lacking)| lacking.into_iter().map(move |what| format!("{name}: not tested: {what}"))).collect()
}

#[test]
fn every_rule_has_its_tests() {
    assert_eq!(problems(&yaml(TESTS)), Vec::<String>::new());
}

#[test]
fn what_a_test_lacks_is_told() {
    let shipped = yaml(TESTS);
    let place = list(&shipped, "/tests").iter().position(|test| test["name"] == "PartiallyConnected").unwrap();
    let check = |what: &str, change: fn(&mut Value)| {
        let mut tests = shipped.clone();
        change(&mut tests["tests"][place]);
        assert_eq!(problems(&tests), [format!("SnykwatchPartiallyConnected: not tested: {what}")]);
    };
    check("one test of its name", |test| test["name"] = json!("PartlyConnected"));
    check("that it fires", |test| test["alert_rule_test"] = json!([]));
    check("a second replica", |test| {
        for fed in test["input_series"].as_array_mut().unwrap() {
            fed["series"] = json!(INSTANCE.replace(text(fed, "/series"), r#"instance="a""#));
        }
    });
    check("when it does not fire yet", |test| drop(test["alert_rule_test"].as_array_mut().unwrap().remove(0)));
    check("that it resolves", |test| drop(test["alert_rule_test"].as_array_mut().unwrap().pop()));
    let mut tests = shipped.clone();
    tests["tests"].as_array_mut().unwrap().retain(|test| !text(test, "/name").starts_with("availability"));
    assert!(problems(&tests).contains(&"snykwatch:integrations_connected:ratio: not tested: two replicas".to_owned()));
}
