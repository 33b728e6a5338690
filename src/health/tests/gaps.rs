//! Times in which nobody watched, and times in which nothing could be seen.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::condition::Reason;
use crate::domain::facts::{RejectionCause, ScmAuthentication};
use crate::domain::incident::{IncidentKey, IncidentState, Rule};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::page::Gap;
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;

use super::super::testing::{PAT, SCM_API, SNYK_API, World, hours, minutes, start};
use super::super::{ASKING_AGAIN, incidents, resume};

/// A world whose incidents are judged, and that can stop.
struct Watched {
    world: World,
    told: Vec<Transition>,
}

impl Watched {
    fn new(world: World) -> Self {
        let mut watched = Self { world, told: Vec::new() };
        watched.look();
        watched
    }

    fn judge(&mut self) {
        self.world.evaluate();
        self.told.append(&mut self.world.transitions);
        self.told.extend(incidents::evaluate(&mut self.world.state, &self.world.fleet, self.world.now));
    }

    fn look(&mut self) {
        self.world.probe();
        self.judge();
    }

    fn pass(&mut self, time: TimeDelta) {
        let end = self.world.now + time;
        while self.world.now < end {
            self.world.now = (self.world.now + minutes(15)).min(end);
            self.look();
        }
    }

    /// Nobody watches for so long. Then the state is restored, and evaluated before any probe is back.
    fn stop_for(&mut self, time: TimeDelta) -> Gap {
        let stored = serde_json::to_string(&self.world.state).unwrap();
        let from = self.world.now;
        self.world.now += time;
        self.world.state = serde_json::from_str(&stored).unwrap();
        let gap = resume(&mut self.world.state, from, self.world.now);
        self.told.clear();
        self.judge();
        gap.expect("a gap")
    }

    /// The first probes are back, a few seconds later.
    fn first_look(&mut self) {
        self.world.now += TimeDelta::seconds(10);
        self.look();
    }

    fn found(&self, rule: Rule) -> Option<(&IncidentKey, &IncidentState)> {
        self.world.state.incidents.iter().find(|(key, _)| key.rule == rule)
    }

    fn is_open(&self, rule: Rule) -> bool {
        self.found(rule).is_some_and(|(_, incident)| incident.is_open())
    }

    fn since(&self, rule: Rule) -> DateTime<Utc> {
        self.found(rule).unwrap().1.since
    }

    fn status_changes(&self) -> usize {
        self.told.iter().filter(|transition| matches!(transition.change, Change::Status { .. })).count()
    }
}

fn healthy() -> Watched {
    let mut watched = Watched::new(World::healthy(5, 2));
    watched.pass(hours(2));
    assert_eq!(watched.world.status(None).0, Status::Connected);
    watched
}

#[test]
fn a_restart_is_no_gap() {
    let mut watched = healthy();
    let before = watched.world.state.clone();
    let committed_at = watched.world.now;
    assert_eq!(resume(&mut watched.world.state, committed_at, committed_at + minutes(5)), None);
    assert!(watched.world.state == before);
}

#[test]
fn nothing_turns_unknown_before_it_was_asked_again() {
    let mut watched = healthy();
    watched.stop_for(hours(24));
    assert_eq!(watched.told, Vec::new(), "the first evaluation tells nothing");
    assert_eq!(watched.world.status(None).0, Status::Connected);
    let connected = watched.world.stored(None).status.as_ref().unwrap().last_connected_at.unwrap();
    assert!(connected < watched.world.now - hours(23), "nobody saw it connected: {connected}");
    watched.world.test_everything();
    watched.first_look();
    assert_eq!(watched.told, Vec::new());
    assert_eq!(watched.world.status(None).0, Status::Connected);
}

#[test]
fn after_its_time_it_is_unknown_and_pages_after_an_hour_of_trying() {
    let mut watched = healthy();
    watched.world.down = [ApiName::from(SNYK_API), ApiName::from(SCM_API)].into();
    let gap = watched.stop_for(hours(24));
    watched.pass(ASKING_AGAIN - minutes(1));
    assert_eq!(watched.world.status(None).0, Status::Connected);
    watched.pass(minutes(2));
    assert_eq!(watched.world.status(None).0, Status::Unknown, "truth over comfort");
    watched.pass(minutes(40));
    for rule in [Rule::StatusUnknown, Rule::UpstreamUnreachable] {
        assert!(!watched.is_open(rule), "{rule} before its hour of trying");
    }
    watched.pass(hours(1));
    assert!(watched.is_open(Rule::UpstreamUnreachable));
    assert!(watched.since(Rule::UpstreamUnreachable) >= gap.to);
}

