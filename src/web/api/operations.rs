//! What changes something, and what is asked about delivery. Every request goes to the daemon ([`OperatorHandle`]).
//!
//! Ids of incidents contain slashes, so they stand in bodies, never in paths. A changing request has a JSON body with
//! its content type: a form of a foreign page cannot send one.
//!
//! [`OperatorHandle`]: crate::web::OperatorHandle

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{ApiError, queried};
use crate::domain::attention::{Counted, Silence};
use crate::domain::decisions::{PlanKind, Verdict};
use crate::domain::incident::Severity;
use crate::domain::matcher::Matcher;
use crate::domain::names::{DecisionId, ReceiverName, SilenceId};
use crate::domain::notification::{
    AttemptFailure, Delivery, DeliveryId, DeliveryState, NotificationId, NotificationKind, Reach,
};
use crate::health::decisions::{NewAnswer, NewPlan};
use crate::web::Shared;
use crate::web::operator::{OperatorRefusal, OperatorRequest, SilenceBreadth, WantedDeliveries};

/// Deliveries in one answer, when the client names no limit.
pub(in crate::web) const DEFAULT_DELIVERIES: usize = 100;

/// Deliveries in one answer at most.
pub(in crate::web) const MAXIMUM_DELIVERIES: usize = 1_000;

/// A silence lasts no longer: what is forgotten must not stay quiet for ever. Seconds.
pub(in crate::web) const LONGEST_SILENCE: u64 = 400 * 24 * 3600;

/// No plan covers more. What JSON writes with a point is exact up to far more.
pub(in crate::web) const LARGEST_COUNT: u64 = 1_000_000_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/silences", get(silences).post(silence))
        .route("/silences/{id}", delete(expire))
        .route("/incidents/acknowledgement", post(acknowledge).delete(withdraw))
        .route("/incidents/answer", post(answer_loss))
        .route("/plans", post(plan))
        .route("/decisions", get(decisions))
        .route("/decisions/{id}", delete(undo))
        .route("/receivers", get(receivers))
        .route("/receivers/{name}/test", post(test))
        .route("/notifications", get(notifications))
}

impl From<OperatorRefusal> for ApiError {
    fn from(refusal: OperatorRefusal) -> Self {
        let status = match refusal {
            OperatorRefusal::Invalid(_) => StatusCode::BAD_REQUEST,
            OperatorRefusal::Unknown(_) => StatusCode::NOT_FOUND,
            OperatorRefusal::Conflict(_) => StatusCode::CONFLICT,
            OperatorRefusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            OperatorRefusal::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, ApiError> {
    body.map(|Json(body)| body).map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))
}

/// A whole number as JSON has it: `299.0` is one too, and some clients write every number so.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let with_point = || number.as_f64().filter(|number| number.fract() == 0.0)?.to_string().parse().ok();
    let found = number.as_u64().or_else(with_point);
    found.map(Some).ok_or_else(|| D::Error::custom(format!("{number} is not a whole number, 0 or more")))
}

async fn silences(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let attention = shared.operator.ask(|answer| OperatorRequest::Attention { answer }).await?;
    Ok(Json(attention).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSilence {
    /// Given by a client that may repeat its request.
    id: Option<Uuid>,
    #[serde(default)]
    matcher: Matcher,
    /// The matcher may be empty.
    #[serde(default)]
    everything: bool,
    author: String,
    reason: String,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "whole")]
    duration_seconds: Option<u64>,
}

impl NewSilence {
    fn resolve(self, now: DateTime<Utc>) -> Result<(SilenceId, Silence, SilenceBreadth), ApiError> {
        let invalid = |detail: &str| ApiError::new(StatusCode::BAD_REQUEST, detail);
        let starts_at = self.starts_at.unwrap_or(now);
        let counted = match (self.starts_at, self.ends_at) {
            (Some(_), _) => Counted::Instants,
            (None, Some(_)) => Counted::Start,
            (None, None) => Counted::Span,
        };
        let ends_at = match (self.ends_at, self.duration_seconds) {
            (Some(ends_at), None) => ends_at,
            (None, Some(seconds)) => {
                let length = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds);
                length
                    .and_then(|length| starts_at.checked_add_signed(length))
                    .ok_or_else(|| invalid("The silence is too long."))?
            }
            _ => return Err(invalid("Say when the silence ends: either ends_at or duration_seconds.")),
        };
        let longest = TimeDelta::seconds(i64::try_from(LONGEST_SILENCE).unwrap_or(i64::MAX / 1_000));
        if ends_at.signed_duration_since(starts_at) > longest {
            return Err(invalid("The silence is too long: 400 days at most."));
        }
        let id = SilenceId::new(self.id.unwrap_or_else(Uuid::new_v4).to_string());
        let Self { matcher, author, reason, .. } = self;
        let breadth = if self.everything { SilenceBreadth::Everything } else { SilenceBreadth::Matching };
        Ok((id, Silence { matcher, author, reason, starts_at, ends_at, counted }, breadth))
    }
}

async fn silence(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<NewSilence>, JsonRejection>,
) -> Result<Response, ApiError> {
    let (id, silence, breadth) = read(body)?.resolve(shared.clock.now())?;
    let silence = Box::new(silence);
    let made = shared.operator.ask(|answer| OperatorRequest::Silence { id, silence, breadth, answer }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "silence": made }))).into_response())
}

