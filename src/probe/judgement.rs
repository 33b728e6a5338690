//! What a failed call proves, before anybody knows about which thing it failed.
//!
//! The rule of `docs/conditions.md` (evidence) in one place: a denial (401, 403, 404) is conclusive only when the
//! credential was accepted in the same round; everything else proves nothing. Pure: no call is made here.

use chrono::TimeDelta;

use crate::client::answer::{BodyKind, Failure, FailureClass, TimeoutPhase};
use crate::domain::evidence::Part;
use crate::domain::names::ApiName;
use crate::domain::work::{FailedAt, ProbeFailure};

/// Whether the API accepts the credential, as far as this round has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answered the credential's own endpoint (`/self`, `/user`).
    Accepted,
    /// It answered that endpoint with a rejection.
    Rejected,
    /// No conclusive answer.
    Unclear,
}

/// What a failed call on a target means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The target is denied to an accepted credential, or not there, with this HTTP status.
    Denied(u16),
    /// The credential itself is rejected: the target was not judged.
    CredentialRejected,
    /// Nothing is proved.
    Inconclusive,
}

/// The status of an answer that denies a target, if the failure is such an answer. An HTML page is a proxy's word, not
/// the API's.
pub(super) fn denial(failure: &Failure) -> Option<u16> {
    let denies = matches!(
        failure.class,
        FailureClass::Unauthorized
            | FailureClass::Forbidden
            | FailureClass::ShutOut { .. }
            | FailureClass::MissingScope { .. }
            | FailureClass::NotAccessibleByThisAuthentication
            | FailureClass::NotFound
    );
    failure.status.filter(|_| denies && (failure.body != BodyKind::Html || failure.is_rejection()))
}

/// Whether a page for people came in the API's place: of a proxy, a gateway or a login. It says nothing of whatever was
/// asked, a token least of all.
fn is_foreign_page(failure: &Failure) -> bool {
    let may_be = matches!(
        failure.class,
        FailureClass::UnexpectedBody
            | FailureClass::Forbidden
            | FailureClass::NotFound
            | FailureClass::Unauthorized
            | FailureClass::BadRequest
            | FailureClass::Gone { .. }
    );
    may_be && failure.body == BodyKind::Html && !failure.is_rejection()
}

/// Whether nobody knows whose refusal it is: it is not in the form of the API's words, and nothing shows that we speak with
/// the API.
fn is_wordless(failure: &Failure, api: Heard) -> bool {
    let is_silent = failure.body != BodyKind::Json && failure.code().is_none();
    failure.class == FailureClass::Forbidden && is_silent && api == Heard::NothingYet
}

/// Whether the API gave what was asked for, in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// So we speak with it, and it accepts the token.
    Success,
    /// It may be somebody else who answers.
    NothingYet,
}

/// What a failure on a target proves, given the credential's standing.
pub(super) fn judge(failure: &Failure, standing: Standing) -> Verdict {
    match (denial(failure), standing) {
        (Some(status), Standing::Accepted) => Verdict::Denied(status),
        (Some(_), Standing::Rejected) => Verdict::CredentialRejected,
        _ => Verdict::Inconclusive,
    }
}

/// Whether the API spoke for itself, though it denied: it is up.
pub(super) fn answered(failure: &Failure, heard: Heard) -> bool {
    denial(failure).is_some() && failure.class != FailureClass::NotFound && !is_wordless(failure, heard)
}

/// Whether the API as a whole looks unreachable, not just the endpoint asked.
pub(super) fn is_whole_api(failure: &Failure) -> bool {
    failed_at(failure).hides_whole_api()
}

