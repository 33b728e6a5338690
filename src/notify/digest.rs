//! One digest for each route: what is new or ended since the last one, and what stands.
//!
//! The memory of a route is compared with what it takes now, as everywhere here: an incident that it takes and does not
//! know is new, one that it knows and that is over has ended. What is only for the record (`info`) is told in no other
//! way, so it belongs to every route whose other matchers fit; of the rest, each route lists what it takes anyway.
//!
//! Silences, causes and acknowledgements keep a problem out of the digest until they end; its end is listed all the same.
//! A digest waits for the active times of its route, and for a clock that is right.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::announcing::{Announcements, Desk, OpenIncident, is_standing};
use super::matching::{Traits, matches};
use super::page::{self, DigestLine, DigestNews};
use crate::config::routing::{DeliverBy, Route, Routing};
use crate::domain::attention::{Announcement, Digest, DigestEntry, LastChange};
use crate::domain::incident::{IncidentKey, Severity};
use crate::domain::matcher::Matcher;
use crate::domain::names::ReceiverName;
use crate::domain::notification::{About, Dispatch, NotificationKind, RouteId};
use crate::domain::page::Page;
use crate::health::plan_end::left_over;

/// What each route's next digest lists.
pub(super) type Digests = BTreeMap<RouteId, Digest>;

