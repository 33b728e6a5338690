//! Snyk's REST API, as far as snykwatch reads it (`docs/apis/snyk.md`).
//!
//! A call goes: method, token (401), `version` (400), endpoint (404), what the token may (404 for what it does not see,
//! 403 for what it may not read), parameters (400), answer. Every answer carries the version headers.

mod assets;
mod audit;
mod desk;
mod errors;
mod groups;
mod inventory;
mod organizations;
mod projects;
mod related;
mod rsql;
mod search;
mod this_caller;
mod versions;

use axum::http::Method;

use super::answer::Answer;
use super::call::Call;
use super::ids;
use super::snyk_auth;
use super::world::{RateHeaders, World};
use desk::Desk;

pub(super) use errors::error;

/// JSON:API's media type.
const JSON_API: &str = "application/vnd.api+json";

/// What Snyk says about its limits, as recorded in 2026: the limit of the window that is nearest to being used up, then
/// each window with its seconds and a quoted name; the other two headers belong to the nearest window.
const RATE_LIMITS: &str = r#"160, 160;w=1;name="crd|generic_key^api-gateway.api-rest|generic_key^per_second|principal_id|ratelimit_bucket^high", 1620;w=60;name="crd|generic_key^api-gateway.api-rest|generic_key^per_minute|principal_id|ratelimit_bucket^high", 97200;w=3600;name="crd|generic_key^api-gateway.api-rest|generic_key^per_hour|principal_id|ratelimit_bucket^high""#;

/// Answers a call below `/rest`.
pub(super) fn answer(world: &World, call: &Call) -> Answer {
    let path = call.path_segments();
    let path = path.get(1..).unwrap_or_default();
    let requested = call.parameter("version");
    let (mut answer, release) = respond(world, call, path);
    if let Some(requested) = requested {
        answer = answer.with_header("snyk-version-requested", requested);
    }
    if let Some(release) = release {
        answer = release.stamp(answer, world.snyk.lifecycle.as_ref());
    }
    let id = ids::uuid(&format!("request {} {} {:?}", world.now, call.path, call.query));
    let answer = answer.with_header("snyk-request-id", id.to_string());
    let (limit, remaining, reset) = match world.snyk.rate_headers {
        RateHeaders::Absent => return answer,
        RateHeaders::Recorded => (RATE_LIMITS, "159", "1"),
        RateHeaders::Unreadable => ("unlimited", "many", "soon"),
    };
    answer
        .with_header("x-ratelimit-limit", limit)
        .with_header("x-ratelimit-remaining", remaining)
        .with_header("x-ratelimit-reset", reset)
}

fn respond(world: &World, call: &Call, path: &[&str]) -> (Answer, Option<versions::Release>) {
    let searching = matches!(path, ["groups", _, "assets", "search"]);
    if call.method != if searching { Method::POST } else { Method::GET } {
        let allow = if searching { "POST" } else { "GET" };
        return (error(405, None, "Method Not Allowed", "Method not allowed").with_header("allow", allow), None);
    }
    if path == ["openapi"] {
        return (Answer::json(200, "application/json", versions::listing()), None);
    }
    let Some(caller) = snyk_auth::sign_in(&world.snyk, call, world.now) else {
        return (errors::unauthorized(), None);
    };
    let by = Some(caller.token.name.as_str());
    let Some(requested) = call.parameter("version").filter(|version| versions::is_version(version)) else {
        return (errors::bad_parameter("version", "A valid version parameter is required.").by(by), None);
    };
    let Some(release) = versions::release_of(path, requested) else {
        return (errors::not_found().by(by), None);
    };
    let desk = Desk { world, snyk: &world.snyk, caller, call };
    let answer = match path {
        ["self"] => this_caller::this_caller(&desk),
        ["self", "personal_access_tokens"] => this_caller::personal_access_tokens(&desk),
        ["groups"] => groups::list(&desk),
        ["groups", group, rest @ ..] => groups::below(&desk, group, rest),
        ["orgs"] => organizations::list(&desk),
        ["orgs", organization, rest @ ..] => organizations::below(&desk, organization, rest),
        _ => errors::not_found(),
    };
    (answer.by(by), Some(release))
}
