//! Each row of the table: when it opens, how its severity grows, that unknown neither opens nor resolves, and how it
//! ends.

use chrono::TimeDelta;

use super::world::{World, group, hours, minutes, name, pat, resolutions, snyk, start};
use crate::domain::condition::{Condition, Reason};
use crate::domain::facts::{PermissionProof, VersionEnding, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, WorkspaceSlug};
use crate::domain::permission::Permission;
use crate::domain::state::{Arrival, Change, DeclaredDate, ExpirySource};
use crate::domain::status::Status;

const CREDENTIAL: &str = "credential/bitbucket-acme";
const GROUP: &str = "integration/acme-bitbucket";
const PARTIAL: &str = "PartiallyConnected/integration/acme-bitbucket warning";

/// Breaks the world at the start, then looks at each time: either nothing is open, or exactly this.
fn check(breaks: impl FnOnce(&mut World), times: &[(TimeDelta, &str)]) -> World {
    let mut world = World::new(2);
    breaks(&mut world);
    for (after, expected) in times {
        world.at(*after);
        let expected: Vec<&str> = if expected.is_empty() { Vec::new() } else { vec![expected] };
        assert_eq!(world.open(), expected, "after {} min", after.num_minutes());
    }
    world
}

#[test]
fn a_snyk_token_that_is_rejected() {
    let mut world = check(
        |world| world.reject(&snyk(), Reason::SnykTokenInvalid),
        &[
            (minutes(0), "SnykTokenInvalid/credential/acme-us warning"),
            (hours(23), "SnykTokenInvalid/credential/acme-us warning"),
            (hours(24), "SnykTokenInvalid/credential/acme-us critical"),
        ],
    );
    world.accept(&snyk());
    assert_eq!(
        resolutions(&world.at(hours(25))),
        ["SnykTokenInvalid/credential/acme-us: Snyk accepts the token again"]
    );
}

#[test]
fn a_pat_that_is_rejected() {
    let mut world = check(
        |world| world.reject(&pat(), Reason::CredentialExpired),
        &[(minutes(0), "CredentialInvalid/credential/bitbucket-acme critical")],
    );
    assert_eq!(world.incident(Rule::CredentialInvalid).affected.len(), 3);
    world.credential(&pat()).valid.truth = Truth::Unknown;
    world.at(hours(48));
    assert_eq!(world.open(), [format!("CredentialInvalid/{CREDENTIAL} critical")], "unknown resolves nothing");
    world.accept(&pat());
    assert_eq!(world.at(hours(49)).len(), 1);
    assert_eq!(world.open(), [""; 0]);
}

#[test]
fn a_pat_without_a_group_is_a_warning_until_a_tenth_of_the_repositories_hangs_on_it() {
    let mut world = World::new(2);
    world.without_group();
    world.reject(&pat(), Reason::CredentialRevoked);
    world.evaluate();
    assert_eq!(world.open(), [format!("CredentialInvalid/{CREDENTIAL} warning")]);
}

#[test]
fn an_api_that_does_not_answer() {
    let mut world = check(
        |world| world.api("bitbucket-cloud", Some(start())),
        &[
            (minutes(59), ""),
            (minutes(60), "UpstreamUnreachable/api/bitbucket-cloud warning"),
            (hours(24), "UpstreamUnreachable/api/bitbucket-cloud critical"),
        ],
    );
    world.api("bitbucket-cloud", None);
    assert_eq!(world.at(hours(25)).len(), 1);
}

