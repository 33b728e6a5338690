//! How an API misbehaves, on purpose.
//!
//! Some faults stand in for the answer (an outage, a login page), some bend the answer that would have come (a truncated
//! body, a `next` on another host). A fault is limited to an API, to a path prefix, to a time, to a number of requests.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::answer::{Answer, Body, Delivery};
use super::call::Call;
use super::world::RetryAfter;
use super::{Api, bitbucket, paging, snyk_rest, snyk_v1};

/// A misbehaviour and where it applies.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The API that misbehaves.
    pub api: Api,
    /// Only paths that begin so; none for all.
    pub path_prefix: Option<String>,
    /// Only paths that end so, such as `/hooks`; none for all.
    pub path_suffix: Option<String>,
    /// Only this path; none for all.
    pub path: Option<String>,
    /// Only until this domain time; none for ever.
    pub until: Option<DateTime<Utc>>,
    /// Only for so many requests more; none for all.
    pub requests: Option<u32>,
    /// What it does.
    pub kind: FaultKind,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// This status with the API's own error body; for outages, 500 to 504.
    Status(u16),
    /// The connection is cut before a byte is sent.
    ConnectionReset,
    /// No answer, ever.
    Hang,
    /// This status and this sentence in the API's own error body, such as [`IP_NOT_ALLOWED`].
    Says(u16, String),
    /// 410 with Bitbucket's CHANGE-2770, at an endpoint that was never announced to go.
    Change2770,
    /// 429, with so many seconds in `Retry-After` where it is sent.
    RateLimited(RetryAfter, Duration),
    /// 503; from Snyk with the error SNYK-0099.
    Maintenance,
    /// 410 for a while, as before the end of an API.
    Brownout,
    /// 404 for good: the endpoint is gone.
    EndpointRemoved,
    /// 200 with a page for people.
    HtmlWithOk,
    /// The answer stops in its middle.
    TruncatedJson,
    /// A body of so many bytes.
    Oversized(u64),
    /// One byte at a time, with this real-time pause between two.
    Trickle(Duration),
    /// 302 to a login page on another host.
    LoginRedirect,
    /// 302 to itself.
    RedirectLoop,
    /// The right body, called `text/plain`.
    WrongContentType,
    /// The link to the next page leads to another host.
    NextOnAnotherHost,
    /// The link to the next page leads to this page.
    EndlessNext,
    /// The total is so much larger than what is listed.
    SizeMismatch(u32),
    /// A list ends after so many items, whatever total it tells.
    ListCut(usize),
    /// The last so many items of a page repeat its first ones: the list is as long as it says, and lacks some.
    Padded(usize),
    /// Each page tells its last item twice.
    ItemTwice,
    /// Every page but the first answers 503.
    LaterPagesFail,
    /// Keys of the answer have other names: old, new.
    RenamedFields(Vec<(String, String)>),
}

/// Bitbucket, 403: the workspace allows some addresses only, and ours is not one of them.
pub const IP_NOT_ALLOWED: &str = "To access this repository, an admin must whitelist your IP.";
/// Bitbucket, 403: the workspace wants two-step verification of its members.
pub const TWO_STEP_REQUIRED: &str = "To access this repository, enable two-step verification.";
/// Bitbucket, 403: somebody has to agree first. Nobody has published this sentence; it is a guess.
pub const APPROVAL_REQUIRED: &str =
    "Your access is pending approval: an admin of this workspace must accept the terms for your account first.";

impl Fault {
    /// A fault of a whole API, for ever.
    pub fn on(api: Api, kind: FaultKind) -> Self {
        Self { api, path_prefix: None, path_suffix: None, path: None, until: None, requests: None, kind }
    }

    /// Only below this path.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.path_prefix = Some(prefix.to_owned());
        self
    }

    /// Only paths that end so.
    #[must_use]
    pub fn ending(mut self, suffix: &str) -> Self {
        self.path_suffix = Some(suffix.to_owned());
        self
    }

    /// Only this path, and nothing below it.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Only until this domain time.
    #[must_use]
    pub fn until(mut self, end: DateTime<Utc>) -> Self {
        self.until = Some(end);
        self
    }

    /// Only for so many requests.
    #[must_use]
    pub fn for_requests(mut self, count: u32) -> Self {
        self.requests = Some(count);
        self
    }

    fn applies(&self, api: Api, path: &str, now: DateTime<Utc>) -> bool {
        self.api == api
            && self.path_prefix.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
            && self.path_suffix.as_ref().is_none_or(|suffix| path.ends_with(suffix.as_str()))
            && self.path.as_ref().is_none_or(|only| path == only)
            && self.until.is_none_or(|end| now < end)
            && self.requests != Some(0)
    }
}

