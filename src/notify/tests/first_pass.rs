//! What is found while everything is looked at for the first time, and problems that flap, from rule to notification.

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use super::stage::{minutes, route};
use crate::config::routing::Routing;
use crate::domain::condition::Reason;
use crate::domain::kinds::Truth;
use crate::domain::matcher::Matcher;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::notification::{Dispatch, Notification, NotificationKind};
use crate::domain::state::CredentialVerdict;
use crate::health::incidents;
use crate::health::testing::{PAT, World};
use crate::notify::evaluate;
use crate::notify::situation::Situation;

/// A world whose rules and notifications are evaluated together.
struct Daemon {
    world: World,
    routing: Routing,
    start: DateTime<Utc>,
}

impl Daemon {
    fn new(world: World) -> Self {
        let routing = Routing {
            routes: vec![route(Matcher::default(), &["chat"])],
            receivers: ["chat".into()].into(),
            ..Routing::default()
        };
        let start = world.now;
        Self { world, routing, start }
    }

    fn verdict(&mut self, truth: Truth) {
        let credential = self.world.state.credentials.get_mut(&CredentialName::from(PAT)).unwrap();
        let reason = if truth == Truth::True { Reason::Ok } else { Reason::CredentialRejected };
        let (message, since) = ("The token is rejected".to_owned(), Some(self.world.now));
        credential.valid = CredentialVerdict { truth, reason, message, since };
    }

    /// Evaluates so long after the start, as often as asked, over a restart each time.
    fn at(&mut self, after: TimeDelta) -> Vec<Notification> {
        self.world.now = self.start + after;
        let transitions = incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now);
        let external_url: Url = "https://snykwatch.acme.example/".parse().unwrap();
        let failing = std::collections::BTreeMap::new();
        let situation = Situation {
            fleet: &self.world.fleet,
            routing: &self.routing,
            failing: &failing,
            dispatch: Dispatch::Deliver,
            external_url: &external_url,
            now: self.world.now,
        };
        let outgoing = evaluate(&mut self.world.state, &transitions, &situation);
        let stored = serde_json::to_string(&self.world.state).unwrap();
        self.world.state = serde_json::from_str(&stored).unwrap();
        outgoing.into_iter().map(|outgoing| (*outgoing.notification).clone()).collect()
    }
}

/// All is well, and everything was looked at.
fn healthy(repositories: usize, organizations: usize) -> World {
    let mut world = World::healthy(repositories, organizations);
    world.probe();
    world
}

/// Takes the evidence of all Organizations away but of so many, and all that hangs on it.
fn unlooked(world: &mut World, kept: usize) -> Vec<IntegrationKey> {
    let keys: Vec<_> = world.state.evidence.organizations.keys().skip(kept).cloned().collect();
    for key in &keys {
        world.state.evidence.organizations.remove(key);
        world.state.integrations.remove(key);
    }
    keys
}

#[test]
fn the_first_page_has_the_whole_blast_radius() {
    let complete = healthy(2, 5);
    let mut daemon = Daemon::new(healthy(2, 5));
    unlooked(&mut daemon.world, 0);
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)), []);
    assert_eq!(daemon.at(minutes(1)), []);
    daemon.world.state.evidence.organizations = complete.state.evidence.organizations.clone();
    daemon.world.state.integrations = complete.state.integrations.clone();
    let told = daemon.at(minutes(1) + TimeDelta::seconds(10));
    assert_eq!(told.len(), 1);
    assert!(told[0].page.title.ends_with("(1 Group integration and 5 Organizations)"), "{}", told[0].page.title);
    assert!(!told[0].page.summary.contains("not known yet"), "{}", told[0].page.summary);
}

#[test]
fn after_two_minutes_it_is_told_with_what_is_not_looked_at_yet() {
    let complete = healthy(2, 1_000);
    let mut daemon = Daemon::new(healthy(2, 1_000));
    let rest = unlooked(&mut daemon.world, 399);
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)), []);
    assert_eq!(daemon.at(minutes(2) - TimeDelta::seconds(1)), []);
    let told = daemon.at(minutes(2));
    assert_eq!(told.len(), 1);
    let summary = &told[0].page.summary;
    assert!(summary.contains("looked at 399 of 1,000 Organizations of acme-bitbucket so far."), "{summary}");
    let found = |daemon: &mut Daemon, keys: &[IntegrationKey]| {
        for key in keys {
            let evidence = complete.state.evidence.organizations[key].clone();
            daemon.world.state.evidence.organizations.insert(key.clone(), evidence);
            daemon.world.state.integrations.insert(key.clone(), complete.state.integrations[key].clone());
        }
    };
    found(&mut daemon, &rest[..39]);
    assert_eq!(daemon.at(minutes(3)), [], "less than a tenth");
    found(&mut daemon, &rest[39..100]);
    let told = daemon.at(minutes(4));
    assert_eq!(told.iter().map(|told| told.kind).collect::<Vec<_>>(), [NotificationKind::Growth]);
    assert!(told[0].page.title.contains("499 Organizations"), "{}", told[0].page.title);
    found(&mut daemon, &rest[100..]);
    assert_eq!(daemon.at(minutes(63)), [], "once an hour");
    assert!(daemon.at(minutes(64))[0].page.title.contains("1000 Organizations"));
}

#[test]
fn a_listing_that_never_comes_delays_the_page_by_two_minutes() {
    let mut daemon = Daemon::new(healthy(2, 3));
    unlooked(&mut daemon.world, 0);
    daemon.world.integration().organizations.as_mut().unwrap().asked.clear();
    daemon.world.state.evidence.groups.values_mut().for_each(|group| group.organizations = None);
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)), []);
    let told = daemon.at(minutes(2));
    let summary = &told[0].page.summary;
    assert!(summary.contains("the Organizations of acme-bitbucket are not listed yet."), "{summary}");
}

