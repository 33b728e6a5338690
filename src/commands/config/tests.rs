use insta::assert_snapshot;

use super::*;
use crate::config::tests::{Files, now, small};

fn reading() -> Reading {
    Reading { secrets: Secrets::Skip, now: now(), style: Style::Plain }
}

/// Exit code, standard output and standard error.
fn run(command: impl Fn(&mut dyn Write, &mut dyn Write) -> io::Result<ConfigExit>) -> (u8, String, String) {
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let exit = command(&mut out, &mut messages).unwrap();
    (exit.code(), String::from_utf8(out).unwrap(), String::from_utf8(messages).unwrap())
}

#[test]
fn validate_prints_the_next_firing_times() {
    let files = Files::new(&small(r#"schedule: { webhooks: { cron: "30 3 * * 1-5", zone: Europe/Berlin } }"#));
    let (code, out, messages) = run(|out, messages| validate(&files.main(), reading(), out, messages));
    assert_eq!((code, messages.as_str()), (0, ""));
    assert_snapshot!(files.plain(&out), @"
    snykwatch.yaml can be used: 1 integration, 1 credential, 1 Snyk token.
      snyk           every 5m
      credentials    every 5m
      inventory      every 30m
      organizations  every 1h
      webhooks       30 3 * * 1-5 (Europe/Berlin), next:
                       Tue 2026-11-24 03:30 CET = 2026-11-24T02:30Z
                       Wed 2026-11-25 03:30 CET = 2026-11-25T02:30Z
                       Thu 2026-11-26 03:30 CET = 2026-11-26T02:30Z
      catalog        every 1d
    Nobody is told of incidents: there is no receiver in `alerts.receivers`.
    ");
}

#[test]
fn validate_says_who_is_told() {
    let check = |alerts: &str| {
        let files = Files::new(&small(alerts));
        let (code, out, messages) = run(|out, messages| validate(&files.main(), reading(), out, messages));
        assert_eq!((code, messages.as_str()), (0, ""));
        out.split_once("catalog        every 1d\n").unwrap().1.to_owned()
    };
    assert_snapshot!(check("alerts: { receivers: { chat: { slack: { webhook_url: { file: slack } } } } }\n"), @"
    Receivers: chat (slack).
    Routes, from the top:
      1. everything -> chat
    Who would be told now:
      critical group        chat
      critical organization chat
      warning  group        chat
      warning  organization chat
      info     group        in the digest of chat
      info     organization in the digest of chat
    Each route has a digest every 7d, if there is anything to list.
    ");
    // It is Monday 09:00 UTC: ten o'clock in Berlin, one o'clock in Los Angeles.
    assert_snapshot!(check(
        "alerts:
  receivers:
    chat: { slack: { webhook_url: { file: slack } } }
    pager: { pagerduty: { routing_key: { env: PAGER_KEY } } }
    mail: { email: { host: localhost, from: a@b.example, to: [c@d.example] } }
  times:
    office: { zone: America/Los_Angeles, days: mon-fri, from: '08:00', to: '18:00' }
    forenoon: { zone: Europe/Berlin, to: '12:00' }
  routes:
    - { receivers: [pager], severity: [critical], level: [group], remind_every: 4h, continue: true }
    - { receivers: [mail], rules: [credential_expiring], credential: ['bitbucket-*'], mute_times: [forenoon] }
    - { receivers: [chat], severity: [critical, warning], active_times: [office] }
  maintenance:
    - { name: move, from: 2026-11-23, to: 2026-11-24, integrations: [acme] }
"
    ), @"
    Receivers: chat (slack), mail (email), pager (pagerduty).
    Routes, from the top:
      1. critical, level group -> pager, again every 4h, and on
      2. rule CredentialExpiring, credential bitbucket-* -> mail, not in forenoon, next Mon 2026-11-23 12:00 CET
      3. critical or warning -> chat, in office, next Mon 2026-11-23 08:00 PST
    In maintenance now, so not told: integration acme (move).
    Who would be told now:
      critical group        pager; mail from Mon 2026-11-23 12:00 CET on (for rule CredentialExpiring, credential bitbucket-*); chat from Mon 2026-11-23 08:00 PST on
      critical organization mail from Mon 2026-11-23 12:00 CET on (for rule CredentialExpiring, credential bitbucket-*); chat from Mon 2026-11-23 08:00 PST on
      warning  group        mail from Mon 2026-11-23 12:00 CET on (for rule CredentialExpiring, credential bitbucket-*); chat from Mon 2026-11-23 08:00 PST on
      warning  organization mail from Mon 2026-11-23 12:00 CET on (for rule CredentialExpiring, credential bitbucket-*); chat from Mon 2026-11-23 08:00 PST on
      info     group        in the digest of pager; mail (for rule CredentialExpiring, credential bitbucket-*); chat
      info     organization in the digest of mail (for rule CredentialExpiring, credential bitbucket-*); chat
    Each route has a digest every 7d, if there is anything to list.
    ");
    assert_snapshot!(check("alerts: { deliver: prometheus }\n"), @"Prometheus tells people, by the shipped rules (`alerts.deliver`).");
}

#[test]
fn validate_of_a_bad_file_exits_with_78() {
    let files = Files::new(&small("tmezone: UTC\n"));
    let (code, out, messages) = run(|out, messages| validate(&files.main(), reading(), out, messages));
    assert_eq!((code, out.as_str()), (78, ""));
    assert_snapshot!(files.plain(&messages), @r#"
    config::unknown_key

      × unknown key `tmezone`
        ╭─[snykwatch.yaml:15:1]
     14 │     organizations: { credential: bitbucket-acme, exclude: ["sandbox-*"] }
     15 │ tmezone: UTC
        · ───┬───
        ·    ╰── here
        ╰────
      help: did you mean `timezone`?

    snykwatch.yaml cannot be used: 1 problem.
    "#);
}

#[test]
fn show_prints_hosts_and_ports() {
    let files = Files::new(&small("http: { proxy: 'http://proxy.example.com:3128', no_proxy: [.bitbucket.org] }\n"));
    let (code, out, _) = run(|out, messages| show(&files.main(), View::Egress, reading(), out, messages));
    assert_eq!(code, 0);
    assert_snapshot!(out, @"
    api.bitbucket.org:443  Bitbucket Cloud (bitbucket-acme)
    api.snyk.io:443  Snyk (acme-us) (through the proxy proxy.example.com:3128)
    ");
    let (_, out, _) = run(|out, messages| show(&files.main(), View::Effective, reading(), out, messages));
    assert!(out.contains("proxy: \"http://proxy.example.com:3128/\""), "{out}");
}

#[test]
fn schema_is_json() {
    let (code, out, _) = run(|out, _| schema(out));
    let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, parsed["title"].as_str()), (0, Some("snykwatch configuration")));
}
