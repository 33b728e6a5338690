//! One digest for each route.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;

use super::stage::{Stage, daily, hours, rejected, route, severities, stale, stalled};
use crate::config::routing::{DeliverBy, Route};
use crate::domain::decisions::{Plan, PlanKind};
use crate::domain::incident::{IncidentKey, Rule, Severity, Subject};
use crate::domain::matcher::Matcher;
use crate::domain::notification::{Dispatch, NotificationKind, Outgoing};
use crate::domain::rotation::{OldToken, Rotation, RotationSource};

fn days(days: i64) -> chrono::TimeDelta {
    hours(24 * days)
}

/// Repositories without a webhook, in Organizations of labs.
fn webhooks() -> IncidentKey {
    IncidentKey { rule: Rule::WebhooksMissing, subject: Subject::Organizations("labs-bitbucket".into()) }
}

fn at(stage: &mut Stage, day: i64) -> Vec<Outgoing> {
    stage.now = super::stage::start() + days(day);
    stage.evaluate(&[])
}

/// The digests among what is sent: to whom, and their lines.
fn digests(outgoing: &[Outgoing]) -> Vec<String> {
    let digests = outgoing.iter().filter(|sent| sent.notification.kind == NotificationKind::Digest);
    let show = |sent: &Outgoing| {
        let receivers: Vec<_> = sent.receivers.iter().map(ToString::to_string).collect();
        let page = &sent.notification.page;
        let lines = page.members.join("\n  ");
        format!("{} | {} | {}\n  {lines}\n  {}", receivers.join(", "), page.title, page.summary, page.next_step)
    };
    digests.map(show).collect()
}

fn ends(stage: &mut Stage, key: &IncidentKey) {
    let resolved = stage.resolve(key);
    stage.tell(&[resolved]);
}