#[test]
fn with_one_organization_the_first_page_says_what_is_not_looked_at_yet() {
    let complete = healthy(2, 1);
    let mut daemon = Daemon::new(healthy(2, 1));
    unlooked(&mut daemon.world, 0);
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)), []);
    let told = daemon.at(minutes(2));
    assert_eq!(told.len(), 1);
    assert!(told[0].page.title.ends_with("(1 Group integration)"), "{}", told[0].page.title);
    let summary = &told[0].page.summary;
    assert!(summary.contains("not known yet: looked at 0 of 1 Organizations of acme-bitbucket so far."), "{summary}");
    // One more is no growth: the page before said that it may come.
    daemon.world.state.evidence.organizations = complete.state.evidence.organizations.clone();
    daemon.world.state.integrations = complete.state.integrations.clone();
    assert_eq!(daemon.at(minutes(3)), []);
    assert_eq!(daemon.at(minutes(70)), [], "nor later");
    // Not even listed yet.
    let mut daemon = Daemon::new(healthy(2, 1));
    unlooked(&mut daemon.world, 0);
    daemon.world.integration().organizations.as_mut().unwrap().asked.clear();
    daemon.world.state.evidence.groups.values_mut().for_each(|group| group.organizations = None);
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)), []);
    let told = daemon.at(minutes(2));
    let summary = told.first().map_or("", |told| &told.page.summary);
    assert!(summary.contains("the Organizations of acme-bitbucket are not listed yet."), "{summary}");
}

#[test]
fn outside_a_first_pass_nothing_waits() {
    let mut daemon = Daemon::new(healthy(2, 5));
    daemon.verdict(Truth::False);
    assert_eq!(daemon.at(minutes(0)).len(), 1);
}

/// Rejected and accepted in turn, every minute, from one minute to another.
fn flap(daemon: &mut Daemon, minutes_of: std::ops::Range<i64>) -> Vec<Notification> {
    let step = |minute: i64| {
        daemon.world.now = daemon.start + minutes(minute);
        daemon.verdict(if minute % 2 == 0 { Truth::False } else { Truth::True });
        daemon.at(minutes(minute))
    };
    minutes_of.flat_map(step).collect()
}

fn kinds(told: &[Notification]) -> Vec<NotificationKind> {
    told.iter().map(|told| told.kind).collect()
}

#[test]
fn a_problem_that_flaps_for_an_hour_is_four_pages_and_one_last_end() {
    use NotificationKind::{Resolve, Trigger};
    let mut daemon = Daemon::new(healthy(2, 3));
    let told = flap(&mut daemon, 0..60);
    assert_eq!(kinds(&told), [Trigger, Resolve, Trigger, Resolve, Trigger, Resolve, Trigger]);
    assert!(told[6].page.title.starts_with("CredentialInvalid (flapping): bitbucket-acme"), "{}", told[6].page.title);
    assert_eq!(told[6].since, daemon.start, "its onset is the first of them");
    let quiet: Vec<_> = (60..89).flat_map(|minute| daemon.at(minutes(minute))).collect();
    assert_eq!(quiet, []);
    let end = daemon.at(minutes(89));
    assert_eq!(kinds(&end), [Resolve]);
    let summary = &end[0].page.summary;
    assert!(summary.contains("it was flapping, and well since 2026-11-23 03:59 UTC"), "{summary}");
    // In the meantime the listing, which nobody asks for here, becomes too old: another problem.
    let of_the_token = |told: &Notification| told.page.title.contains(PAT);
    let later: Vec<_> = (90..200).flat_map(|minute| daemon.at(minutes(minute))).filter(of_the_token).collect();
    assert_eq!(later, []);
    // Three hours later it is a problem like any other.
    assert_eq!(kinds(&flap(&mut daemon, 270..272)), [Trigger, Resolve]);
}

#[test]
fn flapping_goes_on_through_silences_and_acknowledgements() {
    use NotificationKind::{Acknowledgement, Resolve, Trigger};
    let mut daemon = Daemon::new(healthy(2, 3));
    assert_eq!(flap(&mut daemon, 0..8).len(), 7);
    let key = "CredentialInvalid/credential/bitbucket-acme";
    let now = daemon.world.now;
    crate::notify::requests::acknowledge(&mut daemon.world.state, key, "on-call", "on it", now).unwrap();
    assert_eq!(kinds(&flap(&mut daemon, 8..30)), [Acknowledgement], "it stays over the ends and beginnings");
    assert_eq!(daemon.world.state.attention.acknowledgements.len(), 1);
    let ends = (30..70).flat_map(|minute| daemon.at(minutes(minute))).collect::<Vec<_>>();
    assert_eq!(kinds(&ends), [Resolve]);
    // In a silence nothing begins; after it one page tells of all.
    let mut daemon = Daemon::new(healthy(2, 3));
    let silence = crate::domain::attention::Silence {
        matcher: Matcher::default(),
        author: "on-call".to_owned(),
        reason: "we know".to_owned(),
        starts_at: daemon.start,
        ends_at: daemon.start + minutes(20),
        counted: crate::domain::attention::Counted::Span,
    };
    daemon.world.state.attention.silences.insert("one".into(), silence);
    assert_eq!(flap(&mut daemon, 0..20), []);
    assert_eq!(kinds(&flap(&mut daemon, 20..40)), [Trigger]);
}
