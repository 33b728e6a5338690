//! The copy of the PAT in Snyk is older than its rotation.

use super::{Row, When};
use crate::domain::condition::Condition;
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::CredentialOutOfStep,
    when: When::False { condition: Condition::CredentialInStep, reason: None, judged_before: &[] },
    wrong: "The PAT from before its rotation is still in use",
    next_step: "(Organization Admin) Open Integrations in each listed Organization and save the new PAT.",
    resolution: "the new PAT was saved everywhere",
};