/// How far the question came.
pub(super) fn failed_at(failure: &Failure) -> FailedAt {
    let looks_like_all = match failure.class {
        FailureClass::BudgetSpent { .. } | FailureClass::Refused | FailureClass::SecretRefused => {
            return FailedAt::Ourselves;
        }
        // Nothing was sent: an earlier answer asked for patience.
        FailureClass::RateLimited { .. } if failure.status.is_none() => return FailedAt::Ourselves,
        FailureClass::Dns
        | FailureClass::Proxy
        | FailureClass::Tls { .. }
        | FailureClass::ConnectionRefused
        | FailureClass::Unconnected
        | FailureClass::Timeout { phase: TimeoutPhase::Connect } => return FailedAt::TheWay,
        // A connection that was cut before any word of an answer: whoever cut it may stand anywhere on the way.
        FailureClass::Network if failure.status.is_none() => return FailedAt::TheWay,
        FailureClass::Redirected { .. } => return FailedAt::InItsPlace,
        FailureClass::RateLimited { .. }
        | FailureClass::Maintenance
        | FailureClass::ServerError
        | FailureClass::Truncated
        | FailureClass::Oversized { .. }
        | FailureClass::Timeout { .. }
        | FailureClass::Network => true,
        // JSON of another shape is this endpoint's change; a page for people stands in the place of the whole API.
        FailureClass::UnexpectedBody
        | FailureClass::Forbidden
        | FailureClass::NotFound
        | FailureClass::Unauthorized
        | FailureClass::BadRequest
        | FailureClass::Gone { .. } => {
            return if is_foreign_page(failure) { FailedAt::InItsPlace } else { FailedAt::Endpoint };
        }
        FailureClass::MissingScope { .. }
        | FailureClass::AddressRefused
        | FailureClass::ShutOut { .. }
        | FailureClass::NotAccessibleByThisAuthentication
        | FailureClass::Contradicted
        | FailureClass::Incomplete { .. }
        | FailureClass::Unfinished { .. }
        | FailureClass::ForeignNextLink { .. }
        | FailureClass::EndlessPaging => false,
    };
    if looks_like_all { FailedAt::WholeApi } else { FailedAt::Endpoint }
}

/// The word for a failure, and what happened. Whatever its status claims, a page for people is no word of the API: what it
/// would mean in the API's mouth leads to somebody who can do nothing about it.
pub(super) fn told(attempt: &str, failure: &Failure) -> (&'static str, String) {
    let label =
        if is_foreign_page(failure) { FailureClass::UnexpectedBody.as_label() } else { failure.class.as_label() };
    (label, format!("could not {attempt}: {}", failure.detail))
}

