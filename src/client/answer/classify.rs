//! From status, headers and body of an unsuccessful answer to a [`Failure`].
//!
//! One reader for all error bodies: the shapes of the vendors (`docs/apis/snyk.md`, `docs/apis/bitbucket-cloud.md`) do
//! not contradict each other, and real bodies stray from every one of them.

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::refusal::{self, Refusal};
use super::{
    BodyKind, Failure, FailureClass, FailureContext, LONGEST_API_WAIT, Redactor, TimeoutPhase, meta, retry_after,
};

/// Bitbucket Cloud's words for a missing scope; they come with status 403, in some recordings with 400.
const MISSING_SCOPE_WORDS: &str = "lack one or more required privilege scopes";
/// Bitbucket Cloud's words to an access token on a user endpoint.
const NOT_ACCESSIBLE_WORDS: &str = "not accessible by this authentication mechanism";
/// Snyk's code for platform maintenance.
const SNYK_MAINTENANCE_CODE: &str = "SNYK-0099";

/// A longer text is no message, in bytes.
const LONGEST_PLAIN_TEXT: usize = 2_000;

/// What an error body says, in whichever of the known shapes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// The vendor's code: `SNYK-0005`, `invalid_client`.
    pub(crate) code: Option<String>,
    /// What it says to people.
    pub(crate) message: Option<String>,
    /// Scopes that the endpoint wants.
    pub(crate) required: Vec<String>,
    /// Scopes that the credential has.
    pub(crate) granted: Vec<String>,
    /// Where the change is announced.
    pub(crate) announcement: Option<String>,
}

impl ErrorBody {
    pub(crate) fn read(body: &Value) -> Self {
        // Snyk REST and the Atlassian admin API: {"errors":[{"code","title","detail"}]}.
        if let Some(first) = body.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()) {
            let (title, detail) = (text(first, "title"), text(first, "detail").or_else(|| text(first, "message")));
            let message = match (title, detail) {
                (Some(title), Some(detail)) if title != detail => Some(format!("{title}: {detail}")),
                (title, detail) => detail.or(title).or_else(|| first.as_str().map(str::to_owned)),
            };
            return Self { code: text(first, "code"), message, ..Self::default() };
        }
        match body.get("error") {
            // Bitbucket Cloud: {"type":"error","error":{"message","detail","data"}}; `detail` is a string or an object.
            Some(error @ Value::Object(_)) => {
                let detail = error.get("detail");
                let data = error.get("data").or_else(|| body.get("data"));
                Self {
                    code: text(error, "code"),
                    message: text(error, "message").or_else(|| detail.and_then(Value::as_str).map(str::to_owned)),
                    required: detail.map(|detail| texts(detail, "required")).unwrap_or_default(),
                    granted: detail.map(|detail| texts(detail, "granted")).unwrap_or_default(),
                    announcement: data.and_then(|data| text(data, "announcement_url")),
                }
            }
            // OAuth: {"error":"invalid_client","error_description"}; Snyk V1: {"code":401,"error","message"}.
            Some(Value::String(error)) => {
                let message = text(body, "error_description").or_else(|| text(body, "message"));
                Self { code: Some(error.clone()), message: message.or_else(|| Some(error.clone())), ..Self::default() }
            }
            // Anything flat: {"status":"401","code":"Unauthorized"}, {"code","message"}.
            _ => Self { code: text(body, "code"), message: text(body, "message"), ..Self::default() },
        }
    }

    fn says(&self, words: &str) -> bool {
        self.message.as_ref().is_some_and(|message| message.to_ascii_lowercase().contains(words))
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Most scopes that a body may name; the vocabularies have a few dozen words.
const MOST_SCOPES: usize = 100;

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).take(MOST_SCOPES).map(str::to_owned).collect()
}

