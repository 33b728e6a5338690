//! What people decide about what is gone: answers to incidents about a loss, and plans made beforehand. Each changes the
//! state and nothing else; an evaluation follows.
//!
//! A request that is repeated (its answer was lost) is answered as it was the first time. What a decision covers is a
//! list of ids, taken now: what matches or is lost later is not covered.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::decisions::{Answer, Item, LONGEST_AUTHOR, LONGEST_REASON, Plan, PlanKind, Verdict};
use crate::domain::fleet::Fleet;
use crate::domain::incident::IncidentKey;
use crate::domain::names::{CredentialName, DecisionId, IntegrationKey, IntegrationName, OrganizationId, RepositoryId};
use crate::domain::state::State;
use crate::domain::text::{first_hostile, is_blank, one_line};

use super::incidents;
use super::words::matches_glob;

/// A plan lasts no longer: what was planned for later is planned later.
pub const LONGEST_PLAN: TimeDelta = TimeDelta::days(30);
/// The longest pattern, in characters.
pub const LONGEST_PATTERN: usize = 500;
/// The most plans, and the most answers, that are kept: each is looked at for each loss.
const MOST_KEPT: usize = 1_000;
/// An ended plan is kept so long, for those who ask what was planned.
const ENDED_PLANS_KEPT: TimeDelta = TimeDelta::days(30);

/// Why a request is refused, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// A text is needed.
    #[error("{field} is empty: say {wanted}")]
    Empty {
        /// Which.
        field: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A text is too long.
    #[error("{field} is too long: {longest} characters at most")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How long it may be.
        longest: usize,
    },
    /// A pattern holds a character that no name has.
    #[error("{field} holds the character U+{code:04X}, which is not seen or changes what is seen: write it without")]
    Hostile {
        /// Which.
        field: &'static str,
        /// The character.
        code: u32,
    },
    /// No such incident.
    #[error("there is no open incident {incident}: list the incidents for their ids (RULE/SUBJECT)")]
    UnknownIncident {
        /// What was asked for.
        incident: String,
    },
    /// It compares nothing with the past.
    #[error(
        "{incident} is not about something that is gone or switched off, so there is nothing to accept: repair it, or \
         make a silence"
    )]
    NothingToAccept {
        /// Which.
        incident: String,
    },
    /// No such answer or plan.
    #[error("there is no decision {id}: list them for their ids")]
    UnknownDecision {
        /// Which.
        id: DecisionId,
    },
    /// The id is another decision's.
    #[error("the decision {id} exists with another content: make a new one")]
    Exists {
        /// Which.
        id: DecisionId,
    },
    /// The end is not in the time that a plan may have.
    #[error("the plan would end at {until} (now: {now}): give an end in the future, within {longest} days")]
    EndsOutside {
        /// Its end.
        until: DateTime<Utc>,
        /// The present.
        now: DateTime<Utc>,
        /// How long it may be, in days.
        longest: i64,
    },
    /// Nothing matches.
    #[error("nothing that is watched matches {pattern}: {wanted}")]
    MatchesNothing {
        /// The pattern.
        pattern: String,
        /// What is matched.
        wanted: &'static str,
    },
    /// It covers so much that a slip of the pen would be a disaster.
    #[error("{pattern} covers {count}, which is more than half of {of}: say `--count {number}` if that is meant")]
    CoversMuch {
        /// The pattern.
        pattern: String,
        /// What it covers, with its number.
        count: String,
        /// Of what.
        of: String,
        /// The number to repeat.
        number: usize,
    },
    /// There are too many.
    #[error("there are {most} decisions already: undo those that are no longer needed")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
}

/// What somebody says of an incident about a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// Which, as `rule/subject`.
    pub incident: String,
    /// What.
    pub verdict: Verdict,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// What somebody says is going to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// What.
    pub kind: PlanKind,
    /// Repositories (`workspace/slug`) or Organizations (id or name); credentials for a rotation. `*` and `?` stand for
    /// any characters and for one.
    pub pattern: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// The old token of a rotation was revoked.
    pub revoked: bool,
    /// How many things it covers, repeated by whoever means more than half of a namespace or of a key.
    pub count: Option<usize>,
    /// Who.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// Takes an answer to an open incident: what it compares with the past now is accepted, or rejected.
