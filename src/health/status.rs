//! The two status tables: rows from the top, as pure functions of truths.
//!
//! A row that cannot be decided gives `unknown` and names what is missing. `connected` has its own proof and is never
//! what is left over. The functions know no evidence and no words: [`evaluate()`](super::evaluate()) turns [`Why`] into a sentence.

use crate::domain::condition::{Condition, Reason};
use crate::domain::kinds::Truth;
use crate::domain::status::Status;

/// Whether something happened at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ever {
    /// Not yet.
    Never,
    /// At some time.
    Once,
}

/// How long ago the integration was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUp {
    /// Too short a time for anything to have happened.
    MomentsAgo,
    /// Long enough.
    Earlier,
}

/// What one profile's health rests on, each true when it is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileTruths {
    /// `CredentialValid` of its credential.
    pub credential_valid: Truth,
    /// The permissions that discovery needs are granted.
    pub group_permissions: Truth,
    /// `RepositoriesVisible` in its workspaces.
    pub repositories_visible: Truth,
    /// It was not deleted in Snyk.
    pub still_exists: Truth,
}

/// One of the signals of [`ProfileTruths`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProfileSignal {
    /// `credential_valid`
    CredentialValid,
    /// `group_permissions`
    GroupPermissions,
    /// `repositories_visible`
    RepositoriesVisible,
    /// `still_exists`
    StillExists,
}

impl ProfileTruths {
    fn signals(self) -> [(ProfileSignal, Truth); 4] {
        [
            (ProfileSignal::CredentialValid, self.credential_valid),
            (ProfileSignal::GroupPermissions, self.group_permissions),
            (ProfileSignal::RepositoriesVisible, self.repositories_visible),
            (ProfileSignal::StillExists, self.still_exists),
        ]
    }

    fn first(self, wanted: Truth) -> Option<ProfileSignal> {
        self.signals().into_iter().find(|(_, truth)| *truth == wanted).map(|(signal, _)| signal)
    }

    /// What makes the profile fail; `None` when it does not or that is not known.
    pub fn fault(self) -> Option<ProfileSignal> {
        self.first(Truth::False)
    }

    /// What would have to be known to say whether it fails; `None` when that is known.
    pub fn undecided(self) -> Option<ProfileSignal> {
        match self.fault() {
            Some(_) => None,
            None => self.first(Truth::Unknown),
        }
    }
}

/// What the status of a Group integration is derived from.
#[derive(Debug, Clone, Copy)]
pub struct GroupTruths<'a> {
    /// `SnykAccessible`.
    pub snyk_accessible: Truth,
    /// Its profiles.
    pub profiles: &'a [ProfileTruths],
    /// `InventoryPopulated`.
    pub populated: Truth,
    /// `InventoryComplete`.
    pub complete: Truth,
    /// `SyncCurrent`.
    pub current: Truth,
    /// The Inventory had an asset.
    pub was_populated: Ever,
    /// The first fill was complete.
    pub first_fill: Ever,
    /// How long ago it was set up.
    pub set_up: SetUp,
}

/// What the status of an Organization's integration is derived from.
#[derive(Debug, Clone, Copy)]
pub struct OrganizationTruths {
    /// `SnykAccessible`.
    pub snyk_accessible: Truth,
    /// `CredentialValid`.
    pub credential_valid: Truth,
    /// `CredentialInStep`; unknown does not hinder `connected`.
    pub in_step: Truth,
    /// `IntegrationPresent`.
    pub present: Truth,
    /// `RepositoriesImported`.
    pub imported: Truth,
    /// `TestsCurrent`.
    pub tests_current: Truth,
    /// Its projects went inactive after the integration was deleted or edited.
    pub disconnected: Truth,
}

/// Where the reason of a status stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The reason itself.
    Reason(Reason),
    /// The reason of this condition.
    Condition(Condition),
    /// The reason of this signal of the profile with this index.
    Profile(usize, ProfileSignal),
}

/// A status and where its reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    /// The status.
    pub status: Status,
    /// Its reason.
    pub why: Why,
}

const fn derived(status: Status, why: Why) -> Derived {
    Derived { status, why }
}

const fn missing(condition: Condition) -> Derived {
    derived(Status::Unknown, Why::Condition(condition))
}

