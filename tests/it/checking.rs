//! `check`: what is wrong, and what to do, in one screen.

use chrono::TimeDelta;
use snykwatch::clock::Clock;
use snykwatch::sandbox::world::{ACME_ACCOUNT, ACME_CREDENTIAL, ACME_SNYK_TOKEN, EmptyPage, IntegrationMap, World};
use snykwatch::sandbox::{Api, Fault, FaultKind};
use uuid::Uuid;

use crate::support::configuration::Configuration;
use crate::support::process::{self, Finished};
use crate::support::strangers::Stranger;
use crate::support::{Scene, free_address};

/// A Snyk token whose payload names `api.eu.snyk.io`.
const EUROPEAN_TOKEN: &str = "snyk_sat.12345678.eyJoIjoiYXBpLmV1LnNueWsuaW8ifQ.c2lnbmF0dXJl";

/// A scene set an hour ago, before the first sync.
async fn freshly_set_up() -> Scene {
    Scene::of(World::acme(Clock::system().now() - TimeDelta::hours(1)).with_repositories(12)).await
}

async fn check(scene: &Scene, configuration: &Configuration) -> Finished {
    let finished = scene.ask(configuration, &["check"]).await;
    finished.fits_a_screen();
    finished
}

#[tokio::test]
async fn all_is_well() {
    let scene = Scene::healthy().await;
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(0);
    finished.says(&[
        "yes credential acme-us: Snyk accepts acme-us",
        "it may change things (Repositories: write, Pull requests: write, Webhooks: write)",
        "acme-bitbucket (group): connected",
        "12 of 12 repositories reached the Inventory",
        "2 organizations are connected",
        "healthy",
    ]);
    finished.never_says("NO ");
}

#[tokio::test]
async fn it_tells_programs_too() {
    let scene = Scene::healthy().await;
    let finished = scene.ask(&scene.configuration(), &["check", "--output", "json", "--assumptions"]).await;
    finished.exits(0);
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["verdict"], "healthy");
    assert_eq!(report["snapshot"]["integrations"].as_array().unwrap().len(), 3);
    let assumptions = report["assumptions"].as_array().unwrap();
    let observed = assumptions.iter().find(|one| one["id"] == "inventory-has-last-sync").unwrap();
    assert_eq!(observed["observed"], "held");
    assert_eq!(finished.stderr, "");
}

#[tokio::test]
async fn assumptions_are_printed_and_name_nobody() {
    let scene = Scene::healthy().await;
    let finished = scene.ask(&scene.configuration(), &["check", "--assumptions"]).await;
    finished.exits(0);
    finished.says(&["assumptions about the outside APIs (safe to publish)", "held", "inventory-has-last-sync"]);
    let (_, published) = finished.stdout.split_once("safe to publish").unwrap();
    for private in ["acme", "service-0", "127.0.0.1", &scene.configuration().group.to_string()] {
        assert!(!published.contains(private), "{private}: {published}");
    }
}

#[tokio::test]
async fn nobody_listens_at_snyk() {
    let scene = Scene::healthy().await;
    let snyk_url = format!("http://{}/", free_address().await);
    let finished = check(&scene, &Configuration { snyk_url, ..scene.configuration() }).await;
    finished.exits(2);
    finished.says(&[
        "NO api snyk/acme-us does not answer (connection_refused)",
        "127.0.0.1 refused the connection",
        "next: snykwatch operator: check that this machine may reach the host",
        "yes credential bitbucket-acme",
        "acme-bitbucket (group): unknown",
        "because of the above",
        "could not tell",
    ]);
}

#[tokio::test]
async fn neither_end_is_to_be_had() {
    let scene = Scene::healthy().await;
    let snyk_url = "https://nosuchhost.invalid".to_owned();
    let bitbucket_url = format!("http://{}/", free_address().await);
    let finished = check(&scene, &Configuration { snyk_url, bitbucket_url, ..scene.configuration() }).await;
    finished.exits(2);
    finished.says(&[
        "NO api bitbucket-cloud/bitbucket-acme does not answer (connection_refused)",
        "next: snykwatch operator: check that this machine may reach the host",
        "NO api snyk/acme-us does not answer (dns)",
        "could not look up nosuchhost.invalid",
        "next: snykwatch operator: check the host name in the configuration",
        "could not tell",
    ]);
    finished.never_says("credential_");
}

