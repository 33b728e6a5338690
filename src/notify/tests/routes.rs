//! Which route takes what, and what matchers look at.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Europe::Berlin;

use super::stage::{Stage, daily, hours, rejected, route, severities, stale, stalled, watched};
use crate::config::routing::{Route, TimeWindow};
use crate::domain::fleet::{ScmCredential, SnykToken, WatchedOrganizations};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::kinds::{Level, Role, Scm};
use crate::domain::matcher::Matcher;
use crate::domain::permission::PermissionSet;
use crate::notify::matching::{Traits, is_like, matches};

#[test]
fn the_first_route_that_matches_ends_it_unless_it_continues() {
    let critical = || severities(&[Severity::Critical]);
    let none: [&str; 0] = [];
    let check = |routes: Vec<Route>, expected: &[&str]| {
        let mut stage = Stage::new();
        stage.routes(routes);
        stage.open(&stalled(), Severity::Critical);
        let heard: Vec<String> = stage
            .evaluate(&[])
            .iter()
            .flat_map(|outgoing| outgoing.receivers.iter().map(ToString::to_string).collect::<Vec<_>>())
            .collect();
        assert_eq!(heard, expected);
    };
    let on = |route: Route| Route { continues: true, ..route };
    let everything = Matcher::default;
    check(vec![], &none);
    check(vec![route(severities(&[Severity::Info]), &["chat"])], &none);
    check(vec![route(critical(), &["pager"]), route(everything(), &["chat"])], &["pager"]);
    check(vec![on(route(critical(), &["pager"])), route(everything(), &["chat"])], &["chat", "pager"]);
    check(
        vec![on(route(critical(), &["pager"])), route(everything(), &["chat"]), route(everything(), &["late"])],
        &["chat", "pager"],
    );
    let muted = |route: Route| Route { mute_times: vec![daily("day", 0, 23)], ..route };
    check(vec![muted(route(critical(), &["pager"])), route(everything(), &["chat"])], &none);
    check(vec![muted(on(route(critical(), &["chat"]))), route(everything(), &["chat"])], &["chat"]);
    check(vec![on(route(critical(), &["chat"])), muted(route(everything(), &["chat"]))], &["chat"]);
}

#[test]
fn a_receiver_on_two_routes_is_reminded_by_the_shorter_one() {
    let mut stage = Stage::new();
    let every =
        |count| Route { remind_every: Some(hours(count)), continues: true, ..route(Matcher::default(), &["chat"]) };
    stage.routes(vec![every(6), every(3), every(5)]);
    stage.open(&stalled(), Severity::Critical);
    stage.tell(&[]);
    assert_eq!(stage.at(hours(3)).len(), 1);
    assert_eq!(stage.at(hours(5)).len(), 0);
}

#[test]
fn hours_of_a_zone_move_with_its_clocks() {
    // 09:00 in Berlin: 08:00 UTC in winter, 07:00 UTC in summer.
    let window = TimeWindow { zone: Berlin, ..(*daily("office", 9, 17)).clone() };
    for (instant, inside) in [
        ("2026-11-20T07:59:59Z", false),
        ("2026-11-20T08:00:00Z", true),
        ("2026-07-20T06:59:59Z", false),
        ("2026-07-20T07:00:00Z", true),
        ("2026-07-20T15:00:00Z", false),
    ] {
        assert_eq!(window.contains(instant.parse().unwrap()), inside, "{instant}");
    }
}

#[test]
fn matchers_look_at_what_is_affected() {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let levels = |levels: &[Level]| Matcher { levels: levels.iter().copied().collect(), ..Matcher::default() };
    let integrations = |words: &[&str]| Matcher { integrations: list(words), ..Matcher::default() };
    let owners = |words: &[&str]| Matcher { owners: list(words), ..Matcher::default() };
    let credentials = |words: &[&str]| Matcher { credentials: list(words), ..Matcher::default() };
    let rules = |rules: &[Rule]| Matcher { rules: rules.iter().copied().collect(), ..Matcher::default() };
    let incident = |text: &str| Matcher { incident: Some(text.to_owned()), ..Matcher::default() };
    let bitbucket = Matcher { scms: BTreeSet::from([Scm::BitbucketCloud]), ..Matcher::default() };

    let mut stage = Stage::new();
    // The Group of acme and an Organization of labs.
    stage.open(&rejected(), Severity::Critical);
    stage.open(&stalled(), Severity::Warning);
    stage.open(&stale(), Severity::Info);
    let check = |key: &IncidentKey, matcher: &Matcher, expected: bool| {
        let traits = Traits::of(key, &stage.state.incidents[key], &stage.fleet);
        assert_eq!(matches(matcher, &traits), expected, "{key} {matcher:?}");
    };
    for key in [rejected(), stalled(), stale()] {
        check(&key, &Matcher::default(), true);
        check(&key, &bitbucket, true);
        check(&key, &incident(&key.to_string()), true);
        check(&key, &incident("SyncStalled/integration/other"), false);
        check(&key, &owners(&["nobody", "*"]), true);
        check(&key, &owners(&["nobody"]), false);
    }
    for (matcher, of_rejected, of_stalled, of_stale) in [
        (levels(&[Level::Group]), true, true, false),
        (levels(&[Level::Organization]), false, false, true),
        (levels(Level::ALL), true, true, true),
        (integrations(&["ACME-*"]), true, true, false),
        (integrations(&["labs-bitbucke?"]), true, false, true),
        (owners(&["Platform"]), true, true, false),
        (owners(&["labs"]), true, false, true),
        (credentials(&["bitbucket-*"]), true, false, false),
        (credentials(&["github-*"]), false, false, false),
        (rules(&[Rule::TestsStale, Rule::SyncStalled]), false, true, true),
        (severities(&[Severity::Critical, Severity::Info]), true, false, true),
        // Of one integration, not one of each.
        (Matcher { owners: list(&["labs"]), ..integrations(&["acme-*"]) }, false, false, false),
        (Matcher { owners: list(&["labs"]), ..integrations(&["*"]) }, true, false, true),
        (Matcher { scms: bitbucket.scms.clone(), ..rules(&[Rule::TestsStale]) }, false, false, true),
    ] {
        check(&rejected(), &matcher, of_rejected);
        check(&stalled(), &matcher, of_stalled);
        check(&stale(), &matcher, of_stale);
    }
}

