//! Every combination of truths, against the tables written down once more.

use super::*;

const TRUTHS: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];
const EVERS: [Ever; 2] = [Ever::Never, Ever::Once];

fn every_profile() -> Vec<ProfileTruths> {
    let mut all = Vec::new();
    for credential_valid in TRUTHS {
        for group_permissions in TRUTHS {
            for repositories_visible in TRUTHS {
                for still_exists in TRUTHS {
                    all.push(ProfileTruths { credential_valid, group_permissions, repositories_visible, still_exists });
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

fn profile_is_proved(profile: ProfileTruths) -> bool {
    profile.fault().is_none() && profile.undecided().is_none()
}

/// The table of `docs/conditions.md` once more, each row with three values, as a slow obvious model: the first row that
/// is not known to be false decides.
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
            and([empty, is(truths.was_populated == Ever::Never), is(truths.set_up == SetUp::MomentsAgo)].into_iter()),
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
        && truths.profiles.iter().copied().all(profile_is_proved)
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
        let proof =
            [truths.snyk_accessible, truths.credential_valid, truths.present, truths.imported, truths.tests_current];
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
