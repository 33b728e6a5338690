//! Attacks on what operators write: files, schedules and templates.

use std::time::Duration;

use chrono::{Datelike as _, TimeDelta};

use super::super::cron::CronSchedule;
use super::super::template::{LONGEST_TEXT, Template, TemplateContext};
use super::*;
use crate::hostile::{Attack, told};

/// Between the main file of an input and its fragment.
const BETWEEN: &str = "\n=====\n";

/// So much is said of any input at most: some fifty problems, each with its lines. Bytes.
const MOST_SAID: usize = 512 * 1024;

const WORDS: &[&str] = &[
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "!!str ",
    "? ",
    "|\n ",
    ">-\n ",
    "\n---\n",
    "%YAML 1.1\n",
    "\n=====\n",
    "\t",
    "${HOME}",
    "0x1f",
    "1_000",
    "~",
    "5m",
    "99999999d",
    "0s",
    "-5m",
    "30 3 * * *",
    "Europe/Berlin",
    "{{ title }}",
    "[\"*\"]",
    "127.0.0.1:0",
    "[::1]:99999",
    "https://acme.example:99999/",
    "http://[",
    "webhook",
    "email",
    "alertmanager",
    "pagerduty",
    "slack",
    "receivers",
    "routes",
    "template",
    "profiles",
    "discover",
    "overrides",
    "require",
    "expires_at",
    "configured_at",
    "acme-us",
    "bitbucket-acme",
    "2027-03-01",
    "99999-01-01",
];

#[test]
fn files() {
    let fragment = "integrations:\n  platform:\n    scm: bitbucket-cloud\n    group:\n      snyk: acme-us\n      id: \
                    0d3728ec-eebf-484d-9907-ba238019f10c\n      profiles: { main: { credential: bitbucket-acme } }\n";
    let more = [
        "schedule: { inventory: { every: 10m }, webhooks: { cron: \"30 3 * * *\", zone: Europe/Berlin, sample: 5 } }\n",
        "alerts:\n  receivers:\n    desk: { webhook: { url: https://tickets.acme.example } }\n  routes:\n    - { \
         receivers: [desk], severity: [critical], active_times: [{ days: [mon], from: 09:00, to: 17:00 }] }\n",
        "alerts: { rules: { partially_connected: { awaiting_first_sync: 14h } } }\nconditions: { max_lag: 30h }\n",
        "server: { listen: 127.0.0.1:9979, external_url: https://snykwatch.acme.example/x }\ntimezone: UTC\nhttp: { \
         proxy: http://proxy.acme.example:3128, no_proxy: [.acme.example] }\nstorage: { sqlite: { path: a.db } }\n",
        "permission_sets: { mine: [repositories_read] }\nmetrics: { organizations: full }\n",
    ];
    let mut examples: Vec<Vec<u8>> = more.iter().map(|more| small(more).into_bytes()).collect();
    examples.push(format!("{}{BETWEEN}{fragment}", small("")).into_bytes());
    examples.push(include_bytes!("../../../config/minimal.example.yaml").to_vec());
    examples.push(serde_json::to_vec(&serde_saphyr::from_str::<serde_json::Value>(&small(more[1])).unwrap()).unwrap());
    // A watched directory is written anew for each input.
    let directory = Files::new("");
    fs::create_dir(directory.path("conf.d")).unwrap();
    Attack { name: "files", examples, words: WORDS, runs: 500 }.run(|input| {
        let parts = input.windows(BETWEEN.len()).position(|window| window == BETWEEN.as_bytes());
        let (main, fragment) = parts.map_or((input, [].as_slice()), |at| (&input[..at], &input[at + BETWEEN.len()..]));
        fs::write(directory.main(), main).unwrap();
        fs::write(directory.path("conf.d/a.yaml"), fragment).unwrap();
        let loaded = directory.load();
        let problems = loaded.as_ref().map_or_else(|problems| problems, |loaded| &loaded.warnings);
        assert_eq!(loaded.is_err(), problems.errors() > 0);
        for said in [problems.render(Style::Plain), problems.render(Style::Coloured), problems.to_string()] {
            assert!(said.len() <= MOST_SAID, "{} bytes are said", said.len());
        }
        for problem in problems.iter() {
            let help = problem.help.as_deref().unwrap_or_default();
            assert!(problem.message.len() <= 8_000 && help.len() <= 8_000, "{problem:?}");
            assert_eq!(problem.place.is_some(), problems.position(problem).is_some(), "{problem:?}");
        }
        if let Ok(Loaded { config, .. }) = &loaded {
            // What is read once is read alike again, and shown.
            let again = directory.load().unwrap().config;
            assert!(*config == again, "it differs from itself");
            assert!(change::ConfigChange::between(config, &again).is_empty());
            assert!(!config.shown().is_empty());
            config.egress();
        }
        let mut kinds: Vec<_> =
            problems.iter().map(|problem| (problem.kind, problem.message.split('`').next())).collect();
        kinds.dedup();
        kinds.truncate(6);
        told(kinds)
    });
}

