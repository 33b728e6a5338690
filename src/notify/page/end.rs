//! What a person reads when it is over: what proved the end, and what is left to do. Both come from one list.

use chrono::{DateTime, Utc};

use super::heading::cut;
use super::members::SHOWN;
use super::scene::{name_of, plain};
use super::summary::what_of;
use crate::domain::incident::{IncidentKey, IncidentState, Rule, Subject};
use crate::domain::kinds::Level;
use crate::domain::names::IntegrationKey;
use crate::domain::notification::About;
use crate::domain::page::Page;
use crate::domain::state::State;
use crate::health::incidents::lifecycle::{NOT_WATCHED, SWITCHED_OFF};
use crate::health::incidents::text::{count, instant, sentence, span};
use crate::notify::situation::Situation;

/// Made from what was told last.
pub(super) fn of(
    about: &About,
    told: &Page,
    since: DateTime<Utc>,
    because: &str,
    state: &State,
    situation: &Situation<'_>,
) -> Page {
    let lasted = span(situation.now - since);
    let what = what_of(told);
    let because = plain(because);
    let mut summary = format!("{what} is over: {because}. It lasted {lasted}, since {}.", instant(since));
    if let Some(gap) = told.gap {
        let text = gap.to_string();
        if !because.contains(&text) {
            summary.push_str(&sentence(&text));
        }
    }
    let left = match about {
        About::Incident(key) => left_to_do(key, &because, state),
        About::Receiver(_) | About::Test(_) | About::Digest(_) => Left::default(),
    };
    Page {
        title: cut(&format!("Resolved: {what} after {lasted}")),
        summary,
        evidence: Vec::new(),
        ruled_out: Vec::new(),
        last_change: None,
        next_step: left.next_step.unwrap_or_else(|| "No action needed.".to_owned()),
        noticed: None,
        members: left.members,
        more_members: left.more_members,
        ..told.clone()
    }
}

/// What is left to do, and where.
#[derive(Default)]
struct Left {
    next_step: Option<String>,
    members: Vec<String>,
    more_members: usize,
}

fn left_to_do(key: &IncidentKey, because: &str, state: &State) -> Left {
    if because == SWITCHED_OFF || because == NOT_WATCHED {
        let text =
            "No action needed here: snykwatch does not look at it any more, so nobody saw whether it was repaired.";
        return Left { next_step: Some(text.to_owned()), ..Left::default() };
    }
    let mut steps = Vec::new();
    let mut left = Left::default();
    if let (Rule::CredentialExpiring, Subject::Credential(name)) = (key.rule, &key.subject) {
        let rotation = state.credentials.get(name).and_then(|credential| credential.rotation.as_ref());
        let behind: Vec<&IntegrationKey> = rotation.iter().flat_map(|rotation| &rotation.outstanding).collect();
        let untold: Vec<&IntegrationKey> = rotation.iter().flat_map(|rotation| rotation.untold.keys()).collect();
        for (level, who, what) in [
            (Level::Group, "Group Admin", "Group integration"),
            (Level::Organization, "Organization Admin", "Organization"),
        ] {
            let of_level = |keys: &[&IntegrationKey]| keys.iter().filter(|key| key.level() == level).count();
            if of_level(&behind) > 0 {
                let many = count(of_level(&behind), what);
                steps.push(format!("({who}) Save the new token in {many} before the old one ends"));
            }
            if of_level(&untold) > 0 {
                let many = count(of_level(&untold), what);
                steps.push(format!("({who}) Check that the new token is saved in {many}: nothing tells"));
            }
        }
        let names = behind.iter().chain(&untold);
        left.members = names.take(SHOWN).map(|key| name_of(state, key)).collect();
        left.more_members = behind.len() + untold.len() - left.members.len();
    }
    let is_beside = |(other, incident): &(&IncidentKey, &IncidentState)| {
        incident.is_open() && *other != key && other.subject == key.subject
    };
    let beside: Vec<String> = state.incidents.iter().filter(is_beside).map(|(other, _)| other.to_string()).collect();
    if !beside.is_empty() {
        steps.push(format!("Still open here: {}", beside.join(", ")));
    }
    left.next_step = (!steps.is_empty()).then(|| format!("{}.", plain(&steps.join("; "))));
    left
}
