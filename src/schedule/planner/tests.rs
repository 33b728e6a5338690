//! Tables and stories for the planner.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::*;
use crate::domain::names::ApiName;
use crate::domain::work::{FailedAt, Finding, ProbeFailure, WorkSubject};
use crate::schedule::cadence::Calendar;

fn start() -> DateTime<Utc> {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

fn work(kind: ProbeKind, name: &str) -> Work {
    Work { kind, subject: WorkSubject::Credential(name.into()) }
}

fn planned(work: &Work, cadence: Cadence) -> PlannedWork {
    PlannedWork { work: work.clone(), cadence, budget: "acme".into(), draw: Draw::default(), jitter_seed: 0 }
}

fn every(work: &Work, interval: TimeDelta) -> PlannedWork {
    planned(work, Cadence::Every(interval))
}

fn inconclusive() -> OutcomeClass {
    OutcomeClass::Inconclusive { retry_after: None }
}

/// A planner of one work that was done at `start` and so waits for its next tick.
fn fresh(work: &Work, interval: TimeDelta) -> Planner {
    Planner::new(vec![every(work, interval)], |_| Some(start()), start())
}

fn run(planner: &mut Planner, work: &Work, at: DateTime<Utc>, class: OutcomeClass) {
    planner.on_started(work, at).unwrap();
    planner.on_finished(work, class, at);
}

#[test]
fn at_start_what_is_missing_or_missed_runs_at_once_and_spread() {
    let names: Vec<String> = (0..20).map(|number| format!("credential-{number}")).collect();
    let works: Vec<Work> = names.iter().map(|name| work(ProbeKind::ScmCredential, name)).collect();
    let token = work(ProbeKind::SnykToken, "token");
    let plan: Vec<_> = works.iter().chain([&token]).map(|work| every(work, minutes(5))).collect();
    let planner = Planner::new(plan.clone(), |_| None, start());

    assert_eq!(planner.due(start()), [token], "credentials of Snyk first, the rest follows");
    assert_eq!(planner.due(start() + TimeDelta::seconds(5)).len(), 21);
    let again = Planner::new(plan.into_iter().rev().collect(), |_| None, start());
    let order = planner.due(start() + minutes(1));
    assert_eq!(order, again.due(start() + minutes(1)), "the order is the same every time");
}

#[test]
fn at_start_each_budget_spreads_for_itself() {
    let (one, other) = (work(ProbeKind::SnykToken, "one"), work(ProbeKind::SnykToken, "other"));
    let other_budget = PlannedWork { budget: "other".into(), ..every(&other, minutes(5)) };
    let planner = Planner::new(vec![every(&one, minutes(5)), other_budget], |_| None, start());
    assert_eq!(planner.due(start()).len(), 2);
}

#[test]
fn a_restart_is_as_if_the_daemon_had_never_stopped() {
    #[track_caller]
    fn check(last: Option<DateTime<Utc>>, now: DateTime<Utc>, expected: DateTime<Utc>) {
        let credential = work(ProbeKind::ScmCredential, "acme");
        let planner = Planner::new(vec![every(&credential, minutes(5))], |_| last, now);
        assert_eq!(planner.next_due(), Some(expected));
    }
    let interval = minutes(5);
    let tick = fresh(&work(ProbeKind::ScmCredential, "acme"), interval).next_due().unwrap();
    let before = tick - TimeDelta::seconds(1);
    check(None, before, before);
    check(Some(before - TimeDelta::seconds(10)), before, tick);
    check(Some(tick - interval), before, tick);
    check(Some(tick - interval - TimeDelta::seconds(1)), before, before);
    check(Some(tick - TimeDelta::days(3)), before, before);
    // Evidence from the future was observed under a wrong clock.
    check(Some(before + TimeDelta::days(1)), before, before);
}

#[test]
fn a_running_work_is_never_due() {
    let credential = work(ProbeKind::ScmCredential, "acme");
    let mut planner = Planner::new(vec![every(&credential, minutes(5))], |_| None, start());
    planner.on_started(&credential, start()).unwrap();
    planner.schedule_confirmation(&credential, start());
    assert_eq!(planner.next_due(), None);
    assert_eq!(planner.due(start() + TimeDelta::hours(1)), []);
    let refused = StartRefused::Running { work: credential.clone(), since: start() };
    assert_eq!(planner.on_started(&credential, start() + minutes(1)), Err(refused));

    planner.on_finished(&credential, OutcomeClass::Conclusive, start() + minutes(1));
    assert_eq!(planner.due(start() + minutes(1)), [credential], "the confirmation is still wanted");
}

#[test]
fn a_work_outside_the_plan_is_refused() {
    let mut planner = Planner::default();
    let stranger = work(ProbeKind::SnykToken, "stranger");
    let refused = planner.on_started(&stranger, start()).unwrap_err();
    assert_eq!(refused.to_string(), "snyk_token of stranger is not planned");
    planner.schedule_confirmation(&stranger, start());
    planner.on_finished(&stranger, OutcomeClass::Conclusive, start());
    assert_eq!(planner.next_due(), None);
}

#[test]
fn retries_grow_from_a_quarter_to_the_whole_interval() {
    #[track_caller]
    fn check(interval: TimeDelta, expected_seconds: &[i64]) {
        let credential = work(ProbeKind::ScmCredential, "acme");
        let mut planner = fresh(&credential, interval);
        let mut now = planner.next_due().unwrap();
        for seconds in expected_seconds {
            // At a tick, so that the next one is a whole interval away and hides no retry.
            run(&mut planner, &credential, now, inconclusive());
            assert_eq!((planner.next_due().unwrap() - now).num_seconds(), *seconds);
            now = Cadence::Every(interval).next_after(now, Jitter::of(&credential, 0));
        }
        run(&mut planner, &credential, now, OutcomeClass::Conclusive);
        assert_eq!(planner.next_due().unwrap() - now, interval);
        run(&mut planner, &credential, now, inconclusive());
        assert_eq!((planner.next_due().unwrap() - now).num_seconds(), expected_seconds[0], "counted anew");
    }
    check(minutes(60), &[900, 1800, 3600, 3600]);
    check(minutes(5), &[75, 150, 300, 300]);
    check(minutes(1), &[30, 60, 60]);
    check(TimeDelta::seconds(10), &[10, 10]);
}

#[test]
fn what_was_never_learned_is_asked_again_soon() {
    let credential = work(ProbeKind::ScmCredential, "acme");
    let many = PlannedWork { draw: Draw { round: minutes(1), burst: minutes(1) }, ..every(&credential, minutes(60)) };
    for (planned, expected_seconds) in [(every(&credential, minutes(60)), [30, 60, 120]), (many, [900, 1800, 3600])] {
        let mut planner = Planner::new(vec![planned], |_| None, start());
        let mut now = Cadence::Every(minutes(60)).next_after(start(), Jitter::of(&credential, 0));
        for seconds in expected_seconds {
            run(&mut planner, &credential, now, inconclusive());
            assert_eq!((planner.next_due().unwrap() - now).num_seconds(), seconds);
            now = Cadence::Every(minutes(60)).next_after(now, Jitter::of(&credential, 0));
        }
    }
}

#[test]
fn a_retry_never_comes_later_than_the_tick() {
    let credential = work(ProbeKind::ScmCredential, "acme");
    let mut planner = fresh(&credential, minutes(60));
    let tick = planner.next_due().unwrap();
    run(&mut planner, &credential, tick - minutes(1), inconclusive());
    assert_eq!(planner.next_due(), Some(tick));
}

#[test]
fn the_apis_wish_is_honoured_within_reason() {
    #[track_caller]
    fn check(interval: TimeDelta, wish: TimeDelta, expected: TimeDelta) {
        let credential = work(ProbeKind::ScmCredential, "acme");
        let mut planner = fresh(&credential, interval);
        let now = planner.next_due().unwrap();
        run(&mut planner, &credential, now, OutcomeClass::Inconclusive { retry_after: Some(wish) });
        planner.schedule_confirmation(&credential, now + TimeDelta::seconds(30));
        let due = planner.next_due().unwrap() - now;
        assert_eq!(due, expected.max(TimeDelta::seconds(30)));
    }
    check(minutes(5), minutes(10), minutes(10));
    check(minutes(5), TimeDelta::days(4000), LONGEST_RETRY_AFTER);
    check(minutes(180), minutes(170), minutes(170));
    check(minutes(5), TimeDelta::seconds(-5), TimeDelta::zero());
}

#[test]
fn a_confirming_probe_comes_beside_the_cadence() {
    let credential = work(ProbeKind::ScmCredential, "acme");
    let mut planner = fresh(&credential, minutes(60));
    let tick = planner.next_due().unwrap();
    let confirmation = tick - minutes(30);
    planner.schedule_confirmation(&credential, confirmation + minutes(1));
    planner.schedule_confirmation(&credential, confirmation);
    planner.schedule_confirmation(&credential, confirmation + minutes(2));
    assert_eq!(planner.next_due(), Some(confirmation));
    run(&mut planner, &credential, confirmation, OutcomeClass::Conclusive);
    assert_eq!(planner.next_due(), Some(tick));
}

#[test]
fn after_a_stall_each_work_runs_once() {
    let works = ["one", "two", "three"].map(|name| work(ProbeKind::ScmCredential, name));
    let plan = works.iter().map(|work| every(work, minutes(5))).collect();
    let mut planner = Planner::new(plan, |_| Some(start()), start());
    let wake = start() + TimeDelta::days(1);
    assert!(planner.lag(wake) > TimeDelta::hours(23));
    let due: BTreeSet<Work> = planner.due(wake).into_iter().collect();
    assert_eq!(due, works.iter().cloned().collect());
    for work in &works {
        run(&mut planner, work, wake, OutcomeClass::Conclusive);
    }
    assert_eq!(planner.due(wake), []);
    assert!(planner.next_due().unwrap() > wake);
    assert_eq!(planner.lag(wake), TimeDelta::zero());
}

#[test]
fn a_probe_that_hangs_past_its_next_tick_is_lag() {
    let (credential, token) = (work(ProbeKind::ScmCredential, "acme"), work(ProbeKind::SnykToken, "acme-us"));
    let plan = vec![every(&credential, minutes(5)), every(&token, minutes(60))];
    let mut planner = Planner::new(plan, |_| None, start());
    planner.on_started(&credential, start()).unwrap();
    planner.on_started(&token, start()).unwrap();
    let later = start() + minutes(15);
    assert!(planner.lag(later) >= minutes(10));
    assert_eq!(planner.lags(start() + TimeDelta::seconds(1)).len(), 2);
}

#[test]
fn a_reload_disturbs_only_what_changed() {
    let [kept, changed, gone, added] =
        ["kept", "changed", "gone", "added"].map(|name| work(ProbeKind::SnykToken, name));
    let plan = [&kept, &changed, &gone].map(|work| every(work, minutes(60))).to_vec();
    let mut planner = Planner::new(plan, |_| Some(start()), start());
    let now = start() + TimeDelta::seconds(1);
    run(&mut planner, &kept, now, inconclusive());
    run(&mut planner, &changed, now, OutcomeClass::Conclusive);
    planner.on_started(&gone, now).unwrap();
    let kept_at = planner.queue.iter().find(|(_, work)| *work == kept).map(|(at, _)| *at).unwrap();

    let plan = vec![every(&kept, minutes(60)), every(&changed, minutes(2)), every(&added, minutes(60))];
    planner.replan(plan, now);
    let due_of =
        |planner: &Planner, wanted: &Work| planner.queue.iter().find(|(_, work)| work == wanted).map(|(at, _)| *at);
    assert_eq!(due_of(&planner, &kept), Some(kept_at), "its retry included");
    assert!(due_of(&planner, &changed).unwrap() <= now + minutes(2));
    assert!(due_of(&planner, &changed).unwrap() > now, "it was done a moment ago");
    assert_eq!(planner.due(now), [added]);
    assert_eq!(due_of(&planner, &gone), None);

    // Put back while its old run has not ended: no second run beside it.
    planner.replan(vec![every(&gone, minutes(60))], now);
    assert_eq!(planner.running(), 1);
    assert_eq!(planner.next_due(), None);
    planner.on_finished(&gone, OutcomeClass::Conclusive, now);
    assert!(planner.next_due().unwrap() > now);
}

#[test]
fn a_clock_jump_neither_starves_nor_floods() {
    for step in [TimeDelta::hours(-3), TimeDelta::hours(3), TimeDelta::days(400)] {
        let works = ["one", "two", "three"].map(|name| work(ProbeKind::ScmCredential, name));
        let plan = works.iter().map(|work| every(work, minutes(5))).collect();
        let mut planner = Planner::new(plan, |_| Some(start()), start());
        let waits = planner.next_due().unwrap() - start();
        let now = start() + step;
        planner.on_clock_jump(step, now);
        assert_eq!(planner.due(now), []);
        assert!(planner.next_due().unwrap() <= now + waits);
    }
}

#[test]
fn calendars_plug_in() {
    #[derive(Debug)]
    struct Daily;
    impl fmt::Display for Daily {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("30 3 * * * UTC")
        }
    }
    impl Calendar for Daily {
        fn next_after(&self, instant: DateTime<Utc>) -> DateTime<Utc> {
            let today = instant.date_naive().and_hms_opt(3, 30, 0).unwrap().and_utc();
            if today > instant { today } else { today + TimeDelta::days(1) }
        }
        fn longest_gap(&self) -> TimeDelta {
            TimeDelta::days(1)
        }
    }
    let hooks = work(ProbeKind::Webhooks, "acme");
    let plan = vec![planned(&hooks, Cadence::Calendar(Arc::new(Daily)))];
    let mut planner = Planner::new(plan, |_| None, start());
    assert_eq!(planner.longest_gap(ProbeKind::Webhooks), Some(TimeDelta::days(1)));
    assert_eq!(planner.longest_gap(ProbeKind::Catalog), None);
    assert_eq!(planner.due(start()), std::slice::from_ref(&hooks), "whatever its schedule says");
    run(&mut planner, &hooks, start(), OutcomeClass::Conclusive);
    let named: DateTime<Utc> = "2026-11-24T03:30:00Z".parse().unwrap();
    assert!((named..named + minutes(1)).contains(&planner.next_due().unwrap()));
}

