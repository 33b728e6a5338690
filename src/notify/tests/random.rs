//! Random lives against an obvious model.
//!
//! The model reads the stream of what is sent, keeps for each incident and receiver the key that it holds open, and
//! says by itself which keys must begin and end at each evaluation. Everything else that is sent is held to rules: when
//! it is forbidden, and how often it may come.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::stage::{Stage, daily, hours, minutes, rejected, route, severities, stale, stalled};
use crate::config::routing::{DeliverBy, Maintenance, MaintenanceTime, Route, Routing};
use crate::domain::incident::{IncidentKey, IncidentPhase, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Dispatch, NotificationKind as Kind, Outgoing};
use crate::domain::state::Transition;

#[derive(Debug, Clone)]
enum Deed {
    Open(usize, Severity),
    Resolve(usize),
    /// Ends and begins anew between two evaluations.
    Reopen(usize),
    Escalate(usize, Severity),
    Cause(usize, bool),
    Affect(usize, u128),
    Silence(usize, i64),
    SilenceAll(i64),
    ExpireAll,
    Acknowledge(usize),
    Withdraw(usize),
    Route(usize),
    Observe(bool),
    Wait(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let which = || 0..3_usize;
    let severity = || prop::sample::select(Severity::ALL.to_vec());
    let deed = prop_oneof![
        4 => (which(), severity()).prop_map(|(which, severity)| Deed::Open(which, severity)),
        2 => which().prop_map(Deed::Resolve),
        1 => which().prop_map(Deed::Reopen),
        3 => (which(), severity()).prop_map(|(which, severity)| Deed::Escalate(which, severity)),
        2 => (which(), any::<bool>()).prop_map(|(which, found)| Deed::Cause(which, found)),
        2 => (which(), 1..9_u128).prop_map(|(which, count)| Deed::Affect(which, count)),
        2 => (which(), 1..300_i64).prop_map(|(which, span)| Deed::Silence(which, span)),
        1 => (1..300_i64).prop_map(Deed::SilenceAll),
        1 => Just(Deed::ExpireAll),
        2 => which().prop_map(Deed::Acknowledge),
        1 => which().prop_map(Deed::Withdraw),
        2 => (0..7_usize).prop_map(Deed::Route),
        1 => any::<bool>().prop_map(Deed::Observe),
        5 => (1..600_i64).prop_map(Deed::Wait),
        1 => (12..16_i64).prop_map(|days| Deed::Wait(days * 24 * 60)),
    ];
    prop::collection::vec(deed, 1..60)
}

fn key(which: usize) -> IncidentKey {
    [stalled(), rejected(), stale()][which].clone()
}

/// Ways to route, as an operator may try them one after another.
fn routing(which: usize) -> Routing {
    let everything = Matcher::default;
    let on = |route: Route| Route { continues: true, ..route };
    let reminded = |route: Route| Route { remind_every: Some(hours(2)), ..route };
    let labs = Matcher { owners: vec!["labs".to_owned()], ..everything() };
    let pager = || on(route(severities(&[Severity::Critical]), &["pager"]));
    let chat = || reminded(route(everything(), &["chat"]));
    let routes = match which {
        0 => vec![pager(), chat()],
        1 => vec![pager(), Route { mute_times: vec![daily("night", 20, 7)], ..chat() }],
        2 => vec![Route { active_times: vec![daily("office", 9, 17)], ..pager() }, on(route(labs, &["desk"])), chat()],
        3 => vec![route(severities(&[Severity::Critical, Severity::Warning]), &["pager", "desk"])],
        4 => vec![chat(), pager()],
        5 => vec![],
        _ => vec![
            on(reminded(route(everything(), &["desk"]))),
            Route { mute_times: vec![daily("day", 8, 12)], ..chat() },
        ],
    };
    let mut receivers: BTreeSet<ReceiverName> = ["pager".into(), "chat".into(), "desk".into()].into();
    if which == 4 {
        receivers.remove(&"desk".into());
    }
    let maintenance = Maintenance {
        name: "backup".to_owned(),
        matcher: Matcher { rules: BTreeSet::from([stale().rule]), ..everything() },
        when: MaintenanceTime::Weekly(daily("backup", 2, 4)),
    };
    let maintenance = if which.is_multiple_of(2) { vec![maintenance] } else { Vec::new() };
    let deliver = if which == 3 { DeliverBy::Both } else { DeliverBy::Builtin };
    let deliver = if which == 5 { DeliverBy::Prometheus } else { deliver };
    Routing { deliver, routes, receivers, maintenance, digest_every: hours(24), ..Routing::default() }
}

/// What a receiver holds open, and what the model remembers of it.
#[derive(Debug, Clone)]
struct Held {
    opened_at: DateTime<Utc>,
    severity: Severity,
    last_at: DateTime<Utc>,
    /// It was told that nobody acts.
    is_standing: bool,
}

struct Model {
    stage: Stage,
    held: BTreeMap<(IncidentKey, ReceiverName), Held>,
    /// When each incident last opened, became better or worse, affected fewer or was acknowledged.
    changed: BTreeMap<IncidentKey, (DateTime<Utc>, Severity, usize)>,
    /// When each route's last digest came.
    digests: BTreeMap<String, DateTime<Utc>>,
    ids: BTreeSet<String>,
}

impl Model {
    fn new() -> Self {
        let mut stage = Stage::new();
        stage.routing = routing(0);
        Self { stage, held: BTreeMap::new(), changed: BTreeMap::new(), digests: BTreeMap::new(), ids: BTreeSet::new() }
    }

