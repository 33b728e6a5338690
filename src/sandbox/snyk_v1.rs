//! Snyk's V1 API: an Organization's integrations, their settings, a project (`docs/apis/snyk.md`).

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::call::Call;
use super::ids;
use super::snyk_auth;
use super::world::{IntegrationMap, Organization, Permission, Project, ProjectStatus, World};

const JSON: &str = "application/json; charset=utf-8";

/// Answers a call below `/v1`.
pub(super) fn answer(world: &World, call: &Call) -> Answer {
    if call.method != Method::GET {
        return error(405, "Method not allowed").with_header("allow", "GET");
    }
    let Some(caller) = snyk_auth::sign_in(&world.snyk, call, world.now) else {
        return error(401, "Not authorised");
    };
    let path = call.path_segments();
    let ["v1", "org", organization, rest @ ..] = path.as_slice() else {
        return error(404, "Not found").by(Some(&caller.token.name));
    };
    let found = ids::named(organization).and_then(|id| world.snyk.organization(id));
    let Some(found) = found.filter(|found| caller.sees_organization(found)) else {
        let text =
            format!("Org {organization} was not found or you may not have the correct permissions to access the org.");
        return error(404, &text).by(Some(&caller.token.name));
    };
    let needed = match rest {
        ["project", _] => Permission::ProjectRead,
        _ => Permission::IntegrationRead,
    };
    let answer = if !caller.may(Permission::OrganizationRead) || !caller.may(needed) {
        error(403, "You do not have the required permissions to access this resource")
    } else {
        read(found, rest)
    };
    answer.by(Some(&caller.token.name))
}

fn read(organization: &Organization, path: &[&str]) -> Answer {
    match path {
        ["integrations"] => Answer::json(200, JSON, integrations(organization)),
        ["integrations", id, "settings"] => {
            match organization.integrations.iter().find(|known| known.id.to_string() == *id) {
                Some(known) => Answer::json(200, JSON, known.settings()),
                None => error(404, "Integration not found"),
            }
        }
        ["integrations", integration_type] => {
            match organization.integrations.iter().find(|known| known.integration_type == *integration_type) {
                Some(known) => Answer::json(200, JSON, json!({ "id": known.id })),
                None => error(404, "Integration not found"),
            }
        }
        ["project", id] => match organization.projects.iter().find(|known| known.id.to_string() == *id) {
            Some(known) => Answer::json(200, JSON, project(organization, known)),
            None => error(404, "Project not found"),
        },
        _ => error(404, "Not found"),
    }
}

fn integrations(organization: &Organization) -> Value {
    let known = organization.integrations.iter().map(|known| (known.integration_type.clone(), known.id));
    match organization.integration_map {
        IntegrationMap::Listed => {
            Value::Object(known.map(|(kind, id)| (kind, Value::from(id.to_string()))).collect::<Map<_, _>>())
        }
        IntegrationMap::OtherIds => {
            let other = |id: uuid::Uuid| Value::from(ids::uuid(&format!("not {id}")).to_string());
            Value::Object(known.map(|(kind, id)| (kind, other(id))).collect::<Map<_, _>>())
        }
        IntegrationMap::Empty => json!({}),
        IntegrationMap::List => known.map(|(kind, id)| json!({ "type": kind, "id": id })).collect(),
        IntegrationMap::Null => Value::Null,
    }
}

fn project(organization: &Organization, project: &Project) -> Value {
    let target = organization.targets.iter().find(|target| target.id == project.target);
    let mut body = json!({
        "id": project.id,
        "name": project.name,
        "created": project.created,
        "origin": project.origin,
        "type": project.project_type,
        "readOnly": false,
        "testFrequency": project.recurring_tests.as_str(),
        "totalDependencies": 12,
        "issueCountsBySeverity": { "critical": 0, "high": 0, "medium": 1, "low": 2 },
        "isMonitored": project.status == ProjectStatus::Active,
        "branch": "main",
        "targetReference": "main",
        "owner": null,
        "hostname": null,
        "tags": [],
        "browseUrl": format!("https://app.snyk.io/org/{}/project/{}", organization.slug, project.id)
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(at) = project.last_tested {
            object.insert("lastTestedDate".to_owned(), json!(at));
        }
        if let Some(url) = target.and_then(|target| target.url.clone()) {
            object.insert("remoteRepoUrl".to_owned(), Value::from(url));
        }
    }
    body
}

/// V1's error body.
pub(super) fn error(status: u16, message: &str) -> Answer {
    let reference = ids::uuid(message).to_string();
    Answer::json(status, JSON, json!({ "code": status, "error": message, "message": message }))
        .with_header("x-error-reference", reference)
}
