//! The audit logs: what deeds leave behind, and the moods in which Snyk shows it.
//!
//! The shapes are those of `docs/apis/snyk.md`: an event of an integration names it by id or by type, one of the
//! Group's keeps the name of the Organization in the spelling of V1.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::switches::Availability;
use super::{Organization, OrganizationIntegration, World};
use crate::sandbox::ids;

/// How long Snyk keeps events.
pub(crate) const RETENTION: TimeDelta = TimeDelta::days(90);

/// Every event of all Groups and Organizations, and how the logs are shown.
#[derive(Debug)]
pub struct AuditLog {
    /// The events, oldest first; those older than 90 days are never shown.
    pub events: Vec<AuditEvent>,
    /// How events that are written from now on name their integration.
    pub naming: IntegrationNaming,
    /// Who does the deeds from now on, as `user_id`; none leaves the field out.
    pub user: Option<Uuid>,
    /// What a `from` of more than 90 days ago gets.
    pub before_retention: BeforeRetention,
    /// The span of time that one page covers at most; none where only the number of events cuts a page.
    pub bucket: Option<TimeDelta>,
    /// How a page without events looks.
    pub empty_page: EmptyPage,
    /// Which events of Organizations a Group's log shows beside its own; the vendor says "some".
    pub of_organizations: Vec<String>,
    /// Whether an Organization's log keeps to its Organization; where not, it has the events of the whole Group's.
    pub filter: Availability,
    /// Whether events tell their Organization.
    pub organization_named: Availability,
    /// Whether a cloned Organization's log tells of its integrations.
    pub clones: Availability,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            naming: IntegrationNaming::Id,
            user: Some(ids::uuid("organization admin")),
            before_retention: BeforeRetention::Clamped,
            bucket: None,
            empty_page: EmptyPage::EmptyItems,
            of_organizations: ["org.create", "org.delete"].map(str::to_owned).to_vec(),
            filter: Availability::Present,
            organization_named: Availability::Present,
            clones: Availability::Present,
        }
    }
}

/// How an event says which integration it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationNaming {
    /// `content.integrationPublicId`.
    Id,
    /// `content.sourceType`.
    SourceType,
    /// Both.
    Both,
    /// Neither.
    Unnamed,
}

/// What a search gets that begins before what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeRetention {
    /// The events that are kept.
    Clamped,
    /// 400.
    Refused,
    /// No event at all.
    Empty,
}

/// The `data` of a page without events; each is what the description allows, or was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyPage {
    /// `{"type": …, "items": []}`
    EmptyItems,
    /// `{"type": …}`
    WithoutItems,
    /// `{"type": …, "items": null}`
    NullItems,
    /// `[]`
    EmptyList,
}

/// A line of an audit log.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// When.
    pub created: DateTime<Utc>,
    /// What, such as `org.integration.edit`.
    pub event: String,
    /// The Group.
    pub group: Uuid,
    /// The Organization; none for an event of the Group alone.
    pub organization: Option<Uuid>,
    /// The project.
    pub project: Option<Uuid>,
    /// Who did it; none for Snyk itself.
    pub user: Option<Uuid>,
    /// Details.
    pub content: Value,
}

/// Where something happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) group: Uuid,
    pub(super) organization: Uuid,
}

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// Somebody with a user id.
    Person,
    /// Snyk itself: there is none.
    Snyk,
}

impl Organization {
    pub(super) fn place(&self) -> Place {
        Place { group: self.group, organization: self.id }
    }
}

impl World {
    /// Writes that an integration was made, saved, changed or deleted.
    pub(super) fn write_integration_event(
        &mut self,
        event: &str,
        place: Place,
        integration: &OrganizationIntegration,
        before: &Value,
        after: &Value,
    ) {
        let mut content = json!({ "interface": "ui", "before": before, "after": after });
        let (id, kind) = (json!(integration.id), json!(integration.integration_type));
        if let Some(content) = content.as_object_mut() {
            let naming = self.snyk.audit.naming;
            if matches!(naming, IntegrationNaming::Id | IntegrationNaming::Both) {
                content.insert("integrationPublicId".to_owned(), id);
            }
            if matches!(naming, IntegrationNaming::SourceType | IntegrationNaming::Both) {
                content.insert("sourceType".to_owned(), kind);
            }
        }
        self.write_event(event, place, None, Actor::Person, content);
    }

    /// Writes an event of an Organization.
    pub(super) fn write_event(
        &mut self,
        event: &str,
        place: Place,
        project: Option<Uuid>,
        actor: Actor,
        content: Value,
    ) {
        let user = self.snyk.audit.user.filter(|_| actor == Actor::Person);
        self.snyk.audit.events.push(AuditEvent {
            created: self.now,
            event: event.to_owned(),
            group: place.group,
            organization: Some(place.organization),
            project,
            user,
            content,
        });
    }

    /// Writes that an Organization came into its Group or left it; `event` is the Group's, such as `group.org.remove`.
    pub(super) fn write_membership_event(&mut self, event: &str, place: Place, name: &str) {
        let content = json!({ "orgName": name, "orgId": place.organization, "groupId": place.group });
        self.write_event(event, place, None, Actor::Person, content);
    }
}
