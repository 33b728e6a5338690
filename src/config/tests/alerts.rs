//! Who is told: what may be written, what it comes to, and each mistake at its place.

use super::*;
use crate::config::receivers::{AddressSource, ReceiverKind, SmtpTls};
use crate::config::routing::DeliverBy;
use crate::config::storage::StorageBackend;

/// Receivers that nothing is wrong with.
const RECEIVERS: &str = "    chat: { slack: { webhook_url: { file: slack } } }
    pager: { pagerduty: { routing_key: { env: PAGER_KEY } } }
";

/// A configuration with these lines under `alerts`, the receivers among them.
fn alerts(lines: &str) -> Files {
    Files::new(&small(&format!("alerts:\n  receivers:\n{RECEIVERS}{lines}\n")))
}

fn names(receivers: &[ReceiverName]) -> Vec<&str> {
    receivers.iter().map(ReceiverName::as_str).collect()
}

#[test]
fn without_routes_every_receiver_is_told_of_everything() {
    let Loaded { config, warnings } = alerts("").load().unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(config.routing.deliver, DeliverBy::Builtin);
    let [route] = config.routing.routes.as_slice() else { panic!("{:?}", config.routing.routes) };
    assert_eq!((names(&route.receivers), route.continues), (vec!["chat", "pager"], false));
    assert_eq!(route.matcher, crate::domain::matcher::Matcher::default());
    assert_eq!(config.routing.receivers.len(), 2);
    let none = Files::new(&small("")).load().unwrap().config;
    assert!(none.routing.routes.is_empty() && none.routing.receivers.is_empty());
}