#[tokio::test]
async fn organizations_that_share_a_cause_are_told_together() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.break_api(Api::Bitbucket, FaultKind::Status(502)));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&[
        "NO api bitbucket-cloud/bitbucket-acme does not answer (server_error)",
        "next: snykwatch operator: look at the vendor's status page",
        "acme-bitbucket (group): unknown",
        "acme team 00",
        "acme team 00",
        "(organizations)",
        "yes SnykAccessible",
    ]);
    assert_eq!(finished.stdout.matches("WebhooksInstalled").count(), 1, "{}", finished.stdout);
}

#[tokio::test]
async fn the_snyk_token_is_wrong() {
    let scene = Scene::healthy().await;
    scene.write_secret("snyk-token", "00000000-0000-4000-8000-000000000000");
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(1);
    finished.says(&[
        "NO credential acme-us: Snyk rejects acme-us",
        "next: (snykwatch operator) It never worked here",
        "acme-bitbucket (group): unknown / snyk_token_invalid, because of the above",
        "there are problems",
    ]);
}

#[tokio::test]
async fn the_snyk_token_is_of_another_region() {
    let scene = Scene::healthy().await;
    scene.write_secret("snyk-token", EUROPEAN_TOKEN);
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(1);
    finished.says(&[
        "NO credential acme-us: Snyk rejects acme-us: the token belongs to api.eu.snyk.io",
        "next: (snykwatch operator) Set the region",
        "because of the above",
    ]);
}

#[tokio::test]
async fn the_pat_is_wrong() {
    let scene = Scene::healthy().await;
    scene.write_secret("bitbucket-token", "ATATT3xNOTATOKENATALL");
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(1);
    finished.says(&[
        "NO credential bitbucket-acme: Bitbucket rejects bitbucket-acme",
        "next: (snykwatch operator) Compare the e-mail and the token",
        "acme-bitbucket (group): connection_failed",
        "(organizations)",
        "there are problems",
    ]);
}

/// One problem and one thing that is not known: the problem decides.
#[tokio::test]
async fn problems_win() {
    let scene = Scene::healthy().await;
    scene.write_secret("bitbucket-token", "ATATT3xNOTATOKENATALL");
    let snyk_url = format!("http://{}/", free_address().await);
    let finished = check(&scene, &Configuration { snyk_url, ..scene.configuration() }).await;
    finished.exits(1);
    finished.says(&["NO api snyk/acme-us", "NO credential bitbucket-acme", "there are problems"]);
}

#[tokio::test]
async fn the_group_is_not_to_be_seen() {
    let scene = Scene::healthy().await;
    let group = Uuid::from_u128(7);
    let finished = check(&scene, &Configuration { group, ..scene.configuration() }).await;
    finished.exits(1);
    finished.says(&[
        "yes credential acme-us",
        "acme-bitbucket (group): unknown / snyk_access_denied",
        "next: Group Admin: give the account of our Snyk token the right",
        "correct the Group's id",
        "NO SnykAccessible",
        "InventoryPopulated, InventoryComplete, SyncCurrent: not observed",
    ]);
}

#[tokio::test]
async fn nobody_lists_the_organizations() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.break_organization_listing(&FaultKind::Status(403)));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&[
        "organizations of acme-bitbucket: the Organizations of the Group",
        "403",
        "next: Group Admin: give the account of our Snyk token a role that may read this",
        "acme-bitbucket (group): connected",
        "could not tell",
    ]);
    finished.never_says("run `snykwatch check`");
}

/// Three Organizations, each of which has the integration.
async fn three_organizations() -> Scene {
    let beginning = Clock::system().now() - TimeDelta::days(4);
    Scene::of(World::acme(beginning).with_repositories(12).with_organizations(3)).await
}

#[tokio::test]
async fn nobody_tells_which_integrations_there_are() {
    let scene = three_organizations().await;
    scene.sandbox.world(|world| {
        for number in 0..3 {
            world.break_integrations(&format!("acme-team-{number:03}"), FaultKind::Status(403));
        }
    });
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&["acme-bitbucket (group): connected", "unknown / endpoint_refused", "403", "could not tell"]);
    finished.says(&["next: Organization Admin: give the account of our Snyk token a role that may read this"]);
    for number in 0..3 {
        finished.says(&[&format!("acme team 00{number}")]);
    }
    finished.never_says("run `snykwatch check`");
    finished.never_says("  NO ");
}

/// Something that happens to a world.
type Deed = Box<dyn Fn(&mut World)>;

