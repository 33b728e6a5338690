//! Atlassian's admin API: the organisation's API tokens, the one place that tells when a token ends
//! (`docs/apis/bitbucket-cloud.md`).

use axum::http::Method;
use chrono::NaiveTime;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::paging;
use super::world::{Availability, CredentialState, LastActive, ScmCredential, ScmCredentialKind, World};

const JSON: &str = "application/json";
const LONGEST_PAGE: usize = 1000;
const SCOPE: &str = "read:tokens:admin";

/// Answers a call to the admin API.
pub(super) fn answer(world: &World, call: &Call) -> Answer {
    if call.method != Method::GET {
        return error(405, "Method Not Allowed").with_header("allow", "GET");
    }
    let key = call.authorization().filter(|(scheme, _)| scheme == "bearer");
    let key = key.and_then(|(_, secret)| world.atlassian.keys.iter().find(|known| known.secret == secret));
    let Some(key) = key else { return error(401, "Unauthorized") };
    let answer = match call.path_segments().as_slice() {
        _ if !key.scopes.iter().any(|scope| scope == SCOPE) => error(403, "Forbidden: the key lacks a scope"),
        ["admin", "api-access", "v1", "orgs", organization, "api-tokens"]
            if *organization == world.atlassian.organization =>
        {
            tokens(world, call)
        }
        _ => error(404, "Not Found"),
    };
    answer
        .with_header("x-ratelimit-limit", "500")
        .with_header("x-ratelimit-remaining", "480")
        .with_header("x-ratelimit-reset", (world.now + chrono::TimeDelta::minutes(1)).to_rfc3339())
        .by(Some(&key.name))
}

fn tokens(world: &World, call: &Call) -> Answer {
    // A wrong parameter name was seen to make this API fall over.
    if call.query.iter().any(|(name, _)| !["pageSize", "cursor", "q", "status"].contains(&name.as_str())) {
        return error(500, "Internal Server Error");
    }
    let length = call.parameter("pageSize").map_or(Some(100), |text| text.parse().ok());
    let Some(length) = length.filter(|length| (1..=LONGEST_PAGE).contains(length)) else {
        return error(400, "pageSize must be between 1 and 1000");
    };
    let Some(offset) = call.parameter("cursor").map_or(Some(0), paging::offset) else {
        return error(400, "Invalid cursor");
    };
    let (wanted, status) = (call.parameter("q").map(str::to_lowercase), call.parameter("status"));
    let tokens = world.bitbucket.credentials.iter().filter_map(|credential| shape(world, credential));
    let tokens = tokens.filter(|token| status.is_none_or(|status| token.get("status") == Some(&Value::from(status))));
    let tokens = tokens.filter(|token| {
        let text = |pointer| token.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_lowercase();
        wanted.as_ref().is_none_or(|q| text("/label").contains(q) || text("/user/email").contains(q))
    });
    let page = paging::page(tokens.collect(), offset, length);
    let mut links = Map::from_iter([("self".to_owned(), Value::from(call.path.clone()))]);
    if let Some(next) = page.next {
        links.insert("next".to_owned(), Value::from(paging::cursor(next)));
    }
    Answer::json(200, JSON, json!({ "data": page.items, "links": links }))
}

fn shape(world: &World, credential: &ScmCredential) -> Option<Value> {
    let (ScmCredentialKind::ApiToken { owner } | ScmCredentialKind::ApiTokenWithoutScopes { owner }) = credential.kind
    else {
        return None;
    };
    if credential.listed == Availability::Absent {
        return None;
    }
    let status = match credential.state {
        CredentialState::Allowed => "ALLOWED",
        CredentialState::Blocked => "BLOCKED",
        CredentialState::Revoked => return None,
    };
    let account = world.bitbucket.account(owner)?;
    let mut token = json!({
        "id": credential.admin_id,
        "label": credential.name,
        "status": status,
        "createdAt": credential.created_at,
        "user": {
            "id": account.account_id,
            "orgId": world.atlassian.organization,
            "name": account.display_name,
            "email": account.email
        }
    });
    let last_active = credential.last_used.and_then(|at| match world.atlassian.last_active {
        LastActive::Moment => Some(at),
        LastActive::Day => Some(at.date_naive().and_time(NaiveTime::MIN).and_utc()),
        LastActive::Untold => None,
    });
    if let Some(object) = token.as_object_mut() {
        let more = [("expiresAt", credential.expires_at), ("lastActiveAt", last_active)];
        object.extend(more.into_iter().filter_map(|(key, at)| Some((key.to_owned(), json!(at?)))));
    }
    Some(token)
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, JSON, json!({ "code": status, "message": message }))
}
