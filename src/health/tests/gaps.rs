//! Times in which nobody watched, and times in which nothing could be seen.

mod open;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::domain::condition::{Condition, Reason};
use crate::domain::evidence::ClockDoubt;
use crate::domain::facts::{RejectionCause, ScmAuthentication};
use crate::domain::incident::{IncidentKey, IncidentState, Rule};
use crate::domain::kinds::Truth;
use crate::domain::names::{ApiName, CredentialName};
use crate::domain::page::Gap;
use crate::domain::state::{Change, Transition};
use crate::domain::status::Status;

use super::super::testing::{PAT, SCM_API, SNYK_API, World, hours, minutes, start};
use super::super::{ASKING_AGAIN, bring_back, incidents, rebase, resume, take_back};

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
        self.restart_after(time).expect("a gap")
    }

    /// The same, for a time that may be too short for a gap.
    fn restart_after(&mut self, time: TimeDelta) -> Option<Gap> {
        let stored = serde_json::to_string(&self.world.state).unwrap();
        let from = self.world.now;
        self.world.now += time;
        self.world.state = serde_json::from_str(&stored).unwrap();
        let gap = resume(&mut self.world.state, from, self.world.now);
        self.told.clear();
        self.judge();
        gap
    }

    /// The machine sleeps for so long, and the process with it.
    fn sleep_for(&mut self, time: TimeDelta) {
        let from = self.world.now;
        self.world.now += time;
        assert!(resume(&mut self.world.state, from, self.world.now).is_some());
        self.judge();
    }

    fn last_connected(&self) -> DateTime<Utc> {
        self.world.stored(None).status.as_ref().unwrap().last_connected_at.unwrap()
    }

    fn go_blind(&mut self) {
        self.world.down = [ApiName::from(SNYK_API), ApiName::from(SCM_API)].into();
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

/// Before: what had been stored by the right clock lay ahead of everything that was observed since, which did not count.
#[test]
fn a_clock_that_is_a_little_behind_at_the_start_makes_nothing_unknown_and_delays_nothing() {
    for behind in [minutes(2), minutes(5)] {
        let mut watched = healthy();
        assert_eq!(watched.restart_after(-behind), None);
        assert_eq!(watched.told, Vec::new(), "{behind}: evidence keeps its age");
        watched.first_look();
        // It is set right, as the daemon follows a small step.
        rebase(&mut watched.world.state, behind);
        watched.world.now += behind;
        watched.world.main().authentication = ScmAuthentication::Rejected(RejectionCause::Revoked);
        for _ in 0..2 {
            watched.world.now += TimeDelta::seconds(40);
            watched.look();
        }
        assert_eq!(watched.world.status(None).0, Status::ConnectionFailed, "{behind}: what is observed now counts");
    }
}

/// Moved back a day by the start, everything would be a day older when the clock is set right: that is a gap, and moves
/// nothing.
#[test]
fn a_clock_that_is_far_behind_at_the_start_or_hardly_moves_nothing() {
    for behind in [hours(24), minutes(6), TimeDelta::seconds(60), TimeDelta::seconds(1)] {
        let mut watched = healthy();
        let before = watched.world.state.clone();
        let now = watched.world.now;
        assert_eq!(resume(&mut watched.world.state, now, now - behind), None);
        // By two clocks evidence has no age, and counts for nothing until it was asked again.
        if behind > minutes(5) {
            watched.world.state.evidence.clone_from(&before.evidence);
        }
        assert!(watched.world.state == before, "{behind}");
    }
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

/// A snapshot of the machine is restored, and its clock is set.
#[test]
fn a_leap_of_months_counts_as_the_time_that_it_was() {
    let mut watched = Watched::new(World::just_set_up(5, 0));
    watched.pass(hours(1));
    let from = watched.world.now;
    watched.sleep_for(hours(24 * 90));
    assert!(!watched.is_open(Rule::PartiallyConnected), "it may have healed meanwhile");
    watched.first_look();
    assert!(watched.is_open(Rule::PartiallyConnected), "it has not");
    assert_eq!(watched.since(Rule::PartiallyConnected), start());
    assert_eq!(watched.world.state.attention.gaps, [Gap { from, to: from + hours(24 * 90) }]);
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

/// Evidence of every probe of this world stands for 90 minutes.
const MAX_AGE: TimeDelta = TimeDelta::minutes(90);

#[test]
fn restarts_lengthen_nothing() {
    // The first start is `first` after the last answer; then ten more, 6 min apart, while no API answers.
    let check = |first: i64, known_until: i64| {
        let mut watched = healthy();
        let answered_at = watched.world.now;
        let connected = watched.last_connected();
        watched.go_blind();
        watched.stop_for(minutes(first));
        for _ in 0..60 {
            let age = (watched.world.now - answered_at).num_minutes();
            let expected = if age <= known_until { Status::Connected } else { Status::Unknown };
            assert_eq!(watched.world.status(None).0, expected, "first start after {first} min, {age} min old");
            assert_eq!(watched.world.status(Some(0)).0, expected, "first start after {first} min, {age} min old");
            let until_known = watched.last_connected();
            assert!(until_known == connected || until_known == answered_at, "{until_known} is no time of evidence");
            watched.restart_after(minutes(6));
        }
    };
    assert_eq!(MAX_AGE, minutes(90));
    // Its own age, where that is longer than 15 min after the first start.
    check(6, 90);
    check(70, 90);
    // 15 min after the first start, where that is later.
    check(80, 95);
    check(24 * 60, 24 * 60 + 15);
}

#[test]
fn what_is_restored_says_so_until_it_was_asked_again() {
    let mut watched = healthy();
    let restored = |watched: &Watched| {
        let stored = watched.world.stored(None);
        let conditions = stored.conditions.values().filter(|condition| condition.observed_at.is_some());
        let restored: Vec<bool> = conditions.map(|condition| condition.restored).collect();
        (restored, stored.status.as_ref().unwrap().restored)
    };
    let (conditions, status) = restored(&watched);
    assert!(!status && !conditions.contains(&true));
    // While it is within its own age, a stop changes nothing.
    watched.stop_for(hours(1));
    let (conditions, status) = restored(&watched);
    assert!(!status && !conditions.contains(&true));
    watched.first_look();
    watched.stop_for(hours(29));
    let (conditions, status) = restored(&watched);
    assert!(status && !conditions.contains(&false));
    insta::assert_snapshot!(watched.world.message(None), @"5 of 5 repositories reached the Inventory (restored: observed 29 h ago, not asked again yet)");
    watched.world.test_everything();
    watched.first_look();
    let (conditions, status) = restored(&watched);
    assert!(!status && !conditions.contains(&true));
    assert!(!watched.world.message(None).contains("restored"));
}

#[test]
fn a_machine_that_slept_is_told_like_a_stop() {
    let mut watched = healthy();
    let fell_asleep = watched.world.now;
    let connected = watched.last_connected();
    watched.sleep_for(hours(30));
    let status = watched.world.stored(None).status.clone().unwrap();
    assert_eq!((status.status, status.restored), (Status::Connected, true));
    assert_eq!(status.last_connected_at, Some(connected), "nobody saw it connected");
    let gap = Gap { from: fell_asleep, to: watched.world.now };
    assert_eq!(watched.world.state.attention.gaps, [gap]);
    // Its evidence has the age that it has.
    let oldest = watched.world.stored(None).conditions[&Condition::SyncCurrent].observed_at.unwrap();
    assert!(oldest <= fell_asleep);
    watched.go_blind();
    watched.pass(ASKING_AGAIN + minutes(1));
    assert_eq!(watched.world.status(None).0, Status::Unknown);
}

/// As of a machine that was restored from an older image while no API answers: it may be time that passed unseen.
#[test]
fn a_leap_that_no_api_bears_out_proves_nothing_and_tells_nothing() {
    let mut watched = healthy();
    watched.told.clear();
    watched.go_blind();
    watched.world.state.evidence.clock_doubt = Some(ClockDoubt { since: watched.world.now, offset: hours(30) });
    let keys: Vec<_> = watched.world.state.integrations.keys().cloned().collect();
    let statuses = |watched: &Watched| -> BTreeSet<Status> {
        keys.iter().map(|key| watched.world.state.integrations[key].status.as_ref().unwrap().status).collect()
    };
    watched.pass(TimeDelta::seconds(50));
    assert_eq!(statuses(&watched), [Status::Connected].into(), "it may be wrong for a moment");
    watched.pass(minutes(30));
    assert_eq!(statuses(&watched), [Status::Unknown].into());
    assert!(!watched.told.iter().any(|transition| matches!(transition.change, Change::Opened { .. })));
    // It was wrong.
    watched.world.state.evidence.clock_doubt = None;
    watched.judge();
    assert_eq!(statuses(&watched), [Status::Connected].into(), "nothing has lost its age");
}

#[test]
fn a_clock_that_was_wrong_for_a_moment_changes_nothing() {
    let mut watched = healthy();
    let (set_at, before) = (watched.world.now, watched.world.state.clone());
    watched.sleep_for(hours(24));
    watched.world.now += TimeDelta::seconds(8);
    watched.world.test_everything();
    watched.look();
    watched.world.now -= hours(24);
    take_back(&mut watched.world.state, set_at, hours(-24));
    assert_eq!(watched.world.state.attention.gaps, []);
    for (key, stored) in &watched.world.state.integrations {
        let (now, then) = (stored.status.as_ref().unwrap(), before.integrations[key].status.as_ref().unwrap());
        assert_eq!((now.status, now.since), (then.status, then.since), "{key}");
        let newest = stored.conditions.values().filter_map(|condition| condition.observed_at).max();
        assert!(newest <= Some(watched.world.now), "{key}: {newest:?}");
    }
    watched.told.clear();
    watched.world.now += minutes(1);
    watched.world.test_everything();
    watched.look();
    assert_eq!(watched.told, Vec::new());
}

/// What was remembered before the start is right: moved with the clock it would be a day older than it is.
#[test]
fn a_clock_that_ran_ahead_since_the_start_makes_nothing_older() {
    let mut watched = healthy();
    let (stopped_at, before) = (watched.world.now, watched.world.state.clone());
    // Ten minutes pass, and a day more by the clock.
    watched.stop_for(hours(24) + minutes(10));
    watched.world.test_everything();
    watched.first_look();
    watched.world.now -= hours(24);
    take_back(&mut watched.world.state, stopped_at, hours(-24));
    let gap = Gap { from: stopped_at, to: stopped_at + minutes(10) };
    assert_eq!(watched.world.state.attention.gaps, [gap], "what is left is the time that it was down");
    for (key, stored) in &watched.world.state.integrations {
        let (now, then) = (stored.status.as_ref().unwrap(), before.integrations[key].status.as_ref().unwrap());
        assert_eq!((now.status, now.since), (then.status, then.since), "{key}");
        assert_eq!(stored.first_seen_at, before.integrations[key].first_seen_at, "{key}");
        let newest = stored.conditions.values().filter_map(|condition| condition.observed_at).max();
        assert!(newest > Some(stopped_at) && newest <= Some(watched.world.now), "{key}: {newest:?}");
    }
}

/// Every time in here that lies ahead of `now`, but for what people and APIs say of the future.
fn ahead_of(now: DateTime<Utc>, at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let ours = fields.iter().filter(|(name, _)| {
                !["declared_date", "expires_at", "expiry", "next_expected_at", "valid_until"].contains(&name.as_str())
            });
            ours.for_each(|(name, value)| ahead_of(now, &format!("{at}/{name}"), value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| ahead_of(now, at, value, found)),
        Value::String(text) if text.parse::<DateTime<Utc>>().is_ok_and(|time| time > now) => {
            found.push(format!("{at}: {text}"));
        }
        _ => {}
    }
}

/// It was set right while nobody watched. Before: an outage that lasts waited for the day on which it seemed to begin.
#[test]
fn what_a_clock_that_ran_a_day_ahead_stored_waits_for_no_future() {
    let mut watched = healthy();
    watched.sleep_for(hours(24));
    watched.pass(minutes(15));
    watched.go_blind();
    watched.pass(minutes(45));
    let stored_at = watched.world.now;
    assert_eq!(watched.restart_after(minutes(10) - hours(24)), None);
    let now = watched.world.now;
    bring_back(&mut watched.world.state, stored_at, now);
    let mut ahead = Vec::new();
    ahead_of(now, "", &serde_json::to_value(&watched.world.state).unwrap(), &mut ahead);
    assert_eq!(ahead, Vec::<String>::new());
    let gaps = &watched.world.state.attention.gaps;
    assert!(
        gaps.iter().all(|gap| gap.to - gap.from == minutes(10)),
        "what is left is the time of the restart: {gaps:?}"
    );
    watched.judge();
    assert_eq!(watched.world.status(None).0, Status::Unknown, "nobody knows how old it is");
    watched.pass(minutes(30));
    assert!(watched.is_open(Rule::UpstreamUnreachable), "it is tried in vain for more than an hour");
    assert!(watched.since(Rule::UpstreamUnreachable) <= now - minutes(30));
}

/// Before: by the right clock, what was observed by one that ran ahead counted as younger than it is.
#[test]
fn evidence_by_two_clocks_has_no_age_and_is_kept_to_compare_with() {
    let mut watched = healthy();
    let stored_at = watched.world.now;
    watched.go_blind();
    assert_eq!(watched.restart_after(-minutes(30)), None);
    assert_eq!(watched.world.status(None).0, Status::Unknown, "before any date was told");
    bring_back(&mut watched.world.state, stored_at, watched.world.now);
    watched.judge();
    assert_eq!(watched.world.status(None).0, Status::Unknown);
    let groups = &watched.world.state.evidence.groups;
    assert!(
        groups
            .values()
            .all(|group| group.assets.is_some() && group.profiles.values().all(|p| p.repositories.is_some()))
    );
    watched.world.down.clear();
    watched.world.test_everything();
    watched.first_look();
    assert_eq!(watched.world.status(None).0, Status::Connected);
}

/// An outage began by the right clock; a start by one that is a day behind, which is then set right.
#[test]
fn a_clock_that_was_behind_at_the_start_puts_no_onset_into_the_future() {
    let mut watched = healthy();
    watched.go_blind();
    watched.pass(minutes(45));
    let right = watched.world.now;
    assert_eq!(watched.restart_after(-hours(24)), None);
    watched.pass(minutes(5));
    watched.sleep_for(hours(24));
    assert!(watched.world.now - right < minutes(6));
    watched.pass(minutes(30));
    assert!(watched.is_open(Rule::UpstreamUnreachable), "more than an hour of trying");
    assert!(watched.since(Rule::UpstreamUnreachable) <= right - minutes(30));
}

#[test]
fn how_far_our_clock_is_off_moves_with_it_and_is_measured_anew_after_a_gap() {
    let mut watched = healthy();
    let api = ApiName::from(SNYK_API);
    let skew = |watched: &Watched| watched.world.state.evidence.apis[&api].clock_skew;
    watched.world.state.evidence.apis.entry(api.clone()).or_default().clock_skew = Some(minutes(10));
    rebase(&mut watched.world.state, minutes(-10));
    watched.world.now -= minutes(10);
    assert_eq!(skew(&watched), Some(minutes(0)));
    watched.sleep_for(hours(1));
    assert_eq!(skew(&watched), None);
}

#[test]
fn a_quiet_tick_changes_nothing() {
    let mut watched = healthy();
    let before = watched.world.state.clone();
    for _ in 0..10 {
        watched.world.now += TimeDelta::seconds(30);
        watched.judge();
        assert!(watched.world.state.integrations == before.integrations, "{}", watched.world.now);
    }
    // New evidence moves what it proves, to its own time.
    watched.world.now += minutes(10);
    watched.look();
    assert_eq!(watched.last_connected(), watched.world.now);
    watched.world.now += minutes(5);
    watched.judge();
    assert_eq!(watched.last_connected(), watched.world.now - minutes(5));
}

#[test]
fn a_step_of_the_clock_moves_each_time_of_ours_once() {
    let mut watched = healthy();
    watched.stop_for(hours(1));
    let gap = watched.world.state.attention.gaps[0];
    rebase(&mut watched.world.state, hours(-2));
    assert_eq!(watched.world.state.attention.gaps, [Gap { from: gap.from - hours(2), to: gap.to - hours(2) }]);
}
