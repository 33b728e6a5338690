//! One call from beginning to end: budget, transport, classification, telemetry; and the walk over a paged list.

mod authorization;
mod totals;
mod walk;

use std::time::Duration;

use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

pub use self::authorization::RefusedSecret;
pub(crate) use self::authorization::{Authentication, Authorization, ClientGrant};
use self::totals::StatedTotals;
pub(crate) use self::walk::{Listed, Next, OddField, Page, PageParts, Part, ReadingLimits};
use super::allowed::{HostRole, Verb};
use super::answer::{
    Answer, BodyKind, Failure, FailureClass, KnownSecrets, Redactor, body_kind, classify, meta, read_names,
    without_mark,
};
use super::budget::{LONGEST_GROUP_PACING, LONGEST_PACING, RequestBudget, TurnedAway};
use super::http::{HttpBuildError, HttpClient, HttpRequest, RawAnswer, RequestBody, Target};
use super::telemetry::Telemetry;
use crate::clock::Clock;

/// Everything a client of one API shares with the rest of the daemon.
#[derive(Clone)]
pub struct ClientContext {
    /// The name of this API in telemetry: a word from the configuration, never a secret.
    pub api: String,
    /// The transport.
    pub http: HttpClient,
    /// The budget of the credential that the client uses.
    pub budget: RequestBudget,
    /// The domain clock.
    pub clock: Clock,
    /// Who is told of every call.
    pub telemetry: Telemetry,
    /// Every secret of the process, so that no answer lets one out.
    pub secrets: KnownSecrets,
}

impl std::fmt::Debug for ClientContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ClientContext");
        shown.field("api", &self.api).field("http", &self.http).field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// A request to one target.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<RequestBody>,
    /// How long to wait for a turn in the budget.
    pub(crate) patience: Duration,
}

impl Call {
    pub(crate) fn get(url: Url, accept: &'static str) -> Self {
        Self { verb: Verb::Get, url, accept, body: None, patience: LONGEST_PACING }
    }

    pub(crate) fn post(url: Url, accept: &'static str, content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            verb: Verb::Post,
            url,
            accept,
            body: Some(RequestBody { content_type, bytes }),
            patience: LONGEST_PACING,
        }
    }

    /// Asked once for a whole Group: it waits for its turn in the budget, and many Organizations do not get it instead.
    pub(crate) fn of_group(self) -> Self {
        Self { patience: LONGEST_GROUP_PACING, ..self }
    }

    /// What is asked, for people: method and path.
    pub(crate) fn question(&self) -> String {
        format!("{} {}", self.verb.as_str(), self.url.path())
    }
}

/// One target with the credential that is bound to it.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) context: ClientContext,
    pub(crate) target: Target,
    pub(crate) redactor: Redactor,
    /// Which lists state a wrong total.
    totals: StatedTotals,
}

impl Connection {
    /// Binds the context's credential to a base URL.
    pub(crate) fn try_new(
        context: ClientContext,
        role: HostRole,
        base: &Url,
        redactor: Redactor,
    ) -> Result<Self, HttpBuildError> {
        let target = context.http.target(role, base)?;
        Ok(Self { context, target, redactor, totals: StatedTotals::default() })
    }

