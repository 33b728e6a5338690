//! Slack's payload, and the sender against a server as strict as Slack.

use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::super::fixture::{self, Secret, is_harmless, settings, strings};
use super::*;
use crate::config::receivers::ReceiverKind;
use crate::deliver::receiver::Retry;
use crate::domain::notification::{About, FailureReason, Reach};

fn json_of(message: &Message) -> Value {
    serde_json::to_value(payload(message)).unwrap()
}

fn receiver(url: &str) -> Result<Slack, ReceiverBuildError> {
    let secret = Secret::new(url);
    let kind = SlackSettings { webhook_url: secret.source() };
    Slack::build(&kind, &settings(ReceiverKind::Slack(kind.clone())).http, &KnownSecrets::default())
}

/// Rejects what Slack rejects.
struct Strict;

impl Strict {
    fn is_valid(payload: &Value) -> bool {
        let is_text = |text: &Value, limit| {
            let length = text["text"].as_str().map_or(0, |text| text.chars().count());
            text["type"] == "mrkdwn" && text["verbatim"] == true && (1..=limit).contains(&length)
        };
        let is_block = |block: &Value| match block["type"].as_str() {
            Some("section") => is_text(&block["text"], 3_000),
            Some("context") => {
                let elements = block["elements"].as_array().unwrap();
                (1..=10).contains(&elements.len()) && elements.iter().all(|text| is_text(text, 3_000))
            }
            _ => false,
        };
        let attachments = payload["attachments"].as_array().unwrap();
        payload["text"].as_str().is_some_and(|text| !text.is_empty())
            && attachments.iter().all(|attachment| {
                let blocks = attachment["blocks"].as_array().unwrap();
                blocks.len() <= 50 && blocks.iter().all(is_block) && attachment["color"].as_str().unwrap().len() == 7
            })
    }
}

impl Respond for Strict {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if request.method != "POST" || request.url.path() != "/services/T000/B000/secret" {
            return ResponseTemplate::new(404).set_body_string("no_service");
        }
        let is_json = request.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(payload) if is_json && Self::is_valid(&payload) => ResponseTemplate::new(200).set_body_string("ok"),
            _ => ResponseTemplate::new(400).set_body_string("invalid_payload"),
        }
    }
}

async fn answered(answer: impl Respond + 'static, message: &Message) -> Result<(), SendFailure> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    receiver(&format!("{}/services/T000/B000/secret\n", server.uri())).unwrap().send(message).await
}

