//! What no route takes: people read it in `config validate` and on the status page, and not in a post-mortem.

use std::collections::{BTreeMap, BTreeSet};

use super::matching::is_like;
use crate::config::routing::{DeliverBy, Route, Routing};
use crate::domain::fleet::Fleet;
use crate::domain::incident::{Rule, Severity};
use crate::domain::kinds::{Level, Scm};
use crate::domain::names::IntegrationName;

/// A level of an integration, as routes look at it.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// Its configuration key.
    pub name: &'a IntegrationName,
    /// Its Git host.
    pub scm: Scm,
    /// Who is responsible.
    pub owner: Option<&'a str>,
    /// Which level of it.
    pub level: Level,
}

/// What is watched, as routes look at it.
pub fn watched(fleet: &Fleet) -> Vec<Routed<'_>> {
    let levels = fleet.integrations.iter().flat_map(|(name, watched)| {
        let routed = |level| Routed { name, scm: watched.scm, owner: watched.owner.as_deref(), level };
        let group = watched.group.as_ref().map(|_| routed(Level::Group));
        group.into_iter().chain(watched.organizations.as_ref().map(|_| routed(Level::Organization)))
    });
    levels.collect()
}

/// Incidents that no route takes, one sentence for those of the same severities and integrations. Routes that ask for a
/// credential or one incident take nothing that this could count on.
pub fn in_words(routing: &Routing, watched: &[Routed<'_>]) -> Vec<String> {
    if routing.deliver == DeliverBy::Prometheus || routing.receivers.is_empty() {
        return Vec::new();
    }
    // By how much is taken: nothing, or the incidents of some rules.
    let mut untaken: BTreeMap<(&IntegrationName, Level, bool), BTreeSet<Severity>> = BTreeMap::new();
    for routed in watched {
        for severity in Severity::ALL {
            let fitting = routing.routes.iter().filter(|route| fits(route, routed, *severity));
            let rules: BTreeSet<Rule> = fitting
                .flat_map(|route| {
                    let named = &route.matcher.rules;
                    Rule::ALL.iter().copied().filter(|rule| named.is_empty() || named.contains(rule))
                })
                .collect();
            if rules.len() < Rule::ALL.len() {
                untaken.entry((routed.name, routed.level, !rules.is_empty())).or_default().insert(*severity);
            }
        }
    }
    let mut sentences: BTreeMap<(BTreeSet<Severity>, Level, bool), Vec<&IntegrationName>> = BTreeMap::new();
    for ((name, level, in_part), severities) in untaken {
        sentences.entry((severities, level, in_part)).or_default().push(name);
    }
    let sentence =
        |((severities, level, in_part), names): ((BTreeSet<Severity>, Level, bool), Vec<&IntegrationName>)| {
            let severities = severities.iter().rev().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let names = names.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let what = format!("{severities} incidents at {level} level of {names}");
            if in_part {
                format!("Only those of some rules are taken by a route: {what}")
            } else {
                format!("No route takes {what}")
            }
        };
    sentences.into_iter().map(sentence).collect()
}

/// Whether a route takes incidents of a severity of an integration, as far as rules go.
fn fits(route: &Route, routed: &Routed<'_>, severity: Severity) -> bool {
    let matcher = &route.matcher;
    let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| is_like(pattern, text));
    // What is only for the record is in the digest of every route whose other matchers fit.
    (severity == Severity::Info || matcher.severities.is_empty() || matcher.severities.contains(&severity))
        && (matcher.levels.is_empty() || matcher.levels.contains(&routed.level))
        && (matcher.scms.is_empty() || matcher.scms.contains(&routed.scm))
        && (matcher.integrations.is_empty() || any(&matcher.integrations, routed.name.as_str()))
        && (matcher.owners.is_empty() || routed.owner.is_some_and(|owner| any(&matcher.owners, owner)))
        && matcher.credentials.is_empty()
        && matcher.incident.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::matcher::Matcher;

    fn said(routes: Vec<Matcher>) -> Vec<String> {
        let names: [IntegrationName; 2] = ["acme-bitbucket".into(), "labs-bitbucket".into()];
        let [acme, labs] = &names;
        let level_of = |name, owner, level| Routed { name, scm: Scm::BitbucketCloud, owner, level };
        let all = [
            level_of(acme, Some("platform"), Level::Group),
            level_of(acme, Some("platform"), Level::Organization),
            level_of(labs, None, Level::Organization),
        ];
        let receivers = vec!["chat".into()];
        let routes =
            routes.into_iter().map(|matcher| Route { matcher, receivers: receivers.clone(), ..Route::default() });
        let routing =
            Routing { routes: routes.collect(), receivers: receivers.into_iter().collect(), ..Routing::default() };
        in_words(&routing, &all)
    }

    #[test]
    fn what_no_route_takes_is_named() {
        let all = Matcher::default;
        let severities =
            |severities: &[Severity]| Matcher { severities: severities.iter().copied().collect(), ..all() };
        let levels = |matcher, level| Matcher { levels: BTreeSet::from([level]), ..matcher };
        assert_eq!(said(vec![all()]), [""; 0]);
        assert_eq!(said(vec![severities(&[Severity::Warning, Severity::Critical])]), [""; 0], "info is in its digest");
        assert_eq!(
            said(vec![levels(severities(&[Severity::Critical]), Level::Group)]),
            [
                "No route takes critical and warning and info incidents at organization level of acme-bitbucket, \
                 labs-bitbucket",
                "No route takes warning incidents at group level of acme-bitbucket",
            ]
        );
        assert_eq!(
            said(vec![Matcher { owners: vec!["plat*".to_owned()], ..all() }]),
            ["No route takes critical and warning and info incidents at organization level of labs-bitbucket"]
        );
        let some = Matcher { rules: BTreeSet::from([Rule::TestsStale]), ..all() };
        let others: BTreeSet<Rule> = Rule::ALL.iter().copied().filter(|rule| *rule != Rule::TestsStale).collect();
        assert_eq!(said(vec![some.clone(), Matcher { rules: others, ..all() }]), [""; 0], "together they take all");
        assert!(said(vec![some])[0].starts_with("Only those of some rules are taken by a route: "));
        assert_eq!(said(vec![Matcher { credentials: vec!["*".to_owned()], ..all() }]).len(), 2);
    }
}
