//! A broken receiver is its own trouble: neither probes nor other receivers notice it.

use chrono::{DateTime, TimeDelta, Utc};
use snykwatch::clock::{Clock, Pace};
use snykwatch::domain::state::Change;
use snykwatch::sandbox::receivers::{FakeReceiver, PagerChange, PagerDuty, Trouble, Webhook};
use snykwatch::sandbox::world::World;
use snykwatch::sandbox::{Api, FaultKind};

use crate::support::Scene;
use crate::support::http::Page;
use crate::support::virtual_time::{START, VirtualDaemon};

const ROUTING_KEY: &str = "f4ce00000000000000000000150147ed";

/// When Snyk is down, in minutes after the start: three episodes in an hour.
const OUTAGES: [(i64, i64); 3] = [(5, 12), (20, 31), (41, 52)];

/// A page that is made is at a healthy receiver by then.
const PROMPT: TimeDelta = TimeDelta::seconds(5);

/// What came of an hour.
struct Hour {
    /// Every request to Snyk and Bitbucket with its time, in order.
    asked: Vec<(DateTime<Utc>, String)>,
    /// When incidents opened and resolved.
    opened: Vec<DateTime<Utc>>,
    resolved: Vec<DateTime<Utc>>,
    /// When the healthy receiver was told of it.
    paged: Vec<DateTime<Utc>>,
    ended: Vec<DateTime<Utc>>,
    /// The greatest lag of any probe that was ever seen, in seconds.
    lag: f64,
    /// Letters at the stalled receiver and at the one that fails.
    letters: (usize, usize),
}

/// The broken receivers of an hour.
#[derive(Clone, Copy, PartialEq)]
enum Neighbours {
    None,
    Broken,
}

async fn hour_with(neighbours: Neighbours) -> Hour {
    let clock = Clock::scaled(START.parse().unwrap(), Pace::Immediate);
    let mut participant = clock.participant();
    let start = clock.now();
    let world = World::acme(start - TimeDelta::days(4)).with_repositories(12).with_organizations(2);
    let scene = Scene::at(&clock, world).await;
    scene.write_secret("routing-key", ROUTING_KEY);
    let healthy = FakeReceiver::start(clock.clone(), PagerDuty::new(ROUTING_KEY)).await.unwrap();
    let stalled = FakeReceiver::start(clock.clone(), Webhook::new([] as [&str; 0])).await.unwrap();
    let failing = FakeReceiver::start(clock.clone(), Webhook::new([] as [&str; 0])).await.unwrap();
    stalled.set_trouble(Some(Trouble::Stall));
    failing.set_trouble(Some(Trouble::Status(500)));
    let configuration = configuration(&scene, neighbours, &healthy, [&stalled, &failing]);
    let daemon = VirtualDaemon::start(&scene, &clock, &configuration).await;
    let mut transitions = daemon.0.transitions();
    let mut lag = 0.0_f64;
    for minute in 0..=60 {
        participant.sleep_until(start + TimeDelta::minutes(minute) + TimeDelta::seconds(31)).await;
        scene.sandbox.world(|world| {
            if OUTAGES.iter().any(|(begin, _)| *begin == minute) {
                world.break_api(Api::Snyk, FaultKind::Status(503));
            }
            if OUTAGES.iter().any(|(_, end)| *end == minute) {
                world.repair(Api::Snyk);
            }
        });
        lag = greatest_lag(&daemon.metrics().await).max(lag);
    }
    let requests = scene.sandbox.requests();
    let mut asked: Vec<_> = requests.into_iter().map(|request| (request.at, request.path_and_query)).collect();
    asked.sort();
    let (mut opened, mut resolved) = (Vec::new(), Vec::new());
    while let Ok(transition) = transitions.try_recv() {
        match &transition.change {
            Change::Opened { incident, .. } if incident.rule.as_str() == "UpstreamUnreachable" => {
                opened.push(transition.at);
            }
            Change::Resolved { incident, .. } if incident.rule.as_str() == "UpstreamUnreachable" => {
                resolved.push(transition.at);
            }
            _ => {}
        }
    }
    daemon.stop().await;
    let at = |change| {
        let events = healthy.look(|pager| pager.events().to_vec());
        events.iter().filter(|event| event.change == change).map(|event| event.at).collect()
    };
    let tally = healthy.tally();
    assert!(tally.refusals.is_empty() && tally.breaches.is_empty(), "{tally:?}");
    let letters = (stalled.receptions().len(), failing.receptions().len());
    Hour { asked, opened, resolved, paged: at(PagerChange::Opened), ended: at(PagerChange::Resolved), lag, letters }
}

fn configuration(
    scene: &Scene,
    neighbours: Neighbours,
    healthy: &FakeReceiver<PagerDuty>,
    broken: [&FakeReceiver<Webhook>; 2],
) -> String {
    let pager = healthy.root();
    let [stalled, failing] = broken.map(FakeReceiver::url);
    let names = match neighbours {
        Neighbours::None => "healthy",
        Neighbours::Broken => "stalled, failing, healthy",
    };
    let neighbours = match neighbours {
        Neighbours::None => String::new(),
        Neighbours::Broken => format!(
            "    stalled: {{ webhook: {{ url: \"{stalled}\" }}, http: {{ request_timeout: 300ms }} }}
    failing: {{ webhook: {{ url: \"{failing}\" }} }}
"
        ),
    };
    format!(
        "{}alerts:
  rules:
    upstream_unreachable: {{ after: 1m, critical_after: never }}
  receivers:
    healthy: {{ pagerduty: {{ api_url: \"{pager}\", routing_key: {{ file: routing-key }} }} }}
{neighbours}  routes: [{{ receivers: [{names}], severity: [warning, critical] }}]
",
        scene.configuration().every("2m")
    )
}

/// The greatest lag of any probe, in seconds.
fn greatest_lag(page: &Page) -> f64 {
    let text = page.text();
    let lags = text.lines().filter(|line| line.starts_with("snykwatch_schedule_lag_seconds{"));
    lags.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).fold(0.0, f64::max)
}

/// A stalled and a failing receiver, for an hour of virtual time with three incidents.
#[tokio::test]
async fn broken_receivers_slow_neither_probes_nor_the_healthy_one() {
    let alone = Box::pin(hour_with(Neighbours::None)).await;
    let beside = Box::pin(hour_with(Neighbours::Broken)).await;
    assert!(alone.asked.len() > 500, "{} requests", alone.asked.len());
    assert_eq!(beside.asked, alone.asked, "the same is asked at the same time as without them");
    assert_eq!((alone.lag, beside.lag), (0.0, 0.0), "no probe is late");
    assert_eq!(alone.letters, (0, 0));
    let (stalled, failing) = beside.letters;
    assert!(stalled > 3 && failing > 3, "they were tried, and tried again: {:?}", beside.letters);
    for hour in [&alone, &beside] {
        assert_eq!((hour.opened.len(), hour.resolved.len()), (OUTAGES.len(), OUTAGES.len()));
        for (made, told) in [(&hour.opened, &hour.paged), (&hour.resolved, &hour.ended)] {
            assert_eq!(made.len(), told.len(), "each is told once: {made:?}, {told:?}");
            for (made, told) in made.iter().zip(told) {
                assert!(*told - *made <= PROMPT, "made at {made}, told at {told}");
            }
        }
    }
}
