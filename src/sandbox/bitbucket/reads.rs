//! The readings of the 2.0 API. Scope and kind of credential are checked by the caller of these.

use serde_json::{Value, json};

use super::errors::{self, JSON};
use super::{fields, query, shapes};
use crate::sandbox::answer::Answer;
use crate::sandbox::call::Call;
use crate::sandbox::ids;
use crate::sandbox::paging;
use crate::sandbox::scm_auth::Principal;
use crate::sandbox::world::{Account, Bitbucket, IssueTracker, Repository, Role, TotalCount, Workspace};

const DEFAULT_PAGE_LENGTH: usize = 10;
const LONGEST_PAGE: usize = 100;
const LONGEST_PAGE_OF_PULL_REQUESTS: usize = 50;

/// One call at the desk.
pub(super) struct Desk<'a> {
    pub(super) bitbucket: &'a Bitbucket,
    pub(super) caller: &'a Principal<'a>,
    pub(super) call: &'a Call,
}

impl<'a> Desk<'a> {
    pub(super) fn user(&self) -> Answer {
        match self.account() {
            Some(account) => self.one(shapes::account(account, &self.call.origin)),
            None => errors::forbidden(),
        }
    }

    pub(super) fn user_workspaces(&self) -> Answer {
        let origin = &self.call.origin;
        let joined = self
            .bitbucket
            .workspaces
            .iter()
            .filter_map(|workspace| Some(shapes::workspace_access(workspace, self.role_in(workspace)?, origin)));
        let wanted = self.call.parameter("administrator").map(|value| Value::from(value == "true"));
        let joined =
            joined.filter(|item| wanted.as_ref().is_none_or(|wanted| item.get("administrator") == Some(wanted)));
        self.list(joined.collect(), LONGEST_PAGE)
    }

    pub(super) fn own_permission(&self, workspace: &str) -> Answer {
        let Some(found) = self.find_workspace(workspace) else { return errors::no_workspace(workspace) };
        match (self.account(), self.role_in(found)) {
            (Some(account), Some(role)) => self.one(shapes::membership(found, role, account, &self.call.origin)),
            _ => errors::forbidden(),
        }
    }

    pub(super) fn own_repository_permissions(&self, workspace: &str) -> Answer {
        let Some(found) = self.find_workspace(workspace) else { return errors::no_workspace(workspace) };
        if self.role_in(found).is_none() {
            return errors::forbidden();
        }
        let permissions = self.visible_in(found).map(|repository| {
            let admin = self.caller.administers(self.bitbucket, repository);
            json!({
                "type": "repository_permission",
                "permission": if admin { "admin" } else { "read" },
                "repository": {
                    "type": "repository",
                    "uuid": ids::braced(repository.uuid),
                    "name": repository.name,
                    "full_name": format!("{}/{}", found.slug, repository.slug)
                }
            })
        });
        self.queried(permissions.collect(), LONGEST_PAGE)
    }

    pub(super) fn workspace(&self, workspace: &str) -> Answer {
        match self.find_workspace(workspace) {
            Some(found) if self.caller.belongs_to(found) || self.has_public(found) => {
                self.one(shapes::workspace(found, &self.call.origin))
            }
            _ => errors::no_workspace(workspace),
        }
    }

    pub(super) fn projects(&self, workspace: &str) -> Answer {
        match self.find_workspace(workspace) {
            Some(found) if self.caller.belongs_to(found) => {
                let projects = found.projects.iter().map(|project| shapes::project(project, found));
                self.list(projects.collect(), LONGEST_PAGE)
            }
            // Strangers see public projects, and these are private.
            Some(found) if self.has_public(found) => self.list(Vec::new(), LONGEST_PAGE),
            _ => errors::no_workspace(workspace),
        }
    }

    pub(super) fn workspace_hooks(&self, workspace: &str) -> Answer {
        let Some(found) = self.find_workspace(workspace) else { return errors::no_workspace(workspace) };
        if self.role_in(found) != Some(Role::Owner) {
            return errors::forbidden();
        }
        let place = format!("workspaces/{}", found.slug);
        let subject = json!({ "type": "workspace", "uuid": ids::braced(found.uuid), "slug": found.slug });
        let hooks = found.hooks.iter().map(|hook| shapes::hook(hook, &subject, &self.call.origin, &place));
        self.list(hooks.collect(), LONGEST_PAGE)
    }

    pub(super) fn repositories(&self, workspace: &str) -> Answer {
        let Some(found) = self.find_workspace(workspace) else { return errors::no_workspace(workspace) };
        let role = self.call.parameter("role");
        if role.is_some_and(|role| !["member", "contributor", "admin", "owner"].contains(&role)) {
            return errors::error(400, "Invalid role");
        }
        let account = self.caller.account;
        // Explicit access only: what a workspace admin may do by the workspace does not count.
        let explicit = |repository: &&Repository| match role {
            Some("admin") => account.is_some_and(|account| repository.admins.contains(&account)),
            Some("owner") => false,
            Some(_) => self.caller.belongs_to(found),
            None => true,
        };
        let visible = self.visible_in(found).filter(explicit);
        let shape = |repository: &Repository| shapes::repository(self.bitbucket, repository, &self.call.origin);
        if self.call.parameter("q").is_none() && self.call.parameter("sort").is_none() {
            // A large workspace is walked in many calls: only the page that is sent is drawn up.
            return self.page_of(visible.collect(), LONGEST_PAGE, shape);
        }
        self.queried(visible.map(shape).collect(), LONGEST_PAGE)
    }

    pub(super) fn repository(&self, workspace: &str, slug: &str) -> Answer {
        match self.find_repository(workspace, slug) {
            Some(found) => self.one(shapes::repository(self.bitbucket, found, &self.call.origin)),
            None => errors::no_repository(workspace, slug),
        }
    }