#[test]
fn what_affects_nobody_yet_belongs_to_whoever_names_it() {
    let mut stage = Stage::new();
    let organizations = WatchedOrganizations {
        snyk: "acme-us".into(),
        credential: "bitbucket-acme".into(),
        overrides: std::iter::once((super::stage::organization(1), "bitbucket-labs".into())).collect(),
        require: BTreeSet::new(),
        asked: BTreeSet::new(),
        discover: None,
        excluded: BTreeSet::new(),
        named: BTreeMap::new(),
        permissions: PermissionSet::organization(),
    };
    let mut integration = watched("labs");
    integration.organizations = Some(organizations);
    stage.fleet.integrations.insert("labs-bitbucket".into(), integration);
    stage.fleet.snyk_tokens.insert(
        "acme-us".into(),
        SnykToken {
            api: "snyk/acme-us".into(),
            app_root: None,
            token_version: None,
            refused: None,
            host: crate::domain::names::Revision::default(),
            revision: crate::domain::names::Revision::default(),
        },
    );
    let credential = ScmCredential {
        scm: Scm::BitbucketCloud,
        api: "bitbucket-cloud".into(),
        role: Role::Integration,
        kind: "api_token".to_owned(),
        expires_at: None,
        rotated_at: None,
        token_version: None,
        refused: None,
        host: crate::domain::names::Revision::default(),
        revision: crate::domain::names::Revision::default(),
        listing: None,
    };
    stage.fleet.scm_credentials.insert("bitbucket-labs".into(), credential);
    let owner = |word: &str| Matcher { owners: vec![word.to_owned()], ..Matcher::default() };
    let level = |level| Matcher { levels: BTreeSet::from([level]), ..Matcher::default() };
    for subject in [
        Subject::Credential("bitbucket-acme".into()),
        Subject::Credential("bitbucket-labs".into()),
        Subject::Credential("acme-us".into()),
        Subject::Api("snyk/acme-us".into()),
        Subject::Api("bitbucket-cloud".into()),
    ] {
        let key = IncidentKey { rule: Rule::CredentialExpiring, subject };
        stage.open(&key, Severity::Info);
        stage.incident(&key).affected = Vec::new();
        let traits = Traits::of(&key, &stage.state.incidents[&key], &stage.fleet);
        assert!(matches(&owner("labs"), &traits), "{key}");
        assert!(!matches(&owner("platform"), &traits), "{key}");
        assert!(matches(&level(Level::Organization), &traits), "{key}");
        assert!(!matches(&level(Level::Group), &traits), "{key}");
    }
}

#[test]
fn a_removed_integration_still_matches_by_its_key() {
    let mut stage = Stage::new();
    stage.open(&stalled(), Severity::Info);
    stage.fleet.integrations.clear();
    let key = stalled();
    let traits = Traits::of(&key, &stage.state.incidents[&key], &stage.fleet);
    let by_key = Matcher { integrations: vec!["acme*".to_owned()], ..Matcher::default() };
    assert!(matches(&by_key, &traits));
    assert!(!matches(&Matcher { owners: vec!["*".to_owned()], ..Matcher::default() }, &traits));
}

#[test]
fn patterns_are_like_texts() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "anything", true),
        ("?", "", false),
        ("?", "ä", true),
        ("acme", "ACME", true),
        ("ÄCME", "äcme", true),
        ("acme", "acme-labs", false),
        ("acme-*", "acme-", true),
        ("*-labs", "acme-labs", true),
        ("*-labs", "acme-labs-2", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a?c*", "abcdef", true),
        ("**a**", "bab", true),
        ("a.c", "abc", false),
        ("[ab]", "a", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
    // No pattern is slow.
    let pattern = format!("{}b", "a*".repeat(200));
    assert!(!is_like(&pattern, &"a".repeat(2_000)));
}