#[test]
fn schedules() {
    let zones = ["Europe/Berlin", "UTC", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia"];
    let expressions =
        ["*/15 * * * *", "30 2 * * *", "0 0 29 2 *", "0 12 1,15 * 5", "59 23 31 12 SUN", "0-30/7 8-18 * JAN-MAR 1-5"];
    let starts = ["1774740000", "1792880000", "0", "4102444700", "-2208988800"];
    let combined = expressions.iter().zip(zones.iter().cycle()).zip(starts.iter().cycle());
    let examples = combined.map(|((expression, zone), start)| format!("{expression}\n{zone}\n{start}").into_bytes());
    Attack {
        name: "schedules",
        examples: examples.collect(),
        words: &[
            "*",
            "/",
            ",",
            "-",
            "MON",
            "SUN",
            "7",
            "59",
            "31",
            "FEB",
            " ",
            "\n",
            "L",
            "W",
            "#",
            "?",
            "@daily",
            "UTC",
            "Asia/Gaza",
            "America/Scoresbysund",
            "Antarctica/Troll",
            "1792880000",
        ],
        runs: 500,
    }
    .run(|input| {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.splitn(3, '\n');
        let [expression, zone, start] = [(); 3].map(|()| lines.next().unwrap_or_default());
        let zone = zone.parse().unwrap_or(Tz::Europe__Berlin);
        let cron = match CronSchedule::try_new(expression, zone) {
            Ok(cron) => cron,
            Err(error) => return told(error.to_string().split('`').next()),
        };
        assert_eq!(CronSchedule::try_new(cron.expression(), zone).as_ref(), Ok(&cron));
        let start = start.trim().parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let mut last = start.filter(|start| (1..=9999).contains(&start.year())).unwrap_or_else(now);
        // An hour of daylight saving, and a day that some zone has left out.
        let bound = TimeDelta::from_std(cron.longest_gap()).unwrap() + TimeDelta::hours(26);
        let mut firings = 0;
        for _ in 0..6 {
            let Some(next) = cron.next_after(last) else { break };
            assert!(next > last, "{cron}: {last} to {next}");
            // The crate's calendar begins in 1970, and 2100 has no 29 February.
            assert!(next - last <= bound || last.year() < 1970 || next.year() > 2095, "{cron}: {last} to {next}");
            (last, firings) = (next, firings + 1);
        }
        assert!(firings > 0 || last.year() >= 2095, "{cron} never fires after {last}");
        told((cron.longest_gap() > Duration::from_hours(24 * 8), firings, last.year() / 100))
    });
}

#[test]
fn templates() {
    let examples = [
        "{{ title }}: {{ summary | upper }}\n{% for claim in evidence %}\n- {{ claim.text }} ({{ claim.source }})\n{% endfor %}",
        "{% if last_change %}before: {{ last_change | replace('a', 'b') }}{% else %}{{ members | join(', ') }}{% endif %}",
        "{% set a = 'x' * 100 %}{{ a ~ a }}{% for i in range(10) %}{{ loop.index }}{% endfor %}{{ labels.owner | default('-') }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(title) }}{% filter indent(4) %}{{ next_step }}{% endfilter %}{# no #}{% raw %}{{{% endraw %}",
        "{{ links | map(attribute='url') | list | length }} {{ '%s' | format(title) }} {{ title[0:5] }} {{ (1 + 2) ** 3 // 4 }}",
    ];
    Attack {
        name: "templates",
        examples: examples.iter().map(|example| example.as_bytes().to_vec()).collect(),
        words: &[
            "{{ ",
            " }}",
            "{% ",
            " %}",
            "{# ",
            " #}",
            "for a in ",
            "endfor",
            "if ",
            "endif",
            "set a = ",
            "with a = ",
            "endwith",
            "members",
            "title",
            "evidence",
            "a",
            "loop(a)",
            " recursive",
            "[1,2]",
            "{'a': 1}",
            " * ",
            " ** ",
            " ~ ",
            "99999999",
            " | join(a)",
            " | indent(99999999)",
            " | replace('', a)",
            " | format",
            "'%99999s'",
            " | tojson",
            " | pprint",
            " | batch(1)",
            " | slice(9999)",
            "range(99999)",
            " | sort",
            " | unique",
            " | list",
            "|",
            "a.b.c",
            "debug()",
        ],
        runs: 3_000,
    }
    .run(|input| {
        let text = String::from_utf8_lossy(input);
        let template = match Template::compile(&text) {
            Ok(template) => template,
            Err(problem) => {
                assert!(problem.line > 0 && problem.message.len() <= 500, "{problem}");
                return told(problem.message.split([':', '`', '\'']).next());
            }
        };
        let tried = template.try_out().map_err(|problem| {
            assert!(problem.message.len() <= 600, "{problem}");
            problem.message.split([':', '`', '(', '\'']).next().map(str::to_owned)
        });
        let rendered = template.render(&TemplateContext::example().unwrap());
        let length = rendered.map_or(0, |text| {
            assert!(text.len() <= LONGEST_TEXT);
            text.len()
        });
        told((tried, length.min(200) / 10))
    });
}