    fn apply(&mut self, deed: &Deed) -> Vec<Transition> {
        let stage = &mut self.stage;
        let exists = |stage: &Stage, which: usize| stage.state.incidents.contains_key(&key(which));
        match *deed {
            Deed::Open(which, severity) if !exists(stage, which) => stage.open(&key(which), severity),
            Deed::Resolve(which) if exists(stage, which) => return vec![stage.resolve(&key(which))],
            Deed::Reopen(which) if exists(stage, which) => {
                let severity = stage.incident(&key(which)).severity;
                // An episode begins at an evaluation, and no two are at the same instant.
                stage.now += minutes(1);
                let resolved = stage.resolve(&key(which));
                stage.open(&key(which), severity);
                return vec![resolved];
            }
            Deed::Escalate(which, severity) if exists(stage, which) => stage.incident(&key(which)).severity = severity,
            Deed::Cause(which, found) if exists(stage, which) => {
                stage.incident(&key(which)).cause = found.then(rejected);
            }
            Deed::Affect(which, count) if exists(stage, which) && which == 2 => {
                stage.affects(&key(which), count);
            }
            Deed::Silence(which, span) => {
                let matcher = Matcher { incident: Some(key(which).to_string()), ..Matcher::default() };
                let id = format!("{which} {}", stage.now);
                stage.silence(&id, matcher, minutes(span));
            }
            Deed::SilenceAll(span) => stage.silence(&format!("all {}", stage.now), Matcher::default(), minutes(span)),
            Deed::ExpireAll => {
                let now = stage.now;
                let ids: Vec<_> = stage.state.attention.silences.keys().cloned().collect();
                for id in ids {
                    crate::notify::requests::expire_silence(&mut stage.state, &id, now).unwrap();
                }
            }
            Deed::Acknowledge(which) if exists(stage, which) => stage.acknowledge(&key(which)),
            Deed::Withdraw(which) => {
                drop(crate::notify::requests::withdraw_acknowledgement(&mut stage.state, &key(which).to_string()));
            }
            Deed::Route(which) => stage.routing = routing(which),
            Deed::Observe(observe) => stage.dispatch = if observe { Dispatch::Withhold } else { Dispatch::Deliver },
            Deed::Wait(span) => stage.now += minutes(span),
            _ => {}
        }
        // Two requests never come at one instant.
        stage.now += TimeDelta::seconds(1);
        Vec::new()
    }

    /// Whether an incident is of a kind that a matcher of this test means: spelled out, not by the matching in question.
    fn is_meant(&self, matcher: &Matcher, incident: &IncidentKey) -> bool {
        let severity = self.stage.state.incidents[incident].severity;
        (matcher.severities.is_empty() || matcher.severities.contains(&severity))
            && (matcher.rules.is_empty() || matcher.rules.contains(&incident.rule))
            && matcher.incident.as_ref().is_none_or(|text| *text == incident.to_string())
            // Labs is affected by all but the stalled Group.
            && (matcher.owners.is_empty() || *incident != stalled())
    }

    /// Whether the routes lead to a receiver, and whether now.
    fn ways(&self, incident: &IncidentKey, receiver: &ReceiverName) -> (bool, bool) {
        let (mut routed, mut open) = (false, false);
        if self.stage.routing.deliver == DeliverBy::Prometheus {
            return (false, false);
        }
        for route in &self.stage.routing.routes {
            if !self.is_meant(&route.matcher, incident) {
                continue;
            }
            if route.receivers.contains(receiver) && self.stage.routing.receivers.contains(receiver) {
                routed = true;
                let active = route.active_times.is_empty()
                    || route.active_times.iter().any(|window| window.contains(self.stage.now));
                open |= active && !route.mute_times.iter().any(|window| window.contains(self.stage.now));
            }
            if !route.continues {
                break;
            }
        }
        (routed, open)
    }

