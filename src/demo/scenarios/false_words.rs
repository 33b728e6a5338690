//! Answers about the right subject that cannot be so: flags, dates, headers; and an old word on a new loss.

use super::prelude::*;
use super::rotations::NEW;
use crate::demo::scenario::{
    Cadences, Expectation as E,
    Who::{EveryOrganization, Group, Organization},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::domain::permission::Permission;
use crate::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_PROFILE, ACME_WORKSPACE, SyncState, Tests};

/// How many of the PAT's scopes the header of `/user` names, where it ends too early: those that read.
const READING_SCOPES: usize = 8;
/// The scopes that it leaves out.
const WRITING_SCOPES: [&str; 3] =
    ["write:repository:bitbucket", "write:pullrequest:bitbucket", "write:webhook:bitbucket"];

const VANISHED: (Rule, Severity) = (Rule::RepositoriesVanished, Severity::Warning);

pub(super) fn all() -> Vec<Scenario> {
    let own = |name, title, verdict, pages, story| Scenario { name, line: None, title, verdict, pages, story };
    let stalled: &[_] = &[(Rule::SyncStalled, Severity::Warning), (Rule::SyncStalled, Severity::Critical)];
    vec![
        own(
            "most-assets-flagged-personal",
            "Snyk flags 39 of 40 assets as personal, and sync stops",
            "more than a fifth is not believed: stalled",
            stalled,
            most_assets_flagged_personal,
        ),
        own(
            "personal-from-the-first-day",
            "30 of 40 repositories are personal and were so from the first day; their assets never move",
            "not judged: connected",
            &[],
            personal_from_the_first_day,
        ),
        own(
            "accepted-loss-comes-again",
            "39 of 40 repositories are seen no more, somebody accepts it; they return, and go again",
            "an answer to the first loss is none to the second: RepositoriesVanished again",
            &[VANISHED, VANISHED],
            accepted_loss_comes_again,
        ),
        own(
            "one-of-the-accepted-goes-again",
            "the same loss is accepted; snykwatch is restarted, and one of the 39 returns for two hours",
            "what was accepted stays accepted, and one that goes again is listed only: connected",
            &[VANISHED],
            one_of_the_accepted_goes_again,
        ),
        own(
            "tests-dated-ahead",
            "the daily tests of an Organization stop, and its projects say that they were tested in 40 hours",
            "no instant at all: unknown / no_test_told; TestsStale once their time has come and gone",
            &[(Rule::StatusUnknown, Severity::Warning), (Rule::TestsStale, Severity::Warning)],
            tests_dated_ahead,
        ),
        own(
            "one-test-dated-ahead",
            "one project of ten says that it was tested in 40 hours; the tests of the others go on",
            "counted apart: connected",
            &[],
            one_test_dated_ahead,
        ),
        own(
            "changes-dated-in-ten-years",
            "Bitbucket dates the last change of 39 of 40 repositories in ten years, and nothing moves any more",
            "what cannot be compared is not idle: unknown",
            &[(Rule::StatusUnknown, Severity::Warning)],
            changes_dated_in_ten_years,
        ),
        own(
            "changes-dated-in-ten-years-while-assets-move",
            "the same dates, and sync goes on",
            "assets that move are seen to move: connected",
            &[],
            changes_dated_in_ten_years_while_assets_move,
        ),
        own(
            "scope-header-of-user-cut",
            "the scope header of /user ends after eight scopes, that of other answers names them all",
            "contradicted, never missing; the status stays connected",
            &[],
            scope_header_of_user_cut,
        ),
        own(
            "new-pat-with-fewer-scopes",
            "the PAT is replaced by one with the eight scopes that read",
            "what the old one was granted proves nothing: PermissionsMissing",
            &[(Rule::PermissionsMissing, Severity::Warning)],
            new_pat_with_fewer_scopes,
        ),
    ]
}

