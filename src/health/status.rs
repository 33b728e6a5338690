//! The two status tables: rows from the top, as pure functions of what is known of conditions.
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

/// What a row of a table reads of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The condition is true: proved.
    True,
    /// It is false.
    False,
    /// It is not known: a row that needs it cannot be decided.
    Unknown,
    /// Not known, and nothing says that it fails: it leaves every row but `connected` decided.
    Unproved,
    /// There is nothing that it could judge: it leaves every row but `connected` decided.
    Nothing,
    /// It speaks of nothing here, and `connected` does not ask for it.
    NotApplicable,
}

impl Signal {
    /// What the rows read of a condition with this truth and reason.
    pub fn of(truth: Truth, reason: Reason) -> Self {
        match (truth, reason) {
            (Truth::True, _) => Self::True,
            (Truth::False, _) => Self::False,
            (Truth::NotApplicable, _) => Self::NotApplicable,
            // A key of the admin API that is refused says no more of the token than no key would.
            (Truth::Unknown, Reason::IdleUnproved | Reason::AdminApiRefused) => Self::Unproved,
            (Truth::Unknown, Reason::NothingToDiscover | Reason::Unused | Reason::NothingScheduled) => Self::Nothing,
            (Truth::Unknown, _) => Self::Unknown,
        }
    }

    /// Whether `connected` may rest on it.
    fn is_good(self) -> bool {
        matches!(self, Self::True | Self::NotApplicable)
    }
}

/// Whether a status is unknown for nothing but a credential that nothing has proved yet: nobody can act on that.
pub fn is_idle_alone(reason: Reason, conditions: impl IntoIterator<Item = (Condition, Truth, Reason)>) -> bool {
    let is_missing = |(condition, truth, reason): (Condition, Truth, Reason)| {
        let decides = matches!(
            condition,
            Condition::SnykAccessible
                | Condition::RepositoriesVisible
                | Condition::InventoryPopulated
                | Condition::InventoryComplete
                | Condition::SyncCurrent
                | Condition::IntegrationPresent
                | Condition::RepositoriesImported
                | Condition::TestsCurrent
        );
        decides && Signal::of(truth, reason) == Signal::Unknown
    };
    reason == Reason::IdleUnproved && !conditions.into_iter().any(is_missing)
}

/// What one profile's health rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileTruths {
    /// `CredentialValid` of its credential.
    pub credential_valid: Signal,
    /// The permissions that discovery needs are granted.
    pub group_permissions: Signal,
    /// `RepositoriesVisible`: false when it is false in all its namespaces.
    pub repositories_visible: Signal,
    /// It is false in some of its namespaces, though not in all.
    pub partly_hidden: bool,
    /// False: it was deleted in Snyk.
    pub still_exists: Signal,
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
    fn signals(self) -> [(ProfileSignal, Signal); 4] {
        [
            (ProfileSignal::CredentialValid, self.credential_valid),
            (ProfileSignal::GroupPermissions, self.group_permissions),
            (ProfileSignal::RepositoriesVisible, self.repositories_visible),
            (ProfileSignal::StillExists, self.still_exists),
        ]
    }

    fn first(self, wanted: impl Fn(Signal) -> bool) -> Option<ProfileSignal> {
        self.signals().into_iter().find(|(_, signal)| wanted(*signal)).map(|(which, _)| which)
    }

    /// What makes the profile fail; `None` when it does not or that is not known.
    pub fn fault(self) -> Option<ProfileSignal> {
        self.first(|signal| signal == Signal::False)
    }

    /// What would have to be known to say whether it fails; `None` when that is known.
    pub fn undecided(self) -> Option<ProfileSignal> {
        match self.fault() {
            Some(_) => None,
            None => self.first(|signal| signal == Signal::Unknown),
        }
    }

    /// What keeps it from being proved. A profile in whose namespaces nothing is to be discovered takes no part.
    fn unproved(self) -> Option<ProfileSignal> {
        let (visible, nothing) = (ProfileSignal::RepositoriesVisible, Signal::Nothing);
        let is_good =
            |(which, signal): (ProfileSignal, Signal)| signal.is_good() || (which == visible && signal == nothing);
        self.signals().into_iter().find(|one| !is_good(*one)).map(|(which, _)| which)
    }

    fn sees_repositories(self) -> bool {
        self.repositories_visible == Signal::True
    }
}

