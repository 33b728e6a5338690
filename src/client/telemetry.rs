//! How the client tells about itself: the metrics listen here, without the client knowing them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::answer::VersionNotice;

/// Told of every call. `api` is the name the client was given, a word from the configuration.
pub trait ApiTelemetry: Send + Sync {
    /// One request left and ended. `code` is a three-digit status, or for a request without an answer a word of
    /// [`FailureClass::LABELS`](super::answer::FailureClass::LABELS).
    fn on_request(&self, api: &str, code: &str, took: Duration);

    /// The server's clock is ahead of ours by `skew` (negative: behind), to the second.
    fn on_date(&self, api: &str, skew: TimeDelta);

    /// What a Snyk REST answer said about its version.
    fn on_version(&self, api: &str, notice: &VersionNotice);
}

/// A shared listener.
pub type Telemetry = Arc<dyn ApiTelemetry>;

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTelemetry;

impl ApiTelemetry for NoTelemetry {
    fn on_request(&self, _api: &str, _code: &str, _took: Duration) {}
    fn on_date(&self, _api: &str, _skew: TimeDelta) {}
    fn on_version(&self, _api: &str, _notice: &VersionNotice) {}
}