///
/// # Errors
/// When the incident is not open or not about a loss, or a text is missing or too long.
pub fn answer(
    state: &mut State,
    fleet: &Fleet,
    id: DecisionId,
    new: &NewAnswer,
    now: DateTime<Utc>,
) -> Result<DecisionId, DecisionError> {
    let (author, reason) = (one_line(&new.author), one_line(&new.reason));
    within("the author", &author, LONGEST_AUTHOR, "who decides")?;
    within("the reason", &reason, LONGEST_REASON, "why")?;
    if let Some(known) = state.decisions.answers.get(&id) {
        let is_same = known.incident.to_string() == new.incident
            && (known.verdict, &known.author, &known.reason) == (new.verdict, &author, &reason);
        return if is_same { Ok(id) } else { Err(DecisionError::Exists { id }) };
    }
    let key = find(state, &new.incident)?;
    let items = incidents::items_of(state, fleet, &key);
    if items.is_empty() {
        return Err(DecisionError::NothingToAccept { incident: new.incident.clone() });
    }
    if state.decisions.answers.len() >= MOST_KEPT {
        return Err(DecisionError::TooMany { most: MOST_KEPT });
    }
    let answer = Answer { incident: key, verdict: new.verdict, items, author, reason, at: now };
    state.decisions.answers.insert(id.clone(), answer);
    Ok(id)
}

/// Takes an answer or a plan back: what it covered is judged again as if it had never been.
///
/// # Errors
/// When there is none of this id.
pub fn undo(state: &mut State, id: &DecisionId) -> Result<(), DecisionError> {
    let decisions = &mut state.decisions;
    let is_answer = decisions.answers.remove(id).is_some();
    let is_plan = decisions.plans.remove(id).is_some();
    if is_answer || is_plan { Ok(()) } else { Err(DecisionError::UnknownDecision { id: id.clone() }) }
}

/// Notes what is going to happen.
///
/// # Errors
/// When nothing matches, the end is out of bounds, a text is missing or too long, or it covers more than half of a
/// namespace or of a configuration key and the count was not repeated.
pub fn plan(
    state: &mut State,
    fleet: &Fleet,
    id: DecisionId,
    new: &NewPlan,
    now: DateTime<Utc>,
) -> Result<DecisionId, DecisionError> {
    let (author, reason) = (one_line(&new.author), one_line(&new.reason));
    within("the author", &author, LONGEST_AUTHOR, "who plans it")?;
    within("the reason", &reason, LONGEST_REASON, "why")?;
    within("the pattern", &new.pattern, LONGEST_PATTERN, "what is covered")?;
    // Not taken out: without it the pattern would cover something else.
    if let Some(character) = first_hostile(&new.pattern) {
        return Err(DecisionError::Hostile { field: "the pattern", code: u32::from(character) });
    }
    if let Some(known) = state.decisions.plans.get(&id) {
        let is_same = (known.kind, &known.pattern, known.until, &known.author, &known.reason)
            == (new.kind, &new.pattern, new.until, &author, &reason);
        return if is_same { Ok(id) } else { Err(DecisionError::Exists { id }) };
    }
    if new.until <= now || new.until - now > LONGEST_PLAN {
        return Err(DecisionError::EndsOutside { until: new.until, now, longest: LONGEST_PLAN.num_days() });
    }
    if state.decisions.plans.len() >= MOST_KEPT {
        return Err(DecisionError::TooMany { most: MOST_KEPT });
    }
    let mut plan = Plan {
        kind: new.kind,
        pattern: new.pattern.clone(),
        repositories: BTreeMap::new(),
        organizations: BTreeMap::new(),
        credentials: BTreeSet::new(),
        revoked: new.revoked,
        from: now,
        until: new.until,
        author,
        reason,
    };
    match new.kind {
        PlanKind::Rotate => plan.credentials = credentials(fleet, &new.pattern)?,
        PlanKind::Retire | PlanKind::Move => cover(state, new, &mut plan)?,
    }
    state.decisions.plans.insert(id.clone(), plan);
    Ok(id)
}

/// Forgets plans that ended long ago.
pub fn prune(state: &mut State, now: DateTime<Utc>) {
    state.decisions.plans.retain(|_, plan| now < plan.until + ENDED_PLANS_KEPT);
}

fn find(state: &State, incident: &str) -> Result<IncidentKey, DecisionError> {
    let open = state.incidents.iter().filter(|(_, known)| known.is_open());
    let found = open.map(|(key, _)| key).find(|key| key.to_string() == incident).cloned();
    found.ok_or_else(|| DecisionError::UnknownIncident {
        incident: one_line(incident).chars().take(LONGEST_PATTERN).collect(),
    })
}