#[test]
fn an_outage_before_the_gap_does_not_count_it() {
    let mut watched = healthy();
    watched.world.down = [ApiName::from(SCM_API)].into();
    watched.pass(minutes(45));
    assert!(!watched.is_open(Rule::UpstreamUnreachable));
    watched.stop_for(hours(24));
    watched.first_look();
    assert!(!watched.is_open(Rule::UpstreamUnreachable));
    watched.pass(minutes(30));
    assert!(watched.is_open(Rule::UpstreamUnreachable), "45 min before the gap count");
}

#[test]
fn what_broke_in_the_gap_is_told_at_first_sight_and_marked() {
    let mut watched = healthy();
    watched.world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    let gap = watched.stop_for(hours(24));
    watched.first_look();
    assert!(!watched.is_open(Rule::CredentialInvalid), "one rejection is not confirmed");
    watched.world.now += minutes(1);
    watched.look();
    assert!(watched.is_open(Rule::CredentialInvalid));
    let since = watched.since(Rule::CredentialInvalid);
    assert_eq!(watched.world.state.attention.gap_between(since, watched.world.now), Some(gap));
    // What breaks later has nothing to do with it.
    assert_eq!(watched.world.state.attention.gap_between(gap.to + hours(1), gap.to + hours(2)), None);
}

#[test]
fn an_expiry_that_passed_in_the_gap_is_the_onset() {
    let mut watched = healthy();
    let expiry = watched.world.now + hours(5);
    watched.world.fleet.scm_credentials.get_mut(&CredentialName::from(PAT)).unwrap().expires_at = Some(expiry);
    watched.pass(minutes(30));
    watched.world.main().authentication = ScmAuthentication::Rejected(RejectionCause::WrongTokenOrEmail);
    watched.stop_for(hours(24));
    watched.first_look();
    watched.world.now += minutes(1);
    watched.look();
    let valid = &watched.world.state.credentials[&CredentialName::from(PAT)].valid;
    assert_eq!((valid.truth, valid.reason), (Truth::False, Reason::CredentialExpired));
    assert!(watched.is_open(Rule::CredentialInvalid));
    assert_eq!(watched.since(Rule::CredentialInvalid), expiry);
}

#[test]
fn what_healed_in_the_gap_resolves_at_first_sight_with_the_gap_in_its_cause() {
    let mut watched = healthy();
    watched.world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
    watched.pass(hours(1));
    assert!(watched.is_open(Rule::CredentialInvalid));
    watched.world.main().authentication = healthy().world.main().authentication.clone();
    watched.stop_for(hours(24));
    assert!(watched.is_open(Rule::CredentialInvalid), "nothing resolves by a restart");
    watched.world.test_everything();
    watched.first_look();
    assert!(!watched.is_open(Rule::CredentialInvalid));
    let resolved = watched.told.iter().find(|transition| matches!(transition.change, Change::Resolved { .. })).unwrap();
    insta::assert_snapshot!(resolved.cause, @"the credential is accepted again; snykwatch did not run from 2026-11-23 06:00 UTC to 2026-11-24 06:00 UTC");
}

#[test]
fn the_clock_of_13_hours_runs_through_a_gap() {
    let mut watched = Watched::new(World::just_set_up(5, 0));
    watched.pass(hours(12));
    watched.stop_for(hours(2));
    assert!(!watched.is_open(Rule::PartiallyConnected), "it may have healed meanwhile");
    watched.first_look();
    assert!(watched.is_open(Rule::PartiallyConnected), "it has not");
    assert_eq!(watched.since(Rule::PartiallyConnected), start());
}

#[test]
fn what_healed_in_a_gap_never_pages() {
    let mut watched = Watched::new(World::just_set_up(5, 0));
    watched.pass(hours(12));
    watched.world.sync(watched.world.now + hours(1));
    watched.stop_for(hours(24));
    watched.first_look();
    assert_eq!(watched.world.status(None).0, Status::Connected);
    let opened = watched.told.iter().any(|transition| matches!(transition.change, Change::Opened { .. }));
    assert!(!opened, "{:?}", watched.told);
    assert_eq!(watched.status_changes(), 1);
}

#[test]
fn a_blind_spot_of_40_minutes_does_not_put_off_the_page() {
    let mut watched = Watched::new(World::just_set_up(5, 0));
    watched.pass(hours(12));
    watched.world.down = [ApiName::from(SNYK_API), ApiName::from(SCM_API)].into();
    watched.pass(minutes(40));
    watched.world.down.clear();
    watched.pass(minutes(15));
    assert!(!watched.is_open(Rule::PartiallyConnected), "12 h 55 min");
    watched.pass(minutes(5));
    assert!(watched.is_open(Rule::PartiallyConnected), "13 h");
}

#[test]
fn gaps_are_bounded_in_number() {
    let mut watched = healthy();
    for _ in 0..25 {
        watched.stop_for(minutes(10));
    }
    assert_eq!(watched.world.state.attention.gaps.len(), 20);
}