/// A failure as the outcome carries it; `attempt` says what could not be done, such as `read the targets`.
pub(super) fn probe_failure(api: &ApiName, part: Part, attempt: &str, failure: &Failure, heard: Heard) -> ProbeFailure {
    let (own, detail) = told(attempt, failure);
    let (reason, failed_at) = if is_wordless(failure, heard) {
        (FailureClass::UnexpectedBody.as_label(), FailedAt::InItsPlace)
    } else {
        (own, failed_at(failure))
    };
    ProbeFailure {
        part: Some(part),
        api: api.clone(),
        reason,
        detail,
        failed_at,
        retry_after: failure.retry_after.and_then(|wait| TimeDelta::from_std(wait).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: FailureClass, status: Option<u16>, body: BodyKind) -> Failure {
        Failure { status, body, ..Failure::without_answer(class, "text") }
    }

    #[test]
    fn a_denial_is_conclusive_only_beside_an_accepted_credential() {
        let check = |class: FailureClass, status, body, standing, expected| {
            assert_eq!(judge(&failure(class.clone(), status, body), standing), expected, "{class:?} {standing:?}");
        };
        let (json, html) = (BodyKind::Json, BodyKind::Html);
        check(FailureClass::Forbidden, Some(403), json, Standing::Accepted, Verdict::Denied(403));
        check(FailureClass::NotFound, Some(404), json, Standing::Accepted, Verdict::Denied(404));
        check(FailureClass::NotFound, Some(404), BodyKind::Absent, Standing::Accepted, Verdict::Denied(404));
        check(FailureClass::Unauthorized, Some(401), BodyKind::Absent, Standing::Accepted, Verdict::Denied(401));
        check(FailureClass::Unauthorized, Some(401), json, Standing::Rejected, Verdict::CredentialRejected);
        check(FailureClass::NotFound, Some(404), json, Standing::Unclear, Verdict::Inconclusive);
        check(FailureClass::Forbidden, Some(403), html, Standing::Accepted, Verdict::Inconclusive);
        check(FailureClass::ServerError, Some(500), json, Standing::Accepted, Verdict::Inconclusive);
        check(FailureClass::Gone { announcement: None }, Some(410), json, Standing::Accepted, Verdict::Inconclusive);
        check(
            FailureClass::RateLimited { retry_after: None },
            Some(429),
            json,
            Standing::Rejected,
            Verdict::Inconclusive,
        );
    }

    #[test]
    fn an_outage_is_told_from_a_lost_endpoint() {
        let check = |class: FailureClass, body, expected| {
            assert_eq!(is_whole_api(&failure(class.clone(), Some(500), body)), expected, "{class:?} {body:?}");
        };
        check(FailureClass::ServerError, BodyKind::Json, true);
        check(FailureClass::UnexpectedBody, BodyKind::Html, true);
        check(FailureClass::UnexpectedBody, BodyKind::Json, false);
        check(FailureClass::NotFound, BodyKind::Json, false);
        check(FailureClass::Gone { announcement: None }, BodyKind::Json, false);
        check(FailureClass::Redirected { location_host: None }, BodyKind::Absent, true);
        check(FailureClass::Timeout { phase: TimeoutPhase::Body }, BodyKind::Absent, true);
        check(FailureClass::EndlessPaging, BodyKind::Json, false);
    }

    #[test]
    fn a_page_in_the_place_of_an_api_is_told_from_the_apis_own_word() {
        let check = |class: FailureClass, status, body, expected: (FailedAt, &str)| {
            let failure = failure(class.clone(), Some(status), body);
            let told = probe_failure(&"acme".into(), Part::Access, "ask", &failure, Heard::Success);
            assert_eq!((told.failed_at, told.reason), expected, "{class:?} {body:?}");
        };
        let (json, html) = (BodyKind::Json, BodyKind::Html);
        let gone = || FailureClass::Gone { announcement: None };
        for (class, status) in [
            (FailureClass::UnexpectedBody, 200),
            (FailureClass::Forbidden, 403),
            (FailureClass::NotFound, 404),
            (gone(), 410),
        ] {
            let own = class.as_label();
            check(class.clone(), status, html, (FailedAt::InItsPlace, "unexpected_body"));
            check(class, status, json, (FailedAt::Endpoint, own));
        }
        // Vendors send pages of their own when they are in trouble.
        check(FailureClass::ServerError, 503, html, (FailedAt::WholeApi, "server_error"));
        check(FailureClass::RateLimited { retry_after: None }, 429, html, (FailedAt::WholeApi, "rate_limited"));
        for body in [html, BodyKind::Absent] {
            let redirected = FailureClass::Redirected { location_host: None };
            check(redirected, 302, body, (FailedAt::InItsPlace, "redirected"));
        }
    }

    #[test]
    fn what_another_says_in_the_apis_place_is_no_word_of_a_token() {
        let check = |class: FailureClass, status, body, message: Option<&str>, heard, expected: &str| {
            let mut failure = failure(class, Some(status), body);
            failure.context.message = message.map(str::to_owned);
            let told = probe_failure(&"snyk/us".into(), Part::Authentication, "ask", &failure, heard);
            assert_eq!(told.reason, expected, "{status} {body:?} {message:?} {heard:?}");
        };
        let (none, some) = (Heard::NothingYet, Heard::Success);
        for (class, status) in [
            (FailureClass::Forbidden, 403),
            (FailureClass::Unauthorized, 401),
            (FailureClass::NotFound, 404),
            (FailureClass::BadRequest, 400),
            (FailureClass::Gone { announcement: None }, 410),
        ] {
            check(class.clone(), status, BodyKind::Html, None, none, "unexpected_body");
            check(class, status, BodyKind::Html, None, some, "unexpected_body");
        }
        check(FailureClass::Forbidden, 403, BodyKind::Absent, None, none, "unexpected_body");
        check(FailureClass::Forbidden, 403, BodyKind::Other, None, none, "unexpected_body");
        check(FailureClass::Forbidden, 403, BodyKind::Other, Some("Forbidden"), none, "unexpected_body");
        // In its own form, or beside what the same API gave, a refusal is one.
        check(FailureClass::Forbidden, 403, BodyKind::Json, Some("no"), none, "forbidden");
        check(FailureClass::Forbidden, 403, BodyKind::Other, Some("Forbidden"), some, "forbidden");
        check(FailureClass::Forbidden, 403, BodyKind::Absent, None, some, "forbidden");
        // An API that is down says so by its status, whatever it shows.
        check(FailureClass::ServerError, 503, BodyKind::Html, None, none, "server_error");
        check(FailureClass::NotFound, 404, BodyKind::Absent, None, none, "not_found");
        // So it stands in the place of the whole API, which has not spoken.
        let wordless = failure(FailureClass::Forbidden, Some(403), BodyKind::Absent);
        let told = |heard| probe_failure(&"snyk/us".into(), Part::Authentication, "ask", &wordless, heard).failed_at;
        assert_eq!((told(none), answered(&wordless, none)), (FailedAt::InItsPlace, false));
        assert_eq!((told(some), answered(&wordless, some)), (FailedAt::Endpoint, true));
        // Who challenges speaks of the token.
        let mut challenge = failure(FailureClass::Unauthorized, Some(401), BodyKind::Html);
        challenge.meta.has_challenge = true;
        assert!(!is_foreign_page(&challenge));
    }

    #[test]
    fn what_was_not_sent_and_what_did_not_arrive_say_nothing_of_the_api() {
        let check = |class: FailureClass, status, expected| {
            assert_eq!(failed_at(&failure(class.clone(), status, BodyKind::Absent)), expected, "{class:?} {status:?}");
        };
        let timeout = |phase| FailureClass::Timeout { phase };
        check(FailureClass::BudgetSpent { retry_after: None }, None, FailedAt::Ourselves);
        check(FailureClass::SecretRefused, None, FailedAt::Ourselves);
        check(FailureClass::Refused, None, FailedAt::Ourselves);
        check(FailureClass::RateLimited { retry_after: None }, None, FailedAt::Ourselves);
        check(FailureClass::RateLimited { retry_after: None }, Some(429), FailedAt::WholeApi);
        check(FailureClass::Dns, None, FailedAt::TheWay);
        check(FailureClass::Proxy, None, FailedAt::TheWay);
        check(FailureClass::Tls { issuer: None }, None, FailedAt::TheWay);
        check(FailureClass::ConnectionRefused, None, FailedAt::TheWay);
        check(FailureClass::Unconnected, None, FailedAt::TheWay);
        check(timeout(TimeoutPhase::Connect), None, FailedAt::TheWay);
        // There was a connection: whoever is at its other end is reached.
        check(timeout(TimeoutPhase::Answer), None, FailedAt::WholeApi);
        // With TLS the other end has proved by then who it is.
        check(timeout(TimeoutPhase::Body), Some(200), FailedAt::WholeApi);
        check(FailureClass::Network, Some(200), FailedAt::WholeApi);
        // Nothing was heard of the other end.
        check(FailureClass::Network, None, FailedAt::TheWay);
        check(FailureClass::Redirected { location_host: None }, Some(302), FailedAt::InItsPlace);
        check(FailureClass::ServerError, Some(503), FailedAt::WholeApi);
        check(FailureClass::NotFound, Some(404), FailedAt::Endpoint);
    }
}