/// The first fault that fits, counted down.
pub(super) fn take(faults: &mut [Fault], api: Api, path: &str, now: DateTime<Utc>) -> Option<FaultKind> {
    let fault = faults.iter_mut().find(|fault| fault.applies(api, path, now))?;
    if let Some(left) = &mut fault.requests {
        *left -= 1;
    }
    Some(fault.kind.clone())
}

/// An error as the API words it.
pub(super) fn error(api: Api, path: &str, status: u16, code: Option<&str>, message: &str) -> Answer {
    match api {
        Api::Snyk if path.starts_with("/rest") => snyk_rest::error(status, code, message, message),
        Api::Snyk => snyk_v1::error(status, message),
        Api::Bitbucket if status == 401 => bitbucket::refused(),
        Api::Bitbucket => {
            Answer::json(status, "application/json", json!({ "type": "error", "error": { "message": message } }))
        }
        Api::Atlassian | Api::Elsewhere => {
            Answer::json(status, "application/json", json!({ "code": status, "message": message }))
        }
    }
}

/// 429 as the API words it, with the `Retry-After` that it sends.
pub(super) fn rate_limited(api: Api, path: &str, retry_after: Option<String>) -> Answer {
    let message = match api {
        Api::Bitbucket => "Rate limit for this resource has been exceeded",
        _ => "Too many requests",
    };
    let answer = error(api, path, 429, Some("SNYK-0001"), message);
    match retry_after {
        Some(retry_after) => answer.with_header("retry-after", retry_after),
        None => answer,
    }
}

