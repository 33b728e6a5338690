//! The part of the description that is about operations: silences, acknowledgements, receivers, notifications.

use serde_json::{Value, json};

use super::{
    boolean, count, described, instant, list, not_modified, nullable, object, query, reference, tag, text, uuid, words,
};
use crate::domain::attention::Counted;
use crate::domain::decisions::PlanKind;
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::{Level, Scm};
use crate::domain::notification::{DeliveryState, FailureReason, NotificationKind, Reach};
use crate::health::decisions::LONGEST_PATTERN;
use crate::notify::requests::{LONGEST_AUTHOR, LONGEST_REASON, LONGEST_WORD, MOST_PATTERNS};
use crate::web::api::operations::{DEFAULT_DELIVERIES, LARGEST_COUNT, LONGEST_SILENCE, MAXIMUM_DELIVERIES};

/// Paths with their operations.
pub(super) fn paths() -> [(&'static str, Value); 10] {
    let limit =
        json!({ "type": "integer", "minimum": 1, "maximum": MAXIMUM_DELIVERIES, "default": DEFAULT_DELIVERIES });
    let deliveries = [
        query("receiver", "Configuration key of a receiver.", &text()),
        query("state", "What became of it; `withheld`: would have been sent.", &words(DeliveryState::ALL)),
        query("limit", "Deliveries in the answer at most.", &limit),
    ];
    [
        (
            "/api/v1/silences",
            json!({
                "get": operation("Silences and acknowledgements.", &[], None, ("200", Some("Attention"))),
                "post": operation("Make a silence.", &[], Some("NewSilence"), ("201", Some("MadeSilence"))),
            }),
        ),
        (
            "/api/v1/silences/{id}",
            json!({ "delete": operation("End a silence now.", &[in_path("id", "The silence.")], None, ("204", None)) }),
        ),
        (
            "/api/v1/incidents/acknowledgement",
            json!({
                "post": operation("Take care of an open incident: no reminders, growth or digests.", &[],
                    Some("NewAcknowledgement"), ("200", Some("MadeAcknowledgement"))),
                "delete": operation("Take an acknowledgement back.", &[], Some("Withdrawal"), ("204", None)),
            }),
        ),
        (
            "/api/v1/incidents/answer",
            json!({ "post": operation("Accept or reject what an open incident misses.", &[], Some("NewAnswer"),
                ("201", Some("MadeAnswer"))) }),
        ),
        (
            "/api/v1/plans",
            json!({ "post": operation("Say what is going to go, move or be rotated.", &[], Some("NewPlan"),
                ("201", Some("MadePlan"))) }),
        ),
        (
            "/api/v1/decisions",
            json!({ "get": operation("Answers to losses, and plans.", &[], None, ("200", Some("Decisions"))) }),
        ),
        (
            "/api/v1/decisions/{id}",
            json!({ "delete": operation("Take an answer or a plan back.", &[in_path("id", "The decision.")], None,
                ("204", None)) }),
        ),
        (
            "/api/v1/receivers",
            json!({ "get": operation("How each receiver does.", &[], None, ("200", Some("Receivers"))) }),
        ),
        (
            "/api/v1/receivers/{name}/test",
            json!({ "post": operation("Send a test; `/api/v1/notifications` tells what became of it.",
                &[in_path("name", "Configuration key of the receiver.")], None, ("202", Some("MadeTest"))) }),
        ),
        (
            "/api/v1/notifications",
            json!({ "get": operation("Deliveries, newest first.", &deliveries, None, ("200", Some("Notifications"))) }),
        ),
    ]
}

fn operation(summary: &str, parameters: &[Value], body: Option<&str>, answer: (&str, Option<&str>)) -> Value {
    let (status, schema) = answer;
    let is_read = status == "200" && body.is_none();
    let headers = if is_read { json!({ "ETag": tag() }) } else { json!({}) };
    let mut done = json!({ "description": "Done." });
    if let Some(schema) = schema {
        let content = json!({ "application/json": { "schema": reference(schema) } });
        done = json!({ "description": "Done.", "headers": headers, "content": content });
    }
    let problem = json!({
        "description": "What is wrong.",
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    });
    let mut operation = json!({
        "summary": summary,
        "parameters": parameters,
        "responses": { status: done, "default": problem },
    });
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    if let (true, Some(responses)) = (is_read, responses) {
        responses.insert("304".to_owned(), not_modified());
    }
    if let (Some(body), Some(operation)) = (body, operation.as_object_mut()) {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

fn in_path(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": text(), "description": description })
}

/// A text that somebody has to write, of so many characters at most.
fn said(longest: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest, "pattern": r"\S" })
}

/// Schemas of what is asked and answered.
pub(super) fn schemas() -> [(&'static str, Value); 23] {
    [
        ("Matcher", matcher()),
        ("Silence", silence()),
        ("Acknowledgement", acknowledgement()),
        (
            "Attention",
            object(&[
                ("silences", list(&reference("Silence"))),
                ("acknowledgements", list(&reference("Acknowledgement"))),
            ]),
        ),
        ("Answer", answer()),
        ("Plan", plan()),
        ("Decisions", object(&[("answers", list(&reference("Answer"))), ("plans", list(&reference("Plan")))])),
        ("NewAnswer", new_answer()),
        ("MadeAnswer", object(&[("answer", reference("Answer"))])),
        ("NewPlan", new_plan()),
        ("MadePlan", object(&[("plan", reference("Plan"))])),
        ("NewSilence", new_silence()),
        ("MadeSilence", object(&[("silence", reference("Silence"))])),
        (
            "NewAcknowledgement",
            optional(
                &object(&[
                    ("incident", described(text(), "`rule/subject`.")),
                    ("author", said(LONGEST_AUTHOR)),
                    ("comment", json!({ "type": "string", "maxLength": LONGEST_REASON })),
                ]),
                &["incident", "author"],
            ),
        ),
        ("MadeAcknowledgement", object(&[("acknowledgement", reference("Acknowledgement"))])),
        ("Withdrawal", object(&[("incident", described(text(), "`rule/subject`."))])),
        ("Failure", object(&[("reason", words(FailureReason::ALL)), ("detail", text())])),
        ("DatedFailure", object(&[("at", instant()), ("reason", words(FailureReason::ALL)), ("detail", text())])),
        ("Receiver", receiver()),
        ("Receivers", object(&[("receivers", list(&reference("Receiver")))])),
        ("MadeTest", object(&[("notification", described(text(), "Its id."))])),
        ("Notification", notification()),
        ("Notifications", object(&[("notifications", list(&reference("Notification")))])),
    ]
}

fn matcher() -> Value {
    let fields = object(&[
        ("rules", list(&words(Rule::ALL))),
        ("severities", list(&words(Severity::ALL))),
        ("levels", list(&words(Level::ALL))),
        ("scms", list(&words(Scm::ALL))),
        ("integrations", patterns()),
        ("owners", patterns()),
        ("credentials", patterns()),
        ("incident", described(nullable(&said(LONGEST_WORD)), "One incident, as `rule/subject`.")),
    ]);
    described(optional(&fields, &[]), "Every field that is not empty must match.")
}

fn patterns() -> Value {
    json!({
        "type": "array", "items": said(LONGEST_WORD), "maxItems": MOST_PATTERNS,
        "description": "Patterns with `*` and `?`.",
    })
}

fn silence() -> Value {
    let fields = object(&[
        ("id", text()),
        ("matcher", reference("Matcher")),
        ("author", text()),
        ("reason", text()),
        ("starts_at", instant()),
        ("ends_at", instant()),
        (
            "counted",
            described(
                words(Counted::ALL),
                "What of it counts from the moment in which it was made, and moves when the clock is set; left out: `span`.",
            ),
        ),
        ("active", boolean()),
        ("covers", described(list(&text()), "Incidents that it covers now, as `rule/subject`.")),
    ]);
    optional(&fields, &["id", "matcher", "author", "reason", "starts_at", "ends_at", "active", "covers"])
}

fn acknowledgement() -> Value {
    object(&[
        ("incident", text()),
        ("opened_at", instant()),
        ("author", text()),
        ("comment", text()),
        ("at", instant()),
    ])
}

fn verdict() -> Value {
    json!({ "type": "string", "enum": ["accepted", "rejected"] })
}

fn answer() -> Value {
    object(&[
        ("id", text()),
        ("incident", described(text(), "`rule/subject`.")),
        ("verdict", verdict()),
        ("items", described(list(&text()), "What it covers, by name as far as it is known.")),
        ("author", text()),
        ("reason", text()),
        ("at", instant()),
    ])
}

fn new_answer() -> Value {
    let fields = object(&[
        ("id", described(uuid(), "Chosen by a client that may repeat its request.")),
        ("incident", described(text(), "An open incident, as `rule/subject`.")),
        ("verdict", verdict()),
        ("author", said(LONGEST_AUTHOR)),
        ("reason", said(LONGEST_REASON)),
    ]);
    optional(&fields, &["incident", "verdict", "author", "reason"])
}

fn plan() -> Value {
    object(&[
        ("id", text()),
        ("kind", words(PlanKind::ALL)),
        ("pattern", text()),
        ("repositories", count()),
        ("organizations", count()),
        ("credentials", list(&text())),
        ("revoked", boolean()),
        ("from", instant()),
        ("until", instant()),
        ("active", boolean()),
        ("author", text()),
        ("reason", text()),
    ])
}

fn new_plan() -> Value {
    let repeated = json!({
        "type": "integer", "minimum": 0, "maximum": LARGEST_COUNT,
        "description": "Repeated where it covers more than half of a namespace or of a key.",
    });
    let fields = object(&[
        ("id", described(uuid(), "Chosen by a client that may repeat its request.")),
        ("kind", words(PlanKind::ALL)),
        ("pattern", said(LONGEST_PATTERN)),
        ("until", described(instant(), "In the future, within 30 days.")),
        ("revoked", described(boolean(), "The old token of a rotation was revoked.")),
        ("count", repeated),
        ("author", said(LONGEST_AUTHOR)),
        ("reason", said(LONGEST_REASON)),
    ]);
    optional(&fields, &["kind", "pattern", "until", "author", "reason"])
}

fn new_silence() -> Value {
    let seconds = json!({ "type": "integer", "minimum": 1, "maximum": LONGEST_SILENCE });
    let fields = object(&[
        ("id", described(uuid(), "Chosen by a client that may repeat its request.")),
        ("matcher", reference("Matcher")),
        ("everything", described(boolean(), "An empty matcher is meant; without this it is refused.")),
        ("author", said(LONGEST_AUTHOR)),
        ("reason", said(LONGEST_REASON)),
        ("starts_at", described(instant(), "Now if left out.")),
        ("ends_at", described(instant(), "Either this or `duration_seconds`.")),
        ("duration_seconds", seconds),
    ]);
    let mut silence = optional(&fields, &["author", "reason"]);
    if let Some(silence) = silence.as_object_mut() {
        silence.insert("oneOf".to_owned(), json!([{ "required": ["ends_at"] }, { "required": ["duration_seconds"] }]));
    }
    silence
}

fn receiver() -> Value {
    object(&[
        ("receiver", described(text(), "Configuration key.")),
        ("kind", text()),
        ("pending", count()),
        ("oldest_pending_at", nullable(&instant())),
        ("last_delivered_at", nullable(&instant())),
        (
            "failing",
            described(nullable(&reference("DatedFailure")), "Since when it takes nothing; another one is told."),
        ),
        ("last_failure", nullable(&reference("DatedFailure"))),
        ("last_dead_letter", nullable(&reference("DatedFailure"))),
    ])
}

fn notification() -> Value {
    object(&[
        ("delivery", count()),
        ("receiver", text()),
        ("notification", described(text(), "Its id: the same for every receiver and every attempt.")),
        ("kind", words(NotificationKind::ALL)),
        ("key", described(text(), "`rule/subject/severity`.")),
        ("severity", words(Severity::ALL)),
        ("title", text()),
        ("summary", text()),
        ("next_step", text()),
        ("since", instant()),
        ("opened_at", instant()),
        ("created_at", instant()),
        ("state", words(DeliveryState::ALL)),
        ("attempts", count()),
        ("reach", words(Reach::ALL)),
        ("next_attempt_at", nullable(&instant())),
        ("ended_at", nullable(&instant())),
        ("last_failure", nullable(&reference("Failure"))),
    ])
}

/// The same object with these fields required alone.
fn optional(object: &Value, required: &[&str]) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("required".to_owned(), json!(required));
    }
    object
}
