//! The two status tables: rows from the top, as pure functions of truths.
//!
//! A row that cannot be decided gives `unknown` and names what is missing. `connected` has its own proof and is never
//! what is left over. The functions know no evidence and no words: [`super::evaluate`] turns [`Why`] into a sentence.

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
    fn signals(&self) -> [(ProfileSignal, Truth); 4] {
        [
            (ProfileSignal::CredentialValid, self.credential_valid),
            (ProfileSignal::GroupPermissions, self.group_permissions),
            (ProfileSignal::RepositoriesVisible, self.repositories_visible),
            (ProfileSignal::StillExists, self.still_exists),
        ]
    }

    fn first(&self, wanted: Truth) -> Option<ProfileSignal> {
        self.signals().into_iter().find(|(_, truth)| *truth == wanted).map(|(signal, _)| signal)
    }

    /// What makes the profile fail; `None` when it does not or that is not known.
    pub fn fault(&self) -> Option<ProfileSignal> {
        self.first(Truth::False)
    }

    /// What would have to be known to say whether it fails; `None` when that is known.
    pub fn undecided(&self) -> Option<ProfileSignal> {
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

fn first_profile(profiles: &[ProfileTruths], pick: impl Fn(&ProfileTruths) -> Option<ProfileSignal>) -> Option<Why> {
    profiles.iter().enumerate().find_map(|(index, profile)| pick(profile).map(|signal| Why::Profile(index, signal)))
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
mod tests {
    use super::*;

    const TRUTHS: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];
    const EVERS: [Ever; 2] = [Ever::Never, Ever::Once];

    fn every_profile() -> Vec<ProfileTruths> {
        let mut all = Vec::new();
        for credential_valid in TRUTHS {
            for group_permissions in TRUTHS {
                for repositories_visible in TRUTHS {
                    for still_exists in TRUTHS {
                        all.push(ProfileTruths {
                            credential_valid,
                            group_permissions,
                            repositories_visible,
                            still_exists,
                        });
                    }
                }
            }
        }
        all
    }

    /// Calls `check` with every combination that a Group of these profiles can have.
    fn every_group(profiles: &[ProfileTruths], mut check: impl FnMut(&GroupTruths<'_>)) {
        for snyk_accessible in TRUTHS {
            for populated in TRUTHS {
                for complete in TRUTHS {
                    for current in TRUTHS {
                        for was_populated in EVERS {
                            for first_fill in EVERS {
                                for set_up in [SetUp::MomentsAgo, SetUp::Earlier] {
                                    check(&GroupTruths {
                                        snyk_accessible,
                                        profiles,
                                        populated,
                                        complete,
                                        current,
                                        was_populated,
                                        first_fill,
                                        set_up,
                                    });
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn profile_is_proved(profile: &ProfileTruths) -> bool {
        profile.fault().is_none() && profile.undecided().is_none()
    }

    /// The table of PRODUCT once more, each row with three values, as a slow obvious model: the first row that is not
    /// known to be false decides.
    fn group_by_rows(truths: &GroupTruths<'_>) -> Status {
        fn or(truths: impl Iterator<Item = Truth>) -> Truth {
            truths.fold(Truth::False, |sum, truth| match (sum, truth) {
                (Truth::True, _) | (_, Truth::True) => Truth::True,
                (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                _ => Truth::False,
            })
        }
        fn not(truth: Truth) -> Truth {
            match truth {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            }
        }
        fn and(truths: impl Iterator<Item = Truth>) -> Truth {
            not(or(truths.map(not)))
        }
        let fails = |profile: &ProfileTruths| or(profile.signals().into_iter().map(|(_, truth)| not(truth)));
        let is = |held: bool| if held { Truth::True } else { Truth::False };
        let empty = not(truths.populated);
        let rows = [
            (and(truths.profiles.iter().map(fails)), Status::ConnectionFailed),
            (is(truths.snyk_accessible != Truth::True), Status::Unknown),
            (or(truths.profiles.iter().map(fails)), Status::PartiallyConnected),
            (
                and([empty, is(truths.was_populated == Ever::Never), is(truths.set_up == SetUp::MomentsAgo)]
                    .into_iter()),
                Status::SetupInProgress,
            ),
            (empty, Status::PartiallyConnected),
            (and([not(truths.current), is(truths.first_fill == Ever::Once)].into_iter()), Status::Stalled),
            (not(truths.complete), Status::PartiallyConnected),
            (truths.current, Status::Connected),
        ];
        for (holds, status) in rows {
            match holds {
                Truth::True => return status,
                Truth::Unknown => return Status::Unknown,
                Truth::False => {}
            }
        }
        Status::Unknown
    }

    fn check_group(truths: &GroupTruths<'_>) {
        let derived = derive_group(truths);
        assert_eq!(derived.status, group_by_rows(truths), "{truths:?}");
        let all_true = truths.snyk_accessible == Truth::True
            && truths.profiles.iter().all(profile_is_proved)
            && [truths.populated, truths.complete, truths.current] == [Truth::True; 3];
        assert_eq!(derived.status == Status::Connected, all_true, "{truths:?}");
        if derived.status == Status::Unknown {
            assert!(!matches!(derived.why, Why::Reason(_)), "unknown names the missing evidence: {truths:?}");
        }
    }

    #[test]
    fn every_group_of_one_profile_has_one_status() {
        for profile in every_profile() {
            every_group(&[profile], check_group);
        }
    }

    #[test]
    fn every_group_of_two_profiles_has_one_status() {
        for first in every_profile() {
            for second in every_profile() {
                let profiles = [first, second];
                // The rest of the table does not look at profiles: one combination of each truth is enough.
                for rest in TRUTHS {
                    for snyk_accessible in TRUTHS {
                        check_group(&GroupTruths {
                            snyk_accessible,
                            profiles: &profiles,
                            populated: rest,
                            complete: rest,
                            current: rest,
                            was_populated: Ever::Once,
                            first_fill: Ever::Once,
                            set_up: SetUp::Earlier,
                        });
                    }
                }
            }
        }
    }

    #[test]
    fn a_group_without_profiles_is_never_connected() {
        every_group(&[], |truths| assert_ne!(derive_group(truths).status, Status::Connected));
    }

    #[test]
    fn every_organization_has_one_status() {
        for code in 0..3_usize.pow(7) {
            let truth = |place: u32| TRUTHS[code / 3_usize.pow(place) % 3];
            let truths = OrganizationTruths {
                snyk_accessible: truth(0),
                credential_valid: truth(1),
                in_step: truth(2),
                present: truth(3),
                imported: truth(4),
                tests_current: truth(5),
                disconnected: truth(6),
            };
            let status = derive_organization(&truths).status;
            let proof = [
                truths.snyk_accessible,
                truths.credential_valid,
                truths.present,
                truths.imported,
                truths.tests_current,
            ];
            let all_true =
                proof == [Truth::True; 5] && truths.in_step != Truth::False && truths.disconnected == Truth::False;
            assert_eq!(status == Status::Connected, all_true, "{truths:?}");
            let expected = if truths.present == Truth::False {
                Status::NotConfigured
            } else if truths.present == Truth::Unknown {
                Status::Unknown
            } else if truths.credential_valid == Truth::False || truths.disconnected == Truth::True {
                Status::ConnectionFailed
            } else if [truths.credential_valid, truths.disconnected].contains(&Truth::Unknown)
                || truths.snyk_accessible != Truth::True
            {
                Status::Unknown
            } else if truths.in_step == Truth::False || truths.imported == Truth::False {
                Status::PartiallyConnected
            } else if truths.imported == Truth::Unknown {
                Status::Unknown
            } else if truths.tests_current == Truth::False {
                Status::Stalled
            } else if all_true {
                Status::Connected
            } else {
                Status::Unknown
            };
            assert_eq!(status, expected, "{truths:?}");
        }
    }
}
