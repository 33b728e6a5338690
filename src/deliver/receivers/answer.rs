//! What an HTTP answer means for a delivery.
//!
//! | status | reason | again | received |
//! |---|---|---|---|
//! | 2xx | taken | | |
//! | 3xx | rejected: redirects are not followed | never | no |
//! | 408 | timeout | later | no |
//! | 425, 429 | rate limited | as `Retry-After` says | no |
//! | 401, 403, 407 | unauthorized | later: a key is wrong or in rotation, and what was sent is not | no |
//! | every other 4xx, 410 among them | rejected | never | no |
//! | 500, 502, 504 and the rest of 5xx | server error | as `Retry-After` says | perhaps |
//! | 503 | server error | as `Retry-After` says | no |
//! | anything else | no answer of HTTP | later | perhaps |
//!
//! A receiver that does not know us counts as failing at once ([`crate::deliver::ReceiverBoard::failing`]): another one
//! is told while everything waits. So does one that has rejected something for good.

use std::time::Duration;

use super::text::{clean_line, cut_characters};
use crate::client::answer::Redactor;
use crate::client::post::{PostAnswer, PostFailure};
use crate::deliver::receiver::{Retry, SendFailure};
use crate::domain::notification::{AttemptFailure, FailureReason, Reach};

/// As long as a receiver may make us wait by `Retry-After`: a page that waits longer is of little use, and one wrong
/// header must not silence a receiver. Seconds.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// As much of an answer's body as a failure tells. Characters.
const EXCERPT: usize = 160;

/// Judges what came of a post. Every 2xx is acceptance.
pub(super) fn judge(sent: Result<PostAnswer, PostFailure>, redactor: &Redactor) -> Result<PostAnswer, SendFailure> {
    let answer = sent.map_err(|failure| unanswered(failure, redactor))?;
    match of_status(answer.status) {
        None => Ok(answer),
        Some((reason, reach, again)) => {
            let retry = match (again, answer.retry_after) {
                (Again::Never, _) => Retry::Never,
                (Again::Later, _) | (Again::AsItSays, None) => Retry::Later,
                (Again::AsItSays, Some(wait)) => Retry::After(wait.min(LONGEST_WAIT)),
            };
            Err(SendFailure { reason, detail: detail(&answer, redactor), reach, retry })
        }
    }
}

/// An answer that should be acceptance and is not: something else answers in the receiver's place, so nobody knows
/// whether it was received.
pub(super) fn no_acceptance(answer: &PostAnswer, expected: &str, redactor: &Redactor) -> SendFailure {
    SendFailure {
        reason: FailureReason::InvalidAnswer,
        detail: redactor.clean(&format!("{}; expected {expected}", detail(answer, redactor))),
        reach: Reach::Unclear,
        retry: Retry::Later,
    }
}

/// What is sent cannot be written down: our own failure, and the same again would fail again.
pub(super) fn unwritable(error: &serde_json::Error) -> SendFailure {
    SendFailure {
        reason: FailureReason::Rejected,
        detail: format!("the message could not be written as JSON: {error}"),
        reach: Reach::NotReceived,
        retry: Retry::Never,
    }
}

fn unanswered(failure: PostFailure, redactor: &Redactor) -> SendFailure {
    let PostFailure { failure: AttemptFailure { reason, detail }, reach } = failure;
    // An address that is forbidden or leads nowhere today may lead somewhere tomorrow: names are repaired.
    let retry = if reason == FailureReason::Rejected { Retry::Never } else { Retry::Later };
    SendFailure { reason, detail: redactor.clean(&detail), reach, retry }
}

enum Again {
    Never,
    Later,
    AsItSays,
}

fn of_status(status: u16) -> Option<(FailureReason, Reach, Again)> {
    Some(match status {
        200..=299 => return None,
        401 | 403 | 407 => (FailureReason::Unauthorized, Reach::NotReceived, Again::Later),
        408 => (FailureReason::Timeout, Reach::NotReceived, Again::Later),
        425 | 429 => (FailureReason::RateLimited, Reach::NotReceived, Again::AsItSays),
        300..=499 => (FailureReason::Rejected, Reach::NotReceived, Again::Never),
        503 => (FailureReason::ServerError, Reach::NotReceived, Again::AsItSays),
        500..=599 => (FailureReason::ServerError, Reach::Unclear, Again::AsItSays),
        _ => (FailureReason::InvalidAnswer, Reach::Unclear, Again::Later),
    })
}

fn detail(answer: &PostAnswer, redactor: &Redactor) -> String {
    let status = answer.status;
    let mut text = format!("it answered {status}{}", phrase(status));
    let body = clean_line(&redactor.clean(&answer.body));
    // A page of HTML tells nothing in so few characters.
    if !body.is_empty() && !body.starts_with('<') {
        text.push_str(": ");
        text.push_str(&cut_characters(&body, EXCERPT));
    }
    text
}

