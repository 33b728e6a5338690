//! What changes something: asked for by HTTP, done by the daemon, answered as described.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::site::{Answer, Site};
use crate::domain::attention::Acknowledgement;
use crate::domain::incident::Severity;
use crate::domain::names::DecisionId;
use crate::domain::notification::{
    About, AttemptFailure, Delivery, DeliveryId, DeliveryState, FailureReason, Notification, NotificationId,
    NotificationKind, Reach,
};
use crate::domain::page::Page;
use crate::health::decisions::{NewAnswer, NewPlan};
use crate::snapshot::{FailureView, ReceiverView, SilenceView, sample};
use crate::web::{
    AcknowledgementView, AnswerView, AttentionView, DecisionsView, OperatorRefusal, OperatorRequest, PlanView,
    openapi_description,
};

/// Answers as a daemon does, and tells what it was asked, in a word or two.
fn daemon(site: &mut Site) -> JoinHandle<Vec<String>> {
    let mut requests = std::mem::replace(&mut site.operator, tokio::sync::mpsc::channel(1).1);
    tokio::spawn(async move {
        let mut asked = Vec::new();
        while let Some(request) = requests.recv().await {
            asked.push(answer(request));
        }
        asked
    })
}

fn answer(request: OperatorRequest) -> String {
    let now = sample::now();
    let failure = AttemptFailure { reason: FailureReason::Rejected, detail: "it answered 404".to_owned() };
    match request {
        OperatorRequest::Silence { id, silence, breadth, answer } => {
            let asked = format!("silence {breadth:?} {}", serde_json::to_string(&silence).unwrap());
            let view = SilenceView {
                id,
                silence: *silence,
                active: true,
                covers: vec!["SyncStalled/integration/a".to_owned()],
            };
            answer.send(Ok(view)).unwrap();
            asked
        }
        OperatorRequest::ExpireSilence { id, answer } => {
            let known = id.as_str() == "known";
            answer
                .send(if known { Ok(()) } else { Err(OperatorRefusal::Unknown(format!("no silence {id}"))) })
                .unwrap();
            format!("expire {id}")
        }
        OperatorRequest::Acknowledge { incident, author, comment, answer } => {
            let asked = format!("acknowledge {incident} {author} {comment:?}");
            let acknowledgement = Acknowledgement { opened_at: now, author, comment, at: now };
            answer.send(Ok(AcknowledgementView { incident, acknowledgement })).unwrap();
            asked
        }
        OperatorRequest::WithdrawAcknowledgement { incident, answer } => {
            answer.send(Err(OperatorRefusal::Conflict("it is not acknowledged".to_owned()))).unwrap();
            format!("withdraw {incident}")
        }
        OperatorRequest::TestReceiver { receiver, answer } => {
            answer.send(Ok(NotificationId("00ff".to_owned()))).unwrap();
            format!("test {receiver}")
        }
        OperatorRequest::Answer { id, new, answer } => {
            let asked = format!("answer {:?} {} {} {}", new.verdict, new.incident, new.author, new.reason);
            let NewAnswer { incident, verdict, author, reason } = *new;
            let items = vec!["acme/payments".to_owned()];
            answer.send(Ok(AnswerView { id, incident, verdict, items, author, reason, at: now })).unwrap();
            asked
        }
        OperatorRequest::Plan { id, new, answer } => {
            let asked = format!("plan {} {} {} {:?}", new.kind, new.pattern, new.author, new.count);
            answer.send(Ok(planned(id, *new, now))).unwrap();
            asked
        }
        OperatorRequest::Undo { id, answer } => {
            let known = id.as_str() == "known";
            answer
                .send(if known { Ok(()) } else { Err(OperatorRefusal::Unknown(format!("no decision {id}"))) })
                .unwrap();
            format!("undo {id}")
        }
        OperatorRequest::Decisions { answer } => {
            answer.send(Ok(DecisionsView::default())).unwrap();
            "decisions".to_owned()
        }
        OperatorRequest::Attention { answer } => {
            answer.send(Ok(AttentionView::default())).unwrap();
            "attention".to_owned()
        }
        OperatorRequest::Receivers { answer } => {
            let dated = FailureView { at: now, failure };
            let view = ReceiverView {
                receiver: "chat".into(),
                kind: "slack",
                pending: 2,
                oldest_pending_at: Some(now),
                last_delivered_at: None,
                failing: Some(dated.clone()),
                last_failure: Some(dated.clone()),
                last_dead_letter: Some(dated),
            };
            answer.send(Ok(vec![view])).unwrap();
            "receivers".to_owned()
        }
        OperatorRequest::Deliveries { wanted, answer } => {
            let state = wanted.state.unwrap_or(DeliveryState::Pending);
            answer.send(Ok(vec![delivery(now, state, failure)])).unwrap();
            format!("deliveries {:?} {:?} {}", wanted.receiver, wanted.state, wanted.limit)
        }
    }
}