fn busy(start: DateTime<Utc>) -> Story {
    settled(start, 40).setup(|setup| setup.pace = Cadences::Hourly)
}

fn slug(number: usize) -> String {
    format!("service-{number:03}")
}

fn most_assets_flagged_personal(start: DateTime<Utc>) -> Story {
    let lagging = || E::Status(Group, Status::Stalled, Reason::SyncLagging);
    busy(start)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "39 assets are flagged as personal, and Snyk quietly stops synchronising", |world| {
            world.flag_personal(39);
            world.set_sync(ACME_PROFILE, SyncState::Stuck);
        })
        .expect(hours(34), [lagging(), only(Rule::SyncStalled, GROUP, Severity::Warning)])
        .expect(hours(60), [lagging(), only(Rule::SyncStalled, GROUP, Severity::Critical)])
}

fn personal_from_the_first_day(start: DateTime<Utc>) -> Story {
    let mut story = busy(start);
    for number in 0..30 {
        if let Some(repository) = story.world.repository_mut(&slug(number)) {
            repository.personal = true;
        }
    }
    story
        .change(minutes(0), "the assets of personal repositories never move", |world| {
            let at = world.now;
            for number in 0..30 {
                world.misdate_asset(&slug(number), at);
            }
        })
        .expect(hours(2), [connected(Group), E::Progress { found: 10, missing: 0 }, quiet()])
        .expect(days(6), [connected(Group), E::Progress { found: 10, missing: 0 }, E::NothingEverOpened])
}

fn unexplained() -> E {
    E::Status(Group, Status::Unknown, Reason::RepositoriesVanished)
}

/// After an hour the account loses sight of 39 of 40 repositories; after four somebody accepts it.
fn accepted(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 40);
    story.world.make_private(ACME_WORKSPACE);
    story
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the account loses its right to 39 of 40 repositories", hide_most)
        .expect(hours(3), [unexplained(), only(Rule::RepositoriesVanished, WORKSPACE, Severity::Warning)])
        .accept(hours(4), Rule::RepositoriesVanished, WORKSPACE)
        .expect(hours(6), [connected(Group), quiet(), E::PagerQuiet])
}

fn hide_most(world: &mut World) {
    world.hide_repositories(ACME_ACCOUNT, ACME_WORKSPACE, 39);
}

fn accepted_loss_comes_again(start: DateTime<Utc>) -> Story {
    accepted(start)
        .change(hours(8), "the account sees them again", |world| {
            world.reveal_repositories(ACME_ACCOUNT, ACME_WORKSPACE);
        })
        .expect(hours(10), [connected(Group), E::Progress { found: 40, missing: 0 }, quiet()])
        .change(hours(12), "and loses them again", hide_most)
        .expect(hours(14), [unexplained(), only(Rule::RepositoriesVanished, WORKSPACE, Severity::Warning)])
        .expect(hours(20), [unexplained(), E::PagesSoFar(2)])
}

fn one_of_the_accepted_goes_again(start: DateTime<Utc>) -> Story {
    accepted(start)
        .down(hours(7), hours(8))
        .up()
        .change(hours(9), "the account sees one of them again", |world| {
            let account = world.account_id(ACME_ACCOUNT);
            if let (Some(account), Some(repository)) = (account, world.repository_mut("service-003")) {
                repository.hidden_from.remove(&account);
            }
        })
        .expect(hours(10), [connected(Group), quiet()])
        .change(hours(11), "and no more", |world| {
            world.hide_repository(ACME_ACCOUNT, ACME_WORKSPACE, "service-003");
        })
        .expect(hours(14), [connected(Group), quiet()])
        .expect(hours(30), [connected(Group), quiet(), E::PagesSoFar(1)])
}

fn date_tests_ahead(world: &mut World, share: f64) {
    let ahead = world.now + hours(40);
    world.set_last_tested("acme-team-001", share, Some(ahead));
}

