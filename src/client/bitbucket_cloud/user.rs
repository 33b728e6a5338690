//! The account behind the credential, and the workspaces it is a member of.

use std::hash::Hash;

use serde::Deserialize;

use super::{BitbucketCloudClient, PAGE_SIZE};
use crate::client::answer::{Answer, Failure, Walk, lenient};
use crate::client::exchange::Listed;

/// The account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Its id in Bitbucket, with braces.
    #[serde(default, deserialize_with = "lenient::text")]
    pub uuid: Option<String>,
    /// Its id in Atlassian.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_id: Option<String>,
    /// Its name; hostile text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
}

/// A workspace that the account is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceAccess {
    /// Its name in addresses.
    pub slug: String,
    /// Its id, with braces; stays when the slug changes.
    pub uuid: String,
    /// Whether the account administers it; `None` when the answer does not say.
    pub is_administrator: Option<bool>,
}

#[derive(Deserialize)]
struct AccessEntry {
    #[serde(default, deserialize_with = "lenient::flag")]
    administrator: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    permission: Option<String>,
    workspace: WorkspaceBase,
}

#[derive(Deserialize)]
struct WorkspaceBase {
    slug: String,
    uuid: String,
}

impl Listed for AccessEntry {
    fn identity(&self) -> Option<impl Hash> {
        Some(&self.workspace.uuid)
    }
}

impl From<AccessEntry> for WorkspaceAccess {
    fn from(entry: AccessEntry) -> Self {
        // Some answers carry the older word instead of the flag.
        let is_owner = entry.permission.map(|permission| permission == "owner");
        Self {
            slug: entry.workspace.slug,
            uuid: entry.workspace.uuid,
            is_administrator: entry.administrator.or(is_owner),
        }
    }
}

impl BitbucketCloudClient {
    /// The account. The one call that tells whether a credential is valid and what it may do: read
    /// [`AnswerMeta::credential`](crate::client::answer::AnswerMeta) of the answer, or of the failure.
    ///
    /// An answer that names nobody is none: any JSON with status 200 would otherwise pass for an accepted credential.
    pub async fn user(&self) -> Result<Answer<User>, Failure> {
        let answer: Answer<User> = self.one(self.get(&["user"], &[])).await?;
        if answer.value.uuid.is_none() && answer.value.account_id.is_none() {
            return Err(Failure::of_another_shape("an account without an id", answer.meta));
        }
        Ok(answer)
    }

    /// Every workspace that the account is a member of.
    pub async fn user_workspaces(&self) -> Result<Walk<WorkspaceAccess>, Failure> {
        let call = self.get(&["user", "workspaces"], &[("pagelen", PAGE_SIZE)]);
        Ok(self.list::<AccessEntry>(call).await?.map(Into::into))
    }
}
