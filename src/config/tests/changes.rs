//! Every setting that can be written is noticed when it changes: none can be taken over or left aside in silence.

use serde_json::Value;

use super::*;
use crate::config::change::ConfigChange;

/// Values that are no change of what the daemon does: on loopback, access needs no leave.
const SAME: [&str; 1] = ["/server/allow_unauthenticated"];

/// What a value may be changed to, what looks like it first; one of them is right where the value stands.
fn others(value: &Value) -> Vec<Value> {
    let words = [
        "info",
        "warning",
        "critical",
        "status",
        "basic",
        "alertmanager",
        "prometheus",
        "implicit",
        "organization",
        "group",
        "SNYK-US-02",
        "SNYK-AU-01",
        "observer",
        "integration",
        "Europe/Paris",
        "never",
        "4m",
        "2h",
        "3h",
        "20h",
        "40h",
        "3d",
        "9d",
        "40d",
        "500d",
        "127.0.0.1:9001",
        "https://other.acme.example",
        "chat",
        "bitbucket-labs",
        "bitbucket-observer",
        "acme-eu",
        "acme-us",
        "business-hours",
        "pilot-guide",
        "without-webhooks",
        "tests_stale",
        "issue_read",
        "repository_admin",
        "atlassian_account_read",
        "tue-thu",
        "sun",
        "05:00",
        "11:30",
        "10 4 * * *",
        "2026-12-05T21:00:00+01:00",
        "2026-12-07T04:00:00+01:00",
        "2027-04-01",
        "5f3c1f0e-1d1c-4c39-8b6e-9d7a3a1c2e45",
        "other@acme.example",
        "other",
        "/run/secrets/other",
        "2026-05-01T09:00:00Z",
        "acme-europe",
        "acme-bitbucket",
        "devops@acme.*",
        "saturday-night",
    ];
    let looks = |text: &str| {
        let first = text.chars().next().unwrap_or_default();
        (first.is_ascii_digit(), text.len() < 4, ["@", "/", ":", "-", " "].map(|sign| text.contains(sign)))
    };
    match value {
        Value::Bool(value) => vec![Value::Bool(!value)],
        Value::Number(number) if number.is_f64() => vec![0.33.into(), 0.96.into(), 0.97.into()],
        Value::Number(number) => {
            number.as_i64().into_iter().flat_map(|one| [one + 1, one - 1].map(Value::from)).collect()
        }
        Value::String(text) => {
            let mut others: Vec<_> = words.into_iter().filter(|word| *word != text.as_str()).collect();
            others.sort_by_key(|word| looks(word) != looks(text));
            others.into_iter().map(Value::from).collect()
        }
        _ => Vec::new(),
    }
}

/// Where every single value stands.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            leaves(value, &format!("{at}/{key}"), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_setting_that_changes_is_told() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/snykwatch.example.yaml")).unwrap();
    let mut whole: Value = serde_saphyr::from_str(&text).unwrap();
    // Tried out anew by every load; what they say is compared as one value.
    whole["alerts"]["receivers"]["chat"]["templates"] = serde_json::json!({ "title": "other" });
    let files = Files::new("");
    let load = |value: &Value| {
        files.write("snykwatch.yaml", &value.to_string());
        files.load().ok().map(|loaded| loaded.config)
    };
    let before = load(&whole).unwrap();
    let mut places = Vec::new();
    leaves(&whole, "", &mut places);
    assert!(places.len() > 200, "{}", places.len());
    let (mut silent, mut untried) = (Vec::new(), Vec::new());
    for place in places {
        let mut tried = others(whole.pointer(&place).unwrap()).into_iter().filter_map(|other| {
            let mut changed = whole.clone();
            *changed.pointer_mut(&place).unwrap() = other;
            load(&changed)
        });
        match tried.next() {
            None => untried.push(place),
            Some(after) if ConfigChange::between(&before, &after).is_empty() => silent.push(place),
            Some(_) => {}
        }
    }
    assert_eq!(silent, SAME, "changed, and not told");
    assert_eq!(untried, UNTRIED, "nothing of `others` may stand there: add what may");
}

/// Where the example holds what no other single value can take the place of.
const UNTRIED: [&str; 4] = [
    "/alerts/routes/2/scm/0",
    "/integrations/acme-bitbucket/organizations/discover",
    "/integrations/acme-bitbucket/scm",
    "/integrations/acme-europe/scm",
];

#[test]
fn what_takes_a_restart_is_told_until_there_was_one() {
    let files = Files::new("");
    let config = |port: u16, zone: &str| {
        files.write("snykwatch.yaml", &small(&format!("server: {{ listen: 127.0.0.1:{port} }}\ntimezone: {zone}\n")));
        files.load().unwrap().config
    };
    let told =
        |started: &Config, in_force: &Config, new: &Config| ConfigChange::of_reload(started, in_force, new).to_string();
    let (started, moved) = (config(9001, "UTC"), config(9002, "UTC"));
    let waits = "server: takes a restart, what was before stays in force";
    assert_eq!(told(&started, &started, &moved), waits);
    assert_eq!(told(&started, &moved, &moved), waits, "nothing is new, and the port is still another");
    let zone = config(9002, "Europe/Berlin");
    assert_eq!(told(&started, &moved, &zone), format!("{waits}; timezone: changed"));
    assert_eq!(told(&started, &moved, &started), "", "what is in force is wanted again");
}
