use chrono::TimeDelta;
use insta::assert_snapshot;

use super::Story;
use crate::domain::condition::Condition;
use crate::domain::facts::{CatalogCheck, CatalogSample, RemovalReason, RemovedAsset, WorkspaceFact};
use crate::domain::incident::Rule;
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, WorkspaceSlug};
use crate::domain::status::Status;
use crate::health::testing::{SNYK_API, WORKSPACE, World, hours, minutes};

#[test]
fn a_workspace_without_the_account() {
    let story = Story::healthy(3, 1, |world| {
        world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), WorkspaceFact::NotMember);
    });
    assert_snapshot!(story.after(minutes(60)).text(Rule::ConnectionFailed), @"
    ConnectionFailed: acme-bitbucket (group) for 30 min
    acme-bitbucket (group) has failed for 30 min (since 2026-11-23 04:00 UTC). The account behind the PAT is not a member of workspace acme. No repository of it is discovered or synchronised.
    - The account behind the PAT is not a member of workspace acme. [measured, 11-23 04:30]
    - The PAT bitbucket-acme expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - The last movement of an asset was 2026-11-13 03:00 UTC. [measured, 11-23 04:30]
    - It was last connected 2026-11-23 03:30 UTC. [inferred, 11-23 03:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 04:30 UTC), snyk/acme-us answered (2026-11-23 04:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-23 04:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 04:30 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-23 04:30 UTC).
    Noticed: Within 30 min (the probe of the profile).
    Next: Git host admin: make the PAT's account a member of the workspace with access to its repositories.
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: ConnectionFailed <https://snykwatch.acme.example/runbooks/ConnectionFailed>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

/// What was seen before it began says nothing of what it is now.
#[test]
fn only_what_was_seen_since_the_onset_rules_out() {
    let story = Story::healthy(3, 0, |world| {
        world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), WorkspaceFact::NotMember);
        world.down.insert(SNYK_API.into());
    });
    let story = story.after(minutes(60));
    let access = &story.world.stored(None).conditions[&Condition::SnykAccessible];
    assert_eq!(access.truth, Truth::True, "known from before, and fresh");
    assert_snapshot!(story.page(Rule::ConnectionFailed).ruled_out.join("\n"), @"
    Not the network or an outage: bitbucket-cloud answered (2026-11-23 04:30 UTC).
    Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 04:30 UTC).
    Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-23 04:30 UTC).
    ");
}

#[test]
fn an_answer_of_before_the_onset_rules_out_no_outage() {
    let mut story = Story::healthy(3, 0, |world| {
        world.main().workspaces.insert(WorkspaceSlug::from(WORKSPACE), WorkspaceFact::NotMember);
    });
    story.pass(minutes(60));
    let since = story.world.state.incidents.values().find(|incident| incident.is_open()).unwrap().since;
    let facts = story.world.state.evidence.apis.get_mut(&ApiName::from(SNYK_API)).unwrap();
    facts.last_conclusive_at = Some(since - minutes(1));
    let ruled_out = story.page(Rule::ConnectionFailed).ruled_out;
    assert!(ruled_out.iter().any(|proof| proof.contains("bitbucket-cloud answered")), "{ruled_out:?}");
    assert!(!ruled_out.iter().any(|proof| proof.contains("snyk/acme-us answered")), "{ruled_out:?}");
}

#[test]
fn a_group_that_is_connected_again_and_not_for_long() {
    let mut story = Story::new(World::just_set_up(12, 0)).after(hours(14));
    let told = |story: &Story| story.page(Rule::PartiallyConnected).evidence;
    assert!(told(&story).iter().any(|claim| claim.text == "It was not yet seen connected for 30 min."));
    let now = story.world.now;
    let key = World::key(None);
    let status = story.world.state.integrations.get_mut(&key).unwrap().status.as_mut().unwrap();
    (status.status, status.since) = (Status::Connected, now - minutes(5));
    assert!(told(&story).iter().any(|claim| claim.text == "It is connected, not yet for 30 min."));
}

