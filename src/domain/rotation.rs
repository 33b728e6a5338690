//! A rotation: a new token takes the place of an old one, in our copy and wherever the old one was saved in Snyk.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::condition::Reason;
use super::kinds::closed_list;
use super::names::IntegrationKey;
use super::stored::pairs;

closed_list! {
    /// Who tells when a rotation began, best first.
    RotationSource {
        /// The organisation admin's API lists when the new token was created.
        AdminApi => "admin_api",
        /// The operator said so.
        Declared => "declared",
        /// The new token was in use here for the first time.
        FirstUse => "first_use",
    }
}

closed_list! {
    /// What proves that an old token no longer works.
    EndedBy {
        /// The SCM rejects it.
        Rejected => "rejected",
        /// Somebody declared it revoked.
        Revoked => "revoked",
        /// The admin API shows that nobody used it any more.
        Unused => "unused",
        /// Its known or declared expiry has passed.
        Expired => "expired",
        /// No token of its host lives longer.
        LongestLife => "longest_life",
    }
}

/// When an old token ended, and what proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEnd {
    /// Not later than this.
    pub at: DateTime<Utc>,
    /// What proves it.
    pub by: EndedBy,
}

/// The token before a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldToken {
    /// When it was last accepted, as far as we asked with it.
    pub last_accepted_at: Option<DateTime<Utc>>,
    /// Its expiry, as it was known or declared.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its end, once that is proved.
    pub ended: Option<TokenEnd>,
    /// Without a known expiry: by then no token of its host still lives.
    pub dead_by: Option<DateTime<Utc>>,
}

impl OldToken {
    /// When it ends or ended, where that is known to the day.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.ended.map(|end| end.at).or(self.expires_at)
    }
}

/// An integration in which a token was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// When.
    pub at: DateTime<Utc>,
    /// Snyk's id of who did it, where the audit log says so.
    pub user_id: Option<String>,
}

/// The last rotation of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The earliest instant at which the new token can have been saved.
    pub at: DateTime<Utc>,
    /// Who tells that.
    pub source: RotationSource,
    /// The first sign of it: what was read earlier says nothing about it.
    pub seen_at: DateTime<Utc>,
    /// The token before.
    pub old: OldToken,
    /// Where the new token is in use, by whom it was saved.
    #[serde(with = "pairs")]
    pub saved: BTreeMap<IntegrationKey, Saved>,
    /// Who still has the old token: Organizations whose audit log shows no saving, Groups while the old one may work.
    pub outstanding: BTreeSet<IntegrationKey>,
    /// Of whom nothing tells, and why.
    #[serde(with = "pairs")]
    pub untold: BTreeMap<IntegrationKey, Reason>,
    /// Who has it and never uses it.
    pub unused: BTreeSet<IntegrationKey>,
    /// Since when nobody is outstanding.
    pub done_at: Option<DateTime<Utc>>,
}

impl Rotation {
    /// Whether it goes on, and we saw it begin: a declared time alone may be long ago.
    pub fn is_under_way(&self) -> bool {
        self.done_at.is_none() && self.source != RotationSource::Declared
    }

    /// Whether somebody is left of whom it will be seen whether he has the new token, and was not yet. What nobody can
    /// tell is not waited for.
    pub fn awaits_proof(&self) -> bool {
        self.untold.values().any(|reason| *reason == Reason::NotProvenSinceRotation)
    }

    /// When it last moved on.
    pub fn progress_at(&self) -> DateTime<Utc> {
        self.saved.values().map(|saved| saved.at).fold(self.seen_at, DateTime::max)
    }

    /// How many integrations have the new token, and of how many that matter.
    pub fn progress(&self) -> (usize, usize) {
        (self.saved.len(), self.saved.len() + self.outstanding.len() + self.untold.len())
    }
}
