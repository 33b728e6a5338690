//! One integration on the page.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::span::span;
use super::{badge, instant, truth};
use crate::domain::kinds::{Confidence, Level, Truth};
use crate::domain::state::MissingRepository;
use crate::domain::status::Status;
use crate::snapshot::{ConditionView, IntegrationView, ProgressView};

/// Repositories on a card; the rest is counted, and in the API.
const REPOSITORIES_SHOWN: usize = 20;

pub(super) fn card(view: &IntegrationView, now: DateTime<Utc>) -> Markup {
    let status = &view.status;
    let is_well = status.status == Status::Connected;
    html! {
        article #(view.key().anchor()) class={ "card status-" (status.status) } {
            h3 {
                (badge(status.status)) " " bdi { (view.title()) } " "
                span.quiet { (view.identity.level) ", " (view.identity.scm) ", for " (span(now - status.since)) }
            }
            p {
                bdi { (status.message) }
                @if status.confidence == Confidence::Weak { " " span.tag { "weak evidence" } }
                @if view.restored { " " span.tag { "restored, not seen again yet" } }
            }
            @if let Some(next_step) = &status.next_step {
                @if !is_well { p.next { b { "Next: " } bdi { (next_step) } } }
            }
            @if let Some(progress) = &view.progress { (self::progress(progress)) }
            (times(view, now))
            (conditions(view))
        }
    }
}

fn progress(progress: &ProgressView) -> Markup {
    html! {
        p {
            (progress.found) " of " (progress.found + progress.missing) " repositories are in the Inventory"
            @if let Some(ratio) = progress.ratio {
                " " meter min="0" max="1" value=(ratio) { (format!("{:.0} %", ratio * 100.0)) }
            }
            @if let (Some(from), Some(by)) = (progress.completion_expected_from, progress.completion_expected_by) {
                " Expected to be complete between " (instant(from)) " and " (instant(by)) "."
            }
        }
        (repositories("Missing repositories", progress.missing, &progress.missing_repositories))
        (repositories("Changes that have not arrived", progress.laggards.len(), &progress.laggards))
    }
}

fn repositories(title: &str, count: usize, repositories: &[MissingRepository]) -> Markup {
    html! {
        @if !repositories.is_empty() {
            details {
                summary { (title) " (" (count) ")" }
                ul {
                    @for repository in repositories.iter().take(REPOSITORIES_SHOWN) {
                        li {
                            bdi { (repository.full_name) }
                            @if let Some(since) = repository.since { span.quiet { " since " (instant(since)) } }
                            @if let Some(why) = &repository.why { span.quiet { " " bdi { (why) } } }
                        }
                    }
                    @if repositories.len() > REPOSITORIES_SHOWN {
                        li { "and " (repositories.len() - REPOSITORIES_SHOWN) " more" }
                    }
                }
            }
        }
    }
}

/// How it was before. `connected` counts once it has held for a while.
fn last_connected(view: &IntegrationView, now: DateTime<Utc>) -> Markup {
    let status = &view.status;
    let is_connected = status.status == Status::Connected;
    let holds = now - status.since >= view.connected_for;
    html! {
        @match (is_connected, status.last_connected_at) {
            (true, _) if holds => {}
            (true, None) => { "Connected, not yet for " (span(view.connected_for)) ". " }
            (true, Some(at)) => {
                "Connected, not yet for " (span(view.connected_for)) "; before that, last connected " (instant(at)) ". "
            }
            (false, Some(at)) => { "Last connected " (instant(at)) ". " }
            (false, None) => { "Not yet seen connected for " (span(view.connected_for)) ". " }
        }
    }
}

fn times(view: &IntegrationView, now: DateTime<Utc>) -> Markup {
    let status = &view.status;
    html! {
        p.quiet {
            (last_connected(view, now))
            @if let Some(at) = status.last_proof_of_life_at { "Last proof of life " (instant(at)) ". " }
            @if status.status == Status::Unknown {
                @if let Some(known) = &status.known {
                    "Before that: " (badge(known.status)) " since " (instant(known.since)) ". "
                }
            }
        }
    }
}

fn conditions(view: &IntegrationView) -> Markup {
    // Of a Group that is not well the checklist is what one came for; that of an Organization is a click away.
    let is_open = view.identity.level == Level::Group && view.status.status != Status::Connected;
    let holding = view.conditions.iter().filter(|condition| condition.state.truth == Truth::True).count();
    html! {
        details open[is_open] {
            summary { "Conditions (" (holding) " of " (view.conditions.len()) " hold)" }
            ul.checklist { @for condition in &view.conditions { (self::condition(condition)) } }
        }
    }
}

fn condition(view: &ConditionView) -> Markup {
    let state = &view.state;
    html! {
        li {
            (truth(state.truth)) " " b { (view.condition) } " " bdi { (state.message) }
            @if state.restored { " " span.tag { "restored" } }
            @if state.confirming { " " span.tag { "confirming" } }
            @if state.confidence == Confidence::Weak { " " span.tag { "weak evidence" } }
            span.quiet { " " (state.reason) ", " (state.source) ", since " (instant(state.since)) }
        }
    }
}
