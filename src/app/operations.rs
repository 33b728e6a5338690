//! What people ask the watcher for, as changes of the state. Committed before the answer goes out.

use chrono::{DateTime, Utc};

use crate::domain::attention::Silence;
use crate::domain::fleet::Fleet;
use crate::domain::incident::IncidentKey;
use crate::domain::names::{DecisionId, SilenceId};
use crate::domain::state::State;
use crate::health::decisions::{self, DecisionError, NewAnswer, NewPlan};
use crate::notify::requests::{self, Breadth, RequestError};
use crate::notify::situation::Situation;
use crate::snapshot::SilenceView;
use crate::web::{AcknowledgementView, AnswerView, AttentionView, OperatorRefusal, PlanView, SilenceBreadth};

/// A silence, as it is in force now.
pub(super) fn silence(
    state: &mut State,
    id: SilenceId,
    silence: Silence,
    breadth: SilenceBreadth,
    now: DateTime<Utc>,
) -> Result<SilenceId, OperatorRefusal> {
    let breadth = match breadth {
        SilenceBreadth::Matching => Breadth::Matching,
        SilenceBreadth::Everything => Breadth::Everything,
    };
    requests::silence(state, id, silence, breadth, now).map_err(refusal)
}

/// The end of a silence.
pub(super) fn expire_silence(state: &mut State, id: &SilenceId, now: DateTime<Utc>) -> Result<(), OperatorRefusal> {
    requests::expire_silence(state, id, now).map_err(refusal)
}

/// Somebody takes care of an incident.
pub(super) fn acknowledge(
    state: &mut State,
    incident: &str,
    author: &str,
    comment: &str,
    now: DateTime<Utc>,
) -> Result<AcknowledgementView, OperatorRefusal> {
    let key = requests::acknowledge(state, incident, author, comment, now).map_err(refusal)?;
    acknowledgement(state, &key).ok_or_else(|| OperatorRefusal::Failed("the acknowledgement is gone".to_owned()))
}

/// Nobody takes care of it any more.
pub(super) fn withdraw(state: &mut State, incident: &str) -> Result<(), OperatorRefusal> {
    requests::withdraw_acknowledgement(state, incident).map(drop).map_err(refusal)
}

/// Silences and acknowledgements.
pub(super) fn attention(state: &State, situation: &Situation<'_>) -> AttentionView {
    let silences = state.attention.silences.keys().filter_map(|id| SilenceView::of(state, id, situation));
    let acknowledgements = state.attention.acknowledgements.keys().filter_map(|key| acknowledgement(state, key));
    AttentionView { silences: silences.collect(), acknowledgements: acknowledgements.collect() }
}

fn acknowledgement(state: &State, key: &IncidentKey) -> Option<AcknowledgementView> {
    let acknowledgement = state.attention.acknowledgements.get(key)?.clone();
    Some(AcknowledgementView { incident: key.to_string(), acknowledgement })
}

/// An answer to a loss.
pub(super) fn answer(
    state: &mut State,
    fleet: &Fleet,
    id: DecisionId,
    new: &NewAnswer,
    now: DateTime<Utc>,
) -> Result<AnswerView, OperatorRefusal> {
    let id = decisions::answer(state, fleet, id, new, now).map_err(undecided)?;
    AnswerView::of(state, &id).ok_or_else(|| OperatorRefusal::Failed("the answer is gone".to_owned()))
}

/// A plan.
pub(super) fn plan(
    state: &mut State,
    fleet: &Fleet,
    id: DecisionId,
    new: &NewPlan,
    now: DateTime<Utc>,
) -> Result<PlanView, OperatorRefusal> {
    let id = decisions::plan(state, fleet, id, new, now).map_err(undecided)?;
    PlanView::of(state, &id, now).ok_or_else(|| OperatorRefusal::Failed("the plan is gone".to_owned()))
}

/// The end of an answer or a plan.
pub(super) fn undo(state: &mut State, id: &DecisionId) -> Result<(), OperatorRefusal> {
    decisions::undo(state, id).map_err(undecided)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn undecided(error: DecisionError) -> OperatorRefusal {
    let text = error.to_string();
    match error {
        DecisionError::UnknownIncident { .. } | DecisionError::UnknownDecision { .. } => OperatorRefusal::Unknown(text),
        DecisionError::Exists { .. }
        | DecisionError::NothingToAccept { .. }
        | DecisionError::CoversMuch { .. }
        | DecisionError::TooMany { .. } => OperatorRefusal::Conflict(text),
        _ => OperatorRefusal::Invalid(text),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refusal(error: RequestError) -> OperatorRefusal {
    let text = error.to_string();
    match error {
        RequestError::UnknownSilence { .. } | RequestError::UnknownIncident { .. } => OperatorRefusal::Unknown(text),
        RequestError::SilenceExists { .. }
        | RequestError::NotOpen { .. }
        | RequestError::NotAcknowledged { .. }
        | RequestError::TooManySilences { .. } => OperatorRefusal::Conflict(text),
        _ => OperatorRefusal::Invalid(text),
    }
}
