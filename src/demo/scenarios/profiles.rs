//! Several profiles, credentials and workspaces: what is seen of one proves nothing of another.

use super::prelude::*;
use crate::demo::scenario::{
    AuthSetup, Cadences, CredentialSetup, Expectation as E, ProfileSetup,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::{Role, Truth};
use crate::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, SyncState, pilot_guide_scopes};

/// The workspace of nine that Snyk does not discover.
const OVERLOOKED: &str = "unit-5";

pub(super) fn all() -> Vec<Scenario> {
    let unknown: &[_] = &[(Rule::StatusUnknown, Severity::Warning)];
    vec![
        Scenario {
            name: "one-observed-profile-of-two-stalls",
            line: Some(34),
            title: "two profiles with observer credentials; one goes on synchronising, the other stops",
            verdict: "stalled: what moves with one token proves nothing of the other",
            pages: &[(Rule::SyncStalled, Severity::Warning)],
            story: one_observed_profile_of_two_stalls,
        },
        Scenario {
            name: "one-observed-profile-of-two-idle",
            line: Some(34),
            title: "two profiles with observer credentials; nobody works in the workspace of one",
            verdict: "unknown / idle_unproved after a week: the busy one does not prove it; nobody is paged",
            pages: &[],
            story: one_observed_profile_of_two_idle,
        },
        Scenario {
            name: "organizations-on-another-pat",
            line: Some(34),
            title: "the Organizations use a PAT of their own, of which snykwatch has an observer only",
            verdict: "unknown / not_provable, told once for all of them; the Group is connected",
            pages: unknown,
            story: organizations_on_another_pat,
        },
        Scenario {
            name: "pat-missing-from-admin-listing",
            line: Some(34),
            title: "an observer, and the organisation admin's complete listing lacks the PAT saved in Snyk",
            verdict: "unknown / not_listed, though assets move",
            pages: unknown,
            story: pat_missing_from_admin_listing,
        },
        Scenario {
            name: "one-workspace-of-nine-never-found",
            line: Some(56),
            title: "when snykwatch comes, one workspace of nine has no asset at all",
            verdict: "partially_connected / awaiting_first_sync, the workspace named; long overdue, so critical at once",
            pages: &[(Rule::PartiallyConnected, Severity::Critical)],
            story: one_workspace_of_nine_never_found,
        },
        Scenario {
            name: "ninth-workspace-comes-later",
            line: Some(56),
            title: "the account is invited to a ninth workspace, and Snyk finds nothing in it",
            verdict: "excused for 26 h after it was first seen, then awaiting_first_sync, the workspace named",
            pages: &[],
            story: ninth_workspace_comes_later,
        },
    ]
}

/// Profile `payments` beside `main`, with an account and a workspace of its own; snykwatch has observers of both.
fn two_observed_profiles(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    let world = &mut story.world;
    if let Some(owner) = world.account_id(ACME_ACCOUNT) {
        world.add_api_token("observer", owner, pilot_guide_scopes());
    }
    let owner = world.add_account("acme-payments-bot", "Payments Bot", "payments-bot@acme.example");
    world.add_workspace("payments", owner);
    for slug in ["ledger", "invoices", "refunds", "payouts"] {
        world.create_repository("payments", slug);
    }
    world.add_api_token("payments-token", owner, pilot_guide_scopes());
    world.add_api_token("payments-observer", owner, pilot_guide_scopes());
    world.add_profile("payments", "payments-token");
    story.setup(|setup| {
        setup.pace = Cadences::Hourly;
        for credential in &mut setup.credentials {
            credential.secret_of = "observer";
        }
        setup.credentials.push(CredentialSetup {
            auth: AuthSetup::ApiToken { email: "payments-bot@acme.example", scheme: "basic" },
            expires_at: setup.credentials.first().and_then(|first| first.expires_at),
            ..CredentialSetup::api_token("bitbucket-payments", "payments-observer")
        });
        for credential in &mut setup.credentials {
            credential.role = Role::Observer;
        }
        setup.profiles.push(ProfileSetup {
            name: "payments",
            credential: "bitbucket-payments",
            workspaces: vec!["payments"],
        });
    })
}

