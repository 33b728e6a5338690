//! What is remembered of a namespace: how many repositories it had, which of them are seen no more, and what became of
//! each. What was seen before and is not seen now is missing until something proves that it is rightly gone.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::condition::Reason;
use super::facts::RepositoryFate;
use super::kinds::{Truth, closed_list};
use super::names::{RepositoryId, Revision, WorkspaceSlug};

/// Stands for the id of a repository of which only an asset without SCM id is known.
const MADE_UP: &str = "url:";

/// The id of a repository of which only this address is known.
pub fn made_up_id(url: &str) -> RepositoryId {
    RepositoryId::new(format!("{MADE_UP}{url}"))
}

/// Whether the host would not know this id.
pub fn is_made_up(id: &RepositoryId) -> bool {
    id.as_str().starts_with(MADE_UP)
}

/// What is remembered of one profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileMemory {
    /// Whose eyes saw it: what another account saw says nothing.
    pub seen_by: Option<Revision>,
    /// Each namespace of which its account was ever a member.
    pub namespaces: BTreeMap<WorkspaceSlug, NamespaceMemory>,
    /// A first answer that a namespace is not there for the account, not confirmed yet.
    pub doubted_at: Option<DateTime<Utc>>,
}

/// What is remembered of one namespace as one profile sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that was once seen")]
pub struct NamespaceMemory {
    /// Its stable id, as last told: under one name there may be one namespace after another.
    pub uuid: Option<String>,
    /// When the account was first seen to be a member.
    pub first_seen_at: DateTime<Utc>,
    /// An eligible repository was once seen here.
    pub was_eligible: bool,
    /// It had a live asset at some time.
    pub was_populated: bool,
    /// Its coverage is incomplete, and left only at the higher threshold.
    pub is_incomplete: bool,
    /// When its Inventory was lost: emptied, or more than half of it removed.
    pub inventory_lost_at: Option<DateTime<Utc>>,
    /// Whether the account administered it in the round of the last walk: then it saw all of it.
    pub is_administered: bool,
    /// How many repositories the walks of the last days had, oldest first.
    pub sizes: Vec<WalkedSize>,
    /// At first sight the live assets stand for what was there before; whether that was done.
    pub is_compared: bool,
    /// Repositories that a complete walk no longer has.
    pub absent: BTreeMap<RepositoryId, AbsentRepository>,
    /// Repositories are missing, and nothing settles why.
    pub loss: Option<Loss>,
    /// One walk showed a loss; a second one has to confirm it.
    pub doubt: Option<Doubt>,
    /// What `RepositoriesVisible` says of it.
    pub visible: Option<NamespaceVisibility>,
}

/// The number of repositories of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkedSize {
    /// The last walk with this number.
    pub at: DateTime<Utc>,
    /// How many.
    pub size: usize,
}

closed_list! {
    /// What became of a repository that a complete walk no longer has.
    Settlement {
        /// Nothing suspicious: one that was removed. Listed, and no problem.
        Removed => "removed",
        /// Seen under another name or in another namespace.
        Moved => "moved",
        /// There again under its name, with another id.
        MadeAnew => "made_anew",
        /// Proved to be deleted.
        Gone => "gone",
        /// A plan expected it.
        Planned => "planned",
        /// Somebody accepts it.
        Accepted => "accepted",
        /// The account may no longer see it, until it is settled otherwise.
        RightLost => "right_lost",
        /// It went with the membership, and is judged when that is back.
        NotJudged => "not_judged",
    }
}

closed_list! {
    /// Why a right is taken for lost.
    LossRule {
        /// A fifth of the namespace, or all of it.
        Share => "share",
        /// All of a project while another is whole.
        Project => "project",
        /// Several outside a plan went in the hour of the planned ones.
        BesidePlan => "beside_plan",
        /// Another credential sees it where it was.
        OtherCredential => "other_credential",
    }
}

/// A repository that a complete walk no longer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbsentRepository {
    /// `workspace/slug` when it was last seen; hostile text.
    pub full_name: String,
    /// Its project.
    pub project: Option<String>,
    /// The first walk without it.
    pub left_at: DateTime<Utc>,
    /// The account administered the namespace in the rounds of the walks with and without it.
    pub administered: bool,
    /// What the host answered when it was asked for it by id.
    pub fate: Option<RepositoryFate>,
    /// What became of it.
    pub settlement: Settlement,
    /// Why the right is taken for lost, where it is.
    pub rule: Option<LossRule>,
    /// No walk had it: at first sight an asset stands for it.
    #[serde(default)]
    pub by_asset: bool,
}