#[test]
fn a_missing_permission() {
    let lacks = |permission, proof: PermissionProof| {
        move |world: &mut World| {
            world.permission(permission, proof);
            world.condition(&group(), Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
        }
    };
    let scope = Some("write:webhook:bitbucket".to_owned());
    let mut world = check(
        lacks(Permission::WebhookWrite, PermissionProof::Missing { scope }),
        &[(minutes(14), ""), (minutes(15), "PermissionsMissing/credential/bitbucket-acme warning")],
    );
    // Another permission cannot be verified: what was missing is still missing, until it is proved.
    world.condition(&group(), Condition::PermissionsGranted, Truth::Unknown, Reason::PermissionUnverifiable);
    world.at(minutes(20));
    assert_eq!(world.open().len(), 1);
    world.permission(Permission::WebhookWrite, PermissionProof::Granted);
    assert_eq!(
        resolutions(&world.at(minutes(25))),
        [format!("PermissionsMissing/{CREDENTIAL}: permission granted again")]
    );

    check(
        lacks(Permission::RepositoryRead, PermissionProof::Missing { scope: None }),
        &[(minutes(14), ""), (minutes(15), "PermissionsMissing/credential/bitbucket-acme critical")],
    );
    check(
        lacks(Permission::RepositoryAdmin, PermissionProof::Partial { granted: 12, total: 40 }),
        &[(minutes(15), "PermissionsMissing/credential/bitbucket-acme warning")],
    );
}

#[test]
fn a_pat_that_will_expire() {
    let expires = |days| {
        move |world: &mut World| {
            world.credential(&pat()).expiry = Some(start() + TimeDelta::days(days));
            world.credential(&pat()).expiry_source = Some(ExpirySource::Api);
        }
    };
    let mut world = check(
        expires(40),
        &[
            (TimeDelta::days(9), ""),
            (TimeDelta::days(10), "CredentialExpiring/credential/bitbucket-acme info"),
            (TimeDelta::days(26), "CredentialExpiring/credential/bitbucket-acme warning"),
            (TimeDelta::days(36), "CredentialExpiring/credential/bitbucket-acme warning"),
            (TimeDelta::days(37), "CredentialExpiring/credential/bitbucket-acme critical"),
            (TimeDelta::days(40), "CredentialExpiring/credential/bitbucket-acme critical"),
        ],
    );
    // Expiry itself: one problem, told once.
    world.reject(&pat(), Reason::CredentialExpired);
    let told = world.at(TimeDelta::days(40) + minutes(1));
    assert_eq!(resolutions(&told), [format!("CredentialExpiring/{CREDENTIAL}: expired; told as CredentialInvalid")]);
    assert_eq!(world.open(), [format!("CredentialInvalid/{CREDENTIAL} critical")]);

    // A token of twelve days is announced four days ahead, not at its birth.
    check(
        |world| {
            expires(12)(world);
            world.fleet.scm_credentials.get_mut(&pat()).unwrap().rotated_at = Some(start());
        },
        &[
            (TimeDelta::days(7), ""),
            (TimeDelta::days(8), "CredentialExpiring/credential/bitbucket-acme info"),
            (hours(239), "CredentialExpiring/credential/bitbucket-acme info"),
            (hours(240), "CredentialExpiring/credential/bitbucket-acme warning"),
            (hours(278), "CredentialExpiring/credential/bitbucket-acme warning"),
            (hours(279), "CredentialExpiring/credential/bitbucket-acme critical"),
        ],
    );
}

#[test]
fn a_date_that_passed_before_anybody_asked_announces_nothing() {
    let mut world = World::new(2);
    world.credential(&pat()).expiry = Some(start() - TimeDelta::days(1));
    world.credential(&pat()).expiry_source = Some(ExpirySource::Declared);
    world.credential(&pat()).valid.truth = Truth::Unknown;
    assert_eq!(world.evaluate(), []);
    assert_eq!(world.open(), [""; 0]);
    // What was open when nobody could tell any more stays open.
    let mut world = World::new(2);
    world.credential(&pat()).expiry = Some(start() + minutes(1));
    world.evaluate();
    world.credential(&pat()).valid.truth = Truth::Unknown;
    world.at(hours(1));
    assert_eq!(world.open(), [format!("CredentialExpiring/{CREDENTIAL} critical")]);
}

#[test]
fn a_pat_that_is_replaced_before_it_expires() {
    let mut world = World::new(2);
    world.credential(&pat()).expiry = Some(start() + TimeDelta::days(10));
    world.evaluate();
    assert_eq!(world.open(), [format!("CredentialExpiring/{CREDENTIAL} warning")]);
    world.credential(&pat()).expiry = None;
    world.at(hours(1));
    assert_eq!(world.open().len(), 1, "a date that cannot be told is not a replacement");
    world.credential(&pat()).rotated_from = Some(("old".to_owned(), start() + hours(2)));
    world.credential(&pat()).expiry = Some(start() + TimeDelta::days(365));
    let ends_at = start() + TimeDelta::days(10);
    world.rotate(start() + hours(2), &[1], &[super::world::organization(2)], Some(ends_at));
    let told = world.at(hours(2));
    assert_eq!(
        resolutions(&told),
        [format!(
            "CredentialExpiring/{CREDENTIAL}: superseded: expires 2027-11-20 09:00 UTC now; the rotation goes on, 1 of 2 \
             have the new token; still to be saved in 1 Organization (00000000-0000-0000-0000-000000000002)"
        )]
    );
    assert_eq!(world.pending(), [format!("RotationUnfinished/{CREDENTIAL} warning")]);
}

#[test]
fn dates_that_nobody_knows_or_that_were_wrong() {
    check(
        |world| world.condition(&group(), Condition::CredentialFresh, Truth::Unknown, Reason::ExpiryUnknown),
        &[(minutes(0), "")],
    );
    check(
        |world| world.condition(&group(), Condition::CredentialFresh, Truth::Unknown, Reason::EvidenceStale),
        &[(hours(1), "")],
    );
    check(
        |world| {
            world.credential(&pat()).declared = DeclaredDate::Outdated;
            world.condition(&group(), Condition::CredentialFresh, Truth::Unknown, Reason::DeclaredDateOutdated);
        },
        &[(minutes(0), "DeclaredDateOutdated/credential/bitbucket-acme warning")],
    );
    check(
        |world| {
            world.credential(&snyk()).expiry = Some(start() + TimeDelta::days(31));
        },
        &[(hours(1), ""), (TimeDelta::days(1), "SnykTokenExpiring/credential/acme-us warning")],
    );
}

#[test]
fn a_workspace_that_is_not_there() {
    const SUBJECT: &str = "NamespaceNotFound/namespace/acme-bitbucket/acme";
    for (fact, severity) in [
        (WorkspaceFact::NotFound, "critical"),
        (WorkspaceFact::Renamed { to: WorkspaceSlug::new("acme-corp") }, "warning"),
    ] {
        let mut world = check(
            |world| world.workspace(fact),
            &[
                (minutes(9), ""),
                (minutes(10), &format!("{SUBJECT} {severity}")),
                (hours(48), &format!("{SUBJECT} {severity}")),
            ],
        );
        world.workspace(WorkspaceFact::Member { uuid: None, administrator: None });
        assert_eq!(world.evaluate().len(), 1);
    }
    // It answers: that the account is no member fails the connection.
    check(|world| world.workspace(WorkspaceFact::NotMember), &[(hours(48), "")]);
}

#[test]
fn a_group_that_fails_or_stalls() {
    let mut world = check(
        |world| world.status(&group(), Status::ConnectionFailed, Reason::ProfileDeleted),
        &[(minutes(9), ""), (minutes(10), "ConnectionFailed/integration/acme-bitbucket critical")],
    );
    world.status(&group(), Status::Unknown, Reason::EvidenceStale);
    world.at(hours(10));
    assert_eq!(world.open(), [format!("ConnectionFailed/{GROUP} critical")], "it was failing when it was last seen");
    check(
        |world| world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging),
        &[
            (minutes(0), "SyncStalled/integration/acme-bitbucket warning"),
            (hours(24), "SyncStalled/integration/acme-bitbucket critical"),
        ],
    );
    check(
        |world| {
            world.integration(&group()).group.first_fill_completed_at = None;
            world.condition(&group(), Condition::SyncCurrent, Truth::False, Reason::SyncLagging);
        },
        &[(hours(24), "")],
    );
}