#[tokio::test]
async fn nobody_tells_the_integrations_of_one_organization() {
    let broken = |kind: FaultKind| move |world: &mut World| world.break_integrations("acme-team-001", kind.clone());
    let listed = |world: &mut World| world.set_integration_map("acme-team-001", IntegrationMap::List);
    let cases: [(Deed, &str, &str, &str); 7] = [
        (Box::new(broken(FaultKind::Status(401))), "endpoint_refused", "401", "Organization Admin: give the account"),
        (Box::new(broken(FaultKind::Status(403))), "endpoint_refused", "403", "Organization Admin: give the account"),
        (Box::new(broken(FaultKind::Status(404))), "endpoint_not_found", "404", "check `region` or `api_url`"),
        (Box::new(broken(FaultKind::Brownout)), "endpoint_gone", "410", "update snykwatch"),
        (Box::new(broken(FaultKind::Status(500))), "upstream_failing", "500", "whether Snyk reports a disturbance"),
        (Box::new(listed), "answer_not_understood", "instead of the expected JSON", "update snykwatch"),
        (Box::new(broken(FaultKind::TruncatedJson)), "answer_not_understood", "answer", "http.proxy"),
    ];
    for (deed, reason, words, next_step) in cases {
        let scene = three_organizations().await;
        scene.sandbox.world(deed);
        let finished = check(&scene, &scene.configuration()).await;
        finished.exits(2);
        finished.says(&["acme-bitbucket (group): connected", "acme team 001 (organization)", reason, words]);
        finished.says(&["acme team 001 (organization)", "next:", next_step]);
        finished.says(&["2 organizations are connected and have no problem", "could not tell"]);
        finished.never_says("run `snykwatch check`");
    }
}

/// A list that says how long it is and ends before: nobody stands in the way, and nobody is to be asked to leave it.
#[tokio::test]
async fn a_list_is_shorter_than_it_says() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.break_path(Api::Bitbucket, "/2.0/repositories/acme", FaultKind::ListCut(9)));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&["acme-bitbucket (group): unknown / list_incomplete", "9 of the 12", "next: nobody for now"]);
    finished.says(&["yes SnykAccessible", "yes CredentialValid", "could not tell"]);
    for wrong in ["login page", "proxy", "api_url", "run `snykwatch check`", "  NO "] {
        finished.never_says(wrong);
    }
}

/// A hundred days of some Organizations, whose audit logs come in pages of a day each, most of them empty.
fn long_quiet(organizations: usize) -> World {
    let now = Clock::system().now();
    let mut world = World::acme(now - TimeDelta::days(100)).with_repositories(10).with_organizations(organizations);
    world.expire_snyk_token(ACME_SNYK_TOKEN, now + TimeDelta::days(200));
    world.snyk.audit.bucket = Some(TimeDelta::days(1));
    world.snyk.audit.empty_page = EmptyPage::WithoutItems;
    world
}

/// Pages of audit logs of Organizations that were read.
fn pages_read(scene: &Scene) -> usize {
    let requests = scene.sandbox.requests();
    let is_page = |path: &str| path.starts_with("/rest/orgs/") && path.contains("/audit_logs/search");
    requests.iter().filter(|asked| is_page(&asked.path_and_query)).count()
}

#[tokio::test]
async fn quiet_organizations_are_not_asked_for_ninety_empty_pages_each() {
    let scene = Scene::of(long_quiet(5)).await;
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(0);
    finished.says(&["5 organizations are connected and have no problem"]);
    let pages = pages_read(&scene);
    assert!(pages <= 5 * 10, "{pages} pages of five logs");
}

/// The same logs with a question: what was saved after a rotation stands behind eighty empty pages.
#[tokio::test]
async fn what_stands_behind_eighty_empty_pages_is_found() {
    let mut world = long_quiet(2);
    let now = Clock::system().now();
    world.advance(now - TimeDelta::days(5));
    world.save_at_organization("acme-team-000", ACME_CREDENTIAL);
    let scene = Scene::of(world).await;
    let rotated = (now - TimeDelta::days(86)).format("%Y-%m-%dT%H:%M:%SZ");
    let text = scene.configuration().to_string();
    let role = "    role: integration\n";
    scene.write_text(&text.replace(role, &format!("{role}    rotated_at: {rotated}\n")));
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.exits(1);
    finished.says(&["acme team 001 (organization): partially_connected / credential_out_of_step"]);
    finished.says(&["NO CredentialInStep", "1 organization is connected and has no problem"]);
    let pages = pages_read(&scene);
    assert!(pages > 2 * 80, "{pages} pages of two logs");
}

