//! `/`: the plain status page. Worst first, readable without JavaScript, on a phone, in light and dark.
//!
//! Every name on it may be hostile: it is escaped, and isolated so that it cannot turn the text around it.

mod delivery;
mod integration;
mod span;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::Shared;
use crate::domain::kinds::Truth;
use crate::domain::status::Status;
use crate::snapshot::{CredentialView, IncidentView, Phase, Requirement, Snapshot};
use span::span;

/// Integrations on the page; the rest is counted, and in the API.
const INTEGRATIONS_SHOWN: usize = 200;

/// Incidents on the page.
const INCIDENTS_SHOWN: usize = 50;

const LINKS: &[(&str, &str)] = &[
    ("/runbooks", "Runbooks"),
    ("/metrics", "Metrics"),
    ("/api/v1/integrations", "Integrations (JSON)"),
    ("/api/v1/credentials", "Credentials (JSON)"),
    ("/api/v1/incidents", "Incidents (JSON)"),
    ("/api/v1/notifications", "Notifications (JSON)"),
    ("/api/v1/openapi.json", "API description"),
    ("/-/healthy", "Healthy"),
    ("/-/ready", "Ready"),
];

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("landing/style.css")).into_response()
}

pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Response {
    let now = shared.clock.now();
    let snapshot = shared.snapshots.latest().map(|published| published.snapshot);
    let page = render(snapshot.as_deref(), now).into_string();
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn render(snapshot: Option<&Snapshot>, now: DateTime<Utc>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "snykwatch" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
            }
            body {
                @match snapshot {
                    Some(snapshot) => (content(snapshot, now)),
                    None => {
                        header { h1 { "snykwatch" } }
                        main { p { "Starting: nothing has been evaluated yet. Reload this page in a moment." } }
                    }
                }
                nav aria-label="More" {
                    @for (address, name) in LINKS { a href=(address) { (name) } " " }
                }
            }
        }
    }
}

fn content(snapshot: &Snapshot, now: DateTime<Utc>) -> Markup {
    let mut worst_first: Vec<_> = snapshot.integrations.iter().collect();
    worst_first.sort_by_key(|view| view.status.status);
    let open: Vec<_> = snapshot.incidents.iter().filter(|incident| incident.phase == Phase::Open).collect();
    html! {
        header {
            h1 { "snykwatch" }
            p.quiet {
                "Version " (snapshot.own.version) ", up for " (span(now - snapshot.own.started_at))
                ". As of " (instant(snapshot.taken_at)) "."
            }
            (counts(snapshot))
            @if let Some(trouble) = &snapshot.store_trouble {
                p.notice role="note" { "Trouble with the store: " bdi { (trouble) } "." }
            }
            @if let Some(trouble) = &snapshot.clock_trouble {
                p.notice role="note" { "Trouble with the clock: " (trouble) "." }
            }
            @if let Some(delivery) = &snapshot.delivery { (delivery::notice(delivery)) }
        }
        main {
            section aria-labelledby="incidents" {
                h2 #incidents { "Open incidents" }
                @if open.is_empty() { p { "None." } }
                @for incident in open.iter().take(INCIDENTS_SHOWN) { (self::incident(incident, now)) }
                (rest(open.len(), INCIDENTS_SHOWN, "incidents", "/api/v1/incidents"))
            }
            @if let Some(delivery) = &snapshot.delivery { (delivery::sections(delivery, now)) }
            section aria-labelledby="integrations" {
                h2 #integrations { "Integrations" }
                @if worst_first.is_empty() { p { "None is configured." } }
                @for view in worst_first.iter().take(INTEGRATIONS_SHOWN) { (integration::card(view, now)) }
                (rest(worst_first.len(), INTEGRATIONS_SHOWN, "integrations", "/api/v1/integrations"))
            }
            section aria-labelledby="credentials" {
                h2 #credentials { "Credentials" }
                @for view in &snapshot.credentials { (credential(view, now)) }
            }
        }
    }
}

fn counts(snapshot: &Snapshot) -> Markup {
    let count = |status| snapshot.integrations.iter().filter(|view| view.status.status == status).count();
    let counts = Status::ALL.iter().map(|status| (*status, count(*status))).filter(|(_, count)| *count > 0);
    html! {
        ul.counts {
            @for (status, count) in counts { li { b { (count) } " " (badge(status)) } }
        }
    }
}