#[test]
fn a_group_that_stays_partially_connected() {
    for reason in [Reason::AwaitingFirstSync, Reason::InventoryLost] {
        check(
            |world| world.status(&group(), Status::PartiallyConnected, reason),
            &[
                (minutes(13 * 60 - 1), ""),
                (hours(13), "PartiallyConnected/integration/acme-bitbucket warning"),
                (hours(25), "PartiallyConnected/integration/acme-bitbucket warning"),
                (hours(26), "PartiallyConnected/integration/acme-bitbucket critical"),
            ],
        );
    }
    check(
        |world| world.status(&group(), Status::PartiallyConnected, Reason::ProfilesFailed),
        &[
            (minutes(9), ""),
            (minutes(10), "PartiallyConnected/integration/acme-bitbucket warning"),
            (hours(2), "PartiallyConnected/integration/acme-bitbucket critical"),
        ],
    );
    check(
        |world| world.status(&group(), Status::PartiallyConnected, Reason::InventoryIncomplete),
        &[
            (hours(7 * 24 - 1), ""),
            (hours(7 * 24), "PartiallyConnected/integration/acme-bitbucket warning"),
            (hours(30 * 24), "PartiallyConnected/integration/acme-bitbucket warning"),
        ],
    );
}

#[test]
fn a_graver_case_that_gives_way_to_a_milder_one_is_over() {
    let partial = |reason| move |world: &mut World| world.status(&group(), Status::PartiallyConnected, reason);
    let eased = [
        (Reason::AwaitingFirstSync, Reason::InventoryIncomplete, "repositories reach the Inventory now"),
        (Reason::InventoryLost, Reason::InventoryIncomplete, "repositories reach the Inventory now"),
        (Reason::ProfilesFailed, Reason::InventoryIncomplete, "no profile fails any more"),
    ];
    for (before, after, because) in eased {
        let mut world = World::new(0);
        partial(before)(&mut world);
        world.at(hours(13));
        assert_eq!(world.open().len(), 1, "{before}");
        partial(after)(&mut world);
        let told = world.at(hours(14));
        assert_eq!(resolutions(&told), [format!("PartiallyConnected/{GROUP}: {because}")], "{before}");
        assert_eq!(
            world.pending(),
            [format!("PartiallyConnected/{GROUP} warning")],
            "the milder one waits for its time"
        );
    }
    // What gets worse is the same problem still, and so is what lasted long enough to be told as the milder case.
    let worse = [
        (Reason::AwaitingFirstSync, Reason::ProfilesFailed, hours(26)),
        (Reason::AwaitingFirstSync, Reason::InventoryIncomplete, hours(8 * 24)),
    ];
    for (before, after, at) in worse {
        let mut world = World::new(0);
        partial(before)(&mut world);
        world.at(at);
        partial(after)(&mut world);
        assert_eq!(resolutions(&world.at(at + minutes(1))), [""; 0], "{before} to {after}");
        assert_eq!(world.open().len(), 1, "{before} to {after}");
    }
}