/// The status of a Group integration.
pub fn derive_group(truths: &GroupTruths<'_>) -> Derived {
    let fault = first_profile(truths.profiles, ProfileTruths::fault);
    let undecided = first_profile(truths.profiles, ProfileTruths::undecided);
    let some_profile_works =
        truths.profiles.iter().any(|profile| profile.fault().is_none() && profile.undecided().is_none());

    // Row 1. A blind Snyk token is named before what it keeps us from seeing.
    if let (Some(why), None, false) = (fault, undecided, some_profile_works) {
        return derived(Status::ConnectionFailed, why);
    }
    // Row 2, and row 1 undecided.
    if truths.snyk_accessible != Truth::True {
        return missing(Condition::SnykAccessible);
    }
    if let Some(why) = undecided {
        return derived(Status::Unknown, why);
    }
    // Row 3.
    if fault.is_some() {
        return derived(Status::PartiallyConnected, Why::Reason(Reason::ProfilesFailed));
    }
    // Rows 4 and 5.
    match (truths.populated, truths.was_populated, truths.set_up) {
        (Truth::Unknown, _, _) => return missing(Condition::InventoryPopulated),
        (Truth::False, Ever::Never, SetUp::MomentsAgo) => {
            return derived(Status::SetupInProgress, Why::Reason(Reason::SetupInProgress));
        }
        (Truth::False, Ever::Never, SetUp::Earlier) => {
            return derived(Status::PartiallyConnected, Why::Reason(Reason::AwaitingFirstSync));
        }
        (Truth::False, Ever::Once, _) => {
            return derived(Status::PartiallyConnected, Why::Reason(Reason::InventoryLost));
        }
        (Truth::True, _, _) => {}
    }
    // Row 6: before the first fill was complete, late changes are part of the fill.
    match (truths.first_fill, truths.current) {
        (Ever::Once, Truth::False) => return derived(Status::Stalled, Why::Condition(Condition::SyncCurrent)),
        (Ever::Once, Truth::Unknown) => return missing(Condition::SyncCurrent),
        (Ever::Once, Truth::True) | (Ever::Never, _) => {}
    }
    // Row 7.
    match truths.complete {
        Truth::False => return derived(Status::PartiallyConnected, Why::Reason(Reason::InventoryIncomplete)),
        Truth::Unknown => return missing(Condition::InventoryComplete),
        Truth::True => {}
    }
    // Row 8: the proof, in full.
    let proved = truths.snyk_accessible == Truth::True
        && !truths.profiles.is_empty()
        && truths.profiles.iter().all(|profile| profile.signals().iter().all(|(_, truth)| *truth == Truth::True))
        && truths.populated == Truth::True
        && truths.complete == Truth::True
        && truths.current == Truth::True;
    if proved { derived(Status::Connected, Why::Reason(Reason::Ok)) } else { missing(Condition::SyncCurrent) }
}

fn first_profile(profiles: &[ProfileTruths], pick: impl Fn(ProfileTruths) -> Option<ProfileSignal>) -> Option<Why> {
    profiles.iter().enumerate().find_map(|(index, profile)| pick(*profile).map(|signal| Why::Profile(index, signal)))
}

/// The status of an Organization's integration.
pub fn derive_organization(truths: &OrganizationTruths) -> Derived {
    // What cannot be decided while the Snyk token is blind is named after that token.
    let undecided =
        |condition| missing(if truths.snyk_accessible == Truth::True { condition } else { Condition::SnykAccessible });
    // Row 1.
    match truths.present {
        Truth::False => return derived(Status::NotConfigured, Why::Reason(Reason::IntegrationAbsent)),
        Truth::Unknown => return undecided(Condition::IntegrationPresent),
        Truth::True => {}
    }
    // Row 2.
    match (truths.credential_valid, truths.disconnected) {
        (Truth::False, _) => return derived(Status::ConnectionFailed, Why::Condition(Condition::CredentialValid)),
        (_, Truth::True) => return derived(Status::ConnectionFailed, Why::Reason(Reason::Disconnected)),
        (Truth::Unknown, _) => return undecided(Condition::CredentialValid),
        (_, Truth::Unknown) => return undecided(Condition::RepositoriesImported),
        (Truth::True, Truth::False) => {}
    }
    // Row 3.
    if truths.snyk_accessible != Truth::True {
        return missing(Condition::SnykAccessible);
    }
    // Row 4.
    if truths.in_step == Truth::False {
        return derived(Status::PartiallyConnected, Why::Reason(Reason::CredentialOutOfStep));
    }
    match truths.imported {
        Truth::False => {
            return derived(Status::PartiallyConnected, Why::Condition(Condition::RepositoriesImported));
        }
        Truth::Unknown => return missing(Condition::RepositoriesImported),
        Truth::True => {}
    }
    // Row 5.
    if truths.tests_current == Truth::False {
        return derived(Status::Stalled, Why::Condition(Condition::TestsCurrent));
    }
    // Row 6: the proof, in full.
    let proved = truths.snyk_accessible == Truth::True
        && truths.credential_valid == Truth::True
        && truths.present == Truth::True
        && truths.imported == Truth::True
        && truths.tests_current == Truth::True
        && truths.in_step != Truth::False;
    if proved { derived(Status::Connected, Why::Reason(Reason::Ok)) } else { missing(Condition::TestsCurrent) }
}

#[cfg(test)]
mod tests;
