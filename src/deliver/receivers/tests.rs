//! Receivers are made from their configuration, or it is told why not.

use url::Url;

use super::fixture::{Secret, settings};
use super::*;
use crate::config::receivers::{PagerDutySettings, SlackSettings, WebhookBody, WebhookSettings};

fn webhook(url: AddressSource, secrets: Vec<SecretSource>) -> ReceiverSettings {
    settings(ReceiverKind::Webhook(WebhookSettings { url, secrets, body: WebhookBody::Event }))
}

fn told(error: &ReceiverBuildError) -> String {
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[test]
fn each_kind_is_made() {
    let (hook, key) = (Secret::new("https://hooks.example.com/x"), Secret::new("0123456789abcdef0123456789abcdef"));
    let kinds = [
        webhook(AddressSource::Secret(hook.source()), Vec::new()),
        settings(ReceiverKind::Slack(SlackSettings { webhook_url: hook.source() })),
        settings(ReceiverKind::PagerDuty(PagerDutySettings {
            routing_key: key.source(),
            api_url: Url::parse("https://events.example.com").unwrap(),
        })),
    ];
    for kind in kinds {
        assert!(build(&kind, &KnownSecrets::default()).is_ok(), "{kind:?}");
    }
}

#[test]
fn what_cannot_be_used_is_told_without_its_secret() {
    let hidden = Secret::new("ftp://user:topsecret@example.com/hook");
    let no_url = Secret::new("topsecret");
    let short = Secret::new("whsec_dG9wc2VjcmV0");
    let plain = || AddressSource::Plain(Url::parse("https://example.com/hook").unwrap());
    let missing = SecretSource::File("/nonexistent/token".into());
    let table = [
        (webhook(AddressSource::Secret(hidden.source()), Vec::new()), "its scheme is neither https nor http"),
        (webhook(AddressSource::Secret(no_url.source()), Vec::new()), "it is no URL"),
        (webhook(plain(), vec![short.source()]), "it is not 24 to 64 bytes long"),
        (webhook(AddressSource::Secret(missing), Vec::new()), "could not read the secret file /nonexistent/token"),
    ];
    for (settings, expected) in table {
        let text = told(&build(&settings, &KnownSecrets::default()).unwrap_err());
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("topsecret") && !text.contains("dG9wc2VjcmV0"), "{text}");
    }
}

#[test]
fn an_address_without_tls_is_the_operators_choice_unless_it_is_a_secret_by_itself() {
    let table = [
        ("https://example.com/x", Protection::Required, true),
        ("http://127.0.0.1:8080/x", Protection::Required, true),
        ("http://[::1]/x", Protection::Required, true),
        ("http://localhost/x", Protection::Required, true),
        ("http://localhost.example.com/x", Protection::Required, false),
        ("http://example.com/x", Protection::Required, false),
        ("http://example.com/x", Protection::AsConfigured, true),
        ("file:///etc/passwd", Protection::AsConfigured, false),
        ("mailto:x@example.com", Protection::AsConfigured, false),
    ];
    for (text, protection, expected) in table {
        assert_eq!(unfit(text, protection).is_none(), expected, "{text} {protection:?}");
    }
}
