//! Resolves `alerts.routes`, `alerts.times`, `alerts.maintenance` and what else says who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta};

use super::Resolver;
use super::matcher::Names;
use crate::config::duration::MINUTE;
use crate::config::problem::{Gravity, Problem, ProblemKind};
use crate::config::raw::Named;
use crate::config::raw::alerts::{RawAlerts, RawDeliverBy, RawMaintenance, RawRoute, RawTimeWindow};
use crate::config::raw::spanned::Spanned;
use crate::config::routing::{DeliverBy, Maintenance, MaintenanceTime, Route, Routing, TimeWindow};
use crate::config::suggest;
use crate::domain::names::ReceiverName;

/// A lasting problem is told again at most this often.
const SHORTEST_REMINDER: std::time::Duration = std::time::Duration::from_secs(MINUTE);

/// The time windows of `alerts.times`, and which of them something names.
struct Times<'a> {
    windows: BTreeMap<&'a str, Arc<TimeWindow>>,
    declared: BTreeSet<&'a str>,
    used: BTreeSet<&'a str>,
}

impl<'a> Resolver<'a> {
    pub(super) fn routing(&self, raw: &'a RawAlerts, names: &Names<'a>) -> Routing {
        let base = Routing::default();
        let deliver = match raw.deliver.as_ref().map(|deliver| deliver.value) {
            None | Some(RawDeliverBy::Builtin) => DeliverBy::Builtin,
            Some(RawDeliverBy::Prometheus) => DeliverBy::Prometheus,
            Some(RawDeliverBy::Both) => DeliverBy::Both,
        };
        if let (DeliverBy::Prometheus, Some(place)) = (deliver, raw.deliver.as_ref().map(|deliver| deliver.place))
            && !names.receivers.is_empty()
        {
            let message = "the receivers get nothing: Prometheus delivers";
            self.note(Problem::warning(ProblemKind::Unused, place, message).help("write `both`, or remove them"));
        }
        let mut times = Times {
            windows: raw
                .times
                .iter()
                .map(|(name, window)| (name.value.as_str(), Arc::new(self.time_window(name, &window.value))))
                .collect(),
            declared: names.times.clone(),
            used: BTreeSet::new(),
        };
        let receivers: BTreeSet<ReceiverName> = names.receivers.iter().map(|name| ReceiverName::new(*name)).collect();
        let routes = match &raw.routes {
            Some(routes) => self.routes(routes, names, &mut times),
            None if receivers.is_empty() => Vec::new(),
            None => vec![Route { receivers: receivers.iter().cloned().collect(), ..Route::default() }],
        };
        let maintenance = raw.maintenance.iter().filter_map(|one| self.maintenance(one, names, &mut times)).collect();
        // A faulty route may be the one that is missing.
        let sound = self.problems.borrow().iter().all(|problem| problem.gravity == Gravity::Warning);
        if sound {
            self.warn_of_unnamed_times(&raw.times, &times);
        }
        if sound && raw.routes.is_some() {
            self.warn_of_untold(&raw.receivers, &routes);
        }
        let digest_every = raw.digest_every.as_ref().map_or(base.digest_every, |every| {
            if every.value.0 < SHORTEST_REMINDER {
                let message = "`digest_every` must be at least 1m";
                self.note(Problem::error(ProblemKind::InvalidValue, every.place, message));
            }
            TimeDelta::from_std(every.value.0).unwrap_or(base.digest_every)
        });
        Routing { deliver, routes, receivers, keep_open: BTreeSet::new(), maintenance, digest_every }
    }

    fn routes(&self, raw: &'a Spanned<Vec<Spanned<RawRoute>>>, names: &Names<'a>, times: &mut Times<'a>) -> Vec<Route> {
        if raw.value.is_empty() {
            let message = "an empty list of routes tells nobody";
            let help = "leave `routes` out to tell every receiver of everything";
            self.note(Problem::error(ProblemKind::InvalidValue, raw.place, message).help(help));
        }
        let mut routes: Vec<Route> = Vec::new();
        for raw in &raw.value {
            let route = self.route(raw, names, times);
            let catcher = routes.iter().position(|above| above.leaves_nothing_of(&route));
            if let Some(catcher) = catcher {
                let message = format!("no incident reaches this route: route {} takes it first", catcher + 1);
                let help = "put it above that route, or let that route say `continue: true`";
                self.note(Problem::warning(ProblemKind::Unreachable, raw.place, message).help(help));
            }
            routes.push(route);
        }
        routes
    }

