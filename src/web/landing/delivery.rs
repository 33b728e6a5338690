//! Who is told: on each incident, and as a whole.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::span::span;
use super::{instant, truth};
use crate::domain::kinds::Truth;
use crate::snapshot::{DeliveryMode, DeliveryView, IncidentView, ReceiverView, SilenceView};

/// Incidents that a silence names; the rest is counted, and in the API.
const COVERED_SHOWN: usize = 5;

/// What everybody should know before reading on: nobody is told, or somebody else does it.
pub(super) fn notice(delivery: &DeliveryView) -> Markup {
    html! {
        @match delivery.mode {
            DeliveryMode::Observing => p.notice role="note" {
                b { "Observing: nothing is sent." } " What would have been sent is "
                a href="/api/v1/notifications?state=withheld" { "listed" } ", and logged once a day."
            }
            DeliveryMode::Prometheus => p.notice role="note" { "Prometheus tells people; receivers of snykwatch hear of nothing new." }
            DeliveryMode::Builtin | DeliveryMode::Both if delivery.receivers.is_empty() => p.notice role="note" {
                b { "Nobody is told: no receiver is configured." }
                " Name one under " code { "alerts.receivers" } ", or alert on " code { "snykwatch_incident_open" } " in Prometheus."
            }
            DeliveryMode::Builtin | DeliveryMode::Both => {}
        }
        @for sentence in &delivery.unrouted {
            p.notice role="note" { bdi { (sentence) } "." }
        }
    }
}

/// What people have to do with an incident.
pub(super) fn people(view: &IncidentView, now: DateTime<Utc>) -> Markup {
    html! {
        @if let Some(acknowledged) = &view.acknowledgement {
            p.people {
                span.tag { "acknowledged" } " by " bdi { (acknowledged.author) } " since " (instant(acknowledged.at))
                @if !acknowledged.comment.is_empty() { ": " bdi { (acknowledged.comment) } }
            }
        }
        @for silence in &view.silences {
            p.people {
                span.tag { "silenced" } " until " (instant(silence.until)) " by " bdi { (silence.author) } ": "
                bdi { (silence.reason) }
            }
        }
        @if !view.hearings.is_empty() {
            ul.hearings {
                @for hearing in &view.hearings {
                    li { b { bdi { (hearing.receiver) } } " " bdi { (hearing.in_words(now)) } }
                }
            }
        }
    }
}

/// How receivers do, and what is silenced.
pub(super) fn sections(delivery: &DeliveryView, now: DateTime<Utc>) -> Markup {
    html! {
        @if !delivery.receivers.is_empty() {
            section aria-labelledby="receivers" {
                h2 #receivers { "Receivers" }
                ul.checklist.card { @for view in &delivery.receivers { (receiver(view, now)) } }
            }
        }
        @if !delivery.silences.is_empty() || !delivery.maintenance.is_empty() {
            section aria-labelledby="silences" {
                h2 #silences { "Silences" }
                @for view in &delivery.silences { (silence(view, now)) }
                @for window in &delivery.maintenance {
                    article.card {
                        h3 { "Maintenance window " bdi { (window.name) } }
                        p { "Open" @if let Some(until) = window.until { " until " (instant(until)) } "." }
                    }
                }
            }
        }
    }
}

fn receiver(view: &ReceiverView, now: DateTime<Utc>) -> Markup {
    let sign = match (&view.failing, &view.last_failure, view.last_delivered_at) {
        (Some(_), _, _) => Truth::False,
        (None, None, Some(_)) => Truth::True,
        (None, _, _) => Truth::Unknown,
    };
    html! {
        li {
            (truth(sign)) " " b { bdi { (view.receiver) } } " " span.quiet { (view.kind) } ": "
            @match (&view.failing, &view.last_failure) {
                (Some(failing), _) => {
                    "takes nothing since " (instant(failing.at)) " (" (failing.failure.reason) ": "
                    bdi { (failing.failure.detail) } ")"
                }
                (None, Some(failure)) => {
                    "the last attempt failed and is repeated (" (failure.failure.reason) ": "
                    bdi { (failure.failure.detail) } ")"
                }
                (None, None) => @if view.last_delivered_at.is_some() { "works" } @else { "not used yet" }
            }
            @if view.pending > 0 {
                "; " b { (view.pending) " pending" }
                @if let Some(oldest) = view.oldest_pending_at { ", the oldest for " (span(now - oldest)) }
            }
            @if let Some(at) = view.last_delivered_at { span.quiet { " last delivered " (instant(at)) } }
        }
    }
}

fn silence(view: &SilenceView, now: DateTime<Utc>) -> Markup {
    let SilenceView { id, silence, active, covers } = view;
    html! {
        article.card {
            h3 {
                @if *active { "Until " (instant(silence.ends_at)) } @else { "From " (instant(silence.starts_at)) }
                " "
                span.quiet {
                    @if *active { "for another " (span(silence.ends_at - now)) } @else { "until " (instant(silence.ends_at)) }
                }
            }
            p { bdi { (silence.author) } ": " bdi { (silence.reason) } }
            p.quiet {
                @if !*active { "Not in force yet." } @else if covers.is_empty() { "Covers no incident now." } @else {
                    "Covers "
                    @for (place, incident) in covers.iter().take(COVERED_SHOWN).enumerate() {
                        @if place > 0 { ", " }
                        bdi { (incident) }
                    }
                    @if covers.len() > COVERED_SHOWN { " and " (covers.len() - COVERED_SHOWN) " more" }
                    "."
                }
                " Id " code { bdi { (id) } } "."
            }
        }
    }
}
