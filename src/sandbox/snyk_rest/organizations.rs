//! `/orgs`: Organizations with their integrations and targets; the rest is passed on.

use serde_json::{Value, json};

use super::desk::{Desk, LISTS, TARGETS, document, insert, ok};
use super::{audit, errors, groups, projects};
use crate::sandbox::answer::Answer;
use crate::sandbox::ids;
use crate::sandbox::world::{Availability, Level, Organization, OrganizationIntegration, Permission, Target};

pub(super) fn list(desk: &Desk<'_>) -> Answer {
    let seen = desk.snyk.organizations.iter().filter(|known| desk.caller.sees_organization(known)).collect();
    match desk.cut(matching(desk, seen), LISTS) {
        Ok(cut) => ok(document(Value::Array(cut.items.into_iter().map(resource).collect()), cut.links)),
        Err(refused) => refused,
    }
}

/// Those that the `name`, `slug` and `group_id` parameters ask for.
pub(super) fn matching<'a>(desk: &Desk<'_>, found: Vec<&'a Organization>) -> Vec<&'a Organization> {
    let name = desk.call.parameter("name").map(str::to_lowercase);
    let (slug, group) = (desk.call.parameter("slug"), desk.call.parameter("group_id"));
    let mut found = found;
    found.retain(|known| {
        name.as_ref().is_none_or(|name| known.name.to_lowercase().contains(name))
            && slug.is_none_or(|slug| known.slug == slug)
            && group.is_none_or(|group| known.group.to_string() == group)
    });
    found
}

/// An Organization as a JSON:API resource.
pub(super) fn resource(organization: &Organization) -> Value {
    json!({
        "type": "org",
        "id": organization.id,
        "attributes": {
            "name": organization.name,
            "slug": organization.slug,
            "group_id": organization.group,
            "is_personal": false,
            "created_at": organization.created_at,
            "updated_at": organization.created_at
        }
    })
}

/// Everything below one Organization.
pub(super) fn below(desk: &Desk<'_>, id: &str, path: &[&str]) -> Answer {
    let found = ids::named(id).and_then(|id| desk.snyk.organization(id));
    let Some(found) = found.filter(|known| desk.caller.sees_organization(known)) else { return errors::not_found() };
    let level = Level::Organization(found.id);
    let answer = match path {
        [] => desk.need(Permission::OrganizationRead).map(|()| ok(document(resource(found), json!({})))),
        ["integrations", rest @ ..] => integrations(desk, found, rest),
        ["targets"] => targets(desk, found),
        ["targets", target] => one_target(desk, found, target),
        ["projects"] => projects::list(desk, found),
        ["projects", project] => projects::one(desk, found, project),
        ["audit_logs", "search"] => audit::of_organization(desk, found),
        ["service_accounts"] => groups::service_accounts(desk, level),
        ["service_accounts", account] => groups::service_account(desk, level, account),
        _ => Err(errors::not_found()),
    };
    answer.unwrap_or_else(|refused| refused)
}

fn integrations(desk: &Desk<'_>, organization: &Organization, path: &[&str]) -> Result<Answer, Answer> {
    if desk.snyk.rest_integrations == Availability::Absent {
        return Err(errors::not_found());
    }
    desk.need(Permission::IntegrationRead)?;
    let shape = |known: &OrganizationIntegration| {
        json!({
            "type": "integration",
            "id": known.id,
            "attributes": {
                "integration_type": known.integration_type,
                "profile_name": null,
                "has_broker": false,
                "created_at": known.created_at,
                "updated_at": known.updated_at
            },
            "relationships": { "org": { "data": { "type": "org", "id": organization.id } } }
        })
    };
    match path {
        [] => {
            let cut = desk.cut(organization.integrations.iter().map(shape).collect(), LISTS)?;
            Ok(ok(document(Value::Array(cut.items), cut.links)))
        }
        [id] => {
            let found = organization.integrations.iter().find(|known| known.id.to_string() == *id);
            found.map(|found| ok(document(shape(found), json!({})))).ok_or_else(errors::not_found)
        }
        _ => Err(errors::not_found()),
    }
}

fn targets(desk: &Desk<'_>, organization: &Organization) -> Result<Answer, Answer> {
    desk.need(Permission::ProjectRead)?;
    let call = desk.call;
    // Hides what was imported and has no project, unless told otherwise.
    let exclude_empty = match call.parameter("exclude_empty") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(errors::bad_parameter("exclude_empty", "must be true or false")),
    };
    let kinds = call.list("source_types");
    let with_projects: std::collections::BTreeSet<_> = organization.projects.iter().map(|known| known.target).collect();
    let wanted = organization.targets.iter().filter(|target| {
        (!exclude_empty || with_projects.contains(&target.id))
            && (kinds.is_empty() || kinds.contains(&target.integration_type))
            && call.parameter("url").is_none_or(|url| target.url.as_deref() == Some(url))
            && call.parameter("display_name").is_none_or(|start| target.display_name.starts_with(start))
            && call.parameter("is_private").is_none_or(|private| target.is_private.to_string() == private)
    });
    let cut = desk.cut(wanted.collect(), TARGETS)?;
    let items = cut.items.into_iter().map(|target| target_resource(organization, target)).collect();
    let mut body = document(Value::Array(items), cut.links);
    if call.parameter("count") == Some("true") {
        insert(&mut body, "meta", json!({ "count": cut.total }));
    }
    Ok(ok(body))
}

fn one_target(desk: &Desk<'_>, organization: &Organization, id: &str) -> Result<Answer, Answer> {
    desk.need(Permission::ProjectRead)?;
    let found = organization.targets.iter().find(|target| target.id.to_string() == id);
    found.map(|target| ok(document(target_resource(organization, target), json!({})))).ok_or_else(errors::not_found)
}

fn target_resource(organization: &Organization, target: &Target) -> Value {
    json!({
        "type": "target",
        "id": target.id,
        "attributes": {
            "display_name": target.display_name,
            "url": target.url,
            "is_private": target.is_private,
            "created_at": target.created_at
        },
        "relationships": {
            "organization": { "data": { "type": "organization", "id": organization.id } },
            "integration": { "data": {
                "type": "integration",
                "id": target.integration,
                "attributes": { "integration_type": target.integration_type }
            } }
        }
    })
}