/// Repositories of a namespace are missing, and nothing settles why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The first walk without them.
    pub since: DateTime<Utc>,
    /// How many repositories there were, without those that are settled otherwise.
    pub reference: usize,
    /// A second walk does not have them either.
    pub is_confirmed: bool,
    /// Another credential sees every one of them where it was, and nothing is left of the namespace.
    pub is_proved: bool,
    /// Somebody says that it is not meant to be so.
    pub is_rejected: bool,
}

/// One walk showed a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// That walk.
    pub at: DateTime<Utc>,
    /// Whether the account administered the namespace in its round.
    pub is_administered: bool,
}

/// What `RepositoriesVisible` says of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceVisibility {
    /// True, false or unknown.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// One sentence.
    pub message: String,
    /// Since when this reason holds.
    pub since: DateTime<Utc>,
}

impl Loss {
    fn time(&mut self) -> &mut DateTime<Utc> {
        let Self { since, reference: _, is_confirmed: _, is_proved: _, is_rejected: _ } = self;
        since
    }
}

impl AbsentRepository {
    fn time(&mut self) -> &mut DateTime<Utc> {
        let Self { full_name: _, project: _, left_at, administered: _, fate: _, settlement: _, rule: _, by_asset: _ } =
            self;
        left_at
    }

    /// Whether what somebody said at `at` is about this very loss: one that was seen again since is another.
    pub fn is_answered(&self, at: DateTime<Utc>) -> bool {
        self.by_asset || self.left_at <= at
    }

    /// Whether it may still turn out to be a loss.
    pub fn is_open(&self) -> bool {
        matches!(self.settlement, Settlement::Removed | Settlement::RightLost)
    }

    /// Whether its right is lost and that is not settled.
    pub fn is_right_lost(&self) -> bool {
        self.settlement == Settlement::RightLost
    }
}

impl NamespaceMemory {
    /// The repositories whose loss is not settled.
    pub fn right_lost(&self) -> impl Iterator<Item = (&RepositoryId, &AbsentRepository)> {
        self.absent.iter().filter(|(_, absent)| absent.is_right_lost())
    }

    /// How many those are.
    pub fn lost(&self) -> usize {
        self.right_lost().count()
    }

    fn times(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let Self {
            uuid: _,
            first_seen_at,
            was_eligible: _,
            was_populated: _,
            is_incomplete: _,
            inventory_lost_at,
            is_administered: _,
            sizes,
            is_compared: _,
            absent,
            loss,
            doubt,
            visible,
        } = self;
        std::iter::once(first_seen_at)
            .chain(inventory_lost_at)
            .chain(sizes.iter_mut().map(|WalkedSize { at, size: _ }| at))
            .chain(absent.values_mut().map(AbsentRepository::time))
            .chain(loss.iter_mut().map(Loss::time))
            .chain(doubt.iter_mut().map(|Doubt { at, is_administered: _ }| at))
            .chain(visible.iter_mut().map(|NamespaceVisibility { truth: _, reason: _, message: _, since }| since))
    }
}

impl ProfileMemory {
    /// For which repositories the host should be asked by id, with the credential of this profile: those whose loss is
    /// not settled and of which it did not answer yet, each with the namespace where it was. What it answers is a
    /// [`Finding::Fates`](super::work::Finding::Fates).
    pub fn unanswered(&self) -> impl Iterator<Item = (&RepositoryId, &WorkspaceSlug)> {
        let lost = self
            .namespaces
            .iter()
            .flat_map(|(slug, namespace)| namespace.right_lost().map(move |(id, absent)| (id, absent, slug)));
        let unanswered = lost.filter(|(id, absent, _)| absent.fate.is_none() && !is_made_up(id));
        unanswered.map(|(id, _, slug)| (id, slug))
    }

    /// Every time that our own clock gave.
    pub fn times(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let Self { seen_by: _, namespaces, doubted_at } = self;
        doubted_at.iter_mut().chain(namespaces.values_mut().flat_map(NamespaceMemory::times))
    }
}
