//! Workspaces: what the account may do in one, and whether its projects can be read. A workspace is named by its slug or
//! by its UUID with braces.

use serde::Deserialize;

use super::{BitbucketCloudClient, FirstPage};
use crate::client::answer::{Answer, Failure, lenient};

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Workspace {
    /// Its name in addresses.
    pub slug: String,
    /// Its id, with braces; stays when the slug changes.
    pub uuid: String,
    /// Its name; hostile text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
}

/// What the account is in a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// May do everything.
    Owner,
    /// May create projects.
    CreateProject,
    /// A collaborator.
    Collaborator,
    /// A member.
    Member,
    /// A word we do not know, or none.
    Other(String),
}

#[derive(Deserialize)]
struct Membership {
    #[serde(default, deserialize_with = "lenient::text")]
    permission: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

impl BitbucketCloudClient {
    /// One workspace. 404 means missing or not visible.
    pub async fn workspace(&self, workspace: &str) -> Result<Answer<Workspace>, Failure> {
        self.one(self.get(&["workspaces", workspace], &[])).await
    }

    /// What the account is in a workspace.
    pub async fn workspace_permission(&self, workspace: &str) -> Result<Answer<Permission>, Failure> {
        let answer = self.one::<Membership>(self.get(&["user", "workspaces", workspace, "permission"], &[])).await?;
        Ok(answer.map(|membership| match membership.permission.unwrap_or_default().as_str() {
            "owner" => Permission::Owner,
            "create-project" => Permission::CreateProject,
            "collaborator" => Permission::Collaborator,
            "member" => Permission::Member,
            other => Permission::Other(other.to_owned()),
        }))
    }

    /// The first project key of a workspace and how many there are: proof that projects can be read.
    pub async fn workspace_projects(&self, workspace: &str) -> Result<Answer<FirstPage<String>>, Failure> {
        let parameters = [("pagelen", "1"), ("fields", "size,next,values.key")];
        let answer = self.first_page::<Project>(self.get(&["workspaces", workspace, "projects"], &parameters)).await?;
        Ok(answer.map(|page| FirstPage {
            items: page.items.into_iter().map(|project| project.key).collect(),
            total: page.total,
            has_more: page.has_more,
        }))
    }
}