fn rest(count: usize, shown: usize, what: &str, address: &str) -> Markup {
    html! {
        @if count > shown {
            p { "And " (count - shown) " more " (what) ": " a href=(address) { "see the API" } "." }
        }
    }
}

fn incident(view: &IncidentView, now: DateTime<Utc>) -> Markup {
    html! {
        article class={ "card severity-" (view.severity) } {
            h3 {
                span class={ "badge severity-" (view.severity) } { (view.severity) }
                " " (view.rule) " "
                span.quiet { "for " (span(now - view.since)) " " a href={ "/runbooks/" (view.rule) } { "Runbook" } }
            }
            p { bdi { (view.summary) } }
            p.next { b { "Next: " } bdi { (view.next_step) } }
            (delivery::people(view, now))
            @if let Some(gap) = view.gap { p.quiet { (gap) "." } }
            p.quiet {
                "About " bdi { (view.subject) } ". Affected: " (view.affected.len()) "."
                @if let Some(deadline) = view.deadline { " Deadline: " (instant(deadline)) "." }
                @if let Some(cause) = &view.cause { " Caused by " bdi { (cause) } "." }
            }
        }
    }
}

fn credential(view: &CredentialView, now: DateTime<Utc>) -> Markup {
    let not_granted: Vec<_> = view
        .permissions
        .iter()
        .filter(|permission| permission.granted != Truth::True && permission.requirement != Requirement::NotNeeded)
        .collect();
    html! {
        article.card {
            h3 {
                (truth(view.valid.truth)) " " bdi { (view.credential) } " "
                span.quiet { (view.kind) @if let Some(role) = view.role { ", " (role) } }
            }
            p {
                @if view.valid.message.is_empty() { "Not checked yet." } @else { bdi { (view.valid.message) } }
                @if view.confirming { " A first rejection waits to be confirmed." }
            }
            p.quiet {
                @match (view.expires_at, view.expiry_source) {
                    (Some(at), Some(source)) => {
                        @if at > now { "Expires in " (span(at - now)) } @else { "Expired" }
                        ": " (instant(at)) " (source: " (source) ")."
                    }
                    (Some(at), None) => { "Expires " (instant(at)) "." }
                    (None, _) => { "Nobody tells when it expires." }
                }
            }
            @if let Some(unlisted) = &view.unlisted {
                p { "Not known: " bdi { (unlisted.message) } "." }
                p.next { b { "Next: " } bdi { (unlisted.next_step) } }
            }
            @if let Some(rotation) = view.rotation.as_ref().filter(|rotation| rotation.done_at.is_none()) {
                p {
                    "Rotation: " (rotation.saved) " of " (rotation.of) " have the new token."
                    @if let Some(at) = rotation.old_ends_at { " The old one ends: " (instant(at)) "." }
                }
            }
            @if let Some(access) = &view.write_access {
                p.quiet {
                    "It may change things: " (access.granted.join(", ")) ". A token that only reads is enough to watch: role "
                    code { "observer" } ", scopes " code { (access.read_only_scopes.join(" ")) } "."
                }
            }
            @if !not_granted.is_empty() {
                ul.checklist {
                    @for permission in not_granted {
                        li {
                            (truth(permission.granted)) " " (permission.label)
                            @if let (Some(on), Some(of)) = (permission.granted_on, permission.granted_of) {
                                " (on " (on) " of " (of) ")"
                            }
                            @if let Some(scope) = &permission.missing_scope { " " code { bdi { (scope) } } }
                            @if permission.requirement == Requirement::Optional { span.quiet { " optional" } }
                        }
                    }
                }
            }
        }
    }
}

/// A status as a coloured word; the colour repeats what the word says.
fn badge(status: Status) -> Markup {
    html! { span class={ "badge status-" (status) } { (status.as_str().replace('_', " ")) } }
}

/// A truth as a sign and, for those who do not see it, a word.
fn truth(truth: Truth) -> Markup {
    let sign = match truth {
        Truth::True => "✓",
        Truth::False => "✗",
        Truth::Unknown => "?",
        Truth::NotApplicable => "–",
    };
    html! { span class={ "sign truth-" (truth) } role="img" aria-label=(truth) { (sign) } }
}

fn instant(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) } }
}

#[cfg(test)]
mod tests;