/// Classifies an answer that is no success.
pub(crate) fn classify(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    redactor: &Redactor,
    now: DateTime<Utc>,
) -> Failure {
    let parsed = serde_json::from_slice::<Value>(without_mark(body)).ok();
    let kind = body_kind(headers, body, parsed.is_some());
    let error = match &parsed {
        Some(parsed) => ErrorBody::read(parsed),
        None => ErrorBody { message: plain_text(kind, body), ..ErrorBody::default() },
    };
    let wait = retry_after(headers, now, LONGEST_API_WAIT);
    let refusal = refusal::read(headers, error.message.as_deref().unwrap_or_default());
    let class = match status {
        400 | 403 if !error.required.is_empty() || error.says(MISSING_SCOPE_WORDS) => {
            FailureClass::MissingScope { required: error.required.clone(), granted: error.granted.clone() }
        }
        300..=399 => FailureClass::Redirected { location_host: location_host(headers) },
        401 => FailureClass::Unauthorized,
        403 if error.says(NOT_ACCESSIBLE_WORDS) => FailureClass::NotAccessibleByThisAuthentication,
        403 => match refusal {
            Some(Refusal::OfOurAddress) => FailureClass::AddressRefused,
            Some(Refusal::By(by)) => FailureClass::ShutOut { by },
            None => FailureClass::Forbidden,
        },
        404 => FailureClass::NotFound,
        // Nobody but who stands on the way answers so: a proxy, or the portal of a network.
        407 | 511 => FailureClass::Proxy,
        408 => FailureClass::Timeout { phase: TimeoutPhase::Answer },
        410 => FailureClass::Gone { announcement: announcement(&error).map(|text| redactor.clean(&text)) },
        429 => FailureClass::RateLimited { retry_after: wait },
        500..=599 if is_maintenance(&error) => FailureClass::Maintenance,
        500..=599 => FailureClass::ServerError,
        200..=299 => FailureClass::UnexpectedBody,
        _ => FailureClass::BadRequest,
    };
    let said = match (&error.code, &error.message) {
        (Some(code), Some(message)) if code != message => format!(" ({code}): {message}"),
        (_, Some(message)) => format!(": {message}"),
        (Some(code), None) => format!(" ({code})"),
        // Nobody's word, and yet a hint at who stands between.
        (None, None) if kind == BodyKind::Html => " with an HTML page".to_owned(),
        (None, None) => String::new(),
    };
    let who = if class == FailureClass::Proxy { "a proxy or portal on the way" } else { "the API" };
    let clean = |text: String| Some(redactor.clean(&text)).filter(|text| !text.is_empty());
    Failure {
        class,
        detail: redactor.clean(&format!("{who} answered {status}{said}")),
        status: Some(status),
        body: kind,
        retry_after: wait,
        meta: Box::new(meta(headers)),
        context: Box::new(FailureContext {
            message: error.message.and_then(clean),
            code: error.code.and_then(clean),
            ..FailureContext::default()
        }),
    }
}

/// A body without any markup is the message itself; a page for people is not the API's word.
fn plain_text(kind: BodyKind, body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(without_mark(body)).ok().filter(|_| kind == BodyKind::Other)?.trim();
    (!text.is_empty() && text.len() <= LONGEST_PLAIN_TEXT && !text.starts_with(['{', '['])).then(|| text.to_owned())
}

fn is_maintenance(error: &ErrorBody) -> bool {
    error.code.as_deref() == Some(SNYK_MAINTENANCE_CODE) || error.says("maintenance")
}

/// `CHANGE-2770` out of the message, else the address of the announcement.
fn announcement(error: &ErrorBody) -> Option<String> {
    let message = error.message.as_deref().unwrap_or_default();
    let change = message.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'));
    let change = change.filter(|word| word.len() > "CHANGE-".len() && word.starts_with("CHANGE-"));
    change.map(str::to_owned).next().or_else(|| error.announcement.clone())
}

fn location_host(headers: &HeaderMap) -> Option<String> {
    let location = headers.get("location")?.to_str().ok()?;
    url::Url::parse(location).ok()?.host_str().map(str::to_owned)
}

/// The body without the byte order mark that some put before UTF-8, and which is no JSON.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// What sort of body it was: told by what it begins with, because a login page may call itself anything.
pub(crate) fn body_kind(headers: &HeaderMap, body: &[u8], is_json: bool) -> BodyKind {
    let text = without_mark(body).trim_ascii_start();
    let is_called_html =
        |kind: &HeaderValue| kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().contains("html"));
    if text.is_empty() {
        BodyKind::Absent
    } else if is_json {
        BodyKind::Json
    } else if text.first() == Some(&b'<') || headers.get("content-type").is_some_and(is_called_html) {
        BodyKind::Html
    } else {
        BodyKind::Other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    /// JSON as a vendor might send it on a bad day, the secret among it.
    fn body() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,40}".prop_map(Value::from),
            Just(Value::from(format!("it was {SECRET}\u{7}!"))),
        ];
        let keys = "errors|error|message|detail|required|granted|data|announcement_url|code|title|error_description";
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(keys, inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn check(status: u16, body: &[u8]) -> Result<(), TestCaseError> {
        let redactor = super::super::KnownSecrets::default().redactor([SECRET.into()]);
        let failure = classify(status, &HeaderMap::new(), body, &redactor, DateTime::UNIX_EPOCH).clean(&redactor);
        prop_assert!(FailureClass::LABELS.contains(&failure.class.as_label()));
        prop_assert!(!format!("{failure:?}").contains(SECRET), "{failure:?}");
        prop_assert!(!failure.detail.chars().any(char::is_control));
        prop_assert!(
            failure.message().into_iter().chain(failure.code()).all(|text| !text.chars().any(char::is_control))
        );
        // Only a 403 speaks of what shuts us out.
        let shuts_out = matches!(failure.class, FailureClass::AddressRefused | FailureClass::ShutOut { .. });
        prop_assert!(!shuts_out || status == 403);
        // A bad credential is never read into another status.
        prop_assert_eq!(failure.class == FailureClass::Unauthorized, status == 401);
        Ok(())
    }

    proptest! {
        #[test]
        fn any_json_is_classified_without_the_secret(status in 100_u16..600, body in body()) {
            check(status, body.to_string().as_bytes())?;
        }

        #[test]
        fn any_bytes_are_classified(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            check(status, &body)?;
        }
    }

    #[test]
    fn every_label_is_listed_once() {
        let labels: std::collections::BTreeSet<_> = FailureClass::LABELS.into_iter().collect();
        assert_eq!(labels.len(), FailureClass::LABELS.len());
    }
}