fn planned(id: DecisionId, new: NewPlan, from: DateTime<Utc>) -> PlanView {
    let NewPlan { kind, pattern, until, revoked, author, reason, count: _ } = new;
    PlanView {
        id,
        kind,
        pattern,
        repositories: 2,
        organizations: 1,
        credentials: Vec::new(),
        revoked,
        from,
        until,
        active: true,
        author,
        reason,
    }
}

fn delivery(at: DateTime<Utc>, state: DeliveryState, failure: AttemptFailure) -> Delivery {
    let notification = Notification {
        id: NotificationId("00ff".to_owned()),
        kind: NotificationKind::Trigger,
        about: About::Receiver("chat".into()),
        severity: Severity::Critical,
        since: at,
        opened_at: at,
        created_at: at,
        page: Page::default(),
    };
    Delivery {
        id: DeliveryId(7),
        receiver: "on-call".into(),
        notification: notification.into(),
        state,
        attempts: 1,
        reach: Reach::Unclear,
        next_attempt_at: at,
        ended_at: None,
        last_failure: Some(failure),
    }
}

async fn sent(site: &Site, method: &str, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let (host, length) = (site.address, body.len());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    site.send(format!("{head}{body}").as_bytes()).await
}

fn conforms(answer: &Answer, schema: &str) {
    let components = openapi_description()["components"].clone();
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}"), "components": components });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&answer.json()).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {}", answer.text());
}