/// What the status of a Group integration is derived from.
#[derive(Debug, Clone, Copy)]
pub struct GroupTruths<'a> {
    /// `SnykAccessible`.
    pub snyk_accessible: Signal,
    /// Its profiles.
    pub profiles: &'a [ProfileTruths],
    /// `InventoryPopulated`.
    pub populated: Signal,
    /// `InventoryComplete`.
    pub complete: Signal,
    /// `SyncCurrent`.
    pub current: Signal,
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
    pub snyk_accessible: Signal,
    /// `CredentialValid`.
    pub credential_valid: Signal,
    /// `CredentialInStep`; unknown does not hinder `connected`.
    pub in_step: Signal,
    /// `IntegrationPresent`.
    pub present: Signal,
    /// `RepositoriesImported`.
    pub imported: Signal,
    /// `TestsCurrent`.
    pub tests_current: Signal,
    /// True: its projects went inactive after the integration was deleted or edited.
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
    if truths.snyk_accessible != Signal::True {
        return missing(Condition::SnykAccessible);
    }
    if let Some(why) = undecided {
        return derived(Status::Unknown, why);
    }
    // Row 3.
    if fault.is_some() || truths.profiles.iter().any(|profile| profile.partly_hidden) {
        return derived(Status::PartiallyConnected, Why::Reason(Reason::ProfilesFailed));
    }
    // Rows 4 and 5.
    let nothing = truths.profiles.iter().all(|profile| profile.repositories_visible == Signal::Nothing);
    if nothing && !truths.profiles.is_empty() {
        return derived(Status::NothingToWatch, Why::Reason(Reason::NothingToDiscover));
    }
    match (truths.populated, truths.was_populated, truths.set_up) {
        (Signal::False, Ever::Never, SetUp::MomentsAgo) => {
            return derived(Status::SetupInProgress, Why::Reason(Reason::SetupInProgress));
        }
        (Signal::False, Ever::Never, SetUp::Earlier) => {
            return derived(Status::PartiallyConnected, Why::Reason(Reason::AwaitingFirstSync));
        }
        (Signal::False, Ever::Once, _) => {
            return derived(Status::PartiallyConnected, Why::Reason(Reason::InventoryLost));
        }
        (Signal::True, _, _) => {}
        _ => return missing(Condition::InventoryPopulated),
    }
    // Row 6: before the first fill was complete, late changes are part of the fill.
    match (truths.first_fill, truths.current) {
        (Ever::Once, Signal::False) => return derived(Status::Stalled, Why::Condition(Condition::SyncCurrent)),
        (Ever::Once, Signal::True) | (Ever::Never, _) => {}
        (Ever::Once, _) => return missing(Condition::SyncCurrent),
    }
    // Row 7.
    match truths.complete {
        Signal::False => return derived(Status::PartiallyConnected, Why::Reason(Reason::InventoryIncomplete)),
        Signal::True => {}
        _ => return missing(Condition::InventoryComplete),
    }
    // Row 8: the proof, in full.
    if let Some(why) = first_profile(truths.profiles, ProfileTruths::unproved) {
        return derived(Status::Unknown, why);
    }
    let proved = truths.snyk_accessible == Signal::True
        && truths.profiles.iter().any(|profile| profile.sees_repositories())
        && truths.populated == Signal::True
        && truths.complete == Signal::True
        && truths.current == Signal::True;
    if proved { derived(Status::Connected, Why::Reason(Reason::Ok)) } else { missing(Condition::SyncCurrent) }
}

fn first_profile(profiles: &[ProfileTruths], pick: impl Fn(ProfileTruths) -> Option<ProfileSignal>) -> Option<Why> {
    profiles.iter().enumerate().find_map(|(index, profile)| pick(*profile).map(|signal| Why::Profile(index, signal)))
}

/// The status of an Organization's integration.
pub fn derive_organization(truths: &OrganizationTruths) -> Derived {
    // What cannot be decided while the Snyk token is blind is named after that token.
    let undecided =
        |condition| missing(if truths.snyk_accessible == Signal::True { condition } else { Condition::SnykAccessible });
    // Row 1.
    match truths.present {
        Signal::False => return derived(Status::NotConfigured, Why::Reason(Reason::IntegrationAbsent)),
        Signal::True => {}
        _ => return undecided(Condition::IntegrationPresent),
    }
    // Row 2.
    match (truths.credential_valid, truths.disconnected) {
        (Signal::False, _) => return derived(Status::ConnectionFailed, Why::Condition(Condition::CredentialValid)),
        (_, Truth::True) => return derived(Status::ConnectionFailed, Why::Reason(Reason::Disconnected)),
        (Signal::Unknown | Signal::Nothing, _) => return undecided(Condition::CredentialValid),
        (_, Truth::Unknown) => return undecided(Condition::RepositoriesImported),
        _ => {}
    }
    // Row 3.
    if truths.snyk_accessible != Signal::True {
        return missing(Condition::SnykAccessible);
    }
    // Row 4.
    if truths.imported == Signal::Nothing {
        return derived(Status::NothingToWatch, Why::Condition(Condition::RepositoriesImported));
    }
    if truths.in_step == Signal::False {
        return derived(Status::PartiallyConnected, Why::Reason(Reason::CredentialOutOfStep));
    }
    match truths.imported {
        Signal::False => {
            return derived(Status::PartiallyConnected, Why::Condition(Condition::RepositoriesImported));
        }
        Signal::True => {}
        _ => return missing(Condition::RepositoriesImported),
    }
    // Row 5.
    match truths.tests_current {
        Signal::False => return derived(Status::Stalled, Why::Condition(Condition::TestsCurrent)),
        Signal::Nothing => return derived(Status::NothingToWatch, Why::Condition(Condition::TestsCurrent)),
        _ => {}
    }
    // Row 6: the proof, in full.
    if !truths.credential_valid.is_good() {
        return missing(Condition::CredentialValid);
    }
    let proved = truths.snyk_accessible == Signal::True
        && truths.present == Signal::True
        && truths.imported == Signal::True
        && truths.tests_current == Signal::True
        && truths.in_step != Signal::False;
    if proved { derived(Status::Connected, Why::Reason(Reason::Ok)) } else { missing(Condition::TestsCurrent) }
}

#[cfg(test)]
mod tests;