fn credentials(fleet: &Fleet, pattern: &str) -> Result<BTreeSet<CredentialName>, DecisionError> {
    let found: BTreeSet<_> =
        fleet.scm_credentials.keys().filter(|name| matches_glob(pattern, name.as_str())).cloned().collect();
    let wanted = "name a credential by its configuration key";
    let nothing = || DecisionError::MatchesNothing { pattern: pattern.to_owned(), wanted };
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

/// What the pattern of a retirement or a move covers, of what is seen or listed now.
fn cover(state: &State, new: &NewPlan, plan: &mut Plan) -> Result<(), DecisionError> {
    let mut much = None;
    for (name, group) in &state.evidence.groups {
        let sets = group.profiles.values().filter_map(|profile| profile.repositories.as_ref());
        let seen = sets.flat_map(|set| set.value.repositories.values());
        let mut namespaces: BTreeMap<&str, (usize, BTreeSet<RepositoryId>)> = BTreeMap::new();
        for repository in seen {
            let (all, covered) = namespaces.entry(repository.workspace.as_str()).or_default();
            *all += 1;
            if matches_glob(&new.pattern, &repository.full_name) {
                covered.insert(repository.id.clone());
            }
        }
        for (namespace, (all, covered)) in namespaces {
            if covered.len() * 2 > all {
                much.get_or_insert_with(|| format!("the {all} repositories of {namespace}"));
            }
            plan.repositories.entry(name.clone()).or_default().extend(covered);
        }
        let listing = group.organizations.iter().flat_map(|listing| listing.value.iter());
        let watched: Vec<_> = listing.filter(|listed| is_watched(state, name, listed.id)).collect();
        let is_meant = |text: &str| matches_glob(&new.pattern, text);
        let covered = watched.iter().filter(|listed| is_meant(&listed.name) || is_meant(&listed.id.to_string()));
        let covered: BTreeSet<_> = covered.map(|listed| listed.id).collect();
        if covered.len() * 2 > watched.len() {
            much.get_or_insert_with(|| format!("the {} Organizations of {name}", watched.len()));
        }
        plan.organizations.entry(name.clone()).or_default().extend(covered);
    }
    plan.repositories.retain(|_, ids| !ids.is_empty());
    plan.organizations.retain(|_, ids| !ids.is_empty());
    let (repositories, organizations) =
        (plan.repositories.values().map(BTreeSet::len).sum(), plan.organizations.values().map(BTreeSet::len).sum());
    let number: usize = repositories + organizations;
    if number == 0 {
        let wanted = "name repositories as WORKSPACE/SLUG, or Organizations by name or id";
        return Err(DecisionError::MatchesNothing { pattern: new.pattern.clone(), wanted });
    }
    match much.filter(|_| new.count != Some(number)) {
        None => Ok(()),
        Some(of) => Err(DecisionError::CoversMuch {
            pattern: new.pattern.clone(),
            count: counted(repositories, organizations),
            of,
            number,
        }),
    }
}

fn is_watched(state: &State, name: &IntegrationName, organization: OrganizationId) -> bool {
    let key = IntegrationKey::organization(name.clone(), organization);
    state.integrations.contains_key(&key)
}

/// `3 repositories and 1 Organization`, as far as there are any.
pub(crate) fn counted(repositories: usize, organizations: usize) -> String {
    let count = |number: usize, one: &str, many: &str| super::words::count(number, one, many);
    let parts = [
        (repositories, count(repositories, "repository", "repositories")),
        (organizations, count(organizations, "Organization", "Organizations")),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
    parts.join(" and ")
}

fn within(field: &'static str, text: &str, longest: usize, wanted: &'static str) -> Result<(), DecisionError> {
    if is_blank(text) {
        return Err(DecisionError::Empty { field, wanted });
    }
    if text.chars().count() > longest {
        return Err(DecisionError::TooLong { field, longest });
    }
    Ok(())
}

/// What an item is called where people read it: a repository by its last known name.
pub fn item_name(state: &State, item: &Item) -> String {
    match item {
        Item::Repository(name, id) => {
            let groups = state.evidence.groups.get(name).into_iter();
            let mut sets = groups.flat_map(|group| group.profiles.values()).filter_map(|one| one.repositories.as_ref());
            let known = sets.find_map(|set| set.value.repositories.get(id));
            known.map_or_else(|| id.to_string(), |known| known.full_name.clone())
        }
        Item::Organization(name, id) => {
            let key = IntegrationKey::organization(name.clone(), *id);
            let known = state.integrations.get(&key).and_then(|known| known.snyk_name.clone());
            known.unwrap_or_else(|| id.to_string())
        }
        Item::Target(_, id) | Item::Project(_, id) => id.clone(),
        Item::PullRequestChecks(id) => format!("pull request checks of {id}"),
    }
}