#[test]
fn a_deleted_profile() {
    let story = Story::healthy(3, 0, |world| {
        let gone = std::mem::take(&mut world.assets);
        let now = world.now;
        world.removed = gone
            .into_iter()
            .map(|asset| RemovedAsset {
                id: asset.id,
                scm_id: asset.scm_id,
                url: asset.url,
                reasons: vec![(RemovalReason::DeletedProfile, Some(now))],
            })
            .collect();
    });
    assert_snapshot!(story.after(minutes(45)).text(Rule::ConnectionFailed), @"
    ConnectionFailed: acme-bitbucket (group) for 30 min
    acme-bitbucket (group) has failed for 30 min (since 2026-11-23 03:45 UTC). Profile main was deleted in Snyk: 3 of its 3 assets were removed with that reason. No repository of it is discovered or synchronised.
    - The PAT bitbucket-acme expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - The last movement of an asset was 2026-11-13 03:00 UTC. [measured, 11-23 04:15]
    - Snyk removed 3 of 3 assets of profile main with the reason deleted-profile, while their repositories are still visible. [measured, 11-23 03:45]
    - It was last connected 2026-11-23 03:30 UTC. [inferred, 11-23 03:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 04:15 UTC), snyk/acme-us answered (2026-11-23 04:15 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-23 04:15 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 04:15 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-23 04:15 UTC).
    x Not the account's access to the repositories: the PAT sees 3 repositories (2026-11-23 04:15 UTC).
    Changed: 2026-11-23 03:45 UTC (at the onset): the assets of profile main were removed as deleted-profile (measured).
    Noticed: After Snyk's next synchronisation (every 6 h; saving the profile starts one), then within 30 min (the probe of the Inventory).
    Next: Group Admin: create the profile again (Integrations > Bitbucket in the Group).
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: ConnectionFailed <https://snykwatch.acme.example/runbooks/ConnectionFailed>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn a_first_synchronisation_that_never_comes() {
    let story = Story::new(World::just_set_up(12, 0));
    assert_snapshot!(story.after(hours(14)).text(Rule::PartiallyConnected), @"
    PartiallyConnected: acme-bitbucket (group) for 14 h
    acme-bitbucket (group) has been Partially connected for 14 h (since 2026-11-23 03:00 UTC). 0 of 12 repositories reached the Inventory; no sync seen since set-up, one was due by 2026-11-23 09:00 UTC. It becomes critical 2026-11-24 05:00 UTC.
    - 0 of 12 repositories reached the Inventory. [measured, 11-23 17:00]
    - The PAT bitbucket-acme expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - No synchronisation was ever seen: no asset of it has been in the Inventory. [measured, 11-23 17:00]
    - It was not yet seen connected for 30 min. [inferred]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-23 17:00 UTC), snyk/acme-us answered (2026-11-23 17:00 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-23 17:00 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-23 17:00 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-23 17:00 UTC).
    x Not the account's access to the repositories: the PAT sees 12 repositories (2026-11-23 17:00 UTC).
    Changed: 2026-11-23 03:00 UTC (at the onset): acme-bitbucket (group) was set up (declared).
    Noticed: After Snyk's next synchronisation (every 6 h; saving the profile starts one), then within 30 min (the probe of the Inventory).
    Next: Group Admin: open Integrations > Bitbucket in the Group and re-save the profile.
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: PartiallyConnected <https://snykwatch.acme.example/runbooks/PartiallyConnected>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn missing_repositories_with_hostile_names() {
    let mut story = Story::new(World::just_set_up(20, 0));
    story.pass(hours(1));
    story.world.sync(story.world.now);
    story.world.assets.truncate(8);
    for repository in &mut story.world.main().repositories {
        repository.full_name.push_str("\n<!channel> @here \u{202e}](https://evil.example)");
    }
    assert_snapshot!(story.after(TimeDelta::days(10)).text(Rule::PartiallyConnected), @"
    PartiallyConnected: acme-bitbucket (group) for 9 d
    acme-bitbucket (group) has been Partially connected for 9 d (since 2026-11-23 04:15 UTC). 8 of 20 repositories reached the Inventory; missing: acme/service-10 <!channel> @here ](https://evil.example), acme/service-11 <!channel> @here ](https://evil.example), acme/service-12 <!channel> @here ](https://evil.example) and 9 more.
    - 8 of 20 repositories reached the Inventory; missing: acme/service-10 <!channel> @here ](https://evil.example), acme/service-11 <!channel> @here ](https://evil.example), acme/service-12 <!channel> @here ](https://evil.example) and 9 more. [measured, 12-03 04:00]
    - The PAT bitbucket-acme expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - The last movement of an asset was 2026-11-23 04:00 UTC. [measured, 12-03 04:00]
    - It was not yet seen connected for 30 min. [inferred]
    x Not the network or an outage: bitbucket-cloud answered (2026-12-03 04:00 UTC), snyk/acme-us answered (2026-12-03 04:00 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-12-03 04:00 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-12-03 04:00 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-12-03 04:00 UTC).
    x Not the account's access to the repositories: the PAT sees 20 repositories (2026-12-03 04:00 UTC).
    Changed: 2026-11-23 03:00 UTC (75 min before): acme-bitbucket (group) was set up (declared).
    Noticed: After Snyk's next synchronisation (every 6 h; saving the profile starts one), then within 30 min (the probe of the Inventory).
    Next: Group Admin: check that the profile covers the missing repositories and re-save it (Integrations > Bitbucket in the Group); a repository that came into scope later is found only after it changes; the next sync is due by 2026-12-03 10:00 UTC.
    Visit: acme/service-10 <!channel> @here ](https://evil.example); acme/service-11 <!channel> @here ](https://evil.example); acme/service-12 <!channel> @here ](https://evil.example); acme/service-13 <!channel> @here ](https://evil.example); acme/service-14 <!channel> @here ](https://evil.example); acme/service-15 <!channel> @here ](https://evil.example); acme/service-16 <!channel> @here ](https://evil.example); acme/service-17 <!channel> @here ](https://evil.example); acme/service-18 <!channel> @here ](https://evil.example); acme/service-19 <!channel> @here ](https://evil.example) +2
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: PartiallyConnected <https://snykwatch.acme.example/runbooks/PartiallyConnected>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn a_stalled_synchronisation() {
    let story = Story::healthy(5, 0, |world| {
        let now = world.now;
        world.main().repositories.iter_mut().for_each(|repository| repository.updated_at = Some(now));
    });
    assert_snapshot!(story.after(hours(30)).text(Rule::SyncStalled), @"
    SyncStalled: acme-bitbucket (group) for 3 h
    The synchronisation of acme-bitbucket (group) has been stalled for 3 h (since 2026-11-24 05:45 UTC). 5 repositories changed and not synced for up to 30 h; the last asset of profile main moved 2026-11-13 03:00 UTC. The last sync was seen 2026-11-13 03:00 UTC. What changed since then is not in the Inventory. It becomes critical 2026-11-25 05:45 UTC.
    - 5 repositories changed and not synced for up to 30 h; the last asset of profile main moved 2026-11-13 03:00 UTC. [measured, 11-24 09:30]
    - 5 of 5 repositories reached the Inventory. [measured, 11-24 09:30]
    - The PAT bitbucket-acme expires 2027-06-11 03:00 UTC, as the configuration says. [declared]
    - The last movement of an asset was 2026-11-13 03:00 UTC. [measured, 11-24 09:30]
    - It was last connected 2026-11-24 05:30 UTC. [inferred, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 09:30 UTC), snyk/acme-us answered (2026-11-24 09:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-24 09:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 09:30 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-24 09:30 UTC).
    x Not the account's access to the repositories: the PAT sees 5 repositories (2026-11-24 09:30 UTC).
    Noticed: After Snyk's next synchronisation (every 6 h; saving the profile starts one), then within 30 min (the probe of the Inventory).
    Next: (Group Admin) Open Integrations in the Group and save the profile again, which starts a synchronisation; if nothing moves within 6 h, ask Snyk's support with the listed repositories.
    Visit: acme/service-0; acme/service-1; acme/service-2; acme/service-3; acme/service-4 +0
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: SyncStalled <https://snykwatch.acme.example/runbooks/SyncStalled>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}

#[test]
fn a_catalog_that_is_not_linked() {
    let story = Story::healthy(3, 0, |world| {
        world.group().catalog_file = Some("catalog-info.yaml".to_owned());
        let repositories = world.main().repositories.clone();
        let check = |repository: &crate::domain::facts::Repository| CatalogCheck {
            repository: repository.id.clone(),
            full_name: repository.full_name.clone(),
            has_file: true,
            linked: Some(false),
        };
        world.catalog = Some(CatalogSample { checks: repositories.iter().map(check).collect() });
    });
    assert_snapshot!(story.after(hours(26)).text(Rule::CatalogNotLinked), @"
    CatalogNotLinked: acme-bitbucket (group) for 25 h
    The catalog files of acme-bitbucket (group) have had no effect in Snyk for 25 h (since 2026-11-23 03:45 UTC). 3 of 3 repositories with a catalog file have no application context: acme/service-0, acme/service-1, acme/service-2.
    - 3 of 3 repositories with a catalog file have no application context: acme/service-0, acme/service-1, acme/service-2. [measured, 11-24 05:30]
    x Not the network or an outage: bitbucket-cloud answered (2026-11-24 05:30 UTC), snyk/acme-us answered (2026-11-24 05:30 UTC).
    x Not our access to Snyk: Snyk lets us read the Group (2026-11-24 05:30 UTC).
    x Not the PAT: Bitbucket accepts bitbucket-acme (2026-11-24 05:30 UTC).
    x Probably not an expired PAT: bitbucket-acme is valid until 2027-06-11 (declared).
    x Not a missing permission: bitbucket-acme has 9 of 9 permissions (2026-11-24 05:30 UTC).
    x Not the account's access to the repositories: the PAT sees 3 repositories (2026-11-24 05:30 UTC).
    x Probably not a stalled synchronisation: nothing changed in the SCM that is not in the Inventory (2026-11-24 05:30 UTC).
    Noticed: After Snyk's next synchronisation (every 6 h), then within 30 min.
    Next: (Group Admin) Open Integrations in the Group and check the name of the catalog file in the profile.
    Status page <https://snykwatch.acme.example/#group-acme-bitbucket>
    Runbook: CatalogNotLinked <https://snykwatch.acme.example/runbooks/CatalogNotLinked>
    The Group in Snyk (then Integrations) <https://app.snyk.io/group/00000000-0000-0000-0000-000000000001>
    Repositories of acme in Bitbucket <https://bitbucket.org/acme/workspace/repositories/>
    [acme-bitbucket - group bitbucket-cloud platform-team]
    ");
}
