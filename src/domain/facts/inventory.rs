//! Repositories as the SCM shows them, assets as Snyk does.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::condition::Reason;
use crate::domain::names::{RepositoryId, WorkspaceSlug};

/// What the account is to one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkspaceFact {
    /// A member.
    Member {
        /// The workspace's stable id.
        uuid: Option<String>,
        /// Whether the account administers it.
        administrator: Option<bool>,
    },
    /// The workspace answers, the account is not a member (public repositories may still be visible).
    NotMember,
    /// Its stable id is listed under another slug.
    Renamed {
        /// The new slug.
        to: WorkspaceSlug,
    },
    /// It does not answer and none of the account's workspaces has its id: hidden from this PAT, or deleted.
    NotFound,
    /// The account is a member and is shut out all the same.
    ShutOut {
        /// By what, in the SCM's own words.
        why: String,
    },
    /// It is listed among the account's workspaces and answers 404, in one round.
    Contradicted,
    /// Nothing tells what the account is to it. It replaces no fact that was told, and stands where there is none.
    Untold {
        /// The class of the answer that told nothing.
        reason: Reason,
        /// What was asked and what was answered, in the SCM's own words.
        why: String,
    },
}

/// One repository of the SCM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The SCM's id.
    pub id: RepositoryId,
    /// `workspace/slug`; hostile text.
    pub full_name: String,
    /// The workspace.
    pub workspace: WorkspaceSlug,
    /// The project within it, by its key: rights are given for each.
    pub project: Option<String>,
    /// The last change the SCM knows of (push or metadata edit).
    pub updated_at: Option<DateTime<Utc>>,
    /// Nothing in it: there is nothing for Snyk to discover.
    pub empty: bool,
    /// Created, as the SCM says.
    pub created_at: Option<DateTime<Utc>>,
    /// Whether strangers cannot see it: to see it proves to be none. `None`: the SCM does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
}

/// Every repository a credential sees, from a complete walk or a total that the delta explains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositorySet {
    /// By id.
    pub repositories: BTreeMap<RepositoryId, Repository>,
    /// When the last full page walk began.
    pub walked_at: Option<DateTime<Utc>>,
    /// Workspaces that could not be read when the others were: of these the set has what was known before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<WorkspaceSlug, Unread>,
}

/// A workspace that could not be read beside others that could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// When what is known of it was read; `None`: nothing is known.
    pub read_at: Option<DateTime<Utc>>,
    /// Since when it cannot be read.
    pub since: DateTime<Utc>,
    /// The class of the answer.
    pub reason: Reason,
    /// What was asked and what was answered, in the SCM's own words.
    pub detail: String,
}

impl RepositorySet {
    /// Why nothing usable is known of this workspace at `now`, where its last reading failed: what was known before it is
    /// older than `max_age`, or there was nothing.
    pub fn unread_at(&self, slug: &WorkspaceSlug, max_age: TimeDelta, now: DateTime<Utc>) -> Option<&Unread> {
        let unread = self.unread.get(slug)?;
        unread.read_at.is_none_or(|read_at| now - read_at > max_age).then_some(unread)
    }
}

/// What the SCM answers when it is asked for one repository by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryFate {
    /// 404: deleted, or hidden from this account.
    NotFound,
    /// It is there, under this name.
    There {
        /// `workspace/slug`; hostile text.
        full_name: String,
    },
}

/// One live repository asset of Snyk's Inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Snyk's id.
    pub id: String,
    /// The SCM's id of the repository, where Snyk gives it.
    pub scm_id: Option<RepositoryId>,
    /// Normalised URL (see [`normalised_url`]).
    pub url: Option<String>,
    /// `sources` as Snyk lists them.
    pub sources: Vec<String>,
    /// When the repository was last synced from the SCM.
    pub last_sync: Option<DateTime<Utc>>,
    /// First seen by Snyk.
    pub created_at: Option<DateTime<Utc>>,
    /// Last changed in Snyk; the weak stand-in for `last_sync`.
    pub updated_at: Option<DateTime<Utc>>,
    /// As Snyk says.
    pub archived: bool,
    /// A personal repository, as Snyk says.
    pub personal: bool,
    /// Whether the asset has application context; `None` where the answer has no such field.
    pub application_context: Option<bool>,
}

/// Why Snyk removed an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemovalReason {
    /// The repository was archived.
    RepoArchived,
    /// The repository was deleted.
    RepoDeleted,
    /// Inactive at Organization level: evidence about the Organization.
    OrgLevelInactive,
    /// The Snyk project was deleted.
    SnykProjectDeleted,
    /// The Group integration's profile was deleted.
    DeletedProfile,
    /// A reason this build does not know.
    Other,
}

/// An asset that Snyk removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedAsset {
    /// Snyk's id.
    pub id: String,
    /// The SCM's id of the repository, where Snyk gives it.
    pub scm_id: Option<RepositoryId>,
    /// Normalised URL.
    pub url: Option<String>,
    /// Why and when.
    pub reasons: Vec<(RemovalReason, Option<DateTime<Utc>>)>,
}

/// A complete walk of the Group's repository assets of this SCM, selected by host (and workspace, when one is
/// configured).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetWalk {
    /// Live ones, whoever discovered them.
    pub live: Vec<Asset>,
    /// Removed ones.
    pub removed: Vec<RemovedAsset>,
    /// Whether the walk came from the endpoint that has `last_sync`; without it lag verdicts are weak.
    pub has_last_sync: bool,
    /// Other addresses that people linked to an asset: normalised URL of the alias, to that of the asset.
    pub aliases: BTreeMap<String, String>,
}

/// One sampled repository's catalog file and application context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogCheck {
    /// Which repository.
    pub repository: RepositoryId,
    /// `workspace/slug`.
    pub full_name: String,
    /// Whether the repository carries the catalog file.
    pub has_file: bool,
    /// Whether its asset has application context; `None`: no asset or no such field.
    pub linked: Option<bool>,
}

/// Sampled repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogSample {
    /// The sample.
    pub checks: Vec<CatalogCheck>,
}

/// A repository URL in the one form in which URLs are compared: lower case `host/path`, without scheme, user, port
/// of the scheme, trailing `.git` or slashes. `None` for text without host and path.
pub fn normalised_url(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.to_owned(),
        // The scp form of SSH remotes: git@host:path
        None => url.replacen(':', "/", 1),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.trim_end_matches(":443").trim_end_matches(":80").trim_end_matches(":22");
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    let normalised = format!("{host}/{path}").to_lowercase();
    (!host.is_empty() && !path.is_empty()).then_some(normalised)
}

#[cfg(test)]
mod tests {
    use super::normalised_url;

    #[test]
    fn urls_are_compared_in_one_form() {
        for same in [
            "https://bitbucket.org/acme/payments",
            "https://bitbucket.org/Acme/Payments/",
            "https://snyk-bot@bitbucket.org/acme/payments.git",
            "HTTPS://BitBucket.org:443/acme/payments.git/",
            "git@bitbucket.org:acme/payments.git",
            "ssh://git@bitbucket.org/acme/payments",
        ] {
            assert_eq!(normalised_url(same).as_deref(), Some("bitbucket.org/acme/payments"), "{same}");
        }
        for nothing in ["", "acme", "https://bitbucket.org/", "://"] {
            assert_eq!(normalised_url(nothing), None, "{nothing}");
        }
    }
}