/// The header that says when to come back.
pub(super) fn retry_after(kind: RetryAfter, wait: Duration, now: DateTime<Utc>) -> Option<String> {
    match kind {
        RetryAfter::Sent => Some(wait.as_secs().to_string()),
        RetryAfter::SentAsDate => {
            let at = now + TimeDelta::from_std(wait).unwrap_or_default();
            Some(at.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
        RetryAfter::Omitted => None,
    }
}

/// The answer that stands in for the real one, when the fault is of that sort.
pub(super) fn instead(kind: &FaultKind, api: Api, call: &Call, elsewhere: &str, now: DateTime<Utc>) -> Option<Answer> {
    let fail = |status, code, message: &str| Some(error(api, &call.path, status, code, message));
    match kind {
        FaultKind::Status(status) => fail(*status, Some("SNYK-9999"), "The server could not answer"),
        FaultKind::ConnectionReset => Some(Answer::empty(200).delivered(Delivery::Reset)),
        FaultKind::Hang => Some(Answer::empty(200).delivered(Delivery::Hang)),
        FaultKind::Says(status, sentence) => fail(*status, None, sentence),
        FaultKind::Change2770 => Some(bitbucket::gone()),
        FaultKind::RateLimited(kind, wait) => Some(rate_limited(api, &call.path, retry_after(*kind, *wait, now))),
        FaultKind::Maintenance => fail(503, Some("SNYK-0099"), "The service is under maintenance"),
        FaultKind::Brownout => fail(410, None, "Gone"),
        FaultKind::EndpointRemoved => fail(404, None, "Not Found"),
        FaultKind::HtmlWithOk => Some(Answer::text(
            200,
            "text/html; charset=utf-8",
            "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>",
        )),
        FaultKind::Oversized(bytes) => Some(
            Answer::empty(200)
                .with_header("content-type", media_type(api, &call.path))
                .delivered(Delivery::Oversized(*bytes)),
        ),
        FaultKind::LoginRedirect => Some(Answer::empty(302).with_header("location", format!("{elsewhere}/login"))),
        FaultKind::RedirectLoop => {
            Some(Answer::empty(302).with_header("location", format!("{}{}", call.origin, call.path)))
        }
        FaultKind::LaterPagesFail if is_later_page(call) => fail(503, Some("SNYK-0009"), "Service unavailable"),
        _ => None,
    }
}

fn media_type(api: Api, path: &str) -> &'static str {
    if api == Api::Snyk && path.starts_with("/rest") { "application/vnd.api+json" } else { "application/json" }
}

/// Whether a list is asked for its second page, or a later one.
pub(super) fn is_later_page(call: &Call) -> bool {
    call.parameter("page").is_some_and(|page| page != "1")
        || ["starting_after", "cursor"].iter().any(|name| call.parameter(name).is_some())
}

/// The real answer, bent by the fault.
pub(super) fn bend(kind: &FaultKind, call: &Call, elsewhere: &str, mut answer: Answer) -> Answer {
    match kind {
        FaultKind::TruncatedJson => return answer.delivered(Delivery::Truncated),
        FaultKind::Trickle(pause) => return answer.delivered(Delivery::Trickled(*pause)),
        FaultKind::WrongContentType => return answer.with_header("content-type", "text/plain"),
        _ => {}
    }
    if let (200, Body::Json(body)) = (answer.status, &mut answer.body) {
        match kind {
            FaultKind::NextOnAnotherHost => set_next(body, &format!("{elsewhere}{}?page=2", call.path)),
            FaultKind::EndlessNext => {
                let query: String =
                    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
                set_next(body, &format!("{}{}?{query}", call.origin, call.path));
            }
            FaultKind::SizeMismatch(more) => {
                for pointer in ["/size", "/meta/count", "/meta/total_count"] {
                    if let Some(total) = body.pointer_mut(pointer) {
                        *total = Value::from(total.as_u64().unwrap_or(0) + u64::from(*more));
                    }
                }
            }
            FaultKind::ListCut(items) => cut(body, call, *items),
            FaultKind::Padded(items) => pad(body, *items),
            FaultKind::ItemTwice => repeat_last(body),
            FaultKind::RenamedFields(names) => rename(body, names),
            _ => {}
        }
    }
    answer
}

fn set_next(body: &mut Value, next: &str) {
    let holder = if body.get("links").is_some() { body.get_mut("links") } else { Some(body) };
    if let Some(object) = holder.and_then(Value::as_object_mut) {
        object.insert("next".to_owned(), Value::from(next));
    }
}

/// Ends a list after so many items, counted from its first page.
fn cut(body: &mut Value, call: &Call, most: usize) {
    let before = match (body.get("page"), body.get("pagelen")) {
        (Some(page), Some(length)) => {
            let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
            number(page).saturating_sub(1).saturating_mul(number(length))
        }
        _ => call.parameter("starting_after").and_then(paging::offset).unwrap_or(0),
    };
    let left = most.saturating_sub(before);
    let Some(list) = items(body) else { return };
    if list.len() >= left {
        list.truncate(left);
        let holder = if body.get("links").is_some() { body.get_mut("links") } else { Some(body) };
        if let Some(object) = holder.and_then(Value::as_object_mut) {
            object.remove("next");
        }
    }
}

fn items(body: &mut Value) -> Option<&mut Vec<Value>> {
    let key = ["values", "data"].into_iter().find(|key| body.get(key).is_some_and(Value::is_array))?;
    body.get_mut(key).and_then(Value::as_array_mut)
}

/// Puts the first items of a page in the place of so many of its last ones.
fn pad(body: &mut Value, repeated: usize) {
    let Some(list) = items(body) else { return };
    let repeated = repeated.min(list.len() / 2);
    let first: Vec<Value> = list.iter().take(repeated).cloned().collect();
    list.truncate(list.len() - repeated);
    list.extend(first);
}

fn repeat_last(body: &mut Value) {
    let Some(list) = items(body) else { return };
    let again = list.last().cloned();
    list.extend(again);
}

fn rename(value: &mut Value, names: &[(String, String)]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Object(object) => {
            for (old, new) in names {
                if let Some(inner) = object.remove(old) {
                    object.insert(new.clone(), inner);
                }
            }
            object.values_mut().for_each(|inner| rename(inner, names));
        }
        _ => {}
    }
}