fn inferred() -> E {
    E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::InferredFromSync)
}

fn unproved() -> E {
    E::Condition(Group, Condition::CredentialValid, Truth::Unknown, Reason::IdleUnproved)
}

fn one_observed_profile_of_two_stalls(start: DateTime<Utc>) -> Story {
    two_observed_profiles(start)
        .expect(minutes(50), [connected(Group), inferred(), quiet()])
        .change(hours(1), "profile payments quietly stops synchronising", |world| {
            world.set_sync("payments", SyncState::Stuck);
        })
        .expect(
            hours(46),
            [
                E::Status(Group, Status::Stalled, Reason::SyncLagging),
                unproved(),
                E::Condition(Group, Condition::SyncCurrent, Truth::False, Reason::SyncLagging),
                E::Says(Group, "the last asset of profile payments moved"),
                only(Rule::SyncStalled, GROUP, Severity::Warning),
                E::IncidentSays(Rule::SyncStalled, "payments"),
                E::IncidentSays(Rule::SyncStalled, "save the profile again"),
                E::NeverOpened(Rule::CredentialInvalid),
            ],
        )
}

fn one_observed_profile_of_two_idle(start: DateTime<Utc>) -> Story {
    let mut story = two_observed_profiles(start);
    story.world.advance(start);
    story.world.stop_activity();
    // Somebody works in the other workspace, every day.
    for day in 0..9 {
        story = story
            .change(days(day) + hours(1), "somebody pushes to acme/service-007", |world| world.push("service-007"));
        match day {
            1 => story = story.expect(days(1) + hours(8), [connected(Group), inferred(), E::NothingEverOpened]),
            8 => {
                story = story.expect(
                    days(8) + hours(12),
                    [
                        E::Status(Group, Status::Unknown, Reason::IdleUnproved),
                        E::KnownBelowUnknown(Group, Status::Connected),
                        unproved(),
                        E::Says(Group, "bitbucket-payments"),
                        E::NothingEverOpened,
                    ],
                );
            }
            _ => {}
        }
    }
    story
}

fn organizations_on_another_pat(start: DateTime<Utc>) -> Story {
    let mut story = settled_organizations(start, 20, 2);
    let world = &mut story.world;
    if let Some(owner) = world.account_id(ACME_ACCOUNT) {
        for name in ["teams-token", "teams-observer"] {
            world.add_api_token(name, owner, pilot_guide_scopes());
        }
    }
    for slug in ["acme-team-000", "acme-team-001"] {
        world.save_at_organization(slug, "teams-token");
    }
    story
        .setup(|setup| {
            setup.credentials.push(CredentialSetup {
                role: Role::Observer,
                expires_at: setup.credentials.first().and_then(|first| first.expires_at),
                ..CredentialSetup::api_token("bitbucket-teams", "teams-observer")
            });
            setup.organizations_credential = Some("bitbucket-teams");
        })
        .expect(
            minutes(30),
            [
                connected(Group),
                E::Status(EveryOrganization, Status::Unknown, Reason::NotProvable),
                E::Condition(EveryOrganization, Condition::CredentialValid, Truth::Unknown, Reason::NotProvable),
                E::Condition(EveryOrganization, Condition::TestsCurrent, Truth::True, Reason::Ok),
                quiet(),
            ],
        )
        .expect(
            hours(3),
            [
                connected(Group),
                only(Rule::StatusUnknown, ORGANIZATIONS, Severity::Warning),
                E::Affects(Rule::StatusUnknown, 2),
                E::IncidentSays(Rule::StatusUnknown, "bitbucket-teams"),
                E::IncidentSays(Rule::StatusUnknown, "give it a profile"),
            ],
        )
}

