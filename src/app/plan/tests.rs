//! Many Organizations at once, against the budget that they share.

use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::client::budget::RequestBudget;
use crate::clock::Clock;
use crate::domain::names::OrganizationId;
use crate::schedule::planner::Planner;

/// Works of so many Organizations, each asking so often in a round.
fn many(count: u32, kind: ProbeKind, limits: &BudgetLimits, requests: u32, every: TimeDelta) -> Vec<PlannedWork> {
    let span = |duration| TimeDelta::from_std(duration).unwrap();
    let draw = Draw { round: span(limits.refill(requests)), burst: span(limits.burst().mul_f64(SHARE_OF_BURST)) };
    let planned = |number: u32| {
        let id = OrganizationId(uuid::Uuid::from_u128(number.into()));
        let subject = WorkSubject::Organization(IntegrationKey::organization("acme".into(), id));
        let (work, cadence) = (Work { kind, subject }, Cadence::Every(every));
        PlannedWork { work, cadence, budget: "acme".into(), draw, jitter_seed: JITTER_SEED }
    };
    (0..count).map(planned).collect()
}

/// Lets a planner start all of `plan` at once, each round asking `requests` times, one after the other; gives how long
/// it took. Nobody may be turned away.
async fn started(plan: Vec<PlannedWork>, limits: BudgetLimits, requests: u32) -> Duration {
    let clock = Clock::system();
    let budget = RequestBudget::new(limits, &clock);
    let (real_start, start) = (Instant::now(), clock.now());
    let mut planner = Planner::new(plan, |_| None, start);
    let total = planner.planned();
    let mut rounds = tokio::task::JoinSet::new();
    let mut begun = 0;
    while begun < total {
        let now = start + TimeDelta::from_std(real_start.elapsed()).unwrap();
        for work in planner.due(now) {
            planner.on_started(&work, now).unwrap();
            begun += 1;
            let budget = budget.clone();
            rounds.spawn(async move {
                for _ in 0..requests {
                    budget.acquire().await.unwrap();
                }
            });
        }
        let next = planner.next_due();
        let pause = next.map_or(TimeDelta::zero(), |next| next - now);
        tokio::time::sleep(pause.to_std().unwrap_or_default()).await;
    }
    rounds.join_all().await;
    real_start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_organizations_are_asked_within_their_interval_and_none_is_turned_away() {
    let limits = BudgetLimits::snyk();
    let interval = TimeDelta::hours(1);
    let plan = many(1_000, ProbeKind::Organization, &limits, REQUESTS_OF_AN_ORGANIZATION, interval);
    let took = started(plan, limits, REQUESTS_OF_AN_ORGANIZATION).await;
    assert!(took < interval.to_std().unwrap(), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_few_organizations_are_asked_at_once() {
    let limits = BudgetLimits::snyk();
    let plan = many(20, ProbeKind::Organization, &limits, REQUESTS_OF_AN_ORGANIZATION, TimeDelta::hours(1));
    let took = started(plan, limits, REQUESTS_OF_AN_ORGANIZATION).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_a_thousand_organizations_leave_the_credential_its_turns() {
    let limits = BudgetLimits::bitbucket_cloud();
    let day = TimeDelta::days(1);
    let took = started(many(1_000, ProbeKind::Webhooks, &limits, 1, day), limits, 1).await;
    assert!(took < day.to_std().unwrap(), "{took:?}");
}
