use super::*;
use crate::config::server::Access;
use crate::config::web_config::{ClientCertificates, TlsVersion};

/// As `htpasswd` writes them.
const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuW1Z8pO3T8lLXcCXCVeLVCJYPpSSoYyi";

/// A configuration with a `server` section and a web-config file.
fn with_web(server: &str, web: &str) -> Files {
    let files = Files::new(&small(&format!("server: {{ {server} }}\n")));
    files.write("web.yaml", web);
    for name in ["server.crt", "server.key", "ca.crt"] {
        files.write(name, "PEM");
    }
    files
}

#[test]
fn a_web_config_file_is_read_beside_the_main_file() {
    let files = with_web(
        "listen: 0.0.0.0:9979, metrics_listen: 0.0.0.0:9978, web_config_file: web.yaml, actors: [on-call]",
        &format!(
            "tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_auth_type: VerifyClientCertIfGiven
  client_ca_file: ca.crt
  client_allowed_sans: [ops.example.com, 192.0.2.7, \"2001:db8::1\"]
  min_version: TLS13
http_server_config:
  headers: {{ strict-transport-security: max-age=31536000 }}
basic_auth_users:
  on-call: {HASH}
"
        ),
    );
    let Loaded { config, warnings } = files.load().unwrap();
    assert_eq!(files.plain(&warnings.to_string()), "");
    assert_eq!(config.server.access, Access::Authenticated);
    let web = config.server.web_config.as_ref().unwrap();
    let tls = web.tls.as_ref().unwrap();
    assert_eq!((tls.clients, tls.minimum), (ClientCertificates::Optional, TlsVersion::Tls13));
    assert_eq!(tls.client_allowed_sans, ["ops.example.com", "192.0.2.7", "2001:db8::1"]);
    assert_eq!(web.headers.keys().collect::<Vec<_>>(), ["Strict-Transport-Security"]);
    let named: Vec<_> = web.files().map(|file| files.plain(&file.display().to_string())).collect();
    assert_eq!(named, ["web.yaml", "server.crt", "server.key", "ca.crt"]);
    let shown = config.shown();
    assert!(shown.contains("actors: [on-call]") && !shown.contains("$2y$"), "{shown}");
    assert!(!format!("{config:?}").contains("$2y$"));
}

#[test]
fn every_problem_of_a_web_config_file_has_its_place_there() {
    let files = with_web(
        "web_config_file: web.yaml, lisen: x",
        &format!(
            "tls_server_config:
  cert_file: server.crt
  client_auth_type: RequireAnyClientCert
  client_allowed_sans: [\"ops@example.com\", \"spiffe://acme\"]
  min_version: TLS11
  cipher_suites: []
http_server_config:
  http2: true
  headers: {{ X-Evil: a, X-Frame-Options: \"a\\nb\" }}
basic_auth_users:
  on-call: hunter2
  \"a:b\": {HASH}
rate_limit: {{}}
"
        ),
    );
    assert_snapshot!(files.problems(), @"
    snykwatch.yaml:15:38: unknown key `lisen`
    web.yaml:1:1: the key `key_file` is missing here
    web.yaml:3:21: `RequireAnyClientCert` is not possible here
    web.yaml:4:25: `ops@example.com` cannot be checked
    web.yaml:4:44: `spiffe://acme` cannot be checked
    web.yaml:5:16: `TLS11` is not spoken here
    web.yaml:6:3: unknown key `cipher_suites`
    web.yaml:8:3: unknown key `http2`
    web.yaml:9:14: the header `X-Evil` cannot be set here
    web.yaml:9:42: this cannot be written in a header
    web.yaml:11:12: the password of `on-call` is no bcrypt hash
    web.yaml:12:3: a user's name is not empty and has no colon
    web.yaml:13:1: unknown key `rate_limit`
    ");
    let rendered = files.load().unwrap_err().render(Style::Plain);
    assert!(!rendered.contains("hunter2") && !rendered.contains("$2y$"), "{rendered}");
}

#[test]
fn a_file_of_another_exporter_is_never_half_in_force() {
    let tls = "tls_server_config: { cert_file: server.crt, key_file: server.key, ";
    for (web, said) in [
        // Whoever writes these believes that clients are checked.
        (format!("{tls}client_ca_file: ca.crt }}"), "client_auth_type: RequireAndVerifyClientCert"),
        (format!("{tls}client_auth_type: NoClientCert, client_ca_file: ca.crt }}"), "no certificate is asked for"),
        (format!("{tls}client_allowed_sans: [ops.example.com] }}"), "`client_allowed_sans` says whom to let in"),
        (format!("{tls}client_ca: PEM }}"), "name that as `client_ca_file`"),
        (format!("{tls}max_version: TLS13 }}"), "the newest version that both sides speak is taken"),
        (format!("{tls}cipher_suites: [TLS_AES_128_GCM_SHA256] }}"), "only suites with forward secrecy"),
        (format!("{tls}curve_preferences: [CurveP256] }}"), "curves cannot be chosen here"),
        (format!("{tls}prefer_server_cipher_suites: true }}"), "suites cannot be chosen here"),
        ("http_server_config: { http2: false }".to_owned(), "HTTP/1.1 is spoken here"),
        ("rate_limit: { interval: 1s }".to_owned(), "are limited here"),
    ] {
        let rendered = with_web("web_config_file: web.yaml", &web).load().unwrap_err().render(Style::Plain);
        let flat = rendered.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{web}: {rendered}");
    }
}

#[test]
fn a_hash_that_nobody_could_log_in_with_is_a_problem() {
    for (from, to, said) in [
        ("$10$", "$31$", "has cost 31; possible: 4 to 14"),
        ("$10$", "$03$", "has cost 3; possible: 4 to 14"),
        ("$10$", "$99$", "has cost 99"),
        ("$10$", "$xx$", "no bcrypt hash"),
        ("$10$", "$+9$", "no bcrypt hash"),
        ("$10$", "$10!", "no bcrypt hash"),
        ("$2y$", "$2x$", "no bcrypt hash"),
        ("SSoYyi", "SSoYy!", "no bcrypt hash"),
        ("SSoYyi", "SSoYy", "no bcrypt hash"),
    ] {
        let web = format!("basic_auth_users: {{ on-call: '{}' }}\n", HASH.replace(from, to));
        let problems = with_web("web_config_file: web.yaml", &web).problems();
        assert!(problems.contains(said), "{to}: {problems}");
    }
    for mark in ["$2a$", "$2b$", "$2y$"] {
        let web = format!("basic_auth_users: {{ on-call: '{}' }}\n", HASH.replace("$2y$", mark));
        assert_eq!(with_web("web_config_file: web.yaml", &web).problems(), "", "{mark}");
    }
}

#[test]
fn who_listens_elsewhere_asks_or_says_that_it_does_not() {
    let users = format!("basic_auth_users: {{ on-call: {HASH} }}\n");
    let tls = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n".to_owned();
    let needed = tls.replace(" }", ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt }");
    let optional = needed.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven");
    let elsewhere = "listen: 0.0.0.0:9979, web_config_file: web.yaml";
    let allowed = "listen: 0.0.0.0:9979, web_config_file: web.yaml, allow_unauthenticated: true";
    for (server, web, expected) in [
        ("web_config_file: web.yaml", "", Some(Access::LoopbackOnly)),
        ("web_config_file: web.yaml", &users, Some(Access::Authenticated)),
        (elsewhere, "", None),
        (elsewhere, &tls, None),
        (elsewhere, &optional, None),
        (elsewhere, &needed, Some(Access::Authenticated)),
        (elsewhere, &users, Some(Access::Authenticated)),
        (allowed, &users, Some(Access::Authenticated)),
        (allowed, &tls, Some(Access::Unauthenticated)),
        ("metrics_listen: 0.0.0.0:9978, web_config_file: web.yaml", &tls, None),
        ("metrics_listen: 127.0.0.1:9979, web_config_file: web.yaml", &tls, None),
    ] {
        let files = with_web(server, web);
        let found = files.load().map(|loaded| loaded.config.server.access);
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{server}: {web} {found:?}");
    }
}

#[test]
fn a_file_that_is_not_here_is_a_problem_where_secrets_are_checked() {
    let files = with_web("listen: 0.0.0.0:9979, web_config_file: other.yaml", "");
    let loaded = files.load().unwrap();
    assert!(loaded.config.server.web_config.is_none(), "left alone: this may be another machine");
    let problems = load(&files.main(), Secrets::Check, now()).unwrap_err();
    let of_file: Vec<_> = problems.iter().filter(|problem| problem.message.contains("other.yaml")).collect();
    assert_eq!(of_file.len(), 1, "{problems}");
    assert!(!problems.to_string().contains("from other machines"), "said once: {problems}");
}

#[test]
fn an_actor_that_nobody_can_be_is_a_warning() {
    let users = format!("basic_auth_users: {{ on-call: {HASH} }}\n");
    let server = "web_config_file: web.yaml, actors: [on-call, oncall]";
    assert_snapshot!(with_web(server, &users).problems(), @"snykwatch.yaml:15:56: `oncall` is no user of the web-config file");
    let nobody = "snykwatch.yaml:15:20: `on-call` is no user of the web-config file";
    assert_eq!(with_web("actors: [on-call]", "").problems(), nobody);
}

#[test]
fn who_may_act_can_change_without_a_restart() {
    let files = with_web("web_config_file: web.yaml", &format!("basic_auth_users: {{ on-call: {HASH} }}\n"));
    let old = files.load().unwrap().config;
    files.write("web.yaml", &format!("basic_auth_users: {{ ops: {HASH} }}\n"));
    let new = files.load().unwrap().config;
    assert_eq!(change::ConfigChange::between(&old, &new).to_string(), "access: changed");
    assert!(change::ConfigChange::between(&new, &new).is_empty());
}