/// Whoever runs `check` hears what the daemon would page for.
#[tokio::test]
async fn repositories_that_are_lost_from_sight_are_a_problem() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.hide_repositories(ACME_ACCOUNT, "acme", 4));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(1);
    finished.says(&[
        "NO RepositoriesVanished: 4 of 12 repositories of the workspace acme",
        "next: (Git host admin) Compare the rights",
        "acme-bitbucket (group): connected",
        "there are problems",
    ]);
}

#[tokio::test]
async fn an_account_without_admin_rights_is_a_problem() {
    let beginning = Clock::system().now() - TimeDelta::days(4);
    let scene = Scene::of(World::acme(beginning).with_repositories(12).with_organizations(1)).await;
    scene.sandbox.world(|world| world.take_admin(ACME_ACCOUNT));
    let finished = scene.ask(&scene.configuration(), &["check"]).await;
    finished.exits(1);
    finished.says(&["NO PermissionsGranted", "administrator of 0 of 12 repositories", "there are problems"]);
}

#[tokio::test]
async fn a_snyk_token_that_expires_soon_is_a_problem() {
    let scene = Scene::healthy().await;
    let soon = Clock::system().now() + TimeDelta::days(10);
    scene.sandbox.world(|world| world.expire_snyk_token(ACME_SNYK_TOKEN, soon));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(1);
    finished.says(&["NO SnykTokenExpiring: The Snyk token acme-us expires in", "next: (Token owner)", "problems"]);
}

#[tokio::test]
async fn a_group_that_lists_no_organization_cannot_be_told() {
    let beginning = Clock::system().now() - TimeDelta::days(4);
    let scene = Scene::of(World::acme(beginning).with_repositories(12)).await;
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&[
        "organizations of acme-bitbucket: the Group lists no Organization: either it has none, or our token's role",
        "next: Group Admin: check the role of our Snyk token's account",
        "acme-bitbucket (group): connected",
        "could not tell",
    ]);
}

/// An API that answers everything else is there: what one endpoint answers stands where it was asked for.
#[tokio::test]
async fn one_endpoint_that_fails_is_no_silent_api() {
    let gone = FaultKind::Brownout;
    let blocked = FaultKind::Says(403, "Your IP address is not on the allow list of this Group".to_owned());
    for (fault, words) in [(FaultKind::Status(500), "500"), (gone, "410"), (blocked, "allow list")] {
        let scene = Scene::healthy().await;
        scene.sandbox.world(|world| world.break_organization_listing(&fault));
        let finished = check(&scene, &scene.configuration()).await;
        finished.exits(2);
        finished.says(&["organizations of acme-bitbucket: the Organizations of the Group", words]);
        finished.says(&["acme-bitbucket (group): connected", "12 of 12 repositories"]);
        finished.never_says("does not answer");
        finished.never_says("because of the above");
    }
}

#[tokio::test]
async fn webhooks_that_nobody_could_read_are_named_beside_what_is_connected() {
    let scene = Scene::healthy().await;
    let fault = Fault::on(Api::Bitbucket, FaultKind::Status(500)).ending("/hooks");
    scene.sandbox.world(|world| world.faults.push(fault));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(0);
    finished.says(&["2 organizations are connected", "? WebhooksInstalled", "500", "next: nobody for now"]);
    finished.says(&["if it lasts, see whether the Git host reports a disturbance"]);
    finished.never_says("does not answer");
}

/// Snyk's refusal is for somebody at Snyk.
#[tokio::test]
async fn an_inventory_that_snyk_refuses_is_for_the_group_admin() {
    let scene = Scene::healthy().await;
    let refused = FaultKind::Says(403, "Your role lacks the right to view assets".to_owned());
    for part in ["/assets/search", "/inventory/assets"] {
        let fault = Fault::on(Api::Snyk, refused.clone()).ending(part);
        scene.sandbox.world(|world| world.faults.push(fault));
    }
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&[
        "acme-bitbucket (group): unknown",
        "Your role lacks the right",
        "next: Group Admin: give the account",
    ]);
    finished.never_says("Git host admin");
}

