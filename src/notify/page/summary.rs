//! What, since when, how bad; and how it ended.

use chrono::{DateTime, TimeDelta, Utc};

use super::heading::cut;
use super::scene::{Scene, one_line};
use crate::domain::incident::{Rule, Severity, Subject};
use crate::domain::page::{Gap, Page};
use crate::domain::policy::{Case, RuleTiming};
use crate::health::incidents::text::{instant, sentence, span};
use crate::notify::first_pass::not_looked_at;
use crate::notify::situation::Situation;

/// The incident's own sentence, and what a person needs beside it.
pub(super) fn of(scene: &Scene<'_>, gap: Option<Gap>) -> String {
    let mut text = one_line(&scene.incident.summary);
    if let Some(cause) = &scene.incident.cause {
        text.push_str(&sentence(&format!("It follows from {cause}: repair that first")));
    } else if let Some((at, severity)) = escalation(scene) {
        let what = if severity == Severity::Critical { "critical" } else { "a warning" };
        text.push_str(&sentence(&format!("It becomes {what} {}", instant(at))));
    }
    for (name, pass) in not_looked_at(scene.key, scene.state, scene.fleet()) {
        text.push_str(&sentence(&match pass.of {
            Some(all) => format!(
                "What it affects is not known yet: looked at {} of {} Organizations of {name} so far",
                grouped(pass.looked_at),
                grouped(all),
            ),
            None => format!("What it affects is not known yet: the Organizations of {name} are not listed yet"),
        }));
    }
    if let Some(gap) = gap {
        // What is noticed at the first look after a gap may be as old as the gap.
        let hidden = if scene.incident.since >= gap.to { ": it may have begun in that time" } else { "" };
        text.push_str(&sentence(&format!("{gap}{hidden}")));
    }
    text
}

/// A number as people write it: `1,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// When it gets worse by itself, and how bad it is then.
fn escalation(scene: &Scene<'_>) -> Option<(DateTime<Utc>, Severity)> {
    let rule = scene.key.rule;
    let case = scene.incident.tracking.case.unwrap_or(Case::Default);
    let of_integration = match &scene.key.subject {
        Subject::Network | Subject::Credential(_) | Subject::Api(_) => None,
        _ => scene.name().and_then(|name| scene.fleet().integrations.get(name)),
    };
    let timing: RuleTiming = of_integration.map_or(&scene.fleet().rules, |watched| &watched.rules).timing(rule, case);
    let looks_ahead = matches!(rule, Rule::CredentialExpiring | Rule::SnykTokenExpiring | Rule::ApiVersionEnding);
    let instant_of = |span: TimeDelta| {
        if looks_ahead { scene.incident.deadline.map(|date| date - span) } else { Some(scene.incident.since + span) }
    };
    let worse = timing.severities.iter().filter(|(_, severity)| *severity > scene.incident.severity);
    let worse = worse.filter_map(|(span, severity)| Some((instant_of(*span)?, *severity)));
    worse.filter(|(at, _)| *at > scene.now()).min()
}

/// What it is: the rule and the subject of the title, without how long it had lasted when that was told.
pub(super) fn what_of(told: &Page) -> &str {
    told.title.rsplit_once(" for ").map_or(told.title.as_str(), |(what, _)| what)
}

/// It is not over: it is told under another severity from now on.
pub(super) fn of_severity_change(
    told: &Page,
    since: DateTime<Utc>,
    now_is: Severity,
    situation: &Situation<'_>,
) -> Page {
    let what = what_of(told);
    let lasting = span(situation.now - since);
    Page {
        title: cut(&format!("Now {now_is}: {what} for {lasting}")),
        summary: format!(
            "{what} lasts, for {lasting} (since {}), and its severity is {now_is} now. Only the alert of the severity \
             before ends here; another one took its place.",
            instant(since),
        ),
        ..told.clone()
    }
}
