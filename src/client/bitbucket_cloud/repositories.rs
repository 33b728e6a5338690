//! Repositories: how many, which, and what is in them that bears on a Snyk integration.

use std::hash::Hash;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{BitbucketCloudClient, FirstPage, PAGE_SIZE};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::Listed;

/// The fields we use; without them a page of 100 repositories is half a megabyte.
const FIELDS: &str = "size,next,values.uuid,values.full_name,values.slug,values.name,values.is_private,\
                      values.created_on,values.updated_on,values.size,values.mainbranch,values.project.key,values.links.html.href";
const TOTAL_FIELDS: &str = "size,next,values.uuid,values.full_name";

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its id, with braces; stays when it is renamed.
    pub uuid: String,
    /// `workspace/slug`.
    pub full_name: String,
    /// Its name; hostile text.
    pub name: Option<String>,
    /// Whether strangers cannot see it.
    pub is_private: Option<bool>,
    /// When it was created.
    pub created_on: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_on: Option<DateTime<Utc>>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// Its main branch.
    pub main_branch: MainBranch,
    /// The project it is in.
    pub project_key: Option<String>,
    /// Its address in a browser.
    pub web_url: Option<String>,
}

/// The main branch of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MainBranch {
    /// Its name.
    Named(String),
    /// There is one, or something in its place that is not understood: the repository does not say that it is empty.
    Unnamed,
    /// There is none: nothing was pushed yet.
    Nothing,
    /// The answer has no such field, which alone says nothing about the repository.
    Untold,
}

impl Repository {
    /// Whether there is nothing in it for Snyk to import: the answer says that there is no main branch, or has neither that
    /// field nor any bytes. An inference, so anything else counts as content: what passes for empty is judged by nobody.
    pub fn is_empty(&self) -> bool {
        match self.main_branch {
            MainBranch::Nothing => true,
            MainBranch::Untold => self.size_bytes == Some(0),
            MainBranch::Named(_) | MainBranch::Unnamed => false,
        }
    }

    /// The first part of the full name: the workspace it is in now.
    pub fn workspace(&self) -> &str {
        self.full_name.split_once('/').map_or("", |(workspace, _)| workspace)
    }

    /// The second part of the full name.
    pub fn slug(&self) -> &str {
        self.full_name.split_once('/').map_or(&self.full_name, |(_, slug)| slug)
    }
}

/// A webhook of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// Its id, with braces.
    #[serde(default, deserialize_with = "lenient::text")]
    pub uuid: Option<String>,
    /// Where it calls. May carry a secret: never show more than its host.
    #[serde(default, deserialize_with = "lenient::text")]
    pub url: Option<String>,
    /// Whether it calls at all.
    #[serde(default, rename = "active", deserialize_with = "lenient::flag")]
    pub is_active: Option<bool>,
    /// What it calls for.
    #[serde(default, deserialize_with = "lenient::list")]
    pub events: Vec<String>,
}

/// What is at a path in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEntry {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// Something else, such as a link to another repository.
    Other,
}

#[derive(Deserialize)]
struct Entry {
    uuid: String,
    full_name: String,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    is_private: Option<bool>,
    #[serde(default, deserialize_with = "lenient::time")]
    created_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::time")]
    updated_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient::count")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "main_branch")]
    mainbranch: Option<MainBranch>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    project: Option<Project>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    links: Links,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    #[serde(deserialize_with = "lenient::or_default")]
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct AdministeredEntry {
    repository: Entry,
}

#[derive(Deserialize)]
struct SourceMeta {
    #[serde(rename = "type", default, deserialize_with = "lenient::text")]
    kind: Option<String>,
}

/// Keeps an explicit `null` apart from a field that is not there, and both from one of another shape.
fn main_branch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MainBranch>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(Some(MainBranch::Nothing));
    }
    let name = value.as_str().or_else(|| value.get("name")?.as_str()).filter(|name| !name.is_empty());
    Ok(Some(name.map_or(MainBranch::Unnamed, |name| MainBranch::Named(name.to_owned()))))
}

impl Listed for Entry {
    fn identity(&self) -> Option<impl Hash> {
        Some(&self.uuid)
    }
}

impl Listed for AdministeredEntry {
    fn identity(&self) -> Option<impl Hash> {
        Some(&self.repository.uuid)
    }
}

