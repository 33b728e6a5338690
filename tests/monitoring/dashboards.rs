//! Every query of every dashboard, as Grafana would ask it.

use std::fs;

use regex::Regex;
use serde_json::Value;
use snykwatch::metrics::families::{self, Kind};

use crate::peers::Prometheus;
use crate::support::{list, path, text};

/// What Grafana puts in place of its variables; multiple ones with everything chosen.
const VARIABLES: [(&str, &str); 6] = [
    ("$__rate_interval", "10s"),
    ("$__interval", "10s"),
    ("$__range", "1m"),
    ("$integration", ".+"),
    ("$instance", ".+"),
    ("$job", ".+"),
];

/// Families that have nothing to say where nothing of the kind happens.
const SILENT: [(&str, &str); 3] = [
    ("snykwatch_api_version_sunset_timestamp_seconds", "no API announced its end"),
    ("snykwatch_incident_cause_info", "no problem is the symptom of another"),
    ("snykwatch_notification_oldest_pending_timestamp_seconds", "no notification waits"),
];

/// A query of a dashboard.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// Dashboard and panel.
    pub(crate) place: String,
    /// What is asked.
    pub(crate) expression: String,
}

impl Query {
    fn new(place: String, expression: &str) -> Self {
        let expression =
            VARIABLES.iter().fold(expression.to_owned(), |asked, (name, value)| asked.replace(name, value));
        assert!(!expression.contains('$'), "{place} has an unknown variable: {expression}");
        Self { place, expression }
    }
}

fn dashboards() -> Vec<(String, Value)> {
    let files = fs::read_dir(path("dashboards")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut found: Vec<_> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|(one, _): &(String, Value), (other, _)| one.cmp(other));
    assert!(!found.is_empty());
    found
}

/// Panels that have nothing to show in the story, and why.
const EMPTY_PANELS: [(&str, &str); 1] = [(
    "credentials / Who is in step with the last rotation",
    "no credential is rotated: the condition is not applicable and has no series",
)];

/// The queries of panels and of variables: each must have an answer.
pub(crate) fn queries() -> Vec<Query> {
    let mut found = Vec::new();
    let values = Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    for (name, dashboard) in dashboards() {
        for panel in list(&dashboard, "/panels") {
            let place = format!("{name} / {}", text(panel, "/title"));
            let targets = list(panel, "/targets").iter();
            found.extend(targets.map(|target| Query::new(place.clone(), text(target, "/expr"))));
        }
        for variable in list(&dashboard, "/templating/list").iter().filter(|variable| variable["type"] == "query") {
            let asked = text(variable, "/query/query");
            let parts = values.captures(asked).unwrap_or_else(|| panic!("{name}: {asked} is not understood"));
            let expression = format!("count by ({}) ({})", &parts[2], &parts[1]);
            found.push(Query::new(format!("{name} / variable {}", text(variable, "/name")), &expression));
        }
    }
    found
}

/// The queries of annotations: most of the time they find nothing.
fn annotations() -> Vec<Query> {
    let found = dashboards().into_iter().flat_map(|(name, dashboard)| {
        let annotations = list(&dashboard, "/annotations/list").iter();
        let queries = annotations.map(|annotation| {
            Query::new(format!("{name} / annotation {}", text(annotation, "/name")), text(annotation, "/expr"))
        });
        queries.collect::<Vec<_>>()
    });
    found.collect()
}

/// What a story owes an answer: each query, asked again until there was one.
pub(crate) struct Unanswered {
    waiting: Vec<Query>,
    asked: usize,
}

impl Unanswered {
    /// Every query of a panel or a variable, and every family by itself, so that an answer to a query of it means something.
    pub(crate) fn everything() -> Self {
        let speaking =
            queries().into_iter().filter(|query| !EMPTY_PANELS.iter().any(|(place, _)| *place == query.place));
        let waiting: Vec<_> = speaking.chain(families()).collect();
        Self { asked: waiting.len(), waiting }
    }

    /// Asks what had no answer so far.
    pub(crate) async fn ask(&mut self, prometheus: &mut Prometheus) {
        let mut left = Vec::new();
        for query in self.waiting.drain(..) {
            let answer = prometheus.ask(&query.expression).await.unwrap();
            let found = answer.unwrap_or_else(|error| panic!("{}: {error}\n{}", query.place, query.expression));
            if found.is_empty() {
                left.push(query);
            }
        }
        self.waiting = left;
    }

    /// All had one; tells how many there were.
    pub(crate) fn none(&self) -> usize {
        let silent: Vec<_> =
            self.waiting.iter().map(|query| format!("{}: {}", query.place, query.expression)).collect();
        assert!(silent.is_empty(), "no answer to:\n{}", silent.join("\n"));
        self.asked
    }
}

/// The families that have something to say in the story.
fn families() -> impl Iterator<Item = Query> {
    let speaking = families::ALL.iter().filter(|family| !SILENT.iter().any(|(silent, _)| *silent == family.name));
    speaking.map(|family| {
        let series = match family.kind {
            Kind::Histogram => format!("{}_count", family.name),
            Kind::Gauge | Kind::Counter => family.name.to_owned(),
        };
        Query::new("family".to_owned(), &series)
    })
}

/// The queries of annotations are understood.
pub(crate) async fn annotations_are_understood(prometheus: &mut Prometheus) -> usize {
    let queries = annotations();
    for query in &queries {
        let answer = prometheus.ask(&query.expression).await.unwrap();
        assert!(answer.is_ok(), "{}: {answer:?}\n{}", query.place, query.expression);
    }
    queries.len()
}
