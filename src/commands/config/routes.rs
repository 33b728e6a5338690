//! Who is told of what, in words: for `config validate`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Config;
use crate::config::duration::format_duration;
use crate::config::routing::{DeliverBy, Route, TimeWindow};
use crate::domain::incident::Severity;
use crate::domain::kinds::{Level, Scm};
use crate::domain::matcher::Matcher;
use crate::notify::unrouted::{self, Routed};

/// Whether a route takes incidents of one severity and level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// All of them.
    All,
    /// Those that some other key names.
    Some,
    /// None.
    None,
}

/// Prints receivers, routes, and who would be told now.
pub(super) fn print(config: &Config, now: DateTime<Utc>, out: &mut dyn Write) -> io::Result<()> {
    let routing = &config.routing;
    if routing.deliver == DeliverBy::Prometheus {
        return writeln!(out, "Prometheus tells people, by the shipped rules (`alerts.deliver`).");
    }
    if routing.receivers.is_empty() {
        return writeln!(out, "Nobody is told of incidents: there is no receiver in `alerts.receivers`.");
    }
    let receivers = config.receivers.values().map(|receiver| format!("{} ({})", receiver.name, receiver.kind.word()));
    writeln!(out, "Receivers: {}.", receivers.collect::<Vec<_>>().join(", "))?;
    writeln!(out, "Routes, from the top:")?;
    for (index, route) in routing.routes.iter().enumerate() {
        writeln!(out, "  {}. {}", index + 1, in_words(route, now))?;
    }
    let active: Vec<_> = routing.maintenance.iter().filter(|maintenance| maintenance.is_active(now)).collect();
    for maintenance in &active {
        writeln!(out, "In maintenance now, so not told: {} ({}).", matcher(&maintenance.matcher), maintenance.name)?;
    }
    writeln!(out, "Who would be told now:")?;
    for severity in Severity::ALL.iter().rev() {
        for level in Level::ALL {
            let whom = match severity {
                // It is told in no other way.
                Severity::Info => digested(&routing.routes, *level),
                Severity::Warning | Severity::Critical => told(&routing.routes, *severity, *level, now),
            };
            writeln!(out, "  {severity:<8} {level:<12} {whom}")?;
        }
    }
    writeln!(out, "Each route has a digest every {}, if there is anything to list.", duration(routing.digest_every))?;
    for sentence in unrouted::in_words(routing, &watched(config)) {
        writeln!(out, "{sentence}.")?;
    }
    Ok(())
}

/// A route as a sentence.
fn in_words(route: &Route, now: DateTime<Utc>) -> String {
    let names =
        |windows: &[Arc<TimeWindow>]| windows.iter().map(|window| window.name.clone()).collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("{} -> {}", matcher(&route.matcher), receivers(route))];
    if !route.active_times.is_empty() {
        parts.push(format!("in {}", names(&route.active_times)));
    }
    if !route.mute_times.is_empty() {
        parts.push(format!("not in {}", names(&route.mute_times)));
    }
    parts.extend(route.next_active(now).map(|next| format!("next {}", local(route, next))));
    parts.extend(route.remind_every.map(|every| format!("again every {}", duration(every))));
    if route.continues {
        parts.push("and on".to_owned());
    }
    parts.join(", ")
}

fn receivers(route: &Route) -> String {
    route.receivers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn duration(delta: TimeDelta) -> String {
    format_duration(delta.to_std().unwrap_or_default())
}

/// An instant in the zone of a route's times.
fn local(route: &Route, at: DateTime<Utc>) -> String {
    let zone = route.active_times.iter().chain(&route.mute_times).next().map_or(chrono_tz::Tz::UTC, |one| one.zone);
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// What a matcher takes.
fn matcher(matcher: &Matcher) -> String {
    let mut parts = Vec::new();
    let mut part = |what: &str, words: Vec<String>| {
        if !words.is_empty() {
            parts.push(format!("{what}{}", words.join(" or ")));
        }
    };
    part("", matcher.severities.iter().rev().map(ToString::to_string).collect());
    part("level ", matcher.levels.iter().map(ToString::to_string).collect());
    part("rule ", matcher.rules.iter().map(ToString::to_string).collect());
    part("integration ", matcher.integrations.clone());
    part("scm ", matcher.scms.iter().map(|scm: &Scm| scm.to_string()).collect());
    part("owner ", matcher.owners.clone());
    part("credential ", matcher.credentials.clone());
    if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") }
}

fn takes(matcher: &Matcher, severity: Severity, level: Level) -> Takes {
    let severities = matcher.severities.is_empty() || matcher.severities.contains(&severity);
    let levels = matcher.levels.is_empty() || matcher.levels.contains(&level);
    match (severities && levels, besides(matcher) == Matcher::default()) {
        (false, _) => Takes::None,
        (true, true) => Takes::All,
        (true, false) => Takes::Some,
    }
}

/// Who is told of an incident of this severity and level that opens now.
fn told(routes: &[Route], severity: Severity, level: Level, now: DateTime<Utc>) -> String {
    let mut told = Vec::new();
    for route in routes {
        let takes = takes(&route.matcher, severity, level);
        if takes == Takes::None {
            continue;
        }
        let when = match (route.next_active(now), route.is_active(now)) {
            (Some(next), _) => format!(" from {} on", local(route, next)),
            (None, true) => String::new(),
            (None, false) => " never, as its times do not come within two weeks".to_owned(),
        };
        let whom = if takes == Takes::Some {
            format!(" (for {})", self::matcher(&besides(&route.matcher)))
        } else {
            String::new()
        };
        told.push(format!("{}{when}{whom}", receivers(route)));
        if takes == Takes::All && !route.continues {
            return told.join("; ");
        }
    }
    if told.is_empty() {
        return "nobody".to_owned();
    }
    told.join("; ")
}

/// In whose digests an info of this level is listed: of every route whose other matchers fit.
fn digested(routes: &[Route], level: Level) -> String {
    let takes = |route: &Route| {
        let matcher = Matcher { severities: BTreeSet::new(), ..route.matcher.clone() };
        match takes(&matcher, Severity::Info, level) {
            Takes::None => None,
            Takes::All => Some(receivers(route)),
            Takes::Some => Some(format!("{} (for {})", receivers(route), self::matcher(&besides(&matcher)))),
        }
    };
    let digests: Vec<_> = routes.iter().filter_map(takes).collect();
    if digests.is_empty() { "nobody".to_owned() } else { format!("in the digest of {}", digests.join("; ")) }
}

/// What is watched, as routes look at it.
fn watched(config: &Config) -> Vec<Routed<'_>> {
    let levels = config.integrations.values().flat_map(|integration| {
        let (name, owner) = (&integration.name, integration.owner.as_deref());
        let routed = |level| Routed { name, scm: integration.scm, owner, level };
        let group = integration.group.as_ref().map(|_| routed(Level::Group));
        group.into_iter().chain(integration.organizations.as_ref().map(|_| routed(Level::Organization)))
    });
    levels.collect()
}

/// What a matcher asks for besides severity and level.
fn besides(matcher: &Matcher) -> Matcher {
    Matcher { severities: BTreeSet::new(), levels: BTreeSet::new(), ..matcher.clone() }
}