#[test]
fn partially_connected_counts_from_stored_times() {
    let fresh = |configured: Option<TimeDelta>, arrival: Option<(TimeDelta, usize)>| {
        move |world: &mut World| {
            world.integration(&group()).status = None;
            world.integration(&group()).first_seen_at = start();
            let arrived = arrival.is_some_and(|(_, found)| found > 0);
            world.integration(&group()).group.was_populated = arrived;
            world.integration(&group()).group.first_fill_completed_at = None;
            let arrival = arrival.map(|(after, found)| Arrival { at: start() + after, found });
            world.integration(&group()).group.arrivals = arrival.into_iter().collect();
            let watched = world.fleet.integrations.get_mut(&name()).unwrap().group.as_mut().unwrap();
            watched.configured_at = configured.map(|after| start() + after);
            let reason = if arrived { Reason::InventoryLost } else { Reason::AwaitingFirstSync };
            world.status(&group(), Status::PartiallyConnected, reason);
        }
    };
    check(fresh(None, None), &[(minutes(779), ""), (hours(13), PARTIAL)]);
    check(fresh(Some(hours(-3)), None), &[(minutes(599), ""), (hours(10), PARTIAL)]);
    check(fresh(None, Some((hours(5), 3))), &[(minutes(1079), ""), (hours(18), PARTIAL)]);
    check(fresh(None, Some((hours(30), 3))), &[(minutes(2579), ""), (hours(43), PARTIAL)]);
    // The first look at an empty Inventory is no arrival.
    check(fresh(None, Some((hours(5), 0))), &[(minutes(779), ""), (hours(13), PARTIAL)]);
    check(fresh(Some(hours(-3)), Some((hours(0), 0))), &[(minutes(599), ""), (hours(10), PARTIAL)]);
}

