//! Rules that wait for a second reading: the first one asks for it.

use chrono::TimeDelta;

use crate::domain::condition::Condition;
use crate::domain::kinds::{Level, Truth};
use crate::domain::state::{Change, Transition};
use crate::domain::work::{ProbeKind, Work, WorkSubject};

/// Two readings of one answer's hiccup are one reading: so far apart they are two.
pub const SECOND_READING_AFTER: TimeDelta = TimeDelta::minutes(30);

/// What to ask again [`SECOND_READING_AFTER`] these transitions.
pub fn second_readings(transitions: &[Transition]) -> Vec<Work> {
    let asks = |transition: &Transition| match &transition.change {
        Change::Condition {
            integration,
            condition: Condition::TestsCurrent | Condition::CredentialInStep,
            to: Truth::False,
            ..
        } if integration.level() == Level::Organization => {
            let subject = WorkSubject::Organization(integration.clone());
            Some(Work { kind: ProbeKind::Organization, subject })
        }
        _ => None,
    };
    transitions.iter().filter_map(asks).collect()
}