impl Listed for Hook {
    fn identity(&self) -> Option<impl Hash> {
        self.uuid.as_ref()
    }
}

impl From<Entry> for Repository {
    fn from(entry: Entry) -> Self {
        Self {
            uuid: entry.uuid,
            full_name: entry.full_name,
            name: entry.name,
            is_private: entry.is_private,
            created_on: entry.created_on,
            updated_on: entry.updated_on,
            size_bytes: entry.size,
            main_branch: entry.mainbranch.unwrap_or(MainBranch::Untold),
            project_key: entry.project.map(|project| project.key),
            web_url: entry.links.html.map(|link| link.href),
        }
    }
}

impl FirstPage<Entry> {
    fn into_repositories(self) -> FirstPage<Repository> {
        FirstPage {
            items: self.items.into_iter().map(Into::into).collect(),
            total: self.total,
            has_more: self.has_more,
        }
    }
}

impl BitbucketCloudClient {
    /// How many repositories of a workspace the account sees, with the first of them (only id and full name are set).
    pub async fn repositories_total(&self, workspace: &str) -> Result<Answer<FirstPage<Repository>>, Failure> {
        let call = self.get(&["repositories", workspace], &[("pagelen", "1"), ("fields", TOTAL_FIELDS)]);
        Ok(self.first_page(call).await?.map(FirstPage::into_repositories))
    }

    /// Every repository of a workspace that the account sees.
    pub async fn repositories(&self, workspace: &str) -> Result<Walk<Repository>, Failure> {
        // By creation, so that a change during the walk moves none to a page already read.
        let parameters = [("pagelen", PAGE_SIZE), ("sort", "created_on"), ("fields", FIELDS)];
        Ok(self.list::<Entry>(self.get(&["repositories", workspace], &parameters)).await?.map(Into::into))
    }

    /// The repositories of a workspace that changed after `since`.
    pub async fn repositories_since(&self, workspace: &str, since: DateTime<Utc>) -> Result<Walk<Repository>, Failure> {
        let query = format!("updated_on>{}", since.to_rfc3339_opts(SecondsFormat::Secs, false));
        let parameters = [("pagelen", PAGE_SIZE), ("q", &query), ("sort", "created_on"), ("fields", FIELDS)];
        Ok(self.list::<Entry>(self.get(&["repositories", workspace], &parameters)).await?.map(Into::into))
    }

    /// One repository. 404 means missing or not visible.
    pub async fn repository(&self, workspace: &str, repository: &str) -> Result<Answer<Repository>, Failure> {
        let answer = self.one::<Entry>(self.get(&["repositories", workspace, repository], &[])).await?;
        Ok(answer.map(Into::into))
    }

    /// The repository of a workspace with this id (with braces), under whatever name it has now. 404 means that it is
    /// not in this workspace any more, was deleted, or is not visible.
    pub async fn repository_by_id(&self, workspace: &str, uuid: &str) -> Result<Answer<Repository>, Failure> {
        let answer = self.repository(workspace, uuid).await?;
        // A repository whose slug looks like an id is another one.
        if answer.value.uuid.eq_ignore_ascii_case(uuid) {
            return Ok(answer);
        }
        Err(Failure::of_another_shape("another repository than the one asked for", answer.meta))
    }

    /// How many repositories of a workspace the account was explicitly made an administrator of. Rights implied by the
    /// workspace may be missing here: confirm with [`Self::repositories_administered`].
    pub async fn repositories_with_admin_role(
        &self,
        workspace: &str,
    ) -> Result<Answer<FirstPage<Repository>>, Failure> {
        let parameters = [("role", "admin"), ("pagelen", "1"), ("fields", TOTAL_FIELDS)];
        Ok(self
            .first_page(self.get(&["repositories", workspace], &parameters))
            .await?
            .map(FirstPage::into_repositories))
    }

