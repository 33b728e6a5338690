//! The diagnosis catalogue, played by the real binary: each scenario is a test of the whole daemon.
//!
//! `snykwatch demo --scenario NAME` plays one of them to be looked at; what they are is in `src/demo/scenarios/`.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test's helper fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// In real time, on a busy machine; the slowest scenario takes a tenth of it on an idle one.
const DEADLINE: Duration = Duration::from_mins(5);

/// Lines of the catalogue.
const LINES: std::ops::RangeInclusive<u8> = 1..=61;

/// Lines without a story: what goes wrong in them is our own clock, network or disk, and not what the sandbox stands for.
/// They are tests of their own, with the same binary (`tests/it`: `clocks`, `our_network`, `storage`).
const NOT_OF_THE_SANDBOX: [u8; 3] = [49, 50, 51];

async fn play(name: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snykwatch"));
    command.args(["demo", "--fast", "--output", "json", "--scenario", name]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("it ends in time").unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice::<Value>(&output.stdout);
    assert!(report.is_ok(), "scenario {name}: no report: {report:?}\n{said}");
    let report = report.unwrap();
    let mut missed = String::new();
    for miss in report["missed"].as_array().unwrap() {
        let after = miss["after_minutes"].as_i64().unwrap();
        let (hours, minutes) = (after / 60, after % 60);
        let (expected, found) = (miss["expected"].as_str().unwrap(), miss["found"].as_str().unwrap());
        writeln!(missed, "+{hours:02}:{minutes:02} expected {expected}\n       found    {found}").unwrap();
    }
    assert!(missed.is_empty(), "scenario {name}:\n{missed}");
    assert!(report["checked"].as_u64().unwrap() > 0, "scenario {name} checks nothing");
    assert!(output.status.success(), "scenario {name}: {}\n{said}", output.status);
}

macro_rules! scenarios {
    ($($test:ident = $name:literal),+ $(,)?) => {
        const PLAYED: &[&str] = &[$($name),+];

        $(#[tokio::test]
        async fn $test() {
            play($name).await;
        })+
    };
}

scenarios! {
    story = "story",
    first_sync_not_due = "first-sync-not-due",
    first_sync_never_comes = "first-sync-never-comes",
    first_sync_never_comes_undated = "first-sync-never-comes-undated",
    first_sync_never_came = "first-sync-never-came",
    first_fill_takes_long = "first-fill-takes-long",
    first_fill_stops = "first-fill-stops",
    pat_expired = "pat-expired",
    pat_revoked = "pat-revoked",
    pat_blocked = "pat-blocked",
    pat_with_wrong_email = "pat-with-wrong-email",
    app_password = "app-password",
    pat_sent_as_bearer = "pat-sent-as-bearer",
    webhooks_write_missing = "webhooks-write-missing",
    repositories_read_missing = "repositories-read-missing",
    owner_left_workspace = "owner-left-workspace",
    workspace_renamed = "workspace-renamed",
    workspace_deleted = "workspace-deleted",
    observer_revoked = "observer-revoked",
    our_copy_mistyped = "our-copy-mistyped",
    new_pat_works_nowhere = "new-pat-works-nowhere",
    required_organization_without_integration = "required-organization-without-integration",
    problems_of_first_sight = "problems-of-first-sight",
    rotated_at_the_group_only = "rotated-at-the-group-only",
    old_pat_revoked_after_rotation = "old-pat-revoked-after-rotation",
    admin_rights_lost = "admin-rights-lost",
    sync_stops_quietly = "sync-stops-quietly",
    idle_month = "idle-month",
    odd_repositories = "odd-repositories",
    organization_integration_deleted = "organization-integration-deleted",
    organization_credentials_removed = "organization-credentials-removed",
    organization_via_app = "organization-via-app",
    docs_only_repositories = "docs-only-repositories",
    imports_without_projects = "imports-without-projects",
    daily_tests_stop = "daily-tests-stop",
    projects_deactivated = "projects-deactivated",
    webhooks_missing = "webhooks-missing",
    unknown_hook_url = "unknown-hook-url",
    snyk_token_expired = "snyk-token-expired",
    snyk_token_of_another_region = "snyk-token-of-another-region",
    no_right_to_one_organization = "no-right-to-one-organization",
    snyk_outage = "snyk-outage",
    snyk_maintenance = "snyk-maintenance",
    snyk_truncated_json = "snyk-truncated-json",
    snyk_html_with_200 = "snyk-html-with-200",
    snyk_oversized_answers = "snyk-oversized-answers",
    snyk_hangs = "snyk-hangs",
    bitbucket_outage = "bitbucket-outage",
    bitbucket_rate_limited = "bitbucket-rate-limited",
    bitbucket_brownout = "bitbucket-brownout",
    bitbucket_html_with_200 = "bitbucket-html-with-200",
    bitbucket_redirects_to_login = "bitbucket-redirects-to-login",
    bitbucket_redirect_loop = "bitbucket-redirect-loop",
    bitbucket_cuts_connections = "bitbucket-cuts-connections",
    bitbucket_next_page_elsewhere = "bitbucket-next-page-elsewhere",
    inventory_assets_disappears = "inventory-assets-disappears",
    last_sync_renamed = "last-sync-renamed",
    both_asset_lists_disappear = "both-asset-lists-disappear",
    api_version_ends = "api-version-ends",
    one_profile_of_two_rejected = "one-profile-of-two-rejected",
    one_profile_of_two_deleted = "one-profile-of-two-deleted",
    catalog_not_linked = "catalog-not-linked",
    issues_read_not_granted = "issues-read-not-granted",
    scope_headers_stripped = "scope-headers-stripped",
    pat_replaced_in_time = "pat-replaced-in-time",
    declared_date_passes = "declared-date-passes",
    down_while_things_broke = "down-while-things-broke",
    down_while_things_healed = "down-while-things-healed",
    down_while_a_page_came_due = "down-while-a-page-came-due",
    snyk_blind_spot_at_hour_12 = "snyk-blind-spot-at-hour-12",
    bitbucket_blind_spot_at_hour_12 = "bitbucket-blind-spot-at-hour-12",
    ten_restarts_while_nothing_answers = "ten-restarts-while-nothing-answers",
    sight_lost_then_inventory_empty = "sight-lost-then-inventory-empty",
    sight_of_most_lost = "sight-of-most-lost",
    administrator_deletes_most = "administrator-deletes-most",
    administrator_proof_comes_late = "administrator-proof-comes-late",
    member_deletes_most = "member-deletes-most",
    tidy_up_of_three = "tidy-up-of-three",
    everything_removed_as_archived = "everything-removed-as-archived",
    everything_flagged_as_archived = "everything-flagged-as-archived",
    everything_ignored = "everything-ignored",
    owner_left_private_workspace = "owner-left-private-workspace",
    repositories_recreated = "repositories-recreated",
    moved_by_plan = "moved-by-plan",
    another_group_by_reload = "another-group-by-reload",
    integrations_refused_for_all = "integrations-refused-for-all",
    integrations_refused_for_one = "integrations-refused-for-one",
    organizations_never_listed = "organizations-never-listed",
    address_refused = "address-refused",
    assets_refused = "assets-refused",
    repository_list_cut = "repository-list-cut",
    two_step_verification_required = "two-step-verification-required",
    user_endpoint_refuses_alone = "user-endpoint-refuses-alone",
    mixed_scope_header = "mixed-scope-header",
    group_answers_empty = "group-answers-empty",
    all_projects_inactive = "all-projects-inactive",
    integration_with_inactive_projects_saved = "integration-with-inactive-projects-saved",
    organization_deleted = "organization-deleted",
    required_organization_mistyped = "required-organization-mistyped",
    all_organizations_hidden = "all-organizations-hidden",
    dead_projects_everywhere = "dead-projects-everywhere",
    clone_of_a_template = "clone-of-a-template",
    daily_tests_set_to_never = "daily-tests-set-to-never",
    pull_request_checks_switched_off = "pull-request-checks-switched-off",
    some_tests_untold = "some-tests-untold",
    fresh_workspace = "fresh-workspace",
    empty_workspace = "empty-workspace",
    one_of_two_missing = "one-of-two-missing",
    known_by_alias = "known-by-alias",
    asset_dated_in_ten_years = "asset-dated-in-ten-years",
    one_mover_beside_39 = "one-mover-beside-39",
    three_laggards = "three-laggards",
    one_observed_profile_of_two_stalls = "one-observed-profile-of-two-stalls",
    one_observed_profile_of_two_idle = "one-observed-profile-of-two-idle",
    organizations_on_another_pat = "organizations-on-another-pat",
    pat_missing_from_admin_listing = "pat-missing-from-admin-listing",
    one_workspace_of_nine_never_found = "one-workspace-of-nine-never-found",
    ninth_workspace_comes_later = "ninth-workspace-comes-later",
    another_integration_saved = "another-integration-saved",
    unnamed_save_event = "unnamed-save-event",
    audit_pages_without_items = "audit-pages-without-items",
    rotated_150_days_ago = "rotated-150-days-ago",
    rotation_done_right = "rotation-done-right",
    rotation_left_half_done = "rotation-left-half-done",
    rotation_with_overlap = "rotation-with-overlap",
    rotation_outlived_by_the_old_token = "rotation-outlived-by-the-old-token",
    webhooks_missing_in_mondays_sample = "webhooks-missing-in-mondays-sample",
    pat_revoked_before_the_listing = "pat-revoked-before-the-listing",
    pat_revoked_and_no_listing = "pat-revoked-and-no-listing",
    admin_on_imported_only = "admin-on-imported-only",
    deleted_during_the_walk = "deleted-during-the-walk",
    repositories_padded_with_repeats = "repositories-padded-with-repeats",
    repository_listed_twice = "repository-listed-twice",
    stale_twin_assets = "stale-twin-assets",
    twin_assets_and_sync_stops = "twin-assets-and-sync-stops",
    listing_of_two_groups = "listing-of-two-groups",
    moved_organization_still_listed = "moved-organization-still-listed",
    audit_log_of_the_neighbours = "audit-log-of-the-neighbours",
    audit_events_without_organization = "audit-events-without-organization",
    another_workspace_takes_the_name = "another-workspace-takes-the-name",
    workspace_made_anew = "workspace-made-anew",
    most_assets_flagged_personal = "most-assets-flagged-personal",
    personal_from_the_first_day = "personal-from-the-first-day",
    accepted_loss_comes_again = "accepted-loss-comes-again",
    one_of_the_accepted_goes_again = "one-of-the-accepted-goes-again",
    tests_dated_ahead = "tests-dated-ahead",
    one_test_dated_ahead = "one-test-dated-ahead",
    changes_dated_in_ten_years = "changes-dated-in-ten-years",
    changes_dated_in_ten_years_while_assets_move = "changes-dated-in-ten-years-while-assets-move",
    scope_header_of_user_cut = "scope-header-of-user-cut",
    new_pat_with_fewer_scopes = "new-pat-with-fewer-scopes",
    flapping_every_two_minutes = "flapping-every-two-minutes",
    nightly_maintenance = "nightly-maintenance",
}

#[test]
fn every_scenario_is_played() {
    let known: BTreeSet<&str> = snykwatch::demo::all().iter().map(|scenario| scenario.name).collect();
    let played: BTreeSet<&str> = PLAYED.iter().copied().collect();
    assert_eq!(played, known);
}

#[test]
fn every_line_of_the_catalogue_has_a_scenario() {
    let lines: BTreeSet<u8> = snykwatch::demo::all().iter().filter_map(|scenario| scenario.line).collect();
    assert_eq!(lines.iter().find(|line| !LINES.contains(line)), None, "no such line");
    let is_missing = |line: &u8| !lines.contains(line) && !NOT_OF_THE_SANDBOX.contains(line);
    assert_eq!(LINES.filter(is_missing).collect::<Vec<_>>(), [0; 0]);
}
