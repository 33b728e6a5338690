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
    assert_snapshot!(files.problems(), @"
    snykwatch.yaml:2:14: unknown key `regoin`
    snykwatch.yaml:3:22: `SNYK-EU-02` is not known here
    snykwatch.yaml:4:43: `http://api.example.com` would send a token in the clear; write https://, http:// is for loopback only
    snykwatch.yaml:7:44: `bot` is no e-mail address
    snykwatch.yaml:7:84: only one of `api_token`, `access_token`, `oauth` or `app_password` can be used
    snykwatch.yaml:8:11: `integraton` is not known here
    snykwatch.yaml:10:5: one of `api_token`, `access_token`, `oauth` or `app_password` is missing here
    snykwatch.yaml:12:17: `2027-03-01T10:00:00` lacks its offset from UTC; write `2027-03-01T10:00:00Z` for UTC
    snykwatch.yaml:15:10: `bitbucket-server` is not known here
    snykwatch.yaml:17:13: `acme-su` is not defined in `snyk`
    snykwatch.yaml:18:11: `0d3728ec` is no UUID (eight, four, four, four and twelve hexadecimal digits)
    snykwatch.yaml:19:22: `configured_at` lies in the future
    snykwatch.yaml:20:20: there is no permission set `pilot`
    snykwatch.yaml:22:29: `bitbucket-akme` is not defined in `credentials`
    snykwatch.yaml:22:45: an empty list of workspaces covers nothing
    snykwatch.yaml:23:57: expected a list, found the number 5
    snykwatch.yaml:24:5: the key `credential` is missing here
    snykwatch.yaml:24:32: expected `all` or a list of Organization ids, found `some`
    snykwatch.yaml:24:59: this is no regular expression: unclosed group
    snykwatch.yaml:25:5: the key `organizations` is written twice
    snykwatch.yaml:27:37: `max_age` is too short: 45m
    snykwatch.yaml:28:21: `0 0 31 2 *` never fires: no day of the next 5 years matches
    snykwatch.yaml:28:43: a sample has at least one repository
    snykwatch.yaml:29:25: expected a duration such as 90s, 5m, 6h or 14d, found the number 5
    snykwatch.yaml:30:3: unknown key `organisations`
    snykwatch.yaml:31:11: `partially_connected.critical.awaiting_first_sync` (1d2h) comes before the incident opens (1d6h)
    snykwatch.yaml:32:19: 0.0.0.0:9979 can be reached from other machines, and nobody is asked for a password
    snykwatch.yaml:34:11: `Europe/Berlim` is no time zone; did you mean `Europe/Berlin`?
    ");
}

#[test]
fn what_is_not_seen_is_refused_and_named_by_its_number() {
    let files =
        Files::new("timezone: \"UTC\\u202e\"\nalerts: { receivers: { \"pa\\u200bger\": 5 } }\nserver: \"a\\e[2J\"\n");
    let problems = files.problems();
    for (place, number) in [("1:11", "U+202E"), ("2:24", "U+200B"), ("3:9", "U+001B")] {
        let told = format!("snykwatch.yaml:{place}: this holds the character {number}");
        assert!(problems.contains(&told), "{problems}");
    }
    // Neither what is written in another script nor a text of several lines holds one.
    let files = Files::new("timezone: |\n  Zürich 東京 عربي 🦀\n\ttwo lines\n");
    assert!(!files.problems().contains("this holds the character"), "{}", files.problems());
    // What takes no room but belongs to the writing is a part of the name; between other letters it hides.
    let persian = "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}";
    let names = format!("timezone: [\"{persian}\", \"\u{1f469}\u{200d}\u{1f4bb} Ada\", \"\u{845b}\u{e0100}\"]\n");
    assert!(!Files::new(&names).problems().contains("this holds the character"), "{names}");
    let problems = Files::new("timezone: \"ac\u{200c}me\"\n").problems();
    assert!(problems.contains("this holds the character U+200C"), "{problems}");
}