    /// Makes a call and decodes its answer.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        call: Call,
        authorization: &Authorization,
    ) -> Result<Answer<T>, Failure> {
        self.call_for(call, authorization, |raw, redactor| decode(raw, |body| read_names(body, redactor))).await
    }

    /// Asks for a secret, which is taken as it is.
    async fn call_for_secret<T: DeserializeOwned>(
        &self,
        call: Call,
        authorization: &Authorization,
    ) -> Result<Answer<T>, Failure> {
        self.call_for(call, authorization, |raw, _| decode(raw, |body| serde_json::from_slice(body))).await
    }

    async fn call_for<T>(
        &self,
        call: Call,
        authorization: &Authorization,
        read: impl Fn(&RawAnswer, &Redactor) -> Result<T, Failure>,
    ) -> Result<Answer<T>, Failure> {
        let context = &self.context;
        let question = call.question();
        if let Err(turned_away) = context.budget.acquire_within(call.patience).await {
            let retry_after = Some(turned_away.retry_after());
            let class = match turned_away {
                TurnedAway::Paused(_) => FailureClass::RateLimited { retry_after },
                TurnedAway::Exhausted(_) | TurnedAway::Spent { .. } => FailureClass::BudgetSpent { retry_after },
            };
            let mut failure = Failure::without_answer(class, turned_away.to_string());
            failure.retry_after = retry_after;
            failure.context.asked = Some(question);
            return Err(failure.clean(&self.redactor));
        }
        let redactor = self.redactor.and(authorization.secrets());
        let asked = |mut failure: Failure| {
            failure.context.asked = Some(question.clone());
            failure.clean(&redactor)
        };
        let begin = Instant::now();
        let sent = context.http.send(
            &self.target,
            HttpRequest {
                verb: call.verb,
                url: call.url,
                accept: call.accept,
                authorization: authorization.header(),
                body: call.body,
            },
        );
        let raw = match sent.await {
            Ok(raw) => raw,
            Err(failure) => {
                let failure = asked(failure);
                self.tell(failure.status, &failure, begin);
                return Err(failure);
            }
        };
        context.budget.on_answer(raw.status, &raw.headers);
        let now = context.clock.now();
        let mut meta = meta(&raw.headers);
        meta.clean(&redactor);
        if let Some(date) = meta.date {
            // `Date` has whole seconds; below one second there is no skew to see.
            context.telemetry.on_date(&context.api, TimeDelta::seconds((date - now).num_seconds()));
        }
        if let Some(version) = &meta.version {
            context.telemetry.on_version(&context.api, version);
        }
        let result = if (200..300).contains(&raw.status) {
            read(&raw, &redactor)
        } else {
            Err(classify(raw.status, &raw.headers, &raw.body, &redactor, now))
        };
        match result {
            Ok(value) => {
                context.telemetry.on_request(&context.api, &raw.status.to_string(), begin.elapsed());
                Ok(Answer { value, meta })
            }
            Err(failure) => {
                let failure = asked(failure);
                self.tell(Some(raw.status), &failure, begin);
                Err(failure)
            }
        }
    }

    /// A request that never left is not counted as one.
    fn tell(&self, status: Option<u16>, failure: &Failure, begin: Instant) {
        let class = &failure.class;
        tracing::debug!(
            api = self.context.api,
            host = self.target.host(),
            class = class.as_label(),
            status,
            detail = failure.detail,
            "a call failed"
        );
        // A success status with a body we cannot use is no success for who reads the metric.
        let code = status.filter(|status| !(200..300).contains(status)).map(|status| status.to_string());
        if *class != FailureClass::Refused {
            let code = code.as_deref().unwrap_or(class.as_label());
            self.context.telemetry.on_request(&self.context.api, code, begin.elapsed());
        }
    }
}

fn decode<T>(raw: &RawAnswer, read: impl Fn(&[u8]) -> serde_json::Result<T>) -> Result<T, Failure> {
    let error = match read(without_mark(&raw.body)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let kind = body_kind(&raw.headers, &raw.body, error.is_data());
    Err(match kind {
        BodyKind::Absent => unexpected(raw, kind, "nothing"),
        BodyKind::Html => unexpected(raw, kind, "an HTML page"),
        BodyKind::Json => unexpected(raw, kind, &format!("JSON of another shape ({error})")),
        BodyKind::Other if error.is_eof() => {
            let mut failure = unexpected(raw, kind, "JSON that ends too early");
            failure.class = FailureClass::Truncated;
            failure
        }
        BodyKind::Other => unexpected(raw, kind, "something that is not JSON"),
    })
}

fn unexpected(raw: &RawAnswer, kind: BodyKind, what: &str) -> Failure {
    let mut failure = Failure::without_answer(
        FailureClass::UnexpectedBody,
        format!("the API answered {} with {what} instead of the expected JSON", raw.status),
    );
    failure.status = Some(raw.status);
    failure.body = kind;
    *failure.meta = meta(&raw.headers);
    failure
}
