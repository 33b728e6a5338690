//! Snyk's OAuth token endpoint, for client credentials.

use axum::http::Method;
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::ids;
use super::world::{SnykGrant, SnykTokenKind, World};

const JSON: &str = "application/json";

pub(super) fn token(world: &mut World, call: &Call) -> Answer {
    if call.method != Method::POST {
        return Answer::json(405, JSON, json!({ "error": "method_not_allowed" })).with_header("allow", "POST");
    }
    let refused = |status: u16, error: &str, description: &str| {
        Answer::json(status, JSON, json!({ "error": error, "error_description": description }))
    };
    if call.content_type() != Some("application/x-www-form-urlencoded") {
        return refused(400, "invalid_request", "The body must be form-urlencoded.");
    }
    let form = call.form();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("grant_type") != Some("client_credentials") {
        return refused(400, "unsupported_grant_type", "The authorization grant type is not supported.");
    }
    let found = world.snyk.tokens.iter().find_map(|token| match &token.kind {
        SnykTokenKind::OauthClient { client_id, lifetime } | SnykTokenKind::AppClient { client_id, lifetime } => {
            let fits = field("client_id") == Some(client_id) && field("client_secret") == Some(&token.secret);
            (fits && token.is_usable(&world.snyk.region, world.now)).then(|| (token.name.clone(), *lifetime))
        }
        _ => None,
    });
    let Some((client, lifetime)) = found else {
        return refused(401, "invalid_client", "Client authentication failed.");
    };
    let secret = format!("fake.{}.oauth", ids::hex(&format!("{client} {}", world.snyk.grants.len())));
    let answer = Answer::json(
        200,
        JSON,
        json!({
            "access_token": secret,
            "expires_in": lifetime.num_seconds(),
            "token_type": "bearer",
            "scope": "org.read group.read",
            "bot_id": ids::uuid(&format!("bot {client}"))
        }),
    )
    .by(Some(&client));
    world.snyk.grants.push(SnykGrant { secret, client, expires_at: world.now + lifetime });
    answer
}