fn pat_missing_from_admin_listing(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 20);
    if let Some(owner) = story.world.account_id(ACME_ACCOUNT) {
        story.world.add_api_token("observer", owner, pilot_guide_scopes());
    }
    story
        .setup(|setup| {
            for credential in &mut setup.credentials {
                credential.secret_of = "observer";
                credential.role = Role::Observer;
                credential.admin_api = true;
                credential.label = Some(ACME_CREDENTIAL);
            }
        })
        .expect(
            minutes(50),
            [connected(Group), E::Condition(Group, Condition::CredentialValid, Truth::True, Reason::Ok), quiet()],
        )
        .change(hours(1), "the admin API no longer lists the PAT, which goes on working", |world| {
            world.unlist_credential(ACME_CREDENTIAL);
        })
        .expect(
            hours(4),
            [
                E::Status(Group, Status::Unknown, Reason::NotListed),
                E::KnownBelowUnknown(Group, Status::Connected),
                E::Condition(Group, Condition::CredentialValid, Truth::Unknown, Reason::NotListed),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
                only(Rule::StatusUnknown, GROUP, Severity::Warning),
                E::IncidentSays(Rule::StatusUnknown, "correct the label"),
                E::NeverOpened(Rule::CredentialInvalid),
            ],
        )
}

/// So many workspaces more, of five repositories each, in which the account is a member.
fn add_units(world: &mut World, units: std::ops::RangeInclusive<usize>) {
    let Some(owner) = world.account_id(ACME_ACCOUNT) else { return };
    for unit in units {
        let workspace = format!("unit-{unit}");
        world.add_workspace(&workspace, owner);
        for number in 0..5 {
            world.create_repository(&workspace, &format!("{workspace}-service-{number}"));
        }
    }
}

/// A profile as Snyk has it: it names no workspace.
fn every_workspace(story: Story) -> Story {
    story.setup(|setup| {
        setup.pace = Cadences::Hourly;
        for profile in &mut setup.profiles {
            profile.workspaces.clear();
        }
    })
}

fn awaiting() -> E {
    E::Status(Group, Status::PartiallyConnected, Reason::AwaitingFirstSync)
}

fn one_workspace_of_nine_never_found(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 60);
    add_units(&mut story.world, 2..=9);
    story.world.overlook_workspace(OVERLOOKED);
    every_workspace(story)
        .expect(
            hours(2),
            [
                awaiting(),
                E::Condition(Group, Condition::InventoryPopulated, Truth::False, Reason::AwaitingFirstSync),
                E::Progress { found: 95, missing: 5 },
                E::Says(Group, OVERLOOKED),
                E::Says(Group, "0 of 5 repositories"),
                // Set up ten days ago: it is long overdue.
                only(Rule::PartiallyConnected, GROUP, Severity::Critical),
                E::IncidentSays(Rule::PartiallyConnected, OVERLOOKED),
                E::IncidentSays(Rule::PartiallyConnected, "re-save the profile"),
            ],
        )
        .expect(
            hours(14),
            [
                awaiting(),
                only(Rule::PartiallyConnected, GROUP, Severity::Critical),
                E::NeverOpened(Rule::RepositoriesVanished),
            ],
        )
}

fn ninth_workspace_comes_later(start: DateTime<Utc>) -> Story {
    let mut story = settled(start, 60);
    add_units(&mut story.world, 2..=8);
    every_workspace(story)
        .expect(hours(2), [connected(Group), E::Progress { found: 95, missing: 0 }, quiet()])
        .change(hours(3), "the account is invited to a ninth workspace, which discovery overlooks", |world| {
            add_units(world, 9..=9);
            world.overlook_workspace("unit-9");
        })
        .expect(hours(27), [connected(Group), E::NothingEverOpened])
        .expect(
            hours(32),
            [
                awaiting(),
                E::Says(Group, "unit-9"),
                E::Condition(Group, Condition::SyncCurrent, Truth::True, Reason::Ok),
                E::NothingEverOpened,
            ],
        )
        .change(hours(33), "discovery finds it", |world| {
            let home = world.bitbucket.workspace("unit-9").map(|found| found.uuid);
            let now = world.now;
            for repository in world.bitbucket.repositories.iter_mut().filter(|known| Some(known.workspace) == home) {
                repository.discovery = crate::sandbox::world::Availability::Present;
                (repository.updated_on, repository.discovery_changed_on) = (now, now);
            }
        })
        .expect(hours(44), [connected(Group), E::Progress { found: 100, missing: 0 }, E::NothingEverOpened])
}