#[test]
fn a_blind_spot_restarts_no_timer_and_opens_nothing() {
    let partial = |world: &mut World| world.status(&group(), Status::PartiallyConnected, Reason::AwaitingFirstSync);
    let blind = |world: &mut World| world.status(&group(), Status::Unknown, Reason::EvidenceStale);
    let mut world = check(partial, &[(hours(12), "")]);
    blind(&mut world);
    world.at(hours(12) + minutes(20));
    world.at(hours(12) + minutes(39));
    partial(&mut world);
    world.at(hours(12) + minutes(40));
    assert_eq!(world.open(), [""; 0]);
    world.at(hours(13));
    assert_eq!(world.open(), [format!("PartiallyConnected/{GROUP} warning")]);

    let mut world = check(partial, &[(hours(12) + minutes(30), "")]);
    blind(&mut world);
    world.at(hours(13) + minutes(10));
    assert_eq!(world.open(), [""; 0], "what cannot be told opens nothing");
    partial(&mut world);
    world.at(hours(13) + minutes(11));
    assert_eq!(world.open(), [format!("PartiallyConnected/{GROUP} warning")], "its time has come meanwhile");
}

#[test]
fn an_announced_end_of_the_api_version() {
    let ending = |sunset_at| {
        move |world: &mut World| {
            world.api("snyk/acme-us", None);
            let ending = VersionEnding {
                version: "2024-10-15".to_owned(),
                stage: "sunset".to_owned(),
                sunset_at,
                seen_at: start(),
            };
            let facts = world.state.evidence.apis.get_mut(&ApiName::new("snyk/acme-us")).unwrap();
            facts.version_ending = Some(ending);
        }
    };
    check(
        ending(Some(start() + TimeDelta::days(70))),
        &[
            (TimeDelta::days(9), ""),
            (TimeDelta::days(10), "ApiVersionEnding/api/snyk/acme-us info"),
            (TimeDelta::days(56), "ApiVersionEnding/api/snyk/acme-us warning"),
        ],
    );
    check(ending(None), &[(TimeDelta::days(60), "ApiVersionEnding/api/snyk/acme-us info")]);
}

#[test]
fn a_group_of_which_nothing_is_known() {
    let mut world = check(
        |world| world.status(&group(), Status::Unknown, Reason::EvidenceStale),
        &[
            (minutes(59), ""),
            (hours(1), "StatusUnknown/integration/acme-bitbucket warning"),
            (hours(24), "StatusUnknown/integration/acme-bitbucket critical"),
        ],
    );
    world.status(&group(), Status::Connected, Reason::Ok);
    assert_eq!(resolutions(&world.evaluate()), [format!("StatusUnknown/{GROUP}: the status is known again")]);
}

#[test]
fn catalog_files_without_effect() {
    check(
        |world| world.condition(&group(), Condition::CatalogLinked, Truth::False, Reason::CatalogNotLinked),
        &[(hours(23), ""), (hours(24), "CatalogNotLinked/integration/acme-bitbucket info")],
    );
}

#[test]
fn a_severity_grows_by_a_transition_and_falls_only_with_another_case() {
    let mut world = World::new(0);
    world.permission(Permission::RepositoryRead, PermissionProof::Missing { scope: None });
    world.permission(Permission::WebhookWrite, PermissionProof::Missing { scope: None });
    world.condition(&group(), Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing);
    world.at(minutes(15));
    world.permission(Permission::RepositoryRead, PermissionProof::Granted);
    let told = world.at(minutes(20));
    let changed = told.iter().map(|transition| &transition.change);
    let changed: Vec<_> = changed.filter(|change| matches!(change, Change::SeverityChanged { .. })).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(world.open(), [format!("PermissionsMissing/{CREDENTIAL} warning")]);
}