    fn route(&self, raw: &'a Spanned<RawRoute>, names: &Names<'a>, times: &mut Times<'a>) -> Route {
        let Spanned { value: raw, place } = raw;
        let mut receivers = Vec::new();
        if let Some(list) = self.need(raw.receivers.as_ref(), *place, "receivers") {
            if list.value.is_empty() {
                let message = "a route to no receiver leads nowhere";
                self.note(Problem::error(ProblemKind::InvalidValue, list.place, message));
            }
            for name in &list.value {
                self.check_reference(name, "alerts.receivers", &names.receivers);
                let name = ReceiverName::new(&name.value);
                if !receivers.contains(&name) {
                    receivers.push(name);
                }
            }
        }
        let remind_every = raw.remind_every.as_ref().and_then(|every| {
            if every.value.0.is_some_and(|every| every < SHORTEST_REMINDER) {
                let message = "`remind_every` must be at least 1m";
                self.note(Problem::error(ProblemKind::InvalidValue, every.place, message));
            }
            every.value.0.and_then(|every| TimeDelta::from_std(every).ok())
        });
        Route {
            matcher: self.matcher(raw.matcher(), names),
            receivers,
            active_times: raw.active_times.iter().filter_map(|name| self.window(name, times)).collect(),
            mute_times: raw.mute_times.iter().filter_map(|name| self.window(name, times)).collect(),
            remind_every,
            continues: raw.r#continue.unwrap_or(false),
        }
    }

    fn maintenance(
        &self,
        raw: &'a Spanned<RawMaintenance>,
        names: &Names<'a>,
        times: &mut Times<'a>,
    ) -> Option<Maintenance> {
        let Spanned { value: raw, place } = raw;
        let name = self.need(raw.name.as_ref(), *place, "name");
        let matcher = self.matcher(raw.matcher(), names);
        let when = if let Some(weekly) = &raw.weekly {
            if raw.from.is_some() || raw.to.is_some() {
                self.conflict(weekly.place, &["from", "weekly"]);
            }
            self.window(weekly, times).map(MaintenanceTime::Weekly)
        } else if raw.from.is_none() && raw.to.is_none() {
            self.missing_choice(*place, &["from", "weekly"]);
            None
        } else {
            let from = self.need(raw.from.as_ref(), *place, "from").map(|from| from.value.0);
            let to = self.need(raw.to.as_ref(), *place, "to");
            if let (Some(from), Some(to)) = (from, to)
                && to.value.0 <= from
            {
                let message = "this maintenance window ends before it begins";
                self.note(Problem::error(ProblemKind::InvalidValue, to.place, message));
            }
            from.zip(to).map(|(from, to)| MaintenanceTime::Once { from, to: to.value.0 })
        };
        Some(Maintenance { name: name?.value.clone(), matcher, when: when? })
    }

    fn time_window(&self, name: &Spanned<String>, raw: &RawTimeWindow) -> TimeWindow {
        self.check_name(name);
        let every_day = || (0..7).collect();
        if let Some(days) = &raw.days
            && days.value.0.is_empty()
        {
            let message = "times on no day never come";
            self.note(Problem::error(ProblemKind::InvalidValue, days.place, message));
        }
        TimeWindow {
            name: name.value.clone(),
            zone: raw.zone.as_ref().map_or(self.timezone, |zone| zone.0),
            days: raw.days.as_ref().map_or_else(every_day, |days| days.value.0.clone()),
            from: raw.from.as_ref().map_or(NaiveTime::MIN, |from| from.0),
            to: raw.to.as_ref().map_or(NaiveTime::MIN, |to| to.0),
        }
    }

    fn window(&self, name: &'a Spanned<String>, times: &mut Times<'a>) -> Option<Arc<TimeWindow>> {
        times.used.insert(&name.value);
        self.check_reference(name, "alerts.times", &times.declared);
        times.windows.get(name.value.as_str()).map(Arc::clone)
    }

    /// Notes a name that nothing has.
    pub(super) fn check_reference(&self, name: &Spanned<String>, section: &str, declared: &BTreeSet<&str>) {
        if declared.contains(name.value.as_str()) {
            return;
        }
        let known: Vec<_> = declared.iter().copied().collect();
        let message = format!("`{}` is not defined in `{section}`", name.value.escape_debug());
        let help = suggest::help(&name.value, &known).unwrap_or_else(|| format!("`{section}` is empty"));
        self.note(Problem::error(ProblemKind::UnknownReference, name.place, message).help(help));
    }

    /// Warns of times that nothing names.
    fn warn_of_unnamed_times<T>(&self, section: &Named<T>, times: &Times<'_>) {
        for name in section.keys().filter(|name| !times.used.contains(name.value.as_str())) {
            let message = format!("the times `{}` are used by no route and no maintenance window", name.value);
            self.note(Problem::warning(ProblemKind::Unused, name.place, message));
        }
    }

    /// Warns of receivers to which no route leads.
    fn warn_of_untold<T>(&self, receivers: &Named<T>, routes: &[Route]) {
        let named: BTreeSet<_> = routes.iter().flat_map(|route| &route.receivers).map(ReceiverName::as_str).collect();
        for name in receivers.keys().filter(|name| !named.contains(name.value.as_str())) {
            let message = format!("no route leads to the receiver `{}`", name.value);
            self.note(Problem::warning(ProblemKind::Unused, name.place, message));
        }
    }
}
