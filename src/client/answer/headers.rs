//! Reads the headers of interest, leniently: a header that cannot be read is a header that is not there.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use reqwest::header::{HeaderMap, HeaderValue};

use super::{AnswerMeta, CredentialHeaders, LifecycleStage, VersionNotice, lenient};

/// The longest wait that a watched API gets by asking. A wrong date must not blind us for longer; an API that still
/// throttles then says so again.
pub(crate) const LONGEST_API_WAIT: Duration = Duration::from_mins(15);

/// A header as it came; what is shown of it is cleaned with the whole answer ([`AnswerMeta::clean`]), since half a secret
/// is one too.
pub(crate) fn text_header(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What the headers of an answer say.
pub(crate) fn meta(headers: &HeaderMap) -> AnswerMeta {
    let request_id = ["snyk-request-id", "x-request-id", "atl-traceid", "x-trace-id", "x-error-reference"];
    AnswerMeta {
        date: date(headers),
        request_id: request_id.iter().find_map(|name| text_header(headers, name)),
        version: version_notice(headers),
        credential: credential_headers(headers),
        has_challenge: headers.get_all("www-authenticate").iter().any(is_for_a_token),
    }
}

/// Whether a challenge may be one for a token. Kerberos and NTLM are how a company's own gateways ask who somebody is.
fn is_for_a_token(challenge: &HeaderValue) -> bool {
    let text = challenge.to_str().unwrap_or_default().trim_start();
    let scheme = text.split([' ', ',']).next().unwrap_or_default();
    !["negotiate", "ntlm", "kerberos"].iter().any(|other| scheme.eq_ignore_ascii_case(other))
}

/// The server's clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    headers.get("date").and_then(|value| value.to_str().ok()).and_then(parse_http_date)
}

/// `Retry-After`: seconds, or an HTTP date, at most `longest`. A date is compared with the server's own clock when it sent
/// one, else with `now`.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>, longest: Duration) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let wait = if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
        Duration::try_from_secs_f64(seconds.min(longest.as_secs_f64())).ok()?
    } else {
        (parse_http_date(text)? - date(headers).unwrap_or(now)).to_std().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(longest))
}

fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|time| time.to_utc()).filter(lenient::is_within_reach)
}

fn version_notice(headers: &HeaderMap) -> Option<VersionNotice> {
    let stage = text_header(headers, "snyk-version-lifecycle-stage");
    let notice = VersionNotice {
        requested: text_header(headers, "snyk-version-requested"),
        served: text_header(headers, "snyk-version-served"),
        stage: stage.as_deref().and_then(lifecycle_stage),
        deprecation: text_header(headers, "deprecation").as_deref().and_then(any_time),
        sunset: text_header(headers, "sunset").as_deref().and_then(any_date),
    };
    (notice != VersionNotice::default()).then_some(notice)
}

fn lifecycle_stage(word: &str) -> Option<LifecycleStage> {
    Some(match word.to_ascii_lowercase().as_str() {
        "wip" => LifecycleStage::WorkInProgress,
        "experimental" => LifecycleStage::Experimental,
        "beta" => LifecycleStage::Beta,
        "ga" => LifecycleStage::GeneralAvailability,
        "deprecated" => LifecycleStage::Deprecated,
        "sunset" => LifecycleStage::Sunset,
        _ => return None,
    })
}

fn any_time(text: &str) -> Option<DateTime<Utc>> {
    lenient::parse_time(text).or_else(|| parse_http_date(text))
}

fn any_date(text: &str) -> Option<NaiveDate> {
    any_time(text).map(|time| time.date_naive())
}

fn credential_headers(headers: &HeaderMap) -> CredentialHeaders {
    CredentialHeaders {
        granted: scope_list(headers, "x-oauth-scopes"),
        accepted: scope_list(headers, "x-accepted-oauth-scopes"),
        credential_type: text_header(headers, "x-credential-type"),
        token_id: text_header(headers, "x-token-id"),
    }
}

