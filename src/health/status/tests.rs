//! Every combination of signals, against the tables written down once more.

use super::*;

const SIGNALS: [Signal; 6] =
    [Signal::True, Signal::False, Signal::Unknown, Signal::Unproved, Signal::Nothing, Signal::NotApplicable];
/// What is never "nothing to judge", nor inferred.
const FACTS: [Signal; 3] = [Signal::True, Signal::False, Signal::Unknown];
const TRUTHS: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];
const EVERS: [Ever; 2] = [Ever::Never, Ever::Once];

fn every_profile() -> Vec<ProfileTruths> {
    let mut all = Vec::new();
    for credential_valid in SIGNALS {
        for group_permissions in SIGNALS {
            for repositories_visible in SIGNALS {
                for still_exists in [Signal::NotApplicable, Signal::False, Signal::Unknown] {
                    for partly_hidden in [false, true] {
                        all.push(ProfileTruths {
                            credential_valid,
                            group_permissions,
                            repositories_visible,
                            partly_hidden,
                            still_exists,
                        });
                    }
                }
            }
        }
    }
    all
}

/// Fewer, for combinations of two: each fault, blindness, nothing and well-being once.
fn typical_profiles() -> Vec<ProfileTruths> {
    let well = ProfileTruths {
        credential_valid: Signal::True,
        group_permissions: Signal::True,
        repositories_visible: Signal::True,
        partly_hidden: false,
        still_exists: Signal::NotApplicable,
    };
    let mut all = vec![well, ProfileTruths { partly_hidden: true, ..well }];
    for signal in SIGNALS {
        all.push(ProfileTruths { credential_valid: signal, ..well });
        all.push(ProfileTruths { repositories_visible: signal, ..well });
        all.push(ProfileTruths { credential_valid: signal, group_permissions: signal, ..well });
        all.push(ProfileTruths { still_exists: signal, ..well });
    }
    all
}