fn tests_dated_ahead(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .expect(minutes(50), [connected(EveryOrganization), quiet()])
        .change(hours(1), "the tests of an Organization stop, and are dated 40 hours ahead", |world| {
            world.set_tests("acme-team-001", Tests::Stopped);
            date_tests_ahead(world, 1.0);
        })
        .expect(
            hours(6),
            [
                connected(Organization(0)),
                E::Status(Organization(1), Status::Unknown, Reason::NoTestTold),
                only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning),
            ],
        )
        .expect(days(5), [E::Status(Organization(1), Status::Stalled, Reason::TestsStale)])
}

fn one_test_dated_ahead(start: DateTime<Utc>) -> Story {
    settled_organizations(start, 20, 2)
        .change(hours(1), "one project's test is dated 40 hours ahead", |world| date_tests_ahead(world, 0.1))
        .expect(hours(6), [connected(EveryOrganization), E::Says(Organization(1), "1 not told"), E::NothingEverOpened])
}

fn date_changes_ahead(world: &mut World) {
    let at = world.now + days(3652);
    for number in 0..39 {
        world.misdate_change(&slug(number), at);
    }
}

fn changes_dated_in_ten_years(start: DateTime<Utc>) -> Story {
    busy(start)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "39 changes are dated in ten years; sync stops, and nobody works on the last one", |world| {
            date_changes_ahead(world);
            world.stop_activity();
            world.set_sync(ACME_PROFILE, SyncState::Stuck);
        })
        .expect(
            hours(40),
            [
                E::Condition(Group, Condition::SyncCurrent, Truth::Unknown, Reason::NotObserved),
                E::Status(Group, Status::Unknown, Reason::NotObserved),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
            ],
        )
}

fn changes_dated_in_ten_years_while_assets_move(start: DateTime<Utc>) -> Story {
    let current = || E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok);
    busy(start)
        .change(hours(1), "39 changes are dated in ten years", date_changes_ahead)
        .expect(hours(40), [connected(Group), current(), E::NothingEverOpened])
        .expect(days(4), [connected(Group), current(), E::NothingEverOpened])
}

fn scope_header_of_user_cut(start: DateTime<Utc>) -> Story {
    let contradicted = || E::Condition(Group, Condition::PermissionsGranted, Truth::Unknown, Reason::Contradicted);
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the scope header of /user ends after eight scopes", |world| {
            world.bitbucket.scopes_of_user = Some(READING_SCOPES);
        })
        .expect(
            hours(4),
            [
                connected(Group),
                contradicted(),
                E::Permission("bitbucket-acme", Permission::WebhookWrite, Truth::Unknown),
                E::Permission("bitbucket-acme", Permission::WebhookRead, Truth::True),
                E::NothingEverOpened,
            ],
        )
        .expect(hours(20), [connected(Group), contradicted(), E::NothingEverOpened])
}

fn new_pat_with_fewer_scopes(start: DateTime<Utc>) -> Story {
    let missing = || only(Rule::PermissionsMissing, PAT, Severity::Warning);
    settled(start, 20)
        .expect(minutes(50), [connected(Group), quiet()])
        .change(hours(1), "the PAT is rotated, without the scopes that write, and saved at the Group", |world| {
            let ends = world.now + days(365);
            world.rotate_credential(ACME_CREDENTIAL, NEW, Some(ends));
            for scope in WRITING_SCOPES {
                world.take_scope(NEW, scope);
            }
            world.save_at_group(ACME_PROFILE, NEW);
        })
        .write_secret(hours(1), "bitbucket-acme", NEW)
        .expect(
            hours(4),
            [
                connected(Group),
                E::Condition(Group, Condition::PermissionsGranted, Truth::False, Reason::PermissionMissing),
                missing(),
                E::IncidentSays(Rule::PermissionsMissing, "write:pullrequest:bitbucket"),
                E::IncidentSays(Rule::PermissionsMissing, "write:webhook:bitbucket"),
            ],
        )
        .expect(hours(20), [connected(Group), missing()])
}