    /// How many repositories of a workspace the account administers, implied rights included.
    pub async fn repositories_administered(&self, workspace: &str) -> Result<Answer<FirstPage<Repository>>, Failure> {
        let path = ["user", "workspaces", workspace, "permissions", "repositories"];
        let parameters = [("q", r#"permission="admin""#), ("pagelen", "1")];
        let answer = self.first_page::<AdministeredEntry>(self.get(&path, &parameters)).await?;
        Ok(answer.map(|page| FirstPage {
            items: page.items.into_iter().map(|entry| entry.repository.into()).collect(),
            total: page.total,
            has_more: page.has_more,
        }))
    }

    /// Which repositories of a workspace the account administers, implied rights included (only id and full name are
    /// set).
    pub async fn administered_repositories(&self, workspace: &str) -> Result<Walk<Repository>, Failure> {
        let path = ["user", "workspaces", workspace, "permissions", "repositories"];
        let call = self.get(&path, &[("q", r#"permission="admin""#), ("pagelen", PAGE_SIZE)]);
        Ok(self.list::<AdministeredEntry>(call).await?.map(|entry| entry.repository.into()))
    }

    /// Which repositories of a workspace the account was explicitly made an administrator of (only id and full name are
    /// set).
    pub async fn explicitly_administered_repositories(&self, workspace: &str) -> Result<Walk<Repository>, Failure> {
        let parameters = [("role", "admin"), ("pagelen", PAGE_SIZE), ("sort", "created_on"), ("fields", TOTAL_FIELDS)];
        Ok(self.list::<Entry>(self.get(&["repositories", workspace], &parameters)).await?.map(Into::into))
    }

    /// Every webhook of a repository. 403 without administrator rights on it.
    pub async fn hooks(&self, workspace: &str, repository: &str) -> Result<Walk<Hook>, Failure> {
        self.list(self.get(&["repositories", workspace, repository, "hooks"], &[("pagelen", PAGE_SIZE)])).await
    }

    /// Whether pull requests of a repository can be read.
    pub async fn pull_requests_readable(&self, workspace: &str, repository: &str) -> Result<Answer<()>, Failure> {
        self.may_read(self.get(&["repositories", workspace, repository, "pullrequests"], &[("pagelen", "1")])).await
    }

    /// Whether issues of a repository can be read. 404 without a tracker; the API was announced to be removed.
    pub async fn issues_readable(&self, workspace: &str, repository: &str) -> Result<Answer<()>, Failure> {
        self.may_read(self.get(&["repositories", workspace, repository, "issues"], &[("pagelen", "1")])).await
    }

    /// What is at this path on the main branch; 404 when there is nothing.
    pub async fn source_entry(
        &self,
        workspace: &str,
        repository: &str,
        path: &str,
    ) -> Result<Answer<SourceEntry>, Failure> {
        let mut segments = vec!["repositories", workspace, repository, "src", "HEAD"];
        segments.extend(path.split('/').filter(|segment| !segment.is_empty()));
        let answer = self.one::<SourceMeta>(self.get(&segments, &[("format", "meta")])).await?;
        Ok(answer.map(|meta| match meta.kind.as_deref() {
            Some("commit_file") => SourceEntry::File,
            Some("commit_directory") => SourceEntry::Directory,
            _ => SourceEntry::Other,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_repository_that_says_so_is_empty() {
        let check = |more: &str, is_empty: bool| {
            let json = format!(r#"{{"uuid":"{{1}}","full_name":"acme/web"{more}}}"#);
            let repository: Repository = serde_json::from_str::<Entry>(&json).unwrap().into();
            assert_eq!((repository.is_empty(), repository.slug()), (is_empty, "web"), "{json}");
        };
        check(r#","mainbranch":{"name":"main"},"size":7"#, false);
        check(r#","mainbranch":{"name":"main"}"#, false);
        check(r#","mainbranch":null,"size":7"#, true);
        check(r#","mainbranch":null,"size":0"#, true);
        check(r#","mainbranch":null"#, true);
        // A field that is gone empties no repository, unless there are no bytes either.
        check("", false);
        check(r#","size":7"#, false);
        check(r#","size":0"#, true);
        // A branch of another shape is no missing branch, and no size outranks it.
        for odd in
            [r#""main""#, r#""""#, "{}", r#"{"type":"branch"}"#, r#"{"name":null}"#, r#"{"name":7}"#, "[]", "false"]
        {
            check(&format!(r#","mainbranch":{odd},"size":7"#), false);
            check(&format!(r#","mainbranch":{odd},"size":0"#), false);
        }
        check(r#","mainbranch":{"name":"main"},"size":0"#, false);
    }
}
