//! The site's OAuth token endpoint, for the client-credentials grant.

use axum::http::Method;
use serde_json::json;

use super::errors::{JSON, method_not_allowed};
use crate::sandbox::answer::Answer;
use crate::sandbox::call::Call;
use crate::sandbox::world::{OauthGrant, World};
use crate::sandbox::{ids, scm_auth};

pub(super) fn access_token(world: &mut World, call: &Call) -> Answer {
    if call.method != Method::POST {
        return method_not_allowed();
    }
    let refused = |status, error: &str, description: &str| {
        Answer::json(status, JSON, json!({ "error": error, "error_description": description }))
    };
    let form = call.form();
    let grant_type = form.iter().find(|(key, _)| key == "grant_type").map(|(_, value)| value.as_str());
    if grant_type != Some("client_credentials") {
        return refused(400, "unsupported_grant_type", "Only client_credentials is served here.");
    }
    let pair = call.authorization().filter(|(scheme, _)| scheme == "basic");
    let pair = pair.and_then(|(_, value)| scm_auth::basic_pair(value));
    let consumer = pair.and_then(|(key, secret)| {
        world.bitbucket.consumers.iter().find(|known| known.key == key && known.secret == secret)
    });
    let Some(consumer) = consumer else {
        return refused(401, "unauthorized_client", "Invalid OAuth client credentials");
    };
    let secret =
        format!("fake-bitbucket-oauth-{}", ids::hex(&format!("{} {}", consumer.key, world.bitbucket.grants.len())));
    let grant = OauthGrant { secret, consumer: consumer.key.clone(), expires_at: world.now + consumer.lifetime };
    let scopes: Vec<&str> = consumer.scopes.iter().map(String::as_str).collect();
    let answer = Answer::json(
        200,
        JSON,
        json!({
            "access_token": grant.secret,
            "scopes": scopes.join(" "),
            "expires_in": consumer.lifetime.num_seconds(),
            "token_type": "bearer",
            "state": "client_credentials",
            "refresh_token": format!("fake-refresh-{}", ids::hex(&consumer.key))
        }),
    )
    .by(Some(&consumer.key));
    world.bitbucket.grants.push(grant);
    answer
}