impl<'a> Desk<'a> {
    /// Brings the memory of each route up to date, and writes the digests that are due.
    pub(super) fn digest(&mut self, all: &[OpenIncident<'a>], announcements: &Announcements, digests: &mut Digests) {
        let situation = self.situation;
        if situation.routing.deliver == DeliverBy::Prometheus {
            digests.clear();
            return;
        }
        let ids: Vec<RouteId> = situation.routing.routes.iter().map(id_of).collect();
        digests.retain(|id, _| ids.contains(id));
        for (place, (route, id)) in situation.routing.routes.iter().zip(&ids).enumerate() {
            let receivers = route.receivers.iter().filter(|receiver| situation.routing.receivers.contains(*receiver));
            let receivers: Vec<ReceiverName> = receivers.cloned().collect();
            let empty = || Digest { at: situation.now, problems: BTreeMap::new(), dispatch: situation.dispatch };
            let digest = digests.entry(id.clone()).or_insert_with(empty);
            match (digest.dispatch, situation.dispatch) {
                // What was really told is left as it is.
                (Dispatch::Deliver, Dispatch::Withhold) => continue,
                // Nobody read what was only noted.
                (Dispatch::Withhold, Dispatch::Deliver) => *digest = empty(),
                (Dispatch::Deliver, Dispatch::Deliver) | (Dispatch::Withhold, Dispatch::Withhold) => {}
            }
            let taken: Vec<&OpenIncident<'_>> =
                all.iter().filter(|open| takes(situation.routing, place, &open.traits)).collect();
            self.remember(digest, all, &taken);
            let is_due = situation.now - digest.at >= situation.routing.digest_every;
            // The first date that an API tells shows whether it is time.
            let is_timely = !self.state.evidence.is_clock_doubtful(situation.fleet.thresholds.clock_skew);
            if is_due && is_timely && route.is_active(situation.now) && !receivers.is_empty() {
                self.write_digest(id, digest, &taken, announcements, receivers);
            }
        }
    }

    /// What is new is noted at once, so that one that ends before the next digest is in it too.
    fn remember(&self, digest: &mut Digest, all: &[OpenIncident<'a>], taken: &[&OpenIncident<'a>]) {
        let now = self.situation.now;
        let open: BTreeMap<_, _> = all.iter().map(|open| (open.key, open.opened_at)).collect();
        for (key, entry) in &mut digest.problems {
            if open.get(key) != Some(&entry.opened_at) {
                entry.ended_at = entry.ended_at.or(Some(now));
            }
        }
        for taken in taken.iter().filter(|taken| !is_kept_back(taken)) {
            let known = digest.problems.get(taken.key).filter(|known| known.opened_at == taken.opened_at);
            if known.is_some() {
                continue;
            }
            let entry = DigestEntry {
                opened_at: taken.opened_at,
                title: page::what_of_incident(taken.key, taken.incident, self.state, self.situation),
                owners: taken.traits.owners(),
                ended_at: None,
                is_listed: false,
            };
            digest.problems.insert(taken.key.clone(), entry);
        }
    }

    fn write_digest(
        &mut self,
        id: &RouteId,
        digest: &mut Digest,
        taken: &[&OpenIncident<'a>],
        announcements: &Announcements,
        receivers: Vec<ReceiverName>,
    ) {
        let now = self.situation.now;
        let standing: BTreeSet<&IncidentKey> = taken
            .iter()
            .filter(|open| {
                let announcement = announcements.get(&About::Incident(open.key.clone()));
                !is_kept_back(open) && announcement.is_some_and(|announcement| is_standing(announcement, now))
            })
            .map(|open| open.key)
            .collect();
        let acknowledged = &self.state.attention.acknowledgements;
        let held = |key: &IncidentKey| taken.iter().find(|open| open.key == key).filter(|open| !is_kept_back(open));
        let mut lines = Vec::new();
        for (key, entry) in &mut digest.problems {
            let news = match (entry.ended_at, held(key)) {
                (Some(at), _) => DigestNews::Ended { at },
                (None, Some(open)) if standing.contains(key) => DigestNews::Standing { since: open.incident.since },
                (None, Some(open)) if !entry.is_listed && !acknowledged.contains_key(key) => {
                    DigestNews::New { severity: open.incident.severity, since: open.incident.since }
                }
                (None, _) => continue,
            };
            entry.is_listed = true;
            lines.push(DigestLine { title: entry.title.clone(), owners: entry.owners.clone(), news });
        }
        digest.problems.retain(|_, entry| entry.ended_at.is_none());
        let since = std::mem::replace(&mut digest.at, now);
        lines.extend(self.undone_plans(since));
        if lines.is_empty() {
            return;
        }
        let page = page::of_digest(&lines, since, self.situation);
        let about = About::Digest(id.clone());
        // A digest is an episode of its own: its time makes its id.
        let changed = LastChange { at: now, severity: Severity::Info, step: 0, remaining: lines.len() };
        let mut announcement = Announcement {
            opened_at: now,
            since,
            changed,
            sequence: 0,
            page: Page::default(),
            receivers: BTreeMap::new(),
        };
        self.send(&about, &mut announcement, NotificationKind::Digest, Severity::Info, receivers, page);
    }
}

impl Desk<'_> {
    /// What was planned and did not happen, of the plans that ended after `since`.
    fn undone_plans(&self, since: DateTime<Utc>) -> impl Iterator<Item = DigestLine> {
        let now = self.situation.now;
        let ended = self.state.decisions.plans.values().filter(move |plan| since < plan.until && plan.until <= now);
        ended.filter_map(|plan| {
            let left = left_over(self.state, plan)?;
            let title = format!("{} {} ({}, {}): {left}", plan.kind, plan.pattern, plan.author, plan.reason);
            Some(DigestLine { title, owners: Vec::new(), news: DigestNews::Undone { at: plan.until } })
        })
    }
}

/// Whether nobody wants to read of it now.
fn is_kept_back(open: &OpenIncident<'_>) -> bool {
    open.is_silenced || open.incident.cause.is_some()
}

/// Whether the digest of the route at `place` lists an incident.
pub(super) fn takes(routing: &Routing, place: usize, traits: &Traits<'_>) -> bool {
    let Some(route) = routing.routes.get(place) else { return false };
    if traits.severity() == Severity::Info {
        let whatever = Matcher { severities: BTreeSet::new(), ..route.matcher.clone() };
        return matches(&whatever, traits);
    }
    let is_ended_above = |above: &Route| !above.continues && matches(&above.matcher, traits);
    matches(&route.matcher, traits) && !routing.routes.iter().take(place).any(is_ended_above)
}

/// Whom a route leads to, and a number of what it takes: the same on every machine (FNV-1a).
fn id_of(route: &Route) -> RouteId {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in serde_json::to_vec(&route.matcher).unwrap_or_default() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let receivers: Vec<&str> = route.receivers.iter().map(ReceiverName::as_str).collect();
    RouteId(format!("{}-{:08x}", receivers.join("+"), hash >> 32))
}