#[test]
fn once_a_week_what_is_new_ended_or_standing_in_the_parts_of_the_owners() {
    let mut stage = Stage::new();
    stage.tell(&[]);
    stage.open(&stalled(), Severity::Warning);
    stage.open(&webhooks(), Severity::Info);
    stage.open(&rejected(), Severity::Critical);
    assert_eq!(digests(&at(&mut stage, 1)), [""; 0]);
    ends(&mut stage, &rejected());
    assert_eq!(digests(&at(&mut stage, 6)), [""; 0]);
    assert_snapshot!(digests(&at(&mut stage, 7)).join("\n"), @r"
    chat | Digest: 2 new, 1 ended, 0 standing | Since 2026-11-20 09:00 UTC: 2 new, 1 ended, 0 standing.
      labs: new (info): WebhooksMissing: Organizations of labs-bitbucket, since 2026-11-20 08:00 UTC
      labs: ended: CredentialInvalid: bitbucket-acme, 2026-11-21 09:00 UTC
      platform: new (warning): SyncStalled: acme-bitbucket (group), since 2026-11-20 08:00 UTC
      platform: ended: CredentialInvalid: bitbucket-acme, 2026-11-21 09:00 UTC
      Look at what is new when there is time.
    ");
    for day in 8..14 {
        assert_eq!(digests(&at(&mut stage, day)), [""; 0]);
    }
    assert_snapshot!(digests(&at(&mut stage, 14)).join("\n"), @r"
    chat | Digest: 0 new, 0 ended, 2 standing | Since 2026-11-27 09:00 UTC: 0 new, 0 ended, 2 standing.
      labs: standing for 14 d: WebhooksMissing: Organizations of labs-bitbucket, since 2026-11-20 08:00 UTC
      platform: standing for 14 d: SyncStalled: acme-bitbucket (group), since 2026-11-20 08:00 UTC
      Repair what is standing, or silence it with a reason; look at what is new when there is time.
    ");
    ends(&mut stage, &stalled());
    ends(&mut stage, &webhooks());
    assert_snapshot!(digests(&at(&mut stage, 21)).join("\n"), @r"
    chat | Digest: 0 new, 2 ended, 0 standing | Since 2026-12-04 09:00 UTC: 0 new, 2 ended, 0 standing.
      labs: ended: WebhooksMissing: Organizations of labs-bitbucket, 2026-12-04 09:00 UTC
      platform: ended: SyncStalled: acme-bitbucket (group), 2026-12-04 09:00 UTC
      No action needed.
    ");
    for day in 22..60 {
        assert_eq!(digests(&at(&mut stage, day)), [""; 0], "nothing of either: no digest");
    }
    // The weeks go on all the same: what is new waits for the end of its week.
    stage.open(&webhooks(), Severity::Info);
    assert_eq!(digests(&at(&mut stage, 62)), [""; 0]);
    assert_eq!(digests(&at(&mut stage, 63)).len(), 1);
}

#[test]
fn info_belongs_to_every_route_whose_other_matchers_fit() {
    let owner = |owner: &str| Matcher { owners: vec![owner.to_owned()], ..Matcher::default() };
    let mut stage = Stage::new();
    stage.routes(vec![
        route(severities(&[Severity::Critical]), &["pager"]),
        route(Matcher { severities: severities(&[Severity::Warning]).severities, ..owner("labs") }, &["labs"]),
        route(owner("platform"), &["platform"]),
        route(Matcher { rules: [Rule::SyncStalled].into(), ..Matcher::default() }, &["sync"]),
    ]);
    stage.tell(&[]);
    stage.open(&webhooks(), Severity::Info);
    stage.open(&stale(), Severity::Warning);
    let receivers = |outgoing: &[Outgoing]| -> Vec<String> {
        digests(outgoing).iter().map(|digest| digest.lines().next().unwrap().to_owned()).collect()
    };
    let since = "Since 2026-11-20 09:00 UTC";
    assert_eq!(
        receivers(&at(&mut stage, 7)),
        [
            format!("pager | Digest: 1 new, 0 ended, 0 standing | {since}: 1 new, 0 ended, 0 standing."),
            format!("labs | Digest: 2 new, 0 ended, 0 standing | {since}: 2 new, 0 ended, 0 standing."),
        ]
    );
}

#[test]
fn what_is_kept_back_is_listed_afterwards_and_what_somebody_takes_care_of_is_not() {
    let mut stage = Stage::new();
    stage.tell(&[]);
    for key in [stalled(), rejected(), webhooks()] {
        stage.open(&key, Severity::Warning);
    }
    stage.incident(&stalled()).cause = Some(rejected());
    stage.silence("known", Matcher { incident: Some(webhooks().to_string()), ..Matcher::default() }, days(10));
    stage.acknowledge(&rejected());
    assert_eq!(digests(&at(&mut stage, 7)), [""; 0]);
    crate::notify::requests::withdraw_acknowledgement(&mut stage.state, &rejected().to_string()).unwrap();
    stage.incident(&stalled()).cause = None;
    let second = digests(&at(&mut stage, 14)).join("\n");
    for rule in ["SyncStalled", "CredentialInvalid", "WebhooksMissing"] {
        assert!(second.contains(rule), "{rule}: {second}");
    }
}

#[test]
fn a_digest_waits_for_the_times_of_its_route_and_goes_only_where_something_is_sent() {
    let mut stage = Stage::new();
    stage
        .routes(vec![Route { active_times: vec![daily("afternoon", 13, 18)], ..route(Matcher::default(), &["chat"]) }]);
    stage.tell(&[]);
    stage.open(&webhooks(), Severity::Info);
    assert_eq!(digests(&at(&mut stage, 7)), [""; 0]);
    stage.now += hours(4);
    assert_eq!(digests(&stage.evaluate(&[])).len(), 1);
    stage.routing.deliver = DeliverBy::Prometheus;
    assert_eq!(digests(&at(&mut stage, 30)), [""; 0]);
    assert!(stage.state.attention.digests.is_empty());
}

#[test]
fn what_was_only_noted_is_in_the_first_digest_that_is_sent() {
    let mut stage = Stage::new();
    stage.dispatch = Dispatch::Withhold;
    stage.tell(&[]);
    stage.open(&webhooks(), Severity::Info);
    assert_eq!(digests(&at(&mut stage, 7)).len(), 1);
    stage.dispatch = Dispatch::Deliver;
    assert_eq!(digests(&at(&mut stage, 8)), [""; 0]);
    stage.incident(&webhooks()).severity = Severity::Warning;
    let first = digests(&at(&mut stage, 15));
    assert!(first[0].contains("new (warning)"), "{first:?}");
    // And the other way round: what was really sent is left as it is.
    stage.dispatch = Dispatch::Withhold;
    ends(&mut stage, &webhooks());
    assert_eq!(digests(&at(&mut stage, 30)), [""; 0]);
    stage.dispatch = Dispatch::Deliver;
    assert!(digests(&at(&mut stage, 31))[0].contains("ended"));
}

#[test]
fn a_route_that_is_changed_begins_anew_and_one_that_moves_does_not() {
    let mut stage = Stage::new();
    stage.open(&webhooks(), Severity::Info);
    stage.tell(&[]);
    let all = || route(Matcher::default(), &["chat"]);
    let labs = || route(Matcher { owners: vec!["labs".to_owned()], ..Matcher::default() }, &["labs"]);
    assert_eq!(digests(&at(&mut stage, 7)).len(), 1);
    stage.routes(vec![Route { continues: true, ..labs() }, all()]);
    assert_eq!(digests(&at(&mut stage, 8)), [""; 0]);
    stage.routes(vec![Route { continues: true, ..all() }, labs()]);
    stage.affects(&webhooks(), 2);
    let told = digests(&at(&mut stage, 15));
    assert!(told.len() == 1 && told[0].starts_with("labs | Digest: 1 new"), "{told:?}");
}

#[test]
fn what_was_planned_and_did_not_happen_is_told_once() {
    let mut stage = Stage::new();
    stage.tell(&[]);
    let (from, until) = (super::stage::start(), super::stage::start() + days(3));
    let plan = Plan {
        kind: PlanKind::Rotate,
        pattern: "bitbucket-*".to_owned(),
        repositories: BTreeMap::new(),
        organizations: BTreeMap::new(),
        credentials: ["bitbucket-acme".into(), "bitbucket-labs".into()].into(),
        revoked: false,
        from,
        until,
        author: "platform".to_owned(),
        reason: "yearly".to_owned(),
    };
    stage.state.decisions.plans.insert("1".into(), plan);
    let rotation = Rotation {
        at: from,
        source: RotationSource::FirstUse,
        seen_at: from + days(1),
        old: OldToken::default(),
        saved: BTreeMap::new(),
        outstanding: BTreeSet::new(),
        untold: BTreeMap::new(),
        unused: BTreeSet::new(),
        done_at: None,
    };
    stage.state.credentials.entry("bitbucket-labs".into()).or_default().rotation = Some(rotation);
    assert_snapshot!(digests(&at(&mut stage, 7)).join("\n"), @"
    chat | Digest: 0 new, 0 ended, 0 standing, 1 planned and not done | Since 2026-11-20 09:00 UTC: 0 new, 0 ended, 0 standing, 1 planned and not done.
      not done by the end of its plan, 2026-11-23 09:00 UTC: rotate bitbucket-* (platform, yearly): bitbucket-acme
      Do what was planned, or plan it again.
    ");
    assert_eq!(digests(&at(&mut stage, 14)), [""; 0], "once");
}

/// Before: a start by a clock that was a week ahead sent it before any API had told its date.
#[test]
fn no_digest_leaves_before_the_clock_is_confirmed_or_while_it_is_wrong() {
    let mut stage = Stage::new();
    stage.tell(&[]);
    stage.open(&webhooks(), Severity::Info);
    at(&mut stage, 1);
    stage.state.evidence.is_clock_unconfirmed = true;
    assert_eq!(digests(&at(&mut stage, 8)), [""; 0]);
    stage.state.evidence.is_clock_unconfirmed = false;
    stage.state.evidence.apis.entry("snyk".into()).or_default().clock_skew = Some(days(8));
    assert_eq!(digests(&at(&mut stage, 8)), [""; 0]);
    // It was the time: it is sent at once, with all of it.
    stage.state.evidence.apis.clear();
    let sent = digests(&at(&mut stage, 8));
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains("1 new"), "{}", sent[0]);
    assert_eq!(digests(&at(&mut stage, 14)), [""; 0]);
}

/// The reminder of a problem that lasts, likewise; what happens is told at once.
#[test]
fn nothing_is_told_by_time_alone_before_the_clock_is_confirmed() {
    let mut stage = Stage::new();
    stage.routing.routes[0].remind_every = Some(hours(4));
    stage.open(&stalled(), Severity::Warning);
    stage.tell(&[]);
    stage.state.evidence.is_clock_unconfirmed = true;
    stage.now += days(2);
    assert_eq!(stage.tell(&[]), [""; 0]);
    stage.now += days(20);
    assert_eq!(stage.tell(&[]), [""; 0], "nor that it stands");
    stage.open(&rejected(), Severity::Critical);
    let told = stage.tell(&[]);
    assert!(!told.is_empty() && !told.iter().any(|one| one.contains("SyncStalled")), "{told:?}");
    stage.state.evidence.is_clock_unconfirmed = false;
    let told = stage.tell(&[]);
    assert!(told.iter().any(|one| one.contains("SyncStalled")), "{told:?}");
}