#[test]
fn routes_take_what_they_say() {
    let files = alerts(
        r#"  deliver: both
  digest_every: 12h
  times: { office: { zone: Europe/Berlin, days: mon-fri, from: "08:00", to: "18:00" }, weekend: { days: [sat, sun] } }
  routes:
    - { receivers: [pager, pager], severity: [critical], level: [group], remind_every: 4h, continue: true }
    - { receivers: [chat], rules: [credential_expiring], integrations: ["ac*"], scm: [bitbucket-cloud], credential: [acme-us], active_times: [office], remind_every: never }
    - { receivers: [chat, pager], mute_times: [weekend] }
  maintenance:
    - { name: move, from: 2026-12-05T20:00:00+01:00, to: 2026-12-06, integrations: [acme] }
    - { name: rotation, weekly: weekend }
  heartbeat: { url: { env: PING }, every: 30s }
"#,
    );
    let Loaded { config, warnings } = files.load().unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let shown = config.shown();
    let start = shown.find("alerts:").unwrap();
    let end = shown.find("  rules:\n    api_version").unwrap();
    assert_snapshot!(files.plain(&shown[start..end]), @r#"
    alerts:
      deliver: both
      digest_every: "12h"
      heartbeat:
        every: "30s"
        http:
          connect_timeout: "10s"
          no_proxy: []
          request_timeout: "1m"
        url: "<secret from env PING>"
      maintenance:
        - { from: "2026-12-05T19:00:00Z", integrations: [acme], name: move, to: "2026-12-06T00:00:00Z" }
        - { name: rotation, weekly: weekend }
      receivers:
        chat:
          http:
            connect_timeout: "10s"
            no_proxy: []
            request_timeout: "1m"
          slack:
            webhook_url: "<secret from file slack>"
        pager:
          http:
            connect_timeout: "10s"
            no_proxy: []
            request_timeout: "1m"
          pagerduty:
            api_url: "https://events.pagerduty.com/"
            routing_key: "<secret from env PAGER_KEY>"
      routes:
        - { continue: true, level: [group], receivers: [pager], remind_every: "4h", severity: [critical] }
        - { active_times: [office], continue: false, credential: [acme-us], integrations: ["ac*"], receivers: [chat], remind_every: never, rules: [credential_expiring], scm: [bitbucket-cloud] }
        - { continue: false, mute_times: [weekend], receivers: [chat, pager], remind_every: never }
    "#);
}

#[test]
fn every_kind_of_receiver_has_its_defaults() {
    let files = Files::new(&small(
        "alerts:
  receivers:
    hook: { webhook: { url: https://hooks.example.com/snykwatch } }
    chat: { slack: { webhook_url: { file: slack } } }
    pager: { pagerduty: { routing_key: { file: pager } } }
    cluster: { alertmanager: { urls: [http://alertmanager-0:9093, https://alertmanager.example.com/prefix] } }
    mail: { email: { host: smtp.example.com, from: a@example.com, to: [b@example.com] } }
    implicit: { email: { host: smtp.example.com, port: 465, from: a@example.com, to: [b@example.com] } }
    here: { email: { host: localhost, tls: none, from: a@example.com, to: [b@example.com] } }
",
    ));
    let Loaded { config, warnings } = files.load().unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let kind = |name: &str| config.receivers[&ReceiverName::new(name)].kind.clone();
    let ReceiverKind::Webhook(hook) = kind("hook") else { panic!() };
    assert!(hook.secrets.is_empty() && matches!(hook.url, AddressSource::Plain(_)));
    let ReceiverKind::PagerDuty(pager) = kind("pager") else { panic!() };
    assert_eq!(pager.api_url.as_str(), "https://events.pagerduty.com/");
    let ReceiverKind::Alertmanager(cluster) = kind("cluster") else { panic!() };
    assert_eq!((cluster.urls.len(), cluster.resend_every.as_secs()), (2, 60));
    let mail = |name: &str| match kind(name) {
        ReceiverKind::Email(mail) => (mail.port, mail.tls),
        other => panic!("{other:?}"),
    };
    assert_eq!(mail("mail"), (587, SmtpTls::StartTls));
    assert_eq!(mail("implicit"), (465, SmtpTls::Implicit));
    assert_eq!(mail("here"), (25, SmtpTls::None));
    let egress = config.egress().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_snapshot!(egress, @"
    alertmanager-0:9093  Alertmanager (receiver cluster)
    alertmanager.example.com:443  Alertmanager (receiver cluster)
    api.bitbucket.org:443  Bitbucket Cloud (bitbucket-acme)
    api.snyk.io:443  Snyk (acme-us)
    events.pagerduty.com:443  PagerDuty (receiver pager)
    hooks.example.com:443  webhook (receiver hook)
    hooks.slack.com:443  Slack (receiver chat)
    localhost:25  e-mail (receiver here)
    smtp.example.com:465  e-mail (receiver implicit)
    smtp.example.com:587  e-mail (receiver mail)
    ");
}

#[test]
fn one_mistake_in_a_receiver_is_one_problem() {
    let mistakes = [
        "{}",
        "{ slack: { webhook_url: { file: slack } }, email: { host: localhost, from: a@b.example, to: [c@d.example] } }",
        "{ slack: {} }",
        "{ slack: { webhook_url: https://hooks.slack.com/services/T0/B0/hidden } }",
        "{ webhook: { url: ftp://files.example.com } }",
        "{ webhook: { url: 'https://user:hidden@hooks.example.com' } }",
        "{ webhook: { url: 'https://hooks.example.com/?token=hidden' } }",
        "{ webhook: { url: { file: a, env: B } } }",
        "{ webhook: { url: http://hooks.example.com } }",
        "{ webhook: { url: http://169.254.169.254/latest } }",
        "{ webhook: { url: 'https://[fe80::1]/' } }",
        "{ webhook: { url: https://api.eu.opsgenie.com/v2/alerts } }",
        "{ webhook: { url: https://hooks.example.com, secrets: [whsec_AAAA] } }",
        "{ webhook: { url: https://hooks.example.com, body: html } }",
        "{ pagerduty: { routing_key: { env: KEY }, api_url: http://events.example.com } }",
        "{ alertmanager: { urls: [] } }",
        "{ alertmanager: { urls: ['http://alertmanager.example.com:9093'] } }",
        "{ alertmanager: { urls: [http://alertmanager:9093], bearer_token: { env: TOKEN } } }",
        "{ alertmanager: { urls: [https://am.example.com], resend_every: 10ms } }",
        "{ alertmanager: { urls: [https://am.example.com], bearer_token: { env: T }, basic_auth: { username: a, password: { env: P } } } }",
        "{ email: { host: 'smtp://mail', from: a@b.example, to: [c@d.example] } }",
        "{ email: { host: smtp.example.com, from: snykwatch, to: ['Bot <c@d.example>'] } }",
        "{ email: { host: smtp.example.com, from: a@b.example, to: [] } }",
        "{ email: { host: smtp.example.com, tls: none, from: a@b.example, to: [c@d.example] } }",
        "{ email: { host: smtp.example.com, port: 70000, username: bot, from: a@b.example, to: [c@d.example] } }",
        "{ slack: { webhook_url: { file: s } }, templates: { title: '{{ titel }}' } }",
        "{ slack: { webhook_url: { file: s } }, http: { request_timeout: 0s } }",
    ];
    let found = mistakes.map(|mistake| {
        let problems = Files::new(&small(&format!("alerts: {{ receivers: {{ one: {mistake} }} }}\n"))).problems();
        assert!(!problems.contains("hidden"), "{problems}");
        format!("{mistake}\n  {}", problems.replace('\n', "\n  "))
    });
    assert_snapshot!(found.join("\n"), @"
    {}
      snykwatch.yaml:15:24: one of `webhook`, `slack`, `pagerduty`, `alertmanager` or `email` is missing here
    { slack: { webhook_url: { file: slack } }, email: { host: localhost, from: a@b.example, to: [c@d.example] } }
      snykwatch.yaml:15:72: only one of `webhook`, `slack`, `pagerduty`, `alertmanager` or `email` can be used
    { slack: {} }
      snykwatch.yaml:15:31: the key `webhook_url` is missing here
    { slack: { webhook_url: https://hooks.slack.com/services/T0/B0/hidden } }
      snykwatch.yaml:15:53: a secret is named here, never written
    { webhook: { url: ftp://files.example.com } }
      snykwatch.yaml:15:47: this is no address of a receiver; write https://…
    { webhook: { url: 'https://user:hidden@hooks.example.com' } }
      snykwatch.yaml:15:47: an address must not carry a user or a password
    { webhook: { url: 'https://hooks.example.com/?token=hidden' } }
      snykwatch.yaml:15:47: this address has a `?` or `#`, where secrets often stand; name it by `{ file: NAME }` or `{ env: NAME }`
    { webhook: { url: { file: a, env: B } } }
      snykwatch.yaml:15:42: exactly one of `file` and `env` belongs here
    { webhook: { url: http://hooks.example.com } }
      snykwatch.yaml:15:47: http:// sends what is told in the clear to hooks.example.com
    { webhook: { url: http://169.254.169.254/latest } }
      snykwatch.yaml:15:47: 169.254.169.254 is a link-local address: nothing is ever sent there
    { webhook: { url: 'https://[fe80::1]/' } }
      snykwatch.yaml:15:47: [fe80::1] is a link-local address: nothing is ever sent there
    { webhook: { url: https://api.eu.opsgenie.com/v2/alerts } }
      snykwatch.yaml:15:47: Opsgenie's API ends on 2027-04-05
    { webhook: { url: https://hooks.example.com, secrets: [whsec_AAAA] } }
      snykwatch.yaml:15:84: a secret is named here, never written
    { webhook: { url: https://hooks.example.com, body: html } }
      snykwatch.yaml:15:80: `html` is not known here
    { pagerduty: { routing_key: { env: KEY }, api_url: http://events.example.com } }
      snykwatch.yaml:15:80: `http://events.example.com` would send a token in the clear; write https://, http:// is for loopback only
    { alertmanager: { urls: [] } }
      snykwatch.yaml:15:47: an empty list of Alertmanagers is sent nothing
    { alertmanager: { urls: ['http://alertmanager.example.com:9093'] } }
      snykwatch.yaml:15:54: http:// sends what is told in the clear to alertmanager.example.com
    { alertmanager: { urls: [http://alertmanager:9093], bearer_token: { env: TOKEN } } }
      snykwatch.yaml:15:54: http:// would send a secret in the clear to alertmanager; write https://
    { alertmanager: { urls: [https://am.example.com], resend_every: 10ms } }
      snykwatch.yaml:15:93: an interval of 10ms is too short
    { alertmanager: { urls: [https://am.example.com], bearer_token: { env: T }, basic_auth: { username: a, password: { env: P } } } }
      snykwatch.yaml:15:79: only one of `basic_auth` or `bearer_token` can be used
    { email: { host: 'smtp://mail', from: a@b.example, to: [c@d.example] } }
      snykwatch.yaml:15:46: `smtp://mail` is no name of a server
    { email: { host: smtp.example.com, from: snykwatch, to: ['Bot <c@d.example>'] } }
      snykwatch.yaml:15:70: `snykwatch` is no e-mail address
      snykwatch.yaml:15:86: `Bot <c@d.example>` is no e-mail address
    { email: { host: smtp.example.com, from: a@b.example, to: [] } }
      snykwatch.yaml:15:83: an empty list of recipients gets no mail
    { email: { host: smtp.example.com, tls: none, from: a@b.example, to: [c@d.example] } }
      snykwatch.yaml:15:69: without TLS, mail to smtp.example.com could be read and changed on its way
    { email: { host: smtp.example.com, port: 70000, username: bot, from: a@b.example, to: [c@d.example] } }
      snykwatch.yaml:15:31: the key `password` is missing here
      snykwatch.yaml:15:70: 70000 is no port; ports go from 1 to 65535
    { slack: { webhook_url: { file: s } }, templates: { title: '{{ titel }}' } }
      snykwatch.yaml:15:88: this template does not work, line 1 of it: there is no `titel` (tried with a full `trigger`)
    { slack: { webhook_url: { file: s } }, http: { request_timeout: 0s } }
      snykwatch.yaml:15:93: a timeout of nothing lets no request through
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes and what is said of each")]
fn one_mistake_in_routing_is_one_problem() {
    let mistakes = [
        "  routes: []",
        "  routes: [{ receivers: [] }]",
        "  routes: [{ severity: [critical] }]",
        "  routes: [{ receivers: [chat, pagr] }]",
        "  routes: [{ receivers: [chat] }]",
        "  routes: [{ receivers: [chat] }, { receivers: [pager], severity: [critical] }]",
        "  routes: [{ receivers: [chat], severity: [info, critical] }, { receivers: [pager], severity: [critical], level: [group] }]",
        "  routes: [{ receivers: [chat, pager], severity: [], level: [team] }]",
        "  routes: [{ receivers: [chat, pager], severity: critical }]",
        "  routes: [{ receivers: [chat, pager], rules: [PartiallyConnected] }]",
        "  routes: [{ receivers: [chat, pager], integrations: [amce] }]",
        "  routes: [{ receivers: [chat, pager], integrations: ['other-*'] }]",
        "  routes: [{ receivers: [chat, pager], credential: [bitbucket] }]",
        "  routes: [{ receivers: [chat, pager], owner: [platform] }]",
        "  routes: [{ receivers: [chat, pager], remind_every: 1s }]",
        "  routes: [{ receivers: [chat, pager], active_times: [office] }]",
        "  times: { office: { days: [mon, tuesday] } }",
        "  times: { office: { from: 8:00 } }",
        "  times: { office: { to: '24:30' } }",
        "  times: { office: { days: [] } }",
        "  times: { office: { days: mon-fri } }",
        "  maintenance: [{ name: move }]",
        "  maintenance: [{ name: move, from: 2026-12-05 }]",
        "  maintenance: [{ name: move, from: 2026-12-05, to: 2026-12-05 }]",
        "  maintenance: [{ from: 2026-12-05, to: 2026-12-06 }]",
        "  maintenance: [{ name: move, weekly: sundays }]",
        "  heartbeat: {}",
        "  heartbeat: { url: https://ping.example.com/a, every: 0s }",
        "  deliver: prometheus",
        "  digest_every: 1s",
        "storage: { postgres: {} }",
        "storage: { sqlite: { path: '' } }",
        "storage: { retention: 1h }",
        "server: { external_url: 'ftp://snykwatch.example.com' }",
        "server: { external_url: 'https://snykwatch.example.com/?page=1' }",
    ];
    let found = mistakes.map(|mistake| {
        let problems = alerts(mistake).problems();
        format!("{}\n  {}", mistake.trim(), problems.replace('\n', "\n  "))
    });
    assert_snapshot!(found.join("\n"), @"
    routes: []
      snykwatch.yaml:19:3: an empty list of routes tells nobody
    routes: [{ receivers: [] }]
      snykwatch.yaml:19:14: a route to no receiver leads nowhere
    routes: [{ severity: [critical] }]
      snykwatch.yaml:19:12: the key `receivers` is missing here
    routes: [{ receivers: [chat, pagr] }]
      snykwatch.yaml:19:32: `pagr` is not defined in `alerts.receivers`
    routes: [{ receivers: [chat] }]
      snykwatch.yaml:18:5: no route leads to the receiver `pager`
    routes: [{ receivers: [chat] }, { receivers: [pager], severity: [critical] }]
      snykwatch.yaml:19:35: no incident reaches this route: route 1 takes it first
    routes: [{ receivers: [chat], severity: [info, critical] }, { receivers: [pager], severity: [critical], level: [group] }]
      snykwatch.yaml:19:63: no incident reaches this route: route 1 takes it first
    routes: [{ receivers: [chat, pager], severity: [], level: [team] }]
      snykwatch.yaml:19:40: an empty list takes nothing
      snykwatch.yaml:19:62: `team` is not known here
    routes: [{ receivers: [chat, pager], severity: critical }]
      snykwatch.yaml:19:50: expected a list, found `critical`
    routes: [{ receivers: [chat, pager], rules: [PartiallyConnected] }]
      snykwatch.yaml:19:48: there is no rule `PartiallyConnected`; did you mean `partially_connected`?
    routes: [{ receivers: [chat, pager], integrations: [amce] }]
      snykwatch.yaml:19:55: there is no integration `amce`
    routes: [{ receivers: [chat, pager], integrations: ['other-*'] }]
      snykwatch.yaml:19:55: no integration matches `other-*`
    routes: [{ receivers: [chat, pager], credential: [bitbucket] }]
      snykwatch.yaml:19:53: there is no credential `bitbucket`
    routes: [{ receivers: [chat, pager], owner: [platform] }]
      snykwatch.yaml:19:48: there is no owner `platform`
    routes: [{ receivers: [chat, pager], remind_every: 1s }]
      snykwatch.yaml:19:54: `remind_every` must be at least 1m
    routes: [{ receivers: [chat, pager], active_times: [office] }]
      snykwatch.yaml:19:55: `office` is not defined in `alerts.times`
    times: { office: { days: [mon, tuesday] } }
      snykwatch.yaml:19:12: the times `office` are used by no route and no maintenance window
      snykwatch.yaml:19:22: `tuesday` is no day of the week; write for example mon or mon-fri
    times: { office: { from: 8:00 } }
      snykwatch.yaml:19:12: the times `office` are used by no route and no maintenance window
      snykwatch.yaml:19:28: `8:00` is no time of the day; write for example 08:00 or 17:30
    times: { office: { to: '24:30' } }
      snykwatch.yaml:19:12: the times `office` are used by no route and no maintenance window
      snykwatch.yaml:19:26: `24:30` is no time of the day; write for example 08:00 or 17:30
    times: { office: { days: [] } }
      snykwatch.yaml:19:22: times on no day never come
    times: { office: { days: mon-fri } }
      snykwatch.yaml:19:12: the times `office` are used by no route and no maintenance window
    maintenance: [{ name: move }]
      snykwatch.yaml:19:17: one of `from` or `weekly` is missing here
    maintenance: [{ name: move, from: 2026-12-05 }]
      snykwatch.yaml:19:17: the key `to` is missing here
    maintenance: [{ name: move, from: 2026-12-05, to: 2026-12-05 }]
      snykwatch.yaml:19:53: this maintenance window ends before it begins
    maintenance: [{ from: 2026-12-05, to: 2026-12-06 }]
      snykwatch.yaml:19:17: the key `name` is missing here
    maintenance: [{ name: move, weekly: sundays }]
      snykwatch.yaml:19:39: `sundays` is not defined in `alerts.times`
    heartbeat: {}
      snykwatch.yaml:19:3: the key `url` is missing here
    heartbeat: { url: https://ping.example.com/a, every: 0s }
      snykwatch.yaml:19:56: an interval of 0s is too short
    deliver: prometheus
      snykwatch.yaml:19:12: the receivers get nothing: Prometheus delivers
    digest_every: 1s
      snykwatch.yaml:19:17: `digest_every` must be at least 1m
    storage: { postgres: {} }
      snykwatch.yaml:19:12: unknown key `postgres`
    storage: { sqlite: { path: '' } }
      snykwatch.yaml:19:28: `` names no file
    storage: { retention: 1h }
      snykwatch.yaml:19:23: `retention` must be at least 1d
    server: { external_url: 'ftp://snykwatch.example.com' }
      snykwatch.yaml:19:25: `ftp://snykwatch.example.com` is no address of a web server; write https://…
    server: { external_url: 'https://snykwatch.example.com/?page=1' }
      snykwatch.yaml:19:25: `https://snykwatch.example.com/?page=1` must end with its path: `?` and `#` do not belong here
    ");
}

#[test]
fn a_template_is_checked_at_its_place() {
    let files = Files::new(&small(
        "alerts:
  receivers:
    chat:
      slack: { webhook_url: { file: slack } }
      templates:
        text: |
          {{ summary }}
          Nobody watched since {{ gap.from }}.
",
    ));
    let problems = files.load().unwrap_err();
    assert_snapshot!(files.plain(&problems.render(Style::Plain)), @"
    config::template

      × this template does not work, line 2 of it: there is no `gap.from` (tried with a bare `trigger`, in which what may
      │ be missing is missing)
        ╭─[snykwatch.yaml:21:11]
     20 │         text: |
     21 │           {{ summary }}
        ·           ──────┬──────
        ·                 ╰── here
     22 │           Nobody watched since {{ gap.from }}.
        ╰────
      help: docs/templates.md lists what can be used; what may be missing is asked for by `{% if … %}`
    ");
}

#[test]
#[cfg(unix)]
fn secrets_of_receivers_are_read_and_checked() {
    use std::os::unix::fs::PermissionsExt as _;
    let files = Files::new(
        &small(
            "alerts:
  receivers:
    chat: { slack: { webhook_url: { file: slack } } }
    hook: { webhook: { url: { file: hook }, secrets: [{ file: key }] } }
    mail: { email: { host: localhost, from: a@b.example, to: [c@d.example], username: bot, password: { file: mail } } }
",
        )
        .replace("env: BITBUCKET_TOKEN", "file: bitbucket"),
    );
    let write = |name: &str, text: &str| {
        let path = files.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("snyk", "top-secret\n");
    write("bitbucket", "ATATT3top-secret\n");
    write("slack", "top-secret\n");
    write("hook", "http://top.secret.example/hook\n");
    write("key", "whsec_dG9wLXNlY3JldA==\n");
    let problems = load(&files.main(), Secrets::Check, now()).unwrap_err();
    assert_snapshot!(files.plain(&problems.to_string()), @"
    snykwatch.yaml:17:22: the secret from file slack cannot be used: this is no address: relative URL without a base
    snykwatch.yaml:18:24: http:// would send a secret in the clear to top.secret.example; write https://
    snykwatch.yaml:18:55: the secret from file key is no key of Standard Webhooks
    snykwatch.yaml:19:92: could not read the secret file mail: No such file or directory (os error 2)
    ");

    write("slack", "https://chat.example.com/top-secret\n");
    write("hook", "https://hooks.example.com/top-secret?sig=top-secret\n");
    write("key", "whsec_dG9wLXNlY3JldC10b3Atc2VjcmV0LXRvcC1zZWNyZXQ=\n");
    write("mail", "top-secret\n");
    let Loaded { config, warnings } = load(&files.main(), Secrets::Check, now()).unwrap();
    let egress = config.egress().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for text in [format!("{config:#?}"), config.shown(), egress.clone(), warnings.render(Style::Plain)] {
        assert!(!text.contains("top-secret"), "{text}");
    }
    assert_snapshot!(egress, @"
    api.bitbucket.org:443  Bitbucket Cloud (bitbucket-acme)
    api.snyk.io:443  Snyk (acme-us)
    chat.example.com:443  Slack (receiver chat)
    hooks.example.com:443  webhook (receiver hook)
    localhost:587  e-mail (receiver mail)
    ");

    // A new secret is noticed.
    let mut watcher = watch::ConfigWatcher::new(&files.main(), Some(&config));
    assert_eq!(watcher.poll(), None);
    for secret in ["slack", "hook", "key", "mail"] {
        write(secret, "https://hooks.example.com/another-secret\n");
        assert_eq!(watcher.poll(), Some(watch::Changed::Secrets), "{secret}");
    }
}

#[test]
fn a_change_of_who_is_told_is_told_itself() {
    let files = alerts("");
    let old = files.load().unwrap().config;
    let check = |more: &str, expected: &str| {
        files.write("snykwatch.yaml", &small(more));
        let change = change::ConfigChange::between(&old, &files.load().unwrap().config);
        assert_eq!(change.to_string(), expected, "{more}");
    };
    let receivers = format!("alerts:\n  receivers:\n{RECEIVERS}");
    check(&receivers, "");
    check(&receivers.replace("file: slack", "file: other"), "receivers: ~chat");
    check(
        &format!("{receivers}    mail: {{ email: {{ host: localhost, from: a@b.example, to: [c@d.example] }} }}\n"),
        "receivers: +mail; alerts.routes: changed",
    );
    check(&format!("{receivers}  heartbeat: {{ url: https://ping.example.com/x }}\n"), "alerts.heartbeat: changed");
    check(
        &format!("{receivers}server: {{ external_url: https://snykwatch.example.com }}\n"),
        "server.external_url: changed",
    );
    check(
        &format!("{receivers}server: {{ listen: 127.0.0.1:9000 }}\n"),
        "server: takes a restart, what was before stays in force",
    );
    check(
        &format!("{receivers}storage: {{ sqlite: {{ path: other.db }} }}\n"),
        "storage: takes a restart, what was before stays in force",
    );
    check(
        &format!("{receivers}storage: {{ retention: 30d }}\n"),
        "storage.retention: takes a restart, what was before stays in force",
    );
}

#[test]
fn the_state_lies_beside_the_configuration() {
    let files = Files::new(&small("storage: { sqlite: { path: state/main.db }, retention: 30d }\n"));
    let storage = files.load().unwrap().config.storage;
    assert_eq!(storage.backend, StorageBackend::Sqlite { path: files.path("state/main.db") });
    assert_eq!(storage.retention, chrono::TimeDelta::days(30));
    let default = Files::new(&small(""));
    let storage = default.load().unwrap().config.storage;
    assert_eq!(storage.backend, StorageBackend::Sqlite { path: default.path("snykwatch.db") });
    assert_eq!(storage.retention, chrono::TimeDelta::days(400));
}