#[tokio::test]
async fn requests_reach_the_daemon_and_answers_are_as_described() {
    let mut site = Site::with_sample().await;
    let daemon = daemon(&mut site);
    let silence = json!({
        "matcher": { "rules": ["SyncStalled"], "integrations": ["acme-*"] },
        "author": "alex", "reason": "migration", "duration_seconds": 7200,
    });
    let acknowledgement = json!({ "incident": "SyncStalled/integration/a", "author": "alex" });
    let loss = json!({ "incident": "A/b/c", "verdict": "accepted", "author": "alex", "reason": "archived" });
    let plan = json!({
        "kind": "retire", "pattern": "acme/old-*", "until": "2026-12-01T00:00:00Z", "author": "alex",
        "reason": "dissolved", "count": 3,
    });
    let none = Value::Null;
    let table = [
        ("GET", "/api/v1/silences", &none, 200, "Attention"),
        ("POST", "/api/v1/silences", &silence, 201, "MadeSilence"),
        ("DELETE", "/api/v1/silences/known", &none, 204, ""),
        ("DELETE", "/api/v1/silences/other", &none, 404, "Problem"),
        ("POST", "/api/v1/incidents/acknowledgement", &acknowledgement, 200, "MadeAcknowledgement"),
        ("DELETE", "/api/v1/incidents/acknowledgement", &json!({ "incident": "A/b/c" }), 409, "Problem"),
        ("POST", "/api/v1/incidents/answer", &loss, 201, "MadeAnswer"),
        ("POST", "/api/v1/plans", &plan, 201, "MadePlan"),
        ("GET", "/api/v1/decisions", &none, 200, "Decisions"),
        ("DELETE", "/api/v1/decisions/known", &none, 204, ""),
        ("DELETE", "/api/v1/decisions/other", &none, 404, "Problem"),
        ("GET", "/api/v1/receivers", &none, 200, "Receivers"),
        ("POST", "/api/v1/receivers/on%20call/test", &none, 202, "MadeTest"),
        ("GET", "/api/v1/notifications", &none, 200, "Notifications"),
        ("GET", "/api/v1/notifications?state=withheld&receiver=chat&limit=5", &none, 200, "Notifications"),
    ];
    for (method, path, body, status, schema) in table {
        let answer =
            if body.is_null() { site.ask(method, path, &[]).await } else { sent(&site, method, path, body).await };
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if !schema.is_empty() {
            conforms(&answer, schema);
        }
    }
    let _ = site.stop.send(());
    site.server.await.unwrap();
    insta::assert_snapshot!(daemon.await.unwrap().join("\n"), @r#"
    attention
    silence Matching {"matcher":{"rules":["SyncStalled"],"severities":[],"levels":[],"scms":[],"integrations":["acme-*"],"owners":[],"credentials":[],"incident":null},"author":"alex","reason":"migration","starts_at":"2026-11-23T12:00:00Z","ends_at":"2026-11-23T14:00:00Z"}
    expire known
    expire other
    acknowledge SyncStalled/integration/a alex ""
    withdraw A/b/c
    answer Accepted A/b/c alex archived
    plan retire acme/old-* alex Some(3)
    decisions
    undo known
    undo other
    receivers
    test on call
    deliveries None None 100
    deliveries Some(ReceiverName("chat")) Some(Withheld) 5
    "#);
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_the_daemon_hears_of_it() {
    let mut site = Site::with_sample().await;
    let daemon = daemon(&mut site);
    let table = [
        ("/api/v1/silences", json!({ "author": "alex", "reason": "x" }), 400),
        ("/api/v1/silences", json!({ "author": "alex", "reason": "x", "duration_seconds": u64::MAX }), 400),
        ("/api/v1/silences", json!({ "author": "alex", "reason": "x", "ends_at": "2126-01-01T00:00:00Z" }), 400),
        (
            "/api/v1/silences",
            json!({ "author": "alex", "reason": "x", "duration_seconds": 1, "ends_at": "2026-12-01T00:00:00Z" }),
            400,
        ),
        (
            "/api/v1/silences",
            json!({ "author": "alex", "reason": "x", "duration_seconds": 1, "matcher": { "rule": "x" } }),
            422,
        ),
        (
            "/api/v1/silences",
            json!({ "author": "alex", "reason": "x", "duration_seconds": 1, "matcher": { "rules": ["x"] } }),
            422,
        ),
        ("/api/v1/silences", json!({ "author": "alex" }), 422),
        ("/api/v1/incidents/acknowledgement", json!({ "incident": "A/b" }), 422),
        ("/api/v1/incidents/acknowledgement", json!([]), 422),
        ("/api/v1/incidents/answer", json!({ "incident": "A/b", "verdict": "perhaps" }), 422),
        ("/api/v1/plans", json!({ "kind": "retire", "pattern": "x" }), 422),
    ];
    for (path, body, status) in table {
        let answer = sent(&site, "POST", path, &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        conforms(&answer, "Problem");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(site.ask("POST", "/api/v1/silences", &form).await.status, 415);
    for query in ["limit=0", "limit=1001", "state=lost", "what=ever"] {
        assert_eq!(site.get(&format!("/api/v1/notifications?{query}")).await.status, 400, "{query}");
    }
    for path in ["/api/v1/silences", "/api/v1/receivers/chat/test", "/api/v1/incidents/acknowledgement"] {
        let foreign = [("origin", "https://evil.example.com")];
        assert_eq!(site.ask("POST", path, &foreign).await.status, 403, "{path}");
    }
    for (path, allowed) in [
        ("/api/v1/silences", "GET, HEAD, POST"),
        ("/api/v1/silences/x", "DELETE"),
        ("/api/v1/incidents/acknowledgement", "POST, DELETE"),
        ("/api/v1/incidents/answer", "POST"),
        ("/api/v1/plans", "POST"),
        ("/api/v1/decisions/x", "DELETE"),
        ("/api/v1/receivers/x/test", "POST"),
        ("/api/v1/receivers", "GET, HEAD"),
    ] {
        let answer = site.ask("PUT", path, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allowed), "{path}");
    }
    let _ = site.stop.send(());
    site.server.await.unwrap();
    assert_eq!(daemon.await.unwrap(), [""; 0]);
}

/// What the description allows is taken, and what is refused it does not allow.
#[tokio::test]
async fn the_description_of_a_request_and_what_is_taken_agree() {
    let mut site = Site::with_sample().await;
    let daemon = daemon(&mut site);
    let components = openapi_description()["components"].clone();
    let is_described = |schema: &str, body: &Value| {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}"), "components": components });
        jsonschema::validator_for(&schema).unwrap().is_valid(body)
    };
    let with = |base: &Value, changes: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        body
    };
    let silence = json!({ "author": "alex", "reason": "x" });
    let plan = json!({
        "kind": "retire", "pattern": "acme/*", "until": "2026-12-01T00:00:00Z", "author": "alex", "reason": "x",
    });
    let lasting = |changes| with(&with(&silence, json!({ "duration_seconds": 300 })), changes);
    let (silences, plans) = (("/api/v1/silences", "NewSilence"), ("/api/v1/plans", "NewPlan"));
    let table = [
        (silences, lasting(json!({})), true),
        (silences, lasting(json!({ "duration_seconds": 299.0 })), true),
        (silences, lasting(json!({ "duration_seconds": 2.99e2 })), true),
        (silences, lasting(json!({ "duration_seconds": 299.5 })), false),
        (silences, lasting(json!({ "duration_seconds": -1 })), false),
        (silences, lasting(json!({ "duration_seconds": 1e30 })), false),
        (silences, lasting(json!({ "duration_seconds": "299" })), false),
        (silences, lasting(json!({ "ends_at": "2026-12-01T00:00:00Z" })), false),
        (silences, with(&silence, json!({ "ends_at": "2026-12-01T00:00:00Z" })), true),
        (silences, silence.clone(), false),
        (plans, plan.clone(), true),
        (plans, with(&plan, json!({ "count": 3.0 })), true),
        (plans, with(&plan, json!({ "count": 3.5 })), false),
    ];
    for ((path, schema), body, is_taken) in table {
        assert_eq!(is_described(schema, &body), is_taken, "{schema} {body}");
        let status = sent(&site, "POST", path, &body).await.status;
        assert_eq!(status == 201, is_taken, "{path} {body}: {status}");
    }
    // What the daemon itself refuses (`notify::requests`, `health::decisions`).
    let long = |length: usize| "x".repeat(length);
    for body in [
        lasting(json!({ "author": "" })),
        lasting(json!({ "author": " \t" })),
        lasting(json!({ "author": long(201) })),
        lasting(json!({ "reason": "" })),
        lasting(json!({ "reason": long(2_001) })),
        lasting(json!({ "matcher": { "owners": [""] } })),
        lasting(json!({ "matcher": { "owners": vec!["x"; 101] } })),
        lasting(json!({ "matcher": { "incident": long(501) } })),
    ] {
        assert!(!is_described("NewSilence", &body), "{body}");
    }
    for changes in [json!({ "author": "" }), json!({ "pattern": "" }), json!({ "pattern": long(501) })] {
        assert!(!is_described("NewPlan", &with(&plan, changes)));
    }
    let _ = site.stop.send(());
    site.server.await.unwrap();
    daemon.await.unwrap();
}

#[tokio::test]
async fn a_daemon_that_stops_says_so() {
    let mut site = Site::with_sample().await;
    site.operator.close();
    let answer = site.get("/api/v1/receivers").await;
    assert_eq!(answer.status, 503);
    conforms(&answer, "Problem");
}
