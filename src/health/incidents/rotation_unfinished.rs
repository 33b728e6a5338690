//! A rotation that stands still, or whose old token ends before everybody has the new one.

use chrono::{DateTime, Utc};

use super::candidate::{Candidate, Onset, Page, Scene, Verdict};
use super::credentials::about;
use super::inputs::Inputs;
use super::text::{count, instant, lasting, listed};
use crate::domain::evidence::fresh;
use crate::domain::incident::Rule;
use crate::domain::kinds::Level;
use crate::domain::names::{CredentialName, IntegrationKey};
use crate::domain::policy::Case;
use crate::domain::rotation::{EndedBy, Rotation};

pub(super) fn candidates<'a>(inputs: &'a Inputs<'a>) -> Vec<Candidate<'a>> {
    inputs.fleet.scm_credentials.keys().filter_map(|name| unfinished(inputs, name)).collect()
}

fn unfinished<'a>(inputs: &'a Inputs<'a>, name: &'a CredentialName) -> Option<Candidate<'a>> {
    let dependents = inputs.dependents(name)?;
    let state = inputs.state.credentials.get(name)?;
    let rotation = state.rotation.as_ref();
    let plan = inputs.state.decisions.plan_of_rotation(name, inputs.now);
    let (verdict, resolution) = match (rotation, plan) {
        (_, Some(plan)) => (Verdict::Gone, format!("planned until {} by {}", instant(plan.until), plan.author)),
        (Some(rotation), None) if rotation.is_under_way() && !rotation.outstanding.is_empty() => {
            let onset = Onset::Progress { since: rotation.progress_at(), until: end_that_counts(inputs, rotation) };
            (Verdict::Holds(onset), String::new())
        }
        // That the old token has ended does not tell that the new one was saved.
        (Some(rotation), None) if rotation.is_under_way() && rotation.awaits_proof() => {
            (Verdict::CannotTell, String::new())
        }
        _ => (Verdict::Gone, "nobody has the old token any more".to_owned()),
    };
    let describe = move |scene: &Scene<'_>| match rotation {
        Some(rotation) => page(inputs, name, rotation, scene),
        None => Page { summary: String::new(), next_step: String::new() },
    };
    let outstanding = rotation.map(|rotation| rotation.outstanding.clone()).unwrap_or_default();
    Some(Candidate {
        listed: outstanding.iter().filter_map(|key| key.organization).collect(),
        affected: outstanding,
        deadline: rotation.and_then(|rotation| rotation.old.ends_at()),
        resolution,
        ..about(inputs, Rule::RotationUnfinished, Case::Default, name, dependents, verdict, describe)
    })
}

/// When the old token ends or ended. Its end, once it is seen, counts when everybody who is left was looked at after it: the
/// new token may have been saved in the same hour in which the old one was revoked.
fn end_that_counts(inputs: &Inputs<'_>, rotation: &Rotation) -> Option<DateTime<Utc>> {
    let Some(ended) = rotation.old.ended else { return rotation.old.expires_at };
    let was_looked_at = |key: &IntegrationKey| {
        let book = inputs.state.evidence.organizations.get(key);
        let events = book.and_then(|book| fresh(&book.events, inputs.now));
        // What cannot be looked at any more is not waited for.
        events.is_none_or(|events| events.observed_at >= ended.at)
    };
    if rotation.outstanding.iter().all(was_looked_at) { Some(ended.at) } else { rotation.old.expires_at }
}

/// `8 of 12`, and what becomes of the old token.
fn page(inputs: &Inputs<'_>, name: &CredentialName, rotation: &Rotation, scene: &Scene<'_>) -> Page {
    let (saved, of) = rotation.progress();
    let of_level = |level| rotation.outstanding.iter().filter(move |key| key.level() == level);
    let organizations: Vec<_> = of_level(Level::Organization).cloned().collect();
    let groups = of_level(Level::Group).count();
    let mut behind = Vec::new();
    let mut steps = Vec::new();
    if !organizations.is_empty() {
        let many = count(organizations.len(), "Organization");
        behind.push(format!("{many} still on the old token ({})", listed(inputs, organizations)));
        steps.push("(Organization Admin) open Integrations in each listed Organization and save the new PAT");
    }
    if groups > 0 {
        behind.push(format!("{} perhaps, since the old token may still work", count(groups, "Group integration")));
        steps.push(
            "(Group Admin) save the new PAT in the profile; (token owner) revoke the old one, so that it can be seen that \
             nobody needs it, or say that it is revoked (`snykwatch plan rotate --revoked`)",
        );
    }
    let end = match (rotation.old.ended, rotation.old.expires_at) {
        (Some(end), _) => {
            let by = match end.by {
                EndedBy::Rejected => "the Git host rejects it",
                EndedBy::Revoked => "as was declared",
                EndedBy::Unused => "nobody used it since, as the admin API says",
                EndedBy::Expired => "it has expired",
                EndedBy::LongestLife => "no token lives longer",
            };
            format!(" The old token ended {} ({by}): nothing works there any more.", instant(end.at))
        }
        (None, Some(at)) => format!(" The old token expires {}; until then all works.", instant(at)),
        (None, None) => " Nobody tells when the old token expires.".to_owned(),
    };
    let (behind, steps) = (behind.join("; "), steps.join("; "));
    Page {
        summary: format!(
            "The rotation of credential {name} has made no progress {}: {saved} of {of} have the new token, {behind}.{end}",
            lasting(scene),
        ),
        next_step: format!("{}.", capital(&steps)),
    }
}

/// With a capital letter after the first responsible.
fn capital(steps: &str) -> String {
    match steps.split_once(") ") {
        Some((who, what)) => {
            let mut letters = what.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{who}) {first}{}", letters.as_str())
        }
        None => steps.to_owned(),
    }
}
