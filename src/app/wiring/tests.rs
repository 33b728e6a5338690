//! Wiring from files, as an operator writes them and changes them.

use tempfile::TempDir;

use super::*;
use crate::client::telemetry::NoTelemetry;
use crate::config::{self, Secrets};

const CONFIGURATION: &str = "
snyk:
  acme-us: { region: SNYK-US-01, token_label: monitor, token: { file: snyk-token } }
  acme-eu: { region: SNYK-EU-01, token: { file: snyk-token } }
credentials:
  bitbucket-acme:
    bitbucket_cloud:
      api_token: { email: bot@acme.example, token: { file: bitbucket-token } }
    role: integration
integrations:
  acme-bitbucket:
    scm: bitbucket-cloud
    group:
      snyk: acme-us
      id: 0d3728ec-eebf-484d-9907-ba238019f10b
      profiles: { main: { credential: bitbucket-acme, workspaces: [acme] } }
";

const SNYK_TOKEN: &str = "0d3728ec-eebf-484d-9907-ba238019f10b";

/// A directory with a configuration and its secrets.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("snykwatch.yaml", CONFIGURATION);
        files.write("snyk-token", SNYK_TOKEN);
        files.write("bitbucket-token", "ATATT3xFIRST");
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Changes a part of the configuration that is there.
    fn change(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.0.path().join("snykwatch.yaml")).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        self.write("snykwatch.yaml", &text.replacen(from, to, 1));
    }

    fn wire(&self, before: Option<&Wiring>) -> Result<Wiring, WiringError> {
        self.wire_knowing(&KnownSecrets::default(), before)
    }

    fn wire_knowing(&self, secrets: &KnownSecrets, before: Option<&Wiring>) -> Result<Wiring, WiringError> {
        let clock = Clock::system();
        let loaded = config::load(&self.0.path().join("snykwatch.yaml"), Secrets::Skip, clock.now()).unwrap();
        let supplies = Supplies {
            clock,
            telemetry: Arc::new(NoTelemetry),
            secrets: secrets.clone(),
            version_key: b"key".as_slice().into(),
            own_url: "http://127.0.0.1:9117/".parse().unwrap(),
        };
        Wiring::try_new(loaded.config, &supplies, before)
    }
}

fn pat() -> CredentialName {
    CredentialName::from("bitbucket-acme")
}

/// A reload after `change`: the version of the secret before it, and the versions that are kept after it.
fn reloaded(change: impl FnOnce(&Files)) -> (String, Vec<String>) {
    let files = Files::new();
    let before = files.wire(None).unwrap();
    let version = before.version_of(&pat()).unwrap().to_owned();
    change(&files);
    let after = files.wire(Some(&before)).unwrap();
    (version, after.former.versions(&pat()))
}

fn rotate(files: &Files) {
    files.write("bitbucket-token", "ATATT3xSECOND");
}

#[test]
fn a_snyk_token_is_looked_for_by_its_label() {
    let wiring = Files::new().wire(None).unwrap();
    let targets = wiring.snyk_targets();
    let labels = targets.iter().map(|(name, target)| (name.as_str(), target.token_label.as_deref()));
    assert_eq!(labels.collect::<Vec<_>>(), [("acme-eu", None), ("acme-us", Some("monitor"))]);
}

#[test]
fn a_replaced_secret_goes_over_a_reload() {
    let (version, kept) = reloaded(rotate);
    assert_eq!(kept, [version]);
}

#[test]
fn each_of_several_replaced_secrets_goes_over_in_order() {
    let files = Files::new();
    let mut wiring = files.wire(None).unwrap();
    let mut versions = Vec::new();
    for secret in ["ATATT3xSECOND", "ATATT3xTHIRD"] {
        versions.push(wiring.version_of(&pat()).unwrap().to_owned());
        files.write("bitbucket-token", secret);
        wiring = files.wire(Some(&wiring)).unwrap();
    }
    assert_eq!(wiring.former.versions(&pat()), versions);
    // Another reload that changes nothing of it keeps them.
    files.change("    scm: bitbucket-cloud\n", "    scm: bitbucket-cloud\n    owner: platform\n");
    wiring = files.wire(Some(&wiring)).unwrap();
    assert_eq!(wiring.former.versions(&pat()), versions);
}