#[test]
fn a_page_is_a_line_and_an_attachment() {
    let value = json_of(&fixture::message(NotificationKind::Trigger));
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r##"
    {
      "attachments": [
        {
          "blocks": [
            {
              "text": {
                "text": "Bitbucket Cloud rejects the PAT bitbucket-acme since 2026-11-23 03:05 UTC.\nNext: Create a token and save it in Snyk (Group Admin).",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "text": {
                "text": "<https://snykwatch.example.com/|Status page> · <https://snykwatch.example.com/runbooks/CredentialInvalid|Runbook>",
                "type": "mrkdwn",
                "verbatim": true
              },
              "type": "section"
            },
            {
              "elements": [
                {
                  "text": "since 2026-11-23T03:05:00Z · CredentialInvalid/credential/bitbucket-acme/critical",
                  "type": "mrkdwn",
                  "verbatim": true
                }
              ],
              "type": "context"
            }
          ],
          "color": "#d92d20",
          "fallback": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
        }
      ],
      "text": "CredentialInvalid: bitbucket-acme (1 Group integration and 50 Organizations)"
    }
    "##);
}

#[test]
fn the_colour_tells_how_bad_it_is() {
    let colours: Vec<String> = NotificationKind::ALL
        .iter()
        .map(|kind| format!("{kind} {}", json_of(&fixture::message(*kind))["attachments"][0]["color"]))
        .collect();
    insta::assert_snapshot!(colours.join("\n"), @r##"
    trigger "#d92d20"
    resolve "#12a150"
    reminder "#d92d20"
    growth "#d92d20"
    digest "#667085"
    standing "#d92d20"
    acknowledgement "#667085"
    test "#667085"
    "##);
}

#[test]
fn no_name_can_call_anybody_or_make_a_link() {
    let value = json_of(&fixture::hostile(NotificationKind::Trigger));
    for text in strings(&value) {
        assert!(is_harmless(&text), "{text:?}");
        for call in ["<!", "<@", "<#", "@here", "@channel", "@everyone", "<https://evil"] {
            assert!(!text.contains(call), "{call} in {text:?}");
        }
    }
    let line = value["text"].as_str().unwrap();
    insta::assert_snapshot!(line.escape_default(), @r"acme Bcc: x@example.com &lt;!everyone&gt; &lt;!channel|x&gt; @\u{2060}here @\u{2060}channel &lt;@U0123&gt; &lt;https://evil.example|acme&gt; ](https://evil.example) \'code\' &amp; kcatta [2J end");
    let links: Vec<_> = strings(&value).into_iter().filter(|text| text.contains("<http")).collect();
    assert_eq!(links.len(), 1, "{links:?}");
    assert!(links[0].starts_with("<https://snykwatch.example.com/a%7Cb%3Ec|acme Bcc"), "{links:?}");
    assert_eq!(links[0].matches(['<', '>', '|']).count(), 3, "{links:?}");
}

#[tokio::test]
async fn every_kind_and_every_hostile_text_is_accepted() {
    for kind in NotificationKind::ALL {
        answered(Strict, &fixture::message(*kind)).await.unwrap();
        answered(Strict, &fixture::hostile(*kind)).await.unwrap();
    }
    let mut long = fixture::message(NotificationKind::Trigger);
    for text in [String::new(), "<&>\n".repeat(100_000), "日".repeat(100_000)] {
        (long.title, long.text) = (text.clone(), text);
        answered(Strict, &long).await.unwrap();
    }
    let test =
        fixture::about(About::Test("on-call".into()), NotificationKind::Test, crate::domain::page::Page::default());
    answered(Strict, &test).await.unwrap();
}

#[tokio::test]
async fn slacks_own_words_say_whether_to_try_again() {
    use FailureReason as Why;
    let answer = |status, body: &str| ResponseTemplate::new(status).set_body_string(body);
    let table = [
        (answer(400, "invalid_payload"), Why::Rejected, Reach::NotReceived, Retry::Never),
        (answer(403, "action_prohibited"), Why::Unauthorized, Reach::NotReceived, Retry::Later),
        (answer(404, "no_service"), Why::Rejected, Reach::NotReceived, Retry::Never),
        (answer(410, "channel_is_archived"), Why::Rejected, Reach::NotReceived, Retry::Never),
        (answer(500, "rollup_error"), Why::ServerError, Reach::Unclear, Retry::Later),
        (answer(200, "<html>Sign in</html>"), Why::InvalidAnswer, Reach::Unclear, Retry::Later),
        (answer(200, ""), Why::InvalidAnswer, Reach::Unclear, Retry::Later),
        (
            answer(429, "rate_limited").insert_header("retry-after", "30"),
            Why::RateLimited,
            Reach::NotReceived,
            Retry::After(Duration::from_secs(30)),
        ),
        (
            answer(302, "").insert_header("location", "https://slack.example.com/login"),
            Why::Rejected,
            Reach::NotReceived,
            Retry::Never,
        ),
    ];
    for (answer, reason, reach, retry) in table {
        let failure = answered(answer, &fixture::message(NotificationKind::Trigger)).await.unwrap_err();
        assert_eq!((failure.reason, failure.reach, failure.retry), (reason, reach, retry), "{failure:?}");
        assert!(!failure.detail.contains("B000"), "{}", failure.detail);
    }
}

#[test]
fn the_address_is_a_secret_and_needs_tls() {
    let url = "https://hooks.slack.example.com/services/T000/B000/secret";
    let fit = receiver(url).unwrap();
    assert!(!format!("{fit:?}").contains("secret\""), "{fit:?}");
    assert_eq!(fit.pause(), Duration::from_secs(1));
    for wrong in ["http://hooks.slack.example.com/services/T0/B0/x", "T0/B0/x", "ftp://example.com/x"] {
        let error = receiver(wrong).unwrap_err().to_string();
        assert!(!error.contains("B0/x"), "{error}");
    }
}