/// A comma-separated list of scopes. Not capped like a text: a long list is still a list of short words.
fn scope_list(headers: &HeaderMap, name: &str) -> Option<Vec<String>> {
    // A header may be repeated instead of being one long list.
    let lines: Option<Vec<&str>> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    let lines = lines.filter(|lines| !lines.is_empty())?;
    let scopes = lines.iter().flat_map(|line| line.split([',', ' '])).map(str::trim);
    Some(scopes.filter(|scope| !scope.is_empty() && scope.len() <= 64).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_date_that_nobody_understands_is_none() {
        assert_eq!(meta(&headers(&[("sunset", "3 Nov 60026 09:02:00 GMT")])).version, None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-23T09:00:00Z".parse().unwrap();
        let check = |pairs: &[(&'static str, &str)], seconds: Option<u64>| {
            let longest = Duration::from_mins(15);
            assert_eq!(retry_after(&headers(pairs), now, longest), seconds.map(Duration::from_secs), "{pairs:?}");
        };
        check(&[], None);
        check(&[("retry-after", "45")], Some(45));
        check(&[("retry-after", " 45.0 ")], Some(45));
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "NaN")], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "inf")], None);
        check(&[("retry-after", "")], None);
        check(&[("retry-after", "901")], Some(900));
        check(&[("retry-after", "99999999999999")], Some(900));
        check(&[("retry-after", "1e300")], Some(900));
        check(&[("retry-after", "Mon, 23 Nov 2026 09:02:00 GMT")], Some(120));
        check(&[("retry-after", "Mon, 23 Nov 2026 08:02:00 GMT")], Some(0));
        check(&[("retry-after", "Sun, 23 Nov 2098 09:00:00 GMT")], Some(900));
        check(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], Some(0));
        check(&[("retry-after", "Mon, 32 Nov 2026 09:02:00 GMT")], None);
        check(&[("retry-after", "Mon, 23 Nov 2026 09:02:00 GMT"), ("date", "Mon, 23 Nov 2026 09:01:00 GMT")], Some(60));
    }

    #[test]
    fn scope_headers_are_lists_and_an_empty_one_grants_nothing() {
        let check = |value: Option<&str>, expected: Option<&[&str]>| {
            let map = value.map_or_else(HeaderMap::new, |value| headers(&[("x-oauth-scopes", value)]));
            let granted = meta(&map).credential.granted;
            assert_eq!(granted, expected.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect()));
        };
        check(None, None);
        check(Some(""), Some(&[]));
        check(Some("account, repository:write"), Some(&["account", "repository:write"]));
        check(
            Some("read:user:bitbucket,read:workspace:bitbucket"),
            Some(&["read:user:bitbucket", "read:workspace:bitbucket"]),
        );
        let mut repeated = headers(&[("x-oauth-scopes", "account")]);
        repeated.append("x-oauth-scopes", "webhook, repository".parse().unwrap());
        assert_eq!(meta(&repeated).credential.granted.unwrap(), ["account", "webhook", "repository"]);
    }

    #[test]
    fn a_version_notice_is_read_from_whatever_headers_there_are() {
        assert_eq!(meta(&headers(&[])).version, None);
        let notice = meta(&headers(&[
            ("snyk-version-requested", "2026-03-25"),
            ("snyk-version-served", "2025-09-28~beta"),
            ("snyk-version-lifecycle-stage", "deprecated"),
            ("deprecation", "2026-09-01T00:00:00Z"),
            ("sunset", "2027-03-01"),
        ]));
        let expected = VersionNotice {
            requested: Some("2026-03-25".to_owned()),
            served: Some("2025-09-28~beta".to_owned()),
            stage: Some(LifecycleStage::Deprecated),
            deprecation: lenient::parse_time("2026-09-01"),
            sunset: "2027-03-01".parse().ok(),
        };
        assert_eq!(notice.version, Some(expected));
        let sunset =
            meta(&headers(&[("sunset", "Mon, 01 Mar 2027 00:00:00 GMT")])).version.and_then(|notice| notice.sunset);
        assert_eq!(sunset, "2027-03-01".parse().ok());
    }

    /// Every header that is read, with what comes near to what is expected, or anything at all.
    fn any_headers() -> impl Strategy<Value = HeaderMap> {
        let names = [
            "date",
            "retry-after",
            "x-request-id",
            "snyk-version-served",
            "snyk-version-lifecycle-stage",
            "deprecation",
            "sunset",
            "x-oauth-scopes",
            "x-accepted-oauth-scopes",
            "x-credential-type",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-ratelimit-nearlimit",
            "location",
            "content-type",
        ];
        let near = "[0-9eE+.:;,=w\" a-zA-Z/-]{0,40}".prop_map(String::into_bytes);
        let value = prop_oneof![near, proptest::collection::vec(any::<u8>(), 0..60)];
        let pairs = proptest::collection::vec((proptest::sample::select(names.to_vec()), value), 0..6);
        pairs.prop_map(|pairs| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                if let Ok(value) = reqwest::header::HeaderValue::from_bytes(&value) {
                    headers.append(name, value);
                }
            }
            headers
        })
    }

    #[test]
    fn a_gateways_sign_in_is_no_challenge_for_a_token() {
        let check = |challenges: &[&str], expected| {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                headers.append("www-authenticate", challenge.parse().unwrap());
            }
            assert_eq!(meta(&headers).has_challenge, expected, "{challenges:?}");
        };
        check(&[], false);
        check(&["Negotiate"], false);
        check(&["NTLM", "negotiate YIIJhg=="], false);
        check(&["BitbucketCustom realm=\"Bitbucket.org HTTP\""], true);
        check(&["Basic realm=\"x\""], true);
        // A server that takes both takes tokens.
        check(&["Negotiate", "NTLM", "Bearer"], true);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_wait_for_longer(headers in any_headers(), now in 0_i64..4_000_000_000) {
            let now = DateTime::from_timestamp(now, 0).unwrap();
            let _ = meta(&headers);
            let longest = Duration::from_mins(15);
            prop_assert!(retry_after(&headers, now, longest).is_none_or(|wait| wait <= longest));
        }
    }
}