#[test]
fn what_lies_in_the_future_is_an_error_to_whoever_writes_it_and_no_reason_not_to_start() {
    let text = small("").replace("      id:", "      configured_at: 2026-11-23T09:00:01Z\n      id:");
    let files = Files::new(&text.replace("env: BITBUCKET_TOKEN", "file: bitbucket"));
    files.write("snyk", "0d3728ec-eebf-484d-9907-ba238019f10b");
    files.write("bitbucket", "ATATT3xSECRET");
    for strict in [Secrets::Check, Secrets::Skip, Secrets::Reload(&BTreeSet::new())] {
        let problems = load(&files.main(), strict, now()).unwrap_err();
        assert!(problems.errors() == 1 && problems.to_string().contains("in the future"), "{strict:?}: {problems}");
    }
    for lenient in [Secrets::Start, Secrets::LookUp] {
        let said = load(&files.main(), lenient, now()).unwrap().warnings.render(Style::Plain);
        assert!(said.contains("in the future") && said.contains("NTP"), "{lenient:?}: {said}");
    }
    let later = now() + chrono::TimeDelta::seconds(1);
    assert!(load(&files.main(), Secrets::Check, later).is_ok(), "what has come is past");
}

#[test]
fn a_rule_about_what_others_share_is_not_for_one_integration() {
    let rules = "    rules: { credential_invalid: { severity: info }, sync_stalled: { enabled: false }, \
                 api_version_ending: { info_before: 90d } }\n";
    let files = Files::new(&small("").replace("    organizations:", &format!("{rules}    organizations:")));
    assert_snapshot!(files.problems(), @"
    snykwatch.yaml:14:14: `credential_invalid` cannot be set for one integration: others may share what it is about
    snykwatch.yaml:14:88: `api_version_ending` cannot be set for one integration: others may share what it is about
    ");
}

#[test]
fn a_problem_is_shown_with_its_line_and_a_suggestion() {
    let files = Files::new(&small("schedule: { inventroy: { every: 30m } }\n"));
    let problems = files.load().unwrap_err();
    assert_snapshot!(files.plain(&problems.render(Style::Plain)), @r#"
    config::unknown_key

      × unknown key `inventroy`
        ╭─[snykwatch.yaml:15:13]
     14 │     organizations: { credential: bitbucket-acme, exclude: ["sandbox-*"] }
     15 │ schedule: { inventroy: { every: 30m } }
        ·             ────┬────
        ·                 ╰── here
        ╰────
      help: did you mean `inventory`?
    "#);
}

#[test]
fn broken_yaml_is_one_problem() {
    let files = Files::new("snyk: { acme: [ }\nintegrations: 5\n");
    let problems = files.load().unwrap_err();
    assert_snapshot!(files.plain(&problems.render(Style::Plain)), @"
    config::syntax

      × this is not YAML: mismatched bracket '[' closed by '}'
       ╭─[snykwatch.yaml:1:15]
     1 │ snyk: { acme: [ }
       ·               ▲
       ·               ╰── here
     2 │ integrations: 5
       ╰────
      help: problems after this one cannot be seen until it is put right
    ");
}

#[test]
fn fragments_define_integrations_only_and_share_names() {
    let files = Files::new(&small(""));
    files.write("conf.d/b.yaml", "integrations: { acme: { scm: bitbucket-cloud } }\ncredentials: {}\n");
    files.write("conf.d/a.yml", "integrations: { other: { scm: bitbucket-cloud, organizations: { snyk: acme-us, credential: bitbucket-acme } } }\n");
    files.write("conf.d/.hidden.yaml", "nonsense: true\n");
    files.write("conf.d/notes.txt", "nonsense: true\n");
    assert_snapshot!(files.problems(), @"
    conf.d/b.yaml:1:17: the integration `acme` is there twice
    conf.d/b.yaml:1:17: one of `group` or `organizations` is missing here
    conf.d/b.yaml:2:1: unknown key `credentials`
    ");
}

#[test]
fn one_mistake_is_one_problem() {
    let mistakes = [
        "http: { proxy: }\n",
        "http: { proxy: 'http://user:secret@proxy.example.com' }\n",
        "http: { connect_timeout: 0s }\n",
        "server: { listen: localhost }\n",
        "metrics: { organizations: most, max_series: 10 }\n",
        "conditions: { coverage_complete: 97 }\n",
        "conditions: { coverage_complete: 0.9 }\n",
        "schedule: { webhooks: { every: 1d, cron: '0 3 * * *' } }\n",
        "schedule: { webhooks: { every: 1d, zone: UTC } }\n",
        "permission_sets: { mine: { required: [repository_reed] } }\n",
        "timezone: 5\n",
        "alerts: { rules: { status_unknown: { after: 1h, after: 2h } } }\n",
        "alerts: { receivers: {} }\n",
    ];
    let found = mistakes.map(|mistake| {
        let problems = Files::new(&small(mistake)).problems();
        format!("{mistake}  {}", problems.replace('\n', "\n  "))
    });
    assert_snapshot!(found.join("\n"), @"
    http: { proxy: }
      snykwatch.yaml:15:9: expected a value, found nothing
    http: { proxy: 'http://user:secret@proxy.example.com' }
      snykwatch.yaml:15:16: an address must not carry a user or a password
    http: { connect_timeout: 0s }
      snykwatch.yaml:15:26: a timeout of nothing lets no request through
    server: { listen: localhost }
      snykwatch.yaml:15:19: `localhost` is no address and port; write for example 127.0.0.1:9979
    metrics: { organizations: most, max_series: 10 }
      snykwatch.yaml:15:27: `most` is not known here
      snykwatch.yaml:15:45: `max_series` must be at least 1000
    conditions: { coverage_complete: 97 }
      snykwatch.yaml:15:34: a share lies between 0 and 1, not at 97
    conditions: { coverage_complete: 0.9 }
      snykwatch.yaml:15:1: `coverage_incomplete` (0.95) must not be above `coverage_complete` (0.9), or the state flaps
    schedule: { webhooks: { every: 1d, cron: '0 3 * * *' } }
      snykwatch.yaml:15:42: only one of `every` or `cron` can be used
    schedule: { webhooks: { every: 1d, zone: UTC } }
      snykwatch.yaml:15:42: `zone` belongs to `cron`
    permission_sets: { mine: { required: [repository_reed] } }
      snykwatch.yaml:15:39: `repository_reed` is not known here
    timezone: 5
      snykwatch.yaml:15:11: expected a time zone such as UTC or Europe/Berlin, found the number 5
    alerts: { rules: { status_unknown: { after: 1h, after: 2h } } }
      snykwatch.yaml:15:49: the key `after` is written twice
    alerts: { receivers: {} }
    ");
}

#[test]
fn a_missing_file_is_a_problem_without_a_place() {
    let missing = Path::new("/nonexistent/snykwatch.yaml");
    let problems = load(missing, Secrets::Skip, now()).unwrap_err();
    assert!(problems.to_string().starts_with("could not read /nonexistent/snykwatch.yaml: "), "{problems}");
}

#[test]
fn what_is_no_configuration_is_said_in_plain_words() {
    let check = |text: &str, expected: &str| {
        let told = Files::new(text).problems();
        assert!(told.contains(expected), "{told}");
        for word in ["from_str", "Options", "budget", "Nodes", "::"] {
            assert!(!told.contains(word), "{told}");
        }
    };
    check("snyk: {}\n---\nsnyk: {}\n", "a second document begins here, and a configuration is one");
    check(&format!("a: [{}]\n", "x,".repeat(400_000)), "there is more in it (values, names, levels, anchors)");
    check("a: *nowhere\n", "this is not YAML: ");
    // What grows by being repeated is too much within a repetition.
    let grown =
        (1..9).map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(",")));
    let laughs = format!("a0: &a0 [{}]\n{}", ["x"; 9].join(","), grown.collect::<String>());
    check(&laughs, "there is more in it (values, names, levels, anchors)");
}

#[cfg(unix)]
#[test]
fn a_main_file_that_is_a_pipe_is_read_once_and_no_more() {
    let files = Files::new("");
    fs::remove_file(files.main()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(files.main()).status().unwrap().success());
    // Nobody writes to it: whoever opened it would wait for ever.
    let refused = load(&files.main(), Secrets::Reload(&BTreeSet::new()), now()).unwrap_err().to_string();
    assert!(refused.contains("it is a pipe or a device: name an ordinary file"), "{refused}");
    let main = files.main();
    let writing = std::thread::spawn(move || fs::write(main, small("")));
    assert!(load(&files.main(), Secrets::Skip, now()).is_ok());
    writing.join().unwrap().unwrap();
}