/// Calls `check` with every combination that a Group of these profiles can have.
fn every_group(profiles: &[ProfileTruths], mut check: impl FnMut(&GroupTruths<'_>)) {
    for snyk_accessible in FACTS {
        for populated in SIGNALS {
            for complete in FACTS {
                for current in FACTS {
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

/// A row of a table: whether it holds, as far as that can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    No,
    Undecided,
    Yes,
}

fn is(held: bool) -> Row {
    if held { Row::Yes } else { Row::No }
}

/// Whether a condition is false, as a row asks it.
fn fails(signal: Signal) -> Row {
    match signal {
        Signal::False => Row::Yes,
        Signal::Unknown => Row::Undecided,
        Signal::True | Signal::Unproved | Signal::Nothing | Signal::NotApplicable => Row::No,
    }
}

fn any(rows: impl Iterator<Item = Row>) -> Row {
    rows.max().unwrap_or(Row::No)
}

fn all(rows: impl Iterator<Item = Row>) -> Row {
    rows.min().unwrap_or(Row::Yes)
}

/// The table of `docs/conditions.md` once more, as a slow obvious model: the first row that is not known to be false
/// decides.
fn group_by_rows(truths: &GroupTruths<'_>) -> Status {
    let profile_fails = |profile: &ProfileTruths| any(profile.signals().into_iter().map(|(_, signal)| fails(signal)));
    let failing = || truths.profiles.iter().map(profile_fails);
    let partly_hidden = truths.profiles.iter().any(|profile| profile.partly_hidden);
    let nothing = truths.profiles.iter().all(|profile| profile.repositories_visible == Signal::Nothing);
    let is_well = |profile: &ProfileTruths| {
        profile.credential_valid.is_good()
            && profile.group_permissions.is_good()
            && (profile.repositories_visible.is_good() || profile.repositories_visible == Signal::Nothing)
            && profile.still_exists.is_good()
    };
    // What is neither true nor false of the Inventory, beside something to discover, is not known.
    let empty = match truths.populated {
        Signal::True => Row::No,
        Signal::False => Row::Yes,
        _ => Row::Undecided,
    };
    let no_profile = truths.profiles.is_empty();
    let rows = [
        (if no_profile { Row::No } else { all(failing()) }, Status::ConnectionFailed),
        (is(truths.snyk_accessible != Signal::True), Status::Unknown),
        (any(failing()), Status::PartiallyConnected),
        (is(partly_hidden), Status::PartiallyConnected),
        (is(nothing && !no_profile), Status::NothingToWatch),
        (
            all([empty, is(truths.was_populated == Ever::Never), is(truths.set_up == SetUp::MomentsAgo)].into_iter()),
            Status::SetupInProgress,
        ),
        (empty, Status::PartiallyConnected),
        (all([fails(truths.current), is(truths.first_fill == Ever::Once)].into_iter()), Status::Stalled),
        (fails(truths.complete), Status::PartiallyConnected),
        (
            is(truths.profiles.iter().all(is_well)
                && truths.profiles.iter().any(|profile| profile.repositories_visible == Signal::True)
                && truths.current == Signal::True),
            Status::Connected,
        ),
    ];
    for (holds, status) in rows {
        match holds {
            Row::Yes => return status,
            Row::Undecided => return Status::Unknown,
            Row::No => {}
        }
    }
    Status::Unknown
}

fn check_group(truths: &GroupTruths<'_>) {
    let derived = derive_group(truths);
    assert_eq!(derived.status, group_by_rows(truths), "{truths:?}");
    if derived.status == Status::Connected {
        let own = [truths.snyk_accessible, truths.populated, truths.complete, truths.current];
        assert_eq!(own, [Signal::True; 4], "{truths:?}");
        assert!(truths.profiles.iter().any(|profile| profile.repositories_visible == Signal::True), "{truths:?}");
    }
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
    for first in typical_profiles() {
        for second in typical_profiles() {
            every_group(&[first, second], check_group);
        }
    }
}

#[test]
fn a_group_without_profiles_is_never_connected() {
    every_group(&[], |truths| assert_ne!(derive_group(truths).status, Status::Connected));
}

/// Blindness in one signal never makes anything connected, nor does nothing to judge.
#[test]
fn what_is_not_seen_connects_nobody() {
    for profile in typical_profiles() {
        every_group(&[profile], |truths| {
            for populated in SIGNALS.into_iter().filter(|signal| *signal != Signal::True) {
                assert_ne!(derive_group(&GroupTruths { populated, ..*truths }).status, Status::Connected);
            }
            for blind in [Signal::Unknown, Signal::Unproved, Signal::Nothing] {
                let profiles = [ProfileTruths { credential_valid: blind, ..profile }];
                assert_ne!(derive_group(&GroupTruths { profiles: &profiles, ..*truths }).status, Status::Connected);
            }
        });
    }
}

#[test]
fn every_organization_has_one_status() {
    for code in 0..6_usize.pow(6) {
        let signal = |place: u32| SIGNALS[code / 6_usize.pow(place) % 6];
        for disconnected in TRUTHS {
            check_organization(OrganizationTruths {
                snyk_accessible: signal(0),
                credential_valid: signal(1),
                in_step: signal(2),
                present: signal(3),
                imported: signal(4),
                tests_current: signal(5),
                disconnected,
            });
        }
    }
}

fn check_organization(truths: OrganizationTruths) {
    let status = derive_organization(&truths).status;
    let proof = [truths.snyk_accessible, truths.present, truths.imported, truths.tests_current];
    let all_true = proof == [Signal::True; 4]
        && matches!(truths.credential_valid, Signal::True | Signal::NotApplicable)
        && truths.in_step != Signal::False
        && truths.disconnected == Truth::False;
    assert_eq!(status == Status::Connected, all_true, "{truths:?}");
    let expected = if truths.present == Signal::False {
        Status::NotConfigured
    } else if truths.present != Signal::True {
        Status::Unknown
    } else if truths.credential_valid == Signal::False || truths.disconnected == Truth::True {
        Status::ConnectionFailed
    } else if matches!(truths.credential_valid, Signal::Unknown | Signal::Nothing)
        || truths.disconnected == Truth::Unknown
        || truths.snyk_accessible != Signal::True
    {
        Status::Unknown
    } else if truths.imported == Signal::Nothing {
        Status::NothingToWatch
    } else if truths.in_step == Signal::False || truths.imported == Signal::False {
        Status::PartiallyConnected
    } else if truths.imported != Signal::True {
        Status::Unknown
    } else if truths.tests_current == Signal::False {
        Status::Stalled
    } else if truths.tests_current == Signal::Nothing {
        Status::NothingToWatch
    } else if all_true {
        Status::Connected
    } else {
        Status::Unknown
    };
    assert_eq!(status, expected, "{truths:?}");
}