#[test]
fn where_no_secret_was_replaced_none_is_kept() {
    for (from, to) in [
        ("    scm: bitbucket-cloud\n", "    scm: bitbucket-cloud\n    owner: platform\n"),
        ("bot@acme.example", "other@acme.example"),
    ] {
        assert_eq!(reloaded(|files| files.change(from, to)).1, [""; 0], "{to}");
    }
}

#[test]
fn a_secret_that_is_used_otherwise_from_now_on_is_not_kept() {
    let elsewhere = ("      api_token", "      api_url: https://git.example.com\n      api_token");
    let proxied =
        ("    role: integration", "    role: integration\n    http: { proxy: \"http://proxy.example.com:3128\" }");
    let observer = ("role: integration", "role: observer");
    for (from, to) in [elsewhere, proxied, observer] {
        let change = |files: &Files| {
            rotate(files);
            files.change(from, to);
        };
        assert_eq!(reloaded(change).1, [""; 0], "{to}");
    }
    // What was kept before goes too.
    for (from, to) in [elsewhere, observer] {
        let files = Files::new();
        let first = files.wire(None).unwrap();
        rotate(&files);
        let second = files.wire(Some(&first)).unwrap();
        assert_eq!(second.former.versions(&pat()).len(), 1);
        files.change(from, to);
        let third = files.wire(Some(&second)).unwrap();
        assert_eq!(third.former.versions(&pat()), [""; 0], "{to}");
    }
}

#[test]
fn a_credential_that_is_configured_no_more_leaves_no_secret_behind() {
    let files = Files::new();
    let first = files.wire(None).unwrap();
    rotate(&files);
    let second = files.wire(Some(&first)).unwrap();
    let text = CONFIGURATION
        .replace("bitbucket-acme:", "bitbucket-other:")
        .replace("credential: bitbucket-acme", "credential: bitbucket-other");
    files.write("snykwatch.yaml", &text);
    let third = files.wire(Some(&second)).unwrap();
    assert_eq!(third.former.versions(&pat()), [""; 0]);
    assert_eq!(third.former.versions(&"bitbucket-other".into()), [""; 0]);
}

#[test]
fn a_file_that_holds_no_token_replaces_none() {
    let files = Files::new();
    let before = files.wire(None).unwrap();
    files.write("bitbucket-token", "\"ATATT3xSECOND\"");
    assert!(matches!(files.wire(Some(&before)), Err(WiringError::Secret { name, .. }) if name == pat()));
    assert_eq!(before.former.versions(&pat()), [""; 0]);
    // A secret that was refused at the start was never in use.
    let refused = files.wire(None).unwrap();
    rotate(&files);
    let mended = files.wire(Some(&refused)).unwrap();
    assert_eq!(mended.former.versions(&pat()), [""; 0]);
}

#[test]
fn an_address_that_names_what_is_watched_blinds_nobody_nor_does_taking_it_back() {
    const GROUP: &str = "0d3728ec-eebf-484d-9907-ba238019f10b";
    let files = Files::new();
    files.write("snyk-token", "3f1a8c3e-1111-4222-8333-444455556666");
    files.write("hook", &format!("http://127.0.0.1:9/groups/{GROUP}/hooks/x1Y2z3A4b5C6d7E8f9G0h1I2"));
    let known = KnownSecrets::default();
    let client = known.redactor([]);
    let (said, body) = (format!("Group {GROUP} of bitbucket-acme"), format!(r#"{{"id": "{GROUP}"}}"#));
    let mut wiring = None;
    let inline = format!("http://127.0.0.1:9/groups/{GROUP}/acme-platform-engineering");
    for url in [None, Some(inline), Some("{ file: hook }".to_owned()), None] {
        let receiver = url.map(|url| format!("alerts: {{ receivers: {{ hook: {{ webhook: {{ url: {url} }} }} }} }}\n"));
        files.write("snykwatch.yaml", &format!("{CONFIGURATION}{}", receiver.unwrap_or_default()));
        wiring = Some(files.wire_knowing(&known, wiring.as_ref()).unwrap());
        assert_eq!(client.clean(&said), said);
        assert!(!client.may_change_names_in(&body));
        assert_eq!(client.name("acme-platform-engineering"), "acme-platform-engineering");
    }
    // What lets somebody in stays secret: it may still.
    assert_eq!(client.clean("x1Y2z3A4b5C6d7E8f9G0h1I2"), "[redacted]");
}
