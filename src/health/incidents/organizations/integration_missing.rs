//! The integration was there, or is required, and is not there.

use super::{Row, When};
use crate::domain::condition::Condition;
use crate::domain::incident::Rule;

pub(super) const ROW: Row = Row {
    rule: Rule::OrganizationIntegrationMissing,
    when: When::False { condition: Condition::IntegrationPresent, reason: None, judged_before: &[] },
    wrong: "The integration is missing, though it was there or is required,",
    next_step: "(Organization Admin) Open Integrations in each listed Organization and connect the Git host again; Snyk's \
                audit log (Settings > Audit logs) has who removed it and when.",
    resolution: "every Organization has the integration",
};