#[test]
fn outcomes_are_classed_by_what_they_concluded() {
    #[track_caller]
    fn check(findings: Vec<Finding>, failures: Vec<ProbeFailure>, expected: OutcomeClass) {
        assert_eq!(OutcomeClass::of(&Outcome { findings, failures, notices: Vec::new() }), expected);
    }
    let failure = |failed_at, retry_after| ProbeFailure {
        part: None,
        api: ApiName::new("bitbucket-cloud"),
        reason: "server_error",
        detail: String::new(),
        failed_at,
        retry_after,
    };
    let finding = || Finding::Repositories("acme".into(), "main".into(), Arc::default());
    let after = |seconds| Some(TimeDelta::seconds(seconds));
    check(vec![], vec![], OutcomeClass::Conclusive);
    check(vec![finding()], vec![], OutcomeClass::Conclusive);
    check(vec![finding()], vec![failure(FailedAt::Endpoint, None)], OutcomeClass::Conclusive);
    check(vec![], vec![failure(FailedAt::Endpoint, None)], inconclusive());
    check(vec![finding()], vec![failure(FailedAt::WholeApi, None)], inconclusive());
    let both = vec![failure(FailedAt::TheWay, after(5)), failure(FailedAt::Endpoint, after(60))];
    check(vec![], both, OutcomeClass::Inconclusive { retry_after: after(60) });
}
