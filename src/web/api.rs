//! `/api/v1`: the snapshot as JSON; `operations` is what asks the daemon for something.

pub(super) mod operations;

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{Shared, etag, openapi, problem};
use crate::domain::kinds::Level;
use crate::domain::names::{IntegrationKey, IntegrationName, OrganizationId};
use crate::domain::status::Status;
use crate::snapshot::{DeliveryMode, IntegrationView, Snapshot};

/// Integrations in one answer, when the client names no limit.
pub(super) const DEFAULT_LIMIT: usize = 500;

/// Integrations in one answer at most.
pub(super) const MAXIMUM_LIMIT: usize = 5_000;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/integrations", get(integrations))
        .route("/integrations/{name}", get(integration))
        .route("/credentials", get(credentials))
        .route("/incidents", get(incidents))
        .route("/openapi.json", get(async || Json(openapi::description())))
        .merge(operations::routes())
        .route_layer(middleware::from_fn(etag::tag))
}

/// What is possible at an address, as `Allow` has it.
pub(super) fn methods(path: &str) -> &'static str {
    match path.strip_prefix("/api/v1/").unwrap_or_default() {
        "silences" => "GET, HEAD, POST",
        "incidents/acknowledgement" => "POST, DELETE",
        "incidents/answer" | "plans" => "POST",
        one if one.starts_with("silences/") || one.starts_with("decisions/") => "DELETE",
        test if test.starts_with("receivers/") => "POST",
        _ if path == "/-/reload" => "POST",
        _ if path == "/-/log-filter" => "GET, HEAD, PUT",
        _ => "GET, HEAD",
    }
}

/// Why there is no answer.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    detail: String,
}

impl ApiError {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        problem::problem(self.status, &self.detail)
    }
}

/// The latest snapshot, or the problem that there is none yet.
fn latest(shared: &Shared) -> Result<Arc<Snapshot>, ApiError> {
    let published = shared.snapshots.latest();
    published.map(|published| published.snapshot).ok_or_else(|| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "The first snapshot is not published yet; try again soon.")
    })
}

fn queried<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|rejection| ApiError::new(StatusCode::BAD_REQUEST, rejection.body_text()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    integration: Option<String>,
    level: Option<Level>,
    status: Option<Status>,
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

impl ListQuery {
    fn wants(&self, view: &IntegrationView) -> bool {
        let identity = &view.identity;
        self.integration.as_ref().is_none_or(|name| name == identity.integration.as_str())
            && self.level.is_none_or(|level| level == identity.level)
            && self.status.is_none_or(|status| status == view.status.status)
    }
}

async fn integrations(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = queried(query)?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAXIMUM_LIMIT).contains(&limit) {
        let detail = format!("limit must be from 1 to {MAXIMUM_LIMIT}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, detail));
    }
    let snapshot = latest(&shared)?;
    let wanted: Vec<_> = snapshot.integrations.iter().filter(|view| query.wants(view)).collect();
    let listed = wanted.iter().skip(query.offset).take(limit).map(|view| without_lists(view));
    let listed: Result<Vec<_>, _> = listed.collect();
    let listed = listed.map_err(|error| internal(&error))?;
    let body = json!({
        "taken_at": snapshot.taken_at,
        "total": wanted.len(),
        "offset": query.offset,
        "integrations": listed,
    });
    Ok(Json(body).into_response())
}

/// A view without the lists that can be thousands long; they are in the integration's own answer.
fn without_lists(view: &IntegrationView) -> Result<serde_json::Value, serde_json::Error> {
    let mut value = serde_json::to_value(view)?;
    if let Some(progress) = value.get_mut("progress").and_then(serde_json::Value::as_object_mut) {
        progress.remove("missing_repositories");
        progress.remove("laggards");
    }
    Ok(value)
}

fn internal(error: &serde_json::Error) -> ApiError {
    tracing::error!(%error, "a view could not be written as JSON");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be written.")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OneQuery {
    organization: Option<Uuid>,
}

async fn integration(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    query: Result<Query<OneQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = queried(query)?;
    let snapshot = latest(&shared)?;
    let organization = query.organization.map(OrganizationId);
    let key = IntegrationKey { integration: IntegrationName::new(&name), organization };
    match snapshot.integration(&key) {
        Some(view) => {
            Ok(Json(Body { taken_at: snapshot.taken_at, content: One { integration: view } }).into_response())
        }
        None => Err(ApiError::new(StatusCode::NOT_FOUND, format!("No integration {key} is watched."))),
    }
}

async fn credentials(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let snapshot = latest(&shared)?;
    let content = Credentials { credentials: &snapshot.credentials };
    Ok(Json(Body { taken_at: snapshot.taken_at, content }).into_response())
}

async fn incidents(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let snapshot = latest(&shared)?;
    let delivery = snapshot.delivery.as_ref().map(|delivery| delivery.mode);
    let content = Incidents { delivery, incidents: &snapshot.incidents };
    Ok(Json(Body { taken_at: snapshot.taken_at, content }).into_response())
}

/// An answer and when it was true.
#[derive(Debug, Serialize)]
struct Body<T> {
    taken_at: chrono::DateTime<chrono::Utc>,
    #[serde(flatten)]
    content: T,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    integration: &'a IntegrationView,
}

#[derive(Debug, Serialize)]
struct Credentials<'a> {
    credentials: &'a [Arc<crate::snapshot::CredentialView>],
}

#[derive(Debug, Serialize)]
struct Incidents<'a> {
    /// Who tells people of them.
    delivery: Option<DeliveryMode>,
    incidents: &'a [Arc<crate::snapshot::IncidentView>],
}