/// What a status means, in HTTP's own words, after a space.
fn phrase(status: u16) -> String {
    let known = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map_or_else(String::new, |phrase| format!(" {phrase}"))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::client::answer::KnownSecrets;

    fn judged(
        status: u16,
        retry_after: Option<u64>,
        body: &str,
        redactor: &Redactor,
    ) -> Result<PostAnswer, SendFailure> {
        let retry_after = retry_after.map(Duration::from_secs);
        judge(Ok(PostAnswer { status, retry_after, date: None, body: body.to_owned() }), redactor)
    }

    #[test]
    fn each_status_has_its_consequence() {
        use FailureReason as Why;
        let minute = Retry::After(Duration::from_mins(1));
        let table = [
            (100, Why::InvalidAnswer, Reach::Unclear, Retry::Later),
            (300, Why::Rejected, Reach::NotReceived, Retry::Never),
            (302, Why::Rejected, Reach::NotReceived, Retry::Never),
            (308, Why::Rejected, Reach::NotReceived, Retry::Never),
            (400, Why::Rejected, Reach::NotReceived, Retry::Never),
            (401, Why::Unauthorized, Reach::NotReceived, Retry::Later),
            (403, Why::Unauthorized, Reach::NotReceived, Retry::Later),
            (407, Why::Unauthorized, Reach::NotReceived, Retry::Later),
            (404, Why::Rejected, Reach::NotReceived, Retry::Never),
            (408, Why::Timeout, Reach::NotReceived, Retry::Later),
            (410, Why::Rejected, Reach::NotReceived, Retry::Never),
            (413, Why::Rejected, Reach::NotReceived, Retry::Never),
            (425, Why::RateLimited, Reach::NotReceived, minute),
            (429, Why::RateLimited, Reach::NotReceived, minute),
            (500, Why::ServerError, Reach::Unclear, minute),
            (502, Why::ServerError, Reach::Unclear, minute),
            (503, Why::ServerError, Reach::NotReceived, minute),
            (504, Why::ServerError, Reach::Unclear, minute),
            (599, Why::ServerError, Reach::Unclear, minute),
            (600, Why::InvalidAnswer, Reach::Unclear, Retry::Later),
        ];
        for (status, reason, reach, retry) in table {
            let failure = judged(status, Some(60), "", &Redactor::default()).unwrap_err();
            assert_eq!((failure.reason, failure.reach, failure.retry), (reason, reach, retry), "{status}");
        }
        for status in [200, 201, 202, 204, 299] {
            assert!(judged(status, Some(60), "", &Redactor::default()).is_ok(), "{status}");
        }
    }

    #[test]
    fn without_retry_after_our_own_schedule_applies_and_no_wait_is_endless() {
        let retry = |wait| judged(429, wait, "", &Redactor::default()).unwrap_err().retry;
        assert_eq!(retry(None), Retry::Later);
        assert_eq!(retry(Some(0)), Retry::After(Duration::ZERO));
        assert_eq!(retry(Some(u64::MAX)), Retry::After(LONGEST_WAIT));
    }

    #[test]
    fn a_detail_is_one_line_without_secrets() {
        let redactor = KnownSecrets::default().redactor([SecretString::from("/services/T0/B0/secret")]);
        let detail = |status, body: &str| judged(status, None, body, &redactor).unwrap_err().detail;
        assert_eq!(detail(404, "no_service\r\n"), "it answered 404 Not Found: no_service");
        assert_eq!(
            detail(404, "Cannot POST /services/T0/B0/secret"),
            "it answered 404 Not Found: Cannot POST [redacted]"
        );
        assert_eq!(detail(502, "<html><body>Bad gateway"), "it answered 502 Bad Gateway");
        assert_eq!(detail(599, ""), "it answered 599");
        assert!(detail(500, &"long ".repeat(10_000)).chars().count() < 250);
        assert_eq!(detail(400, "a\u{202e}b\u{1b}[2J"), "it answered 400 Bad Request: ab [2J");
    }

    #[test]
    fn no_answer_is_tried_again_and_what_cannot_be_sent_is_not() {
        let failed = |reason, reach| {
            let failure = AttemptFailure { reason, detail: "no answer in time".to_owned() };
            judge(Err(PostFailure { failure, reach }), &Redactor::default()).unwrap_err()
        };
        let timeout = failed(FailureReason::Timeout, Reach::Unclear);
        assert_eq!((timeout.retry, timeout.reach), (Retry::Later, Reach::Unclear));
        assert_eq!(failed(FailureReason::Address, Reach::NotReceived).retry, Retry::Later);
        assert_eq!(failed(FailureReason::Rejected, Reach::NotReceived).retry, Retry::Never);
    }
}