    pub(super) fn hooks(&self, workspace: &str, slug: &str) -> Answer {
        let Some(found) = self.find_repository(workspace, slug) else {
            return errors::no_repository(workspace, slug);
        };
        if !self.caller.administers(self.bitbucket, found) {
            return errors::forbidden();
        }
        let full_name = format!("{workspace}/{}", found.slug);
        let place = format!("repositories/{full_name}");
        let subject = json!({ "type": "repository", "uuid": ids::braced(found.uuid), "full_name": full_name, "name": found.name });
        let hooks = found.hooks.iter().map(|hook| shapes::hook(hook, &subject, &self.call.origin, &place));
        self.list(hooks.collect(), LONGEST_PAGE)
    }

    pub(super) fn pull_requests(&self, workspace: &str, slug: &str) -> Answer {
        match self.find_repository(workspace, slug) {
            Some(_) => self.list(Vec::new(), LONGEST_PAGE_OF_PULL_REQUESTS),
            None => errors::no_repository(workspace, slug),
        }
    }

    pub(super) fn issues(&self, workspace: &str, slug: &str) -> Answer {
        match (self.find_repository(workspace, slug), self.bitbucket.issue_tracker) {
            (Some(_), IssueTracker::On) => self.list(Vec::new(), LONGEST_PAGE),
            (Some(_), _) => errors::error(404, "Repository has no issue tracker."),
            (None, _) => errors::no_repository(workspace, slug),
        }
    }

    pub(super) fn source(&self, workspace: &str, slug: &str, commit: &str, path: &str) -> Answer {
        let Some(found) = self.find_repository(workspace, slug) else {
            return errors::no_repository(workspace, slug);
        };
        let known = found.main_branch.as_deref() == Some(commit) || commit == "HEAD" && found.main_branch.is_some();
        match found.catalog.as_ref().filter(|file| known && file.path == path) {
            Some(file) if self.call.parameter("format") == Some("meta") => self.one(json!({
                "type": "commit_file",
                "path": file.path,
                "size": file.text().len(),
                "mimetype": "text/yaml",
                "commit": { "type": "commit", "hash": ids::hex(&found.slug).chars().take(40).collect::<String>() }
            })),
            Some(file) => Answer::text(200, "text/plain; charset=utf-8", &file.text()),
            None => errors::error(404, &format!("No such file or directory: {path}")),
        }
    }

    fn account(&self) -> Option<&'a Account> {
        self.caller.account.and_then(|account| self.bitbucket.account(account))
    }

    fn role_in(&self, workspace: &Workspace) -> Option<Role> {
        workspace.members.get(&self.caller.account?).copied()
    }

    fn find_workspace(&self, segment: &str) -> Option<&'a Workspace> {
        let named = self.bitbucket.workspaces.iter().find(|found| shapes::names(segment, &found.slug, found.uuid));
        named.filter(|found| !found.is_private || self.caller.belongs_to(found))
    }

    fn visible_in(&self, workspace: &Workspace) -> impl Iterator<Item = &'a Repository> {
        let (id, bitbucket, caller) = (workspace.uuid, self.bitbucket, self.caller);
        let here = bitbucket.repositories.iter().filter(move |found| found.workspace == id);
        here.filter(move |found| caller.sees(bitbucket, found))
    }

    fn has_public(&self, workspace: &Workspace) -> bool {
        self.bitbucket.repositories.iter().any(|found| found.workspace == workspace.uuid && !found.is_private)
    }

    fn find_repository(&self, workspace: &str, segment: &str) -> Option<&'a Repository> {
        let home = self.find_workspace(workspace)?;
        self.visible_in(home).find(|found| shapes::names(segment, &found.slug, found.uuid))
    }

    fn one(&self, body: Value) -> Answer {
        Answer::json(200, JSON, fields::select(body, self.call.parameter("fields")))
    }

    /// A list that understands `q` and `sort`.
    fn queried(&self, items: Vec<Value>, longest: usize) -> Answer {
        match query::filter(items, self.call.parameter("q")) {
            Some(items) => self.list(query::sort(items, self.call.parameter("sort")), longest),
            None => errors::error(400, "Invalid query"),
        }
    }

    fn list(&self, items: Vec<Value>, longest: usize) -> Answer {
        self.page_of(items, longest, |item| item)
    }

    fn page_of<T>(&self, items: Vec<T>, longest: usize, shape: impl Fn(T) -> Value) -> Answer {
        let number =
            |name: &str, default: usize| self.call.parameter(name).map_or(Some(default), |text| text.parse().ok());
        let length = number("pagelen", DEFAULT_PAGE_LENGTH).filter(|length| (1..=longest).contains(length));
        let Some(length) = length else { return errors::error(400, "Invalid pagelen") };
        let Some(number) = number("page", 1).filter(|number| *number >= 1) else {
            return errors::error(404, "Invalid page");
        };
        let page = paging::page(items, (number - 1).saturating_mul(length), length);
        let values: Vec<Value> = page.items.into_iter().map(shape).collect();
        let mut body = json!({ "values": values, "pagelen": length, "page": number });
        if let Some(envelope) = body.as_object_mut() {
            if self.bitbucket.total_count == TotalCount::Shown {
                envelope.insert("size".to_owned(), Value::from(page.total));
            }
            let link = |number: usize| {
                let query = self.call.query_with("page", &number.to_string());
                Value::from(format!("{}{}?{query}", self.call.origin, self.call.path))
            };
            if page.next.is_some() {
                envelope.insert("next".to_owned(), link(number + 1));
            }
            if number > 1 {
                envelope.insert("previous".to_owned(), link(number - 1));
            }
        }
        self.one(body)
    }
}
