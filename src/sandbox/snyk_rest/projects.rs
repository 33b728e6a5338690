//! `/orgs/{organization}/projects`.

use serde_json::{Value, json};

use super::desk::{Desk, LISTS, document, insert, ok};
use super::errors;
use crate::sandbox::answer::Answer;
use crate::sandbox::ids;
use crate::sandbox::world::{Organization, Permission, Project, ProjectStatus, RecurringTests, TestTimes};

pub(super) fn list(desk: &Desk<'_>, organization: &Organization) -> Result<Answer, Answer> {
    desk.need(Permission::ProjectRead)?;
    let call = desk.call;
    let (origins, kinds, targets) = (call.list("origins"), call.list("types"), call.list("target_id"));
    let names = call.list("names");
    let wanted: Vec<&Project> = organization
        .projects
        .iter()
        .filter(|project| {
            (origins.is_empty() || origins.contains(&project.origin))
                && (kinds.is_empty() || kinds.contains(&project.project_type))
                && (targets.is_empty() || targets.contains(&project.target.to_string()))
                && (names.is_empty() || names.contains(&project.name))
        })
        .collect();
    match call.parameter("meta_count") {
        None => {}
        Some("only") => {
            let links = json!({});
            let mut body = json!({ "jsonapi": { "version": "1.0" }, "links": links });
            insert(&mut body, "meta", json!({ "count": wanted.len() }));
            return Ok(ok(body));
        }
        Some(_) => return Err(errors::bad_parameter("meta_count", "must be equal to one of the allowed values: only")),
    }
    let cut = desk.cut(wanted, LISTS)?;
    let items = cut.items.into_iter().map(|project| resource(desk, organization, project)).collect();
    Ok(ok(document(Value::Array(items), cut.links)))
}

pub(super) fn one(desk: &Desk<'_>, organization: &Organization, id: &str) -> Result<Answer, Answer> {
    desk.need(Permission::ProjectRead)?;
    let found = organization.projects.iter().find(|project| project.id.to_string() == id);
    let found = found.map(|project| resource(desk, organization, project));
    found.map(|project| ok(document(project, json!({})))).ok_or_else(errors::not_found)
}

fn resource(desk: &Desk<'_>, organization: &Organization, project: &Project) -> Value {
    let recurring_tests = match project.recurring_tests {
        RecurringTests::Untold => json!({}),
        told => json!({ "frequency": told.as_str() }),
    };
    let mut pull_requests = json!({ "fail_only_for_issues_with_fix": false });
    if let Some(checks) = project.pull_requests {
        insert(&mut pull_requests, "is_enabled", json!(checks.is_on()));
    }
    let related =
        |what: &str, id: uuid::Uuid| json!({ "related": format!("/rest/orgs/{}/{what}/{id}", organization.id) });
    let mut target = json!({ "type": "target", "id": project.target });
    if desk.call.list("expand").iter().any(|what| what == "target") {
        let known = organization.targets.iter().find(|known| known.id == project.target);
        let attributes = json!({
            "display_name": known.map_or("", |known| known.display_name.as_str()),
            "url": known.and_then(|known| known.url.clone())
        });
        insert(&mut target, "attributes", attributes);
    }
    let organization_link = json!({ "related": format!("/rest/orgs/{}", organization.id) });
    let mut resource = json!({
        "type": "project",
        "id": project.id,
        "attributes": {
            "name": project.name,
            "type": project.project_type,
            "origin": project.origin,
            "status": if project.status == ProjectStatus::Active { "active" } else { "inactive" },
            "created": project.created,
            "read_only": false,
            "target_file": project.target_file,
            "target_reference": "main",
            "target_runtime": "",
            "business_criticality": [],
            "environment": [],
            "lifecycle": [],
            "tags": [],
            "settings": {
                "recurring_tests": recurring_tests,
                "pull_requests": pull_requests
            }
        },
        "relationships": {
            "organization": { "data": { "type": "org", "id": organization.id }, "links": organization_link },
            "target": { "data": target, "links": related("targets", project.target) },
            "importer": {
                "data": { "type": "user", "id": ids::uuid("importer") },
                "links": related("users", ids::uuid("importer"))
            }
        }
    });
    if desk.call.parameter("meta.latest_issue_counts") == Some("true") {
        let mut counts = json!({ "critical": 0, "high": 0, "medium": 1, "low": 2 });
        if let Some(at) = project.last_tested.filter(|_| project.told == TestTimes::Told) {
            insert(&mut counts, "updated_at", json!(at));
        }
        match project.told {
            TestTimes::Told | TestTimes::WithoutTime => {
                insert(&mut resource, "meta", json!({ "latest_issue_counts": counts }));
            }
            TestTimes::WithoutCounts => insert(&mut resource, "meta", json!({})),
            TestTimes::WithoutMeta => {}
        }
    }
    resource
}
