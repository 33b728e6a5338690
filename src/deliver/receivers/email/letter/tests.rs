//! Messages as they leave, and hostile texts.

use insta::assert_snapshot;

use super::*;
use crate::deliver::testing::{message, token, with, with_texts};
use crate::domain::incident::Severity;
use crate::domain::notification::NotificationKind;
use crate::domain::page::Link;

fn correspondents() -> Correspondents {
    let to = ["ops@acme.example".to_owned(), "Security <security@acme.example>".to_owned()];
    Correspondents::try_new("snykwatch <snykwatch@acme.example>", &to).unwrap()
}

fn written(message: &Message) -> String {
    let bytes = compose(message, &correspondents()).unwrap();
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    // The boundary is random.
    let (_, rest) = text.split_once("boundary=\"").unwrap();
    let (boundary, _) = rest.split_once('"').unwrap();
    text.replace(boundary, "BOUNDARY")
}

fn headers(message: &Message) -> Vec<String> {
    let text = written(message);
    let (head, _) = text.split_once("\n\n").unwrap();
    head.lines().map(str::to_owned).collect()
}

fn header(message: &Message, name: &str) -> String {
    let prefix = format!("{name}: ");
    headers(message).iter().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).unwrap()
}

#[test]
fn a_page_has_a_text_and_an_html_part() {
    assert_snapshot!(written(&message(token(), Severity::Critical, NotificationKind::Trigger)), @"");
}

#[test]
fn all_messages_of_an_episode_are_one_thread_and_none_repeats_an_id() {
    let trigger = message(token(), Severity::Warning, NotificationKind::Trigger);
    let thread = header(&trigger, "References");
    let mut ids = vec![header(&trigger, "Message-ID")];
    for (severity, kind) in [
        (Severity::Warning, NotificationKind::Resolve),
        (Severity::Critical, NotificationKind::Trigger),
        (Severity::Critical, NotificationKind::Reminder),
        (Severity::Critical, NotificationKind::Resolve),
    ] {
        let later = message(token(), severity, kind);
        assert_eq!(header(&later, "References"), thread);
        assert_eq!(header(&later, "In-Reply-To"), thread);
        ids.push(header(&later, "Message-ID"));
    }
    ids.push(thread.clone());
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let another = with(trigger.clone(), |notification| notification.opened_at += chrono::TimeDelta::hours(1));
    assert_ne!(header(&another, "References"), thread);
    assert_eq!(written(&trigger), written(&trigger), "a repeat is the same message");
}

#[test]
fn no_name_breaks_a_header() {
    let hostile = "acme\r\nBcc: all@acme.example\r\n\r\n<script>\u{202e}\u{0} \u{2028}ü";
    let message = message(token(), Severity::Info, NotificationKind::Trigger);
    let honest = headers(&message);
    let attacked = headers(&with_texts(message.clone(), hostile, "text"));
    let names = |lines: &[String]| -> Vec<String> {
        let own = lines.iter().filter(|line| !line.starts_with(' '));
        own.map(|line| line.split(':').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&attacked), names(&honest));
    assert_eq!(line(hostile), "acme Bcc: all@acme.example <script> ü");
    let long = subject(&with_texts(message.clone(), &"ü".repeat(5_000), "text"));
    assert_eq!(long.chars().count(), SUBJECT_LIMIT);
    assert_eq!(subject(&with_texts(message, "\r\n \u{7}", "text")), "CredentialInvalid/credential/bitbucket-acme/info");
}

#[test]
fn html_is_escaped_and_only_web_addresses_are_links() {
    let hostile = message(token(), Severity::Info, NotificationKind::Trigger);
    let hostile = with_texts(hostile, "<b>t</b>", "<img src=x onerror=alert(1)> & \u{1b}[31m");
    let hostile = with(hostile, |notification| {
        let link = |url: &str| Link { title: "\"><script>".to_owned(), url: url.to_owned() };
        notification.page.links = vec![link("javascript:alert(1)"), link("https://acme.example/?a=\"><script>")];
    });
    assert_snapshot!(html(&hostile), @"");
}

#[test]
fn addresses_are_checked_when_the_receiver_is_made() {
    let try_new = |from: &str, to: &[&str]| {
        let to: Vec<_> = to.iter().map(|&text| text.to_owned()).collect();
        Correspondents::try_new(from, &to).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(try_new("a@acme.example", &["Ops <b@acme.example>"]), Ok(()));
    for (from, to) in [
        ("nobody", vec!["b@acme.example"]),
        ("a@acme.example", vec!["b@acme.example\r\nRCPT TO:<c@acme.example>"]),
        ("a@acme.example", vec!["jürgen@acme.example"]),
        ("a@acme.example", vec![]),
    ] {
        let error = try_new(from, &to).unwrap_err();
        assert!(error.contains("cannot be an address of the receiver"), "{error}");
    }
}
