//! The JSON of Bitbucket's things.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::ids::braced;
use crate::sandbox::world::{Account, Bitbucket, Hook, Repository, Role, ScmProject, Workspace};

/// A time as Bitbucket writes it.
fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

fn link(href: &str) -> Value {
    json!({ "href": href })
}

pub(super) fn account(account: &Account, origin: &str) -> Value {
    let id = braced(account.uuid);
    json!({
        "type": "user",
        "uuid": id,
        "username": account.username,
        "display_name": account.display_name,
        "account_id": account.account_id,
        "nickname": account.username,
        "account_status": "active",
        "created_on": "2024-01-15T09:00:00.000000+00:00",
        "links": {
            "self": link(&format!("{origin}/2.0/users/{id}")),
            "avatar": link("https://avatar.example.com/bot.png"),
            "html": link(&format!("https://bitbucket.org/{id}/"))
        }
    })
}

pub(super) fn workspace(workspace: &Workspace, origin: &str) -> Value {
    let slug = &workspace.slug;
    json!({
        "type": "workspace",
        "uuid": braced(workspace.uuid),
        "slug": slug,
        "name": workspace.name,
        "is_private": workspace.is_private,
        "created_on": instant(workspace.created_on),
        "links": {
            "self": link(&format!("{origin}/2.0/workspaces/{slug}")),
            "html": link(&format!("https://bitbucket.org/{slug}/")),
            "repositories": link(&format!("{origin}/2.0/repositories/{slug}")),
            "projects": link(&format!("{origin}/2.0/workspaces/{slug}/projects"))
        }
    })
}

pub(super) fn workspace_access(workspace: &Workspace, role: Role, origin: &str) -> Value {
    json!({
        "type": "workspace_access",
        "administrator": role == Role::Owner,
        "workspace": {
            "type": "workspace_base",
            "uuid": braced(workspace.uuid),
            "slug": workspace.slug,
            "links": { "self": link(&format!("{origin}/2.0/workspaces/{}", workspace.slug)) }
        }
    })
}

pub(super) fn membership(found: &Workspace, role: Role, user: &Account, origin: &str) -> Value {
    let permission = match role {
        Role::Owner => "owner",
        Role::Creator => "create-project",
        Role::Member => "member",
    };
    json!({
        "type": "workspace_membership",
        "permission": permission,
        "user": account(user, origin),
        "workspace": workspace(found, origin),
        "links": { "self": link(&format!("{origin}/2.0/user/workspaces/{}/permission", found.slug)) }
    })
}

pub(super) fn project(project: &ScmProject, home: &Workspace) -> Value {
    json!({
        "type": "project",
        "uuid": braced(project.uuid),
        "key": project.key,
        "name": project.name,
        "description": "",
        "is_private": true,
        "has_publicly_visible_repos": false,
        "created_on": instant(home.created_on),
        "updated_on": instant(home.created_on),
        "links": { "html": link(&format!("https://bitbucket.org/{}/workspace/projects/{}", home.slug, project.key)) }
    })
}

pub(super) fn repository(bitbucket: &Bitbucket, repository: &Repository, origin: &str) -> Value {
    let home = bitbucket.workspace_by_id(repository.workspace);
    let workspace_slug = home.map_or("", |home| home.slug.as_str());
    let full_name = format!("{workspace_slug}/{}", repository.slug);
    let in_project = home.and_then(|home| home.projects.iter().find(|found| found.key == repository.project));
    let branch = repository.main_branch.as_ref().map(|name| json!({ "type": "branch", "name": name }));
    json!({
        "type": "repository",
        "uuid": braced(repository.uuid),
        "full_name": full_name,
        "name": repository.name,
        "slug": repository.slug,
        "description": "",
        "scm": "git",
        "is_private": repository.is_private,
        "fork_policy": "no_public_forks",
        "has_issues": false,
        "has_wiki": false,
        "language": "",
        "size": repository.size,
        "created_on": instant(repository.created_on),
        "updated_on": instant(repository.updated_on),
        "mainbranch": branch,
        "project": in_project.map(|found| json!({
            "type": "project", "key": found.key, "uuid": braced(found.uuid), "name": found.name
        })),
        "workspace": home.map(|home| json!({
            "type": "workspace", "uuid": braced(home.uuid), "slug": home.slug, "name": home.name
        })),
        "owner": home.map(|home| json!({
            "type": "team", "uuid": braced(home.uuid), "display_name": home.name
        })),
        "links": {
            "self": link(&format!("{origin}/2.0/repositories/{full_name}")),
            "html": link(&format!("https://bitbucket.org/{full_name}")),
            "hooks": link(&format!("{origin}/2.0/repositories/{full_name}/hooks"))
        }
    })
}

pub(super) fn hook(hook: &Hook, subject: &Value, origin: &str, place: &str) -> Value {
    json!({
        "type": "webhook_subscription",
        "uuid": braced(hook.uuid),
        "url": hook.url,
        "description": hook.description,
        "subject_type": subject.get("type"),
        "subject": subject,
        "active": hook.active,
        "created_at": instant(hook.created_at),
        "events": hook.events,
        "secret_set": true,
        "skip_cert_verification": false,
        "source": null,
        "read_only": null,
        "history_enabled": false,
        "links": { "self": link(&format!("{origin}/2.0/{place}/hooks/{}", braced(hook.uuid))) }
    })
}

/// Whether a path segment names a thing: by slug, or by UUID in braces.
pub(super) fn names(segment: &str, slug: &str, id: Uuid) -> bool {
    segment.eq_ignore_ascii_case(slug) || segment == braced(id)
}
