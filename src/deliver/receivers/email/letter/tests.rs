//! Messages as they leave, and hostile texts.

use insta::assert_snapshot;

use super::*;
use crate::deliver::receivers::example::{message, token, with, with_texts};
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
    assert_snapshot!(written(&message(token(), Severity::Critical, NotificationKind::Trigger)), @r##"
    From: snykwatch <snykwatch@acme.example>
    Subject: CredentialInvalid: bitbucket-acme
    Date: Fri, 20 Nov 2026 12:01:00 +0000
    Message-ID: <075e28a4a05465a35c9201fc2cf3adbb@acme.example>
    In-Reply-To: <thread-f607d0b2432bb07eecd583804d9b6d7e@acme.example>
    References: <thread-f607d0b2432bb07eecd583804d9b6d7e@acme.example>
    To: ops@acme.example, Security <security@acme.example>
    MIME-Version: 1.0
    Auto-Submitted: auto-generated
    X-Snykwatch-Key: CredentialInvalid/credential/bitbucket-acme/critical
    Content-Type: multipart/alternative;
     boundary="BOUNDARY"

    --BOUNDARY
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit

    Bitbucket rejects the token.

    Next: save a new token in Snyk.

    --BOUNDARY
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    <!DOCTYPE html><html lang=3D"en"><head><meta charset=3D"utf-8"><title>Crede=
    ntialInvalid: bitbucket-acme</title></head><body style=3D"font-family: sans=
    -serif; max-width: 48em"><h2 style=3D"font-size: 1.1em">CredentialInvalid: =
    bitbucket-acme</h2><div style=3D"white-space: pre-wrap">Bitbucket rejects t=
    he token.

    Next: save a new token in Snyk.
    </div><p><a href=3D"https://snykwatch.example.com/">Status page</a></p><p><=
    a href=3D"https://snykwatch.example.com/runbooks/x">Runbook</a></p></body><=
    /html>
    --BOUNDARY--
    "##);
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
    assert_snapshot!(html(&hostile), @r##"
    <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>&lt;b&gt;t&lt;/b&gt;</title></head><body style="font-family: sans-serif; max-width: 48em"><h2 style="font-size: 1.1em">&lt;b&gt;t&lt;/b&gt;</h2><div style="white-space: pre-wrap">&lt;img src=x onerror=alert(1)&gt; &amp; [31m
    </div><p><a href="https://acme.example/?a=&quot;&gt;&lt;script&gt;">&quot;&gt;&lt;script&gt;</a></p></body></html>
    "##);
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
