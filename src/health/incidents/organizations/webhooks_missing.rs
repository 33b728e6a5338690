//! Repositories have no active Snyk webhook.

use super::{Row, When};
use crate::domain::condition::Condition;
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::WebhooksMissing,
    when: When::False { condition: Condition::WebhooksInstalled, reason: None, judged_before: &[] },
    wrong: "Repositories have no active Snyk webhook, so that their pull requests are not checked,",
    next_step: "(Organization Admin) Import one of the listed repositories again: Snyk then installs its webhook, if the \
                PAT's account is administrator of the repository.",
    resolution: "the repositories without a webhook were seen with one",
};
