//! What is not known of Organizations that are connected all the same: no problem, and worth a line.

use std::collections::BTreeMap;

use crate::domain::condition::{Condition, Reason};
use crate::domain::kinds::Truth;
use crate::health::step_after_answer;
use crate::snapshot::{ConditionView, IntegrationView};

/// One thing that is not known of some Organizations.
pub(super) struct Unproved<'a> {
    pub(super) condition: Condition,
    pub(super) views: Vec<&'a IntegrationView>,
    pub(super) message: &'a str,
    /// What to do about the answer that was none.
    pub(super) next_step: Option<String>,
}

/// What is not known of these, alike together.
pub(super) fn of<'a>(views: &[&'a IntegrationView]) -> Vec<Unproved<'a>> {
    // Of whether they have the new token one line is enough, whatever the words of each; an answer is told in its words.
    let mut alike: BTreeMap<(Condition, Reason, Option<&str>), Unproved<'a>> = BTreeMap::new();
    for view in views {
        for shown in view.conditions.iter().filter(|shown| is_worth_a_line(view, shown)) {
            let message = shown.state.message.as_str();
            let next_step = step_of(view, shown);
            let key = (shown.condition, shown.state.reason, next_step.as_ref().map(|_| message));
            let unproved = Unproved { condition: shown.condition, views: Vec::new(), message, next_step };
            alike.entry(key).or_insert(unproved).views.push(view);
        }
    }
    alike.into_values().collect()
}

fn is_worth_a_line(view: &IntegrationView, shown: &ConditionView) -> bool {
    let is_in_step = shown.condition == Condition::CredentialInStep;
    shown.state.truth == Truth::Unknown && (is_in_step || step_of(view, shown).is_some())
}

/// The next step of a condition that is unknown because its own endpoint did not answer.
pub(super) fn step_of(view: &IntegrationView, shown: &ConditionView) -> Option<String> {
    let is_unknown = shown.state.truth == Truth::Unknown;
    is_unknown.then(|| step_after_answer(shown.condition, shown.state.reason, view.identity.level)).flatten()
}