#[tokio::test]
async fn an_empty_group_that_may_still_fill_is_a_note() {
    let scene = freshly_set_up().await;
    let hour_ago = (Clock::system().now() - TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let text = scene.configuration().without_organizations().to_string();
    let dated =
        text.replace("      snyk: acme-us\n", &format!("      snyk: acme-us\n      configured_at: {hour_ago}\n"));
    scene.write_text(&dated);
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.fits_a_screen();
    finished.exits(0);
    finished.says(&[
        "acme-bitbucket (group): partially_connected / awaiting_first_sync",
        "0 of 12 repositories reached the Inventory; the first sync is due by",
        "... InventoryPopulated",
        "nothing is wrong so far: a first sync is awaited",
    ]);
    finished.never_says("hint:");
}

#[tokio::test]
async fn an_empty_group_that_should_be_full_is_a_problem() {
    let scene = freshly_set_up().await;
    let text = scene.configuration().to_string();
    let long_ago = (Clock::system().now() - TimeDelta::hours(30)).format("%Y-%m-%dT%H:%M:%SZ");
    let dated =
        text.replace("      snyk: acme-us\n", &format!("      snyk: acme-us\n      configured_at: {long_ago}\n"));
    scene.write_text(&dated);
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.fits_a_screen();
    finished.exits(1);
    finished.says(&[
        "acme-bitbucket (group): partially_connected / awaiting_first_sync",
        "0 of 12 repositories reached the Inventory; no sync seen since set-up",
        "next: Group Admin:",
        "re-save the profile",
        "NO InventoryPopulated",
        "there are problems",
    ]);
}

#[tokio::test]
async fn an_empty_group_of_unknown_age_asks_for_its_date() {
    let scene = freshly_set_up().await;
    let finished = check(&scene, &scene.configuration().without_organizations()).await;
    finished.exits(0);
    finished.says(&["setup_in_progress", "first seen", "a first sync is awaited", "hint: set `configured_at`"]);
}

#[tokio::test]
async fn no_certificate_authority_is_known() {
    let scene = Scene::healthy().await;
    let snyk_url = "https://api.snyk.io".to_owned();
    scene.write(&Configuration { snyk_url, ..scene.configuration() });
    let mut command = process::snykwatch(scene.directory());
    command.env("SSL_CERT_FILE", "/dev/null").arg("--config").arg(scene.path()).arg("check");
    let finished = Finished::of(command).await;
    finished.fits_a_screen();
    finished.exits(2);
    finished.says(&[
        "error:",
        "no certificate authority is known",
        "install the package `ca-certificates`",
        "`ca_file`",
    ]);
}

#[tokio::test]
async fn a_stranger_signs_the_certificates() {
    let scene = Scene::healthy().await;
    let stranger = Stranger::with_unknown_issuer().await;
    let snyk_url = format!("https://localhost:{}", stranger.address.port());
    let finished = check(&scene, &Configuration { snyk_url, ..scene.configuration() }).await;
    finished.exits(2);
    finished.says(&[
        "NO api snyk/acme-us does not answer (tls)",
        "was issued by Acme Inspection CA (Acme)",
        "name its authority in `http.ca_file`",
    ]);
}

#[tokio::test]
async fn the_proxy_refuses() {
    let scene = Scene::healthy().await;
    let proxy = Stranger::refusing_proxy().await;
    let snyk_url = "https://api.acme.example".to_owned();
    let text = Configuration { snyk_url, ..scene.configuration() }.to_string();
    scene.write_text(&text.replace("http: { ", &format!("http: {{ proxy: \"http://{}\", ", proxy.address)));
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.fits_a_screen();
    finished.exits(2);
    finished.says(&["NO api snyk/acme-us does not answer (proxy)", "next: snykwatch operator: check `http.proxy`"]);
}

#[tokio::test]
async fn a_login_page_stands_in_front_of_snyk() {
    let scene = Scene::healthy().await;
    scene.sandbox.world(|world| world.break_api(Api::Snyk, FaultKind::HtmlWithOk));
    let finished = check(&scene, &scene.configuration()).await;
    finished.exits(2);
    finished.says(&[
        "NO api snyk/acme-us does not answer (unexpected_body)",
        "an HTML page",
        "a proxy or a login page",
    ]);
}

#[tokio::test]
async fn the_configuration_is_wrong() {
    let scene = Scene::healthy().await;
    let text = scene.configuration().to_string();
    scene.write_text(&text.replace("    scm: bitbucket-cloud\n", "    scm: bitbucket-clod\n    ower: nobody\n"));
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.exits(78);
    assert_eq!(finished.stdout, "");
    finished.says(&["bitbucket-clod"]);
    finished.says(&["ower", "owner"]);
}

#[tokio::test]
async fn there_is_no_configuration() {
    let scene = Scene::healthy().await;
    let finished = scene.ask_as_it_is(&["check"]).await;
    finished.exits(78);
    finished.says(&["snykwatch.yaml"]);
}
