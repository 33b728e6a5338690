//! A Group's state: the profiles of its integration, and the Inventory that they fill.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::switches::Availability;

/// A Snyk Group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// The name shown.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The profiles of its Bitbucket Cloud integration.
    pub profiles: Vec<Profile>,
    /// Its Inventory, removed assets included.
    pub assets: Vec<Asset>,
}

/// A set-up of the Group integration in Snyk.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The credential saved in it. It names no workspace: discovery sees what the account sees.
    pub saved: SavedCredential,
    /// When it was configured; sync cycles follow every 6 hours.
    pub configured_at: DateTime<Utc>,
    /// Whether it synchronises.
    pub sync: SyncState,
    /// How fast, and how far, a fill goes.
    pub fill: Fill,
    /// The Backstage option.
    pub backstage: Option<Backstage>,
    /// When the next sync cycle starts.
    pub next_sync: DateTime<Utc>,
    /// When assets get their application context next.
    pub next_enrichment: DateTime<Utc>,
    /// When assets of gone and archived repositories are removed next.
    pub next_clean_up: DateTime<Utc>,
    /// The last cycle that could read Bitbucket.
    pub last_sync: Option<DateTime<Utc>>,
    /// The next cycle looks at every repository, not only at changed ones: true after the set-up was saved.
    pub(crate) full_sync_due: bool,
    /// Repositories found and not yet in the Inventory.
    pub(crate) arriving: VecDeque<Uuid>,
    /// Up to when arrivals were worked off.
    pub(crate) arrived_until: DateTime<Utc>,
}

/// Whether a profile synchronises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// It does, every 6 hours.
    Running,
    /// A user paused it.
    Paused,
    /// It silently does not; saving the profile again helps.
    Stuck,
}

/// How fast, and how far, discovered repositories reach the Inventory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fill {
    /// New assets an hour; none: all at once.
    pub per_hour: Option<f64>,
    /// No new asset once this share of the visible repositories has one; none: all of them.
    pub stop_at: Option<f64>,
}

/// The option *Add Backstage Catalog* of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backstage {
    /// The file that is looked for.
    pub file_name: String,
    /// Whether enrichment works; `Absent` leaves assets without context although the files exist.
    pub enrichment: Availability,
}

/// A credential as Snyk keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCredential {
    /// The e-mail for Basic; none: the secret is sent as Bearer.
    pub email: Option<String>,
    /// The secret.
    pub secret: String,
}

/// A repository in the Inventory.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its id.
    pub id: Uuid,
    /// The profile that found it; none when a scan made it.
    pub profile: Option<String>,
    /// The repository's id in the SCM; none when a scan made it.
    pub scm_id: Option<Uuid>,
    /// Whether Snyk shows that id.
    pub scm_id_shown: Availability,
    /// The address by which Snyk knows it, where that is another than the repository's own: then the repository's is
    /// only an alias.
    pub known_as: Option<String>,
    /// The repository's name.
    pub name: String,
    /// The repository's address.
    pub url: String,
    /// The workspace's slug.
    pub workspace: String,
    /// The SCM project's key.
    pub project: String,
    /// The main branch.
    pub default_branch: Option<String>,
    /// Whether the repository is private.
    pub is_private: bool,
    /// Whether the repository is archived.
    pub archived: bool,
    /// Whether the repository is personal.
    pub is_personal: bool,
    /// The last push that Snyk knows of.
    pub pushed_at: DateTime<Utc>,
    /// When it was last synchronised from the SCM; none when a scan made it.
    pub last_sync: Option<DateTime<Utc>>,
    /// A time that Snyk shows in place of `last_sync`, such as one in ten years.
    pub misdated: Option<DateTime<Utc>>,
    /// When any source last confirmed it.
    pub last_seen_at: DateTime<Utc>,
    /// When it appeared.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Where it is known from.
    pub sources: Vec<String>,
    /// Its application context: component and owner from the catalog file.
    pub context: Option<(String, String)>,
    /// Why it is no longer in the Inventory; none for a live asset.
    pub removal: Option<AssetRemoval>,
}

/// An asset's removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetRemoval {
    /// Snyk's reason.
    pub reason: RemovalReason,
    /// When.
    pub at: DateTime<Utc>,
}

/// Snyk's reasons for a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// The repository was archived.
    RepositoryArchived,
    /// The repository is gone.
    RepositoryDeleted,
    /// Its Organization's integration became inactive.
    OrganizationInactive,
    /// Its Snyk project was deleted.
    ProjectDeleted,
    /// Its profile was deleted.
    ProfileDeleted,
}

impl RemovalReason {
    /// Snyk's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepositoryArchived => "repo-archived",
            Self::RepositoryDeleted => "repo-deleted",
            Self::OrganizationInactive => "org-level-inactive",
            Self::ProjectDeleted => "snyk-project-deleted",
            Self::ProfileDeleted => "deleted-profile",
        }
    }
}

impl Asset {
    /// Its address, as Snyk shows it.
    pub fn address(&self) -> &str {
        self.known_as.as_deref().unwrap_or(&self.url)
    }
}

impl Group {
    /// The assets that are in the Inventory now.
    pub fn live_assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.iter().filter(|asset| asset.removal.is_none())
    }
}
