//! The audit logs: who changed what, and when. Organizations log their integrations; Groups do not.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::SnykClient;
use super::page::ItemsPage;
use crate::client::answer::{Failure, Walk, lenient};

/// One entry of an audit log.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AuditEvent {
    /// When it happened.
    #[serde(deserialize_with = "lenient::required_time")]
    pub created: DateTime<Utc>,
    /// What happened: `org.integration.edit`, `group.service_account.create`, …
    pub event: String,
    /// In which Organization.
    #[serde(default, deserialize_with = "lenient::text")]
    pub org_id: Option<String>,
    /// In which Group.
    #[serde(default, deserialize_with = "lenient::text")]
    pub group_id: Option<String>,
    /// About which project.
    #[serde(default, deserialize_with = "lenient::text")]
    pub project_id: Option<String>,
    /// What was changed; its keys are documented nowhere.
    #[serde(default)]
    content: Value,
}

impl AuditEvent {
    /// The integration that the event is about, when it says so.
    pub fn integration_id(&self) -> Option<&str> {
        self.content.get("integrationPublicId").and_then(Value::as_str)
    }

    /// The kind of integration that the event is about (`bitbucket-cloud`), when it says so.
    pub fn integration_type(&self) -> Option<&str> {
        let keys = ["integrationType", "type", "integration"];
        keys.iter().find_map(|key| self.content.get(*key).and_then(Value::as_str))
    }
}

impl SnykClient {
    /// The Group's audit log from `from` on, oldest first; only these events, or all but `api.access` when none is named.
    pub async fn group_audit_log(
        &self,
        group: Uuid,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        self.audit_log("groups", group, from, events).await
    }

    /// The Organization's audit log from `from` on, oldest first; only these events, or all but `api.access` when none
    /// is named.
    pub async fn organization_audit_log(
        &self,
        organization: Uuid,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        self.audit_log("orgs", organization, from, events).await
    }

    /// `from` is always sent: left out, it would be the start of yesterday.
    async fn audit_log(
        &self,
        level: &str,
        id: Uuid,
        from: DateTime<Utc>,
        events: &[&str],
    ) -> Result<Walk<AuditEvent>, Failure> {
        let from = from.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut parameters = vec![("from", from.as_str()), ("size", super::PAGE_SIZE), ("sort_order", "ASC")];
        parameters.extend(events.iter().map(|event| ("events", *event)));
        let call = self.get(&[level, &id.to_string(), "audit_logs", "search"], &parameters);
        self.rest.walk::<ItemsPage<AuditEvent>>(call, &self.authentication).await
    }
}
