//! The HTTP side: metrics, health, reload, the API and the landing page.
//!
//! - [`router`] is the whole of it as one service; [`serve`] runs it on a listener, guarded against slow and greedy
//!   clients.
//! - Every answer about what is watched is made from a snapshot that is already there. A request starts no probe, waits
//!   for none, and asks neither Snyk, the Git host nor the store. What is asked about delivery, the daemon answers.
//! - Every error has the shape that its address wants (`problem`), whoever makes it. What the API answers carries a tag
//!   (`etag`).
//! - `/metrics` is encoded once and served many times (see `scrape`).
//! - `/runbooks` serves the pages of `docs/runbooks`, which are part of the binary.
//! - Requests that change something only ask the daemon: to reload, or what `operator` lists. Its one writer does it. The
//!   log filter alone is changed here (`logging`).
//! - `guard` refuses foreign names for our loopback address (DNS rebinding) and foreign origins.
//! - `access` asks for passwords and client certificates, where a web-config file says so, and keeps reading and acting
//!   apart. A second port may show the metrics alone.
//!
//! Deliberately not here: live updates.

mod access;
mod api;
mod etag;
mod guard;
mod landing;
mod lifecycle;
mod logging;
mod openapi;
mod operator;
mod problem;
mod runbooks;
mod scrape;
mod server;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::time::Instant;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::clock::Clock;
use crate::metrics::Exporter;
use crate::snapshot::SnapshotReader;

pub use access::{Access, AccessChange, AccessHandle, TlsError};
pub use guard::HostGuard;
pub use lifecycle::{ReloadHandle, ReloadOutcome, ReloadRequest, SNAPSHOT_MAX_AGE};
pub use logging::{LogFilter, LogFilterError, LogHandle};
pub use openapi::description as openapi_description;
pub use operator::{
    AcknowledgementView, AnswerView, AttentionView, DecisionsView, OperatorHandle, OperatorRefusal, OperatorReply,
    OperatorRequest, PlanView, SilenceBreadth, WantedDeliveries,
};
pub use server::{MetricsPort, serve};

/// A request that takes longer is given up. Only a reload may take more than a moment: one waits for another that was under
/// way at most, and each is given up by itself long before.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Bodies are small: a silence, an acknowledgement.
const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// Everything the HTTP side is made from.
#[derive(Debug)]
pub struct WebState {
    /// What is shown.
    pub snapshots: SnapshotReader,
    /// Makes the metrics page.
    pub exporter: Arc<Exporter>,
    /// Asks the daemon to reload.
    pub reload: ReloadHandle,
    /// Hands the daemon what people ask of it.
    pub operator: OperatorHandle,
    /// Domain time, for ages on pages.
    pub clock: Clock,
    /// Which hosts and origins are served.
    pub guard: HostGuard,
    /// Who may read and who may act.
    pub access: AccessHandle,
    /// Which log messages are written; `None` where nobody may change that.
    pub log: Option<LogHandle>,
}

/// What the handlers share.
#[derive(Debug)]
struct Shared {
    snapshots: SnapshotReader,
    scrapes: scrape::Scrapes,
    reload: ReloadHandle,
    operator: OperatorHandle,
    clock: Clock,
    access: AccessHandle,
    log: Option<LogHandle>,
    /// When serving began, in real time: the first snapshot is due from then on.
    began_at: Instant,
}

impl Shared {
    fn new(state: WebState) -> Arc<Self> {
        Arc::new(Self {
            scrapes: scrape::Scrapes::new(state.exporter, state.snapshots.clone()),
            snapshots: state.snapshots,
            reload: state.reload,
            operator: state.operator,
            clock: state.clock,
            access: state.access,
            log: state.log,
            began_at: Instant::now(),
        })
    }
}

/// The whole HTTP side as one service.
pub fn router(state: WebState) -> Router {
    let guard = state.guard.clone();
    routes(Shared::new(state), guard)
}

fn routes(shared: Arc<Shared>, guard: HostGuard) -> Router {
    let router = Router::new()
        .route("/", get(landing::page))
        .route("/style.css", get(landing::style))
        .route("/runbooks", get(runbooks::index))
        .route("/runbooks/{rule}", get(runbooks::runbook))
        .route("/metrics", get(scrape::metrics))
        .route("/-/healthy", get(lifecycle::healthy))
        .route("/-/ready", get(lifecycle::ready))
        .route("/-/reload", post(lifecycle::reload))
        .route("/-/log-filter", get(logging::filter).put(logging::set_filter))
        .nest("/api/v1", api::routes());
    guarded(router, shared, guard)
}

/// What a metrics port shows: nothing that speaks of the watched beyond numbers, nothing that acts.
fn metrics_routes(shared: Arc<Shared>, guard: HostGuard) -> Router {
    let router = Router::new()
        .route("/metrics", get(scrape::metrics))
        .route("/-/healthy", get(lifecycle::healthy))
        .route("/-/ready", get(lifecycle::ready));
    guarded(router, shared, guard)
}

fn guarded(router: Router<Arc<Shared>>, shared: Arc<Shared>, guard: HostGuard) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CompressionLayer::new().gzip(true))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        .layer(middleware::from_fn(problem::shape))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), access::check))
        .layer(middleware::from_fn_with_state(guard, guard::check))
        .layer(middleware::map_response_with_state(Arc::clone(&shared), guard::harden))
        .with_state(shared)
}

async fn not_found(uri: Uri) -> Response {
    problem::error(&uri, StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn method_not_allowed(request: Request) -> Response {
    let allowed = api::methods(request.uri().path());
    let detail = format!("{} is not possible here; possible: {allowed}.", request.method());
    let mut response = problem::error(request.uri(), StatusCode::METHOD_NOT_ALLOWED, &detail);
    if let Ok(allowed) = allowed.parse() {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response.into_response()
}

#[cfg(test)]
mod tests;