    fn is_silenced(&self, incident: &IncidentKey) -> bool {
        let now = self.stage.now;
        let mut silences = self.stage.state.attention.silences.values();
        silences.any(|silence| {
            silence.starts_at <= now && now < silence.ends_at && self.is_meant(&silence.matcher, incident)
        }) || self
            .stage
            .routing
            .maintenance
            .iter()
            .any(|window| window.is_active(now) && self.is_meant(&window.matcher, incident))
    }

    /// What each receiver must be told of beginnings and ends, in order, for one incident.
    fn expected(&mut self, incident: &IncidentKey, receiver: &ReceiverName) -> Vec<(Kind, Severity)> {
        let stage = &self.stage;
        let slot = (incident.clone(), receiver.clone());
        if !stage.routing.receivers.contains(receiver) {
            self.held.remove(&slot);
        }
        let held = self.held.get(&slot).cloned();
        let mut expected = Vec::new();
        if stage.dispatch == Dispatch::Withhold {
            return expected;
        }
        let now = stage.state.incidents.get(incident);
        let now = now.and_then(|now| match now.phase {
            IncidentPhase::Open { opened_at } => Some((opened_at, now.severity, now.cause.is_some())),
            IncidentPhase::Pending => None,
        });
        let ended = held.clone().filter(|held| now.is_none_or(|(opened_at, ..)| opened_at != held.opened_at));
        let held = held.filter(|_| ended.is_none());
        expected.extend(ended.map(|ended| (Kind::Resolve, ended.severity)));
        if let Some((_, severity, has_cause)) = now {
            let (routed, open) = self.ways(incident, receiver);
            let silenced = self.is_silenced(incident);
            let kept = silenced || (routed && !open);
            match held {
                None if severity == Severity::Info => {}
                None if routed && !kept && !has_cause => expected.push((Kind::Trigger, severity)),
                Some(held) if held.severity != severity && !kept && !has_cause => {
                    expected.push((Kind::Resolve, held.severity));
                    if routed && severity != Severity::Info {
                        expected.push((Kind::Trigger, severity));
                    }
                }
                _ => {}
            }
        }
        expected
    }

    fn step(&mut self, transitions: &[Transition]) {
        let receivers: [ReceiverName; 3] = ["pager".into(), "chat".into(), "desk".into()];
        let pairs: Vec<_> =
            (0..3).flat_map(|which| receivers.iter().map(move |receiver| (key(which), receiver.clone()))).collect();
        let expected: Vec<_> = pairs.iter().map(|(incident, receiver)| self.expected(incident, receiver)).collect();
        self.note_changes();
        let outgoing = self.stage.evaluate(transitions);
        self.judge_digests(&outgoing);
        for sent in &outgoing {
            assert!(self.ids.insert(sent.notification.id.0.clone()), "an id came twice");
        }
        for ((incident, receiver), expected) in pairs.into_iter().zip(expected) {
            self.judge(&incident, &receiver, &expected, &outgoing);
        }
        let grown = outgoing.iter().filter(|sent| sent.notification.kind == Kind::Growth);
        for sent in grown {
            let About::Incident(incident) = &sent.notification.about else { continue };
            let now = &self.stage.state.incidents[incident];
            self.changed.insert(incident.clone(), (self.stage.now, now.severity, now.affected.len()));
            let held = self.held.iter_mut().filter(|((of, _), _)| of == incident);
            held.for_each(|(_, held)| held.is_standing = false);
        }
    }

    fn note_changes(&mut self) {
        let state = &self.stage.state;
        self.changed.retain(|key, _| state.incidents.contains_key(key));
        for (key, incident) in &state.incidents {
            let IncidentPhase::Open { opened_at } = incident.phase else { continue };
            let known = self.changed.get(key).filter(|(at, ..)| *at >= opened_at).copied();
            let affected = incident.affected.len();
            let (mut at, severity, fewest) = known.unwrap_or((opened_at, incident.severity, affected));
            if severity != incident.severity || affected < fewest {
                at = self.stage.now;
            }
            if let Some(acknowledgement) = state.attention.acknowledgements.get(key) {
                at = at.max(acknowledgement.at);
            }
            let before = self.changed.insert(key.clone(), (at, incident.severity, affected.min(fewest)));
            if before.is_none_or(|(before, ..)| before != at) {
                let held = self.held.iter_mut().filter(|((of, _), _)| of == key);
                held.for_each(|(_, held)| held.is_standing = false);
            }
        }
    }

