//! `/self`: who the token is, and a user's personal access tokens.

use serde_json::{Value, json};

use super::desk::{Desk, LISTS, document, insert, ok};
use super::errors;
use crate::sandbox::answer::Answer;
use crate::sandbox::world::SnykTokenKind;

pub(super) fn this_caller(desk: &Desk<'_>) -> Answer {
    let token = desk.caller.token;
    let default = desk.snyk.organizations.iter().find(|known| desk.caller.sees_organization(known));
    let (kind, mut attributes) = match token.kind {
        SnykTokenKind::UserApiToken | SnykTokenKind::PersonalAccessToken => (
            "user",
            json!({
                "name": token.name,
                "username": token.name,
                "email": "snykwatch@acme.example",
                "avatar_url": "https://avatar.example.com/snykwatch.png"
            }),
        ),
        SnykTokenKind::ServiceAccountKey | SnykTokenKind::ServiceAccountToken | SnykTokenKind::OauthClient { .. } => {
            ("service_account", json!({ "name": token.name }))
        }
        SnykTokenKind::AppClient { .. } => ("app_instance", json!({ "name": token.name })),
    };
    if let Some(default) = default {
        insert(&mut attributes, "default_org_context", json!(default.id));
    }
    ok(document(json!({ "type": kind, "id": token.id, "attributes": attributes }), json!({})))
}

pub(super) fn personal_access_tokens(desk: &Desk<'_>) -> Answer {
    if !matches!(desk.caller.token.kind, SnykTokenKind::UserApiToken | SnykTokenKind::PersonalAccessToken) {
        return errors::forbidden("user");
    }
    let tokens = desk.snyk.tokens.iter().filter(|known| known.kind == SnykTokenKind::PersonalAccessToken);
    let tokens = tokens.filter(|known| known.is_usable(&desk.snyk.region, desk.world.now));
    // The real ids are ULIDs: 26 characters of Crockford's base 32.
    let ulid = |id: uuid::Uuid| id.simple().to_string().to_uppercase().chars().take(26).collect::<String>();
    let tokens: Vec<Value> = tokens
        .filter_map(|known| {
            Some(json!({
                "type": "personal_access_token",
                "id": ulid(known.id),
                "attributes": {
                    "label": known.name,
                    "created_at": known.created_at,
                    "expires_at": known.expires_at?,
                    "tenant_id": null
                }
            }))
        })
        .collect();
    match desk.cut(tokens, LISTS) {
        Ok(cut) => {
            let mut body = document(Value::Array(cut.items), cut.links);
            insert(&mut body, "meta", json!({ "max_active_tokens": 3, "max_expiry_days": 90 }));
            ok(body)
        }
        Err(refused) => refused,
    }
}
