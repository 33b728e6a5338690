//! The text of a notification, from the state alone.

use chrono::{DateTime, Utc};

use super::situation::Situation;
use crate::domain::incident::{IncidentKey, IncidentState};
use crate::domain::names::ReceiverName;
use crate::domain::page::Page;
use crate::domain::state::State;

/// What a person reads about an incident that lasts.
pub fn of_incident(key: &IncidentKey, incident: &IncidentState, state: &State, situation: &Situation<'_>) -> Page {
    let _ = (state, situation);
    Page {
        title: key.to_string(),
        summary: incident.summary.clone(),
        next_step: incident.next_step.clone(),
        ..Page::default()
    }
}

/// What a person reads when it is over: made from what was told last, and why it is over.
pub fn of_end(told: &Page, since: DateTime<Utc>, because: &str, situation: &Situation<'_>) -> Page {
    let _ = (since, situation);
    Page { summary: because.to_owned(), ..told.clone() }
}

/// What a person reads about a receiver that rejects what it is sent.
pub fn of_failing_receiver(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    let _ = situation;
    Page { title: format!("ReceiverFailing: {receiver}"), ..Page::default() }
}

/// What a person reads when somebody tests a receiver.
pub fn of_test(receiver: &ReceiverName, situation: &Situation<'_>) -> Page {
    let _ = situation;
    Page { title: format!("Test of the receiver {receiver}"), ..Page::default() }
}