    /// Digests have a time between them, and something in them.
    fn judge_digests(&mut self, outgoing: &[Outgoing]) {
        for sent in outgoing.iter().filter(|sent| sent.notification.kind == Kind::Digest) {
            let notification = &*sent.notification;
            assert!(matches!(notification.about, About::Digest(_)) && notification.severity == Severity::Info);
            assert!(!notification.page.members.is_empty(), "an empty digest");
            let before = self.digests.insert(notification.about.to_string(), self.stage.now);
            assert!(before.is_none_or(|before| self.stage.now - before >= hours(24)), "too soon");
            assert!(self.stage.routing.deliver != DeliverBy::Prometheus);
        }
    }

    fn judge(
        &mut self,
        incident: &IncidentKey,
        receiver: &ReceiverName,
        expected: &[(Kind, Severity)],
        outgoing: &[Outgoing],
    ) {
        let about = About::Incident(incident.clone());
        let sent = outgoing.iter().filter(|sent| {
            sent.notification.about == about && sent.receivers.contains(receiver) && sent.dispatch == Dispatch::Deliver
        });
        let sent: Vec<_> = sent.map(|sent| &*sent.notification).collect();
        let is_edge = |kind| matches!(kind, Kind::Trigger | Kind::Resolve);
        let edges: Vec<_> = sent.iter().map(|sent| (sent.kind, sent.severity)).filter(|sent| is_edge(sent.0)).collect();
        assert_eq!(edges, expected, "{incident} -> {receiver}");
        let others: Vec<_> = sent.iter().filter(|sent| !is_edge(sent.kind)).collect();
        assert!(others.len() <= 1, "{others:?}");
        let slot = (incident.clone(), receiver.clone());
        let now = self.stage.now;
        if let Some(other) = others.first() {
            assert_eq!(edges, [], "news beside an edge");
            let held = self.held.get(&slot).expect("only who holds a key hears more of it").clone();
            let state = &self.stage.state;
            let (routed, open) = self.ways(incident, receiver);
            assert!(!self.is_silenced(incident) && (open || !routed), "{} while it is kept back", other.kind);
            assert_eq!((other.severity, other.opened_at), (held.severity, held.opened_at), "another key");
            let acknowledged = state.attention.acknowledgements.contains_key(incident);
            let quiet = state.incidents[incident].cause.is_some();
            let age = now - held.last_at;
            match other.kind {
                Kind::Reminder => assert!(age >= hours(2) && !held.is_standing && !acknowledged && !quiet && routed),
                Kind::Growth => {
                    let lapsed = now - self.changed[incident].0 >= hours(14 * 24);
                    assert!((!acknowledged || lapsed) && !quiet && routed);
                }
                Kind::Standing => {
                    assert!(now - self.changed[incident].0 >= hours(14 * 24), "something changed");
                    assert!(!held.is_standing && !quiet && routed);
                }
                Kind::Acknowledgement => assert!(acknowledged),
                kind => panic!("{kind}"),
            }
        }
        for sent in &sent {
            match sent.kind {
                Kind::Resolve => drop(self.held.remove(&slot).expect("an end without a begin")),
                Kind::Trigger => {
                    let (opened_at, severity) = (sent.opened_at, sent.severity);
                    let is_standing = now - self.changed[incident].0 >= hours(14 * 24);
                    let held = Held { opened_at, severity, last_at: now, is_standing };
                    assert!(self.held.insert(slot.clone(), held).is_none(), "two begins");
                }
                kind => {
                    let held = self.held.get_mut(&slot).unwrap();
                    held.last_at = now;
                    held.is_standing = kind == Kind::Standing;
                }
            }
        }
        if self.stage.dispatch == Dispatch::Deliver {
            let is_open = self.stage.state.incidents.contains_key(incident);
            assert!(is_open || !self.held.contains_key(&slot), "held open after the end");
        }
    }

    /// Ends it all: nobody may hold anything open.
    fn end(&mut self) {
        self.stage.dispatch = Dispatch::Deliver;
        self.stage.now += minutes(1);
        let keys: Vec<_> = self.stage.state.incidents.keys().cloned().collect();
        let ends: Vec<_> = keys.iter().map(|key| self.stage.resolve(key)).collect();
        self.step(&ends);
        assert!(self.held.is_empty(), "{:?}", self.held);
        assert!(self.stage.state.attention.announcements.is_empty());
        assert!(self.stage.state.attention.acknowledgements.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_life_keeps_the_rules(deeds in deeds()) {
        let mut model = Model::new();
        for deed in &deeds {
            let transitions = model.apply(deed);
            model.step(&transitions);
        }
        model.end();
    }
}