async fn expire(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = SilenceId::new(id);
    shared.operator.ask(|answer| OperatorRequest::ExpireSilence { id, answer }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAcknowledgement {
    incident: String,
    author: String,
    #[serde(default)]
    comment: String,
}

async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<NewAcknowledgement>, JsonRejection>,
) -> Result<Response, ApiError> {
    let NewAcknowledgement { incident, author, comment } = read(body)?;
    let request = |answer| OperatorRequest::Acknowledge { incident, author, comment, answer };
    let made = shared.operator.ask(request).await?;
    Ok(Json(json!({ "acknowledgement": made })).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    incident: String,
}

async fn withdraw(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Withdrawal>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Withdrawal { incident } = read(body)?;
    shared.operator.ask(|answer| OperatorRequest::WithdrawAcknowledgement { incident, answer }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    /// Given by a client that may repeat its request.
    id: Option<Uuid>,
    incident: String,
    verdict: Verdict,
    author: String,
    reason: String,
}

async fn answer_loss(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<AnswerBody>, JsonRejection>,
) -> Result<Response, ApiError> {
    let AnswerBody { id, incident, verdict, author, reason } = read(body)?;
    let (id, new) = (decision_id(id), Box::new(NewAnswer { incident, verdict, author, reason }));
    let made = shared.operator.ask(|answer| OperatorRequest::Answer { id, new, answer }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "answer": made }))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanBody {
    /// Given by a client that may repeat its request.
    id: Option<Uuid>,
    kind: PlanKind,
    pattern: String,
    until: DateTime<Utc>,
    #[serde(default)]
    revoked: bool,
    #[serde(default, deserialize_with = "whole")]
    count: Option<u64>,
    author: String,
    reason: String,
}

async fn plan(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<PlanBody>, JsonRejection>,
) -> Result<Response, ApiError> {
    let PlanBody { id, kind, pattern, until, revoked, count, author, reason } = read(body)?;
    let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let (id, new) = (decision_id(id), Box::new(NewPlan { kind, pattern, until, revoked, count, author, reason }));
    let made = shared.operator.ask(|answer| OperatorRequest::Plan { id, new, answer }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "plan": made }))).into_response())
}

fn decision_id(id: Option<Uuid>) -> DecisionId {
    DecisionId::new(id.unwrap_or_else(Uuid::new_v4).to_string())
}

async fn decisions(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let decisions = shared.operator.ask(|answer| OperatorRequest::Decisions { answer }).await?;
    Ok(Json(decisions).into_response())
}

async fn undo(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = DecisionId::new(id);
    shared.operator.ask(|answer| OperatorRequest::Undo { id, answer }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn receivers(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let receivers = shared.operator.ask(|answer| OperatorRequest::Receivers { answer }).await?;
    Ok(Json(json!({ "receivers": receivers })).into_response())
}

async fn test(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let receiver = ReceiverName::new(&name);
    let id = shared.operator.ask(|answer| OperatorRequest::TestReceiver { receiver, answer }).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "notification": id }))).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeliveryQuery {
    receiver: Option<String>,
    state: Option<DeliveryState>,
    limit: Option<usize>,
}

/// A delivery, without the parts of its page that are for receivers.
#[derive(Debug, Serialize)]
struct DeliveryView {
    delivery: DeliveryId,
    receiver: ReceiverName,
    notification: NotificationId,
    kind: NotificationKind,
    key: String,
    severity: Severity,
    title: String,
    summary: String,
    next_step: String,
    since: DateTime<Utc>,
    opened_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    state: DeliveryState,
    attempts: u32,
    reach: Reach,
    next_attempt_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    last_failure: Option<AttemptFailure>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let notification = &delivery.notification;
        Self {
            delivery: delivery.id,
            notification: notification.id.clone(),
            kind: notification.kind,
            key: notification.key(),
            severity: notification.severity,
            title: notification.page.title.clone(),
            summary: notification.page.summary.clone(),
            next_step: notification.page.next_step.clone(),
            since: notification.since,
            opened_at: notification.opened_at,
            created_at: notification.created_at,
            state: delivery.state,
            attempts: delivery.attempts,
            reach: delivery.reach,
            next_attempt_at: (delivery.state == DeliveryState::Pending).then_some(delivery.next_attempt_at),
            ended_at: delivery.ended_at,
            last_failure: delivery.last_failure,
            receiver: delivery.receiver,
        }
    }
}

async fn notifications(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<DeliveryQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let DeliveryQuery { receiver, state, limit } = queried(query)?;
    let limit = limit.unwrap_or(DEFAULT_DELIVERIES);
    if !(1..=MAXIMUM_DELIVERIES).contains(&limit) {
        let detail = format!("limit must be from 1 to {MAXIMUM_DELIVERIES}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
    }
    let wanted = WantedDeliveries { receiver: receiver.map(ReceiverName::new), state, limit };
    let deliveries = shared.operator.ask(|answer| OperatorRequest::Deliveries { wanted, answer }).await?;
    let views: Vec<DeliveryView> = deliveries.into_iter().map(DeliveryView::from).collect();
    Ok(Json(json!({ "notifications": views })).into_response())
}
