//! Rights on single repositories, and repositories that go while they are counted.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;
use crate::domain::permission::Permission;
use crate::sandbox::world::{ACME_ACCOUNT, ACME_WORKSPACE};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "admin-on-imported-only",
            line: Some(44),
            title: "the PAT's account is administrator of every imported repository and of none of the others",
            verdict: "granted; when it loses three of the imported ones, PermissionsMissing names them by count",
            pages: &[(Rule::PermissionsMissing, Severity::Warning)],
            story: admin_on_imported_only,
        },
        Scenario {
            name: "deleted-during-the-walk",
            line: Some(44),
            title: "imported repositories are deleted while snykwatch reads the list of repositories",
            verdict: "removed, granted: nothing is told",
            pages: &[],
            story: deleted_during_the_walk,
        },
    ]
}

/// So many repositories, imported by one Organization, and others that nobody imported. The account is an ordinary member
/// with the Admin permission on the imported ones.
fn administered(start: DateTime<Utc>, imported: usize) -> Story {
    let mut story = settled_organizations(start, imported, 1);
    let world = &mut story.world;
    for number in 0..12 {
        world.create_repository(ACME_WORKSPACE, &format!("elsewhere-{number:02}"));
    }
    world.take_admin(ACME_ACCOUNT);
    for number in 0..imported {
        world.give_admin(ACME_ACCOUNT, &format!("service-{number:03}"));
    }
    story.setup(|setup| setup.schedule = vec![("webhooks", "{ every: 1h, sample: 50 }")])
}

fn granted() -> [E; 4] {
    [
        connected(Group),
        connected(EveryOrganization),
        E::Condition(EveryOrganization, Condition::PermissionsGranted, Truth::True, Reason::Ok),
        E::Permission("bitbucket-acme", Permission::RepositoryAdmin, Truth::True),
    ]
}

fn admin_on_imported_only(start: DateTime<Utc>) -> Story {
    administered(start, 20)
        .expect(hours(2), granted())
        .expect(
            hours(2),
            [
                E::Condition(EveryOrganization, Condition::WebhooksInstalled, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .change(hours(3), "the account loses its right to three imported repositories", |world| {
            for slug in ["service-003", "service-004", "service-005"] {
                world.take_admin_of(ACME_ACCOUNT, slug);
            }
        })
        .expect(
            hours(5),
            [
                connected(Group),
                connected(EveryOrganization),
                E::Permission("bitbucket-acme", Permission::RepositoryAdmin, Truth::False),
                only(Rule::PermissionsMissing, PAT, Severity::Warning),
                E::IncidentSays(Rule::PermissionsMissing, "17 of 20"),
                E::IncidentSays(Rule::PermissionsMissing, "dmin"),
            ],
        )
        .change(hours(6), "it gets them back", |world| {
            for slug in ["service-003", "service-004", "service-005"] {
                world.give_admin(ACME_ACCOUNT, slug);
            }
        })
        .expect(hours(8), granted())
        .expect(hours(8), [quiet(), E::PagerQuiet])
}

fn deleted_during_the_walk(start: DateTime<Utc>) -> Story {
    let mut unharmed = granted().to_vec();
    unharmed.extend([E::NeverOpened(Rule::RepositoriesVanished), E::NothingEverOpened]);
    let found = |found| E::Progress { found, missing: 0 };
    administered(start, 130)
        .expect(hours(2), unharmed.clone())
        .expect(hours(2), [found(142)])
        .change(
            hours(2),
            "an imported repository is deleted, and four more while the list is read because of it",
            |world| {
                world.delete_repository("service-020");
                world.delete_during_walk(ACME_WORKSPACE, &["service-000", "service-001", "service-050", "service-129"]);
            },
        )
        .expect(hours(4), unharmed.clone())
        .expect(hours(4), [found(137)])
        .expect(hours(34), unharmed)
}
