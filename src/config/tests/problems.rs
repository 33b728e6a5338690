use super::*;

#[test]
fn every_problem_is_reported_at_once_with_its_place() {
    let files = Files::new(
        r#"snyk:
  acme-us: { regoin: SNYK-US-01, token: { file: snyk } }
  acme-eu: { region: SNYK-EU-02, token: { file: eu } }
  acme-au: { region: SNYK-AU-01, api_url: http://api.example.com, token: { file: au } }
credentials:
  bitbucket-acme:
    bitbucket_cloud: { api_token: { email: bot, token: { env: BITBUCKET_TOKEN } }, access_token: { token: { env: X } } }
    role: integraton
  bitbucket-other:
    bitbucket_cloud: {}
    role: observer
    expires_at: 2027-03-01T10:00:00
integrations:
  acme:
    scm: bitbucket-server
    group:
      snyk: acme-su
      id: 0d3728ec
      configured_at: 2026-12-24
      permissions: pilot
      profiles:
        main: { credential: bitbucket-akme, workspaces: [] }
        more: { credential: bitbucket-acme, workspaces: 5 }
    organizations: { discover: some, webhook_url_pattern: "(" }
    organizations: {}
schedule:
  inventory: { every: 30m, max_age: 45m }
  webhooks: { cron: "0 0 31 2 *", sample: 0 }
  credentials: { every: 5 }
  organisations: { every: 1h }
alerts: { rules: { partially_connected: { awaiting_first_sync: 30h } } }
server: { listen: 0.0.0.0:9979 }
storage: { sqlite: { path: snykwatch.db } }
timezone: Europe/Berlim
"#,
    );
    assert_snapshot!(files.problems(), @"");
}

#[test]
fn a_problem_is_shown_with_its_line_and_a_suggestion() {
    let files = Files::new(&small("schedule: { inventroy: { every: 30m } }\n"));
    let problems = files.load().unwrap_err();
    assert_snapshot!(files.plain(&problems.render(Style::Plain)), @"");
}

#[test]
fn broken_yaml_is_one_problem() {
    let files = Files::new("snyk: { acme: [ }\nintegrations: 5\n");
    let problems = files.load().unwrap_err();
    assert_snapshot!(files.plain(&problems.render(Style::Plain)), @"");
}

#[test]
fn fragments_define_integrations_only_and_share_names() {
    let files = Files::new(&small(""));
    files.write("conf.d/b.yaml", "integrations: { acme: { scm: bitbucket-cloud } }\ncredentials: {}\n");
    files.write("conf.d/a.yml", "integrations: { other: { scm: bitbucket-cloud, organizations: { snyk: acme-us, credential: bitbucket-acme } } }\n");
    files.write("conf.d/.hidden.yaml", "nonsense: true\n");
    files.write("conf.d/notes.txt", "nonsense: true\n");
    assert_snapshot!(files.problems(), @"");
}

#[test]
fn one_mistake_is_one_problem() {
    let check = |more: &str, expected: &str| {
        let files = Files::new(&small(more));
        assert_eq!(files.problems(), expected, "{more}");
    };
    check("http: { proxy: }\n", "");
    check("http: { proxy: 'http://user:secret@proxy.example.com' }\n", "");
    check("http: { connect_timeout: 0s }\n", "");
    check("server: { listen: localhost }\n", "");
    check("metrics: { organizations: most, max_series: 10 }\n", "");
    check("conditions: { coverage_complete: 97 }\n", "");
    check("conditions: { coverage_complete: 0.9 }\n", "");
    check("schedule: { webhooks: { every: 1d, cron: '0 3 * * *' } }\n", "");
    check("schedule: { webhooks: { every: 1d, zone: UTC } }\n", "");
    check("permission_sets: { mine: { required: [repository_reed] } }\n", "");
    check("timezone: 5\n", "");
    check("alerts: { rules: { status_unknown: { after: 1h, after: 2h } } }\n", "");
    check("alerts: { receivers: {} }\n", "");
}

#[test]
fn a_missing_file_is_a_problem_without_a_place() {
    let missing = Path::new("/nonexistent/snykwatch.yaml");
    let problems = load(missing, Secrets::Skip, now()).unwrap_err();
    assert!(problems.to_string().starts_with("could not read /nonexistent/snykwatch.yaml: "), "{problems}");
}
