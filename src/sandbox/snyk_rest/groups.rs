//! `/groups`: Groups, their Organizations, service accounts; the rest is passed on.

use serde_json::{Value, json};

use super::desk::{Desk, LISTS, document, insert, ok};
use super::{audit, errors, inventory, organizations, related, search};
use crate::sandbox::answer::Answer;
use crate::sandbox::ids;
use crate::sandbox::snyk_auth;
use crate::sandbox::world::{Availability, Group, Level, Organization, Permission, SnykToken, SnykTokenKind};

pub(super) fn list(desk: &Desk<'_>) -> Answer {
    let seen = desk.snyk.groups.iter().filter(|group| desk.caller.sees_group(group.id));
    let groups = seen.map(|group| json!({ "type": "group", "id": group.id, "attributes": { "name": group.name } }));
    match desk.cut(groups.collect(), LISTS) {
        Ok(cut) => ok(document(Value::Array(cut.items), cut.links)),
        Err(refused) => refused,
    }
}

/// Everything below one Group.
pub(super) fn below(desk: &Desk<'_>, id: &str, path: &[&str]) -> Answer {
    let group = ids::named(id).and_then(|id| desk.snyk.group(id));
    let Some(group) = group.filter(|group| desk.caller.sees_group(group.id)) else { return errors::not_found() };
    let answer = match path {
        [] => desk.need(Permission::GroupRead).map(|()| one(group)),
        ["orgs"] => organizations_of(desk, group),
        ["assets", "search"] => search::search(desk, group),
        ["assets", "repository", "aliases"] => related::aliases(desk, group),
        ["inventory", "assets"] => inventory::assets(desk, group),
        ["inventory", "assets", "filters"] => related::filters(desk, group),
        ["inventory", "assets", "filters", filter, "values"] => related::filter_values(desk, group, filter),
        ["inventory", "assets", asset, "relationships", "targets"] => related::targets(desk, group, asset),
        ["audit_logs", "search"] => audit::of_group(desk, group),
        ["service_accounts"] => service_accounts(desk, Level::Group(group.id)),
        ["service_accounts", account] => service_account(desk, Level::Group(group.id), account),
        _ => Err(errors::not_found()),
    };
    answer.unwrap_or_else(|refused| refused)
}

fn one(group: &Group) -> Answer {
    let attributes = json!({
        "name": group.name,
        "slug": group.slug,
        "created_at": group.created_at,
        "updated_at": group.created_at
    });
    ok(document(json!({ "type": "group", "id": group.id, "attributes": attributes }), json!({})))
}

fn organizations_of(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    desk.need(Permission::GroupRead)?;
    desk.need(Permission::GroupOrganizationList)?;
    let is_unfiltered = desk.snyk.listing_filter == Availability::Absent;
    let is_shown = |known: &&Organization| {
        let is_seen = known.group == group.id && desk.caller.sees_organization(known);
        is_seen || (is_unfiltered && known.group != group.id)
    };
    let seen: Vec<_> = desk.snyk.organizations.iter().filter(is_shown).collect();
    let all = seen.len();
    let wanted = organizations::matching(desk, seen);
    let cut = desk.cut(wanted, LISTS)?;
    let items = cut.items.into_iter().map(organizations::resource).collect();
    let mut body = document(Value::Array(items), cut.links);
    if desk.call.parameter("expand") == Some("count") {
        insert(&mut body, "meta", json!({ "total_count": all }));
    }
    Ok(ok(body))
}

pub(super) fn service_accounts(desk: &Desk<'_>, level: Level) -> Result<Answer, Answer> {
    desk.need(permission_for(level))?;
    let accounts = desk.snyk.tokens.iter().filter(|token| token.level == level && !token.revoked);
    let cut = desk.cut(accounts.filter_map(account).collect(), LISTS)?;
    let mut body = document(Value::Array(cut.items), cut.links);
    // Only the Group's list tells its limits.
    if matches!(level, Level::Group(_)) {
        insert(&mut body, "meta", json!({ "access_tokens": { "max_active_tokens": 10, "max_expiry_days": 365 } }));
    }
    Ok(ok(body))
}

pub(super) fn service_account(desk: &Desk<'_>, level: Level, id: &str) -> Result<Answer, Answer> {
    desk.need(permission_for(level))?;
    let found = desk.snyk.tokens.iter().filter(|token| token.level == level && !token.revoked);
    let found = found.filter(|token| token.id.to_string() == id).find_map(account);
    found.map(|account| ok(document(account, json!({})))).ok_or_else(errors::not_found)
}

fn permission_for(level: Level) -> Permission {
    match level {
        Level::Group(_) => Permission::GroupServiceAccountRead,
        Level::Organization(_) => Permission::OrganizationServiceAccountRead,
    }
}

/// A token's service account; none for what is not one.
fn account(token: &SnykToken) -> Option<Value> {
    let auth_type = match token.kind {
        SnykTokenKind::ServiceAccountKey => "api_key",
        SnykTokenKind::ServiceAccountToken => "access_token",
        SnykTokenKind::OauthClient { .. } => "oauth_client_secret",
        SnykTokenKind::UserApiToken | SnykTokenKind::PersonalAccessToken | SnykTokenKind::AppClient { .. } => {
            return None;
        }
    };
    let level = if matches!(token.level, Level::Group(_)) { "Group" } else { "Org" };
    let mut attributes = json!({
        "name": token.name,
        "auth_type": auth_type,
        "level": level,
        "role_id": ids::uuid("role snykwatch"),
        "created_at": token.created_at
    });
    if let (Some(at), false) = (token.expires_at, snyk_auth::is_oauth(token)) {
        insert(&mut attributes, "access_token_expires_at", json!(at));
    }
    if let SnykTokenKind::OauthClient { client_id, lifetime } = &token.kind {
        insert(&mut attributes, "client_id", json!(client_id));
        insert(&mut attributes, "access_token_ttl_seconds", json!(lifetime.num_seconds()));
    }
    Some(json!({ "type": "service_account", "id": token.id, "attributes": attributes }))
}
